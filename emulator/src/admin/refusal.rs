//! Why the admin API refused a request.

use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::net::{self, Body};

/// Why a request was refused: the emulator's own word, never that of a service.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn response(&self) -> Response<Body> {
        let body: Value = json!({ "error": { "code": self.code, "message": self.message } });
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = net::json(status, &body);
        let headers = response.headers_mut();
        if let Ok(code) = HeaderValue::from_str(self.code) {
            headers.insert("x-emulator-error", code);
        }
        response
    }
}
