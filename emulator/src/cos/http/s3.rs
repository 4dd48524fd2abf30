//! The S3-compatible API of COS: which requests use it, and the names that differ.
//!
//! A request with an AWS signature is one of S3. Its `x-amz-…` headers become those of COS as soon
//! as it is read, and those of its response become `x-amz-…` last, so everything in between knows
//! one set of names. <https://www.tencentcloud.com/document/product/436/32537>
//!
//! # Guarantees
//!
//! A header that neither COS has nor is known to change nothing is rejected, never ignored. So is
//! a repeated one, and one that is sent under both names.
//!
//! The crates `s3s` and `aws-sigv4` are not used: operations and XML are those of COS, and what is
//! left, the signature and the chunks it covers, decides about access.
//!
//! # Not covered
//!
//! Signature version 2.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use tencent::names::{Bucket, Region};

use super::copy_source::COPY_SOURCE;
use crate::cos::error::{self, CosError};

/// The API that a request uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Cos,
    S3,
}

/// The header with the hash of the body, or the way it is signed.
pub(crate) const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// The header with the length of a body that is sent in chunks.
pub(crate) const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

impl Api {
    /// The API of a request: S3 if it has anything of an AWS signature.
    pub(crate) fn of(headers: &HeaderMap, query: &str) -> Self {
        let signed = |value: &HeaderValue| value.as_bytes().starts_with(b"AWS4-");
        let is_signed = headers.get_all(header::AUTHORIZATION).iter().any(signed);
        let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
        let is_presigned = names.any(|name| {
            let name = percent_decode_str(name).decode_utf8_lossy();
            SIGNATURE_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(&name))
        });
        if is_signed || is_presigned { Self::S3 } else { Self::Cos }
    }

    /// The host as addresses are read. For an S3 client the bare address is an endpoint, whose
    /// path begins with a bucket.
    pub(crate) fn endpoint(self, host: &str) -> String {
        match (self, host.strip_prefix("127.0.0.1")) {
            (Self::S3, Some(port)) if port.is_empty() || port.starts_with(':') => {
                format!("localhost{port}")
            }
            _ => host.to_owned(),
        }
    }

    /// The name of a session token among the parameters.
    pub(crate) fn token_parameter(self) -> &'static str {
        match self {
            Self::Cos => "x-cos-security-token",
            Self::S3 => "X-Amz-Security-Token",
        }
    }

    /// Headers of a request under the names of COS. `region` is that of the bucket.
    pub(crate) fn headers(
        self,
        mut sent: HeaderMap,
        region: Option<&Region>,
    ) -> Result<HeaderMap, CosError> {
        if self == Self::Cos {
            return Ok(sent);
        }
        let names: Vec<HeaderName> =
            sent.keys().filter(|name| name.as_str().starts_with(AMAZON)).cloned().collect();
        let decoded_length = sent.get(DECODED_LENGTH).cloned();
        let is_chunked = sent
            .get(CONTENT_SHA256)
            .is_some_and(|value| value.as_bytes().starts_with(STREAMING.as_bytes()));
        for name in names {
            let Some(cos_name) = cos_name(&name)? else {
                sent.remove(&name);
                continue;
            };
            if sent.contains_key(&cos_name) {
                return Err(ambiguous(&format!("`{name}` and `{cos_name}` are one header")));
            }
            let mut values = sent.get_all(&name).iter();
            let value = values.next().cloned();
            if values.next().is_some() {
                return Err(ambiguous(&format!("the header `{name}` is repeated")));
            }
            sent.remove(&name);
            if let Some(value) = value {
                let value = cos_value(&cos_name, value, region)?;
                sent.insert(cos_name, value);
            }
        }
        if is_chunked {
            // What is stored has this length, so limits of the size are about it.
            let length = decoded_length.filter(is_number).ok_or_else(|| {
                error::missing_content_length().because(format!(
                    "{DECODED_LENGTH}: must be the length of the body without its chunk headers"
                ))
            })?;
            sent.insert(header::CONTENT_LENGTH, length);
            remove_aws_chunked(&mut sent)?;
        }
        Ok(sent)
    }

    /// Renames the headers of a response.
    pub(crate) fn rename(self, headers: &mut HeaderMap) {
        if self == Self::Cos {
            return;
        }
        let names: Vec<HeaderName> = headers.keys().cloned().collect();
        for name in names {
            let Some(rest) = name.as_str().strip_prefix(COS) else {
                continue;
            };
            let renamed = HeaderName::try_from(format!("{AMAZON}{rest}"));
            if let (false, Ok(renamed)) = (KEPT.contains(&rest), renamed)
                && let Some(value) = headers.get(&name).cloned()
            {
                headers.insert(renamed, value);
                if rest != REQUEST_ID {
                    headers.remove(&name);
                }
            }
        }
    }
}

/// Checks that a body is sent as COS accepts it: with its length, and without trailers (observed:
/// <https://github.com/infiniflow/ragflow/pull/15930>,
/// <https://github.com/milvus-io/milvus/issues/49977>). Inferred: the second code.
pub(crate) fn check_framing(sent: &HeaderMap) -> Result<(), CosError> {
    let remedy = "set request_checksum_calculation of an AWS SDK to when_required, as COS needs it";
    let payload = sent.get(CONTENT_SHA256).and_then(|value| value.to_str().ok());
    if sent.contains_key(header::TRANSFER_ENCODING) && !sent.contains_key(header::CONTENT_LENGTH) {
        return Err(error::missing_content_length().because(remedy));
    }
    match payload.filter(|payload| payload.ends_with("-TRAILER")) {
        Some(payload) => Err(CosError::new(
            StatusCode::BAD_REQUEST,
            "NotImplemented",
            format!("Aws MultiChunkedEncoding {payload} is not supported."),
        )
        .because(remedy)),
        None => Ok(()),
    }
}

/// The name that COS has for a header of S3; `None` for one that changes nothing.
fn cos_name(name: &HeaderName) -> Result<Option<HeaderName>, CosError> {
    let rest = name.as_str().strip_prefix(AMAZON).unwrap_or_default();
    if IGNORED.contains(&rest) || rest.starts_with("checksum-") {
        return Ok(None);
    }
    let is_known =
        RENAMED.contains(&rest) || RENAMED_STARTS.iter().any(|start| rest.starts_with(start));
    let renamed = HeaderName::try_from(format!("{COS}{rest}")).ok().filter(|_| is_known);
    renamed.map(Some).ok_or_else(|| {
        error::not_implemented("A header")
            .because(format!("{name}: must be omitted: it is not supported"))
    })
}

/// The value that COS has for a value of S3.
fn cos_value(
    name: &HeaderName,
    value: HeaderValue,
    region: Option<&Region>,
) -> Result<HeaderValue, CosError> {
    let Ok(text) = value.to_str() else {
        return Ok(value);
    };
    let text = match name.as_str() {
        "x-cos-metadata-directive" | "x-cos-tagging-directive"
            if text.eq_ignore_ascii_case("REPLACE") =>
        {
            "Replaced".to_owned()
        }
        // A directive of COS is not one of S3.
        "x-cos-metadata-directive" | "x-cos-tagging-directive"
            if !text.eq_ignore_ascii_case("COPY") =>
        {
            return Err(error::invalid_argument("Unknown metadata directive."));
        }
        COPY_SOURCE => match copy_source(text, region) {
            Some(source) => source,
            None => {
                return Err(error::invalid_copy_source().because(
                    "x-amz-copy-source: must be a bucket and a key, \
                     for example examplebucket-1250000000/a.txt",
                ));
            }
        },
        _ => return Ok(value),
    };
    HeaderValue::from_str(&text)
        .map_err(|_| error::invalid_argument("A header value is not valid."))
}

/// `bucket/key`, with a `/` before it or without, as COS writes it. Inferred: the source is in the
/// region of the target.
fn copy_source(text: &str, region: Option<&Region>) -> Option<String> {
    let (bucket, key) = text.strip_prefix('/').unwrap_or(text).split_once('/')?;
    let bucket = Bucket::parse(&percent_decode_str(bucket).decode_utf8_lossy()).ok()?;
    Some(format!("{bucket}.cos.{}.myqcloud.com/{key}", region?.as_str()))
}

/// Removes the encoding that describes only how a body is sent.
fn remove_aws_chunked(headers: &mut HeaderMap) -> Result<(), CosError> {
    let Some(encodings) = headers.remove(header::CONTENT_ENCODING) else {
        return Ok(());
    };
    let invalid = |_| error::invalid_argument("The Content-Encoding is not valid.");
    let text = std::str::from_utf8(encodings.as_bytes()).map_err(|_| invalid(()))?;
    let rest: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("aws-chunked") && !encoding.is_empty())
        .collect();
    if !rest.is_empty() {
        let value = HeaderValue::from_str(&rest.join(",")).map_err(|_| invalid(()))?;
        headers.insert(header::CONTENT_ENCODING, value);
    }
    Ok(())
}

fn is_number(value: &HeaderValue) -> bool {
    let digits = value.as_bytes();
    (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

fn ambiguous(reason: &str) -> CosError {
    error::invalid_argument("The request is ambiguous.").because(reason)
}

/// The start of each way to sign a body in chunks.
pub(crate) const STREAMING: &str = "STREAMING-";

/// The parameters of an AWS signature.
pub(crate) const SIGNATURE_PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];

const AMAZON: &str = "x-amz-";
const COS: &str = "x-cos-";

/// Headers of requests that COS has under its own name.
const RENAMED: [&str; 10] = [
    "acl",
    "copy-source",
    "copy-source-range",
    "metadata-directive",
    "security-token",
    "server-side-encryption",
    "storage-class",
    "tagging",
    "tagging-directive",
    "website-redirect-location",
];

/// The starts of others. Those of encryption by own keys and of object locks are rejected later.
const RENAMED_STARTS: [&str; 6] = [
    "copy-source-if-",
    "copy-source-server-side-encryption-",
    "grant-",
    "meta-",
    "object-lock-",
    "server-side-encryption-",
];

/// Headers of signatures, bodies and checksums, which other code reads as they were sent, and names
/// of clients.
const IGNORED: [&str; 6] = [
    "content-sha256",
    "date",
    "decoded-content-length",
    "sdk-checksum-algorithm",
    "trailer",
    "user-agent",
];

/// Headers of responses that keep their name: clients of the S3 API know no such header.
const KEPT: [&str; 3] = ["emulator-reason", "hash-crc64ecma", "trace-id"];

/// The request id has both names: S3 clients read one, and the log of decisions the other.
const REQUEST_ID: &str = "request-id";

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use tencent::names::Region;

    use super::Api;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn renamed(pairs: &[(&str, &str)]) -> Result<HeaderMap, &'static str> {
        let region = Region::parse("ap-guangzhou").unwrap();
        Api::S3.headers(headers(pairs), Some(&region)).map_err(|error| error.code)
    }

    #[test]
    fn anything_of_an_aws_signature_is_s3() {
        for (authorization, query, is_s3) in [
            ("AWS4-HMAC-SHA256 Credential=", "", true),
            ("AWS4-ECDSA-P256-SHA256 Credential=", "", true),
            ("q-sign-algorithm=sha1", "X-Amz-Signature=", true),
            ("", "a=b&x-amz-credential=c", true),
            ("", "X-Amz%2DAlgorithm", true),
            ("AWS AKID:x", "", false),
            ("q-sign-algorithm=sha1", "x-id=GetObject", false),
            ("", "x-amz-acl=private", false),
        ] {
            let headers = headers(&[("authorization", authorization)]);
            let api = Api::of(&headers, query);
            assert_eq!(api == Api::S3, is_s3, "{authorization} {query}");
        }
    }

    #[test]
    fn the_bare_address_is_an_endpoint_of_s3() {
        for (host, expected) in [
            ("127.0.0.1:5001", "localhost:5001"),
            ("127.0.0.1", "localhost"),
            ("127.0.0.12", "127.0.0.12"),
            ("localhost:1", "localhost:1"),
        ] {
            assert_eq!(Api::S3.endpoint(host), expected);
            assert_eq!(Api::Cos.endpoint(host), host);
        }
    }

    #[test]
    fn headers_of_requests_get_the_names_of_cos() {
        let sent = [
            ("content-type", "text/plain"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-meta-a", "1"),
            ("x-amz-acl", "private"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("x-amz-copy-source", "/b-1250000000/a%20b?versionId=1"),
        ];
        let expected = [
            ("content-type", "text/plain"),
            ("x-cos-meta-a", "1"),
            ("x-cos-acl", "private"),
            ("x-cos-metadata-directive", "Replaced"),
            ("x-cos-copy-source", "b-1250000000.cos.ap-guangzhou.myqcloud.com/a%20b?versionId=1"),
        ];
        assert_eq!(renamed(&sent).unwrap(), headers(&expected));
        assert_eq!(Api::Cos.headers(headers(&sent), None).unwrap(), headers(&sent));
    }

    #[test]
    fn a_body_in_chunks_has_its_own_length_and_encoding() {
        let streaming = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let length = ("x-amz-decoded-content-length", "5");
        for (encoding, stored) in [
            ("aws-chunked", None),
            ("aws-chunked,gzip", Some("gzip")),
            ("gzip, AWS-Chunked", Some("gzip")),
        ] {
            let sent =
                [streaming, length, ("content-length", "90"), ("content-encoding", encoding)];
            let headers = renamed(&sent).unwrap();
            assert_eq!(headers["content-length"], "5");
            let kept = headers.get("content-encoding").map(|value| value.to_str().unwrap());
            assert_eq!(kept, stored);
        }
        let plain = [("content-length", "5"), ("content-encoding", "aws-chunked")];
        assert_eq!(renamed(&plain).unwrap(), headers(&plain));
    }

    #[test]
    fn headers_of_s3_that_are_rejected() {
        let streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        for (sent, code) in [
            (&[("x-amz-acl", "private"), ("x-cos-acl", "public-read")][..], "InvalidArgument"),
            (&[("x-amz-acl", "private"), ("x-amz-acl", "public-read")], "InvalidArgument"),
            (&[("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")], "InvalidArgument"),
            (&[("x-amz-metadata-directive", "Replaced")], "InvalidArgument"),
            (&[("x-amz-copy-source", "key")], "InvalidCopySource"),
            (&[("x-amz-copy-source", "no-appid/key")], "InvalidCopySource"),
            (
                &[("x-amz-copy-source", "b-1250000000.cos.ap-guangzhou.myqcloud.com/key")],
                "InvalidCopySource",
            ),
            (&[("x-amz-expected-bucket-owner", "1")], "NotImplemented"),
            (&[("x-amz-mfa", "1")], "NotImplemented"),
            (&[("x-amz-write-offset-bytes", "1")], "NotImplemented"),
            (&[streaming], "MissingContentLength"),
            (&[streaming, ("x-amz-decoded-content-length", "-1")], "MissingContentLength"),
            (&[streaming, ("x-amz-decoded-content-length", "5 ")], "MissingContentLength"),
        ] {
            assert_eq!(renamed(sent), Err(code), "{sent:?}");
        }
    }

    #[test]
    fn headers_of_responses_get_the_names_of_s3() {
        let sent = [
            ("etag", "\"1\""),
            ("x-cos-meta-a", "1"),
            ("x-cos-version-id", "2"),
            ("x-cos-request-id", "3"),
            ("x-cos-emulator-reason", "4"),
        ];
        let expected = [
            ("etag", "\"1\""),
            ("x-amz-meta-a", "1"),
            ("x-amz-version-id", "2"),
            ("x-cos-request-id", "3"),
            ("x-amz-request-id", "3"),
            ("x-cos-emulator-reason", "4"),
        ];
        let mut response = headers(&sent);
        Api::Cos.rename(&mut response);
        assert_eq!(response, headers(&sent));
        Api::S3.rename(&mut response);
        assert_eq!(response, headers(&expected));
    }
}
