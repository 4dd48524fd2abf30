//! A gateway without a listener: the event that a request becomes, and what the client of a trigger
//! gets for an outcome.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tencent::time::{Clock as _, SystemClock};

use super::GatewayRequest;
use crate::function::{Invocation, Outcome};
use crate::platform::{Platform, PlatformError};

impl Platform {
    /// The event that `request` becomes, as if it came from this machine now; `None` for a web
    /// function, which takes none.
    pub fn event(self, request: &Request<Vec<u8>>) -> Option<Value> {
        let request = GatewayRequest {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            body: Bytes::copy_from_slice(request.body()),
            request_id: uuid::Uuid::new_v4().to_string(),
            source_ip: "127.0.0.1".to_owned(),
            unix_seconds: SystemClock.now().unix_seconds(),
        };
        match self {
            Self::Scf(shape) => Some(super::scf(shape, &request)),
            Self::Lambda(shape) => Some(super::lambda(shape, &request)),
            Self::ScfWeb => None,
        }
    }
}

impl Invocation {
    /// What a caller of the platform's `Invoke` gets, without a trigger: the bytes that it
    /// returned, or the error as JSON.
    pub fn returned(&self, platform: Platform) -> Vec<u8> {
        match &self.outcome {
            Outcome::Response(bytes) => bytes.clone(),
            Outcome::FunctionError(text) => text.clone().into_bytes(),
            Outcome::PlatformError(error) => {
                let body = match platform {
                    Platform::Lambda(_) => error.lambda_body(&self.request_id),
                    Platform::Scf(_) | Platform::ScfWeb => error.scf_body(&self.request_id),
                };
                body.to_string().into_bytes()
            }
        }
    }

    /// What the client of the trigger gets.
    pub fn reply(&self, platform: Platform) -> Response<Vec<u8>> {
        let (id, outcome) = (&self.request_id, &self.outcome);
        let response = match (platform, outcome) {
            (Platform::Scf(shape), _) => super::scf_reply(shape, id, outcome),
            (Platform::Lambda(shape), _) => super::lambda_reply(shape, outcome),
            (Platform::ScfWeb, Outcome::PlatformError(error)) => super::scf_web_failure(error, id),
            (Platform::ScfWeb, _) => super::scf_web_failure(&PlatformError::NoEvents, id),
        };
        response.map(|body| body.to_vec())
    }
}
