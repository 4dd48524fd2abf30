//! What a failed call means: one table for what follows, and what the caller gets.
//!
//! Codes: <https://www.tencentcloud.com/document/product/1150/49458>.
//!
//! # Guarantees
//! Authentication and parameter errors are never tried again, except a signature that expired.
//! The vendor's own text stays in the log.

use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::error::{Error, ErrorCode, chain};
use crate::http_client::CallError;
use crate::metrics::AttemptOutcome;
use crate::sts::{AnswerError, StsError};

/// What follows from a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The clocks disagree: tried again once, with the time of STS.
    Clock,
    /// The endpoint cannot be used now: tried again, at another one if there is one.
    Endpoint,
    /// The calling key is unknown: final. A role's key may have lapsed.
    Key,
    /// STS understood and refused: final.
    Refused,
    /// The account calls too often: tried again after a pause.
    Throttled,
}

/// The class of a failure.
pub(super) fn class(failure: &StsError) -> Class {
    match failure {
        StsError::Call(CallError::Header(_)) => Class::Refused,
        StsError::Call(
            CallError::AnswerTooLarge(_)
            | CallError::Connect(_)
            | CallError::Timeout
            | CallError::Transport(_),
        ) => Class::Endpoint,
        StsError::Answer(error) => match error {
            AnswerError::Missing(_) | AnswerError::Shape { .. } | AnswerError::Status(_) => {
                Class::Endpoint
            }
            AnswerError::Expired(_) | AnswerError::Overlong(_) => Class::Refused,
            AnswerError::Api { code, .. } => class_of_code(code),
        },
    }
}

/// Whether every request would fail so: the calling key, its role or the way to STS is the cause.
/// Throttling passes, and has a count of its own; a wrong parameter is that of one grant.
pub(super) fn concerns_everyone(failure: &StsError) -> bool {
    match failure {
        StsError::Answer(AnswerError::Api { code, .. }) => {
            let family = code.split_once('.').map_or(code.as_str(), |(family, _)| family);
            let is_parameter = matches!(family, "InvalidParameter" | "InvalidParameterValue")
                && code != "InvalidParameter.WebIdentityTokenError";
            !is_parameter && class_of_code(code) != Class::Throttled
        }
        StsError::Answer(_) | StsError::Call(_) => true,
    }
}

/// `GetRoleError` and `IllegalRole` are about the role, in spite of their family.
fn class_of_code(code: &str) -> Class {
    match code {
        "AuthFailure.SignatureExpire" => Class::Clock,
        "AuthFailure.InvalidSecretId"
        | "AuthFailure.SecretIdNotFound"
        | "AuthFailure.TokenFailure" => Class::Key,
        "InternalError.GetRoleError" | "InternalError.IllegalRole" => Class::Refused,
        "InternalError" | "ResourceUnavailable" | "ServiceUnavailable" => Class::Endpoint,
        "InvalidParameter.OverLimit" | "LimitExceeded" | "RequestLimitExceeded" => Class::Throttled,
        _ if code.starts_with("InternalError.") => Class::Endpoint,
        _ if code.starts_with("RequestLimitExceeded.") => Class::Throttled,
        _ => Class::Refused,
    }
}

/// The result of an attempt in the log.
pub(super) fn outcome(failure: &StsError) -> &str {
    match failure {
        StsError::Answer(AnswerError::Api { code, .. }) => code,
        StsError::Answer(AnswerError::Status(_)) => "status",
        StsError::Answer(_) | StsError::Call(CallError::AnswerTooLarge(_)) => "unusable answer",
        StsError::Call(CallError::Connect(_)) => "no connection",
        StsError::Call(CallError::Header(_)) => "not sent",
        StsError::Call(CallError::Timeout) => "timeout",
        StsError::Call(CallError::Transport(_)) => "connection broken",
    }
}

/// The result of a failed attempt in metrics.
pub(super) fn attempt_outcome(failure: &StsError) -> AttemptOutcome {
    match failure {
        StsError::Call(CallError::Connect(_) | CallError::Transport(_)) => {
            AttemptOutcome::Transport
        }
        StsError::Call(CallError::Timeout) => AttemptOutcome::Timeout,
        // The calling key cannot be sent.
        StsError::Call(CallError::Header(_)) => AttemptOutcome::Refused,
        StsError::Answer(AnswerError::Api { code, .. }) => match class_of_code(code) {
            Class::Throttled => AttemptOutcome::Throttled,
            Class::Endpoint => AttemptOutcome::Answer,
            Class::Clock | Class::Key | Class::Refused => AttemptOutcome::Refused,
        },
        StsError::Answer(_) | StsError::Call(CallError::AnswerTooLarge(_)) => {
            AttemptOutcome::Answer
        }
    }
}

/// The failure that ends a request, at `host`.
pub(super) fn final_error(failure: &StsError, host: &str) -> Error {
    let cause = format!("{host}: {}", chain(failure));
    Error::from(failure).with_hint(failure.hint()).caused_by(cause)
}

/// There was no time for an answer.
pub(super) fn too_late() -> Error {
    Error::from(&StsError::Call(CallError::Timeout))
}

impl From<&StsError> for Error {
    fn from(failure: &StsError) -> Self {
        let later = |code, message| {
            Self::new(code, message).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        };
        match failure {
            StsError::Call(CallError::Timeout) => later(
                ErrorCode::UpstreamTimeout,
                "the credential service did not answer in time: try again",
            ),
            StsError::Call(CallError::Connect(_) | CallError::Transport(_))
            | StsError::Answer(AnswerError::Status(_)) => later(
                ErrorCode::UpstreamUnavailable,
                "the credential service cannot be reached: try again",
            ),
            StsError::Answer(AnswerError::Api { code, .. }) => match class_of_code(code) {
                Class::Throttled => later(
                    ErrorCode::UpstreamThrottled,
                    "too many credentials are requested at once: try again later",
                ),
                Class::Endpoint => later(
                    ErrorCode::UpstreamUnavailable,
                    "the credential service has a fault: try again",
                ),
                Class::Clock | Class::Key | Class::Refused => Self::new(
                    ErrorCode::UpstreamRefused,
                    "the credential service refused the key, role or policy of this function: the log has \
                     the cause under this request id",
                ),
            },
            StsError::Call(CallError::Header(_)) => Self::new(
                ErrorCode::Internal,
                "SECRET_ID or SECRET_KEY cannot be sent in a header: the operator has to set it again",
            ),
            StsError::Call(CallError::AnswerTooLarge(_)) | StsError::Answer(_) => later(
                ErrorCode::UpstreamAnswer,
                "the credential service returned an unusable answer: try again",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, attempt_outcome, class, concerns_everyone};
    use crate::error::{Error, ErrorCode};
    use crate::http_client::CallError;
    use crate::metrics::AttemptOutcome;
    use crate::sts::{AnswerError, StsError};

    /// Every code of <https://www.tencentcloud.com/document/product/1150/49458>, and what it means.
    const CODES: [(Class, &str); 5] = [
        (Class::Clock, "AuthFailure.SignatureExpire"),
        (
            Class::Endpoint,
            "InternalError InternalError.DbError InternalError.EncryptError \
             InternalError.GetAppIdError InternalError.GetSeedTokenError \
             InternalError.PbSerializeError InternalError.SystemError InternalError.UnknownError \
             ResourceUnavailable ServiceUnavailable InternalError.SomethingNew",
        ),
        (
            Class::Key,
            "AuthFailure.InvalidSecretId AuthFailure.SecretIdNotFound AuthFailure.TokenFailure",
        ),
        (
            Class::Refused,
            "ActionOffline AuthFailure.AccessKeyIllegal AuthFailure.InvalidAuthorization \
             AuthFailure.MFAFailure AuthFailure.SignatureFailure AuthFailure.UnauthorizedOperation \
             DryRunOperation FailedOperation FailedOperation.CheckMFAError \
             FailedOperation.MFATypeNotSupported FailedOperation.TempKeyNotAllowed \
             InternalError.GetRoleError InternalError.IllegalRole InvalidAction InvalidParameter \
             InvalidParameter.AccessKeyNotSupport InvalidParameter.AccountNotAvaliable \
             InvalidParameter.ExtendStrategyOverSize InvalidParameter.GrantOtherResource \
             InvalidParameter.OverTimeError InvalidParameter.ParamError \
             InvalidParameter.PolicyTooLong InvalidParameter.ResouceError \
             InvalidParameter.StrategyFormatError InvalidParameter.StrategyInvalid \
             InvalidParameter.TempCodeNotAvaliable InvalidParameter.WebIdentityTokenError \
             InvalidParameterValue InvalidRequest IpInBlacklist IpNotInWhitelist MissingParameter \
             NoSuchProduct NoSuchVersion RequestSizeLimitExceeded ResourceInUse \
             ResourceInsufficient ResourceNotFound ResourceNotFound.RoleNotFound \
             ResponseSizeLimitExceeded UnauthorizedOperation UnknownParameter UnsupportedOperation \
             UnsupportedProtocol UnsupportedRegion SomethingNew InternalErrors",
        ),
        (
            Class::Throttled,
            "InvalidParameter.OverLimit LimitExceeded RequestLimitExceeded \
             RequestLimitExceeded.GlobalRegionUinLimitExceeded RequestLimitExceeded.IPLimitExceeded \
             RequestLimitExceeded.UinLimitExceeded",
        ),
    ];

    #[test]
    fn each_documented_code_has_one_meaning() {
        for (expected, codes) in CODES {
            for code in codes.split_ascii_whitespace() {
                let (text, message) = (code.to_owned(), "CANARY account 100000000001".to_owned());
                let error = AnswerError::Api { code: text, message, request_id: String::new() };
                let failure = StsError::Answer(error);
                assert_eq!(class(&failure), expected, "{code}");
                let error = Error::from(&failure);
                let told = match expected {
                    Class::Clock | Class::Key | Class::Refused => ErrorCode::UpstreamRefused,
                    Class::Endpoint => ErrorCode::UpstreamUnavailable,
                    Class::Throttled => ErrorCode::UpstreamThrottled,
                };
                assert_eq!(error.code(), told, "{code}");
                assert_eq!(error.header().is_some(), told != ErrorCode::UpstreamRefused, "{code}");
                assert!(!error.message().contains("CANARY"), "{code}");
            }
        }
    }

    #[test]
    fn no_answer_and_an_unusable_one_are_faults_of_the_endpoint() {
        let answer = |error| class(&StsError::Answer(error));
        let call = |error| class(&StsError::Call(error));
        for status in [302, 403, 429, 500, 503] {
            assert_eq!(answer(AnswerError::Status(status)), Class::Endpoint, "{status}");
        }
        let (category, position) = ("no JSON", 1);
        assert_eq!(answer(AnswerError::Shape { category, position }), Class::Endpoint);
        assert_eq!(answer(AnswerError::Missing("Credentials")), Class::Endpoint);
        assert_eq!(call(CallError::Timeout), Class::Endpoint);
        assert_eq!(call(CallError::AnswerTooLarge(1)), Class::Endpoint);
        // A second call would bring the same.
        assert_eq!(answer(AnswerError::Expired(1)), Class::Refused);
        assert_eq!(answer(AnswerError::Overlong(1)), Class::Refused);
        assert_eq!(call(CallError::Header("authorization")), Class::Refused);
    }

    #[test]
    fn a_wrong_grant_and_throttling_do_not_concern_everyone() {
        let concerns = |code: &str| {
            let (code, message, request_id) = (code.to_owned(), String::new(), String::new());
            concerns_everyone(&StsError::Answer(AnswerError::Api { code, message, request_id }))
        };
        for code in [
            "InvalidParameter.PolicyTooLong",
            "InvalidParameter.ResouceError",
            "InvalidParameterValue",
            "InvalidParameter.OverLimit",
            "RequestLimitExceeded.UinLimitExceeded",
        ] {
            assert!(!concerns(code), "{code}");
        }
        for code in [
            "AuthFailure.SecretIdNotFound",
            "AuthFailure.SignatureExpire",
            "AuthFailure.TokenFailure",
            "InternalError.DbError",
            "InvalidParameter.WebIdentityTokenError",
            "IpNotInWhitelist",
            "ResourceNotFound.RoleNotFound",
            "UnauthorizedOperation",
            "SomethingNew",
        ] {
            assert!(concerns(code), "{code}");
        }
        assert!(concerns_everyone(&StsError::Call(CallError::Timeout)));
        assert!(concerns_everyone(&StsError::Answer(AnswerError::Status(503))));
    }

    #[test]
    fn metrics_have_one_outcome_for_each_kind_of_failure() {
        let api = |code: &str| {
            let (code, message, request_id) = (code.to_owned(), String::new(), String::new());
            StsError::Answer(AnswerError::Api { code, message, request_id })
        };
        for (failure, expected) in [
            (StsError::Call(CallError::Timeout), AttemptOutcome::Timeout),
            (StsError::Call(CallError::AnswerTooLarge(1)), AttemptOutcome::Answer),
            (StsError::Call(CallError::Header("authorization")), AttemptOutcome::Refused),
            (StsError::Answer(AnswerError::Status(503)), AttemptOutcome::Answer),
            (StsError::Answer(AnswerError::Missing("Credentials")), AttemptOutcome::Answer),
            (StsError::Answer(AnswerError::Expired(1)), AttemptOutcome::Answer),
            (api("InternalError.DbError"), AttemptOutcome::Answer),
            (api("RequestLimitExceeded"), AttemptOutcome::Throttled),
            (api("AuthFailure.SignatureExpire"), AttemptOutcome::Refused),
            (api("AuthFailure.TokenFailure"), AttemptOutcome::Refused),
            (api("ResourceNotFound.RoleNotFound"), AttemptOutcome::Refused),
        ] {
            assert_eq!(attempt_outcome(&failure), expected, "{failure}");
        }
    }
}
