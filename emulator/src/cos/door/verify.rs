//! Whose request it is: key, token, time, signature, in this order.
//!
//! The order is documented (SecretId, time, signature, permission: <https://www.tencentcloud.com/document/product/436/30740>), that of token
//! and expiry in it is inferred. From SDK source: a host is signed with its port (Node, browser) or without it (Python, Android);
//! when `q-sign-time` and `q-key-time` differ, Node signs the first and Go the second. Either is taken.
//! Promises: only headers and parameters that were signed count as signed, and they count as they are on the wire (documented);
//! comparisons are of constant time.

use std::sync::Arc;

use cos_issuer::sign::cos::{self, CosRequest, SignKey};
use cos_issuer::time::Timestamp;
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq as _;

use super::super::ask::Ask;
use super::super::error::CosError;
use super::claim::{Claim, Period, TOKEN};
use super::refusal;
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
    pub(super) account: cos_issuer::cam::Account,
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
    signature(&claim, &key, &Sent::of(ask)?)?;
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

/// What a signature can be about.
pub(super) struct Sent<'a> {
    method: &'a str,
    /// Decoded.
    path: String,
    /// Decoded.
    parameters: Vec<(String, String)>,
    ask: &'a Ask,
}

impl<'a> Sent<'a> {
    pub(super) fn of(ask: &'a Ask) -> Result<Self, CosError> {
        let path = utf8(&ask.path).ok_or_else(|| refusal::not_utf8("the path"))?;
        let mut parameters = Vec::new();
        for part in ask.query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let pair = utf8(name).zip(utf8(value));
            parameters.push(pair.ok_or_else(|| refusal::not_utf8("the query"))?);
        }
        Ok(Self {
            method: ask.method.as_str(),
            path,
            parameters,
            ask,
        })
    }

    /// The value of the header of that listed name.
    fn header(&self, listed: &str) -> Option<String> {
        let name = utf8(listed)?;
        if name == "host" {
            return Some(self.ask.host.clone());
        }
        let mut values = self.ask.headers.get_all(name.as_str()).iter();
        let (first, second) = (values.next()?, values.next());
        if second.is_some() {
            return None;
        }
        str::from_utf8(first.as_bytes()).ok().map(str::to_owned)
    }

    fn parameter(&self, listed: &str) -> Option<String> {
        let name = utf8(listed)?;
        let found = self
            .parameters
            .iter()
            .find(|(found, _)| found.to_ascii_lowercase() == name);
        found.map(|(_, value)| value.clone())
    }
}

/// Checks the signature over what was `sent`.
pub(super) fn signature(claim: &Claim, key: &Key, sent: &Sent<'_>) -> Result<(), CosError> {
    let mut missing = Vec::new();
    let mut pairs = |list: &str, kind: &str, find: &dyn Fn(&str) -> Option<String>| {
        let names = list.split(';').filter(|name| !name.is_empty());
        let pair = |name: &str| {
            let value = find(name).unwrap_or_else(|| {
                missing.push(format!(
                    "{kind} `{name}` is signed, but not sent once as text"
                ));
                String::new()
            });
            (utf8(name).unwrap_or_default(), value)
        };
        names.map(pair).collect::<Vec<(String, String)>>()
    };
    let parameters = pairs(&claim.parameter_list, "the parameter", &|name| {
        sent.parameter(name)
    });
    let headers = pairs(&claim.header_list, "the header", &|name| sent.header(name));
    let with_host = |host: Option<&str>| -> CosText {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| match host {
                Some(host) if name == "host" => (name.as_str(), host),
                _ => (name.as_str(), value.as_str()),
            })
            .collect();
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = CosRequest {
            method: sent.method,
            path: &sent.path,
            parameters: &parameters,
            headers: &headers,
        };
        CosText {
            http_string: request.http_string(),
            is_listed_so: request.header_list() == claim.header_list
                && request.parameter_list() == claim.parameter_list
                && is_once(&claim.header_list)
                && is_once(&claim.parameter_list),
        }
    };
    let as_sent = with_host(None);
    let string_to_sign = cos::string_to_sign(&claim.key_time.text, &as_sent.http_string);
    let refused = |reason: &str| refusal::signature(&string_to_sign, &as_sent.http_string, reason);
    if let Some(missing) = missing.first() {
        return Err(refused(missing));
    }
    if !as_sent.is_listed_so {
        return Err(refused(
            "q-header-list and q-url-param-list have to be in lower case, in order, each name once",
        ));
    }
    let without_port = sent.ask.host.rsplit_once(':').map(|(host, _)| host);
    let without_port = without_port.map(|host| with_host(Some(host)));
    let texts = std::iter::once(&as_sent).chain(&without_port);
    let sign_key = SignKey::new(&key.secret_key, &claim.key_time.text);
    let is_right = texts
        .flat_map(|text| [&claim.key_time, &claim.sign_time].map(|time| (text, time)))
        .any(|(text, time)| {
            let string_to_sign = cos::string_to_sign(&time.text, &text.http_string);
            same(&sign_key.sign(&string_to_sign), &claim.signature)
        });
    if is_right {
        return Ok(());
    }
    Err(refused(
        "the signature is not the one of this key over this request; compare FormatString with what the client signed",
    ))
}

struct CosText {
    http_string: String,
    /// Whether the lists are as they have to be.
    is_listed_so: bool,
}

pub(super) fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

fn is_once(list: &str) -> bool {
    let names: Vec<&str> = list.split(';').collect();
    names.is_empty() || names.iter().zip(names.iter().skip(1)).all(|(a, b)| a < b)
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

/// Percent-decoded; `None` when the bytes are no UTF-8.
fn utf8(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
