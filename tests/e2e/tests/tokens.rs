//! `AUTH=jwt` on the deployed binary. A refusal makes no call to STS. The tables of headers,
//! claims, algorithms and keys are in the unit tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{
    API_KEY, Answer, Browser, EACH_KIND, HS_SECRET, KeyServer, Signer, TokenIssuer, printed,
};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

const ISSUER: &str = "https://issuer.example.com";
const ALL_ALGORITHMS: (&str, &str) = ("JWT_ALGORITHMS", "RS256,ES256,EdDSA");
const OK: &str = "HTTP/1.1 200 OK";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_issuer_is_accepted() {
    let issuer = new_issuer().await;
    for platform in EACH_KIND {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let url = keys.url();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &url), ALL_ALGORITHMS]).await;
        for (signer, kid) in
            [(Signer::Rs256, "rsa"), (Signer::Es256, "p256"), (Signer::EdDsa, "ed25519")]
        {
            let token = issuer.token(signer, kid, &good()).unwrap();
            let answer = ask(&browser, &token).await;
            assert_eq!(answer.status, 200, "{platform:?} {signer:?}: {answer:?}");
        }
        assert_eq!(cloud.sts().call_count(), 3, "{platform:?}");
        assert_eq!(keys.requests(), 1, "{platform:?}");
        for part in ["\"auth_method\":\"jwt\"", "\"key_name\":\"jwt\"", "\"subject\":\""] {
            assert!(printed(&cloud, part).await, "{platform:?}: {part}");
        }
        let output = cloud.function_output();
        assert!(!output.contains("person-1") && !output.contains("eyJ"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_be_settings() {
    let issuer = new_issuer().await;
    let rsa = issuer.rsa_pem().replace('\n', "\\n");
    let ed25519 = issuer.ed25519_pem();
    let secret = Signer::Hs256(HS_SECRET.as_bytes());
    for (name, value, signer, other) in [
        ("JWT_PUBLIC_KEY", &*rsa, Signer::Rs256, secret),
        ("JWT_PUBLIC_KEY", &ed25519, Signer::EdDsa, Signer::Es256),
        ("JWT_HS_SECRET", HS_SECRET, secret, Signer::Rs256),
    ] {
        let (cloud, browser) = start(Platform::ScfWeb, &[(name, value)]).await;
        let token = forged(&issuer, other, &json!({"alg": other.name()}));
        refused(&ask(&browser, &token).await, "`alg`");
        let token = forged(&issuer, other, &json!({"alg": signer.name()}));
        refused(&ask(&browser, &token).await, "signature");
        assert_eq!(cloud.sts().call_count(), 0, "{signer:?}");
        let token = issuer.token(signer, "any", &good()).unwrap();
        assert_eq!(ask(&browser, &token).await.status, 200, "{signer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_issuer_makes_no_outbound_call() {
    let (issuer, attacker) = (new_issuer().await, new_issuer().await);
    let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
    let canary = KeyServer::start(&attacker.jwks()).await.unwrap();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &keys.url())]).await;
    let url = canary.url();
    let root = url.trim_end_matches("/keys");
    for iss in [json!(root), json!(url), json!([ISSUER]), json!(null)] {
        let token = attacker.token(Signer::Rs256, "rsa", &with("iss", iss));
        refused(&ask(&browser, &token.unwrap()).await, "`iss`");
    }
    for name in ["jku", "x5u"] {
        let header = json!({"alg": "RS256", name: url});
        let token = forged(&attacker, Signer::Rs256, &header);
        refused(&ask(&browser, &token).await, name);
    }
    assert_eq!(keys.requests(), 0, "none of these tokens is worth a fetch");
    // A `kid` is not an address.
    let token = forged(&attacker, Signer::Rs256, &json!({"alg": "RS256", "kid": url}));
    refused(&ask(&browser, &token).await, "`kid`");
    let token = forged(&attacker, Signer::Rs256, &json!({"alg": "RS256", "kid": "rsa"}));
    refused(&ask(&browser, &token).await, "signature");
    assert_eq!((canary.requests(), keys.requests()), (0, 1));
    assert_eq!(cloud.sts().call_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwks_redirects_and_giants_are_refused() {
    let issuer = new_issuer().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    let elsewhere = KeyServer::start(&issuer.jwks()).await.unwrap();
    let jwks = issuer.jwks().to_string();
    let moved = "HTTP/1.1 301 Moved Permanently\r\nlocation: ";
    let moved = format!("{moved}{}", elsewhere.url());
    let metadata = "HTTP/1.1 302 Found\r\nlocation: http://169.254.0.23/latest/meta-data/";
    for (head, body) in [
        (&*moved, &*jwks),
        (metadata, ""),
        (OK, &format!("{}{jwks}", " ".repeat(100 * 1024))),
        (OK, "<html>CANARY-body-of-an-answer</html>"),
        (OK, &jwks.replacen('{', "{\"keys\":[],", 1)),
        ("HTTP/1.1 404 Not Found", &jwks),
        ("not HTTP", ""),
    ] {
        let keys = KeyServer::start(&json!({})).await.unwrap();
        keys.answer_with(head, body.as_bytes());
        let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &keys.url())]).await;
        unavailable(&ask(&browser, &token).await);
        assert!(printed(&cloud, "could not be fetched").await, "{head}");
        assert!(!cloud.function_output().contains("CANARY"), "{head}");
        assert_eq!((keys.requests(), cloud.sts().call_count()), (1, 0), "{head}");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_refused() {
    let issuer = new_issuer().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    // The other cloud's STS has a certificate of an authority that this function does not know.
    let other = cos_issuer_e2e::cloud().start().await.unwrap();
    let url = other.sts().https_url().to_owned();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &url)]).await;
    unavailable(&ask(&browser, &token).await);
    assert!(printed(&cloud, "invalid peer certificate").await);
    assert_eq!(cloud.sts().call_count() + other.sts().call_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_an_api_key_differ_in_their_form() {
    let issuer = new_issuer().await;
    let api_keys = "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";
    for platform in EACH_KIND {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let both = [("AUTH", "jwt,api-key"), ("API_KEYS", api_keys), ("JWT_JWKS_URL", &keys.url())];
        let (cloud, browser) = start(platform, &both).await;
        let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
        assert_eq!(ask(&browser, API_KEY).await.status, 200, "{platform:?}");
        assert_eq!(ask(&browser, &token).await.status, 200, "{platform:?}");
        for method in ["api-key", "jwt"] {
            assert!(printed(&cloud, &format!("\"auth_method\":\"{method}\"")).await);
        }
        let none = browser.get("/sign").await.unwrap();
        assert_eq!(none.body["codeDesc"], "AuthFailure.ProofMissing");
        let challenge = &none.headers["www-authenticate"];
        assert_eq!(challenge, "Bearer realm=\"cos-issuer\"");
        refused(&ask(&browser, "eyJhbGciOiJub25lIn0.e30.").await, "`alg`");
        let answer = ask(&browser, "eyJ.e30.e30.e30").await;
        assert_eq!(answer.body["codeDesc"], "AuthFailure.ApiKey");
        let two = browser.request("GET", "/sign");
        let two = two.header("authorization", format!("Bearer {token}"));
        let two = two.header("authorization", format!("Bearer {API_KEY}"));
        // A gateway may join two headers with a comma: then there is one, which is neither.
        assert_eq!(browser.send(two).await.unwrap().status, 401, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 2, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_elsewhere_than_in_its_header_is_not_a_credential() {
    let issuer = new_issuer().await;
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    for platform in EACH_KIND {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let (cloud, browser) = start(platform, &[("JWT_JWKS_URL", &keys.url())]).await;
        for (name, value) in [
            ("cookie", format!("access_token={token}; id_token={token}")),
            ("x-access-token", token.clone()),
            ("x-amzn-oidc-data", token.clone()),
            ("authorization", token.clone()),
            ("authorization", format!("JWT {token}")),
        ] {
            let request = browser.request("GET", "/sign").header(name, value);
            let answer = browser.send(request).await.unwrap();
            assert_eq!(answer.body["codeDesc"], "AuthFailure.ProofMissing", "{name}");
        }
        refused(&ask(&browser, &"x".repeat(9000)).await, "base64url");
        let calls = keys.requests() + cloud.sts().call_count();
        assert_eq!(calls, 0, "{platform:?}");
    }
}

async fn new_issuer() -> TokenIssuer {
    TokenIssuer::new().await.unwrap()
}

async fn start(platform: Platform, settings: &[(&str, &str)]) -> (Cloud, Browser) {
    let jwt = [("AUTH", "jwt"), ("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", "uploads,media")];
    cos_issuer_e2e::start(platform, &[&jwt, settings].concat()).await.unwrap()
}

async fn ask(browser: &Browser, bearer: &str) -> Answer {
    let request = browser.request("GET", "/sign");
    let request = request.header("authorization", format!("Bearer {bearer}"));
    browser.send(request).await.unwrap()
}

/// Good claims under any header.
fn forged(issuer: &TokenIssuer, signer: Signer<'_>, header: &Value) -> String {
    let (header, claims) = (header.to_string(), good().to_string());
    issuer.sign(signer, &header, &claims).unwrap()
}

fn good() -> Value {
    let (issued, expiry) = (now().saturating_sub(10), now().saturating_add(600));
    json!({"iss": ISSUER, "aud": "uploads", "sub": "person-1", "iat": issued, "exp": expiry})
}

/// Good claims but for one, which is absent when it is null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    let members = claims.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null());
    claims
}

fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

/// Refused with status 401, the reason, and without a credential.
#[track_caller]
fn refused(answer: &Answer, text: &str) {
    assert_eq!(answer.status, 401, "{text}: {answer:?}");
    assert_eq!(answer.body["codeDesc"], "AuthFailure.Token", "{answer:?}");
    assert_eq!(answer.body["code"], 4100);
    assert!(answer.body.get("data").is_none());
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains(text), "{text}: {message}");
    assert!(!message.contains("eyJ") && !message.contains("person"), "{message}");
    let challenge = &answer.headers["www-authenticate"];
    assert_eq!(challenge, "Bearer realm=\"cos-issuer\", error=\"invalid_token\"");
}

/// Status 503: nobody can be authenticated, so the client should try again.
#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["codeDesc"], "InternalError.TokenKeysUnavailable");
    assert!(answer.body.get("data").is_none());
    assert!(answer.headers.contains_key("retry-after"));
}
