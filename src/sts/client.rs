//! One call to one endpoint: sign, post, read.
//!
//! # Guarantees
//! Each attempt is signed anew, with the time of the attempt.
//!
//! # Not covered
//! Retries (`issuer`).

use std::time::Duration;

use super::endpoint::Endpoint;
use super::hint::hint;
use super::identity::Identity;
use super::request::SignedCall;
use super::response::{AnswerError, Credentials};
use crate::grant::Authorized;
use crate::http_client;
use tencent::names::Region;
use tencent::time::{Clock, Timestamp};

/// What every call needs.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct Client {
    /// The pooled HTTPS client.
    pub http: http_client::Client,
    /// The value of `X-TC-Region`.
    pub region: Region,
    /// The least lifetime that an answer must have left.
    pub remaining_seconds_min: u32,
}

impl Client {
    /// Requests the credentials that were authorized from `endpoint`, as `identity`. `clock` is
    /// that of STS.
    pub async fn call(
        &self,
        authorized: &Authorized,
        identity: &Identity,
        endpoint: &Endpoint,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Called {
        let signed = SignedCall::new(authorized, identity, endpoint, &self.region, clock.now());
        let answer = match signed {
            Ok(SignedCall { headers, body }) => {
                self.http.post(endpoint.url(), headers, body, timeout).await
            }
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Called { outcome: Err(error.into()), date: None },
        };
        let outcome = Credentials::parse(
            answer.status,
            &answer.body,
            clock.now(),
            authorized.duration_seconds(),
            self.remaining_seconds_min,
            &identity.key().secrets(),
        );
        Called { outcome: outcome.map_err(StsError::from), date: answer.date }
    }
}

/// What a call brought.
#[expect(missing_debug_implementations, reason = "it contains credentials")]
pub struct Called {
    /// The credentials, or why there are none.
    pub outcome: Result<Credentials, StsError>,
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
    Call(#[from] http_client::CallError),
}
