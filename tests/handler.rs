//! The handler answers every request: a panic too, and within the time that the platform leaves.

#![expect(clippy::panic, clippy::expect_used, reason = "a helper that fails must fail its test")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cos_issuer::app::App;
use cos_issuer::auth::{
    Algorithm, AudienceClaim, Authenticator, FetchError, JwksCache, KeySource, TokenVerifier,
    TokenVerifiers, Validation, Verifier,
};
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::{Entropy, EntropyError, SystemEntropy};
use cos_issuer::handler::Handler;
use cos_issuer::request::{Inbound, Request, RequestId};
use cos_issuer::response::Response;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};
use tokio::time::Instant;

struct BrokenEntropy;

impl Entropy for BrokenEntropy {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        panic!("CANARY: the entropy is broken")
    }
}

/// The time of the runtime, which a test can let pass at once.
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn unix_milliseconds(&self) -> u64 {
        let elapsed = self.0.elapsed().as_millis();
        let elapsed = u64::try_from(elapsed).expect("milliseconds");
        SystemClock.unix_milliseconds().saturating_add(elapsed)
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_request_is_served() {
    let mut handler = handler("http://127.0.0.1:9", Arc::new(SystemClock));
    handler.entropy = Arc::new(BrokenEntropy);

    let mut new_object = request("/getKeyAndCredentials");
    new_object.query.push(("ext".to_owned(), "jpg".to_owned()));
    let response = handle(&handler, &new_object, Duration::MAX).await;
    assert_eq!(response.status.as_u16(), 500);
    let body = body(&response);
    assert_eq!(body["codeDesc"], "InternalError");
    assert_eq!(body["requestId"], "request-1");
    assert!(!response.body.contains("CANARY"));

    let response = handle(&handler, &request("/healthz"), Duration::MAX).await;
    assert_eq!(response.status.as_u16(), 200);
}

/// Fetching keys and calling STS share one deadline.
#[tokio::test(start_paused = true)]
async fn the_time_that_a_token_took_is_not_left_for_sts() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let clock = Arc::new(RuntimeClock(present()));
    let mut handler = handler(&format!("http://{address}"), clock);
    let signer = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
    let public = URL_SAFE_NO_PAD.encode(signer.public_key());
    let jwks = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public}]}).to_string();
    let fetch = move || -> BoxFuture<'static, Result<Vec<u8>, FetchError>> {
        let jwks = jwks.clone().into_bytes();
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(jwks)
        })
    };
    let algorithms = vec![Algorithm::EdDsa];
    let keys = KeySource::Remote(JwksCache::with_fetch(Box::new(fetch), algorithms.clone(), None));
    let validation = Validation {
        audience_claim: AudienceClaim::Aud,
        issuer: "issuer".to_owned(),
        audiences: vec!["audience".to_owned()],
        algorithms,
        leeway_seconds: 30,
        max_age_seconds: 3600,
    };
    let tokens = TokenVerifier::new(validation, keys);
    handler.authentication =
        Authenticator::OneOf(vec![Verifier::Jwt(TokenVerifiers::new(vec![tokens]))]);
    let now = SystemClock.now().unix_seconds();
    let claims =
        json!({"iss": "issuer", "aud": "audience", "sub": "u-1", "iat": now, "exp": now + 600});
    let parts =
        [json!({"alg": "EdDSA"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = parts.join(".");
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(message.as_bytes()));
    let bearer = format!("Bearer {message}.{signature}");

    let mut requested = request("/sign");
    requested.headers.insert(AUTHORIZATION, bearer.parse().expect("a header"));
    let started = present();
    let response = handle(&handler, &requested, Duration::from_millis(1000)).await;
    assert_eq!(response.status.as_u16(), 504, "{}", response.body);
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

fn handler(sts: &str, clock: Arc<dyn Clock>) -> Handler {
    let environment: Environment = [
        ("AUTH", "none"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("BUCKET", "examplebucket-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        ("EXTENSIONS", "jpg"),
        ("STS_ENDPOINTS", sts),
    ]
    .into_iter()
    .collect();
    let settings = Settings::read(&environment, &|_| Ok(Vec::new()));
    let settings = settings.unwrap_or_else(|errors| panic!("{errors:?}"));
    App::new(settings, clock, |path| std::fs::read(path)).expect("TLS").handler
}

fn request(path: &str) -> Request {
    let inbound = Inbound { path: path.to_owned(), ..Inbound::default() };
    inbound.check().expect("a request")
}

async fn handle(handler: &Handler, request: &Request, limit: Duration) -> Response {
    let id = RequestId::from_platform(Some("request-1"), &SystemEntropy);
    let deadline = Deadline::after(limit, &*handler.clock);
    handler.handle(request, &id, deadline).await
}

#[expect(clippy::disallowed_methods, reason = "the clock of the test itself")]
fn present() -> Instant {
    Instant::now()
}

fn body(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}
