//! A public key in PEM: `-----BEGIN PUBLIC KEY-----`, a SubjectPublicKeyInfo.
//!
//! The structure: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>, RSA: <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1>.
//!
//! Promises: exactly one key, of one of three kinds, with nothing behind it; PEM and the kinds' identifiers are those of TLS's own
//! reader. Leaves out: certificates, private keys and the older `RSA PUBLIC KEY`.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{SubjectPublicKeyInfoDer, alg_id};

use super::key::Key;

pub(super) fn public_key(text: &[u8]) -> Option<Key> {
    let mut keys = SubjectPublicKeyInfoDer::pem_slice_iter(text);
    let (Some(Ok(key)), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let (info, []) = element(SEQUENCE, &key)? else {
        return None;
    };
    let (kind, rest) = element(SEQUENCE, info)?;
    let (bits, []) = element(BIT_STRING, rest)? else {
        return None;
    };
    // How many bits of the last byte do not count.
    let bytes = bits.strip_prefix(&[0])?;
    if kind == alg_id::RSA_ENCRYPTION.as_ref() {
        let (numbers, []) = element(SEQUENCE, bytes)? else {
            return None;
        };
        let (modulus, rest) = element(INTEGER, numbers)?;
        let (exponent, []) = element(INTEGER, rest)? else {
            return None;
        };
        Key::rsa(modulus, exponent)
    } else if kind == alg_id::ECDSA_P256.as_ref() {
        Key::p256(bytes)
    } else if kind == alg_id::ED25519.as_ref() {
        Key::ed25519(bytes)
    } else {
        None
    }
}

/// The contents of the first element, which must be of this tag, and what follows it. Lengths of up to two bytes are enough.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [0x82, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]).into(), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
