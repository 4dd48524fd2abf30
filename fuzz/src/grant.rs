//! Grants, a caller and a request from arbitrary bytes: what would be sent to STS, checked against
//! what the grants mean.

use std::sync::Arc;

use cos_issuer::app::App;
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::{Entropy, EntropyError};
use cos_issuer::grant::Authorized;
use cos_issuer::request::{
    CredentialRequest, Identity, IdentitySource, Inbound, IssueRoute, Request,
};
use futures_util::FutureExt;
use http::Method;
use oracle::grants::{Issued, Requested, Scope, World};
use serde_json::{Value, json};
use tencent::cam::{Policy, new_access};
use tencent::time::{Clock, SystemClock};

/// What came of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file or the request was rejected.
    Refused,
    /// A policy was issued that allows some accesses.
    Issued {
        /// How many of the tried accesses.
        allowed: usize,
    },
}

/// The same bytes each time, so that an input can be tried again.
struct Fixed([u8; 16]);

impl Entropy for Fixed {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        Ok(self.0)
    }
}

/// Tries one input. Returns whether a policy was issued that allows something.
pub fn grant(bytes: &[u8]) -> bool {
    matches!(check_grants(bytes), Outcome::Issued { allowed } if allowed > 0)
}

/// Checks what is issued for the world of these bytes. Panics when the policy allows too much.
pub fn check_grants(bytes: &[u8]) -> Outcome {
    let world = World::of(&mut arbitrary::Unstructured::new(bytes));
    let Some(authorized) = issue(&world) else {
        return Outcome::Refused;
    };
    let issued = Issued {
        policy: authorized.policy().as_json(),
        session_name: authorized.session_name(),
        duration_seconds: authorized.duration_seconds().into(),
        new_key: new_key(&authorized),
    };
    if authorized.signable().is_some() {
        let policy: Value = serde_json::from_str(issued.policy).expect("a policy is JSON");
        let statements = policy["statement"].as_array().expect("statements");
        let is_one =
            statements.len() == 1 && statements[0]["action"].as_array().map(Vec::len) == Some(1);
        assert!(is_one, "a signature is good for more than one operation: {policy}");
    }
    let allowed = issued.allowed(&world);
    assert_included(issued.policy, &world);
    Outcome::Issued { allowed }
}

/// The third proof: whatever the accesses, all that the policy allows is granted.
fn assert_included(policy: &str, world: &World) {
    let parsed = |text: &str| Policy::parse(text).expect("a policy");
    let granted: Vec<String> = world.granted().iter().map(Value::to_string).collect();
    let of_grants: Vec<Policy> = granted.iter().map(|text| parsed(text)).collect();
    match new_access(&of_grants, &[parsed(policy)]) {
        Ok(None) => {}
        Ok(Some(found)) => panic!("nobody granted {found:?}\n{policy}\n{granted:#?}"),
        Err(error) => panic!("{error}\n{policy}\n{granted:#?}"),
    }
}

fn new_key(authorized: &Authorized) -> Option<&str> {
    let signable = authorized.signable().map(|request| request.key.as_str());
    authorized.new_object().map(|new| new.key.as_str()).or(signable)
}

/// What the library makes of a world.
fn issue(world: &World) -> Option<Authorized> {
    let settings = settings(&world.grants_file())?;
    let handler =
        App::new(settings, Arc::new(SystemClock), |path| std::fs::read(path)).ok()?.handler;
    let request = request(world);
    let caller = handler
        .authentication
        .authenticate(&request, &request.path, &SystemClock, Deadline::unlimited(&SystemClock))
        .now_or_never()
        .expect("the gateway's word takes no time")
        .ok()?;
    let requested = CredentialRequest::parse(&request, mint(world)).ok()?;
    handler
        .access
        .load()
        .authorize(&caller, &requested, SystemClock.now(), &Fixed(world.entropy))
        .ok()
}

/// A function that takes the word of its gateway, so that claims can be anything; `None` if the
/// grants file is refused.
pub fn settings(grants: &str) -> Option<Settings> {
    let environment: Environment = [
        ("AUTH", "gateway"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", "issuer"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("STS_ENDPOINTS", "http://127.0.0.1:9"),
        ("GRANTS_FILE", "grants.toml"),
    ]
    .into_iter()
    .collect();
    let file = |_: &str| Ok(grants.as_bytes().to_vec());
    Settings::read(&environment, &file).ok()
}

fn mint(world: &World) -> IssueRoute {
    match (&world.requested, world.entropy[0] % 3) {
        (Requested::All | Requested::Scopes(_), _) => IssueRoute::Sts,
        (Requested::New(_), 0) => IssueRoute::NewObject,
        (Requested::New(_), 1) => IssueRoute::PostPolicy,
        (Requested::New(_), _) => IssueRoute::PutSign,
    }
}

fn request(world: &World) -> Request {
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
        body,
        identity: Identity::new(IdentitySource::Lambda, Some(&Value::Object(world.claims.clone()))),
        ..Inbound::default()
    };
    inbound.check().expect("a request within the limits")
}
