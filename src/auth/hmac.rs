//! `hmac`: a request signed with a named key, which is never sent.
//!
//! ```text
//! Authorization: COS-ISSUER-HMAC-SHA256 KeyId=…, Timestamp=…, Nonce=…, Signature=…
//! ```
//!
//! # Guarantees
//! - A signature is accepted once, within five minutes of its timestamp.
//! - Unknown keys and wrong signatures take the same path and get the same message.
//! - A nonce is stored only after its signature was verified: untrusted requests use no memory.
//!
//! # Not covered
//! Replay at another or a later instance, unless they share a store: each has its own nonce cache.

mod nonce_cache;
mod shared_nonces;
pub mod signature;

use std::sync::Arc;

use subtle::ConstantTimeEq;

use self::nonce_cache::{NonceCache, NonceError};
use self::signature::{ALGORITHM, SignedRequest};
use super::claims::Claims;
use super::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};
use crate::request::Request;
use crate::shared_store::SharedStore;
use tencent::secret::Secret;
use tencent::time::Timestamp;

/// One key of `HMAC_KEYS`.
#[expect(missing_debug_implementations, reason = "it contains a key")]
pub struct HmacKey {
    /// The `KeyId` of its requests, and the name in the audit log.
    pub id: String,
    /// The key, used as text.
    pub secret: Secret,
    /// The claims of its principal.
    pub claims: Claims,
}

/// All HMAC keys, each with its nonce cache.
#[expect(missing_debug_implementations, reason = "it contains keys")]
pub struct HmacKeys {
    keys: Vec<(HmacKey, NonceCache)>,
    /// Signs in place of an unknown key.
    decoy: Secret,
    store: Option<Arc<SharedStore>>,
}

impl HmacKeys {
    pub(super) const SCHEME: &'static str = ALGORITHM;

    /// These keys with empty nonce caches. `None` when two entries have the same key.
    pub fn new(keys: Vec<HmacKey>) -> Option<Self> {
        // Secrets cannot be compared, but their signatures can.
        let sign = |key: &HmacKey| SignedRequest::default().sign(&key.secret);
        let signatures: Vec<String> = keys.iter().map(sign).collect();
        let count = |signature| signatures.iter().filter(|other| *other == signature).count();
        if signatures.iter().any(|signature| count(signature) > 1) {
            return None;
        }
        let decoy = Secret::new("0".repeat(64))?;
        let with_cache = |key| (key, NonceCache::new(MAX_NONCES));
        let keys = keys.into_iter().map(with_cache).collect();
        Some(Self { keys, decoy, store: None })
    }

    /// The ids of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(key, _)| key.id.as_str())
    }

    /// Keeps the nonces in `store`, for all instances together.
    pub fn share_nonces(&mut self, store: Arc<SharedStore>) {
        self.store = Some(store);
    }

    /// Verifies `presented`, the credentials of `request`; `path` is its path without `BASE_PATH`.
    pub(super) async fn verify(
        &self,
        presented: &str,
        request: &Request,
        path: &str,
        now: Timestamp,
    ) -> Result<Principal, Error> {
        let presented = Credentials::parse(presented).ok_or_else(|| {
            let form = "`KeyId=…, Timestamp=…, Nonce=…, Signature=…`, with a nonce of 16 to 64 letters, digits, `-` or `_`";
            Error::new(ErrorCode::Signature, format!("the credentials must be {form}"))
        })?;
        let signed = SignedRequest {
            timestamp: presented.timestamp,
            nonce: presented.nonce,
            method: request.method.as_str(),
            path,
            query: &request.query,
            body: &request.body,
        };
        let known = self.keys.iter().find(|(key, _)| key.id == presented.key_id);
        let secret = known.map_or(&self.decoy, |(key, _)| &key.secret);
        let is_same = signed.sign(secret).as_bytes().ct_eq(presented.signature.as_bytes());
        let (key, nonces) = known.filter(|_| bool::from(is_same)).ok_or_else(|| {
            let message = "the signature does not match this request and an accepted key";
            Error::new(ErrorCode::Signature, message)
        })?;
        let age_seconds = now.unix_seconds().abs_diff(presented.timestamp);
        if age_seconds > WINDOW_SECONDS.unsigned_abs() {
            let message = format!("the timestamp must be within {WINDOW_SECONDS} seconds of now");
            return Err(Error::new(ErrorCode::SignatureExpired, message));
        }
        let valid_until = presented.timestamp.saturating_add(WINDOW_SECONDS);
        let (nonce, now) = (presented.nonce, now.unix_seconds());
        match &self.store {
            None => nonces.check_and_insert(nonce, valid_until, now)?,
            Some(store) => {
                let valid_seconds = valid_until.saturating_sub(now);
                shared_nonces::check_and_insert(store, &key.id, nonce, valid_seconds).await?;
            }
        }
        Ok(Principal::authenticated(AuthMethod::Hmac, key.id.clone(), key.claims.clone()))
    }

    pub(super) fn challenge() -> String {
        format!("{ALGORITHM} realm=\"cos-issuer\"")
    }
}

impl From<NonceError> for Error {
    fn from(error: NonceError) -> Self {
        match error {
            NonceError::Used => Self::new(
                ErrorCode::SignatureReplayed,
                "this nonce was used already: sign each request, and each attempt, with a new one",
            ),
            NonceError::Full => {
                let message =
                    "this key signs more requests than the nonce cache can hold: try again later";
                let after = http::HeaderValue::from_static("60");
                Self::new(ErrorCode::ReplayMemoryFull, message)
                    .with_header(http::header::RETRY_AFTER, after)
            }
        }
    }
}

/// The parameters of the header, each exactly once.
struct Credentials<'r> {
    key_id: &'r str,
    timestamp: i64,
    nonce: &'r str,
    signature: &'r str,
}

impl<'r> Credentials<'r> {
    fn parse(text: &'r str) -> Option<Self> {
        let [mut key_id, mut timestamp, mut nonce, mut signature] = [None; 4];
        for parameter in text.split(',') {
            let (name, value) = parameter.trim().split_once('=')?;
            let slot = match name {
                "KeyId" => &mut key_id,
                "Timestamp" => &mut timestamp,
                "Nonce" => &mut nonce,
                "Signature" => &mut signature,
                _ => return None,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        let is_number = |text: &&str| text.len() <= 12 && text.bytes().all(|c| c.is_ascii_digit());
        let is_nonce = |text: &&str| {
            let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
            (16..=64).contains(&text.len()) && text.bytes().all(known)
        };
        Some(Self {
            key_id: key_id?,
            timestamp: timestamp.filter(is_number)?.parse().ok()?,
            nonce: nonce.filter(is_nonce)?,
            signature: signature?,
        })
    }
}

/// How far a timestamp may be from now, in either direction.
const WINDOW_SECONDS: i64 = 300;

/// Nonces of one key: 50 requests a second for the five minutes that each is valid.
const MAX_NONCES: usize = 16_384;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::Method;

    use super::signature::SignedRequest;
    use super::{HmacKey, HmacKeys, NonceCache};
    use crate::auth::Claims;
    use crate::error::{Error, ErrorCode};
    use crate::request::{Inbound, Request};
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;
    const NONCE: &str = "0123456789abcdef";
    const OTHER_NONCE: &str = "fedcba9876543210";
    const QUERY: (&str, &str) = ("durationSeconds", "900");

    fn key(id: &str) -> HmacKey {
        HmacKey { id: id.to_owned(), secret: secret(id), claims: Claims::of_subject("backend") }
    }

    fn secret(id: &str) -> Secret {
        Secret::new(format!("CANARY-hmac-key-of-{id}-0123456789")).unwrap()
    }

    fn keys() -> HmacKeys {
        HmacKeys::new(vec![key("one"), key("two")]).unwrap()
    }

    /// `GET /sts?durationSeconds=900`, signed.
    fn signed(key_id: &str, secret: &Secret, timestamp: i64, nonce: &str) -> String {
        let signature = SignedRequest {
            timestamp,
            nonce,
            method: "GET",
            path: "/sts",
            query: &[(QUERY.0.to_owned(), QUERY.1.to_owned())],
            body: "",
        }
        .sign(secret);
        format!("KeyId={key_id}, Timestamp={timestamp}, Nonce={nonce}, Signature={signature}")
    }

    fn request(method: Method, query: (&str, &str), body: &str) -> Request {
        let inbound = Inbound {
            method,
            path: "/stage/sts".to_owned(),
            query: vec![(query.0.to_owned(), query.1.to_owned())],
            body: body.as_bytes().to_vec(),
            ..Inbound::default()
        };
        inbound.check().unwrap()
    }

    fn outcome(keys: &HmacKeys, presented: &str, now: i64) -> Result<String, Error> {
        let now = Timestamp::from_unix_seconds(now).unwrap();
        let request = request(Method::GET, QUERY, "");
        let principal = keys.verify(presented, &request, "/sts", now).now_or_never().unwrap();
        principal.map(|principal| principal.name().to_owned())
    }

    fn verify(keys: &HmacKeys, presented: &str, now: i64) -> Result<String, ErrorCode> {
        outcome(keys, presented, now).map_err(|error| error.code())
    }

    #[test]
    fn replay_of_a_signed_request_is_refused() {
        let (keys, one) = (keys(), secret("one"));
        let presented = signed("one", &one, NOW, NONCE);
        assert_eq!(verify(&keys, &presented, NOW), Ok("one".to_owned()));
        for later in [0, 1, 299, 300] {
            let outcome = verify(&keys, &presented, NOW + later);
            assert_eq!(outcome, Err(ErrorCode::SignatureReplayed), "{later}");
        }
        let outcome = verify(&keys, &presented, NOW + 301);
        assert_eq!(outcome, Err(ErrorCode::SignatureExpired));
        // Each key has nonces of its own.
        assert!(verify(&keys, &signed("two", &secret("two"), NOW, NONCE), NOW).is_ok());
        assert!(verify(&keys, &signed("one", &one, NOW, OTHER_NONCE), NOW).is_ok());
    }

    /// A nonce is kept while its signature is valid, even when the cache is full.
    #[test]
    fn a_nonce_is_remembered_for_as_long_as_its_timestamp_counts() {
        for skew in [-300, 0, 300] {
            let keys = HmacKeys { keys: vec![(key("one"), NonceCache::new(1))], ..keys() };
            let presented = signed("one", &secret("one"), NOW + skew, NONCE);
            assert!(verify(&keys, &presented, NOW).is_ok());
            let over = NOW + skew + 301;
            for (now, outcome) in
                [(over - 1, Err(ErrorCode::ReplayMemoryFull)), (over, Ok("one".to_owned()))]
            {
                let other = signed("one", &secret("one"), now, OTHER_NONCE);
                assert_eq!(verify(&keys, &other, now), outcome, "{skew}");
            }
        }
    }

    #[test]
    fn a_signature_counts_within_five_minutes_of_its_timestamp() {
        for skew in [-301, -300, 0, 300, 301_i64] {
            let presented = signed("one", &secret("one"), NOW + skew, NONCE);
            let outcome = verify(&keys(), &presented, NOW).map(drop);
            let is_valid = skew.abs() <= 300;
            let expected = if is_valid { Ok(()) } else { Err(ErrorCode::SignatureExpired) };
            assert_eq!(outcome, expected, "{skew}");
        }
    }

    #[test]
    fn an_unknown_key_and_a_wrong_signature_are_refused_alike() {
        let keys = keys();
        // The decoy is a key of nobody.
        let refused = [("one", &secret("two")), ("three", &secret("three")), ("x", &keys.decoy)];
        let refused = refused.map(|(id, secret)| {
            let error = outcome(&keys, &signed(id, secret, NOW, NONCE), NOW).err().unwrap();
            (error.code(), error.message().to_owned())
        });
        assert_eq!(refused[0].0, ErrorCode::Signature);
        assert!(refused.iter().all(|other| *other == refused[0]));
    }

    #[test]
    fn a_changed_request_is_refused_and_uses_no_nonce_up() {
        let keys = keys();
        let presented = signed("one", &secret("one"), NOW, NONCE);
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let later = presented.replace(&NOW.to_string(), &(NOW + 1).to_string());
        let renamed = presented.replace(NONCE, OTHER_NONCE);
        let same = || request(Method::GET, QUERY, "");
        for (presented, request, path) in [
            (&presented, request(Method::POST, QUERY, ""), "/sts"),
            (&presented, request(Method::GET, ("durationSeconds", "901"), ""), "/sts"),
            (&presented, request(Method::GET, ("durationSecond", "s900"), ""), "/sts"),
            (&presented, request(Method::GET, QUERY, "{}"), "/sts"),
            (&presented, same(), "/sign"),
            (&later, same(), "/sts"),
            (&renamed, same(), "/sts"),
        ] {
            let outcome = keys.verify(presented, &request, path, now).now_or_never().unwrap();
            let error = outcome.err().unwrap();
            assert_eq!(error.code(), ErrorCode::Signature, "{request:?}");
        }
        assert!(verify(&keys, &presented, NOW).is_ok());
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let good = signed("one", &secret("one"), NOW, NONCE);
        let now = |text: &str| good.replace(&NOW.to_string(), text);
        for text in [
            String::new(),
            "KeyId=one".to_owned(),
            good.replace(", ", " "),
            good.replace(", Nonce=", ", nonce="),
            format!("{good}, KeyId=one"),
            format!("{good}, Other=1"),
            format!("{good},"),
            good.replace(NONCE, "short"),
            good.replace(NONCE, &"x".repeat(65)),
            good.replace(NONCE, "with\u{20}space0123456"),
            now("-1700000000"),
            now("+1700000000"),
            now("17000000000000000000"),
            now(""),
            good.to_uppercase(),
        ] {
            assert_eq!(verify(&keys(), &text, NOW), Err(ErrorCode::Signature), "{text}");
        }
        assert!(verify(&keys(), &good.replace(", ", ","), NOW).is_ok());
    }
}
