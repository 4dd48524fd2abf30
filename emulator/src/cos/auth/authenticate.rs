//! Authentication: key, token, time, signature, in this order.
//!
//! The order is documented (SecretId, time, signature, permission:
//! <https://www.tencentcloud.com/document/product/436/30740>); the place of token and expiry in it
//! is inferred.
//!
//! # Guarantees
//!
//! A request that can be read in two ways is rejected before any lookup. Comparisons take constant
//! time.

use std::sync::Arc;

use http::header;
use tencent::time::Timestamp;

use super::authorization::{Authorization, Period, TOKEN};
use super::errors;
use super::signature::{self, SignableRequest};
use crate::account::{Directory, Found, Identity, Key, looks_real};
use crate::cos::error::CosError;
use crate::cos::http::request::RequestHead;
use crate::cos::image::PIC_OPERATIONS;
use crate::cos::upload_reply::{CALLBACK, CALLBACK_VARIABLES, RETURN_BODY};
use crate::http_date;

/// How far a clock may be ahead (documented for `RequestTimeTooSkewed`).
pub(super) const SKEW_SECONDS: u32 = 900;

/// The key that signed a request.
pub(super) struct Authenticated {
    pub(super) secret_id: String,
    pub(super) key: Arc<Key>,
}

/// Who sent a request.
pub(super) enum Caller {
    /// The request is not signed. With its `Referer`, which hotlink protection checks.
    Anonymous {
        referer: Option<String>,
    },
    Key(Authenticated),
}

/// What condition keys may contain about the caller.
pub(super) struct IdentityContext {
    pub(super) account: tencent::cam::Account,
    /// `None` for a request that is not signed.
    pub(super) uin: Option<u64>,
    pub(super) owner_uin: u64,
    /// Where requests come from.
    pub(super) vpc: Option<String>,
}

impl Caller {
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anonymous { .. } => None,
            Self::Key(authenticated) => Some(&authenticated.key.identity),
        }
    }

    pub(super) fn identity_context(&self, directory: &Directory) -> IdentityContext {
        IdentityContext {
            account: directory.account.of_policies(),
            uin: self.identity().map(|identity| identity.uin(&directory.account)),
            owner_uin: directory.account.owner_uin,
            vpc: directory.account.vpc.clone(),
        }
    }
}

/// Authenticates `request` by a signature of COS in its header or query. Without a signature, it is
/// anonymous; with one that cannot be read, it is rejected.
pub(super) fn caller(request: &RequestHead, directory: &Directory) -> Result<Caller, CosError> {
    unambiguous(request)?;
    let authorization =
        Authorization::of(request).map_err(|malformed| errors::unreadable(request, &malformed))?;
    let Some(authorization) = authorization else {
        check_signed(request, "")?;
        return Ok(anonymous(request));
    };
    let token = token(request)?;
    let key = key(&authorization.secret_id, token.as_deref(), directory, request.now)?;
    check_date(request)?;
    period(&authorization.sign_time, request.now)?;
    period(&authorization.key_time, request.now)?;
    signature::check(&authorization, &key, &SignableRequest::of(request)?)?;
    check_signed(request, &authorization.header_list)?;
    Ok(Caller::Key(Authenticated { secret_id: authorization.secret_id, key }))
}

/// Checks that `Pic-Operations` is signed (documented), so that nobody can add it to a request of
/// another. Inferred: callbacks too, which make this machine send a request.
fn check_signed(request: &RequestHead, header_list: &str) -> Result<(), CosError> {
    let is_unsigned = |name: &str| {
        request.headers.contains_key(name) && !header_list.split(';').any(|signed| signed == name)
    };
    if is_unsigned(PIC_OPERATIONS) {
        return Err(errors::unsigned_pictures());
    }
    match [CALLBACK, CALLBACK_VARIABLES].into_iter().find(|name| is_unsigned(name)) {
        Some(name) => Err(errors::unsigned_header(name)),
        None => Ok(()),
    }
}

/// The caller of a request that is not signed.
pub(super) fn anonymous(request: &RequestHead) -> Caller {
    let referer = request.headers.get(header::REFERER);
    let referer = referer.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Caller::Anonymous { referer }
}

/// The key with this SecretId and token, unless it has expired.
pub(super) fn key(
    secret_id: &str,
    token: Option<&str>,
    directory: &Directory,
    now: Timestamp,
) -> Result<Arc<Key>, CosError> {
    if looks_real(secret_id) {
        return Err(errors::access_key(
            "this looks like a key of the real cloud: use a key of the emulator",
        ));
    }
    let key = match directory.look_up(secret_id) {
        Found::Key(key) => key,
        Found::Revoked => return Err(errors::access_key("the key was revoked")),
        Found::Unknown => {
            return Err(errors::access_key("the emulator did not issue this key"));
        }
    };
    // Inferred: the code of each of these.
    match (&key.session, token) {
        (None, None) => return Ok(key),
        (None, Some(_)) => {
            return Err(errors::access_key(
                "x-cos-security-token: must not be sent with a permanent key",
            ));
        }
        (Some(_), None) => {
            return Err(errors::access_key(
                "x-cos-security-token: must be the token of the temporary key",
            ));
        }
        (Some(session), Some(token)) if !signature::same(session.token.expose(), token) => {
            return Err(errors::access_key(
                "the token is not the one that was issued with this key",
            ));
        }
        (Some(session), Some(_)) if session.expires <= now => {
            return Err(errors::expired_key(session.expires, now));
        }
        (Some(_), Some(_)) => {}
    }
    Ok(key)
}

/// Checks that `now` is within the period, both ends included.
pub(super) fn period(period: &Period, now: Timestamp) -> Result<(), CosError> {
    if period.start > now.plus_seconds(SKEW_SECONDS) {
        return Err(errors::skewed(
            now,
            "the signature is not valid yet: the clock of the client is ahead",
        ));
    }
    if now < period.start || period.end < now {
        return Err(errors::expired_signature(
            now,
            &format!(
                "the signature is valid from {} to {}, it is {}",
                period.start.iso_8601(),
                period.end.iso_8601(),
                now.iso_8601(),
            ),
        ));
    }
    Ok(())
}

/// The session token: a header, or a parameter. An empty one counts as none (inferred).
pub(super) fn token(request: &RequestHead) -> Result<Option<String>, CosError> {
    let header = match request.headers.get(TOKEN).map(http::HeaderValue::to_str) {
        None => None,
        Some(Ok(text)) => Some(text.to_owned()),
        Some(Err(_)) => return Err(errors::access_key("x-cos-security-token: must be ASCII")),
    };
    let present = |token: &String| !token.is_empty();
    let parameter = request.parameter(request.api.token_parameter());
    match (header.filter(present), parameter.filter(present)) {
        (Some(_), Some(_)) => Err(errors::ambiguous(
            "x-cos-security-token: must be a header or a parameter, not both",
        )),
        (header, parameter) => Ok(header.or(parameter)),
    }
}

/// Checks that `Date` is near (inferred: the documents give the code and not the cause). A
/// malformed date is ignored.
fn check_date(request: &RequestHead) -> Result<(), CosError> {
    let Some(date) = request.header("date").and_then(http_date::parse) else {
        return Ok(());
    };
    let seconds = date.unix_seconds();
    if seconds.abs_diff(request.now.unix_seconds()) > u64::from(SKEW_SECONDS) {
        return Err(errors::skewed(request.now, "Date: must be at most 15 minutes off"));
    }
    Ok(())
}

/// Checks that no parameter is repeated, in any case, nor a header that decides anything.
pub(super) fn unambiguous(request: &RequestHead) -> Result<(), CosError> {
    let mut names: Vec<String> =
        request.parameters().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    if let Some((name, _)) = repeated {
        return Err(errors::ambiguous(&format!("the parameter `{name}` is repeated")));
    }
    for name in DECIDING_HEADERS {
        if request.sent_headers.get_all(name).iter().count() > 1 {
            return Err(errors::ambiguous(&format!("the header `{name}` is repeated")));
        }
    }
    Ok(())
}

/// Headers that identify the caller or are condition keys.
const DECIDING_HEADERS: [&str; 15] = [
    "authorization",
    "content-length",
    "content-type",
    "date",
    "host",
    PIC_OPERATIONS,
    "referer",
    "x-cos-acl",
    CALLBACK,
    CALLBACK_VARIABLES,
    "x-cos-copy-source",
    RETURN_BODY,
    TOKEN,
    "x-cos-storage-class",
    "x-cos-tagging",
];
