//! `AUTH=hmac` on the deployed binary: the documented clients as printed, and refusals, which make
//! no call to STS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, Platform};
use cos_issuer::auth::hmac::signature::{ALGORITHM, SignedRequest};
use cos_issuer_e2e::{
    API_KEY, Answer, Browser, EACH_KIND, HMAC_KEY, Language, PLATFORMS, Variables, documented,
    issuer_on, printed,
};
use serde_json::json;
use tencent::secret::Secret;
use tencent::time::{Clock, SystemClock};

/// The SHA-256 of [`API_KEY`].
const API_KEYS: &str = "backend=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";

const NONCE: &str = "nonce-of-a-signed-request";

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_clients_are_answered() {
    for platform in EACH_KIND {
        let (cloud, _) = start(platform).await;
        for (count, language) in
            (1..).zip([Language::Shell, Language::Python, Language::JavaScript])
        {
            for (query, body) in [
                ("format=sdk&durationSeconds=900", String::new()),
                ("durationSeconds=900&format=sdk", scopes(&cloud)),
            ] {
                let answer = run(&cloud, language, HMAC_KEY, query, &body).await;
                assert_eq!(answer["code"], 0, "{platform:?} {language:?}");
                assert!(answer["credentials"].is_object(), "{platform:?} {language:?}");
            }
            assert_eq!(cloud.sts().call_count(), count * 2, "{platform:?}");
        }
        assert!(printed(&cloud, "\"auth_method\":\"hmac\"").await, "{platform:?}");
    }
}

/// Some gateways pass on the query decoded, some as sent: the signature covers the decoded one.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_valid_on_every_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform).await;
        let query = [("durationSeconds", "900"), ("format", "cvm")];
        let signed = Signed::now().of(&query);
        let wire = "/sts?%66ormat=c%76m&durationSeconds=%3900";
        let answer = send(&browser, "GET", wire, &signed.header()).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        assert_eq!(cloud.sts().call_count(), 1, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_covers_the_body_on_every_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform).await;
        let body = scopes(&cloud);
        let signed = Signed { method: "POST", body: body.clone(), ..Signed::now() };
        let send = async |path: &str, body: &str| {
            let request = browser
                .request("POST", path)
                .header("authorization", signed.header())
                .header("content-type", "application/json")
                .body(body.to_owned());
            browser.send(request).await.unwrap()
        };
        let other = body.replace("users/1/", "users/2/");
        assert_ne!(other, body);
        for body in [other.as_str(), ""] {
            refused(&send("/sts", body).await, "AuthFailure.Signature");
        }
        // Another path to the same route is another request.
        refused(&send("/sts-scope", &body).await, "AuthFailure.Signature");
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
        let answer = send("/sts", &body).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_of_a_signed_request_is_refused() {
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform).await;
        let header = Signed::now().header();
        assert_eq!(send(&browser, "GET", "/sts", &header).await.status, 200);
        for _ in 0..3 {
            let answer = send(&browser, "GET", "/sts", &header).await;
            refused(&answer, "AuthFailure.SignatureReplayed");
        }
        assert_eq!(cloud.sts().call_count(), 1, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_at_once_make_no_call() {
    for platform in EACH_KIND {
        let builder = issuer_on(platform).unwrap();
        let cloud = builder
            .env("AUTH", "api-key,hmac")
            .env("API_KEYS", API_KEYS)
            .env("API_KEY_HEADER", "x-api-key")
            .env("HMAC_KEYS", format!("device={HMAC_KEY}"))
            .start()
            .await
            .unwrap();
        let browser = Browser::of(&cloud).unwrap();
        let header = Signed::now().header();
        let request = || browser.request("GET", "/sts").header("x-api-key", API_KEY);
        let both = request().header("authorization", &header);
        let answer = browser.send(both).await.unwrap();
        refused(&answer, "AuthFailure.ProofAmbiguous");
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
        assert_eq!(browser.send(request()).await.unwrap().status, 200);
        assert_eq!(send(&browser, "GET", "/sts", &header).await.status, 200);
    }
}

async fn start(platform: Platform) -> (Cloud, Browser) {
    let keys = format!("device={HMAC_KEY} team=media");
    let settings = [("AUTH", "hmac"), ("HMAC_KEYS", &*keys)];
    cos_issuer_e2e::start(platform, &settings).await.unwrap()
}

async fn run(
    cloud: &Cloud,
    language: Language,
    key: &str,
    query: &str,
    body: &str,
) -> serde_json::Value {
    let settings = Variables::from([
        ("URL", cloud.gateway_url().unwrap()),
        ("KEY_ID", "device".to_owned()),
        ("KEY", key.to_owned()),
        ("QUERY", query.to_owned()),
        ("BODY", body.to_owned()),
    ]);
    documented("docs/hmac.md", language, &settings).await.unwrap()
}

async fn send(browser: &Browser, method: &str, path: &str, header: &str) -> Answer {
    let request = browser.request(method, path).header("authorization", header);
    browser.send(request).await.unwrap()
}

/// One scope below the prefix that the function grants.
fn scopes(cloud: &Cloud) -> String {
    let account = cloud.account();
    let (bucket, region) = (&account.bucket, &account.region);
    let scope = json!({"action": "name/cos:PutObject", "bucket": bucket, "prefix": "users/1/*", "region": region});
    json!([scope]).to_string()
}

/// A request of `/sts`, signed.
struct Signed {
    method: &'static str,
    body: String,
    timestamp: i64,
    query: Vec<(String, String)>,
}

impl Signed {
    fn now() -> Self {
        Self {
            method: "GET",
            body: String::new(),
            timestamp: SystemClock.now().unix_seconds(),
            query: Vec::new(),
        }
    }

    fn of(mut self, query: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.query = query.iter().map(owned).collect();
        self
    }

    fn header(&self) -> String {
        let request = SignedRequest {
            timestamp: self.timestamp,
            nonce: NONCE,
            method: self.method,
            path: "/sts",
            query: &self.query,
            body: &self.body,
        };
        let signature = request.sign(&Secret::new(HMAC_KEY.to_owned()).unwrap());
        let timestamp = self.timestamp;
        format!(
            "{ALGORITHM} KeyId=device, Timestamp={timestamp}, Nonce={NONCE}, Signature={signature}"
        )
    }
}

#[track_caller]
fn refused(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.body["codeDesc"], name);
    assert!(answer.body.get("data").is_none());
    assert!(answer.header("www-authenticate").contains(ALGORITHM));
}
