//! What the API of the console does.
//!
//! # Guarantees
//! An unknown member or route is an error, and then nothing was done.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Cloud;
use http::request::Parts;
use http::{Method as HttpMethod, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tencent::cam::Context;
use tencent::time::{Clock as _, SystemClock};
use tokio::sync::Notify;

use super::assets::{self, Policy};
use super::elsewhere::Elsewhere;
use super::events;
use super::guard::Guard;
use crate::activity::Activity;
use crate::asker::{AskerMethod, principal};
use crate::callers::{Callers, Method, Signed, USERS};
use crate::deployment::Deployment;
use crate::explanation::{Wish, explain};
use crate::loopback::{Body, json_response, refusal};

/// What a console is for.
pub(crate) enum Served {
    Local(Routes),
    Elsewhere { description: Value, policy: Policy, activity: Arc<Activity> },
}

impl From<Routes> for Served {
    fn from(routes: Routes) -> Self {
        Self::Local(routes)
    }
}

impl From<Elsewhere> for Served {
    fn from(deployment: Elsewhere) -> Self {
        Self::Elsewhere {
            description: deployment.describe(),
            policy: Policy::new(&deployment.origins()),
            activity: Arc::new(Activity::new(None)),
        }
    }
}

/// A local cloud.
pub(crate) struct Routes {
    activity: Arc<Activity>,
    callers: Arc<Callers>,
    /// Not kept alive: the cloud may end first.
    cloud: Weak<Cloud>,
    methods: Vec<Method>,
    policy: Policy,
    restart: Arc<Notify>,
    /// The grants of the function that knows the callers.
    grants_file: PathBuf,
}

type Outcome = Result<Response<Body>, Response<Body>>;

impl Routes {
    /// The console of `cloud`, whose callers use these methods; `restart` ends it and starts it
    /// anew.
    pub(crate) fn new(
        cloud: &Arc<Cloud>,
        activity: &Arc<Activity>,
        callers: &Arc<Callers>,
        methods: Vec<Method>,
        restart: &Arc<Notify>,
        grants_file: PathBuf,
    ) -> Self {
        let policy = Policy::new(&origins(cloud));
        Self {
            activity: Arc::clone(activity),
            callers: Arc::clone(callers),
            cloud: Arc::downgrade(cloud),
            methods,
            policy,
            restart: Arc::clone(restart),
            grants_file,
        }
    }

    fn cloud(&self) -> Result<Arc<Cloud>, Response<Body>> {
        let text = "the local cloud has ended; start it again with `make run`";
        let ended = || refusal(StatusCode::SERVICE_UNAVAILABLE, "Ended", text);
        self.cloud.upgrade().ok_or_else(ended)
    }

    fn describe(&self) -> Outcome {
        let cloud = self.cloud()?;
        let (account, port) = (cloud.account(), cloud.cos().address().port());
        let methods: Vec<&str> = self.methods.iter().map(|method| method.name()).collect();
        Ok(json_response(&json!({
            "users": USERS,
            "methods": methods,
            "isLocal": true,
            "issuerUrl": cloud.gateway_url(),
            "callersUrl": callers_url(&cloud),
            "cosProtocol": "http:",
            "cosDomain": format!("{{Bucket}}.cos.{{Region}}.localhost:{port}"),
            "serviceDomain": format!("service.cos.localhost:{port}"),
            "bucket": account.bucket,
            "region": account.region,
            "seed": cloud.seed(),
        })))
    }

    fn token(&self, body: &[u8]) -> Outcome {
        let order: TokenOrder = read(body)?;
        let token =
            self.callers.token(order.issuer.as_deref(), &order.sub, &order.claims, order.seconds);
        let token = token.map_err(bad)?;
        Ok(json_response(&json!({ "token": token })))
    }

    fn authorization(&self, body: &[u8]) -> Outcome {
        let order: AuthorizationOrder = read(body)?;
        if !self.methods.contains(&order.with) {
            let names: Vec<&str> = self.methods.iter().map(|method| method.name()).collect();
            return Err(bad(format!("with: must be one of {}", names.join(", "))));
        }
        let request = Signed {
            method: &order.method,
            path: &order.path,
            query: &order.query,
            body: &order.body,
        };
        let value = self.callers.authorization(&order.user, order.with, &request).map_err(bad)?;
        let url = callers_url(&*self.cloud()?);
        Ok(json_response(&json!({ "authorization": value, "url": url })))
    }

    /// Which grants apply to a request of a user, and why others do not.
    async fn explain(&self, body: &[u8]) -> Outcome {
        let order: AuthorizationOrder = read(body)?;
        let method = match order.with {
            Method::Jwt => AskerMethod::Jwt,
            Method::ApiKey => AskerMethod::ApiKey,
            Method::Hmac => AskerMethod::Hmac,
            // Only WeChat makes its callers.
            Method::Wechat => return Ok(json_response(&json!({ "grants": [] }))),
        };
        let deployment = Deployment::of_grants_file(&self.grants_file)
            .map_err(|_| bad("the grants file cannot be read".to_owned()))?;
        // The local cloud's own issuer has no name, which a file with issuers would need.
        let issuer = None;
        let claims = Map::from_iter([("sub".to_owned(), Value::String(order.user))]);
        let caller = principal(method, issuer, &claims, &SystemClock).await.map_err(bad)?;
        let is_new_object = order.path == "/getKeyAndCredentials";
        let wish = Wish { query: order.query, scopes: order.body, is_new_object };
        let explanation = explain(&deployment.settings, None, &caller, &wish, SystemClock.now())
            .map_err(|error| bad(error.to_string()))?;
        Ok(json_response(&json!({ "grants": explanation.grants })))
    }

    fn credential(&self, id: &str) -> Outcome {
        let unknown = || refusal(StatusCode::NOT_FOUND, "NoSuchKey", "no recent key has this id");
        let issued = self.activity.issued(id).ok_or_else(unknown)?;
        Ok(json_response(&json!({
            "who": issued.who,
            "sessionName": issued.session_name,
            "seconds": issued.seconds,
            "policy": issued.policy,
            "clauses": issued.clauses(),
        })))
    }

    fn simulate(&self, body: &[u8]) -> Outcome {
        let order: SimulateOrder = read(body)?;
        let mut context = Context::new().with("qcs:ip", "127.0.0.1");
        if order.operation == "GetBucket" {
            context = context.with("cos:prefix", &order.key);
        }
        if let Some(bytes) = order.bytes {
            context = context.with("cos:content-length", &bytes.to_string());
        }
        if let Some(content_type) = &order.content_type {
            context = context.with("cos:content-type", content_type);
        }
        let cloud = self.cloud()?;
        let access = cloud.simulate(&order.secret_id, &order.operation, &order.key, context);
        let unknown = || refusal(StatusCode::NOT_FOUND, "NoSuchKey", "this key does not work");
        Ok(json_response(&json!(access.ok_or_else(unknown)?)))
    }

    /// The answer is sent first.
    fn restart(&self) -> Outcome {
        let restart = Arc::clone(&self.restart);
        tokio::spawn(async move {
            tokio::time::sleep(ANSWER_TIME).await;
            restart.notify_one();
        });
        Ok(json_response(&json!({})))
    }

    async fn admin(&self, method: &HttpMethod, below: &str, body: &[u8]) -> Outcome {
        let cloud = self.cloud()?;
        let missing = || refusal(StatusCode::NOT_FOUND, "NoAdmin", "there is no admin API");
        let admin = cloud.admin().ok_or_else(missing)?;
        let response = admin.answer(method, &format!("/_emulator/{below}"), body).await;
        Ok(response.map(|body| Full::new(body).boxed()))
    }

    async fn respond(&self, head: &Parts, route: &str, body: &[u8]) -> Outcome {
        match (head.method.as_str(), route) {
            ("GET", "cloud") => self.describe(),
            ("GET", "events") => Ok(events::response(&self.activity, since(head))),
            ("POST", "token") => self.token(body),
            ("POST", "authorization") => self.authorization(body),
            ("POST", "simulate") => self.simulate(body),
            ("POST", "explain") => self.explain(body).await,
            ("POST", "restart") => self.restart(),
            (_, route) => match (head.method.as_str(), route.split_once('/')) {
                ("GET", Some(("credentials", id))) => self.credential(id),
                (_, Some(("admin", below))) => self.admin(&head.method, below, body).await,
                _ => Err(not_found()),
            },
        }
    }
}

pub(super) async fn respond(
    guard: &Guard,
    served: &Served,
    sdk: &Path,
    head: &Parts,
    body: &Bytes,
) -> Response<Body> {
    let path = head.uri.path();
    let Some(route) = path.strip_prefix("/api/") else {
        let policy = match served {
            Served::Local(Routes { policy, .. }) | Served::Elsewhere { policy, .. } => policy,
        };
        let file = (head.method == HttpMethod::GET).then(|| assets::file(path, sdk, policy));
        return file.flatten().unwrap_or_else(not_found);
    };
    if let Some(refused) = guard.refusal(head) {
        return refused;
    }
    let outcome = match served {
        Served::Local(routes) => routes.respond(head, route, body).await,
        Served::Elsewhere { description, activity, .. } => match (head.method.as_str(), route) {
            ("GET", "cloud") => Ok(json_response(description)),
            ("GET", "events") => Ok(events::response(activity, since(head))),
            _ => Err(not_found()),
        },
    };
    outcome.unwrap_or_else(|refused| refused)
}

/// The number after which the page wants records.
fn since(head: &Parts) -> u64 {
    let query = head.uri.query().unwrap_or_default();
    query.strip_prefix("since=").and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Where the page may connect to: the issuer and COS, and nothing else.
fn origins(cloud: &Cloud) -> Vec<String> {
    let port = cloud.cos().address().port();
    let mut origins: Vec<String> = cloud.gateway_url().into_iter().collect();
    origins.extend(cloud.second_gateway_url());
    // Each bucket has a host of its own.
    origins.push(format!("http://*.localhost:{port}"));
    origins
}

/// The gateway of the function that knows the callers.
fn callers_url(cloud: &Cloud) -> Option<String> {
    cloud.second_gateway_url().or_else(|| cloud.gateway_url())
}

const ANSWER_TIME: Duration = Duration::from_millis(100);

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Response<Body>> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body: {error}")))
}

#[expect(clippy::needless_pass_by_value, reason = "shorter where an error is mapped")]
fn bad(message: String) -> Response<Body> {
    refusal(StatusCode::BAD_REQUEST, "BadRequest", &message)
}

fn not_found() -> Response<Body> {
    refusal(StatusCode::NOT_FOUND, "NotFound", "the console has no such route")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    issuer: Option<String>,
    sub: String,
    #[serde(default)]
    claims: Map<String, Value>,
    seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorizationOrder {
    #[serde(rename = "as")]
    user: String,
    #[serde(default)]
    with: Method,
    method: String,
    path: String,
    #[serde(default)]
    query: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SimulateOrder {
    secret_id: String,
    operation: String,
    key: String,
    bytes: Option<u64>,
    content_type: Option<String>,
}
