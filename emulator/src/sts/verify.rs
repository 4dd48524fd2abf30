//! Authenticates the caller.
//!
//! Order (inferred): shape of the authentication, SecretId, time, signature, token. Signatures and
//! tokens are compared in constant time; the signature is computed by the library's own signer,
//! which the vendor's vectors bind. A host is taken as the client wrote it, port included.

use std::sync::Arc;

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use subtle::ConstantTimeEq as _;
use tencent::sign::{digest, tc3, v1};
use tencent::time::Timestamp;

use super::error::StsError;
use super::request::{Inbound, SKIP, Scheme};
use crate::account::{Directory, Key};

const SERVICE: &str = "sts";
const SKEW_SECONDS: u32 = 300;

/// The key that signed `unverified`, with everything about it checked.
pub(crate) fn verify(
    unverified: &Inbound,
    directory: &Directory,
    now: Timestamp,
) -> Result<Arc<Key>, StsError> {
    let key = match unverified.scheme {
        Scheme::Tc3 => verify_tc3(unverified, directory, now)?,
        Scheme::V1 => verify_v1(unverified, directory, now)?,
    };
    verify_token(unverified, &key, now)?;
    Ok(key)
}

/// A call that a token in its parameters authenticates. Documented: `Authorization` is `SKIP`.
pub(crate) fn unsigned(unverified: &Inbound) -> Result<(), StsError> {
    let header = unverified.header(AUTHORIZATION.as_str());
    let is_skipped = unverified.scheme == Scheme::V1 || header == Some(SKIP);
    is_skipped.then_some(()).ok_or_else(|| StsError::invalid_authorization("it must be SKIP"))
}

fn verify_tc3(
    unverified: &Inbound,
    directory: &Directory,
    now: Timestamp,
) -> Result<Arc<Key>, StsError> {
    let header = unverified.header(AUTHORIZATION.as_str());
    let header = header.ok_or_else(|| StsError::invalid_authorization("it is missing"))?;
    let claim = Tc3Claim::parse(header)?;
    let key = directory.key(claim.secret_id).ok_or_else(StsError::secret_id_not_found)?;
    let timestamp = timestamp(unverified, now)?;
    if claim.scope != tc3::credential_scope(timestamp, SERVICE) {
        // The date has to be the UTC date of the timestamp, the service this one. Inferred: the
        // code.
        return Err(StsError::signature_failure());
    }

    let mut headers = Vec::new();
    for name in claim.signed_headers.split(';') {
        let value = unverified.header(name);
        headers.push((name, value.ok_or_else(StsError::signature_failure)?));
    }
    let hashed_payload = match unverified.header("x-tc-content-sha256") {
        Some(unsigned @ "UNSIGNED-PAYLOAD") => digest::sha256_hex(unsigned.as_bytes()),
        _ => digest::sha256_hex(&unverified.body),
    };
    let canonical_request = tc3::CanonicalRequest {
        method: unverified.method.as_str(),
        query: if unverified.method == Method::GET { &unverified.query } else { "" },
        headers: &headers,
        hashed_payload: &hashed_payload,
    };
    let string_to_sign = tc3::string_to_sign(timestamp, SERVICE, &canonical_request.to_text());
    let signing_key = tc3::DerivedKey::signing(&key.secret_key, &timestamp.date(), SERVICE);
    same(&signing_key.sign(&string_to_sign), claim.signature)
        .then_some(key)
        .ok_or_else(StsError::signature_failure)
}

/// The parts of `TC3-HMAC-SHA256 Credential=<id>/<scope>, SignedHeaders=<names>, Signature=<hex>`.
struct Tc3Claim<'a> {
    secret_id: &'a str,
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Tc3Claim<'a> {
    fn parse(header: &'a str) -> Result<Self, StsError> {
        let bad = StsError::invalid_authorization;
        let rest = header
            .strip_prefix(tc3::ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| bad("unknown algorithm"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed_headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(bad("unknown part")),
            }
        }
        let (secret_id, scope) = credential
            .and_then(|credential| credential.split_once('/'))
            .ok_or_else(|| bad("no credential scope"))?;
        if !scope.ends_with(tc3::TERMINATOR) || scope.split('/').count() != 3 {
            return Err(bad("malformed credential scope"));
        }
        let signed_headers = signed_headers.ok_or_else(|| bad("no SignedHeaders"))?;
        for name in [CONTENT_TYPE, HOST] {
            // Documented: both have to be signed.
            if !signed_headers.split(';').any(|signed| signed == name) {
                return Err(bad("content-type and host must be signed"));
            }
        }
        Ok(Self {
            secret_id,
            scope,
            signed_headers,
            signature: signature.ok_or_else(|| bad("no Signature"))?,
        })
    }
}

fn verify_v1(
    unverified: &Inbound,
    directory: &Directory,
    now: Timestamp,
) -> Result<Arc<Key>, StsError> {
    let parameters = &unverified.parameters;
    let secret_id = parameters.required_text("SecretId")?;
    let signature = parameters.required_text("Signature")?;
    let nonce = parameters.integer("Nonce")?.ok_or_else(|| StsError::missing_parameter("Nonce"))?;
    if nonce == 0 {
        return Err(StsError::invalid_value("Nonce"));
    }
    let method = v1::SignatureMethod::from_parameter(parameters.text("SignatureMethod")?)
        .ok_or_else(|| StsError::invalid_value("SignatureMethod"))?;
    let key = directory.key(secret_id).ok_or_else(StsError::secret_id_not_found)?;
    timestamp(unverified, now)?;
    let pairs = parameters.flat.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let endpoint = format!("{}/", unverified.host());
    let string_to_sign = v1::string_to_sign(unverified.method.as_str(), &endpoint, pairs);
    same(&v1::sign(method, &key.secret_key, &string_to_sign), signature)
        .then_some(key)
        .ok_or_else(StsError::signature_failure)
}

/// The request's own time, at most five minutes from ours (documented).
fn timestamp(unverified: &Inbound, now: Timestamp) -> Result<Timestamp, StsError> {
    let text =
        unverified.common("Timestamp")?.ok_or_else(|| StsError::missing_parameter("Timestamp"))?;
    let seconds = text.parse().map_err(|_| StsError::invalid_value("Timestamp"))?;
    let timestamp = Timestamp::from_unix_seconds(seconds).ok_or_else(StsError::signature_expire)?;
    if timestamp < now.minus_seconds(SKEW_SECONDS) || timestamp > now.plus_seconds(SKEW_SECONDS) {
        return Err(StsError::signature_expire());
    }
    Ok(timestamp)
}

fn verify_token(unverified: &Inbound, key: &Key, now: Timestamp) -> Result<(), StsError> {
    let sent = unverified.common("Token")?;
    let valid = match (&key.session, sent) {
        (None, None) => true,
        (Some(session), Some(token)) => {
            same(session.token.expose(), token) && now < session.expires
        }
        // Inferred for a permanent key with a token.
        (None, Some(_)) | (Some(_), None) => false,
    };
    valid.then_some(()).ok_or_else(StsError::token_failure)
}

fn same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}
