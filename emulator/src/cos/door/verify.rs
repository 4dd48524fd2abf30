//! Whose request it is: key, token, time, signature, in this order.
//!
//! The order is documented (SecretId, time, signature, permission: <https://www.tencentcloud.com/document/product/436/30740>), that of token
//! and expiry in it is inferred.
//! Promises: what could be read in two ways is refused before anything is looked up; comparisons are of constant time.

use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use tencent::time::Timestamp;

use super::super::ask::Ask;
use super::super::error::CosError;
use super::claim::{Claim, Period, TOKEN};
use super::refusal;
use super::signed::{self, Sent};
use crate::account::{Directory, Found, Key, looks_real};

/// How far a clock may be ahead (documented for `RequestTimeTooSkewed`).
const SKEW_SECONDS: u32 = 900;

/// A key that proved itself.
pub(super) struct Proven {
    pub(super) secret_id: String,
    pub(super) key: Arc<Key>,
}

/// What conditions may ask about the caller.
pub(super) struct IdentityKeys {
    pub(super) account: tencent::cam::Account,
    pub(super) uin: u64,
    pub(super) owner_uin: u64,
}

impl Proven {
    pub(super) fn identity_keys(&self, directory: &Directory) -> IdentityKeys {
        IdentityKeys {
            account: directory.account.of_policies(),
            uin: self.key.identity.uin(&directory.account),
            owner_uin: directory.account.owner_uin,
        }
    }
}

/// The key that signed `ask`, by header or by query.
pub(super) fn request(ask: &Ask, directory: &Directory) -> Result<Proven, CosError> {
    unambiguous(ask)?;
    let claim = Claim::of(ask).map_err(|malformed| refusal::unreadable(ask, &malformed))?;
    let claim = claim.ok_or_else(|| {
        refusal::anonymous(
            ask,
            "denied: the request is not signed, and the bucket is private",
        )
    })?;
    let token = token(ask)?;
    let key = key(&claim.secret_id, token.as_deref(), directory, ask.now)?;
    date(ask)?;
    period(&claim.sign_time, ask.now)?;
    period(&claim.key_time, ask.now)?;
    signed::check(&claim, &key, &Sent::of(ask)?)?;
    Ok(Proven {
        secret_id: claim.secret_id,
        key,
    })
}

/// The key of that name with its token, alive.
pub(super) fn key(
    secret_id: &str,
    token: Option<&str>,
    directory: &Directory,
    now: Timestamp,
) -> Result<Arc<Key>, CosError> {
    if looks_real(secret_id) {
        return Err(refusal::access_key(
            "this looks like a key of the real cloud, which has no business here",
        ));
    }
    let key = match directory.look_up(secret_id) {
        Found::Key(key) => key,
        Found::Revoked => return Err(refusal::access_key("the key was revoked")),
        Found::Unknown => {
            return Err(refusal::access_key(
                "no key of that name was made by this cloud",
            ));
        }
    };
    // Inferred: the code of each of these.
    match (&key.session, token) {
        (None, None) => return Ok(key),
        (None, Some(_)) => {
            return Err(refusal::access_key(
                "a permanent key goes without x-cos-security-token",
            ));
        }
        (Some(_), None) => {
            return Err(refusal::access_key(
                "a temporary key needs its token in x-cos-security-token",
            ));
        }
        (Some(session), Some(token)) if !same(session.token.expose(), token) => {
            return Err(refusal::access_key(
                "the token is not the one that was issued with this key",
            ));
        }
        (Some(session), Some(_)) if session.expires <= now => {
            return Err(refusal::expired_key(session.expires, now));
        }
        (Some(_), Some(_)) => {}
    }
    Ok(key)
}

/// `now` has to lie in the period, both ends included.
pub(super) fn period(period: &Period, now: Timestamp) -> Result<(), CosError> {
    if period.start > now.plus_seconds(SKEW_SECONDS) {
        return Err(refusal::skewed(
            now,
            "the signature is of the future: the clock of the client is ahead",
        ));
    }
    if now < period.start || period.end < now {
        return Err(refusal::expired_signature(
            now,
            &format!(
                "the signature is good from {} to {}, it is {}",
                period.start.iso_8601(),
                period.end.iso_8601(),
                now.iso_8601(),
            ),
        ));
    }
    Ok(())
}

pub(super) fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

/// The session token: a header, or a parameter. An empty one counts as none (inferred).
fn token(ask: &Ask) -> Result<Option<String>, CosError> {
    let header = match ask.headers.get(TOKEN).map(http::HeaderValue::to_str) {
        None => None,
        Some(Ok(text)) => Some(text.to_owned()),
        Some(Err(_)) => return Err(refusal::access_key("the token is not ASCII")),
    };
    let present = |token: &String| !token.is_empty();
    match (header.filter(present), ask.parameter(TOKEN).filter(present)) {
        (Some(_), Some(_)) => Err(refusal::ambiguous(
            "x-cos-security-token is both a header and a parameter",
        )),
        (header, parameter) => Ok(header.or(parameter)),
    }
}

/// A `Date` that is far off (inferred: the documents name the code and not the cause). One that is no date is not looked at.
fn date(ask: &Ask) -> Result<(), CosError> {
    let seconds = ask
        .header("date")
        .and_then(|text| httpdate::parse_http_date(text).ok())
        .and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    let Some(seconds) = seconds else {
        return Ok(());
    };
    if seconds.abs_diff(ask.now.unix_seconds()) > u64::from(SKEW_SECONDS) {
        return Err(refusal::skewed(
            ask.now,
            "the header Date is more than 15 minutes off",
        ));
    }
    Ok(())
}

/// No parameter twice, whatever its case, and none of the headers that decide anything.
pub(super) fn unambiguous(ask: &Ask) -> Result<(), CosError> {
    let mut names: Vec<String> = ask
        .parameters()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    if let Some((name, _)) = repeated {
        return Err(refusal::ambiguous(&format!(
            "the parameter `{name}` stands twice"
        )));
    }
    for name in DECIDING_HEADERS {
        if ask.headers.get_all(name).iter().count() > 1 {
            return Err(refusal::ambiguous(&format!(
                "the header `{name}` stands twice"
            )));
        }
    }
    Ok(())
}

/// Headers that say who asks, or that a condition can be about.
const DECIDING_HEADERS: [&str; 10] = [
    "authorization",
    "content-length",
    "content-type",
    "date",
    "host",
    "x-cos-acl",
    "x-cos-copy-source",
    TOKEN,
    "x-cos-storage-class",
    "x-cos-tagging",
];
