//! AWS4-HMAC-SHA256, the signature of S3 clients, which COS accepts too
//! (<https://www.tencentcloud.com/document/product/436/32537>).
//!
//! Protocol: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>; bodies
//! in chunks: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>; with trailers:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>.
//!
//! ```text
//! CanonicalRequest = METHOD \n path \n query \n headers \n SignedHeaders \n payload
//! StringToSign     = AWS4-HMAC-SHA256 \n time \n scope \n hex(SHA256(CanonicalRequest))
//! SigningKey       = HMAC(HMAC(HMAC(HMAC("AWS4" + SecretKey, date), region), "s3"), "aws4_request")
//! Signature        = hex(HMAC(SigningKey, StringToSign))
//! ```
//!
//! # Guarantees
//! Derived keys are wiped when dropped.
//!
//! # Not covered
//! Signature version 2, and version 4a with its asymmetric keys.

use zeroize::Zeroizing;

use super::digest::{HmacState, hmac_sha256, sha256_hex};
use crate::percent::percent_encode;
use crate::secret::Secret;

/// The name of the algorithm in the header and in the string to sign.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service in each credential scope.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub const SERVICE: &str = "s3";

/// The end of each credential scope.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub const TERMINATOR: &str = "aws4_request";

/// The signed parts of an HTTP request.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
#[derive(Clone, Copy, Debug)]
pub struct CanonicalRequest<'a> {
    /// For example `GET`.
    pub method: &'a str,
    /// As [`canonical_path`] writes it.
    pub path: &'a str,
    /// As [`canonical_query`] writes it.
    pub query: &'a str,
    /// Lower-case names and their values, sorted by name; `host` is required.
    pub headers: &'a [(&'a str, &'a str)],
    /// What `x-amz-content-sha256` contains: the hash of the body in hex, or the way it is signed.
    pub payload: &'a str,
}

impl CanonicalRequest<'_> {
    /// Step 1: the canonical request.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
    pub fn to_text(&self) -> String {
        let mut text = [self.method, "\n", self.path, "\n", self.query, "\n"].concat();
        for (name, value) in self.headers {
            text.push_str(name);
            text.push(':');
            for (position, word) in value.split_ascii_whitespace().enumerate() {
                text.push_str(if position > 0 { " " } else { "" });
                text.push_str(word);
            }
            text.push('\n');
        }
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        text + "\n" + &names.join(";") + "\n" + self.payload
    }
}

/// A decoded path as it is signed: each segment percent-encoded once, and nothing merged.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub fn canonical_path(path: &str) -> String {
    let segments: Vec<String> =
        path.split('/').map(|segment| percent_encode(segment).to_string()).collect();
    segments.join("/")
}

/// Decoded parameters as they are signed: percent-encoded, in order of their encoded names.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
pub fn canonical_query<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(String, String)> = parameters
        .map(|(name, value)| (percent_encode(name).to_string(), percent_encode(value).to_string()))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Signs everything of one moment and scope: a request, and the chunks of its body.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
#[expect(missing_debug_implementations, reason = "a key cannot be formatted, not even redacted")]
pub struct Signer {
    time: String,
    scope: String,
    key: HmacState,
}

impl Signer {
    /// Derives the key. `time` is as `20130524T000000Z`, and `date` is its first part.
    pub fn new(secret_key: &Secret, time: &str, date: &str, region: &str) -> Self {
        let mut start =
            Zeroizing::new(Vec::with_capacity(4_usize.saturating_add(secret_key.expose().len())));
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret_key.expose().as_bytes());
        let mut key = hmac_sha256(&start, date.as_bytes());
        for name in [region, SERVICE, TERMINATOR] {
            key = hmac_sha256(&*key, name.as_bytes());
        }
        Self {
            time: time.to_owned(),
            scope: [date, region, SERVICE, TERMINATOR].join("/"),
            key: HmacState::new(&*key),
        }
    }

    /// The credential scope, `date/region/s3/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Step 2 for a request.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
    pub fn string_to_sign(&self, canonical_request: &str) -> String {
        self.text(ALGORITHM, &[&sha256_hex(canonical_request.as_bytes())])
    }

    /// Step 2 for a chunk, with the signature before it and the hash of its bytes in hex.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>
    pub fn chunk_string_to_sign(&self, previous: &str, hashed_chunk: &str) -> String {
        self.text("AWS4-HMAC-SHA256-PAYLOAD", &[previous, &sha256_hex(b""), hashed_chunk])
    }

    /// Step 2 for the trailers, each as `name:value` with a line feed.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>
    pub fn trailer_string_to_sign(&self, previous: &str, trailers: &str) -> String {
        self.text("AWS4-HMAC-SHA256-TRAILER", &[previous, &sha256_hex(trailers.as_bytes())])
    }

    /// Step 3: the signature of a string to sign, in lower-case hex.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
    pub fn sign(&self, string_to_sign: &str) -> String {
        self.key.sign_hex(string_to_sign.as_bytes())
    }

    fn text(&self, algorithm: &str, rest: &[&str]) -> String {
        let mut lines = vec![algorithm, self.time.as_str(), self.scope.as_str()];
        lines.extend(rest);
        lines.join("\n")
    }
}

/// The examples of the protocol's pages.
#[cfg(test)]
mod tests {
    use super::{CanonicalRequest, Signer, canonical_path, canonical_query};
    use crate::secret::Secret;
    use crate::sign::digest::sha256_hex;

    const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
    const TIME: (&str, &str) = ("x-amz-date", "20130524T000000Z");
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const REDUCED: (&str, &str) = ("x-amz-storage-class", "REDUCED_REDUNDANCY");

    fn signer() -> Signer {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
        Signer::new(&Secret::new(secret).unwrap(), TIME.1, "20130524", "us-east-1")
    }

    fn signature(request: &CanonicalRequest<'_>) -> String {
        let signer = signer();
        signer.sign(&signer.string_to_sign(&request.to_text()))
    }

    #[test]
    fn requests_signed_in_a_header() {
        let get = CanonicalRequest {
            method: "GET",
            path: "/",
            query: "",
            headers: &[HOST, ("x-amz-content-sha256", EMPTY), TIME],
            payload: EMPTY,
        };
        let range = CanonicalRequest {
            path: "/test.txt",
            headers: &[HOST, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY), TIME],
            ..get
        };
        assert_eq!(
            sha256_hex(range.to_text().as_bytes()),
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
        );
        assert_eq!(
            signature(&range),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let body = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        let put = CanonicalRequest {
            method: "PUT",
            path: &canonical_path("/test$file.text"),
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                HOST,
                ("x-amz-content-sha256", body),
                TIME,
                REDUCED,
            ],
            payload: body,
            ..get
        };
        assert_eq!(
            signature(&put),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let lifecycle =
            CanonicalRequest { query: &canonical_query([("lifecycle", "")].into_iter()), ..get };
        assert_eq!(
            signature(&lifecycle),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        let query = canonical_query([("prefix", "J"), ("max-keys", "2")].into_iter());
        let list = CanonicalRequest { query: &query, ..get };
        assert_eq!(
            signature(&list),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn a_request_signed_in_its_query() {
        let query = canonical_query(
            [
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"),
                ("X-Amz-Date", TIME.1),
                ("X-Amz-Expires", "86400"),
                ("X-Amz-SignedHeaders", "host"),
            ]
            .into_iter(),
        );
        let request = CanonicalRequest {
            method: "GET",
            path: "/test.txt",
            query: &query,
            headers: &[HOST],
            payload: "UNSIGNED-PAYLOAD",
        };
        assert_eq!(
            signature(&request),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    /// 65 KiB of the letter `a` in chunks of 64 KiB, 1 KiB and nothing.
    fn chunks(request: &CanonicalRequest<'_>, expected: [&str; 4]) -> (Signer, String) {
        let signer = signer();
        let mut previous = signature(request);
        assert_eq!(previous, expected[0]);
        for (length, expected) in [65_536, 1024, 0].into_iter().zip(&expected[1..]) {
            let hashed = sha256_hex("a".repeat(length).as_bytes());
            previous = signer.sign(&signer.chunk_string_to_sign(&previous, &hashed));
            assert_eq!(previous, *expected);
        }
        (signer, previous)
    }

    #[test]
    fn a_body_in_chunks() {
        let payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
        let request = CanonicalRequest {
            method: "PUT",
            path: "/examplebucket/chunkObject.txt",
            query: "",
            headers: &[
                ("content-encoding", "aws-chunked"),
                ("content-length", "66824"),
                ("host", "s3.amazonaws.com"),
                ("x-amz-content-sha256", payload),
                TIME,
                ("x-amz-decoded-content-length", "66560"),
                REDUCED,
            ],
            payload,
        };
        chunks(
            &request,
            [
                "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            ],
        );
    }

    #[test]
    fn a_body_in_chunks_with_a_trailer() {
        let payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
        let request = CanonicalRequest {
            method: "PUT",
            path: "/examplebucket/chunkObject.txt",
            query: "",
            headers: &[
                ("content-encoding", "aws-chunked"),
                ("host", "s3.amazonaws.com"),
                ("x-amz-content-sha256", payload),
                TIME,
                ("x-amz-decoded-content-length", "66560"),
                REDUCED,
                ("x-amz-trailer", "x-amz-checksum-crc32c"),
            ],
            payload,
        };
        let (signer, previous) = chunks(
            &request,
            [
                "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
                "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            ],
        );
        let text = signer.trailer_string_to_sign(&previous, "x-amz-checksum-crc32c:sOO8/Q==\n");
        assert_eq!(
            signer.sign(&text),
            "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
        );
    }

    #[test]
    fn each_text_has_one_spelling() {
        assert_eq!(canonical_path("/a b//中+*/"), "/a%20b//%E4%B8%AD%2B%2A/");
        let query = [("prefix", "a/b c"), ("a-", "1"), ("a", ""), ("A", "é")];
        assert_eq!(canonical_query(query.into_iter()), "A=%C3%A9&a=&a-=1&prefix=a%2Fb%20c");
    }
}
