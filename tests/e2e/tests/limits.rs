//! Limits and the kill switch of a server, as a process.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::fs;
use std::path::Path;

use cos_emulator::Cloud;
use cos_issuer_e2e::{Answer, Browser, Process, Signer, TokenIssuer, cloud};
use serde_json::json;
use tencent::sign::digest::sha256_hex;
use tencent::time::{Clock, SystemClock};

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

/// Callers ask all the time while the keys change.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_tokens_are_read_again_without_dropping_a_request() {
    let [old, new] = [TokenIssuer::new().await.unwrap(), TokenIssuer::new().await.unwrap()];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let write = |text: &str| fs::write(&path, text).unwrap();
    let keys = |issuers: &[&TokenIssuer]| {
        let keys = issuers.iter().map(|issuer| issuer.jwks()["keys"][0].clone());
        // A `kid` is needed once in a set.
        let named = keys.zip(["old", "new"]).map(|(mut key, kid)| {
            key["kid"] = kid.into();
            key
        });
        json!({ "keys": named.collect::<Vec<_>>() }).to_string()
    };
    write(&keys(&[&old]));
    let mut server = Server::start(&[
        ("AUTH", "jwt"),
        ("API_KEYS", ""),
        ("JWT_ISSUER", "https://login.example.com/"),
        ("JWT_AUDIENCE", "uploads"),
        ("JWT_JWKS_FILE", path.to_str().unwrap()),
        ("THREADS", "2"),
    ])
    .await;
    let now = SystemClock.now().unix_seconds();
    let claims = json!({"iss": "https://login.example.com/", "aud": "uploads", "sub": "user-1",
        "iat": now, "exp": now + 3600});
    let old_token = old.token(Signer::Rs256, "old", &claims).unwrap();
    let new_token = new.token(Signer::Rs256, "new", &claims).unwrap();
    assert_eq!(server.ask(&old_token).await.status, 200);
    assert_eq!(server.ask(&new_token).await.status, 401);

    let busy: Vec<_> = (0..4)
        .map(|_| {
            let (browser, token) = (server.browser.another().unwrap(), old_token.clone());
            tokio::spawn(async move {
                for _ in 0..50 {
                    let request = browser.request("GET", "/sts");
                    let request = request.header("authorization", format!("Bearer {token}"));
                    assert_eq!(browser.send(request).await.unwrap().status, 200);
                }
            })
        })
        .collect();
    write("nonsense");
    server.process.hang_up();
    let line = server.process.printed("the keys of tokens are unchanged").await.unwrap();
    assert!(line.contains("JWT_JWKS_FILE"), "{line}");
    write(&keys(&[&old, &new]));
    server.process.hang_up();
    server.process.printed("the keys of tokens were read again").await.unwrap();
    assert_eq!(server.ask(&new_token).await.status, 200);
    for caller in busy {
        caller.await.unwrap();
    }

    // The withdrawn key counts no more, although the set has one of its name.
    write(&keys(&[&new]).replace("\"old\"", "\"new\""));
    server.process.hang_up();
    server.process.printed("the keys of tokens were read again").await.unwrap();
    assert_eq!(server.ask(&old_token).await.status, 401);
    assert_eq!(server.ask(&new_token).await.status, 200);
}

fn grant_named(name: &str) -> String {
    format!(
        "[[grant]]\nname = \"{name}\"\nmatch = \"everyone\"\nbucket = \"examplebucket-1250000000\"\n\
         region = \"ap-guangzhou\"\nprefix = \"users/{{sub}}/\"\nallow = [\"download\"]\n"
    )
}
