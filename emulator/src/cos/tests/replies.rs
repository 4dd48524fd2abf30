//! Replies to uploads that the app chooses, and calls of its server.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{BUCKET, HOST, World, header, read_xml, refusal, sent, status};
use crate::cos::image::tests::png;

const RETURN_BODY: &str = "x-cos-return-body";
const CALLBACK: &str = "x-cos-callback";
const VARIABLES: &str = "x-cos-callback-var";

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

/// A server of the app: what it was sent, and its address.
struct AppServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl AppServer {
    /// Answers every request with these bytes; `None` never answers.
    async fn start(answer: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/done?a=%20", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                loop {
                    let text = String::from_utf8_lossy(&request).to_lowercase();
                    let length = text.split_once("content-length: ").and_then(|(head, rest)| {
                        let (_, body) = text.split_once("\r\n\r\n")?;
                        let _ = head;
                        Some(rest.split_once('\r')?.0.parse::<usize>().unwrap() <= body.len())
                    });
                    if length == Some(true) {
                        break;
                    }
                    let mut bytes = [0; 4096];
                    let count = stream.read(&mut bytes).await.unwrap();
                    assert!(count > 0, "{text}");
                    request.extend_from_slice(&bytes[..count]);
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap());
                match &answer {
                    Some(answer) => stream.write_all(answer).await.unwrap(),
                    None => std::mem::forget(stream),
                }
            }
        });
        Self { url, requests }
    }

    async fn answering(status: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::start(Some(format!("{head}{body}").into_bytes())).await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The response to an upload of three bytes in parts.
async fn completed(world: &World, key: &str, header: (&str, &str)) -> reqwest::Response {
    // Sent with the beginning too, where it changes nothing.
    let begin = world.request("POST", &format!("{key}?uploads")).header(header.0, header.1);
    let id = read_xml(sent(begin).await).await.text_of("UploadId").unwrap().to_owned();
    let target = format!("{key}?uploadId={id}");
    let etag = world.put(&format!("{target}&partNumber=1"), "abc").await;
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    sent(world.request("POST", &target).header(header.0, header.1).body(body)).await
}

#[tokio::test]
async fn an_upload_returns_the_body_that_it_asks_for() {
    let world = World::new();
    // The sample of the practice page: <https://cloud.tencent.com/document/practice/436/102797>.
    let sample = "eyJidWNrZXQiOiIke2J1Y2tldH0iLCJrZXkiOiIke29iamVjdH0iLCJmaWxlc2l6ZSI6IiR7c2l6ZX0iLCJtaW1lX3R5cGUiOiIke21pbWVUeXBlfSJ9";
    let put = world.request("PUT", "/a/%E4%B8%AD.txt").header(RETURN_BODY, sample).body("abc");
    let answer = sent(put).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(header(&answer, "etag").len(), 34);
    let expected = json!({
        "bucket": BUCKET, "filesize": "3", "key": "a/中.txt", "mime_type": "text/plain",
    });
    assert_eq!(answer.text().await.unwrap(), expected.to_string());
    // The alphabet of URLs, other values, and a key that looks like a variable.
    let asked = json!({"a": ["${region}~~~?", 1, null], "b": {"c": "${object}${object"}, "d": "$"});
    let url_safe = URL_SAFE_NO_PAD.encode(asked.to_string());
    assert!(url_safe.contains(['-', '_']), "{url_safe}");
    let put = world.request("PUT", "/$%7Bsize%7D").header(RETURN_BODY, url_safe).body("abc");
    let expected = json!({
        "a": ["ap-guangzhou~~~?", 1, null], "b": {"c": "${size}${object"}, "d": "$",
    });
    assert_eq!(sent(put).await.text().await.unwrap(), expected.to_string());
    // Pictures are described.
    let asked = encoded(&json!({"w": "${imageInfo.width}", "f": "${imageInfo.format}"}));
    let put = world.request("PUT", "/p.png").header(RETURN_BODY, &asked).body(png(3, 2));
    assert_eq!(sent(put).await.text().await.unwrap(), r#"{"f":"png","w":"3"}"#);
    let asked = encoded(&json!({"size": "${size}"}));
    let root = read_xml(completed(&world, "/parts", (RETURN_BODY, &asked)).await).await;
    let result = root.child("ReturnBodyResult").unwrap();
    assert_eq!(result.text_of("Status"), Some("200"));
    let body = STANDARD.decode(result.text_of("ReturnBody").unwrap()).unwrap();
    assert_eq!(body, br#"{"size":"3"}"#);
}

#[tokio::test]
async fn a_body_that_cannot_be_made_is_203_and_the_object_is_stored() {
    let world = World::new();
    for variable in
        ["imageInfo.width", "imageInfo", "exif", "videoInfo.video.bit_rate", "exif.Model.val"]
    {
        let asked = encoded(&json!({"value": format!("${{{variable}}}")}));
        let put = || world.request("PUT", "/a.txt").header(RETURN_BODY, &asked).body("abc");
        assert_eq!(refusal(put()).await, "203 CallbackFailed", "{variable}");
        assert_eq!(header(&sent(put()).await, "etag").len(), 34);
        assert_eq!(world.get("/a.txt").await.text().await.unwrap(), "abc");
        let root = read_xml(completed(&world, "/parts", (RETURN_BODY, &asked)).await).await;
        let result = root.child("ReturnBodyResult").unwrap();
        assert_eq!(result.text_of("Status"), Some("203"));
        assert_eq!(result.text_of("Code"), Some("CallbackFailed"));
        assert!(result.text_of("Message").unwrap().contains(variable), "{result:?}");
    }
    let asked = encoded(&json!({"value": "${imageInfo.colour}"}));
    let put = world.request("PUT", "/p.png").header(RETURN_BODY, &asked).body(png(3, 2));
    assert_eq!(refusal(put).await, "203 CallbackFailed");
}

#[tokio::test]
async fn the_app_s_server_is_called_and_its_answer_handed_on() {
    let world = World::new();
    let server = AppServer::answering("200 OK", r#"{"id":7}"#).await;
    let callback = |url: &str, kind: &str, body: &str| {
        encoded(&json!({
            "callbackUrl": url, "callbackHost": "app.example.com", "callbackBody": body,
            "callbackBodyType": kind,
        }))
    };
    let form = "key=${object}&etag=${etag}&size=${size}&my_var=${x:my_var}&my_var1=123";
    let etag = "\"900150983cd24fb0d6963f7d28e17f72\"";
    let variables = encoded(&json!({"x:my_var": "${object}"}));
    let put = world.request("PUT", "/a%20%22").body("abc").header(VARIABLES, &variables);
    let put = put.header(CALLBACK, callback(&server.url, "", form));
    let answer = sent(put).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "etag"), etag);
    assert_eq!(answer.text().await.unwrap(), r#"{"id":7}"#);
    let expected = format!("\r\n\r\nkey=a \"&etag={etag}&size=3&my_var=${{object}}&my_var1=123");
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /done?a=%20 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(&expected), "{request}");
    let lower = request.to_lowercase();
    assert!(lower.contains("\r\nhost: app.example.com\r\n"), "{request}");
    assert!(lower.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{request}");
    // As JSON, by the second address, since the first one fails.
    let broken = AppServer::answering("500 No", "{}").await;
    let urls = format!("{};{}", broken.url, server.url.trim_start_matches("http://"));
    let body = r#"{"key":${object},"size":${size},"own":${x:my_var},"n":123}"#;
    let put = world.request("PUT", "/a%20%22").body("abc").header(VARIABLES, &variables);
    let put = put.header(CALLBACK, callback(&urls, "application/json", body));
    assert_eq!(sent(put).await.text().await.unwrap(), r#"{"id":7}"#);
    assert_eq!(broken.requests().len(), 1);
    let expected = r#"{"key":"a \"","size":3,"own":"${object}","n":123}"#;
    assert!(server.requests()[1].ends_with(&format!("\r\n\r\n{expected}")));
    let asked = callback(&server.url, "", "bucket=${bucket}");
    let root = read_xml(completed(&world, "/parts", (CALLBACK, &asked)).await).await;
    let result = root.child("CallbackResult").unwrap();
    assert_eq!(result.text_of("Status"), Some("200"));
    assert_eq!(STANDARD.decode(result.text_of("CallbackBody").unwrap()).unwrap(), br#"{"id":7}"#);
    assert_eq!(server.requests().len(), 3, "once for each upload");
}

#[tokio::test]
async fn a_callback_that_fails_is_203_and_the_object_is_stored() {
    let world = World::new();
    let large = "a".repeat(1024 * 1024 + 1);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (url, reason) in [
        (AppServer::answering("204 No Content", "").await.url, "200"),
        (AppServer::answering("302 Found", "").await.url, "200"),
        (AppServer::answering("200 OK", &large).await.url, "1048576"),
        (AppServer::start(Some(b"no HTTP".to_vec())).await.url, "127.0.0.1"),
        (AppServer::start(None).await.url, "5 s"),
        (closed, "127.0.0.1"),
        (String::new(), "callbackUrl"),
    ] {
        let asked = encoded(&json!({"callbackUrl": url, "callbackBody": "a"}));
        let put = world.request("PUT", "/a").header(CALLBACK, &asked).body("abc");
        let answer = sent(put).await;
        assert_eq!(answer.status(), 203, "{url}");
        assert_eq!(header(&answer, "etag").len(), 34);
        let root = read_xml(answer).await;
        assert_eq!(root.text_of("Code"), Some("CallbackFailed"));
        assert!(root.text_of("Message").unwrap().contains(reason), "{root:?}");
        assert_eq!(world.get("/a").await.text().await.unwrap(), "abc");
        assert_eq!(status(world.request("DELETE", "/a")).await, 204);
    }
    // From the suite of qcloud-sdk-android: without an address, too.
    let asked = encoded(&json!({"callbackUrlaaa": "http://127.0.0.1:1/", "callbackBody": "a"}));
    let root = read_xml(completed(&world, "/parts", (CALLBACK, &asked)).await).await;
    let result = root.child("CallbackResult").unwrap();
    assert_eq!(result.text_of("Status"), Some("203"));
    assert_eq!(result.child("Error").unwrap().text_of("Code"), Some("CallbackFailed"));
}

/// A header, its value, and the refusal of an upload with it.
type Row = (&'static str, String, &'static str);

fn refused_addresses(server: &AppServer) -> Vec<Row> {
    let callback = |url: &str| encoded(&json!({"callbackUrl": url, "callbackBody": "a"}));
    let elsewhere = [
        "http://example.com/",
        "example.com",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost.example.com/",
        "http://localhost@10.0.0.1/",
        "http://2130706433/",
        "http://127.0.0.1:1/;http://example.com/",
        "https://127.0.0.1:1/",
        "ftp://127.0.0.1:1/",
    ];
    let own = server.url.strip_prefix("http://").unwrap();
    let malformed = [
        format!("http://user@{own}"),
        format!("{}&b=测试", server.url),
        format!("{}&b= c", server.url),
        [server.url.as_str(); 6].join(";"),
    ];
    let elsewhere = elsewhere.iter().map(|url| (CALLBACK, callback(url), "501 NotImplemented"));
    let malformed = malformed.iter().map(|url| (CALLBACK, callback(url), "400 InvalidArgument"));
    elsewhere.chain(malformed).collect()
}

fn refused_values(server: &AppServer) -> Vec<Row> {
    let callbacks = [
        json!({"callbackUrl": server.url}),
        json!({"callbackUrl": server.url, "callbackBody": ""}),
        json!({"callbackUrl": server.url, "callbackBody": "${x:own}"}),
        json!({"callbackUrl": server.url, "callbackBody": "${nobody}"}),
        json!({"callbackUrl": server.url, "callbackBody": "a", "callbackBodyType": "text/plain"}),
        json!({"callbackUrl": server.url, "callbackBody": "a", "callbackHost": "a\r\nb: c"}),
        json!([server.url, "", "a", ""]),
    ];
    let bodies = ["${etag}", "${x:own}", "${}", "${Bucket}", "${nobody}"];
    let texts = ["%%%", "W10=", "ew=="].map(str::to_owned);
    let callbacks = callbacks.iter().map(|asked| (CALLBACK, encoded(asked)));
    let bodies = bodies.iter().map(|text| (RETURN_BODY, encoded(&json!({"a": [text]}))));
    let texts = texts.into_iter().map(|text| (RETURN_BODY, text));
    let variables = (VARIABLES, encoded(&json!({"x:a": "b"})));
    let all = callbacks.chain(bodies).chain(texts).chain([variables]);
    all.map(|(name, value)| (name, value, "400 InvalidArgument")).collect()
}

#[tokio::test]
async fn replies_that_are_refused_store_nothing_and_call_nobody() {
    let world = World::new();
    let server = AppServer::answering("200 OK", "{}").await;
    for (name, value, expected) in
        refused_addresses(&server).into_iter().chain(refused_values(&server))
    {
        let put = || world.request("PUT", "/a").header(name, &value).body("abc");
        assert_eq!(refusal(put()).await, expected, "{name} {value}");
        assert_eq!(world.get("/a").await.status(), 404, "{name} {value}");
        let reason = header(&sent(put()).await, "x-cos-emulator-reason");
        assert!(reason.contains("x-cos-") || reason.contains("${"), "{reason}");
    }
    // Files of these kinds would have to be processed.
    for (kind, variable) in [
        ("video/mp4", "videoInfo"),
        ("audio/mp3", "videoInfo.format.duration"),
        ("image/png", "exif.Model"),
    ] {
        let asked = encoded(&json!({"a": format!("${{{variable}}}")}));
        let put = world.request("PUT", "/a").header(RETURN_BODY, &asked).body("abc");
        assert_eq!(refusal(put.header("content-type", kind)).await, "501 NotImplemented", "{kind}");
    }
    assert_eq!(world.get("/a").await.status(), 404);
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[tokio::test]
async fn replies_belong_to_whole_uploads_and_stand_for_themselves() {
    let world = World::new();
    let server = AppServer::answering("200 OK", "{}").await;
    let body = encoded(&json!({"a": "b"}));
    let callback = encoded(&json!({"callbackUrl": server.url, "callbackBody": "a"}));
    let both = world.request("PUT", "/a").header(RETURN_BODY, &body).header(CALLBACK, &callback);
    assert_eq!(refusal(both.body("abc")).await, "400 InvalidArgument");
    for (name, value) in [(RETURN_BODY, &body), (CALLBACK, &callback)] {
        let pictures = world.request("PUT", "/a").header(name, value).body("abc");
        let pictures = pictures.header("pic-operations", r#"{"is_pic_info":1,"rules":[]}"#);
        assert_eq!(refusal(pictures).await, "501 NotImplemented", "{name}");
        for (method, target) in [
            ("POST", "/a?append&position=0"),
            ("POST", "/a?image_process"),
            ("PUT", "/a?partNumber=1&uploadId=1"),
            ("PUT", "/a?tagging"),
            ("GET", "/a"),
        ] {
            let other = world.request(method, target).header(name, value).body("abc");
            assert_eq!(refusal(other).await, "501 NotImplemented", "{name} {method} {target}");
        }
        let copy = world.request("PUT", "/a").header("x-cos-copy-source", format!("{HOST}/b"));
        assert_eq!(refusal(copy.header(name, value)).await, "501 NotImplemented", "{name}");
    }
    assert_eq!(world.get("/a").await.status(), 404);
    assert!(server.requests().is_empty(), "{:?}", server.requests());
    // Without padding, too.
    for text in ["e30", "e30="] {
        let put = world.request("PUT", "/a").header(RETURN_BODY, text).body("abc");
        assert_eq!(sent(put).await.text().await.unwrap(), "{}");
    }
}
