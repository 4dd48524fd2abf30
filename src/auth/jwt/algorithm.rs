//! The algorithms of tokens, and their verification by ring, which TLS brings anyway.
//!
//! Names: <https://www.rfc-editor.org/rfc/rfc7518#section-3.1>, EdDSA: <https://www.rfc-editor.org/rfc/rfc8037#section-3.1>.
//!
//! Promises: a key is of one algorithm and is never used with another; an HMAC is compared in constant time (ring's own comparison).
//! Leaves out: signing, and every other algorithm. `jsonwebtoken` has the forms of keys and signatures; its backends would link a
//! second set of cryptography, and its `decode` reads a clock of its own and takes lists for `iss`: the claims are checked by `rules`.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, DecodingKeyKind, signature};
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
    /// HMAC with SHA-256: whoever can check a token can make one.
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

    /// Whether `signature`, in base64url, is that of `key` over `message`.
    pub(super) fn verifies(self, key: &DecodingKey, message: &str, signature: &str) -> bool {
        // It fails when it is installed already, and nothing else in this process installs another.
        let _is_first = RING.install_default().is_ok();
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, self.into())
            .unwrap_or(false)
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Hs256 => Self::HS256,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}

struct RingVerifier(jsonwebtoken::Algorithm, DecodingKey);

impl RingVerifier {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), ring::error::Unspecified> {
        use jsonwebtoken::Algorithm::{ES256, EdDSA, HS256, RS256};
        match (self.0, self.1.kind()) {
            (RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(
                    &RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                )
            }
            (ES256, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (EdDSA, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            (HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::verify(&key, message, signature)
            }
            _ => Err(ring::error::Unspecified),
        }
    }
}

impl signature::Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        Self::verify(self, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.0
    }
}

static RING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(unsupported()),
    verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier(*algorithm, key.clone()))),
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}
