//! The function in the test's own process, where the clock can be moved and callers are many.
//!
//! # Not covered
//! The deployed binary: `issuer` runs it.

use std::sync::Arc;

use cos_emulator::Cloud;
use cos_issuer::app::App;
use cos_issuer::auth::{Authenticator, Verifier};
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::handler::Handler;
use cos_issuer::request::{Identity, IdentitySource, Inbound, Request, RequestId};
use serde_json::json;
use tencent::time::Clock;

use crate::{Answer, Failure};

/// A function with a grant of `users/{sub}/`, for callers whom a gateway names.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it holds a calling key")]
pub struct InProcess(Arc<Handler>);

impl InProcess {
    /// Starts one with the STS of `cloud`, unless `settings` name another.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn start(
        cloud: &Cloud,
        settings: &[(&str, &str)],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let (account, key) = (cloud.account(), cloud.sub_account_key());
        let sts = cloud.sts().http_url();
        let api_key = format!("key={}", "0".repeat(64));
        let variables = [
            ("AUTH", "api-key"),
            ("API_KEYS", &api_key),
            ("SECRET_ID", &key.secret_id),
            ("SECRET_KEY", &key.secret_key),
            ("STS_ENDPOINTS", &sts),
            ("BUCKET", &account.bucket),
            ("REGION", &account.region),
            ("PREFIX", "users/{sub}/"),
            ("ALLOW", "upload"),
            ("HOST", "127.0.0.1"),
        ];
        let variables = variables.into_iter().chain(settings.iter().copied());
        let environment: Environment = variables.collect();
        let settings = Settings::read(&environment, &|path| std::fs::read(path))
            .map_err(|errors| Failure::new(format!("{errors:?}")))?;
        let app = App::new(settings, clock, |path| std::fs::read(path))
            .map_err(|error| Failure::new(error.to_string()))?;
        let mut handler = app.handler;
        handler.authentication = Authenticator::OneOf(vec![Verifier::Gateway]);
        Ok(Self(Arc::new(handler)))
    }

    /// The answer to `GET path` of the caller `person-<caller>`.
    ///
    /// # Errors
    /// When that is not a request.
    pub async fn get(&self, path: &str, caller: usize) -> Result<Answer, Failure> {
        let handler = &*self.0;
        let request = request(path, caller)?;
        let id = RequestId::from_platform(None, &*handler.entropy);
        let deadline = Deadline::unlimited(&*handler.clock);
        let response = handler.handle(&request, &id, deadline).await;
        let body = serde_json::from_str(&response.body).unwrap_or_default();
        Ok(Answer { status: response.status.as_u16(), headers: response.headers, body })
    }
}

fn request(path: &str, caller: usize) -> Result<Request, Failure> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let claims = json!({ "sub": format!("person-{caller}") });
    let inbound = Inbound {
        method: reqwest::Method::GET,
        path: path.to_owned(),
        query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        headers: reqwest::header::HeaderMap::new(),
        body: Vec::new(),
        identity: Identity::new(IdentitySource::Lambda, Some(&claims)),
        reported_address: None,
        role_key: None,
    };
    inbound.check().map_err(|error| Failure::new(error.to_string()))
}
