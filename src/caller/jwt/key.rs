//! Keys that signatures are checked with, from a JWKS, a PEM file or a secret.
//!
//! JWKS: <https://www.rfc-editor.org/rfc/rfc7517#section-5>, members: <https://www.rfc-editor.org/rfc/rfc7518#section-6>.
//!
//! Promises: each key is of exactly one accepted algorithm, by its own type. Of a JWKS, keys that are not for signatures, not of an
//! accepted algorithm, symmetric, published with their private part, or weaker than RSA 2048 are left out; a set of which none is left
//! is an error. Leaves out: certificates beside a key (`x5c`), which prove nothing here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::TokenFault;
use super::algorithm::Algorithm;
use super::member::{Member, Members};
use super::pem;

/// Keys of one issuer; never empty.
#[expect(missing_debug_implementations, reason = "it may hold a secret")]
pub struct KeySet(Vec<Key>);

pub(super) struct Key {
    /// Where it is absent, the key is for tokens of any `kid`.
    id: Option<String>,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl KeySet {
    /// The keys of a JWKS that are of one of `algorithms`.
    ///
    /// # Errors
    /// [`KeySetError`]; the text that was read is not in it.
    pub fn of_jwks(json: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let set: Jwks = serde_json::from_slice(json).map_err(|_| KeySetError::Jwks)?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeySetError::Many);
        }
        let keys: Vec<Key> = set.keys.iter().filter_map(Key::of_jwk).collect();
        Self::of_keys(keys, algorithms)
    }

    /// The one public key of a PEM text, which must be of one of `algorithms`.
    ///
    /// # Errors
    /// [`KeySetError`]; the text that was read is not in it.
    pub fn of_pem(text: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let key = pem::public_key(text).ok_or(KeySetError::Pem)?;
        Self::of_keys(vec![key], algorithms)
    }

    /// A secret that the issuer shares; `None` when it is too short to be one.
    /// <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
    pub fn of_secret(secret: &[u8]) -> Option<Self> {
        let key = Key {
            id: None,
            algorithm: Algorithm::Hs256,
            material: DecodingKey::from_secret(secret),
        };
        (secret.len() >= SECRET_BYTES_MIN).then_some(Self(vec![key]))
    }

    fn of_keys(mut keys: Vec<Key>, algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        keys.retain(|key| algorithms.contains(&key.algorithm));
        if keys.is_empty() {
            return Err(KeySetError::None);
        }
        Ok(Self(keys))
    }

    /// Whether any key could be that of a token.
    pub(super) fn has(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        self.fitting(algorithm, id).next().is_some()
    }

    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenFault> {
        if !self.has(algorithm, id) {
            return Err(TokenFault::KeyUnknown);
        }
        let holds = |key: &Key| algorithm.verifies(&key.material, message, signature);
        if self.fitting(algorithm, id).any(holds) {
            Ok(())
        } else {
            Err(TokenFault::Signature)
        }
    }

    fn fitting(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| {
            let is_named = match (key.id.as_deref(), id) {
                (Some(own), Some(named)) => own == named,
                (None, _) | (_, None) => true,
            };
            key.algorithm == algorithm && is_named
        })
    }
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWKS.
    #[error("is no JWKS: a JSON object with `keys`, each of them with each member once")]
    Jwks,
    /// More keys than can be tried.
    #[error("holds more than 64 keys")]
    Many,
    /// No key that may be used.
    #[error(
        "holds no public key for signatures of an accepted algorithm (RSA of 2048 to 8192 bits, P-256, Ed25519)"
    )]
    None,
    /// Not a PEM text.
    #[error(
        "holds no single public key in PEM, which begins with `-----BEGIN PUBLIC KEY-----`, of RSA (2048 to 8192 bits), P-256 or Ed25519"
    )]
    Pem,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Members>,
}

impl Key {
    /// A key that may be used, with the algorithm of its type.
    fn of_jwk(jwk: &Members) -> Option<Self> {
        let is_for_signatures = match jwk.member("use") {
            None => true,
            Some(purpose) => *purpose == Member::Text("sig".to_owned()),
        };
        let may_verify = match jwk.member("key_ops") {
            None => true,
            Some(Member::Texts(operations)) => operations.iter().any(|name| name == "verify"),
            Some(_) => false,
        };
        let is_private = jwk.member("d").is_some() || jwk.member("k").is_some();
        if !is_for_signatures || !may_verify || is_private {
            return None;
        }
        let bytes = |name| URL_SAFE_NO_PAD.decode(jwk.text(name)?).ok();
        let key = match (jwk.text("kty")?, jwk.text("crv")) {
            ("RSA", _) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => Self::p256(&[&[4], &*bytes("x")?, &*bytes("y")?].concat())?,
            ("OKP", Some("Ed25519")) => Self::ed25519(&bytes("x")?)?,
            _ => return None,
        };
        let is_of_its_algorithm = match jwk.member("alg") {
            None => true,
            Some(name) => *name == Member::Text(key.algorithm.name().to_owned()),
        };
        let id = match jwk.member("kid") {
            None => None,
            Some(Member::Text(id)) => Some(id.clone()),
            Some(_) => return None,
        };
        is_of_its_algorithm.then_some(Self { id, ..key })
    }

    /// From modulus and exponent, big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let bits = modulus
            .len()
            .checked_mul(8)?
            .checked_sub(usize::try_from(modulus.first()?.leading_zeros()).ok()?)?;
        let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
        RSA_BITS
            .contains(&bits)
            .then_some(Self::of(Algorithm::Rs256, key))
    }

    /// From a point in the uncompressed form.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let is_point = point.len() == P256_POINT_BYTES && point.first() == Some(&4);
        is_point.then(|| Self::of(Algorithm::Es256, DecodingKey::from_ec_der(point)))
    }

    pub(super) fn ed25519(point: &[u8]) -> Option<Self> {
        let is_point = point.len() == ED25519_POINT_BYTES;
        is_point.then(|| Self::of(Algorithm::EdDsa, DecodingKey::from_ed_der(point)))
    }

    fn of(algorithm: Algorithm, material: DecodingKey) -> Self {
        Self {
            id: None,
            algorithm,
            material,
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Issuers have two to five; a token without a `kid` is tried with each.
const KEYS_MAX: usize = 64;

/// As many as the hash gives.
const SECRET_BYTES_MIN: usize = 32;

/// What ring verifies with. <https://www.rfc-editor.org/rfc/rfc7518#section-3.3>
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

const P256_POINT_BYTES: usize = 65;

const ED25519_POINT_BYTES: usize = 32;
