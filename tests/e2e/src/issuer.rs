//! The deployed binary inside the local cloud, and plain HTTP to it.
//!
//! The function logs all it can and its output goes to the test's own, so that the leak check sees
//! it.
//!
//! # Not covered
//!
//! What an answer should look like.

use std::time::Duration;

use cos_emulator::{Cloud, CloudBuilder, LambdaEvent, Platform, ScfEvent};
use serde_json::Value;

use crate::{Failure, NO_CACHE, bootstrap, cloud, http_client};

/// Every platform with every shape of event that it has.
pub const PLATFORMS: [Platform; 8] = [
    Platform::ScfWeb,
    Platform::Scf(ScfEvent::FunctionUrl),
    Platform::Scf(ScfEvent::ApiGateway),
    Platform::Scf(ScfEvent::Clb),
    Platform::Lambda(LambdaEvent::FunctionUrl),
    Platform::Lambda(LambdaEvent::HttpApi),
    Platform::Lambda(LambdaEvent::Rest),
    Platform::Lambda(LambdaEvent::Alb),
];

/// A web function, which is a plain server, and one event platform of each cloud.
pub const EACH_KIND: [Platform; 3] =
    [Platform::ScfWeb, Platform::Scf(ScfEvent::ApiGateway), Platform::Lambda(LambdaEvent::HttpApi)];

/// A cloud with the deployed binary on `platform`, to be changed and started.
///
/// # Errors
/// When the binary is not built.
pub fn issuer_on(platform: Platform) -> Result<CloudBuilder, Failure> {
    let (cache, off) = NO_CACHE;
    let builder = cloud().function(bootstrap()?).platform(platform).env("LOG", "trace");
    let builder = builder.env(cache, off);
    Ok(builder.on_function_output(print))
}

/// The deployed binary on `platform` with these variables, and a browser in front of it.
///
/// # Errors
/// When the cloud cannot start.
pub async fn start(
    platform: Platform,
    variables: &[(&str, &str)],
) -> Result<(Cloud, Browser), Failure> {
    let set = |builder: CloudBuilder, (name, value): &(&str, &str)| builder.env(*name, *value);
    let builder = variables.iter().fold(issuer_on(platform)?, set);
    let cloud = builder.start().await.map_err(|error| Failure::new(error.to_string()))?;
    let browser = Browser::of(&cloud)?;
    Ok((cloud, browser))
}

#[expect(
    clippy::print_stdout,
    reason = "what the function logs is part of what the leak check reads"
)]
fn print(line: &str) {
    println!("function: {line}");
}

/// Waits until the function has printed `text`; false when it does not within ten seconds. Its
/// output takes a moment to arrive.
pub async fn printed(cloud: &Cloud, text: &str) -> bool {
    for _ in 0..500 {
        if cloud.function_output().contains(text) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

/// One answer, whole.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, by lower-case name.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; null when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A header, or nothing when it is absent or no text.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap_or_default())
    }

    /// What it lacks of what every answer has: no cache may keep it, no browser guess its type, and
    /// it names its request.
    pub fn lacks(&self) -> Option<&'static str> {
        let wanted = [
            ("cache-control", "no-store"),
            ("vary", "Origin, Authorization"),
            ("x-content-type-options", "nosniff"),
        ];
        let missing = wanted.into_iter().find(|(name, value)| self.header(name) != *value);
        let missing = missing.map(|(name, _)| name);
        missing.or_else(|| self.header("x-request-id").is_empty().then_some("x-request-id"))
    }
}

impl std::fmt::Debug for Answer {
    /// Without the credentials: a failing test prints this.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Answer");
        shown.field("status", &self.status);
        if self.status >= 300 {
            shown.field("body", &self.body);
        }
        shown.finish_non_exhaustive()
    }
}

/// Sends requests to the gateway of a cloud.
#[derive(Clone, Debug)]
pub struct Browser {
    client: reqwest::Client,
    url: String,
}

impl Browser {
    /// For the gateway of `cloud`.
    ///
    /// # Errors
    /// When there is no gateway.
    pub fn of(cloud: &Cloud) -> Result<Self, Failure> {
        let url = cloud.gateway_url().ok_or_else(|| Failure::new("the cloud has no gateway"))?;
        Ok(Self { client: http_client()?, url })
    }

    /// For the server at `url`.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn at(url: String) -> Result<Self, Failure> {
        Ok(Self { client: http_client()?, url })
    }

    /// The address that it calls, for example `127.0.0.1:9000`.
    pub fn address(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// The same with a connection of its own.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn another(&self) -> Result<Self, Failure> {
        Self::at(self.url.clone())
    }

    /// A request, to be completed and given to [`Browser::send`].
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// `GET path`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(self.request("GET", path)).await
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
        let failed =
            |fault: reqwest::Error| Failure::new(format!("no answer from the gateway: {fault}"));
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.map_err(failed)?;
        Ok(Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }
}
