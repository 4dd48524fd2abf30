//! Two servers that share a real store, which is killed and restarted in the middle.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::time::Duration;

use cos_emulator::Cloud;
use cos_issuer_e2e::{Answer, Browser, HMAC_KEY, Process, Store, TlsRelay, cloud, signed};
use tencent::sign::digest::sha256_hex;

const API_KEY: &str = "CANARY-key-of-user-1-0123456789abcdef01";

struct World {
    servers: [(Process, Browser); 2],
    store: Store,
    cloud: Cloud,
}

impl World {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let (cloud, store) = (cloud().start().await.unwrap(), Store::start().await.unwrap());
        let servers =
            [server(&cloud, &store, settings).await, server(&cloud, &store, settings).await];
        Self { servers, store, cloud }
    }

    async fn with_key(&self, server: usize) -> Answer {
        self.send(server, format!("Bearer {API_KEY}")).await
    }

    async fn signed(&self, server: usize, nonce: &str) -> Answer {
        self.send(server, signed(nonce)).await
    }

    async fn send(&self, server: usize, authorization: String) -> Answer {
        let browser = &self.servers[server].1;
        let request = browser.request("GET", "/sts").header("authorization", authorization);
        browser.send(request).await.unwrap()
    }

    /// Sends signed requests until one gets `status`, for so many seconds.
    async fn until(&self, server: usize, seconds: u32, status: u16) {
        let mut last = None;
        for number in 0..seconds {
            let answer = self.signed(server, &format!("nonce-until-{server}-{number:06}")).await;
            if answer.status == status {
                return;
            }
            last = Some(answer);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(last.is_none(), "{last:?}");
    }
}

async fn server(cloud: &Cloud, store: &Store, settings: &[(&str, &str)]) -> (Process, Browser) {
    let api_keys = format!("phone={} sub=user-1", sha256_hex(API_KEY.as_bytes()));
    let hmac_keys = format!("backend={HMAC_KEY} sub=user-2");
    let store = store.url();
    let own = [
        ("AUTH", "api-key,hmac"),
        ("API_KEYS", api_keys.as_str()),
        ("HMAC_KEYS", &hmac_keys),
        ("SHARED_STORE", &store),
    ];
    let mut process = Process::calling(cloud, &[&own, settings].concat()).unwrap();
    let address = process.address().await.unwrap();
    (process, Browser::at(format!("http://{address}")).unwrap())
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.body["codeDesc"].as_str()),
        (status, Some(code)),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_counts_once_and_a_limit_counts_together_on_all_instances() {
    let world = World::start(&[("RATE_LIMIT", "3/1h")]).await;
    let again = signed("nonce-of-one-request");
    assert_eq!(world.send(0, again.clone()).await.status, 200);
    assert_refused(&world.send(1, again.clone()).await, 401, "AuthFailure.SignatureReplayed");
    assert_refused(&world.send(0, again).await, 401, "AuthFailure.SignatureReplayed");

    for server in [0, 1, 0] {
        assert_eq!(world.with_key(server).await.status, 200);
    }
    for server in [0, 1] {
        let answer = world.with_key(server).await;
        assert_refused(&answer, 429, "RequestLimitExceeded.RateLimit");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1190..=2400).contains(&wait), "{wait}");
    }
    assert_eq!(world.cloud.sts().call_count(), 4);

    let kept = world.store.command("KEYS *").await.unwrap();
    assert!(kept.contains("cos-issuer:nonce:backend:nonce-of-one-request"), "{kept}");
    assert!(!kept.contains("CANARY") && !kept.contains("user-1"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_kill_switch_counts_on_every_instance_within_30_seconds() {
    let world = World::start(&[]).await;
    world.store.command("SADD cos-issuer:deny nonsense key:phone").await.unwrap();
    for server in [0, 1] {
        let answer = world.with_key(server).await;
        assert_refused(&answer, 403, "UnauthorizedOperation.SwitchedOff");
    }
    world.store.command("SADD cos-issuer:deny sub:user-2").await.unwrap();
    for server in [0, 1] {
        world.until(server, 30, 403).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_a_server_refuses_signed_requests_and_limits_by_itself() {
    let mut world = World::start(&[("RATE_LIMIT", "4/1h")]).await;
    world.store.command("SADD cos-issuer:deny sub:user-3").await.unwrap();
    assert_eq!(world.signed(0, "nonce-before-the-kill").await.status, 200);
    world.store.kill().await.unwrap();

    for number in 0..2 {
        let answer = world.signed(0, &format!("nonce-while-it-is-down-{number}")).await;
        assert_refused(&answer, 503, "InternalError.SharedStoreUnavailable");
        assert!((1..=15).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    }
    let line = world.servers[0].0.printed("the shared store is down").await.unwrap();
    assert!(!line.contains(Store::PASSWORD), "{line}");
    for _ in 0..4 {
        assert_eq!(world.with_key(0).await.status, 200);
    }
    assert_refused(&world.with_key(0).await, 429, "RequestLimitExceeded.RateLimit");
    assert_eq!(world.with_key(1).await.status, 200, "the other instance counts by itself");

    world.store.restart().await.unwrap();
    world.until(0, 15, 200).await;
    world.servers[0].0.printed("the shared store is available again").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_store_and_writes_no_password() {
    let (cloud, mut store) = (cloud().start().await.unwrap(), Store::start().await.unwrap());
    store.kill().await.unwrap();
    let (process, browser) = server(&cloud, &store, &[]).await;
    assert_eq!(browser.get("/readyz").await.unwrap().status, 200);
    let request =
        browser.request("GET", "/sts").header("authorization", signed("nonce-of-a-vain-request"));
    let answer = browser.send(request).await.unwrap();
    assert_refused(&answer, 503, "InternalError.SharedStoreUnavailable");
    process.terminate();
    let (code, printed) = process.ended().await.unwrap();
    assert_eq!(code, Some(0));
    assert!(!printed.contains("CANARY"), "{printed}");
    assert_eq!(cloud.sts().call_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_tls_is_used_only_with_a_certificate_that_is_trusted() {
    let (cloud, store) = (cloud().start().await.unwrap(), Store::start().await.unwrap());
    let relay = TlsRelay::start(store.address()).await.unwrap();
    let other = TlsRelay::start(store.address()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, relay: &TlsRelay| {
        let path = folder.path().join(name);
        std::fs::write(&path, relay.certificate()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (own, others) = (file("own.pem", &relay), file("other.pem", &other));
    let url = format!("rediss://:{}@{}/1", Store::PASSWORD, relay.address());
    let none = [("SHARED_STORE", url.as_str())];
    for (settings, is_trusted) in [
        (&[none[0], ("SHARED_STORE_CA_FILE", &own)][..], true),
        (&[none[0], ("SHARED_STORE_CA_FILE", &others)], false),
        (&none, false),
    ] {
        let (mut process, browser) = server(&cloud, &store, settings).await;
        let authorization = signed(&format!("nonce-through-tls-{is_trusted}"));
        let send = async || {
            let request = browser.request("GET", "/sts").header("authorization", &authorization);
            browser.send(request).await.unwrap()
        };
        if is_trusted {
            assert_eq!(send().await.status, 200);
            assert_refused(&send().await, 401, "AuthFailure.SignatureReplayed");
        } else {
            assert_refused(&send().await, 503, "InternalError.SharedStoreUnavailable");
            let line = process.printed("the shared store is down").await.unwrap();
            assert!(line.contains("certificate") && !line.contains("CANARY"), "{line}");
        }
    }
    let kept = store.command("KEYS *").await.unwrap();
    assert!(kept.contains("nonce-through-tls-true") && !kept.contains("tls-false"), "{kept}");
}
