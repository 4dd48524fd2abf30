//! The hashes inside the signatures, in lower-case hex where the protocols print them: SHA-1 and
//! SHA-256 (FIPS 180-4, <https://csrc.nist.gov/pubs/fips/180-4/upd1/final>) and HMAC (RFC 2104,
//! <https://www.rfc-editor.org/rfc/rfc2104>).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The SHA-256 of `bytes`, in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The SHA-256 of bytes that begin in a known way.
#[derive(Clone, Debug)]
pub struct PartialHash(Sha256);

impl PartialHash {
    /// Begins with `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(bytes))
    }

    /// The SHA-256 of the beginning and `rest` together, in hex.
    pub fn continued_hex(&self, rest: &[u8]) -> String {
        hex::encode(self.0.clone().chain_update(rest).finalize())
    }
}

/// The SHA-1 of `bytes`, in hex.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex::encode(Sha1::digest(bytes))
}

/// The HMAC-SHA-256 of `message`; wiped when dropped, because TC3 uses it as the next key.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac::<Hmac<Sha256>>(key, message).into())
}

/// The HMAC of `message` with any hash.
pub(super) fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> hmac::digest::Output<M> {
    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length (RFC 2104)")]
    let mut mac = M::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes()
}
