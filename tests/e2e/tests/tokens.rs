//! `AUTH=jwt` on the deployed binary. A refusal makes no call to STS. The tables of headers, claims
//! and keys are in the unit tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::sync::Arc;

use cos_emulator::{Cloud, EmulatedClock, LambdaEvent, Platform, ScfEvent};
use cos_issuer::app::App;
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::SystemEntropy;
use cos_issuer::request::{Inbound, RequestId};
use cos_issuer_e2e::{
    API_KEY, Answer, Browser, HS_SECRET, KeyServer, NO_CACHE, Signer, TokenIssuer, printed,
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

/// A web function, which is a plain server, and one event platform of each cloud.
const ON: [Platform; 3] =
    [Platform::ScfWeb, Platform::Scf(ScfEvent::ApiGateway), Platform::Lambda(LambdaEvent::HttpApi)];

const ISSUER: &str = "https://issuer.example.com";
const ALL_ALGORITHMS: (&str, &str) = ("JWT_ALGORITHMS", "RS256,ES256,EdDSA");
const OK: &str = "HTTP/1.1 200 OK";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_issuer_is_accepted() {
    let issuer = new_issuer().await;
    for platform in ON {
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

/// What the issuer publishes replaces its previous keys after five minutes, even if nothing in it
/// can be used.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_key_counts_for_five_minutes() {
    let (issuer, other) = (new_issuer().await, new_issuer().await);
    let rsa = issuer.jwks()["keys"][0].clone();
    let with = |name: &str, value: &str| {
        let mut jwk = rsa.clone();
        jwk[name] = json!(value);
        json!({"keys": [jwk]})
    };
    let symmetric = json!({"kty": "oct", "kid": "rsa", "alg": "HS256", "k": "CANARYCANARYCANARYCANARYCANARYCANARYCANARYCA"});
    let mut others = other.jwks()["keys"][0].clone();
    others["kid"] = json!("others");
    let mut many = vec![others; 64];
    many.push(rsa.clone());
    let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
    clock.freeze();
    let shared: Arc<dyn Clock> = Arc::<EmulatedClock>::clone(&clock);
    let cloud = cos_issuer_e2e::cloud().clock(Arc::clone(&shared)).start();
    let cloud = cloud.await.unwrap();
    for (case, jwks) in [
        ("withdrawn", json!({"keys": [other.jwks()["keys"][1]]})),
        ("emptied", json!({"keys": []})),
        ("another algorithm", with("alg", "RS512")),
        ("not for signatures", with("use", "enc")),
        ("symmetric", json!({"keys": [symmetric]})),
        ("behind 64 others", json!({"keys": many})),
    ] {
        let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
        let environment = jwt_settings(&cloud, &keys.url());
        let settings = Settings::read(&environment, &|_| Ok(Vec::new())).unwrap();
        let handler = App::new(settings, Arc::clone(&shared)).unwrap().handler;
        let ask = async || {
            let now = clock.now().unix_seconds();
            let claims = json!({"iss": ISSUER, "aud": "uploads", "sub": "person-1", "iat": now, "exp": now + 600});
            let token = issuer.token(Signer::Rs256, "rsa", &claims).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
            let inbound = Inbound { path: "/sign".to_owned(), headers, ..Inbound::default() };
            let (request, deadline) = (inbound.check().unwrap(), Deadline::unlimited(&*clock));
            let id = RequestId::from_platform(None, &SystemEntropy);
            let response = handler.handle(&request, &id, deadline).await;
            response.status.as_u16()
        };
        let calls = cloud.sts().call_count();
        assert_eq!(ask().await, 200, "{case}");
        keys.answer_with(OK, jwks.to_string().as_bytes());
        clock.advance(299);
        assert_eq!(ask().await, 200, "{case}");
        for seconds in [1, 60, 3600] {
            clock.advance(seconds);
            assert_eq!(ask().await, 401, "{case}");
        }
        // An outage is not a withdrawal: with the key again, it counts through one.
        keys.answer_with(OK, issuer.jwks().to_string().as_bytes());
        clock.advance(30);
        assert_eq!(ask().await, 200, "{case}");
        keys.answer_with("HTTP/1.1 503 Service Unavailable", b"");
        clock.advance(3600);
        assert_eq!(ask().await, 200, "{case}");
        assert_eq!(cloud.sts().call_count(), calls + 4, "{case}");
    }
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

/// Tokens under another algorithm or key than they were signed with, and secrets that are public.
#[tokio::test(flavor = "multi_thread")]
async fn algorithm_confusion_is_refused() {
    let (issuer, attacker) = (new_issuer().await, new_issuer().await);
    let jwks = issuer.jwks();
    let own = &attacker.jwks()["keys"][0];
    let pem = issuer.rsa_pem();
    let modulus = jwks["keys"][0]["n"].as_str().unwrap();
    let keys = KeyServer::start(&jwks).await.unwrap();
    let url = keys.url();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &url), ALL_ALGORITHMS]).await;
    let by_pem = Signer::Hs256(pem.as_bytes());
    let by_modulus = Signer::Hs256(modulus.as_bytes());
    for (issuer, signer, alg, kid, text) in [
        (&issuer, Signer::Nothing, "none", "rsa", "`alg`"),
        (&issuer, Signer::Nothing, "RS256", "rsa", "signature"),
        (&issuer, Signer::Ps256, "PS256", "rsa", "`alg`"),
        (&issuer, Signer::Ps256, "RS256", "rsa", "signature"),
        (&issuer, Signer::EdDsa, "ES256", "p256", "signature"),
        (&issuer, Signer::Es256, "ES256", "rsa", "`kid`"),
        (&issuer, by_pem, "HS256", "rsa", "`alg`"),
        (&issuer, by_pem, "RS256", "rsa", "signature"),
        (&issuer, by_modulus, "RS256", "rsa", "signature"),
        (&attacker, Signer::Rs256, "RS256", "rsa", "signature"),
    ] {
        let token = forged(issuer, signer, &json!({"alg": alg, "kid": kid}));
        refused(&ask(&browser, &token).await, text);
    }
    let header = json!({"alg": "RS256", "jwk": own});
    let token = forged(&attacker, Signer::Rs256, &header);
    refused(&ask(&browser, &token).await, "`jwk`");
    assert_eq!((keys.requests(), cloud.sts().call_count()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_missing_or_wrong_are_refused() {
    let issuer = new_issuer().await;
    let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
    let (cloud, browser) = start(Platform::ScfWeb, &[("JWT_JWKS_URL", &keys.url())]).await;
    for (name, value, text) in
        [("aud", json!(null), "`aud` is missing"), ("exp", json!(now() - 60), "expired")]
    {
        let token = issuer.token(Signer::Rs256, "rsa", &with(name, value)).unwrap();
        refused(&ask(&browser, &token).await, text);
    }
    assert_eq!((keys.requests(), cloud.sts().call_count()), (0, 0));
    let token = issuer.token(Signer::Rs256, "rsa", &with("aud", json!(["other", "media"])));
    assert_eq!(ask(&browser, &token.unwrap()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_random_kids_causes_at_most_two_fetches() {
    let issuer = new_issuer().await;
    let keys = KeyServer::start(&issuer.jwks()).await.unwrap();
    let settings = [("JWT_JWKS_URL", &*keys.url()), ("LOG", "error")];
    let (cloud, browser) = start(Platform::ScfWeb, &settings).await;
    let started = now();
    // One after the other, so that all of them meet one instance.
    for n in 0..1000 {
        let header = json!({"alg": "RS256", "kid": format!("kid-{n}")});
        let token = forged(&issuer, Signer::Nothing, &header);
        refused(&ask(&browser, &token).await, "`kid`");
    }
    // One at once, and one for each cooldown, of which a busy machine may need more than one.
    let cooldowns = usize::try_from((now() - started) / 30).unwrap();
    let fetches = keys.requests();
    assert!((1..=1 + cooldowns.max(1)).contains(&fetches), "{fetches}");
    assert_eq!(cloud.sts().call_count(), 0);
    let token = issuer.token(Signer::Rs256, "rsa", &good()).unwrap();
    assert_eq!(ask(&browser, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_an_api_key_differ_in_their_form() {
    let issuer = new_issuer().await;
    let api_keys = "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";
    for platform in ON {
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
    for platform in ON {
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

/// The settings of a function in the test's own process, whose clock can be moved.
fn jwt_settings(cloud: &Cloud, jwks_url: &str) -> Environment {
    let (account, key) = (cloud.account(), cloud.sub_account_key());
    let sts = cloud.sts().http_url();
    [
        ("AUTH", "jwt"),
        ("JWT_ISSUER", ISSUER),
        ("JWT_AUDIENCE", "uploads"),
        ("JWT_JWKS_URL", jwks_url),
        ("SECRET_ID", &key.secret_id),
        ("SECRET_KEY", &key.secret_key),
        ("STS_ENDPOINTS", &sts),
        ("BUCKET", &account.bucket),
        ("REGION", &account.region),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        NO_CACHE,
    ]
    .into_iter()
    .collect()
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
