// A test of an app that uses the recipe of docs/en/test-in-ci.md.

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LocalCloud.class)
class AppTest {
    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
    }

    private static HttpRequest.Builder clock() {
        return HttpRequest.newBuilder(URI.create(LocalCloud.get("adminUrl") + "/clock"))
            .header("Authorization", "Bearer " + LocalCloud.get("adminToken"))
            .header("Content-Type", "application/json");
    }

    @Test
    void aCredentialIsIssued() throws Exception {
        HttpRequest.Builder sign = HttpRequest.newBuilder(URI.create(LocalCloud.get("gatewayUrl") + "/sign"));
        assertEquals(200, send(sign).statusCode());
        assertTrue(LocalCloud.get("cosUrl").startsWith("http://127.0.0.1:"));
        assertThrows(IllegalArgumentException.class, () -> LocalCloud.get("nothing"));
    }

    @Test
    void theClockIsBackAfterAReset() throws Exception {
        assertEquals(200, send(clock().POST(BodyPublishers.ofString("{\"advance\":\"31m\"}"))).statusCode());
        String moved = send(clock()).body();
        assertTrue(offset(moved) >= 1800, moved);
        LocalCloud.reset();
        String back = send(clock()).body();
        assertTrue(offset(back) < 60, back);
    }

    private static double offset(String clock) {
        return Double.parseDouble(clock.replaceAll("(?s).*\"offsetSeconds\":\\s*(-?[0-9.]+).*", "$1"));
    }
}
