//! A second reader of COS's signatures, by the book: <https://www.tencentcloud.com/document/product/436/7778>.
//!
//! Promises: shares no code with the emulator or the library; strict where the book is silent.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};

use crate::naive;
use crate::wire::{Wire, decoded};

/// A key as its holder knows it.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
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
type Fields = BTreeMap<String, String>;

/// Whose request it is at the time `now`; `None` for nobody's.
pub(crate) fn caller<'k>(wire: &Wire, keys: &'k [Key], now: i64) -> Option<&'k Key> {
    let fields = claimed(wire)?;
    let token = token(wire)?;
    proven(wire, &fields, token.as_deref(), keys, now)
}

/// Puts the right signature where `{signature}` stands, if there is a key for it.
pub(crate) fn sign(wire: &mut Wire, keys: &[Key]) {
    let right = claimed(wire).and_then(|fields| {
        let key = keys
            .iter()
            .find(|key| Some(&key.id) == fields.get("q-ak"))?;
        let host = only(wire.header("host"))?;
        signature(wire, &fields, key, &host, fields.get("q-key-time")?)
    });
    if let Some(right) = right {
        wire.fill("{signature}", &right);
    }
}

/// Whose key made the signature of these fields.
pub(crate) fn proven<'k>(
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
    let host = only(wire.header("host"))?;
    let hosts = [host.as_str(), host.split(':').next().unwrap_or_default()];
    let times = [&fields["q-sign-time"], &fields["q-key-time"]];
    let mut pairs = hosts
        .iter()
        .flat_map(|host| times.map(|time| (*host, time)));
    pairs
        .any(|(host, time)| {
            signature(wire, fields, key, host, time)
                .is_some_and(|right| right == fields["q-signature"])
        })
        .then_some(key)
}

/// The fields of the one place where a request has a signature.
fn claimed(wire: &Wire) -> Option<Fields> {
    let parameters = wire.parameters()?;
    let mut names: Vec<String> = parameters
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names.dedup();
    if names.len() < parameters.len() {
        return None;
    }
    let mut places = Vec::new();
    let mut headers = wire.header("authorization");
    headers.retain(|value| !value.is_empty());
    for value in headers {
        places.push(header_form(std::str::from_utf8(value).ok()?)?);
    }
    if let Some((_, text)) = parameters.iter().find(|(name, _)| name == "sign") {
        places.push(header_form(text)?);
    }
    let fields: Fields = parameters
        .into_iter()
        .filter(|(name, _)| FIELDS.contains(&name.as_str()))
        .collect();
    if !fields.is_empty() {
        places.push(fields);
    }
    (places.len() == 1).then(|| places.remove(0))
}

/// `name=value` with `&` between, each name known and once.
pub(crate) fn header_form(text: &str) -> Option<Fields> {
    let mut fields = Fields::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=')?;
        let is_new = fields.insert(name.to_owned(), value.to_owned()).is_none();
        if !is_new || !FIELDS.contains(&name) {
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
    let in_query = wire
        .parameters()?
        .into_iter()
        .filter(|(name, _)| name == TOKEN);
    tokens.extend(in_query.map(|(_, value)| value));
    tokens.retain(|token| !token.is_empty());
    match tokens.len() {
        0 => Some(None),
        1 => Some(tokens.pop()),
        _ => None,
    }
}

/// `None` where a list names what was not sent exactly once, or is not in its order.
fn signature(wire: &Wire, fields: &Fields, key: &Key, host: &str, time: &str) -> Option<String> {
    let parameters = wire.parameters()?;
    let parameter = |name: &str| {
        let named = parameters
            .iter()
            .filter(|(found, _)| found.to_ascii_lowercase() == name);
        let values: Vec<&String> = named.map(|(_, value)| value).collect();
        (values.len() == 1).then(|| values[0].clone())
    };
    let header = |name: &str| match name {
        "host" => Some(host.to_owned()),
        name => only(wire.header(name)),
    };
    let text = [
        wire.method.to_lowercase(),
        decoded(wire.path())?,
        listed(fields.get("q-url-param-list")?, parameter)?,
        listed(fields.get("q-header-list")?, header)?,
        String::new(),
    ];
    let hashed = hex(&Sha1::digest(text.join("\n")));
    let sign_key = hmac(&key.secret, fields.get("q-key-time")?);
    Some(hmac(&sign_key, &format!("sha1\n{time}\n{hashed}\n")))
}

fn listed(list: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names: Vec<&str> = if list.is_empty() {
        Vec::new()
    } else {
        list.split(';').collect()
    };
    let in_order = names.windows(2).all(|pair| pair[0] < pair[1]);
    let pair = |written: &&str| {
        let name = decoded(written)?;
        let is_canonical = naive::encoded(&name).to_lowercase() == *written;
        let value = value(&name).filter(|_| is_canonical && !written.is_empty())?;
        Some(format!("{written}={}", naive::encoded(&value)))
    };
    let pairs: Option<Vec<String>> = names.iter().map(pair).collect();
    pairs.filter(|_| in_order).map(|pairs| pairs.join("&"))
}

/// Whether `start;end` holds now.
pub(crate) fn is_now(period: &str, now: i64) -> bool {
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

pub(crate) fn only(values: Vec<&[u8]>) -> Option<String> {
    match values.as_slice() {
        [value] => String::from_utf8(value.to_vec()).ok(),
        _ => None,
    }
}

pub(crate) fn sha1_hex(text: &str) -> String {
    hex(&Sha1::digest(text))
}

pub(crate) fn hmac(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("any length of key");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
