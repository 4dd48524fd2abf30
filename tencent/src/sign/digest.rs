//! The hashes inside the signatures, in lower-case hex where the protocols print them: SHA-1 and
//! SHA-256 (FIPS 180-4, <https://csrc.nist.gov/pubs/fips/180-4/upd1/final>) and HMAC (RFC 2104,
//! <https://www.rfc-editor.org/rfc/rfc2104>).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The SHA-256 of `bytes`, in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
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
        hex(&self.0.clone().chain_update(rest).finalize())
    }
}

/// The SHA-1 of `bytes`, in hex.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex(&Sha1::digest(bytes))
}

/// Bytes in lower-case hex, in one piece: `hex::encode` collects single characters.
pub(super) fn hex(bytes: &[u8]) -> String {
    // `vec![0; n]` calls `calloc`, which takes longer than `malloc` and a fill.
    let mut digits = vec![b'0'; bytes.len().saturating_mul(2)];
    let written = hex::encode_to_slice(bytes, &mut digits);
    #[expect(clippy::expect_used, reason = "the length is twice that of the bytes")]
    written.expect("two digits for each byte");
    #[expect(clippy::expect_used, reason = "hex digits are ASCII")]
    String::from_utf8(digits).expect("hex digits")
}

/// The HMAC-SHA-256 of `message`; wiped when dropped, because TC3 uses it as the next key.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac::<Hmac<Sha256>>(key, message).into())
}

/// A key that makes many HMAC-SHA-256; wiped when dropped.
pub(super) struct HmacState(Hmac<Sha256>);

impl HmacState {
    /// Prepares a key.
    pub(super) fn new(key: &[u8]) -> Self {
        Self(keyed(key))
    }

    /// The HMAC of `message`, in hex.
    pub(super) fn sign_hex(&self, message: &[u8]) -> String {
        hex(&self.0.clone().chain_update(message).finalize().into_bytes())
    }
}

/// The HMAC of `message` with any hash.
pub(super) fn hmac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> hmac::digest::Output<M> {
    keyed::<M>(key).chain_update(message).finalize().into_bytes()
}

fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length (RFC 2104)")]
    M::new_from_slice(key).expect("a key of any length")
}
