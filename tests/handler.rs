//! The handler always responds: after a panic as well, and within the time that the platform
//! leaves.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cos_issuer::app::App;
use cos_issuer::auth::{
    Algorithm, Authenticator, FetchError, JwksCache, KeySource, TokenVerifier, Validation, Verifier,
};
use cos_issuer::config::{Environment, Settings};
use cos_issuer::handler::Handler;
use cos_issuer::request::{Request, RequestId, Unverified};
use cos_issuer::response::Response;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

struct BrokenClock;

impl Clock for BrokenClock {
    fn unix_milliseconds(&self) -> u64 {
        panic!("CANARY: the clock is broken")
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_request_is_served() {
    let handler = handler("http://127.0.0.1:9", Arc::new(BrokenClock));

    let response = handler.handle(&request("/sign")).await;
    assert_eq!(response.status.as_u16(), 500);
    let body = body(&response);
    assert_eq!(body["codeDesc"], "InternalError");
    assert_eq!(body["requestId"], "request-1");
    assert!(!response.body.contains("CANARY"));

    let response = handler.handle(&request("/healthz")).await;
    assert_eq!(response.status.as_u16(), 200);
}

/// Fetching keys and calling STS share one deadline.
#[tokio::test(start_paused = true)]
async fn the_time_that_a_token_took_is_not_left_for_sts() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    let mut handler = handler(&format!("http://{address}"), Arc::new(SystemClock));
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
    handler.authentication = Authenticator::OneOf(vec![Verifier::Jwt(TokenVerifier {
        keys: KeySource::Remote(JwksCache::with_fetch(Box::new(fetch), algorithms.clone())),
        validation: Validation {
            issuer: "issuer".to_owned(),
            audiences: vec!["audience".to_owned()],
            algorithms,
            leeway_seconds: 30,
            max_age_seconds: 3600,
        },
    })]);
    let now = SystemClock.now().unix_seconds();
    let claims =
        json!({"iss": "issuer", "aud": "audience", "sub": "u-1", "iat": now, "exp": now + 600});
    let parts =
        [json!({"alg": "EdDSA"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = parts.join(".");
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(message.as_bytes()));
    let bearer = format!("Bearer {message}.{signature}");

    let mut asked = request("/sign");
    asked
        .headers
        .insert(AUTHORIZATION, bearer.parse().expect("a header"));
    asked.time_left = Some(Duration::from_millis(1000));
    let started = tokio::time::Instant::now();
    let response = handler.handle(&asked).await;
    assert_eq!(response.status.as_u16(), 504, "{}", response.body);
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
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
        ("STS_ENDPOINTS", sts),
    ]
    .into_iter()
    .collect();
    let settings = Settings::read(&environment, &|_| Ok(Vec::new()));
    let settings = settings.unwrap_or_else(|errors| panic!("{errors:?}"));
    App::new(settings, clock).expect("TLS").handler
}

fn request(path: &str) -> Request {
    let unverified = Unverified {
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        identity: None,
    };
    Request::new(
        unverified,
        RequestId::from_platform(Some("request-1")),
        None,
    )
    .expect("a request")
}

fn body(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}
