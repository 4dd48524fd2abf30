//! The signature of a key over what was sent.
//!
//! Documented: only what the lists name is signed; names in lower case and in order; the path
//! decoded.
//! From SDK source: a host is signed with its port (Node, browser) or without it (Python, Android);
//! when `q-sign-time` and `q-key-time` differ, Node signs the first and Go the second. Both are
//! accepted. A `+` in a query is a blank, which Python sends so and signs as `%20`.
//!
//! # Guarantees
//!
//! A name in a list is exactly one header or parameter, as text. Comparisons take constant time.

use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq as _;
use tencent::sign::q_sign::{self, CosRequest, SignKey};

use super::authorization::Authorization;
use super::errors;
use crate::account::Key;
use crate::cos::error::CosError;
use crate::cos::http::request::RequestHead;

/// The parts of a request that can be signed.
pub(super) struct SignableRequest<'a> {
    /// Decoded.
    path: String,
    /// Decoded.
    parameters: Vec<(String, String)>,
    request: &'a RequestHead,
}

/// Checks the signature over `sent`.
pub(super) fn check(
    authorization: &Authorization,
    key: &Key,
    sent: &SignableRequest<'_>,
) -> Result<(), CosError> {
    let listed = SignedFields::of(authorization, sent);
    let format_string = listed.with(&sent.request.host, |request| request.http_string());
    let refused = |reason: &str| {
        let string_to_sign = q_sign::string_to_sign(&authorization.key_time.text, &format_string);
        errors::signature(&string_to_sign, &format_string, reason)
    };
    if let Some(missing) = &listed.missing {
        return Err(refused(missing));
    }
    if !listed.is_in_order(authorization) {
        return Err(refused(
            "q-header-list, q-url-param-list: must be in lower case, in order, each name once",
        ));
    }
    let without_port = sent.request.host.rsplit_once(':').map(|(host, _)| host);
    let without_port = without_port.map(|host| listed.with(host, |request| request.http_string()));
    let texts = std::iter::once(&format_string).chain(&without_port);
    let sign_key = SignKey::new(&key.secret_key, &authorization.key_time.text);
    let is_right = texts
        .flat_map(|text| {
            [&authorization.key_time, &authorization.sign_time].map(|time| (text, time))
        })
        .any(|(text, time)| {
            let string_to_sign = q_sign::string_to_sign(&time.text, text);
            same(&sign_key.sign(&string_to_sign), &authorization.signature)
        });
    if is_right {
        return Ok(());
    }
    Err(refused(
        "the signature is not the one of this key over this request: compare FormatString with what the client signed",
    ))
}

impl<'a> SignableRequest<'a> {
    pub(super) fn of(request: &'a RequestHead) -> Result<Self, CosError> {
        let path = utf8(&request.path).ok_or_else(|| errors::not_utf8("the path"))?;
        let mut parameters = Vec::new();
        for (name, value) in request.encoded_parameters() {
            let pair = utf8(&name).zip(utf8(&value));
            parameters.push(pair.ok_or_else(|| errors::not_utf8("the query"))?);
        }
        Ok(Self { path, parameters, request })
    }

    fn header(&self, name: &str) -> Option<String> {
        if name == "host" {
            return Some(self.request.host.clone());
        }
        let mut values = self.request.sent_headers.get_all(name).iter();
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

/// The values of the names in the lists.
struct SignedFields<'a> {
    sent: &'a SignableRequest<'a>,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    missing: Option<String>,
}

impl<'a> SignedFields<'a> {
    fn of(authorization: &Authorization, sent: &'a SignableRequest<'a>) -> Self {
        let mut listed = Self { sent, parameters: Vec::new(), headers: Vec::new(), missing: None };
        for name in names(&authorization.parameter_list) {
            let value = listed.known(&name, "parameter", sent.parameter(&name));
            listed.parameters.push((name, value));
        }
        for name in names(&authorization.header_list) {
            let value = listed.known(&name, "header", sent.header(&name));
            listed.headers.push((name, value));
        }
        listed
    }

    fn known(&mut self, name: &str, kind: &str, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            let missing =
                || format!("the {kind} `{name}` is signed: it must be sent once, as text");
            self.missing.get_or_insert_with(missing);
            String::new()
        })
    }

    /// Calls `act` with the request as if it was sent to `host`.
    fn with<T>(&self, host: &str, act: impl Fn(&CosRequest<'_>) -> T) -> T {
        let parameters = self.parameters.iter();
        let parameters: Vec<(&str, &str)> =
            parameters.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers = self.headers.iter().map(|(name, value)| match name.as_str() {
            "host" => ("host", host),
            name => (name, value.as_str()),
        });
        let headers: Vec<(&str, &str)> = headers.collect();
        act(&CosRequest {
            method: self.sent.request.method.as_str(),
            path: &self.sent.path,
            parameters: &parameters,
            headers: &headers,
        })
    }

    fn is_in_order(&self, authorization: &Authorization) -> bool {
        let lists = |request: &CosRequest<'_>| (request.parameter_list(), request.header_list());
        let (parameters, headers) = self.with(&self.sent.request.host, lists);
        parameters == authorization.parameter_list
            && headers == authorization.header_list
            && is_once(&parameters)
            && is_once(&headers)
    }
}

/// Compares in constant time.
pub(super) fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

/// The names of a list, decoded.
fn names(list: &str) -> impl Iterator<Item = String> {
    let names = list.split(';').filter(|name| !name.is_empty());
    names.map(|name| utf8(name).unwrap_or_default())
}

/// Whether each name of an ordered list is unique.
fn is_once(list: &str) -> bool {
    let names = list.split(';');
    names.clone().zip(names.skip(1)).all(|(one, next)| one < next)
}

/// Percent-decoded; `None` when the bytes are not UTF-8.
fn utf8(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
