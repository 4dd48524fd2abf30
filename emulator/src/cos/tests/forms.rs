//! POST Object: forms that are whole, and forms that are not.

use super::{HOST, World, header, noise, refusal, sent};

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
        .ask("POST", "/")
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
    assert_eq!(
        header(&answer, "location"),
        format!("http://{HOST}/up/photo.jpg")
    );
    let etag = header(&answer, "etag");
    let answer = world.get("/up/photo.jpg").await;
    assert_eq!(header(&answer, "etag"), etag);
    assert_eq!(header(&answer, "content-type"), "image/png");
    assert_eq!(header(&answer, "x-cos-meta-a"), "1");
    assert!(answer.bytes().await.unwrap() == file);
    for (status, expected) in [("200", 200), ("201", 201), ("204", 204)] {
        let fields = [("key", "a"), ("success_action_status", status)];
        assert_eq!(
            sent(post(&world, form(&fields, b"1"))).await.status(),
            expected
        );
    }
    let redirect = [
        ("key", "a b"),
        ("success_action_redirect", "https://example.com/done"),
    ];
    let answer = sent(post(&world, form(&redirect, b"1"))).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(
        header(&answer, "location"),
        "https://example.com/done?bucket=examplebucket-1250000000&key=a%20b&etag=%22c4ca4238a0b923820dcc509a6f75849b%22"
    );
}

#[tokio::test]
async fn forms_that_are_refused() {
    let world = World::new();
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    let good = text(&form(&[("key", "a")], b"1"));
    let field = "--BOUND\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n";
    let two_files = good.replace(
        "--BOUND--",
        "--BOUND\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n2\r\n--BOUND--",
    );
    let long = text(&form(
        &[("key", "a"), ("long", &"x".repeat(2_000_000))],
        b"1",
    ));
    let headers = good.replacen(
        "form-data;",
        &format!("form-data; x=\"{}\";", "x".repeat(2_000_000)),
        1,
    );
    let names: Vec<String> = (0..101).map(|number| format!("n{number}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    many.push(("key", "a"));
    for (body, status, code) in [
        (String::from("x"), 400, "MalformedPOSTRequest"),
        (good.replace("--BOUND--", ""), 400, "MalformedPOSTRequest"),
        (
            good.replace("name=\"key\"", "x=\"key\""),
            400,
            "MalformedPOSTRequest",
        ),
        (
            good.replace("name=\"file\"", "name=\"other\""),
            400,
            "IncorrectNumberOfFilesInPostRequest",
        ),
        (two_files, 400, "IncorrectNumberOfFilesInPostRequest"),
        (field.repeat(3), 400, "MalformedPOSTRequest"),
        (long, 400, "MalformedPOSTRequest"),
        (headers, 400, "MalformedPOSTRequest"),
        (text(&form(&many, b"1")), 400, "MalformedPOSTRequest"),
        (
            text(&form(&[("key", "a"), ("Key", "b")], b"1")),
            400,
            "MalformedPOSTRequest",
        ),
        (text(&form(&[], b"1")), 400, "InvalidArgument"),
        (text(&form(&[("key", "")], b"1")), 400, "InvalidArgument"),
        (
            text(&form(&[("key", "/a")], b"1")),
            400,
            "InvalidObjectName",
        ),
        (
            text(&form(&[("key", "denied/a")], b"1")),
            403,
            "AccessDenied",
        ),
        (
            text(&form(&[("key", "a"), ("acl", "public-read")], b"1")),
            501,
            "NotImplemented",
        ),
        (
            text(&form(
                &[("key", "a"), ("success_action_status", "302")],
                b"1",
            )),
            400,
            "InvalidArgument",
        ),
        (
            text(&form(
                &[("key", "a"), ("Content-MD5", "7o3pGNBWQBRbGPcPTDqmAg==")],
                b"1",
            )),
            400,
            "BadDigest",
        ),
        (
            text(&form(&[("key", "a"), ("Cache-Control", "a\nb")], b"1")),
            400,
            "MalformedPOSTRequest",
        ),
    ] {
        let shown: String = body.chars().take(200).collect();
        assert_eq!(
            refusal(post(&world, body)).await,
            (status, code.to_owned()),
            "{shown}"
        );
    }
    let typeless = world
        .ask("POST", "/")
        .header("content-type", "text/plain")
        .body(good);
    assert_eq!(
        refusal(typeless).await,
        (400, "MalformedPOSTRequest".to_owned())
    );
    assert!(world.document("/").await.child("Contents").is_none());
}

#[tokio::test]
async fn the_policy_s_sizes_bind_the_file_and_not_the_form() {
    let world = World::new();
    let sized = |bytes: usize| {
        post(&world, form(&[("key", "a")], &noise(bytes, 1))).header("x-test-file-bytes", "10-20")
    };
    for bytes in [0, 9, 21, 100_000] {
        assert_eq!(
            refusal(sized(bytes)).await,
            (403, "AccessDenied".to_owned()),
            "{bytes}"
        );
    }
    assert!(world.document("/").await.child("Contents").is_none());
    for bytes in [10, 20] {
        assert_eq!(sent(sized(bytes)).await.status(), 204);
    }
}
