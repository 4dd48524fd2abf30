//! One call to one endpoint: write, post, read.
//!
//! # Guarantees
//! Each attempt is written and signed anew, with the time of the attempt.
//!
//! # Not covered
//! Retries (`issuer`).

use std::time::Duration;

use super::call::{Call, Message};
use super::endpoint::Endpoint;
use super::hint::hint;
use super::response::AnswerError;
use crate::http_client::{self, CallError};
use tencent::names::Region;
use tencent::time::{Clock, Timestamp};

/// What every call needs.
#[expect(missing_debug_implementations, reason = "its connections may show keys")]
pub struct Client {
    /// The pooled HTTPS client.
    pub http: http_client::Client,
    /// The value of `X-TC-Region`.
    pub region: Region,
    /// The least lifetime that an answer must have left.
    pub remaining_seconds_min: u32,
}

impl Client {
    /// Makes `call` to `endpoint`. `clock` is that of STS.
    pub async fn call<C: Call>(
        &self,
        call: &C,
        endpoint: &Endpoint,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Called<C::Answer> {
        let answer = match call.message(endpoint, &self.region, clock.now()) {
            Ok(Message { headers, body }) => {
                self.http.post(endpoint.url(), headers, body, timeout).await
            }
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Called { outcome: Err(error.into()), date: None },
        };
        let (status, now) = (answer.status, clock.now());
        let outcome = call.answer(status, &answer.body, now, self.remaining_seconds_min);
        Called { outcome: outcome.map_err(StsError::from), date: answer.date }
    }
}

/// What a call brought.
#[expect(missing_debug_implementations, reason = "it contains credentials")]
pub struct Called<A> {
    /// The answer, or the error of the call.
    pub outcome: Result<A, StsError>,
    /// When the answer was sent, by the clock of STS.
    pub date: Option<Timestamp>,
}

impl StsError {
    /// What the operator can do about it, in terms of the function's settings.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Answer(AnswerError::Api { code, .. }) => hint(code),
            Self::Answer(_) | Self::Call(_) => None,
        }
    }
}

/// Why a call returned no credentials.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// There was an unusable answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// There was no answer.
    #[error(transparent)]
    Call(#[from] CallError),
}
