//! Events: how each gateway describes an HTTP request to a function, and how it reads the reply.
//!
//! ```text
//! GatewayRequest ──shape.event──> JSON ──> function ──> bytes ──shape.reply──> HTTP response, or the gateway's own error
//! ```
//!
//! One file for each shape.
//!
//! # Guarantees
//! An event carries what the reference documents for its shape and nothing else.

mod alb;
mod clb;
mod front;
mod gateway_request;
mod http_api;
mod lambda_function_url;
mod payload_two;
mod reply;
mod rest;
#[cfg(test)]
mod round_trip;
mod scf_api_gateway;
mod scf_function_url;

use bytes::Bytes;
use http::Response;
use serde_json::Value;

pub(crate) use self::gateway_request::GatewayRequest;
use crate::function::Outcome;
use crate::platform::{LambdaEvent, PlatformError, ScfEvent};

/// The event of an SCF trigger.
pub(crate) fn scf(shape: ScfEvent, request: &GatewayRequest) -> Value {
    match shape {
        ScfEvent::ApiGateway => scf_api_gateway::event(request),
        ScfEvent::Clb => clb::event(request),
        ScfEvent::FunctionUrl => scf_function_url::event(request),
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
            // Documented: 430 for what the code did not catch. Inferred: that `/error` counts as
            // such.
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
pub(crate) fn lambda(shape: LambdaEvent, request: &GatewayRequest) -> Value {
    match shape {
        LambdaEvent::Alb => alb::event(request),
        LambdaEvent::FunctionUrl => lambda_function_url::event(request),
        LambdaEvent::HttpApi => http_api::event(request),
        LambdaEvent::Rest => rest::event(request),
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
    let too_large = matches!(outcome, Outcome::PlatformError(PlatformError::RequestTooLarge));
    understood.unwrap_or_else(|| match (shape, throttled, too_large) {
        (LambdaEvent::Alb, ..) => alb::failure(too_large),
        (LambdaEvent::FunctionUrl, ..) => lambda_function_url::failure(throttled, too_large),
        (LambdaEvent::HttpApi, ..) => http_api::failure(throttled, too_large),
        (LambdaEvent::Rest, ..) => rest::failure(throttled, too_large),
    })
}
