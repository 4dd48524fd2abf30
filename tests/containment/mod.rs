//! A judge of what is issued: out of arbitrary bytes it makes grants, a caller and a request, lets the library decide, and holds the policy
//! that would be sent to STS against the grants' plain meaning.
//!
//! Promises: nothing here shares code with `src/cam` or `src/grant`. The meaning of a grant (`meaning`) and the evaluation of a policy
//! (`policy`) are written a second time, naively, over texts and JSON. [`judge`] takes any bytes and panics when anything outside the
//! grants, or not asked for, would be allowed. Leaves out: whether everything inside is allowed, which other tests say.

mod meaning;
mod policy;
mod universe;
mod world;

use std::sync::Arc;

use cos_issuer::app::App;
use cos_issuer::config::{Environment, Settings};
use cos_issuer::grant::Authorized;
use cos_issuer::request::{CredentialRequest, IssueRoute, Request, RequestId, Unverified};
use cos_issuer::request::{Identity, IdentitySource};
use futures_util::FutureExt;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

use world::{Asked, Scope, World};

/// What came of one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The file or the request was refused.
    Refused,
    /// A policy was issued, and of these accesses so many are allowed by it.
    Issued { allowed: usize },
}

/// Judges the world that these bytes make.
pub(crate) fn judge(bytes: &[u8]) -> Outcome {
    let world = World::of(&mut arbitrary::Unstructured::new(bytes));
    match issue(&world) {
        Some(authorized) => Outcome::Issued {
            allowed: held_against(&world, &authorized),
        },
        None => Outcome::Refused,
    }
}

/// What the library makes of a world.
pub(crate) fn issue(world: &World) -> Option<Authorized> {
    let settings = settings(&world.grants_file())?;
    let handler = App::new(settings, Arc::new(SystemClock)).ok()?.handler;
    let request = request(world);
    let caller = handler
        .authentication
        .authenticate(&request, &request.path, &SystemClock)
        .now_or_never()
        .expect("the gateway's word takes no time")
        .ok()?;
    let asked = CredentialRequest::parse(&request, mint(&world.asked)).ok()?;
    handler
        .grants
        .authorize(&caller, &asked, SystemClock.now(), &world.random)
        .ok()
}

/// A function that takes the word of its gateway, so that claims can be anything.
fn settings(grants: &str) -> Option<Settings> {
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

fn mint(asked: &Asked) -> IssueRoute {
    match asked {
        Asked::All | Asked::Scopes(_) => IssueRoute::Sts,
        Asked::New(_) => IssueRoute::NewObject,
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
    match &world.asked {
        Asked::All => {}
        Asked::New(filename) => query.push(("filename".to_owned(), filename.clone())),
        Asked::Scopes(scopes) => {
            let scope = |scope: &Scope| json!({"action": scope.action, "bucket": scope.bucket, "region": scope.region, "prefix": scope.prefix});
            body = Value::Array(scopes.iter().map(scope).collect())
                .to_string()
                .into_bytes();
        }
    }
    let unverified = Unverified {
        method: Method::POST,
        path: "/sts".to_owned(),
        query,
        headers: HeaderMap::new(),
        body,
        identity: Identity::new(
            IdentitySource::Lambda,
            Some(&Value::Object(world.claims.clone())),
        ),
    };
    Request::new(unverified, RequestId::random(), None).expect("a request within the limits")
}

/// How many of the accesses of the universe are allowed; each has to be meant, and asked for.
fn held_against(world: &World, authorized: &Authorized) -> usize {
    let policy: Value = serde_json::from_str(authorized.policy()).expect("a policy is JSON");
    let explained = || format!("{policy}\n{}\n{:?}", world.grants_file(), world);
    policy::assert_plain(&policy, &explained);
    let name = authorized.session_name();
    assert!(
        (2..=128).contains(&name.len()) && name.bytes().all(|c| c.is_ascii_lowercase()),
        "{name}"
    );
    let key = authorized.new_object().map(|new| new.key.as_str());
    let accesses = universe::near(world, &policy);
    let allowed = accesses
        .iter()
        .filter(|access| policy::allows(&policy, access));
    let mut count = 0;
    for access in allowed {
        let mut meant = world
            .grants
            .iter()
            .filter(|grant| grant.means(&world.claims, access));
        let seconds = u64::from(authorized.duration_seconds());
        assert!(
            meant.any(|grant| grant.lifetime.contains(&seconds) && world.is_of(grant)),
            "nobody granted {access:?}\n{}",
            explained()
        );
        assert!(
            world.asked.covers(access, key),
            "nobody asked for {access:?}\n{}",
            explained()
        );
        count += 1;
    }
    count
}
