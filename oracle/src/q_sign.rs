//! A second verifier of COS request signatures, written from the vendor's page only:
//! <https://www.tencentcloud.com/document/product/436/7778>.
//!
//! # Guarantees
//!
//! It is strict where the page is silent.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};

use crate::cam as naive;
use crate::wire::{Wire, decoded};

/// A key pair of this run; it belongs to no account.
#[derive(Debug)]
pub struct Key {
    /// The secret id.
    pub id: String,
    /// The secret key.
    pub secret: String,
    /// The session token of a temporary key.
    pub token: Option<String>,
}

const FIELDS: [&str; 7] = [
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
];

const TOKEN: &str = "x-cos-security-token";

/// The fields of a signature.
pub type Fields = BTreeMap<String, String>;

/// The key that signed the request, if its signature is right and valid at `now`.
pub fn caller<'k>(wire: &Wire, keys: &'k [Key], now: i64) -> Option<&'k Key> {
    let fields = claimed(wire)?;
    let token = token(wire)?;
    proven(wire, &fields, token.as_deref(), keys, now)
}

/// Replaces `{signature}` by the right signature, if its key is known.
///
/// It also signs what must be rejected, so that a rejection never depends on a wrong signature.
pub fn sign(wire: &mut Wire, keys: &[Key]) {
    let right = places(wire, Reading::Lenient).and_then(|mut places| {
        let fields = (!places.is_empty()).then(|| places.remove(0))?;
        let key = keys.iter().find(|key| Some(&key.id) == fields.get("q-ak"))?;
        let host = wire.header("host").first().copied()?;
        let host = std::str::from_utf8(host).ok()?;
        let time = fields.get("q-key-time")?;
        signature(wire, &fields, key, (host, time), Reading::Lenient)
    });
    if let Some(right) = right {
        wire.fill("{signature}", &right);
    }
}

/// The key that made the signature of these fields.
pub fn proven<'k>(
    wire: &Wire,
    fields: &Fields,
    token: Option<&str>,
    keys: &'k [Key],
    now: i64,
) -> Option<&'k Key> {
    let complete = FIELDS.iter().all(|name| fields.contains_key(*name));
    if !complete || fields["q-sign-algorithm"] != "sha1" {
        return None;
    }
    let key = keys.iter().find(|key| key.id == fields["q-ak"])?;
    let in_time = |name: &str| is_now(&fields[name], now);
    if key.token.as_deref() != token || !in_time("q-sign-time") || !in_time("q-key-time") {
        return None;
    }
    let host = only(&wire.header("host"))?;
    let hosts = [host.as_str(), host.split(':').next().unwrap_or_default()];
    let times = [&fields["q-sign-time"], &fields["q-key-time"]];
    let mut pairs = hosts.iter().flat_map(|host| times.map(|time| (*host, time)));
    pairs
        .any(|(host, time)| {
            signature(wire, fields, key, (host, time), Reading::Strict)
                .is_some_and(|right| right == fields["q-signature"])
        })
        .then_some(key)
}

/// The fields of the one place where a request has a signature.
fn claimed(wire: &Wire) -> Option<Fields> {
    let parameters = wire.parameters()?;
    let mut names: Vec<String> =
        parameters.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    let mut places = places(wire, Reading::Strict)?;
    let is_clear = names.len() == parameters.len() && places.len() == 1;
    is_clear.then(|| places.remove(0))
}

/// The fields of every place.
fn places(wire: &Wire, reading: Reading) -> Option<Vec<Fields>> {
    let parameters = wire.parameters()?;
    let mut places = Vec::new();
    let mut headers = wire.header("authorization");
    headers.retain(|value| !value.is_empty());
    for value in headers {
        places.push(form(std::str::from_utf8(value).ok()?, reading)?);
    }
    if let Some((_, text)) = parameters.iter().find(|(name, _)| name == "sign") {
        places.push(form(text, reading)?);
    }
    let fields: Fields =
        parameters.into_iter().filter(|(name, _)| FIELDS.contains(&name.as_str())).collect();
    if !fields.is_empty() {
        places.push(fields);
    }
    Some(places)
}

/// The fields of `name=value&name=value`; each name is known and occurs once.
pub fn header_form(text: &str) -> Option<Fields> {
    form(text, Reading::Strict)
}

fn form(text: &str, reading: Reading) -> Option<Fields> {
    let mut fields = Fields::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=')?;
        let is_new = fields.insert(name.to_owned(), value.to_owned()).is_none();
        let is_right = is_new && FIELDS.contains(&name);
        if reading == Reading::Strict && !is_right {
            return None;
        }
    }
    Some(fields)
}

/// `None` for two of them.
fn token(wire: &Wire) -> Option<Option<String>> {
    let mut tokens = Vec::new();
    for value in wire.header(TOKEN) {
        tokens.push(String::from_utf8(value.to_vec()).ok()?);
    }
    let in_query = wire.parameters()?.into_iter().filter(|(name, _)| name == TOKEN);
    tokens.extend(in_query.map(|(_, value)| value));
    tokens.retain(|token| !token.is_empty());
    match tokens.len() {
        0 => Some(None),
        1 => Some(tokens.pop()),
        _ => None,
    }
}

/// `None` when a list names what was not sent exactly once, or is not in order. The lenient reading
/// signs it anyway.
fn signature(
    wire: &Wire,
    fields: &Fields,
    key: &Key,
    (host, time): (&str, &str),
    reading: Reading,
) -> Option<String> {
    let parameters = wire.parameters()?;
    let parameter = |name: &str| {
        let named = parameters.iter().filter(|(found, _)| found.to_ascii_lowercase() == name);
        named.map(|(_, value)| value.clone()).collect()
    };
    let header = |name: &str| {
        if name == "host" {
            return vec![host.to_owned()];
        }
        let values = wire.header(name).into_iter();
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
        values.filter_map(text).collect()
    };
    let text = [
        wire.method.to_lowercase(),
        decoded(wire.path())?,
        listed(fields.get("q-url-param-list")?, parameter, reading)?,
        listed(fields.get("q-header-list")?, header, reading)?,
        String::new(),
    ];
    let hashed = hex(&Sha1::digest(text.join("\n")));
    let sign_key = hmac(&key.secret, fields.get("q-key-time")?);
    Some(hmac(&sign_key, &format!("sha1\n{time}\n{hashed}\n")))
}

fn listed(list: &str, values: impl Fn(&str) -> Vec<String>, reading: Reading) -> Option<String> {
    let mut names: Vec<&str> = list.split(';').collect();
    if list.is_empty() {
        names.clear();
    }
    if reading == Reading::Lenient {
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
    }
    let in_order = names.windows(2).all(|pair| pair[0] < pair[1]);
    let pair = |written: &&str| {
        let name = decoded(written)?;
        let canonical = naive::encoded(&name).to_lowercase();
        let values = values(&name);
        let is_right = values.len() == 1 && canonical == *written && !written.is_empty();
        let value = values.first().map_or("", String::as_str);
        let is_taken = is_right || reading == Reading::Lenient;
        is_taken.then(|| format!("{canonical}={}", naive::encoded(value)))
    };
    let pairs: Option<Vec<String>> = names.iter().map(pair).collect();
    pairs.filter(|_| in_order || reading == Reading::Lenient).map(|pairs| pairs.join("&"))
}

/// How to read a text that the page does not allow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Strict,
    Lenient,
}

/// Whether `now` is in the period `start;end`.
pub fn is_now(period: &str, now: i64) -> bool {
    let number = |text: &str| {
        let digits =
            (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let bounds = period.split_once(';');
    bounds.is_some_and(|(start, end)| {
        number(start).is_some_and(|start| start <= now) && number(end).is_some_and(|end| now <= end)
    })
}

/// The value of a header that was sent exactly once.
pub fn only(values: &[&[u8]]) -> Option<String> {
    match values {
        [value] => String::from_utf8(value.to_vec()).ok(),
        _ => None,
    }
}

/// SHA-1 in hex.
pub fn sha1_hex(text: &str) -> String {
    hex(&Sha1::digest(text))
}

/// HMAC-SHA1 in hex.
pub fn hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("any length of key");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
