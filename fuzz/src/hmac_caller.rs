//! Signed requests (`docs/hmac.md`), verified by a second implementation.
//!
//! # Guarantees
//! The verifier never panics, accepts exactly what the second one accepts, rejects each request the
//! second time, and rejects with status 401 and a challenge.
//!
//! An input is an HTTP request. `{signature}` in an `Authorization` header is replaced by the
//! correct signature, so that mutations of everything else are signed too.

use cos_issuer::auth::{Authenticator, Claims, HmacKey, HmacKeys, Verifier};
use cos_issuer::deadline::Deadline;
use cos_issuer::error::ErrorCode;
use cos_issuer::request::Request;
use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use sha2::{Digest, Sha256};
use tencent::secret::Secret;

use crate::message;
use oracle::cam as naive;

/// Tries one input. Returns whether it was taken.
pub fn hmac_caller(bytes: &[u8]) -> bool {
    let Some(unverified) = message::parse(bytes) else {
        return false;
    };
    let Ok(mut request) = unverified.check() else {
        return false;
    };
    sign(&mut request);
    let authenticator = authenticator();
    let authenticate = || {
        let deadline = Deadline::unlimited(&CLOCK);
        let outcome = authenticator.authenticate(&request, &request.path, &CLOCK, deadline);
        outcome.now_or_never().expect("no call to wait for")
    };
    let expected = expected(&request);
    match authenticate() {
        Ok(principal) => assert_eq!(Some(principal.name()), expected.as_deref()),
        Err(error) => {
            assert_eq!(expected, None, "{}", error.message());
            assert_eq!(error.code().info().status, 401);
            let header = error.header().expect("a challenge");
            assert_eq!(header.0, WWW_AUTHENTICATE);
            return false;
        }
    }
    let again = authenticate().err().map(|error| error.code());
    assert_eq!(again, Some(ErrorCode::SignatureReplayed));
    true
}

/// Replaces `{signature}` by the correct signature.
fn sign(request: &mut Request) {
    let values: Vec<HeaderValue> =
        request.headers.get_all(AUTHORIZATION).into_iter().cloned().collect();
    request.headers.remove(AUTHORIZATION);
    for value in values {
        let signed = value.to_str().ok().and_then(|text| {
            let presented = credentials(text.split_once(' ')?.1)?;
            let key = KEYS.iter().find(|(id, _)| *id == presented.key_id)?.1;
            let signature = signature(request, key, presented.timestamp, presented.nonce);
            HeaderValue::from_str(&text.replace("{signature}", &signature)).ok()
        });
        request.headers.append(AUTHORIZATION, signed.unwrap_or(value));
    }
}

/// The key of the request, as documented.
fn expected(request: &Request) -> Option<String> {
    let texts = request.headers.get_all(AUTHORIZATION).into_iter();
    let texts = texts.filter_map(|value| value.to_str().ok()?.split_once(' '));
    let mut all = texts.filter(|(scheme, _)| scheme.to_ascii_uppercase() == SCHEME);
    let (Some((_, text)), None) = (all.next(), all.next()) else {
        return None;
    };
    let presented = credentials(text).filter(|presented| is_well_formed(text, presented))?;
    let (id, key) = KEYS.iter().find(|(id, _)| *id == presented.key_id)?;
    let right = signature(request, key, presented.timestamp, presented.nonce);
    let seconds: i64 = presented.timestamp.parse().ok()?;
    let is_near = (NOON - 300..=NOON + 300).contains(&seconds);
    (is_near && presented.signature == right).then(|| (*id).to_owned())
}

/// The parameters of the header as written.
struct Credentials<'h> {
    key_id: &'h str,
    timestamp: &'h str,
    nonce: &'h str,
    signature: &'h str,
}

fn credentials(text: &str) -> Option<Credentials<'_>> {
    let members: Vec<(&str, &str)> =
        text.split(',').map(|member| member.trim().split_once('=')).collect::<Option<_>>()?;
    let member = |name: &str| {
        let of_name = members.iter().find(|(known, _)| *known == name);
        of_name.map(|(_, value)| *value)
    };
    Some(Credentials {
        key_id: member("KeyId")?,
        timestamp: member("Timestamp")?,
        nonce: member("Nonce")?,
        signature: member("Signature")?,
    })
}

/// Whether exactly the documented parameters are there, in the documented form.
fn is_well_formed(text: &str, presented: &Credentials<'_>) -> bool {
    let digits = presented.timestamp.chars().all(|c| c.is_ascii_digit());
    let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let nonce = (16..=64).contains(&presented.nonce.len()) && presented.nonce.chars().all(known);
    text.split(',').count() == 4 && digits && presented.timestamp.len() <= 12 && nonce
}

/// The timestamp is signed as a number, without leading zeros.
fn signature(request: &Request, key: &str, timestamp: &str, nonce: &str) -> String {
    let mut pairs: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| [naive::encoded(name), naive::encoded(value)].join("="))
        .collect();
    pairs.sort();
    let number: u64 = timestamp.parse().unwrap_or_default();
    let lines = [
        SCHEME.to_owned(),
        number.to_string(),
        nonce.to_owned(),
        request.method.to_string(),
        request.path.clone(),
        pairs.join("&"),
        hex(&Sha256::digest(&request.body)),
    ];
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length of key");
    mac.update(lines.join("\n").as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn authenticator() -> Authenticator {
    let keys = KEYS.iter().map(|(id, key)| HmacKey {
        id: (*id).to_owned(),
        secret: Secret::new((*key).to_owned()).expect("a key"),
        claims: Claims::of_subject(*id),
    });
    let keys = HmacKeys::new(keys.collect()).expect("keys that differ");
    Authenticator::OneOf(vec![Verifier::Hmac(keys)])
}

const SCHEME: &str = "COS-ISSUER-HMAC-SHA256";

const KEYS: [(&str, &str); 2] = [
    ("backend", "CANARY-fuzz-key-of-the-backend-0123456789"),
    ("app", "CANARY-fuzz-key-of-the-app-9876543210"),
];

const NOON: i64 = 1_700_000_000;
const CLOCK: fn() -> u64 = || NOON.unsigned_abs() * 1000;
