//! A gateway without a listener: the event that a request becomes, and what the client of a trigger
//! gets for an outcome.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tencent::time::{Clock as _, SystemClock};

use super::GatewayRequest;
use crate::function::{Invocation, Outcome};
use crate::platform::Platform;

impl Platform {
    /// The event that `request` becomes, as if it came from this machine now; `None` for a web
    /// function, which takes none.
    pub fn event(self, request: &Request<Vec<u8>>) -> Option<Value> {
        let request = request.clone().map(Bytes::from);
        let request_id = uuid::Uuid::new_v4().to_string();
        self.event_of(&GatewayRequest::new(request, request_id, SystemClock.now()))
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
        platform.reply(&self.request_id, &self.outcome).map(|body| body.to_vec())
    }
}
