//! POST Object: forms that are whole, and forms that are not.

use super::{HOST, World, header, noise, refusal, sent, status};

/// A form of fields and one file, as browsers write it.
fn form(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!(
                "--BOUND\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .bytes(),
        );
    }
    body.extend(b"--BOUND\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--BOUND--\r\n");
    body
}

fn post(world: &World, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    world
        .request("POST", "/")
        .header("content-type", "multipart/form-data; boundary=BOUND")
        .body(body)
}

#[tokio::test]
async fn a_form_stores_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let file = noise(1_500_000, 9);
    let fields = [
        ("key", "up/${filename}"),
        ("Content-Type", "image/png"),
        ("x-cos-meta-a", "1"),
        ("Signature", "x"),
    ];
    let answer = sent(post(&world, form(&fields, &file))).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "location"), format!("http://{HOST}/up/photo.jpg"));
    let etag = header(&answer, "etag");
    let answer = world.get("/up/photo.jpg").await;
    assert_eq!(header(&answer, "etag"), etag);
    assert_eq!(header(&answer, "content-type"), "image/png");
    assert_eq!(header(&answer, "x-cos-meta-a"), "1");
    assert!(answer.bytes().await.unwrap() == file);
    for (requested, expected) in [("200", 200), ("201", 201), ("204", 204)] {
        let fields = [("key", "a"), ("success_action_status", requested)];
        let post = post(&world, form(&fields, b"1"));
        assert_eq!(status(post).await, expected);
    }
    let redirect = [("key", "a b"), ("success_action_redirect", "https://example.com/done")];
    let answer = sent(post(&world, form(&redirect, b"1"))).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(
        header(&answer, "location"),
        "https://example.com/done?bucket=examplebucket-1250000000&key=a%20b&etag=%22c4ca4238a0b923820dcc509a6f75849b%22"
    );
}

#[tokio::test]
async fn forms_that_are_not_whole_or_not_bounded() {
    let world = World::new();
    let good = text(&[("key", "a")]);
    let field = "--BOUND\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n";
    let second = "--BOUND\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n2\r\n--BOUND--";
    let endless = format!("form-data; x=\"{}\";", "x".repeat(2_000_000));
    let names: Vec<String> = (0..101).map(|number| format!("n{number}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    many.push(("key", "a"));
    let malformed = "MalformedPOSTRequest";
    let files = "IncorrectNumberOfFilesInPostRequest";
    for (body, code) in [
        (String::from("x"), malformed),
        (good.replace("--BOUND--", ""), malformed),
        (good.replace("name=\"key\"", "x=\"key\""), malformed),
        (good.replace("name=\"file\"", "name=\"other\""), files),
        (good.replace("--BOUND--", second), files),
        (field.repeat(3), malformed),
        (good.replacen("form-data;", &endless, 1), malformed),
        (text(&[("key", "a"), ("long", &"x".repeat(2_000_000))]), malformed),
        (text(&many), malformed),
        (text(&[("key", "a"), ("Key", "b")]), malformed),
        (text(&[("key", "a"), ("Cache-Control", "a\nb")]), malformed),
    ] {
        let shown: String = body.chars().take(200).collect();
        let refused = refusal(post(&world, body)).await;
        assert_eq!(refused, format!("400 {code}"), "{shown}");
    }
    let typeless = world.request("POST", "/").header("content-type", "text/plain");
    let refused = refusal(typeless.body(good)).await;
    assert_eq!(refused, format!("400 {malformed}"));
    assert!(world.document("/").await.child("Contents").is_none());
}

#[tokio::test]
async fn fields_that_are_refused() {
    let world = World::new();
    let md5 = "7o3pGNBWQBRbGPcPTDqmAg==";
    for (fields, error) in [
        (vec![], "400 InvalidArgument"),
        (vec![("key", "")], "400 InvalidArgument"),
        (vec![("key", "\\a")], "400 InvalidObjectName"),
        (vec![("key", "a"), ("x-cos-callback", "e30=")], "501 NotImplemented"),
        (vec![("key", "a"), ("x-cos-return-body", "e30=")], "501 NotImplemented"),
        (vec![("key", "a"), ("Pic-Operations", "{}")], "501 NotImplemented"),
        (vec![("key", "denied/a")], "403 AccessDenied"),
        (vec![("key", "a"), ("acl", "public-read-write")], "400 InvalidArgument"),
        (vec![("key", "a"), ("success_action_status", "302")], "400 InvalidArgument"),
        (vec![("key", "a"), ("Content-MD5", md5)], "400 BadDigest"),
    ] {
        assert_eq!(refusal(post(&world, text(&fields))).await, error, "{fields:?}");
    }
    assert!(world.document("/").await.child("Contents").is_none());
}

fn text(fields: &[(&str, &str)]) -> String {
    String::from_utf8(form(fields, b"1")).unwrap()
}

#[tokio::test]
async fn the_policy_s_sizes_bind_the_file_and_not_the_form() {
    let world = World::new();
    let sized = |bytes: usize| {
        post(&world, form(&[("key", "a")], &noise(bytes, 1))).header("x-test-file-bytes", "10-20")
    };
    for bytes in [0, 9, 21, 100_000] {
        assert_eq!(refusal(sized(bytes)).await, "403 AccessDenied", "{bytes}");
    }
    assert!(world.document("/").await.child("Contents").is_none());
    for bytes in [10, 20] {
        assert_eq!(status(sized(bytes)).await, 204);
    }
}
