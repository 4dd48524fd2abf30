//! Why a request is rejected: codes and messages of COS, reasons of the emulator.
//! <https://www.tencentcloud.com/document/product/436/7730>
//!
//! Messages are observed where the reference has them. Only the codes of `ExpiredToken` and
//! `RequestTimeTooSkewed` are documented.

use std::fmt::Display;

use tencent::time::Timestamp;

use super::authorization::Malformed;
use crate::cos::error::{self, CosError, forbidden};
use crate::cos::http::address::Address;
use crate::cos::http::request::RequestHead;
use crate::cos::image::ERROR_NUMBER;

/// The request has no readable signature, and the bucket is private (documented).
pub(super) fn anonymous(request: &RequestHead, reason: &str) -> CosError {
    let error = match request.address {
        // Documented for GET Service.
        Address::Service => {
            let message = "Check auth failure because signature empty.";
            forbidden("AccessDenied", message).with("ServerTime", request.now.iso_8601())
        }
        Address::Bucket(_) | Address::Object(_) | Address::Website(..) => error::access_denied(),
    };
    error.because(reason)
}

/// Why a request without a signature is denied.
pub(super) const NOT_SIGNED: &str = "denied: the request is not signed, and the bucket is private";

/// Documented: an unreadable signature counts as none.
pub(super) fn unreadable(request: &RequestHead, malformed: &Malformed) -> CosError {
    anonymous(request, &format!("denied: {}", malformed.0))
}

pub(super) fn access_key(reason: &str) -> CosError {
    error::invalid_access_key_id().because(reason)
}

pub(super) fn expired_key(expires: Timestamp, now: Timestamp) -> CosError {
    let (expires, now) = (expires.iso_8601(), now.iso_8601());
    error::expired_token()
        .because(format!("the temporary key expired at {expires}, it is {now}: request a new one"))
}

/// Documented, with the server's own time.
pub(super) fn expired_signature(now: Timestamp, reason: &str) -> CosError {
    forbidden("AccessDenied", error::REQUEST_HAS_EXPIRED)
        .with("ServerTime", now.iso_8601())
        .because(reason)
}

/// Inferred: the code for a signature of the future and for a wrong `Date`.
pub(super) fn skewed(now: Timestamp, reason: &str) -> CosError {
    error::request_time_too_skewed().with("ServerTime", now.iso_8601()).because(reason)
}

/// With the server's own version of what was to be signed (documented).
pub(super) fn signature(string_to_sign: &str, format_string: &str, reason: &str) -> CosError {
    error::signature_does_not_match()
        .with("StringToSign", string_to_sign)
        .with("FormatString", format_string)
        .because(reason)
}

pub(super) fn denied(verdict: &dyn Display) -> CosError {
    error::access_denied().because(verdict.to_string())
}

/// Inferred: in the cloud, a bucket policy of the other account decides; the emulator has none.
pub(super) fn other_account(bucket: &str, appid: u64) -> CosError {
    error::access_denied().because(format!(
        "denied: `{bucket}` is not a bucket of this account, whose names end in -{appid}"
    ))
}

/// The number is documented, for signing information that is incomplete.
pub(super) fn unsigned_pictures() -> CosError {
    unsigned_header("Pic-Operations").with_header(ERROR_NUMBER, "-60938")
}

/// A header that must be signed.
pub(super) fn unsigned_header(name: &str) -> CosError {
    error::access_denied()
        .because(format!("denied: {name}: must be one of the signed headers (q-header-list)"))
}

/// A header or parameter with two meanings. The service would choose one of them.
pub(super) fn ambiguous(reason: &str) -> CosError {
    error::invalid_argument("The request is ambiguous.").because(reason)
}

/// A key that the policies allow as sent, but not as COS may merge it.
pub(super) fn ambiguous_key(key: &str, merged: &str) -> CosError {
    let merged = match merged {
        "" => "the bucket itself".to_owned(),
        merged => format!("`{merged}`"),
    };
    error::access_denied().because(format!(
        "denied: the key is ambiguous: `{key}` is allowed, but COS may merge it to {merged}, \
         which is not: send a key without `..`, `.` and empty segments"
    ))
}

/// A path or query that is not UTF-8 once it is decoded.
pub(super) fn not_utf8(part: &str) -> CosError {
    error::invalid_uri().because(format!("{part}: must be UTF-8"))
}

/// Inferred: the documented code for an operation that is not offered.
pub(super) fn unmapped(request: &RequestHead) -> CosError {
    error::not_implemented("A header or parameter").because(format!(
        "denied: {} with these parameters is not an operation that the emulator maps to a CAM action",
        request.method
    ))
}

/// An unmet condition of a form's policy (observed).
pub(super) fn form_condition(name: &str, value: &str) -> CosError {
    let message = format!("Condition key {name} doesn't match the value {value}");
    forbidden("AccessDenied", message)
        .because(format!("denied: the form's policy requires another `{name}`"))
}

/// Observed.
pub(super) fn form_expired(expiration: i64, now: Timestamp) -> CosError {
    let now = now.unix_seconds();
    let message = format!(
        "You post object request has been expired, expiration time: {expiration} but the time now : {now}"
    );
    forbidden("AccessDenied", message).because("denied: the form's policy has expired")
}

pub(super) fn form_policy(message: &str) -> CosError {
    CosError::new(http::StatusCode::BAD_REQUEST, "InvalidPolicyDocument", message)
        .because(format!("the form's policy: {message}"))
}
