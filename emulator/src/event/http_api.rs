//! Lambda behind an HTTP API: payload 2.0, and what the gateway answers when the function did not.
//!
//! Inferred: the statuses; the bodies are documented.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::{GatewayRequest, payload_two, reply};
use crate::platform::PlatformError;

pub(super) fn event(request: &GatewayRequest) -> Value {
    let id = "emulatorapi";
    let domain = format!("{id}.execute-api.ap-southeast-1.amazonaws.com");
    payload_two::event(request, id, &domain)
}

pub(super) fn failure(error: Option<&PlatformError>) -> Response<Bytes> {
    match error {
        Some(PlatformError::Throttled | PlatformError::GatewayTimeout { .. }) => {
            reply::json(503, &json!({ "message": "Service Unavailable" }))
        }
        Some(PlatformError::RequestTooLarge) => {
            reply::json(413, &json!({ "message": "Request Entity Too Large" }))
        }
        _ => reply::json(502, &json!({ "message": "Internal Server Error" })),
    }
}
