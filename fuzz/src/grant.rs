//! Grants, callers and a request from arbitrary bytes: what would be sent to STS, checked against
//! what the grants mean, for the gateway's callers and those of each token issuer.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cos_issuer::app::App;
use cos_issuer::auth::Principal;
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::{Entropy, EntropyError};
use cos_issuer::grant::Authorized;
use cos_issuer::handler::Handler;
use cos_issuer::rate_limit::{RateLimit, RateLimiter};
use cos_issuer::request::{
    CredentialRequest, Identity, IdentitySource, Inbound, IssueRoute, Request,
};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, header};
use oracle::grants::{Caller, Issued, Requested, Role, Scope, World};
use serde_json::{Value, json};
use sha2::Sha256;
use tencent::cam::{Policy, new_access};
use tencent::time::Clock;

/// What came of one world, by caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// How many got nothing: the file, their proof or the request was rejected.
    pub refused: u32,
    /// How many got a policy.
    pub issued: u32,
    /// How many of these have a token.
    pub issued_by_token: u32,
    /// How many of these get it by a role that a grant names.
    pub issued_by_role: u32,
    /// How many of the tried accesses the policies allow.
    pub allowed: usize,
}

/// The same bytes each time, so that an input can be tried again.
struct Fixed([u8; 16]);

impl Entropy for Fixed {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        Ok(self.0)
    }
}

/// The same time each time.
fn clock() -> u64 {
    1_700_000_000_000
}

/// Tries one input. Returns whether a policy was issued that allows something.
pub fn grant(bytes: &[u8]) -> bool {
    check_grants(bytes).allowed > 0
}

/// Checks what is issued for the world of these bytes. Panics when a policy allows too much, or
/// when callers of two issuers share anything.
pub fn check_grants(bytes: &[u8]) -> Outcome {
    let world = World::of(&mut arbitrary::Unstructured::new(bytes));
    let mut outcome = Outcome::default();
    let Some(handler) = handler(&world) else {
        return Outcome { refused: 1, ..outcome };
    };
    let mut known: Vec<(Principal, Option<Authorized>)> = Vec::new();
    for caller in world.callers() {
        let Some(principal) = authenticate(&handler, &request(&world, &caller)) else {
            outcome.refused += 1;
            continue;
        };
        let authorized = authorize(&handler, &world, &principal);
        match &authorized {
            None => outcome.refused += 1,
            Some(authorized) => {
                outcome.allowed += check_issued(authorized, &world, &caller);
                outcome.issued += 1;
                outcome.issued_by_token += u32::from(caller.token_issuer.is_some());
                outcome.issued_by_role += u32::from(authorized.role().is_some());
            }
        }
        known.push((principal, authorized));
    }
    refuses_forged_tokens(&handler, &world);
    share_nothing(&known);
    outcome
}

/// Returns how many accesses are allowed. Panics when one of them is not granted.
fn check_issued(authorized: &Authorized, world: &World, caller: &Caller) -> usize {
    let role = authorized.role().map(|role| Role {
        arn: role.arn.as_str().to_owned(),
        external_id: role.external_id.clone(),
    });
    let issued = Issued {
        policy: authorized.policy().as_json(),
        session_name: authorized.session_name(),
        duration_seconds: authorized.duration_seconds().into(),
        new_key: new_key(authorized),
        role: role.as_ref(),
    };
    if authorized.signable().is_some() {
        let policy: Value = serde_json::from_str(issued.policy).expect("a policy is JSON");
        let statements = policy["statement"].as_array().expect("statements");
        let is_one =
            statements.len() == 1 && statements[0]["action"].as_array().map(Vec::len) == Some(1);
        assert!(is_one, "a signature is good for more than one operation: {policy}");
    }
    let allowed = issued.allowed(world, caller);
    assert_included(issued.policy, &world.granted(caller, role.as_ref()));
    allowed
}

/// The third proof: whatever the accesses, all that the policy allows is granted.
fn assert_included(policy: &str, granted: &[Value]) {
    let parsed = |text: &str| Policy::parse(text).expect("a policy");
    let granted: Vec<String> = granted.iter().map(Value::to_string).collect();
    let of_grants: Vec<Policy> = granted.iter().map(|text| parsed(text)).collect();
    match new_access(&of_grants, &[parsed(policy)]) {
        Ok(None) => {}
        Ok(Some(found)) => panic!("nobody granted {found:?}\n{policy}\n{granted:#?}"),
        Err(error) => panic!("{error}\n{policy}\n{granted:#?}"),
    }
}

/// Equal subjects of two issuers, or of an issuer and the gateway, are different people: they share
/// no cached credential, no session and no rate limit.
fn share_nothing(known: &[(Principal, Option<Authorized>)]) {
    let limit = RateLimit {
        requests: NonZeroU32::MIN,
        period: Duration::from_secs(60),
        block: Some(Duration::from_secs(600)),
    };
    let limiter = RateLimiter::new(limit, None);
    let is_let_in = |principal| {
        let counted = limiter.check_principal(principal, None, &clock, &Fixed([0; 16]));
        counted.now_or_never().expect("no store is asked").is_ok()
    };
    for (index, (principal, authorized)) in known.iter().enumerate() {
        assert!(is_let_in(principal), "another one's requests count for caller {index}");
        assert!(!is_let_in(principal), "nothing is counted for caller {index}");
        for (other, others) in known.iter().take(index) {
            let (one, other) = (principal.subject_hash(), other.subject_hash());
            assert!(one.is_none() || one != other, "one subject in logs");
            if let (Some(one), Some(other)) = (authorized, others) {
                assert!(one != other, "one cached credential");
                let has_subject = principal.subject_hash().is_some();
                let is_same = one.session_name() == other.session_name();
                assert!(!(has_subject && is_same), "one session name");
            }
        }
    }
}

/// No issuer signs for another, also where both sign the same claims.
fn refuses_forged_tokens(handler: &Handler, world: &World) {
    for caller in world.callers() {
        let Some(issuer) = caller.token_issuer else {
            continue;
        };
        for signer in world.issuers.iter().filter(|signer| **signer != issuer) {
            let forged = request_with(world, with_token(&caller, issuer, signer), None);
            assert!(authenticate(handler, &forged).is_none(), "{signer} signs for {issuer}");
        }
    }
}

fn new_key(authorized: &Authorized) -> Option<&str> {
    let signable = authorized.signable().map(|request| request.key.as_str());
    authorized.new_object().map(|new| new.key.as_str()).or(signable)
}

fn handler(world: &World) -> Option<Handler> {
    let settings = settings(&world.grants_file(), world.issuers)?;
    Some(App::new(settings, Arc::new(clock), |path| std::fs::read(path)).ok()?.handler)
}

fn authenticate(handler: &Handler, request: &Request) -> Option<Principal> {
    let deadline = Deadline::unlimited(&clock);
    let principal = handler.authentication.authenticate(request, &request.path, &clock, deadline);
    principal.now_or_never().expect("nothing is fetched").ok()
}

fn authorize(handler: &Handler, world: &World, principal: &Principal) -> Option<Authorized> {
    let request = request_with(world, HeaderMap::new(), None);
    let requested = CredentialRequest::parse(&request, mint(world)).ok()?;
    let entropy = Fixed(world.entropy);
    handler.access.load().authorize(principal, &requested, clock.now(), &entropy).ok()
}

/// A function that takes the word of its gateway, so that claims can be anything, and the tokens of
/// these issuers; `None` if the grants file is refused.
pub fn settings(grants: &str, issuers: &[&str]) -> Option<Settings> {
    let methods = if issuers.is_empty() { "gateway" } else { "gateway,jwt" };
    let variables = [
        ("AUTH", methods),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", "issuer"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("STS_ENDPOINTS", "http://127.0.0.1:9"),
        ("GRANTS_FILE", "grants.toml"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let secrets = issuers.iter().map(|name| (World::secret_variable(name), secret(name)));
    let environment: Environment = variables.into_iter().chain(secrets).collect();
    let file = |_: &str| Ok(grants.as_bytes().to_vec());
    Settings::read(&environment, &file).ok()
}

/// What signs the tokens of an issuer.
fn secret(issuer: &str) -> String {
    format!("the secret of {issuer} signs no token outside of tests")
}

/// A header with the claims of the caller as a token of `issuer`, signed by `signer`.
fn with_token(caller: &Caller, issuer: &str, signer: &str) -> HeaderMap {
    let mut claims = caller.claims.clone();
    let now = clock.now().unix_seconds();
    let registered =
        [("iss", json!(World::issuer_url(issuer))), ("aud", json!("uploads")), ("iat", json!(now))];
    claims.extend(registered.map(|(name, value)| (name.to_owned(), value)));
    claims.insert("exp".to_owned(), json!(now + 600));
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message =
        format!("{}.{}", encoded(&json!({"alg": "HS256"})), encoded(&Value::Object(claims)));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret(signer).as_bytes()).expect("any key fits");
    mac.update(message.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let value = HeaderValue::from_str(&format!("Bearer {message}.{signature}")).expect("ASCII");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

fn mint(world: &World) -> IssueRoute {
    match (&world.requested, world.entropy[0] % 3) {
        (Requested::All | Requested::Scopes(_), _) => IssueRoute::Sts,
        (Requested::New(_), 0) => IssueRoute::NewObject,
        (Requested::New(_), 1) => IssueRoute::PostPolicy,
        (Requested::New(_), _) => IssueRoute::PutSign,
    }
}

fn request(world: &World, caller: &Caller) -> Request {
    let identity = || {
        let claims = Value::Object(caller.claims.clone());
        Identity::new(IdentitySource::Lambda, Some(&claims))
    };
    match caller.token_issuer {
        Some(issuer) => request_with(world, with_token(caller, issuer, issuer), None),
        None => request_with(world, HeaderMap::new(), identity()),
    }
}

fn request_with(world: &World, headers: HeaderMap, identity: Option<Identity>) -> Request {
    let mut query: Vec<(String, String)> = Vec::new();
    let parameters = [
        ("bucket", &world.bucket),
        ("region", &world.region),
        ("durationSeconds", &world.duration_seconds),
    ];
    for (name, value) in parameters {
        query.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
    }
    let mut body = Vec::new();
    match &world.requested {
        Requested::All => {}
        Requested::New(filename) => query.push(("filename".to_owned(), filename.clone())),
        Requested::Scopes(scopes) => {
            let scope = |scope: &Scope| json!({"action": scope.action, "bucket": scope.bucket, "region": scope.region, "prefix": scope.prefix});
            body = Value::Array(scopes.iter().map(scope).collect()).to_string().into_bytes();
        }
    }
    let inbound = Inbound {
        method: Method::POST,
        path: "/sts".to_owned(),
        query,
        headers,
        body,
        identity,
        ..Inbound::default()
    };
    inbound.check().expect("a request within the limits")
}
