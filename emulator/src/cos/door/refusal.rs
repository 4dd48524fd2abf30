//! The refusals of the door: codes and messages of COS, reasons of our own.
//! <https://www.tencentcloud.com/document/product/436/7730>
//!
//! Messages are observed where the reference has them; `ExpiredToken` and `RequestTimeTooSkewed` have only a documented code.

use http::StatusCode;
use tencent::time::Timestamp;

use super::super::ask::{Address, Ask};
use super::super::error::CosError;
use super::claim::Malformed;
use crate::account::Verdict;

/// Nobody signed, or nobody could tell what was signed: the bucket is private (documented).
pub(super) fn anonymous(ask: &Ask, reason: &str) -> CosError {
    let error = match ask.address {
        // Documented for GET Service.
        Address::Service => forbidden(
            "AccessDenied",
            "Check auth failure because signature empty.",
        )
        .with("ServerTime", ask.now.iso_8601()),
        Address::Bucket { .. } => forbidden("AccessDenied", "Access Denied."),
    };
    error.because(reason)
}

/// Documented: what cannot be read counts as no signature.
pub(super) fn unreadable(ask: &Ask, malformed: &Malformed) -> CosError {
    anonymous(ask, &format!("denied: {}", malformed.0))
}

pub(super) fn access_key(reason: &str) -> CosError {
    forbidden(
        "InvalidAccessKeyId",
        "The Access Key Id you provided does not exist in our records",
    )
    .because(reason)
}

pub(super) fn expired_key(expires: Timestamp, now: Timestamp) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "ExpiredToken",
        "The provided token has expired.",
    )
    .because(format!(
        "the temporary key expired at {}, it is {}: ask for a new one",
        expires.iso_8601(),
        now.iso_8601(),
    ))
}

/// Documented, with the server's own time.
pub(super) fn expired_signature(now: Timestamp, reason: &str) -> CosError {
    forbidden("AccessDenied", "Request has expired")
        .with("ServerTime", now.iso_8601())
        .because(reason)
}

/// Inferred: that it comes for a signature of the future and for a wrong `Date`.
pub(super) fn skewed(now: Timestamp, reason: &str) -> CosError {
    forbidden(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    )
    .with("ServerTime", now.iso_8601())
    .because(reason)
}

/// With the server's own version of what was to be signed (documented).
pub(super) fn signature(string_to_sign: &str, format_string: &str, reason: &str) -> CosError {
    forbidden(
        "SignatureDoesNotMatch",
        "The Signature you specified is invalid.",
    )
    .with("StringToSign", string_to_sign)
    .with("FormatString", format_string)
    .because(reason)
}

pub(super) fn denied(verdict: &Verdict) -> CosError {
    forbidden("AccessDenied", "Access Denied.").because(verdict.to_string())
}

/// Inferred: in the cloud a bucket policy of the other account would decide; here there is none.
pub(super) fn other_account(bucket: &str, appid: u64) -> CosError {
    forbidden("AccessDenied", "Access Denied.").because(format!(
        "denied: `{bucket}` is not a bucket of this account, whose names end in -{appid}"
    ))
}

/// A header or parameter that could mean two things. Ours: the service would choose one of them.
pub(super) fn ambiguous(reason: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "InvalidArgument",
        "The request is ambiguous.",
    )
    .because(reason)
}

/// Path or query that is not UTF-8 once it is decoded.
pub(super) fn not_utf8(what: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "InvalidURI",
        "Could not parse the specified URI.",
    )
    .because(format!("{what} is not UTF-8"))
}

/// Inferred: which of the documented codes an operation gets that is not offered.
pub(super) fn unmapped(ask: &Ask) -> CosError {
    CosError::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "A header or parameter you provided implies functionality that is not implemented.",
    )
    .because(format!(
        "denied: {} with these parameters is no operation that this cloud maps to a CAM action",
        ask.method
    ))
}

/// A condition of a form's policy that does not hold (observed).
pub(super) fn form_condition(name: &str, value: &str) -> CosError {
    forbidden(
        "AccessDenied",
        format!("Condition key {name} doesn't match the value {value}"),
    )
    .because(format!(
        "denied: the form's policy asks for another `{name}`"
    ))
}

/// Observed.
pub(super) fn form_expired(expiration: i64, now: Timestamp) -> CosError {
    forbidden(
        "AccessDenied",
        format!(
            "You post object request has been expired, expiration time: {expiration} but the time now : {}",
            now.unix_seconds()
        ),
    )
    .because("denied: the expiration of the form's policy is over")
}

pub(super) fn form_policy(message: &str) -> CosError {
    CosError::new(StatusCode::BAD_REQUEST, "InvalidPolicyDocument", message)
        .because(format!("the form's policy: {message}"))
}

pub(super) fn malformed_form(reason: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
    )
    .because(reason)
}

pub(super) fn internal() -> CosError {
    CosError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError",
        "We encountered an internal error. Please try again.",
    )
}

fn forbidden(code: &'static str, message: impl Into<String>) -> CosError {
    CosError::new(StatusCode::FORBIDDEN, code, message)
}
