//! AWS Lambda: lambda_runtime's loop, with events read and answered as lambda_http's types.
//!
//! Events: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> (function URL, HTTP API 2.0),
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html> (REST),
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html> (ALB).
//!
//! Promises: an event that is no HTTP request, of another platform, or claims base64 and is not, is answered with status 400, where
//! lambda_http's own adapter would report a function error. Leaves out: streaming answers.

mod event;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::handler::Handler;
use crate::request::{Request, RequestId, Unverified};
use crate::runtime::gateway_event::Event;
use event::Reply;

/// Serves Lambda's runtime API.
///
/// # Errors
/// When the runtime API cannot be used.
pub async fn run(handler: Arc<Handler>) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Payload>| {
        let handler = Arc::clone(&handler);
        async move { Ok::<Reply, Infallible>(answer(&handler, invocation).await) }
    }))
    .await
}

/// The request that an event is read as. Only the fuzz targets, which see nothing private, call it.
///
/// # Errors
/// The refusal of an event that is none.
#[doc(hidden)]
pub fn request_of(event: &[u8]) -> Result<Unverified, Error> {
    // As lambda_runtime reads it.
    let payload = Payload::deserialize(&mut serde_json::Deserializer::from_slice(event));
    let payload = payload.ok().and_then(|Payload(payload)| payload);
    event::read(payload.as_ref()).1.request
}

async fn answer(handler: &Handler, invocation: LambdaEvent<Payload>) -> Reply {
    let LambdaEvent {
        payload: Payload(payload),
        context,
    } = invocation;
    let id = RequestId::from_platform(Some(&context.request_id));
    let (shape, Event { headers, request }) = event::read(payload.as_ref());
    let time_left = time_left(&context, handler);
    let response = match request
        .and_then(|unverified| Request::new(unverified, id.clone(), Some(time_left)))
    {
        Ok(request) => handler.handle(&request).await,
        Err(error) => handler.refuse(&error, &headers, &id),
    };
    shape.reply(response)
}

fn time_left(context: &Context, handler: &Handler) -> Duration {
    Duration::from_millis(
        context
            .deadline
            .saturating_sub(handler.clock.unix_milliseconds()),
    )
}

/// The event as JSON, or nothing: what cannot be parsed must reach [`answer`] too.
struct Payload(Option<Value>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value::deserialize(deserializer).ok()))
    }
}
