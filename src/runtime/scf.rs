//! Tencent SCF, event functions on the custom runtime: a loop over its runtime API, for which there
//! does not exist as a maintained crate.
//!
//! Protocol: <https://www.tencentcloud.com/document/product/583/38129>.
//!
//! ```text
//! POST /runtime/init/ready            once, a body of one space
//! GET  /runtime/invocation/next       blocks; headers request_id, memory_limit_in_mb,
//!                                     time_limit_in_ms (relative)
//! POST /runtime/invocation/response   or …/error: only the first one counts
//! ```
//!
//! # Guarantees
//! - One event at a time. An event that cannot be read gets status 400.
//! - A failure of `next` is retried a few times and then ends the process, so that the platform
//!   starts a new one.
//!
//! # Not covered
//! Anything after the response is posted, because the instance may be frozen then.
//!
//! SCF logs what an event function returns, credentials included. `config` warns about it at start.

mod event;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::{error, warn};

use crate::deadline::Deadline;
use crate::error::Error;
use crate::handler::Handler;
use crate::log;
use crate::request::{Inbound, RequestId};
use crate::response::Response;
use crate::runtime::connect_ahead::connect_ahead;
use crate::runtime::gateway_event::Event;

/// Serves the runtime API at `url` until it fails for good, or the calling key has lapsed.
///
/// # Errors
/// [`ScfError`].
pub async fn run(url: &str, handler: &Arc<Handler>) -> Result<(), ScfError> {
    let api = RuntimeApi::new(url)?;
    api.ready().await?;
    tokio::spawn(connect_ahead(Arc::clone(handler)));
    while !handler.issuer.key_has_lapsed() {
        let invocation = api.next().await?;
        let response = handle(handler, &invocation).await;
        log::settle().await;
        api.respond(&response).await?;
    }
    Ok(())
}

/// The request in an event. Public only for the fuzz targets.
///
/// # Errors
/// The refusal of an event that is not a request.
#[doc(hidden)]
pub fn request_of(event: &[u8]) -> Result<Inbound, Error> {
    event::read(event).request
}

async fn handle(handler: &Handler, invocation: &Invocation) -> Response {
    let id = RequestId::from_platform(invocation.request_id.as_deref(), &*handler.entropy);
    let Event { headers, request } = event::read(&invocation.event);
    let limit = invocation.time_limit.unwrap_or(Duration::MAX);
    let deadline = Deadline::after(limit, &*handler.clock);
    match request.and_then(Inbound::check) {
        Ok(request) => handler.handle(&request, &id, deadline).await,
        Err(error) => handler.refuse(&error, &headers, None, &id),
    }
}

/// One event, with the headers of `next`.
struct Invocation {
    event: Vec<u8>,
    request_id: Option<String>,
    time_limit: Option<Duration>,
}

struct RuntimeApi<'a> {
    url: &'a str,
    http: reqwest::Client,
}

impl<'a> RuntimeApi<'a> {
    fn new(url: &'a str) -> Result<Self, ScfError> {
        // Without a timeout: `next` blocks until there is an event.
        let http = crate::http_client::runtime_api().map_err(ScfError::Client)?;
        Ok(Self { url, http })
    }

    async fn ready(&self) -> Result<(), ScfError> {
        // Some versions of the platform reject an empty body.
        let request = self.http.post(self.address("init/ready")).body(" ");
        let response = request
            .send()
            .await
            .map_err(|error| ScfError::Call("init/ready", error.without_url()))?;
        // The status of this call is not documented. A platform that needs another one ends us.
        if !response.status().is_success() {
            warn!(
                status = response.status().as_u16(),
                "the runtime API did not accept `init/ready`"
            );
        }
        Ok(())
    }

    async fn next(&self) -> Result<Invocation, ScfError> {
        let mut attempt: u32 = 0;
        loop {
            let failure = match self.try_next().await {
                Ok(invocation) => return Ok(invocation),
                Err(failure) => failure,
            };
            attempt = attempt.saturating_add(1);
            if attempt >= MAX_NEXT_ATTEMPTS {
                return Err(failure);
            }
            warn!(
                attempt,
                cause = crate::error::chain(&failure),
                "the runtime API returned no event: trying again"
            );
            tokio::time::sleep(NEXT_PAUSE.saturating_mul(attempt)).await;
        }
    }

    async fn try_next(&self) -> Result<Invocation, ScfError> {
        let request = self.http.get(self.address("invocation/next"));
        let call = |error: reqwest::Error| ScfError::Call("invocation/next", error.without_url());
        let response = request.send().await.map_err(call)?;
        if !response.status().is_success() {
            return Err(ScfError::Status("invocation/next", response.status().as_u16()));
        }
        // The documents disagree about the case of these names; the HTTP library ignores it.
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let request_id = text("request_id").map(str::to_owned);
        let time_limit = text("time_limit_in_ms")
            .and_then(|limit| limit.parse().ok())
            .map(Duration::from_millis);
        let event = response.bytes().await.map_err(call)?.to_vec();
        Ok(Invocation { event, request_id, time_limit })
    }

    /// Posts the response. When it is not accepted, posts to `error`, which ends the invocation.
    async fn respond(&self, response: &Response) -> Result<(), ScfError> {
        let posted = self.post("invocation/response", Reply::text(response)).await;
        let Err(failure) = posted else { return Ok(()) };
        error!(
            cause = crate::error::chain(&failure),
            "the runtime API did not accept the response"
        );
        self.post("invocation/error", "the response could not be delivered".to_owned()).await
    }

    async fn post(&self, call: &'static str, body: String) -> Result<(), ScfError> {
        let request = self.http.post(self.address(call)).body(body);
        let response =
            request.send().await.map_err(|error| ScfError::Call(call, error.without_url()))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(ScfError::Status(call, response.status().as_u16()))
    }

    fn address(&self, call: &str) -> String {
        format!("{}/runtime/{call}", self.url)
    }
}

/// The response that the gateways of SCF turn into HTTP: header values and body are strings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    is_base64_encoded: bool,
    status_code: u16,
    headers: std::collections::BTreeMap<&'a str, &'a str>,
    body: &'a str,
}

impl<'a> Reply<'a> {
    fn text(response: &'a Response) -> String {
        let header = |(name, value): (&'a http::HeaderName, &'a http::HeaderValue)| {
            Some((name.as_str(), value.to_str().ok()?))
        };
        let reply = Reply {
            is_base64_encoded: false,
            status_code: response.status.as_u16(),
            headers: response.headers.iter().filter_map(header).collect(),
            body: &response.body,
        };
        #[expect(clippy::expect_used, reason = "strings and numbers always serialise")]
        serde_json::to_string(&reply).expect("a reply serialises")
    }
}

/// Why the runtime API cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScfError {
    /// A call got no response.
    #[error("`{0}` failed")]
    Call(&'static str, #[source] reqwest::Error),
    /// The client cannot be built.
    #[error("the HTTP client cannot be built")]
    Client(#[source] crate::http_client::ClientError),
    /// A call was rejected.
    #[error("`{0}` has HTTP status {1}")]
    Status(&'static str, u16),
}

/// A longer failure of `next` ends the process.
const MAX_NEXT_ATTEMPTS: u32 = 4;

const NEXT_PAUSE: Duration = Duration::from_millis(50);
