//! `hmac`: a request that is signed with a named key (`sign::caller`), so that the key itself is never sent.
//!
//! ```text
//! Authorization: COS-ISSUER-HMAC-SHA256 KeyId=…, Timestamp=…, Nonce=…, Signature=…
//! ```
//!
//! Promises: a signature counts once, within five minutes of its timestamp. An unknown key is checked like a known one, and a wrong
//! signature is refused in the same words. A nonce is remembered only after its signature held, so that a stranger fills no memory.
//! Leaves out: replay at another instance, or at one that started since: the memory is this instance's own.

mod nonce_cache;
pub mod signature;

use http::HeaderMap;
use subtle::ConstantTimeEq;

use self::nonce_cache::{NonceCache, Replay};
use self::signature::{ALGORITHM, CallerRequest};
use super::{AuthMethod, Claims, Principal, of_scheme};
use crate::error::{Error, ErrorCode};
use crate::request::Request;
use tencent::secret::Secret;
use tencent::time::Timestamp;

/// One key of `HMAC_KEYS`.
#[expect(missing_debug_implementations, reason = "it holds a key")]
pub struct HmacKey {
    /// The `KeyId` of its requests, and the name in the audit line.
    pub id: String,
    /// The key, used as text.
    pub secret: Secret,
    /// What its holder is known by.
    pub claims: Claims,
}

/// All keys, each with the nonces it has used.
#[expect(missing_debug_implementations, reason = "it holds keys")]
pub struct HmacKeys {
    keys: Vec<(HmacKey, NonceCache)>,
    /// Stands in for a key that does not exist.
    decoy: Secret,
}

impl HmacKeys {
    /// These keys with empty memories. `None` when one key is there twice.
    pub fn new(keys: Vec<HmacKey>) -> Option<Self> {
        // Keys cannot be compared, but what they sign can.
        let signatures: Vec<String> = keys.iter().map(|key| PROBE.sign(&key.secret)).collect();
        let count = |signature| {
            signatures
                .iter()
                .filter(|other| *other == signature)
                .count()
        };
        if signatures.iter().any(|signature| count(signature) > 1) {
            return None;
        }
        let decoy = Secret::new("0".repeat(64))?;
        let with_memory = |key| (key, NonceCache::new(NONCES_MAX));
        let keys = keys.into_iter().map(with_memory).collect();
        Some(Self { keys, decoy })
    }

    /// The signatures that a request brings.
    pub(super) fn presented(headers: &HeaderMap) -> Vec<&str> {
        of_scheme(headers, ALGORITHM)
    }

    pub(super) fn verify(
        &self,
        request: &Request,
        path: &str,
        now: Timestamp,
    ) -> Result<Principal, Error> {
        let presented = Self::presented(&request.headers);
        let presented = presented.first().copied().unwrap_or_default();
        let proof = Proof::parse(presented).ok_or_else(|| {
            let form = "`KeyId=…, Timestamp=…, Nonce=…, Signature=…`, the nonce of 16 to 64 letters, digits, `-` or `_`";
            Error::new(ErrorCode::Signature, format!("the signature has the form {form}"))
        })?;
        let signed = CallerRequest {
            timestamp: proof.timestamp,
            nonce: proof.nonce,
            method: request.method.as_str(),
            path,
            query: &request.query,
            body: &request.body,
        };
        let known = self.keys.iter().find(|(key, _)| key.id == proof.key_id);
        let secret = known.map_or(&self.decoy, |(key, _)| &key.secret);
        let is_same = signed
            .sign(secret)
            .as_bytes()
            .ct_eq(proof.signature.as_bytes());
        let (key, memory) = known.filter(|_| bool::from(is_same)).ok_or_else(|| {
            let message = "the signature is not that of an accepted key over this request";
            Error::new(ErrorCode::Signature, message)
        })?;
        let age_seconds = now.unix_seconds().abs_diff(proof.timestamp);
        if age_seconds > WINDOW_SECONDS.unsigned_abs() {
            let message = format!("the timestamp must be within {WINDOW_SECONDS} seconds of now");
            return Err(Error::new(ErrorCode::SignatureExpired, message));
        }
        let good_until = proof.timestamp.saturating_add(WINDOW_SECONDS);
        memory
            .check_and_insert(proof.nonce, good_until, now.unix_seconds())
            .map_err(refusal)?;
        Ok(Principal::proven(
            AuthMethod::Hmac,
            key.id.clone(),
            key.claims.clone(),
        ))
    }

    pub(super) fn challenge() -> String {
        format!("{ALGORITHM} realm=\"cos-issuer\"")
    }
}

fn refusal(replay: Replay) -> Error {
    match replay {
        Replay::Seen => Error::new(
            ErrorCode::SignatureReplayed,
            "this nonce was used already: sign each request, and each attempt, with a new one",
        ),
        Replay::Full => {
            let message = "this key signs more requests than can be remembered: try again later";
            let after = http::HeaderValue::from_static("60");
            Error::new(ErrorCode::ReplayMemoryFull, message)
                .with_header(http::header::RETRY_AFTER, after)
        }
    }
}

/// The header's members, each there once.
struct Proof<'r> {
    key_id: &'r str,
    timestamp: i64,
    nonce: &'r str,
    signature: &'r str,
}

impl<'r> Proof<'r> {
    fn parse(text: &'r str) -> Option<Self> {
        let [mut key_id, mut timestamp, mut nonce, mut signature] = [None; 4];
        for member in text.split(',') {
            let (name, value) = member.trim().split_once('=')?;
            let place = match name {
                "KeyId" => &mut key_id,
                "Timestamp" => &mut timestamp,
                "Nonce" => &mut nonce,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let digits = |text: &&str| text.len() <= 12 && text.bytes().all(|c| c.is_ascii_digit());
        let word = |text: &&str| {
            let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
            (16..=64).contains(&text.len()) && text.bytes().all(known)
        };
        Some(Self {
            key_id: key_id?,
            timestamp: timestamp.filter(digits)?.parse().ok()?,
            nonce: nonce.filter(word)?,
            signature: signature?,
        })
    }
}

const PROBE: CallerRequest<'static> = CallerRequest {
    timestamp: 0,
    nonce: "",
    method: "",
    path: "",
    query: &[],
    body: "",
};

/// How far a timestamp may be from now, in either direction.
const WINDOW_SECONDS: i64 = 300;

/// Nonces that are remembered for one key: 50 requests a second, over the five minutes that each is good for.
const NONCES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue, Method};

    use super::signature::CallerRequest;
    use super::{HmacKey, HmacKeys, NonceCache};
    use crate::auth::Claims;
    use crate::error::ErrorCode;
    use crate::request::{Request, RequestId, Unverified};
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;
    const NONCE: &str = "0123456789abcdef";

    fn key(id: &str) -> HmacKey {
        HmacKey {
            id: id.to_owned(),
            secret: Secret::new(format!("CANARY-hmac-key-of-{id}-0123456789")).unwrap(),
            claims: Claims::of_subject("backend"),
        }
    }

    fn keys() -> HmacKeys {
        HmacKeys::new(vec![key("one"), key("two")]).unwrap()
    }

    /// `GET /sts?durationSeconds=900`, signed.
    fn signed(key_id: &str, secret: &str, timestamp: i64, nonce: &str) -> String {
        let query = [("durationSeconds".to_owned(), "900".to_owned())];
        let signature = CallerRequest {
            timestamp,
            nonce,
            method: "GET",
            path: "/sts",
            query: &query,
            body: "",
        }
        .sign(&key(secret).secret);
        format!("KeyId={key_id}, Timestamp={timestamp}, Nonce={nonce}, Signature={signature}")
    }

    fn asked(proof: &str, method: Method, query: (&str, &str), body: &str) -> Request {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("cos-issuer-hmac-sha256 {proof}")).unwrap();
        headers.insert(AUTHORIZATION, value);
        let unverified = Unverified {
            method,
            path: "/stage/sts".to_owned(),
            query: vec![(query.0.to_owned(), query.1.to_owned())],
            headers,
            body: body.as_bytes().to_vec(),
            identity: None,
        };
        Request::new(unverified, RequestId::random(), None).unwrap()
    }

    fn verify(keys: &HmacKeys, proof: &str, now: i64) -> Result<String, ErrorCode> {
        let request = asked(proof, Method::GET, ("durationSeconds", "900"), "");
        let now = Timestamp::from_unix_seconds(now).unwrap();
        let caller = keys.verify(&request, "/sts", now);
        caller
            .map(|caller| caller.name().to_owned())
            .map_err(|error| error.code())
    }

    #[test]
    fn replay_of_a_signed_request_is_refused() {
        let keys = keys();
        let proof = signed("one", "one", NOW, NONCE);
        assert_eq!(verify(&keys, &proof, NOW), Ok("one".to_owned()));
        for later in [0, 1, 299, 300] {
            let outcome = verify(&keys, &proof, NOW + later);
            assert_eq!(outcome, Err(ErrorCode::SignatureReplayed), "{later}");
        }
        let outcome = verify(&keys, &proof, NOW + 301);
        assert_eq!(outcome, Err(ErrorCode::SignatureExpired));
        // The same nonce of another key, and another of the same key, are new.
        assert!(verify(&keys, &signed("two", "two", NOW, NONCE), NOW).is_ok());
        assert!(verify(&keys, &signed("one", "one", NOW, "fedcba9876543210"), NOW).is_ok());
    }

    /// As long as a signature counts, its nonce is kept, whatever has to make room.
    #[test]
    fn a_nonce_is_remembered_for_as_long_as_its_timestamp_counts() {
        for skew in [-300, 0, 300] {
            let keys = HmacKeys {
                keys: vec![(key("one"), NonceCache::new(1))],
                ..keys()
            };
            let proof = signed("one", "one", NOW + skew, NONCE);
            assert!(verify(&keys, &proof, NOW).is_ok());
            let over = NOW + skew + 301;
            for (now, outcome) in [
                (over - 1, Err(ErrorCode::ReplayMemoryFull)),
                (over, Ok("one".to_owned())),
            ] {
                let other = signed("one", "one", now, "fedcba9876543210");
                assert_eq!(verify(&keys, &other, now), outcome, "{skew}");
            }
        }
    }

    #[test]
    fn a_signature_counts_within_five_minutes_of_its_timestamp() {
        for (skew, is_accepted) in [
            (-301, false),
            (-300, true),
            (0, true),
            (300, true),
            (301, false),
        ] {
            let outcome = verify(&keys(), &signed("one", "one", NOW + skew, NONCE), NOW);
            if is_accepted {
                assert!(outcome.is_ok(), "{skew}");
            } else {
                assert_eq!(outcome, Err(ErrorCode::SignatureExpired), "{skew}");
            }
        }
    }

    #[test]
    fn an_unknown_key_and_a_wrong_signature_are_refused_alike() {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let message = |key_id, secret| {
            let proof = signed(key_id, secret, NOW, NONCE);
            let request = asked(&proof, Method::GET, ("durationSeconds", "900"), "");
            let error = keys().verify(&request, "/sts", now).err().unwrap();
            assert_eq!(error.code(), ErrorCode::Signature);
            error.message().to_owned()
        };
        assert_eq!(message("one", "two"), message("three", "three"));
        // The stand-in for unknown keys opens nothing.
        let decoy = keys().decoy;
        let request = CallerRequest {
            timestamp: NOW,
            nonce: NONCE,
            method: "GET",
            path: "/sts",
            query: &[("durationSeconds".to_owned(), "900".to_owned())],
            body: "",
        };
        let signature = request.sign(&decoy);
        let proof = format!("KeyId=x, Timestamp={NOW}, Nonce={NONCE}, Signature={signature}");
        assert_eq!(verify(&keys(), &proof, NOW), Err(ErrorCode::Signature));
    }

    #[test]
    fn a_changed_request_is_refused_and_uses_no_nonce_up() {
        let keys = keys();
        let proof = signed("one", "one", NOW, NONCE);
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let same = ("durationSeconds", "900");
        let refused = |proof: &str, method, query, body, path| {
            let outcome = keys.verify(&asked(proof, method, query, body), path, now);
            assert_eq!(outcome.err().unwrap().code(), ErrorCode::Signature);
        };
        refused(&proof, Method::POST, same, "", "/sts");
        refused(&proof, Method::GET, ("durationSeconds", "901"), "", "/sts");
        refused(&proof, Method::GET, ("durationSecond", "s900"), "", "/sts");
        refused(&proof, Method::GET, same, "{}", "/sts");
        refused(&proof, Method::GET, same, "", "/sign");
        let later = proof.replace(&NOW.to_string(), &(NOW + 1).to_string());
        refused(&later, Method::GET, same, "", "/sts");
        refused(
            &proof.replace(NONCE, "0123456789abcdee"),
            Method::GET,
            same,
            "",
            "/sts",
        );
        assert!(verify(&keys, &proof, NOW).is_ok());
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let proof = signed("one", "one", NOW, NONCE);
        for text in [
            String::new(),
            "KeyId=one".to_owned(),
            proof.replace(", ", " "),
            proof.replace(", Nonce=", ", nonce="),
            format!("{proof}, KeyId=one"),
            format!("{proof}, Other=1"),
            format!("{proof},"),
            proof.replace(NONCE, "short"),
            proof.replace(NONCE, &"x".repeat(65)),
            proof.replace(NONCE, "with\u{20}space0123456"),
            proof.replace(&NOW.to_string(), "-1700000000"),
            proof.replace(&NOW.to_string(), "+1700000000"),
            proof.replace(&NOW.to_string(), "17000000000000000000"),
            proof.replace(&NOW.to_string(), ""),
            proof.to_uppercase(),
        ] {
            assert_eq!(
                verify(&keys(), &text, NOW),
                Err(ErrorCode::Signature),
                "{text}"
            );
        }
        assert!(verify(&keys(), &proof.replace(", ", ","), NOW).is_ok());
    }
}
