//! Callers that can be tried: the console's API, `token` and `request`, and who reaches them.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Running, client, cos_issuer, ends_with, files, run};

/// A command with this directory for the files of running programs.
fn in_directory<'a>(command: &'a mut Command, directory: &TempDir) -> &'a mut Command {
    command.env("XDG_RUNTIME_DIR", directory.path())
}

#[test]
fn a_token_is_printed_while_a_cloud_runs_and_only_its_user_can_find_it() {
    let directory = files(&[]);
    let token = |code| {
        let arguments = ["token", "--sub", "user-1", "--claim", "team=media", "--claim", "level=3"];
        ends_with(in_directory(&mut cos_issuer(&arguments), &directory), code)
    };
    assert!(token(1).1.contains("start one with `make run`"));

    let running = Running::start(in_directory(&mut run(&["--json"]), &directory));
    let file = directory.path().join("cos-issuer/cloud.json");
    for (path, mode) in [(file.clone(), 0o600), (directory.path().join("cos-issuer"), 0o700)] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
    }
    let (text, _) = token(0);
    let parts: Vec<&str> = text.trim().split('.').collect();
    assert_eq!(parts.len(), 3, "{text}");

    let folder = directory.path().join("cos-issuer");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(token(1).1.contains("a directory that only you can read"));
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();

    for (arguments, expected) in [
        (&["token", "--sub", ""][..], "sub: must have"),
        (&["token", "--sub", "a", "--seconds", "90000"], "seconds: must be"),
        (&["token", "--sub", "a", "--claim", "exp=1"], "claim `exp`"),
        (&["request", "--as", "user-9", "--with", "hmac"], "as: must be user-1"),
    ] {
        let (_, err) = ends_with(in_directory(&mut cos_issuer(arguments), &directory), 1);
        assert!(err.contains(expected), "{expected} in {err}");
    }
    assert_eq!(running.end(Signal::INT), Some(0));
    assert!(!file.exists(), "the file goes away with the cloud");
}

#[tokio::test]
async fn the_console_answers_its_own_page_and_programs_with_the_token() {
    let directory = files(&[]);
    let running = Running::start(in_directory(&mut run(&["--json"]), &directory));
    let (origin, token) = running.text("consoleUrl").split_once("/#").unwrap();
    let status = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let mut request = client().request(method, format!("{origin}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let bearer = format!("Bearer {token}");
    let proof = ("authorization", bearer.as_str());
    let json = ("content-type", "application/json");
    let port = origin.rsplit_once(':').unwrap().1;
    let rebound = format!("evil.example:{port}");
    for (method, path, headers, expected) in [
        (Method::GET, "/", &[][..], 200),
        (Method::GET, "/api/cloud", &[proof], 200),
        (Method::GET, "/api/cloud", &[proof, ("origin", origin)], 200),
        (Method::GET, "/api/cloud", &[], 401),
        (Method::GET, "/api/cloud", &[("authorization", "Bearer wrong")], 401),
        (Method::GET, "/api/cloud", &[proof, ("origin", "http://evil.example")], 403),
        (Method::GET, "/api/cloud", &[proof, ("origin", "null")], 403),
        (Method::GET, "/api/cloud", &[proof, ("sec-fetch-site", "cross-site")], 403),
        (Method::GET, "/api/cloud", &[proof, ("sec-fetch-site", "same-site")], 403),
        (Method::GET, "/api/cloud", &[proof, ("host", &rebound)], 403),
        (Method::GET, "/", &[("host", &rebound)], 403),
        (Method::POST, "/api/token", &[proof], 415),
        (Method::POST, "/api/token", &[proof, json], 400),
        (Method::GET, "/api/nowhere", &[proof], 404),
        (Method::GET, "/../Cargo.toml", &[], 404),
        (Method::GET, "/api/admin/clock", &[proof], 200),
        (Method::GET, "/api/admin/clock", &[], 401),
    ] {
        assert_eq!(status(method, path, headers).await, expected, "{path} {headers:?}");
    }
    let page = client().get(origin).send().await.unwrap();
    headers_of_a_page(page.headers());
    assert!(!page.text().await.unwrap().contains(token));
    assert_eq!(running.end(Signal::INT), Some(0));
}

fn headers_of_a_page(headers: &HeaderMap) {
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let connect = policy.split("; ").find(|part| part.starts_with("connect-src ")).unwrap();
    assert_eq!(connect.split(' ').count(), 5, "itself, two issuers, COS: {connect}");
    // A bucket that is created later has a host of its own.
    assert_eq!(connect.matches('*').count(), 1, "{connect}");
    assert!(connect.contains(" http://*.localhost:"), "{connect}");
    assert!(!headers.contains_key("access-control-allow-origin"));
    assert!(!headers.contains_key("set-cookie"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn records_come_as_events_and_a_key_is_explained() {
    let directory = files(&[]);
    let running = Running::start(in_directory(&mut run(&["--json"]), &directory));
    let (origin, token) = running.text("consoleUrl").split_once("/#").unwrap();
    let get = |path: &str| client().get(format!("{origin}/api/{path}")).bearer_auth(token);
    let sign = format!("{}/more", running.text("gatewayUrl"));
    let answer = client().get(sign).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let credentials = &answer["data"]["credentials"];
    let key = ["tmpSecretId", "TmpSecretId"].map(|name| credentials[name].as_str());
    let key = key.into_iter().flatten().next().unwrap();

    let mut events = get("events").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("/more") {
        text.push_str(&String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap()));
    }
    assert!(
        text.contains("\"service\":\"sts\"") && text.contains("\"verbs\":[\"upload\"]"),
        "{text}"
    );
    for name in ["tmpSecretKey", "TmpSecretKey", "sessionToken", "Token"] {
        let secret = credentials[name].as_str().unwrap_or("not in this answer");
        assert!(!text.contains(secret), "{name}");
    }

    let issued = get(&format!("credentials/{key}")).send().await.unwrap().text().await.unwrap();
    assert!(issued.contains("\"key\":\"users/*\""), "{issued}");
    assert_eq!(get("credentials/AKIDEMUunknown").send().await.unwrap().status(), 404);
    for (operation, object, is_allowed) in [
        ("PutObject", "users/1/a.txt", true),
        ("PutObject", "secret/a.txt", false),
        ("GetObject", "users/1/a.txt", false),
    ] {
        let order =
            serde_json::json!({"secretId": key, "operation": operation, "key": object, "bytes": 5});
        let order = client()
            .post(format!("{origin}/api/simulate"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(order.to_string());
        let answer = order.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["allowed"], is_allowed, "{operation} {object}: {answer}");
    }
    assert_eq!(running.end(Signal::INT), Some(0));
}
