//! S3 clients over real sockets: requests signed with version 4 by a temporary key, and bodies in
//! chunks. `tests/e2e/tests/s3_clients.rs` has a real client.

use std::convert::Infallible;

use bytes::Bytes;
use cos_emulator::{Cloud, CloudBuilder};
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::Response;
use tencent::sign::aws4::{CanonicalRequest, Signer, canonical_path, canonical_query};
use tencent::sign::digest::sha256_hex;
use tencent::time::Clock as _;

use crate::cos_caller::{Caller, TARGET, is, status_and_code};
use crate::support::{plain_client, secret, sts_only};

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";
const PAYLOAD: &str = "x-amz-content-sha256";
const LENGTH: &str = "x-amz-decoded-content-length";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILERS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILERS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const TRAILER: &str = "x-amz-trailer";

/// A request of an S3 client.
struct S3<'a> {
    cloud: &'a Cloud,
    by: &'a Caller,
    method: &'a str,
    target: &'a str,
    host: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    signer: Signer,
    time: String,
}

impl<'a> S3<'a> {
    fn new(cloud: &'a Cloud, by: &'a Caller, method: &'a str, target: &'a str) -> Self {
        let time = cloud.clock().now().iso_8601().replace(['-', ':'], "");
        let signer = Signer::new(
            &secret(&by.pair.secret_key),
            &time,
            time.split_once('T').unwrap().0,
            "auto",
        );
        let headers = Vec::new();
        Self { cloud, by, method, target, host: HOST, headers, signer, time }
    }

    fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The headers to send, and the signature.
    fn signed(&self) -> (Vec<(&str, String)>, String) {
        let mut headers: Vec<(&str, &str)> = self.headers.clone();
        headers.extend([("host", self.host), ("x-amz-date", self.time.as_str())]);
        if !headers.iter().any(|(name, _)| *name == PAYLOAD) {
            headers.push((PAYLOAD, "UNSIGNED-PAYLOAD"));
        }
        headers.extend(self.by.token.as_deref().map(|token| ("x-amz-security-token", token)));
        headers.sort_unstable();
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let payload = headers.iter().find(|(name, _)| *name == PAYLOAD).unwrap().1;
        let canonical = CanonicalRequest {
            method: self.method,
            path: &canonical_path(path),
            query: &canonical_query(pairs),
            headers: &headers,
            payload,
        };
        let signature = self.signer.sign(&self.signer.string_to_sign(&canonical.to_text()));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.by.pair.secret_id,
            self.signer.scope(),
            names.join(";"),
        );
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        (headers.chain([("authorization", authorization)]).collect(), signature)
    }

    async fn send(&self, body: impl Into<reqwest::Body>) -> Response {
        let url = format!("{}{}", self.cloud.cos().http_url(), self.target);
        let request = plain_client().request(self.method.parse().unwrap(), url);
        let (headers, _) = self.signed();
        let request =
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(body).send().await.unwrap()
    }

    /// The body of `chunks`, each with its signature, and `trailer` unless it is empty.
    fn chunks(&self, chunks: &[&str], trailer: &str) -> String {
        let (_, mut previous) = self.signed();
        let mut body = String::new();
        for chunk in chunks.iter().chain([&""]) {
            let hashed = sha256_hex(chunk.as_bytes());
            previous = self.signer.sign(&self.signer.chunk_string_to_sign(&previous, &hashed));
            let end = if chunk.is_empty() { "" } else { "\r\n" };
            body += &format!("{:x};chunk-signature={previous}\r\n{chunk}{end}", chunk.len());
        }
        if !trailer.is_empty() {
            let text = self.signer.trailer_string_to_sign(&previous, &format!("{trailer}\n"));
            let signature = self.signer.sign(&text);
            body += &format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n");
        }
        body + "\r\n"
    }
}

/// A cloud where trailers are allowed, with a key for one prefix.
async fn with_trailers() -> (Cloud, Caller) {
    let cloud = CloudBuilder::s3_trailers(Cloud::builder()).start().await.unwrap();
    let by = Caller::of(&cloud).await;
    (cloud, by)
}

/// The object, or the code of the error.
async fn stored(cloud: &Cloud, by: &Caller) -> String {
    let (_, text) = by.get(cloud).await;
    text
}

#[tokio::test]
async fn s3_clients_over_http() {
    let cloud = sts_only().await;
    let by = Caller::of(&cloud).await;
    let hello = sha256_hex(b"hello");
    let put = S3::new(&cloud, &by, "PUT", TARGET)
        .header(PAYLOAD, &hello)
        .header("x-amz-meta-a", "1")
        .header("x-amz-checksum-crc32", "NhCmhg==");
    let answer = put.send("hello").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-amz-request-id"], answer.headers()["x-cos-request-id"]);
    // What one API stored, the other reads.
    let answer = S3::new(&cloud, &by, "GET", TARGET).send("").await;
    assert_eq!(answer.headers()["x-amz-meta-a"], "1");
    assert!(!answer.headers().contains_key("x-cos-meta-a"));
    assert_eq!(answer.text().await.unwrap(), "hello");
    let answer = by.request(&cloud, "GET", TARGET).send().await.unwrap();
    assert_eq!(answer.headers()["x-cos-meta-a"], "1");
    let changed = put.send("Hello").await;
    assert_eq!(status_and_code(changed).await, is(400, "XAmzContentSHA256Mismatch"));
    assert_eq!(stored(&cloud, &by).await, "hello", "nothing was stored");

    let unsigned = [(PAYLOAD, UNSIGNED_TRAILERS), (LENGTH, "5")];
    for (method, target, host, headers, expected) in [
        ("GET", "/users/2/a", HOST, &[][..], is(403, "AccessDenied")),
        ("PUT", "/users/2/a", HOST, &[("x-amz-acl", "private")], is(403, "AccessDenied")),
        ("GET", "/?list-type=2&prefix=users/2/", HOST, &[], is(403, "AccessDenied")),
        (
            "PUT",
            "/users/1/b",
            HOST,
            &[("x-amz-copy-source", "/examplebucket-1250000000/users/2/a")],
            is(403, "AccessDenied"),
        ),
        ("GET", "/users/1/none", HOST, &[], is(404, "NoSuchKey")),
        ("GET", "/examplebucket-1250000000/users/1/none", "127.0.0.1", &[], is(404, "NoSuchKey")),
        ("GET", "/", "127.0.0.1", &[], is(403, "AccessDenied")),
        ("GET", "/users/1/a", "127.0.0.1", &[], is(400, "InvalidURI")),
        (
            "GET",
            "/examplebucket-1250000000/a",
            "cos.ap-guangzhou.myqcloud.com",
            &[],
            is(403, "PathStyleDomainForbidden"),
        ),
        ("PUT", TARGET, HOST, &[("x-amz-mfa", "1")], is(501, "NotImplemented")),
        ("PUT", TARGET, HOST, &unsigned, is(400, "NotImplemented")),
        ("PUT", "/users/2/a", HOST, &unsigned, is(403, "AccessDenied")),
        ("PUT", TARGET, HOST, &[(PAYLOAD, SIGNED_CHUNKS)], is(411, "MissingContentLength")),
    ] {
        let request = S3 { host, ..S3::new(&cloud, &by, method, target) };
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send(if method == "PUT" { "hello" } else { "" }).await;
        assert_eq!(status_and_code(answer).await, expected, "{method} {target} {headers:?}");
    }
    // A body of unknown length.
    let pieces = ["hel", "lo"].map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from(text))));
    let body = reqwest::Body::wrap(StreamBody::new(futures_util::stream::iter(pieces)));
    let answer = S3::new(&cloud, &by, "PUT", TARGET).send(body).await;
    assert_eq!(status_and_code(answer).await, is(411, "MissingContentLength"));
}

#[tokio::test]
async fn a_body_in_chunks_is_stored_once_it_is_right() {
    let (cloud, by) = with_trailers().await;
    let put = S3::new(&cloud, &by, "PUT", TARGET).header(PAYLOAD, SIGNED_CHUNKS);
    let put = put.header(LENGTH, "10").header("content-encoding", "aws-chunked,gzip");
    let body = put.chunks(&["hello", "world"], "");
    let tampered = put.send(body.replace("world", "World")).await;
    assert_eq!(status_and_code(tampered).await, is(403, "SignatureDoesNotMatch"));
    let cut_off = put.send(body.split_at(200).0.to_owned()).await;
    assert_eq!(status_and_code(cut_off).await, is(400, "IncompleteBody"));
    assert_eq!(stored(&cloud, &by).await, "NoSuchKey");
    assert_eq!(put.send(body).await.status(), 200);
    let answer = by.request(&cloud, "GET", TARGET).send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.headers()["content-length"], "10");
    assert_eq!(answer.text().await.unwrap(), "helloworld");
}

#[tokio::test]
async fn checksums_in_trailers_are_checked_where_they_are_allowed() {
    let (cloud, by) = with_trailers().await;
    let put = |payload, length| {
        let put = S3::new(&cloud, &by, "PUT", TARGET).header(PAYLOAD, payload);
        put.header(LENGTH, length).header(TRAILER, "x-amz-checksum-crc32")
    };
    let signed = put(SIGNED_TRAILERS, "5");
    let right = signed.chunks(&["hello"], "x-amz-checksum-crc32:NhCmhg==");
    assert_eq!(signed.send(right).await.status(), 200);
    assert_eq!(stored(&cloud, &by).await, "hello");
    let wrong = signed.chunks(&["hello"], "x-amz-checksum-crc32:NhCmhw==");
    assert_eq!(status_and_code(signed.send(wrong).await).await, is(400, "BadDigest"));
    let unsigned = put(UNSIGNED_TRAILERS, "5");
    for (body, expected) in [
        ("5\r\nHello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", is(400, "BadDigest")),
        ("5\r\nHello\r\n0\r\n\r\n", is(400, "IncompleteBody")),
        ("6\r\nHello!\r\n0\r\n\r\n", is(400, "IncompleteBody")),
        ("Hello", is(400, "IncompleteBody")),
    ] {
        assert_eq!(status_and_code(unsigned.send(body).await).await, expected, "{body}");
    }
    assert_eq!(stored(&cloud, &by).await, "hello", "nothing of it was stored");
    let body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    assert_eq!(unsigned.send(body).await.status(), 200);
}
