//! Authorization of COS for S3 clients: heads of requests with an AWS signature, in header form and
//! as presigned URLs.
//!
//! # Guarantees tested
//!
//! No input crashes authorization, or the reading of its body. It rejects whatever a second
//! verifier of signatures rejects, and with the temporary key everything outside its policy: what a
//! signature of COS may not do, one of S3 may not do either.
//!
//! An input is a request. `{signature}` is the right signature for its signed headers, so that
//! mutations of everything else are signed too.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use oracle::cam::encoded;
use oracle::q_sign::Key;
use oracle::wire::{Wire, decoded};
use sha2::{Digest as _, Sha256};

use crate::cos_auth::{check, fill, world};
use crate::http_head::http_head;

/// Tries one input. Returns whether it was authorized.
pub fn cos_s3(bytes: &[u8]) -> bool {
    let Some(mut wire) = Wire::read(bytes) else {
        return false;
    };
    let (authorizer, keys) = world();
    fill(&mut wire, keys);
    sign(&mut wire, keys);
    let Some(head) = http_head(&wire) else {
        return false;
    };
    let body = authorizer.body(&head, &wire.body);
    let caller = caller(&wire, keys);
    match authorizer.authorize(&head, &["users/1/a".to_owned(), "users/2/a".to_owned()]) {
        Ok(None) => false,
        Ok(Some(authorized)) => {
            let caller = caller.expect("it was let in, and nobody signed it");
            assert!(!authorized.is_anonymous);
            check(&wire, &authorized, caller);
            body.is_ok()
        }
        Err(code) => {
            let blames = ["SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken"];
            assert!(caller.is_none() || !blames.contains(&code), "{code}");
            false
        }
    }
}

/// The fields of a signature, by their names in a query.
type Fields = BTreeMap<String, String>;

/// Replaces `{signature}` by the right one, whatever else is wrong.
fn sign(wire: &mut Wire, keys: &[Key]) {
    let right = fields(wire).and_then(|fields| {
        let id = fields.get("X-Amz-Credential")?.split('/').next()?;
        let key = keys.iter().find(|key| key.id == id)?;
        signatures(wire, &fields, key).map(|[signature, _]| signature)
    });
    if let Some(right) = right {
        wire.fill("{signature}", &right);
    }
}

/// The key that signed the request, if its signature is right and valid now.
fn caller<'k>(wire: &Wire, keys: &'k [Key]) -> Option<&'k Key> {
    let fields = fields(wire)?;
    let credential: Vec<&str> = fields.get("X-Amz-Credential")?.split('/').collect();
    let &[id, date, _, "s3", "aws4_request"] = credential.as_slice() else {
        return None;
    };
    let key = keys.iter().find(|key| key.id == id)?;
    let time = fields.get("X-Amz-Date")?;
    let is_near = match fields.get("X-Amz-Expires") {
        None => (TIMES[0]..=TIMES[2]).contains(&time.as_str()),
        Some(seconds) => seconds.parse().is_ok_and(|seconds: u32| seconds <= 604_800),
    };
    let names: Vec<&str> = fields.get("X-Amz-SignedHeaders")?.split(';').collect();
    let decides = |name: &String| name.starts_with("x-amz-") || name.starts_with("x-cos-");
    let mut sent = wire.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).filter(decides);
    let is_covered = names.contains(&"host") && sent.all(|name| names.contains(&name.as_str()));
    let all_sent = names.iter().all(|name| !wire.header(name).is_empty());
    let has_token = token(wire)? == key.token;
    let is_right = signatures(wire, &fields, key)?.contains(fields.get("X-Amz-Signature")?);
    let is_valid =
        is_near && time.starts_with(date) && is_covered && all_sent && has_token && is_right;
    is_valid.then_some(key)
}

/// The fields of the one signature; `None` without one or with two.
fn fields(wire: &Wire) -> Option<Fields> {
    let parameters = wire.parameters()?;
    let in_query = parameters.into_iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
    let in_query: Fields = in_query.collect();
    let mut headers = wire.header("authorization");
    headers.retain(|value| !value.is_empty());
    match (headers.as_slice(), in_query.is_empty()) {
        ([], false) => Some(in_query),
        ([header], true) => {
            let text = std::str::from_utf8(header).ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
            let pairs = text.split(',').map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                Some((format!("X-Amz-{name}"), value.to_owned()))
            });
            let mut fields = pairs.collect::<Option<Fields>>()?;
            let date = wire.header("x-amz-date").first().copied()?;
            fields.insert("X-Amz-Date".to_owned(), String::from_utf8(date.to_vec()).ok()?);
            Some(fields)
        }
        _ => None,
    }
}

/// `None` for two of them.
fn token(wire: &Wire) -> Option<Option<String>> {
    let mut tokens = Vec::new();
    for name in ["x-amz-security-token", "x-cos-security-token"] {
        for value in wire.header(name) {
            tokens.push(String::from_utf8(value.to_vec()).ok()?);
        }
    }
    let in_query = wire.parameters()?;
    tokens.extend(in_query.into_iter().filter(|(name, _)| name == TOKEN).map(|(_, value)| value));
    tokens.retain(|token| !token.is_empty());
    let token = tokens.pop();
    tokens.is_empty().then_some(token)
}

/// The signatures over the path as it is decoded and encoded anew, and over that which was sent.
fn signatures(wire: &Wire, fields: &Fields, key: &Key) -> Option<[String; 2]> {
    let mut pairs: Vec<(String, String)> = wire.parameters()?;
    pairs.retain(|(name, _)| name != "X-Amz-Signature");
    let pairs = pairs.iter().map(|(name, value)| (encoded(name), encoded(value)));
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.sort();
    let query = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    let query = query.collect::<Vec<_>>().join("&");
    let names = fields.get("X-Amz-SignedHeaders")?;
    let mut headers = String::new();
    for name in names.split(';') {
        let values = wire.header(name).into_iter().map(|value| {
            let text = String::from_utf8(value.to_vec()).ok()?;
            Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        });
        let values = values.collect::<Option<Vec<String>>>()?;
        headers += &format!("{name}:{}\n", values.join(","));
    }
    let header = wire.header("x-amz-content-sha256").first().copied();
    let mut parameters = wire.parameters()?.into_iter();
    let parameter = parameters.find(|(name, _)| name == "X-Amz-Content-Sha256");
    let payload = match (header, parameter) {
        (Some(header), _) => String::from_utf8_lossy(header).into_owned(),
        (None, Some((_, payload))) => payload,
        (None, None) => "UNSIGNED-PAYLOAD".to_owned(),
    };
    let path = decoded(wire.path())?;
    let path = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let mut scope = fields.get("X-Amz-Credential")?.splitn(2, '/');
    let scope = scope.nth(1)?;
    let mut signing_key = format!("AWS4{}", key.secret).into_bytes();
    for part in scope.split('/') {
        signing_key = hmac(&signing_key, part);
    }
    Some([path.as_str(), wire.path()].map(|path| {
        let request = [&wire.method, path, &query, &headers, names, &payload].join("\n");
        let hashed = hex(&Sha256::digest(request));
        let time = fields.get("X-Amz-Date").map_or("", String::as_str);
        hex(&hmac(&signing_key, &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}")))
    }))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length of key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A quarter of an hour before the time of every request, that time, and as long after it.
const TIMES: [&str; 3] = ["20231114T215820Z", "20231114T221320Z", "20231114T222820Z"];

const TOKEN: &str = "X-Amz-Security-Token";

const NAMES: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];
