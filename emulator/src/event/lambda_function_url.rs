//! Lambda function URL: payload 2.0, and what its front answers when the function did not.
//!
//! Documented: 502 `Internal Server Error`. Inferred: the bodies of 429 and 413.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::{GatewayRequest, payload_two, reply};
use crate::platform::PlatformError;

pub(super) fn event(request: &GatewayRequest) -> Value {
    let id = "emulatorurl";
    let domain = format!("{id}.lambda-url.ap-southeast-1.on.aws");
    payload_two::event(request, id, &domain)
}

pub(super) fn failure(error: Option<&PlatformError>) -> Response<Bytes> {
    match error {
        Some(PlatformError::Throttled) => reply::json(429, &json!({ "Message": "Rate Exceeded." })),
        Some(PlatformError::RequestTooLarge) => {
            reply::json(413, &json!({ "Message": "Request Too Long" }))
        }
        _ => reply::text(502, "text/plain", "Internal Server Error".to_owned()),
    }
}
