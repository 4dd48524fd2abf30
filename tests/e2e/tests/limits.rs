//! Limits and the kill switch of a server, as a process.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::fs;
use std::path::Path;

use cos_emulator::Cloud;
use cos_issuer_e2e::{Answer, Browser, Process, cloud};
use tencent::sign::digest::sha256_hex;

const KEYS: [&str; 2] =
    ["CANARY-key-of-user-1-0123456789abcdef01", "CANARY-key-of-user-2-0123456789abcdef01"];

/// A server whose callers have the keys of [`KEYS`], and the cloud that it calls.
struct Server {
    process: Process,
    browser: Browser,
    cloud: Cloud,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let cloud = cloud().start().await.unwrap();
        let [one, two] = KEYS.map(|key| sha256_hex(key.as_bytes()));
        let api_keys = format!("phone={one} sub=user-1; tablet={two} sub=user-2");
        let own = [("AUTH", "api-key"), ("API_KEYS", api_keys.as_str())];
        let mut process = Process::calling(&cloud, &[&own, settings].concat()).unwrap();
        let address = process.address().await.unwrap();
        let browser = Browser::at(format!("http://{address}")).unwrap();
        Self { process, browser, cloud }
    }

    async fn ask(&self, key: &str) -> Answer {
        let request =
            self.browser.request("GET", "/sts").header("authorization", format!("Bearer {key}"));
        self.browser.send(request).await.unwrap()
    }

    async fn code(&self, key: &str) -> (u16, String) {
        let answer = self.ask(key).await;
        let code = answer.body["codeDesc"].as_str().filter(|_| answer.status != 200);
        (answer.status, code.unwrap_or_default().to_owned())
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_over_the_limit_is_refused_and_no_other_caller_is() {
    let settings = [("RATE_LIMIT", "2/1h"), ("RATE_LIMIT_BLOCK", "30m")];
    let server = Server::start(&settings).await;
    let granted = refused(200, "");
    assert_eq!(server.code(KEYS[0]).await, granted);
    assert_eq!(server.code(KEYS[0]).await, granted);
    let limited = server.ask(KEYS[0]).await;
    assert_eq!(
        (limited.status, &limited.body["codeDesc"]),
        (429, &"RequestLimitExceeded.RateLimit".into())
    );
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1799..=3600).contains(&wait), "{wait}");

    // Requests without valid credentials count for the address, which is not that of a caller.
    let unknown = "CANARY-key-of-nobody-0123456789abcdef0";
    for _ in 0..2 {
        assert_eq!(server.code(unknown).await, refused(401, "AuthFailure.ApiKey"));
    }
    for _ in 0..9 {
        assert_eq!(server.code(unknown).await, refused(429, "RequestLimitExceeded.RateLimit"));
    }
    assert_eq!(server.code(unknown).await, refused(429, "RequestLimitExceeded.Blocked"));
    assert_eq!(server.code(KEYS[1]).await, granted);
    assert_eq!(server.cloud.sts().call_count(), 3, "a refusal calls nobody");
    let health = server.browser.get("/healthz").await.unwrap();
    assert_eq!(health.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_caller_gets_nothing_and_no_call_is_made() {
    let off = refused(403, "UnauthorizedOperation.SwitchedOff");
    let granted = refused(200, "");
    for (entry, expected) in [
        ("sub:user-1", [&off, &granted]),
        ("key:tablet", [&granted, &off]),
        ("sub:user-3,key:user-1", [&granted, &granted]),
        ("all", [&off, &off]),
    ] {
        let server = Server::start(&[("DENY", entry)]).await;
        for (key, expected) in KEYS.into_iter().zip(expected) {
            assert_eq!(server.code(key).await, *expected, "{entry}");
        }
        let calls = expected.iter().filter(|expected| **expected == &granted).count();
        assert_eq!(server.cloud.sts().call_count(), calls, "{entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_again_and_a_file_with_an_error_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (deny, grants) =
        (write("deny.txt", "# nobody\n"), write("grants.toml", &grant_named("pictures")));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (deny, grants_file) = (text(&deny), text(&grants));
    let one_grant = ["BUCKET", "REGION", "PREFIX", "ALLOW"].map(|name| (name, ""));
    let mut settings = vec![("DENY_FILE", deny.as_str()), ("GRANTS_FILE", &grants_file)];
    settings.extend(one_grant);
    let mut server = Server::start(&settings).await;
    let (granted, off) = (200, 403);
    assert_eq!(server.ask(KEYS[0]).await.status, granted);

    // Without a signal, a change counts within 30 seconds; an error changes nothing.
    write("deny.txt", "sub:user-1\n");
    server.process.printed("the kill switch has changed").await.unwrap();
    assert_eq!(server.code(KEYS[0]).await, refused(403, "UnauthorizedOperation.SwitchedOff"));
    assert_eq!(server.ask(KEYS[1]).await.status, granted);

    write("deny.txt", "user-1\n");
    write("grants.toml", "nonsense");
    server.process.hang_up();
    let line = server.process.printed("the grants are unchanged").await.unwrap();
    assert!(line.contains("GRANTS_FILE"), "{line}");
    let line = server.process.printed("the kill switch is unchanged").await.unwrap();
    assert!(line.contains("line 1"), "{line}");
    assert_eq!(server.ask(KEYS[0]).await.status, off);
    assert_eq!(server.ask(KEYS[1]).await.status, granted);

    write("deny.txt", "grant:media\n");
    write("grants.toml", &grant_named("media"));
    server.process.hang_up();
    server.process.printed("the grants were read again").await.unwrap();
    server.process.printed("the kill switch has changed").await.unwrap();
    assert_eq!(server.code(KEYS[1]).await, refused(403, "UnauthorizedOperation.SwitchedOff"));
}

fn grant_named(name: &str) -> String {
    format!(
        "[[grant]]\nname = \"{name}\"\nmatch = \"everyone\"\nbucket = \"examplebucket-1250000000\"\n\
         region = \"ap-guangzhou\"\nprefix = \"users/{{sub}}/\"\nallow = [\"download\"]\n"
    )
}
