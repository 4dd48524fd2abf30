//! Refusals that a later login may not get.

use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::error::{Error, ErrorCode};

/// Nobody knows whether the code is spent.
pub(super) fn unavailable() -> Error {
    let message = "WeChat could not be asked about the login code, which may be spent: call \
         `wx.login` again and send the new code";
    later(ErrorCode::WechatUnavailable, message, "5")
}

/// A refusal that ends by itself.
pub(super) fn later(code: ErrorCode, message: &str, seconds: &'static str) -> Error {
    Error::new(code, message).with_header(RETRY_AFTER, HeaderValue::from_static(seconds))
}
