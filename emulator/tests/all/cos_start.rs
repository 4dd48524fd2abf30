//! COS as part of a cloud: where it listens, what it starts with, and that each request needs
//! a signature.

use cos_emulator::{Cloud, StartError};
use reqwest::Response;

use crate::support::{client, plain_client};

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

async fn request(cloud: &Cloud, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
    let method = http::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("{}{target}", cloud.cos().http_url());
    let mut request =
        plain_client().request(method, url).header("host", HOST).header("content-length", "0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn each_request_needs_a_signature() {
    let cloud = Cloud::builder().start().await.unwrap();
    for (method, target) in [
        ("GET", "/"),
        ("PUT", "/"),
        ("PUT", "/a"),
        ("GET", "/a"),
        ("DELETE", "/a"),
        ("POST", "/a?uploads"),
        ("PUT", "/?cors"),
    ] {
        let answer = request(&cloud, method, target, &[]).await;
        assert_eq!(answer.status(), 403, "{method} {target}");
        let headers = answer.headers().clone();
        for name in ["x-cos-request-id", "x-cos-trace-id", "x-cos-emulator-reason", "date"] {
            assert!(headers.contains_key(name), "{method} {target}: {name}");
        }
        assert_eq!(headers["server"], "tencent-cos");
        let body = answer.text().await.unwrap();
        assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
        assert!(body.contains(&format!("<Resource>{HOST}/")), "{body}");
    }
    let over_tls = client(cloud.sts()).get(cloud.cos().https_url()).send().await.unwrap();
    assert_eq!(over_tls.status(), 403);
    let head = request(&cloud, "HEAD", "/a", &[]).await;
    assert_eq!(head.status(), 403);
    assert!(head.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_preflight_needs_none_and_follows_the_builder() {
    let cloud = Cloud::builder().cors(["http://localhost:3000"]).start().await.unwrap();
    let preflight = |origin: &'static str| {
        [
            ("origin", origin),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization"),
        ]
    };
    let answer = request(&cloud, "OPTIONS", "/a", &preflight("http://localhost:3000")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://localhost:3000");
    let other = request(&cloud, "OPTIONS", "/a", &preflight("http://localhost:3001")).await;
    assert_eq!(other.status(), 403);
    let closed = Cloud::builder().start().await.unwrap();
    let none = request(&closed, "OPTIONS", "/a", &preflight("http://localhost:3000")).await;
    assert_eq!(none.status(), 403);
    assert!(!none.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn directories_that_are_taken_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let first = Cloud::builder().data(directory.path()).start().await.unwrap();
    let error = Cloud::builder().data(directory.path()).start().await.unwrap_err();
    assert!(matches!(&error, StartError::Data { path, .. } if path == directory.path()), "{error}");
    assert!(error.to_string().contains("another process"), "{error}");
    drop(first);
    let again = Cloud::builder().data(directory.path()).start().await.unwrap();
    drop(again);

    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("thesis.txt"), "mine").unwrap();
    let error = Cloud::builder().data(foreign.path()).start().await.unwrap_err();
    assert!(error.to_string().contains("other files"), "{error}");
    let file = foreign.path().join("thesis.txt");
    let error = Cloud::builder().data(&file).start().await.unwrap_err();
    assert!(matches!(error, StartError::Data { .. }));
}

#[tokio::test]
async fn cos_is_a_proxy_for_its_own_names() {
    let cloud = Cloud::builder().start().await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let proxy = reqwest::Proxy::http(cloud.cos().http_url()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([]).proxy(proxy).build().unwrap();
    let get = async |url: String, host: &str| {
        let answer = client.get(url).header("host", host).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = get(format!("http://{HOST}/a"), HOST).await;
    assert!(status == 403 && text.contains("<Code>AccessDenied</Code>"), "{status} {text}");
    let (status, _) = get("http://www.example.com/a".to_owned(), "www.example.com").await;
    assert_eq!(status, 400, "other names lead nowhere");
    let (status, _) =
        get(format!("http://{HOST}/a"), "b-1250000000.cos.ap-beijing.myqcloud.com").await;
    assert_eq!(status, 400, "two hosts");
}
