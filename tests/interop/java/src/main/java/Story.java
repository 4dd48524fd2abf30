import com.qcloud.cos.COSClient;
import com.qcloud.cos.ClientConfig;
import com.qcloud.cos.auth.HttpCredentialsEndpointProvider;
import com.qcloud.cos.auth.InstanceCredentialsFetcher;
import com.qcloud.cos.auth.InstanceCredentialsProvider;
import com.qcloud.cos.endpoint.EndpointResolver;
import com.qcloud.cos.exception.CosServiceException;
import com.qcloud.cos.http.HttpProtocol;
import com.qcloud.cos.model.COSObjectSummary;
import com.qcloud.cos.model.GetObjectRequest;
import com.qcloud.cos.model.ObjectMetadata;
import com.qcloud.cos.region.Region;
import com.qcloud.cos.transfer.TransferManager;
import com.qcloud.cos.transfer.TransferManagerConfiguration;
import com.tencentcloudapi.common.Credential;
import com.tencentcloudapi.common.exception.TencentCloudSDKException;
import com.tencentcloudapi.common.profile.ClientProfile;
import com.tencentcloudapi.common.profile.HttpProfile;
import com.tencentcloudapi.sts.v20180813.StsClient;
import com.tencentcloudapi.sts.v20180813.models.GetFederationTokenRequest;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Drives the vendor's Java SDKs, unmodified: a credential from the function by the SDK's own HTTP
 * provider, uploads whole and in parts, a listing, a ranged download, refusals, and the STS SDK
 * against the local STS.
 *
 * <p>Prints one line for each check that holds, and ends with status 1 at the first that does not.
 */
public final class Story {
    private static final String PREFIX = "users/1/java/";
    private static final String BUCKET = System.getenv("BUCKET");

    public static void main(String[] arguments) throws Exception {
        try {
            objects();
            federation();
        } catch (Exception error) {
            check("nothing else fails", false, error);
        }
        System.exit(0);
    }

    private static void objects() throws Exception {
        COSClient cos = connect();
        byte[] small = pattern(1000);
        byte[] large = pattern(12 * 1024 * 1024 + 1);

        ObjectMetadata metadata = new ObjectMetadata();
        metadata.setContentLength(small.length);
        cos.putObject(BUCKET, PREFIX + "small.bin", new ByteArrayInputStream(small), metadata);
        check("a small object is uploaded", true);

        File file = File.createTempFile("cos-story", null);
        file.deleteOnExit();
        Files.write(file.toPath(), large);
        TransferManager transfers = new TransferManager(cos);
        TransferManagerConfiguration parts = new TransferManagerConfiguration();
        parts.setMultipartUploadThreshold(5 * 1024 * 1024);
        parts.setMinimumUploadPartSize(5 * 1024 * 1024);
        transfers.setConfiguration(parts);
        String uploaded = transfers.upload(BUCKET, PREFIX + "large.bin", file).waitForUploadResult().getETag();
        check("a large object is uploaded in parts", uploaded.endsWith("-3"), uploaded);

        String listed = cos.listObjects(BUCKET, PREFIX).getObjectSummaries().stream()
                .map(COSObjectSummary::getKey)
                .map(key -> key.substring(PREFIX.length()))
                .collect(Collectors.joining(" "));
        check("both are listed", listed.equals("large.bin small.bin"), listed);

        GetObjectRequest range = new GetObjectRequest(BUCKET, PREFIX + "large.bin");
        range.setRange(1048570, 1048589);
        byte[] part = cos.getObject(range).getObjectContent().readAllBytes();
        check("the range has its bytes", Arrays.equals(part, Arrays.copyOfRange(large, 1048570, 1048590)));

        refused("an upload outside the grant is refused", "AccessDenied",
                () -> cos.putObject(BUCKET, "secret/a.txt", new ByteArrayInputStream(small), metadata));
        refused("an action outside the grant is refused", "AccessDenied", () -> cos.deleteBucket(BUCKET));
        transfers.shutdownNow(true);
    }

    private static COSClient connect() {
        URI issuer = URI.create(System.getenv("ISSUER_URL"));
        String server = issuer.getScheme() + "://" + issuer.getAuthority();
        ClientConfig config = new ClientConfig(new Region(System.getenv("REGION")));
        config.setHttpProtocol(HttpProtocol.http);
        config.setEndpointResolver(new EndpointResolver() {
            @Override
            public String resolveGeneralApiEndpoint(String host) {
                return System.getenv("COS_ADDRESS");
            }

            @Override
            public String resolveGetServiceApiEndpoint(String host) {
                return System.getenv("COS_ADDRESS");
            }
        });
        return new COSClient(new InstanceCredentialsProvider(new InstanceCredentialsFetcher(
                new HttpCredentialsEndpointProvider(server, issuer.getPath() + "?format=cvm", Map.of()))), config);
    }

    /** The SDK of STS signs and asks the local STS itself. */
    private static void federation() throws Exception {
        String refusal = ask(System.getenv("SECRET_KEY"));
        check("the STS SDK gets a federation token", refusal == null, refusal);
        String code = ask("another-key");
        check("a wrong signature is refused", "AuthFailure.SignatureFailure".equals(code), code);
    }

    /** Returns the code of a refusal, or what else failed; null when nothing did. */
    private static String ask(String secretKey) throws Exception {
        HttpProfile http = new HttpProfile();
        http.setProtocol(HttpProfile.REQ_HTTP);
        // As a proxy, since the SDK signs the first label of the endpoint's name as the service.
        http.setProxyHost(URI.create(System.getenv("STS_URL")).getHost());
        http.setProxyPort(URI.create(System.getenv("STS_URL")).getPort());
        ClientProfile profile = new ClientProfile();
        profile.setHttpProfile(http);
        Credential key = new Credential(System.getenv("SECRET_ID"), secretKey);
        GetFederationTokenRequest request = new GetFederationTokenRequest();
        request.setName("story");
        request.setPolicy(URLEncoder.encode(
                "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"name/cos:GetObject\"],\"resource\":[\"*\"]}]}",
                StandardCharsets.UTF_8));
        try {
            new StsClient(key, System.getenv("REGION"), profile).GetFederationToken(request);
            return null;
        } catch (TencentCloudSDKException refused) {
            String code = refused.getErrorCode();
            return code == null || code.isEmpty() ? refused.toString() : code;
        }
    }

    private static void refused(String name, String code, Runnable call) {
        try {
            call.run();
        } catch (CosServiceException refused) {
            check(name, refused.getErrorCode().equals(code), refused.getErrorCode());
            return;
        }
        check(name, false, "it was allowed");
    }

    private static byte[] pattern(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8) * 7);
        }
        return bytes;
    }

    private static void check(String name, boolean holds, Object... details) {
        System.out.println((holds ? "ok " : "FAILED ") + name + (holds ? "" : ": " + Arrays.toString(details)));
        if (!holds) {
            System.exit(1);
        }
    }
}
