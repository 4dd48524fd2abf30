//! What is refused before anything is stored, and the error that the caller gets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{
    HOST, Options, World, header, noise, read_xml, refusal, refusals, sent, status, texts,
};
use crate::cos::http::request::decoded;

/// Sends raw bytes that ask for the end of the connection, and reads the answer.
async fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.cos.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// Sends raw bytes and no more.
async fn broken_off(world: &World, request: &str) {
    let mut stream = TcpStream::connect(world.cos.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    rest(&mut stream).await;
}

/// What comes up to the end of the connection, or of an error's document.
async fn rest(stream: &mut TcpStream) -> String {
    let reading = async {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.ends_with(b"</Error>\n") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, reading).await.unwrap()
}

#[tokio::test]
async fn nobody_passes_without_authorization() {
    let world = World::new();
    world.put("/a", "1").await;
    let untrusted = |method: &str, target: &str| {
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        world
            .client
            .request(method, format!("{}{target}", world.cos.http_url()))
            .header("host", HOST)
            .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")
    };
    let targets = [
        ("GET", "/ /?cors /?acl /?location /?uploads /a /a?acl /a?uploadId=1"),
        ("PUT", "/ /?cors /a /a?partNumber=1&uploadId=1"),
        ("DELETE", "/ /?cors /a /a?uploadId=1"),
        ("POST", "/a?uploads /a?uploadId=1 /a?append&position=0"),
    ];
    for (method, targets) in targets {
        for target in targets.split(' ') {
            let refused = untrusted(method, target).header("content-length", "0");
            assert_eq!(refusal(refused).await, "403 AccessDenied", "{method} {target}");
        }
    }
    let head = sent(untrusted("HEAD", "/a")).await;
    assert_eq!(head.status(), 403);
    assert!(!head.headers().contains_key("etag"));
    assert_eq!(world.get("/a").await.text().await.unwrap(), "1");
}

#[tokio::test]
async fn what_nothing_here_does_is_refused_and_not_done() {
    let world = World::new();
    world.put("/a", "1").await;
    let rows = "
        DELETE /?versioning 501 NotImplemented
        DELETE /?acl 501 NotImplemented
        DELETE /?referer 501 NotImplemented
        POST /a?tagging 501 NotImplemented
        PUT /?inventory 501 NotImplemented
        DELETE /?id=a 501 NotImplemented
        DELETE /?logging 501 NotImplemented
        PUT /a?versionId=1 501 NotImplemented
        DELETE /?versionId=1 501 NotImplemented
        DELETE /a?acl 501 NotImplemented
        DELETE /a?uploads 501 NotImplemented
        GET /a?ci-process=x 501 NotImplemented
        GET /a?imageView2/1/w/100%7CimageMogr2/rotate/90 501 NotImplemented
        GET /a?watermark/2/text/YQ 501 NotImplemented
        GET /a?IMAGEINFO 501 NotImplemented
        GET /?List-Type=2 501 NotImplemented
        GET /?PREFIX=a 501 NotImplemented
        GET /a?ACL 501 NotImplemented
        PUT /?publicAccessBlock 501 NotImplemented
        DELETE /?intelligent-tiering 501 NotImplemented
        DELETE /?intelligenttiering 501 NotImplemented
        DELETE /?intelligenttiering&id=x 501 NotImplemented
        PUT /?intelligent-tiering 501 NotImplemented
        POST /?intelligent-tiering&id=x 501 NotImplemented
        POST /?inventory 501 NotImplemented
        PUT /?Intelligent-Tiering&id=x 501 NotImplemented
        DELETE /a?live 501 NotImplemented
        PUT /a?live 501 NotImplemented
        GET /?live 501 NotImplemented
        GET /?live= 501 NotImplemented
        GET /a?nobody-knows 501 NotImplemented
        DELETE /a?nobody-knows=1 501 NotImplemented
        DELETE /?nobody-knows=1 501 NotImplemented
        PUT /a?nobody-knows=1 501 NotImplemented
        PUT /a?Sign=1 501 NotImplemented
        POST /?nobody-knows=1 501 NotImplemented
        POST /?delete&nobody-knows=1 501 NotImplemented
        POST /a?uploads&nobody-knows=1 501 NotImplemented
        PUT /a?x-ids=PutObject 501 NotImplemented
        POST /a 501 NotImplemented
        PUT /a?uploadId=1 501 NotImplemented
        PATCH /a 405 MethodNotAllowed
        PROPFIND / 405 MethodNotAllowed
    ";
    refusals(|method, target| world.request(method, target), rows).await;
    for target in ["/a?tagging=1", "/a?imageView2/1/w/9", "/a?live"] {
        let answer = sent(world.request("HEAD", target)).await;
        assert_eq!(answer.status(), 501, "{target}");
        let reason = header(&answer, "x-cos-emulator-reason");
        let name = target.strip_prefix("/a?").unwrap().split('=').next().unwrap();
        assert!(reason.contains(name), "{reason}");
    }
    // Reads ignore unknown parameters with a value, and writes know those of other clients.
    assert_eq!(world.get("/a?v=17&x=1").await.text().await.unwrap(), "1");
    let known = "/a?x-id=PutObject&x-amz-checksum-crc32=2&sign=&x-cos-security-token=";
    assert_eq!(world.put(known, "1").await.len(), 34);
    for unknown in ["/a?x-amz-acl=private", "/a?X-Amz-Meta-A=1", "/a?x-amz-date=1"] {
        assert_eq!(refusal(world.request("PUT", unknown)).await, "501 NotImplemented", "{unknown}");
    }
}

#[tokio::test]
async fn keys_that_no_object_may_have() {
    let world = World::new();
    let long = format!("/{}", "a".repeat(851));
    for (target, code) in [
        (long.as_str(), "KeyTooLong"),
        ("/%5Ca", "InvalidObjectName"),
        ("/a%1Ab", "InvalidObjectName"),
        ("/%FF", "InvalidURI"),
        ("/%zz", "InvalidURI"),
    ] {
        let refused = refusal(world.request("PUT", target).body("1")).await;
        assert_eq!(refused, format!("400 {code}"), "{target}");
    }
    let longest = "a".repeat(850);
    world.put(&format!("/{longest}"), "1").await;
    // What looks like a path is a key like any other.
    let directory = tempfile::tempdir().unwrap();
    let inside = World::in_directory(&directory.path().join("data"));
    for target in ["/../../escaped", "/%2e%2e/escaped", "/a/../b", "/%00", "/.", "/a%2F%2Fb", "//a"]
    {
        // Raw, since clients tidy paths.
        let signed = format!(
            "{target} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: let-me-in\r\nConnection: close\r\n"
        );
        let put = format!("PUT {signed}Content-Length: {}\r\n\r\n{target}", target.len());
        let put = raw(&inside, &put).await;
        assert!(put.starts_with("HTTP/1.1 200 "), "{target}: {put}");
        let got = raw(&inside, &format!("GET {signed}\r\n")).await;
        assert!(got.ends_with(&format!("\r\n\r\n{target}")), "{target}: {got}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_empty_header_counts_as_none() {
    let world = World::new();
    let names = "content-md5 content-type x-cos-acl x-cos-callback x-cos-forbid-overwrite \
        x-cos-grant-read x-cos-storage-class x-cos-traffic-limit if-match pic-operations";
    for name in names.split(' ') {
        let put = world.request("PUT", "/a.txt").header(name, "").body("1");
        assert_eq!(sent(put).await.status(), 200, "{name}");
    }
    for name in ["range", "if-match", "if-none-match"] {
        let get = world.request("GET", "/a.txt").header(name, "");
        let answer = sent(get).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(header(&answer, "content-type"), "text/plain");
    }
    // Without its source, a copy would be an upload.
    let copy = world.request("PUT", "/a.txt").header("x-cos-copy-source", "");
    assert_eq!(refusal(copy).await, "400 InvalidCopySource");
    assert_eq!(world.get("/a.txt").await.text().await.unwrap(), "1");
}

#[tokio::test]
async fn bodies_that_are_not_what_their_headers_declare() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let put = |md5: &str| world.request("PUT", "/a").header("content-md5", md5).body("x");
    assert_eq!(refusal(put("7o3pGNBWQBRbGPcPTDqmAg==")).await, "400 BadDigest");
    for md5 in ["x", "7o3pGNBWQBRbGPcPTDqm"] {
        assert_eq!(refusal(put(md5)).await, "400 InvalidDigest", "{md5}");
    }
    let head = format!(
        "PUT /a HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: let-me-in\r\nConnection: close\r\n"
    );
    let missing = raw(&world, &format!("{head}\r\n")).await;
    assert!(missing.starts_with("HTTP/1.1 411 "), "{missing}");
    let large = raw(&world, &format!("{head}Content-Length: 5368709121\r\n\r\n")).await;
    assert!(large.contains("<Code>EntityTooLarge</Code>"), "{large}");
    // The connection ends in the middle.
    broken_off(&world, &format!("{head}Content-Length: 10\r\n\r\n12345")).await;
    // In more than one chunk, so that a file is begun.
    let half = "x".repeat(600_000);
    broken_off(&world, &format!("{head}Content-Length: 1000000\r\n\r\n{half}")).await;
    broken_off(&world, &format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")).await;
    let chunked =
        raw(&world, &format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"))
            .await;
    assert!(chunked.starts_with("HTTP/1.1 200 "), "{chunked}");
    assert_eq!(world.get("/a").await.text().await.unwrap(), "12345");
    for _ in 0..500 {
        // The one object is in its record.
        let blobs = std::fs::read_dir(directory.path().join("blobs"));
        if blobs.unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the bytes of broken uploads stay");
}

#[tokio::test]
async fn requests_that_are_not_requests() {
    let world = World::new();
    let signed = "Authorization: let-me-in\r\nConnection: close\r\n\r\n";
    for (request, code) in [
        ("GET / HTTP/1.1", "BadRequest"),
        ("GET / HTTP/1.1|Host: 127.0.0.1|Host: localhost", "BadRequest"),
        ("GET http://localhost/ HTTP/1.1|Host: 127.0.0.1", "BadRequest"),
        ("GET / HTTP/1.1|Host: evil.example.com", "UserCnameInvalid"),
        ("OPTIONS * HTTP/1.1|Host: 127.0.0.1", "InvalidURI"),
    ] {
        let lines = request.replace('|', "\r\n");
        let answer = raw(&world, &format!("{lines}\r\n{signed}")).await;
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn header_names_are_spelled_as_cos_does() {
    let world = World::new();
    let head = format!("Host: {HOST}\r\nAuthorization: let-me-in\r\nConnection: close\r\n");
    raw(&world, &format!("PUT /a HTTP/1.1\r\n{head}x-cos-meta-A: 1\r\nContent-Length: 1\r\n\r\n1"))
        .await;
    let answer = raw(&world, &format!("GET /a HTTP/1.1\r\n{head}Range: bytes=0-\r\n\r\n")).await;
    for name in "Content-Length: 1|ETag: \"|Content-Range: bytes 0-0/1|Last-Modified: |\
         Server: tencent-cos|Date: |Connection: close|x-cos-request-id: |x-cos-hash-crc64ecma: |\
         x-cos-meta-a: 1"
        .split('|')
    {
        let count = answer.matches(&format!("\r\n{name}")).count();
        assert_eq!(count, 1, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_the_go_ahead_never_sends_what_is_refused() {
    let world = World::new();
    let head = |target: &str| {
        format!(
            "PUT {target} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: let-me-in\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    for (target, first) in [("/a", "HTTP/1.1 100 "), ("/denied/a", "HTTP/1.1 403 ")] {
        let mut stream = TcpStream::connect(world.cos.address()).await.unwrap();
        stream.write_all(head(target).as_bytes()).await.unwrap();
        let mut answer = vec![0; first.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), first, "{target}");
    }
}

#[tokio::test]
async fn a_refused_upload_is_answered_and_not_cut_off() {
    let world = World::new();
    let body = noise(30_000_000, 1);
    for _ in 0..3 {
        let put = world.request("PUT", "/denied/a").body(body.clone());
        assert_eq!(refusal(put).await, "403 AccessDenied");
    }
}

#[tokio::test]
async fn several_objects_go_at_once_each_by_its_own_right() {
    let world = World::new();
    for target in ["/a", "/b%20&%3C", "/c"] {
        world.put(target, "1").await;
    }
    let post = |body: &str| {
        use base64::Engine as _;
        let md5 = crate::cos::checksum::Checksums::of(body.as_bytes()).md5;
        let md5 = base64::engine::general_purpose::STANDARD.encode(md5);
        world.request("POST", "/?delete=").header("content-md5", md5).body(body.to_owned())
    };
    let object = |key: &str| format!("<Object><Key>{key}</Key></Object>");
    let all = ["a", "b &amp;&lt;", "missing", "denied/x", "\\x"].map(object).concat();
    let root = read_xml(sent(post(&format!("<Delete>{all}</Delete>"))).await).await;
    assert_eq!(texts(&root, "Deleted", "Key"), ["a", "b &<", "missing"]);
    assert_eq!(texts(&root, "Error", "Key"), ["denied/x", "\\x"]);
    assert_eq!(texts(&root, "Error", "Code"), ["AccessDenied", "InvalidObjectName"]);
    let quiet = format!("<Delete><Quiet>true</Quiet>{}</Delete>", object("c"));
    let root = read_xml(sent(post(&quiet)).await).await;
    assert!(root.children.is_empty());
    assert!(world.document("/").await.child("Contents").is_none());
    let many = format!("<Delete>{}</Delete>", object("a").repeat(1001));
    for body in [
        "",
        "<Delete/>",
        "<Delete><Object/></Delete>",
        "<Delete><Quiet>x</Quiet></Delete>",
        many.as_str(),
    ] {
        assert_eq!(
            refusal(post(body).header("content-length", body.len())).await,
            "400 MalformedXML"
        );
    }
    let huge = format!("<Delete>{}</Delete>", " ".repeat(5_000_000));
    assert_eq!(refusal(post(&huge)).await, "400 XMLSizeLimit");
    let bare = || world.request("POST", "/?delete").body("<Delete/>");
    for request in [bare(), bare().header("content-md5", "")] {
        assert_eq!(refusal(request).await, "400 InvalidRequest");
    }
}

#[tokio::test]
async fn memory_is_not_without_end() {
    let world = World::with(&Options { memory_bytes: Some(600_000), ..Options::default() });
    let put = |bytes| world.request("PUT", "/a").body(noise(bytes, 0));
    assert_eq!(status(put(600_000)).await, 200);
    let answer = sent(world.request("PUT", "/b").body("1")).await;
    let reason = decoded(&header(&answer, "x-cos-emulator-reason"));
    assert!(reason.contains("--cos-memory") && reason.contains("--data"), "{reason}");
    // SDKs try again after 500, and memory stays full.
    assert_eq!(refusal(world.request("PUT", "/b").body("1")).await, "400 EntityTooLarge");
    assert_eq!(status(world.request("DELETE", "/a")).await, 204);
    assert_eq!(refusal(put(600_001)).await, "400 EntityTooLarge");
    assert_eq!(status(put(600_000)).await, 200, "what was refused is given back");
}
