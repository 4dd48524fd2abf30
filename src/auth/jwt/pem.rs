//! A public key in PEM: `-----BEGIN PUBLIC KEY-----`, a SubjectPublicKeyInfo.
//!
//! The structure: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>, RSA:
//! <https://www.rfc-editor.org/rfc/rfc8017#appendix-A.1.1>.
//!
//! # Guarantees
//! Exactly one RSA, P-256 or Ed25519 key and no other content. PEM and the algorithm identifiers
//! are read with rustls's types.
//!
//! # Not covered
//! Certificates, private keys and the older `RSA PUBLIC KEY`.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{SubjectPublicKeyInfoDer, alg_id};

use super::algorithm::VerificationKey;

pub(super) fn public_key(text: &[u8]) -> Option<VerificationKey> {
    let mut keys = SubjectPublicKeyInfoDer::pem_slice_iter(text);
    let (Some(Ok(key)), None) = (keys.next(), keys.next()) else {
        return None;
    };
    let (info, []) = element(SEQUENCE, &key)? else {
        return None;
    };
    let (algorithm, rest) = element(SEQUENCE, info)?;
    let (bits, []) = element(BIT_STRING, rest)? else {
        return None;
    };
    // No unused bits in the last byte.
    let bytes = bits.strip_prefix(&[0])?;
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let (numbers, []) = element(SEQUENCE, bytes)? else {
            return None;
        };
        let (modulus, rest) = element(INTEGER, numbers)?;
        let (exponent, []) = element(INTEGER, rest)? else {
            return None;
        };
        VerificationKey::rsa(modulus, exponent)
    } else if algorithm == alg_id::ECDSA_P256.as_ref() {
        VerificationKey::p256(bytes)
    } else if algorithm == alg_id::ED25519.as_ref() {
        VerificationKey::ed25519(bytes)
    } else {
        None
    }
}

/// The contents of the first element, which must have this tag, and the rest. Keys need lengths of
/// at most two bytes.
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::{Algorithm, KeySet, KeySetError};

    /// The keys of RFC 7515 A.2 and A.3 and of RFC 8037 A.2, as SubjectPublicKeyInfo.
    const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB";
    const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==";
    const ED25519: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    /// The first half of that RSA key's modulus.
    const RSA_1024: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCh+BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3AbONv/s4yDQs4v5tJ/reSgIDAQAB";
    const P384: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEMZF31rGQR8DoxJcd0u4rVTxYuZJKC99iCIV4beo4sBpvFPi73g+wwhOoFB90C/9lxW1c4HNi6bEy47NmyPZ3e9icVJbvddvUBzKypn+iUUfD5IdzhdpiWAlEulUdVaYr";

    fn pem(label: &str, base64: &str) -> String {
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    fn read(text: &str) -> Result<KeySet, KeySetError> {
        KeySet::of_pem(text.as_bytes(), &Algorithm::ALL)
    }

    #[test]
    fn a_public_key_has_the_algorithm_of_its_type() {
        for (key, own) in
            [(RSA, Algorithm::Rs256), (P256, Algorithm::Es256), (ED25519, Algorithm::EdDsa)]
        {
            let keys = read(&pem("PUBLIC KEY", key)).ok().unwrap();
            for algorithm in Algorithm::ALL {
                assert_eq!(keys.has(algorithm, Some("any")), algorithm == own);
                let only = KeySet::of_pem(pem("PUBLIC KEY", key).as_bytes(), &[algorithm]);
                assert_eq!(only.err().is_none(), algorithm == own);
            }
        }
    }

    #[test]
    fn the_rsa_key_is_the_published_one() {
        let keys = read(&pem("PUBLIC KEY", RSA)).ok().unwrap();
        let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let outcome = keys.verify(Algorithm::Rs256, None, message, signature);
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn anything_but_one_public_key_is_refused() {
        let good = pem("PUBLIC KEY", RSA);
        for text in [
            String::new(),
            RSA.to_owned(),
            pem("RSA PUBLIC KEY", RSA),
            pem("CERTIFICATE", RSA),
            pem("PRIVATE KEY", RSA),
            pem("PUBLIC KEY", RSA_1024),
            pem("PUBLIC KEY", P384),
            pem("PUBLIC KEY", "AAAA"),
            pem("PUBLIC KEY", ""),
            pem("PUBLIC KEY", "not base64"),
            format!("{good}{good}"),
            format!("{good}{}", pem("PUBLIC KEY", "%")),
            good.replace("-----END", "-----ENDE"),
        ] {
            assert_eq!(read(&text).err(), Some(KeySetError::Pem), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_cut_or_goes_on_is_refused() {
        for key in [RSA, P256, ED25519] {
            let der = STANDARD.decode(key).unwrap();
            for length in 0..der.len() {
                let text = pem("PUBLIC KEY", &STANDARD.encode(&der[..length]));
                assert!(read(&text).is_err(), "{length} bytes");
            }
            let text = pem("PUBLIC KEY", &STANDARD.encode([&*der, &[0]].concat()));
            assert!(read(&text).is_err());
            // No changed byte causes a panic.
            for place in 0..der.len() {
                let mut changed = der.clone();
                changed[place] ^= 0x81;
                drop(read(&pem("PUBLIC KEY", &STANDARD.encode(changed))));
            }
        }
    }
}
