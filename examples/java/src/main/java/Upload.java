import com.qcloud.cos.COSClient;
import com.qcloud.cos.ClientConfig;
import com.qcloud.cos.auth.COSCredentialsProvider;
import com.qcloud.cos.auth.HttpCredentialsEndpointProvider;
import com.qcloud.cos.auth.InstanceCredentialsFetcher;
import com.qcloud.cos.auth.InstanceCredentialsProvider;
import com.qcloud.cos.endpoint.EndpointResolver;
import com.qcloud.cos.exception.CosClientException;
import com.qcloud.cos.http.HttpProtocol;
import com.qcloud.cos.model.PutObjectRequest;
import com.qcloud.cos.region.Region;
import com.qcloud.cos.transfer.TransferManager;
import java.io.File;
import java.net.URI;
import java.util.Map;

/**
 * Uploads a file to COS with a credential of cos-issuer.
 *
 * <pre>COS_ADDRESS=127.0.0.1:5001 mvn -q compile exec:java -Dexec.args="photo.jpg users/1/photo.jpg"</pre>
 *
 * Settings: ../README.md
 */
public final class Upload {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: Upload FILE KEY");
            System.exit(2);
        }
        String bucket = setting("BUCKET", "examplebucket-1250000000");
        COSClient cos = new COSClient(credentials(), config());
        TransferManager transfers = new TransferManager(cos);
        try {
            // In parts, when the file is large.
            transfers.upload(new PutObjectRequest(bucket, arguments[1], new File(arguments[0])))
                    .waitForUploadResult();
            System.out.println("uploaded " + arguments[1]);
        } catch (CosClientException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        } finally {
            transfers.shutdownNow(true);
        }
    }

    /** The SDK's own provider fetches a credential, and a new one when a fifth of its life is left. */
    private static COSCredentialsProvider credentials() {
        URI issuer = URI.create(setting("ISSUER_URL", "http://127.0.0.1:5000/sts"));
        String token = System.getenv("ISSUER_TOKEN");
        Map<String, String> headers = token == null ? Map.of() : Map.of("Authorization", "Bearer " + token);
        String server = issuer.getScheme() + "://" + issuer.getAuthority();
        // This provider reads the format of a CVM's metadata service.
        String path = issuer.getPath() + "?format=cvm";
        return new InstanceCredentialsProvider(
                new InstanceCredentialsFetcher(new HttpCredentialsEndpointProvider(server, path, headers)));
    }

    private static ClientConfig config() {
        ClientConfig config = new ClientConfig(new Region(setting("REGION", "ap-guangzhou")));
        String local = System.getenv("COS_ADDRESS");
        if (local != null) {
            // The local cloud: the real host name, another address.
            config.setHttpProtocol(HttpProtocol.http);
            config.setEndpointResolver(new EndpointResolver() {
                @Override
                public String resolveGeneralApiEndpoint(String host) {
                    return local;
                }

                @Override
                public String resolveGetServiceApiEndpoint(String host) {
                    return local;
                }
            });
        }
        return config;
    }

    private static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }
}
