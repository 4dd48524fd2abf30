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
use crate::platform::{LambdaEvent, Platform, PlatformError, ScfEvent};

impl Platform {
    /// The event that `request` becomes; `None` for a web function, which takes none.
    pub(crate) fn event_of(self, request: &GatewayRequest) -> Option<Value> {
        Some(match self {
            Self::Scf(ScfEvent::ApiGateway) => scf_api_gateway::event(request),
            Self::Scf(ScfEvent::Clb) => clb::event(request),
            Self::Scf(ScfEvent::FunctionUrl) => scf_function_url::event(request),
            Self::ScfWeb => return None,
            Self::Lambda(LambdaEvent::Alb) => alb::event(request),
            Self::Lambda(LambdaEvent::FunctionUrl) => lambda_function_url::event(request),
            Self::Lambda(LambdaEvent::HttpApi) => http_api::event(request),
            Self::Lambda(LambdaEvent::Rest) => rest::event(request),
        })
    }

    /// What the client of the trigger gets; of a web function, when the function did not answer.
    pub(crate) fn reply(self, request_id: &str, outcome: &Outcome) -> Response<Bytes> {
        match self {
            Self::Scf(shape) => scf_reply(shape, request_id, outcome),
            Self::ScfWeb => {
                let error = outcome.platform_error().unwrap_or(&PlatformError::NoEvents);
                reply::json(error.scf_code().0, &error.scf_body(request_id))
            }
            Self::Lambda(shape) => lambda_reply(shape, outcome),
        }
    }
}

fn scf_reply(shape: ScfEvent, request_id: &str, outcome: &Outcome) -> Response<Bytes> {
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

fn lambda_reply(shape: LambdaEvent, outcome: &Outcome) -> Response<Bytes> {
    let understood = match (outcome, shape) {
        (Outcome::Response(bytes), LambdaEvent::Alb) => alb::reply(bytes),
        (Outcome::Response(bytes), LambdaEvent::FunctionUrl | LambdaEvent::HttpApi) => {
            payload_two::reply(bytes)
        }
        (Outcome::Response(bytes), LambdaEvent::Rest) => rest::reply(bytes),
        (Outcome::FunctionError(_) | Outcome::PlatformError(_), _) => None,
    };
    let error = outcome.platform_error();
    understood.unwrap_or_else(|| match shape {
        LambdaEvent::Alb => alb::failure(error),
        LambdaEvent::FunctionUrl => lambda_function_url::failure(error),
        LambdaEvent::HttpApi => http_api::failure(error),
        LambdaEvent::Rest => rest::failure(error),
    })
}
