//! Algorithms of tokens and the keys that verify them, with ring, which TLS uses too.
//!
//! Names: <https://www.rfc-editor.org/rfc/rfc7518#section-3.1>, EdDSA:
//! <https://www.rfc-editor.org/rfc/rfc8037#section-3.1>.
//!
//! # Guarantees
//! A key has exactly one algorithm. HMACs are compared in constant time.
//!
//! # Not covered
//! Signing, and other algorithms.

use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// HMAC with SHA-256: everyone who can verify a token can make one.
    Hs256,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Hs256, Self::Rs256];

    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A key that verifies signatures of one algorithm.
pub(super) enum VerificationKey {
    Ed25519(Vec<u8>),
    Hmac(hmac::Key),
    P256(Vec<u8>),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

impl VerificationKey {
    /// From modulus and exponent, big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let [n, e] = [modulus, exponent].map(without_leading_zeros);
        let leading_zeros = usize::try_from(n.first()?.leading_zeros()).ok()?;
        let bits = n.len().checked_mul(8)?.checked_sub(leading_zeros)?;
        let (n, e) = (n.to_vec(), e.to_vec());
        RSA_BITS.contains(&bits).then_some(Self::Rsa(RsaPublicKeyComponents { n, e }))
    }

    /// From an uncompressed point.
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let is_point = point.len() == P256_POINT_BYTES && point.first() == Some(&4);
        is_point.then(|| Self::P256(point.to_vec()))
    }

    pub(super) fn ed25519(point: &[u8]) -> Option<Self> {
        (point.len() == ED25519_POINT_BYTES).then(|| Self::Ed25519(point.to_vec()))
    }

    /// `None` when the secret is shorter than the hash.
    /// <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
    pub(super) fn hmac(secret: &[u8]) -> Option<Self> {
        let is_long = secret.len() >= MIN_SECRET_BYTES;
        is_long.then(|| Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Hmac(_) => Algorithm::Hs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let outcome = match self {
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            Self::Hmac(key) => hmac::verify(key, message, signature),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        outcome.is_ok()
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

const MIN_SECRET_BYTES: usize = 32;

/// What ring accepts. <https://www.rfc-editor.org/rfc/rfc7518#section-3.3>
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

const P256_POINT_BYTES: usize = 65;

const ED25519_POINT_BYTES: usize = 32;
