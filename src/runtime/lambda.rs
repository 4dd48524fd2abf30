//! AWS Lambda: the loop of lambda_runtime, events parsed here, and replies of lambda_http's types.
//!
//! Events:
//! - function URL and HTTP API 2.0:
//!   <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>
//! - REST API:
//!   <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
//! - ALB:
//!   <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>
//!
//! # Guarantees
//! An event that is not an HTTP request, is from another platform, or is marked as base64 but is
//! not, gets status 400. lambda_http's own adapter would report a function error.
//!
//! # Not covered
//! Streaming responses.

mod event;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;

use crate::deadline::Deadline;
use crate::error::Error;
use crate::handler::Handler;
use crate::log;
use crate::request::{Inbound, RequestId};
use crate::runtime::connect_ahead::connect_ahead;
use crate::runtime::gateway_event::Event;
use event::Reply;
use tencent::time::Clock;

/// Serves Lambda's runtime API.
///
/// # Errors
/// When the runtime API cannot be used.
pub async fn run(handler: Arc<Handler>) -> Result<(), lambda_runtime::Error> {
    tokio::spawn(connect_ahead(Arc::clone(&handler)));
    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Payload>| {
        let handler = Arc::clone(&handler);
        async move { Ok::<Reply, Infallible>(respond(&handler, invocation).await) }
    }))
    .await
}

/// The request in an event. Public only for the fuzz targets.
///
/// # Errors
/// The refusal of an event that is not a request.
#[doc(hidden)]
pub fn request_of(event: &[u8]) -> Result<Inbound, Error> {
    // As lambda_runtime parses it.
    let payload = Payload::deserialize(&mut serde_json::Deserializer::from_slice(event));
    let payload = payload.ok().and_then(|Payload(payload)| payload);
    event::read(payload.as_ref()).1.request
}

async fn respond(handler: &Handler, invocation: LambdaEvent<Payload>) -> Reply {
    let LambdaEvent { payload: Payload(payload), context } = invocation;
    let id = RequestId::from_platform(Some(&context.request_id), &*handler.entropy);
    let (shape, Event { headers, request }) = event::read(payload.as_ref());
    let deadline = deadline(&context, &*handler.clock);
    let response = match request.and_then(Inbound::check) {
        Ok(request) => handler.handle(&request, &id, deadline).await,
        Err(error) => handler.refuse(&error, &headers, None, &id),
    };
    log::settle().await;
    shape.reply(response)
}

/// Lambda names the moment at which it ends the invocation.
fn deadline(context: &Context, clock: &dyn Clock) -> Deadline {
    let left = context.deadline.saturating_sub(clock.unix_milliseconds());
    Deadline::after(Duration::from_millis(left), clock)
}

/// The event, or `None` when it is not JSON: that must reach [`respond`] as well.
struct Payload(Option<Value>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer).ok()))
    }
}
