//! Whether an answer could stay in a cache: none may, whatever the route, the platform and the
//! outcome.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::time::Duration;

use cos_emulator::{Cloud, Fault, Platform};
use cos_issuer_e2e::{API_KEY, Browser, PLATFORMS, Process, VARIABLES, issuer_on};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_every_route_forbids_caches() {
    let bearer = format!("Bearer {API_KEY}");
    let (large_body, large_header) = ("x".repeat(65 * 1024), "x".repeat(20 * 1024));
    let scope = r#"[{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"other/1/a"}]"#;
    for platform in PLATFORMS {
        let cloud = start(platform).await;
        let browser = Browser::of(&cloud).unwrap();
        let mut statuses = Vec::new();
        for (method, path, proof, body) in [
            ("GET", "/sign", bearer.as_str(), ""),
            ("GET", "/sts?format=cvm", &bearer, ""),
            ("GET", "/sts?format=sts", &bearer, ""),
            ("GET", "/sts?format=credential_process", &bearer, ""),
            ("POST", "/sts", &bearer, ""),
            ("GET", "/getKeyAndCredentials?ext=jpg", &bearer, ""),
            ("GET", "/getKeyAndCredentials?ext=jpg&format=flat", &bearer, ""),
            ("GET", "/healthz", "", ""),
            ("GET", "/readyz", "", ""),
            ("OPTIONS", "/sign", "", ""),
            ("GET", "/sign?format=xml", &bearer, ""),
            ("POST", "/sts-scope", &bearer, "[]"),
            ("GET", "/sign", "", ""),
            ("GET", "/sign", "Bearer wrong", ""),
            ("POST", "/sts/scope", &bearer, scope),
            ("GET", "/getKeyAndCredentials?ext=exe", &bearer, ""),
            ("GET", "/nowhere", "", ""),
            ("DELETE", "/sts", "", ""),
            ("POST", "/sts", &bearer, &large_body),
            ("GET", "/sign", &large_header, ""),
        ] {
            let mut request = browser.request(method, path).body(body.to_owned());
            if !proof.is_empty() {
                request = request.header("authorization", proof);
            }
            let answer = browser.send(request).await.unwrap();
            assert_eq!(answer.lacks(), None, "{platform:?} {method} {path}");
            statuses.push(answer.status);
        }
        let code = "UnauthorizedOperation".to_owned();
        cloud.sts().inject([Fault::ApiError { code, message: String::new() }]);
        let request = browser.request("GET", "/sign").header("authorization", &bearer);
        let answer = browser.send(request).await.unwrap();
        assert_eq!(answer.lacks(), None, "{platform:?} upstream");
        statuses.push(answer.status);
        for status in [200, 204, 400, 401, 403, 404, 405, 413, 431, 502] {
            assert!(statuses.contains(&status), "{platform:?}: no {status} in {statuses:?}");
        }
    }
}

/// Bytes that are not a request get an answer that a cache cannot keep, or that forbids caches.
#[tokio::test]
async fn what_is_not_a_request_is_answered_without_a_body() {
    let mut process = Process::start(VARIABLES).unwrap();
    let address = process.address().await.unwrap();
    let large = "x".repeat(100 * 1024);
    let huge = format!("GET /sign HTTP/1.1\r\nhost: h\r\nx: {large}\r\n\r\n");
    for bytes in ["GET /sign\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", &huge] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The server may close before it has read everything.
        let _may_be_refused = stream.write_all(bytes.as_bytes()).await;
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _may_be_reset = timeout(Duration::from_secs(60), reading).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 4"), "{head}");
        let forbids_caches = head.contains("\r\ncache-control: no-store");
        assert!(body.is_empty() || forbids_caches, "{head}");
    }
}

/// `printf %s KEY | openssl dgst -sha256` of [`API_KEY`].
const API_KEYS: &str = "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";

async fn start(platform: Platform) -> Cloud {
    let builder = issuer_on(platform).unwrap();
    let builder = builder.env("EXTENSIONS", "jpg").env("AUTH", "api-key");
    builder.env("API_KEYS", API_KEYS).start().await.unwrap()
}
