//! Whether a signature is the one of a key over what was sent.
//!
//! Documented: only what the lists name is signed; names in lower case and in order; the path decoded. From SDK source: a host is
//! signed with its port (Node, browser) or without it (Python, Android); when `q-sign-time` and `q-key-time` differ, Node signs the
//! first and Go the second. Either is taken.
//! Promises: a name in a list stands for exactly one header or parameter, as text; comparisons are of constant time.

use percent_encoding::percent_decode_str;
use tencent::sign::q_sign::{self, CosRequest, SignKey};

use super::super::ask::Ask;
use super::super::error::CosError;
use super::claim::Claim;
use super::refusal;
use super::verify::same;
use crate::account::Key;

/// What a signature can be about.
pub(super) struct Sent<'a> {
    /// Decoded.
    path: String,
    /// Decoded.
    parameters: Vec<(String, String)>,
    ask: &'a Ask,
}

/// Checks the signature over what was `sent`.
pub(super) fn check(claim: &Claim, key: &Key, sent: &Sent<'_>) -> Result<(), CosError> {
    let listed = Listed::of(claim, sent);
    let format_string = listed.with(&sent.ask.host, |request| request.http_string());
    let refused = |reason: &str| {
        let string_to_sign = q_sign::string_to_sign(&claim.key_time.text, &format_string);
        refusal::signature(&string_to_sign, &format_string, reason)
    };
    if let Some(missing) = &listed.missing {
        return Err(refused(missing));
    }
    if !listed.is_in_order(claim) {
        return Err(refused(
            "q-header-list and q-url-param-list have to be in lower case, in order, each name once",
        ));
    }
    let without_port = sent.ask.host.rsplit_once(':').map(|(host, _)| host);
    let without_port = without_port.map(|host| listed.with(host, |request| request.http_string()));
    let texts = std::iter::once(&format_string).chain(&without_port);
    let sign_key = SignKey::new(&key.secret_key, &claim.key_time.text);
    let is_right = texts
        .flat_map(|text| [&claim.key_time, &claim.sign_time].map(|time| (text, time)))
        .any(|(text, time)| {
            let string_to_sign = q_sign::string_to_sign(&time.text, text);
            same(&sign_key.sign(&string_to_sign), &claim.signature)
        });
    if is_right {
        return Ok(());
    }
    Err(refused(
        "the signature is not the one of this key over this request; compare FormatString with what the client signed",
    ))
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
            path,
            parameters,
            ask,
        })
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "host" {
            return Some(self.ask.host.clone());
        }
        let mut values = self.ask.headers.get_all(name).iter();
        let (first, second) = (values.next()?, values.next());
        if second.is_some() {
            return None;
        }
        str::from_utf8(first.as_bytes()).ok().map(str::to_owned)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let mut found = self.parameters.iter();
        let found = found.find(|(found, _)| found.to_ascii_lowercase() == name);
        found.map(|(_, value)| value.clone())
    }
}

/// What the lists of a claim name, as it was sent.
struct Listed<'a> {
    sent: &'a Sent<'a>,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    missing: Option<String>,
}

impl<'a> Listed<'a> {
    fn of(claim: &Claim, sent: &'a Sent<'a>) -> Self {
        let mut listed = Self {
            sent,
            parameters: Vec::new(),
            headers: Vec::new(),
            missing: None,
        };
        for name in names(&claim.parameter_list) {
            let value = listed.known(&name, "parameter", sent.parameter(&name));
            listed.parameters.push((name, value));
        }
        for name in names(&claim.header_list) {
            let value = listed.known(&name, "header", sent.header(&name));
            listed.headers.push((name, value));
        }
        listed
    }

    fn known(&mut self, name: &str, kind: &str, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            let told = || format!("the {kind} `{name}` is signed, but not sent once as text");
            self.missing.get_or_insert_with(told);
            String::new()
        })
    }

    /// Does something with the request that has `host` for its host, if that is signed at all.
    fn with<T>(&self, host: &str, act: impl Fn(&CosRequest<'_>) -> T) -> T {
        let parameters = self.parameters.iter();
        let parameters: Vec<(&str, &str)> = parameters
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| match name.as_str() {
                "host" => ("host", host),
                name => (name, value.as_str()),
            });
        let headers: Vec<(&str, &str)> = headers.collect();
        act(&CosRequest {
            method: self.sent.ask.method.as_str(),
            path: &self.sent.path,
            parameters: &parameters,
            headers: &headers,
        })
    }

    fn is_in_order(&self, claim: &Claim) -> bool {
        let lists = |request: &CosRequest<'_>| (request.parameter_list(), request.header_list());
        let (parameters, headers) = self.with(&self.sent.ask.host, lists);
        parameters == claim.parameter_list
            && headers == claim.header_list
            && is_once(&parameters)
            && is_once(&headers)
    }
}

/// The names of a list, decoded.
fn names(list: &str) -> impl Iterator<Item = String> {
    let names = list.split(';').filter(|name| !name.is_empty());
    names.map(|name| utf8(name).unwrap_or_default())
}

/// Of a list in order.
fn is_once(list: &str) -> bool {
    let names = list.split(';');
    names
        .clone()
        .zip(names.skip(1))
        .all(|(one, next)| one < next)
}

/// Percent-decoded; `None` when the bytes are no UTF-8.
fn utf8(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
