//! What can go wrong with one call, and at which service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A part of the cloud that answers calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Object storage; its actions are the operations, `PutObject`.
    Cos,
    /// The gateway of the function; its actions are paths, `/sign`.
    Gateway,
    /// The credential service; its actions are those of its API, `GetFederationToken`.
    Sts,
}

impl Service {
    /// As in files and in the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cos => "cos",
            Self::Gateway => "gateway",
            Self::Sts => "sts",
        }
    }
}

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An error of the API with HTTP 200: `Response.Error` of the STS, `<Error>` of COS.
    ApiError {
        /// The code.
        code: String,
        /// The message.
        message: String,
    },
    /// The right answer is announced, cut off after this many bytes of its body, and the connection
    /// closes.
    CloseAfter {
        /// How many bytes of the body arrive.
        bytes: usize,
    },
    /// The connection closes before any byte of an answer.
    CloseBefore,
    /// The right answer, that much later.
    Delay(Duration),
    /// The function's way to the STS leads over a host name that does not exist. From the start of
    /// a cloud only: the function learns the way from its environment.
    DnsFailure,
    /// The right answer with one member emptied: `""`, `0` for the time, `{}` for the credentials.
    Empty(Member),
    /// The right answer, but both of its times are this many seconds in the past.
    Expired {
        /// How long ago.
        seconds_ago: u32,
    },
    /// The temporary key expires at this moment: at the STS the one that it just issued, at COS the
    /// one that signed.
    ExpiredNow,
    /// An answer of HTTP itself in place of the API's: `500`, an HTML page, text that is not JSON.
    Http {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// The first half of the right body, as if it were all.
    Malformed,
    /// `503 Service Unavailable`, and nothing done.
    Outage,
    /// A key is revoked during the call.
    RevokeKey(WhichKey),
    /// The right answer, in pieces with pauses between them.
    SlowBody {
        /// The size of a piece.
        bytes: usize,
        /// The pause after each.
        pause: Duration,
    },
    /// The right answer, but its token belongs to an earlier key.
    StalePair,
    /// More calls in one second of the cloud's clock are refused as the service itself does it:
    /// `RequestLimitExceeded`, `SlowDown`, or the platform's throttling.
    Throttle {
        /// As many are served.
        per_second: u32,
    },
    /// The server shows a certificate of an authority that no client trusts. Counts connections,
    /// not calls.
    TlsFailure,
    /// The right answer without one member.
    Without(Member),
    /// The service's clock is wrong for this call, `Date` too.
    WrongClock {
        /// How far ahead; negative when it is slow.
        seconds: i64,
    },
}

/// A key that a fault revokes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhichKey {
    /// The one that signed the call, before its signature is verified.
    #[default]
    Calling,
    /// The one that the STS issued with this answer.
    Issued,
}

/// A member of a success answer of the STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Member {
    /// `Credentials`, whole.
    Credentials,
    /// `Expiration`
    Expiration,
    /// `ExpiredTime`
    ExpiredTime,
    /// `RequestId`
    RequestId,
    /// `Credentials.TmpSecretId`
    TmpSecretId,
    /// `Credentials.TmpSecretKey`
    TmpSecretKey,
    /// `Credentials.Token`
    Token,
}

impl Member {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Credentials,
        Self::Expiration,
        Self::ExpiredTime,
        Self::RequestId,
        Self::TmpSecretId,
        Self::TmpSecretKey,
        Self::Token,
    ];
}

impl Fault {
    /// As in files and in the trace.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ApiError { .. } => "error",
            Self::CloseAfter { .. } => "cut-after",
            Self::CloseBefore => "close",
            Self::Delay(_) => "latency",
            Self::DnsFailure => "dns-fail",
            Self::Empty(_) => "empty",
            Self::Expired { .. } => "expired",
            Self::ExpiredNow => "expired-now",
            Self::Http { .. } => "http",
            Self::Malformed => "malformed-json",
            Self::Outage => "outage",
            Self::RevokeKey(_) => "revoke-key",
            Self::SlowBody { .. } => "slow-body",
            Self::StalePair => "stale-pair",
            Self::Throttle { .. } => "throttle",
            Self::TlsFailure => "tls-fail",
            Self::Without(_) => "without",
            Self::WrongClock { .. } => "wrong-clock",
        }
    }

    /// Whether the fault replaces the response, so that the service does not see the call.
    pub(crate) fn replaces_the_response(&self) -> bool {
        matches!(
            self,
            Self::ApiError { .. }
                | Self::CloseBefore
                | Self::Http { .. }
                | Self::Outage
                | Self::Throttle { .. }
        )
    }

    /// Whether this fault exists at `service`.
    pub(crate) fn fits(&self, service: Service) -> bool {
        match self {
            Self::DnsFailure
            | Self::Empty(_)
            | Self::Expired { .. }
            | Self::RevokeKey(WhichKey::Issued)
            | Self::StalePair
            | Self::Without(_) => service == Service::Sts,
            Self::ApiError { .. }
            | Self::ExpiredNow
            | Self::RevokeKey(WhichKey::Calling)
            | Self::TlsFailure => service != Service::Gateway,
            Self::CloseAfter { .. }
            | Self::CloseBefore
            | Self::Delay(_)
            | Self::Http { .. }
            | Self::Malformed
            | Self::Outage
            | Self::SlowBody { .. }
            | Self::Throttle { .. }
            | Self::WrongClock { .. } => true,
        }
    }
}
