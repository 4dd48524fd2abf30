//! Events: how each gateway tells a function about an HTTP request, and how it reads what the function answers.
//!
//! ```text
//! Ask ──shape.event──> JSON ──> function ──> bytes ──shape.reply──> HTTP response, or the gateway's own error
//! ```
//!
//! One file for each shape. Promises: an event carries what the reference documents for its shape and nothing else.

mod alb;
mod clb;
mod front;
mod http_api;
mod lambda_function_url;
mod payload_two;
mod reply;
mod rest;
#[cfg(test)]
mod round_trip;
mod scf_api_gateway;
mod scf_function_url;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::function::Outcome;
use crate::platform::{LambdaEvent, PlatformError, ScfEvent};

/// One HTTP request as it reached a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    /// As sent; empty when there was none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) request_id: String,
    pub(crate) source_ip: String,
    pub(crate) unix_seconds: i64,
}

/// The event of an SCF trigger.
pub(crate) fn scf(shape: ScfEvent, ask: &Ask) -> Value {
    match shape {
        ScfEvent::ApiGateway => scf_api_gateway::event(ask),
        ScfEvent::Clb => clb::event(ask),
        ScfEvent::FunctionUrl => scf_function_url::event(ask),
    }
}

/// What the client of an SCF trigger gets.
pub(crate) fn scf_reply(shape: ScfEvent, request_id: &str, outcome: &Outcome) -> Response<Bytes> {
    match outcome {
        Outcome::Response(bytes) => match shape {
            ScfEvent::ApiGateway => scf_api_gateway::reply(bytes, request_id),
            ScfEvent::Clb => clb::reply(bytes),
            ScfEvent::FunctionUrl => scf_function_url::reply(bytes, request_id),
        },
        Outcome::FunctionError(text) => {
            // Documented: 430 for what the code did not catch. Inferred: that `/error` counts as such.
            let body = serde_json::json!({
                "errorCode": 1,
                "errorMessage": text,
                "requestId": request_id,
                "statusCode": 430,
            });
            reply::json(430, &body)
        }
        Outcome::PlatformError(error) => {
            let status = match (shape, error) {
                // Documented: a call that times out is HTTP 200 with an error text.
                (ScfEvent::ApiGateway, PlatformError::CallTimeout { .. }) => 200,
                _ => error.scf_code().0,
            };
            reply::json(status, &error.scf_body(request_id))
        }
    }
}

/// What the client of a web function gets when the function did not answer.
pub(crate) fn scf_web_failure(error: &PlatformError, request_id: &str) -> Response<Bytes> {
    reply::json(error.scf_code().0, &error.scf_body(request_id))
}

/// The event of a Lambda trigger.
pub(crate) fn lambda(shape: LambdaEvent, ask: &Ask) -> Value {
    match shape {
        LambdaEvent::Alb => alb::event(ask),
        LambdaEvent::FunctionUrl => lambda_function_url::event(ask),
        LambdaEvent::HttpApi => http_api::event(ask),
        LambdaEvent::Rest => rest::event(ask),
    }
}

/// What the client of a Lambda trigger gets.
pub(crate) fn lambda_reply(shape: LambdaEvent, outcome: &Outcome) -> Response<Bytes> {
    let understood = match outcome {
        Outcome::Response(bytes) => match shape {
            LambdaEvent::Alb => alb::reply(bytes),
            LambdaEvent::FunctionUrl | LambdaEvent::HttpApi => payload_two::reply(bytes),
            LambdaEvent::Rest => rest::reply(bytes),
        },
        Outcome::FunctionError(_) | Outcome::PlatformError(_) => None,
    };
    let throttled = matches!(outcome, Outcome::PlatformError(PlatformError::Throttled));
    let too_large = matches!(
        outcome,
        Outcome::PlatformError(PlatformError::RequestTooLarge)
    );
    understood.unwrap_or_else(|| match (shape, throttled, too_large) {
        (LambdaEvent::Alb, ..) => alb::failure(too_large),
        (LambdaEvent::FunctionUrl, ..) => lambda_function_url::failure(throttled, too_large),
        (LambdaEvent::HttpApi, ..) => http_api::failure(throttled, too_large),
        (LambdaEvent::Rest, ..) => rest::failure(throttled, too_large),
    })
}

impl Ask {
    /// Path and query, as sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn host(&self) -> &str {
        self.header(header::HOST.as_str()).unwrap_or("localhost")
    }

    /// Lower-case names; values of one name joined by commas, values that are not text left out.
    fn joined_headers(&self) -> Map<String, Value> {
        let mut joined = Map::new();
        for name in self.headers.keys() {
            let values: Vec<&str> = self
                .headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .collect();
            joined.insert(name.as_str().to_owned(), values.join(",").into());
        }
        joined
    }

    /// The same for SCF, where clients cannot set `x-scf-*`.
    fn scf_headers(&self) -> Map<String, Value> {
        let mut headers = self.joined_headers();
        headers.retain(|name, _| !name.starts_with("x-scf-"));
        headers
    }

    /// Decoded names and values; `None` for a bare name.
    fn query_pairs(&self) -> Vec<(String, Option<String>)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (decoded(name), Some(decoded(value))),
                None => (decoded(pair), None),
            })
            .collect()
    }

    /// API gateway's union (documented in the vendor's own tests): a string, a list for repeats, `true` for a bare name.
    fn query_union(&self) -> Map<String, Value> {
        let mut union: Map<String, Value> = Map::new();
        for (name, value) in self.query_pairs() {
            let value = value.map_or(Value::Bool(true), Value::String);
            let value = match union.remove(&name) {
                None => value,
                Some(Value::Array(mut list)) => {
                    list.push(value);
                    Value::Array(list)
                }
                Some(first) => Value::Array(vec![first, value]),
            };
            union.insert(name, value);
        }
        union
    }

    /// Text as it is, anything else as base64, and whether it is.
    fn body_by_utf8(&self) -> (String, bool) {
        match str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(&self.body), true),
        }
    }

    /// Text for the content types that AWS calls text, base64 for every other.
    fn body_by_content_type(&self) -> (String, bool) {
        let content_type = self.header(header::CONTENT_TYPE.as_str());
        let essence = content_type
            .and_then(|text| text.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_text = essence.starts_with("text/")
            || matches!(
                essence.as_str(),
                "application/json" | "application/javascript" | "application/xml"
            );
        match str::from_utf8(&self.body) {
            Ok(text) if is_text || text.is_empty() => (text.to_owned(), false),
            _ => (STANDARD.encode(&self.body), true),
        }
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
