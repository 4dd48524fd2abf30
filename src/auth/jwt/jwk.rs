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

use super::TokenFault;
use super::algorithm::Algorithm;
use super::json::{JsonObject, JsonValue};
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
        let set = JsonObject::parse(json).ok_or(KeySetError::Jwks)?;
        let Some(JsonValue::List(members)) = set.member("keys") else {
            return Err(KeySetError::Jwks);
        };
        if members.len() > KEYS_MAX {
            return Err(KeySetError::Many);
        }
        let mut keys = Vec::new();
        for member in members {
            let JsonValue::Object(jwk) = member else {
                return Err(KeySetError::Jwks);
            };
            keys.extend(Key::of_jwk(jwk));
        }
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

    /// A secret that the issuer shares. <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
    ///
    /// # Errors
    /// [`KeySetError::Secret`] when it is too short.
    pub fn of_secret(secret: &[u8]) -> Result<Self, KeySetError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeySetError::Secret);
        }
        Ok(Self(vec![Key {
            id: None,
            algorithm: Algorithm::Hs256,
            material: DecodingKey::from_secret(secret),
        }]))
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
        self.keys_for(algorithm, id).next().is_some()
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
        if self.keys_for(algorithm, id).any(holds) {
            Ok(())
        } else {
            Err(TokenFault::Signature)
        }
    }

    fn keys_for(&self, algorithm: Algorithm, id: Option<&str>) -> impl Iterator<Item = &Key> {
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
        "holds no public key for signatures of an algorithm in JWT_ALGORITHMS (RSA of 2048 to 8192 bits, P-256, Ed25519)"
    )]
    None,
    /// Not a PEM text.
    #[error(
        "holds no single public key in PEM, which begins with `-----BEGIN PUBLIC KEY-----`, of RSA (2048 to 8192 bits), P-256 or Ed25519"
    )]
    Pem,
    /// A secret that could be guessed.
    #[error("must have 32 bytes or more, of which nobody can guess any")]
    Secret,
}

impl Key {
    /// A key that may be used, with the algorithm of its type.
    fn of_jwk(jwk: &JsonObject) -> Option<Self> {
        let purpose = jwk.optional_text("use").ok()?;
        let operations = match jwk.member("key_ops") {
            None => None,
            Some(operations) => Some(operations.as_texts()?),
        };
        let is_for_signatures = purpose.is_none_or(|purpose| purpose == "sig")
            && operations.is_none_or(|operations| operations.contains(&"verify"));
        let is_private = jwk.member("d").is_some() || jwk.member("k").is_some();
        if !is_for_signatures || is_private {
            return None;
        }
        let bytes = |name| URL_SAFE_NO_PAD.decode(jwk.text(name)?).ok();
        let key = match (jwk.text("kty")?, jwk.text("crv")) {
            ("RSA", _) => Self::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => Self::p256(&[&[4], &*bytes("x")?, &*bytes("y")?].concat())?,
            ("OKP", Some("Ed25519")) => Self::ed25519(&bytes("x")?)?,
            _ => return None,
        };
        let named = jwk.optional_text("alg").ok()?;
        let is_of_its_algorithm = named.is_none_or(|name| name == key.algorithm.name());
        let id = jwk.optional_text("kid").ok()?.map(str::to_owned);
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

#[cfg(test)]
mod tests {
    use ring::hmac;
    use serde_json::{Value, json};

    use super::super::testing::{TestIssuer, base64url, jwks};
    use super::{Algorithm, KeySet, KeySetError};

    /// The examples of RFC 7515 A.2 and A.3 and of RFC 8037 A.4: a key, what was signed, its signature.
    const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const P256_SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const ED25519_SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn rsa() -> Value {
        json!({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB"})
    }

    fn p256() -> Value {
        json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    fn examples() -> [(Algorithm, Value, String, &'static str); 3] {
        [
            (
                Algorithm::Rs256,
                rsa(),
                format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"),
                RSA_SIGNATURE,
            ),
            (
                Algorithm::Es256,
                p256(),
                format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"),
                P256_SIGNATURE,
            ),
            (
                Algorithm::EdDsa,
                ed25519(),
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
                ED25519_SIGNATURE,
            ),
        ]
    }

    /// How many keys of a set may be used for public-key algorithms.
    fn usable(jwk: Value) -> usize {
        match KeySet::of_jwks(&jwks(&[jwk]), &Algorithm::ALL) {
            Ok(keys) => keys.0.len(),
            Err(error) => {
                assert_eq!(error, KeySetError::None);
                0
            }
        }
    }

    #[test]
    fn the_examples_of_the_standards_hold() {
        for (algorithm, jwk, message, signature) in examples() {
            let keys = KeySet::of_jwks(&jwks(&[jwk]), &[algorithm]).ok().unwrap();
            let verify = |message: &str, signature: &str| {
                keys.verify(algorithm, Some("any"), message, signature)
                    .is_ok()
            };
            assert!(verify(&message, signature), "{algorithm:?}");
            assert!(
                !verify(&message.replacen('h', "i", 1), signature),
                "{algorithm:?}"
            );
            assert!(
                !verify(&message, &signature.replacen('-', "_", 1)),
                "{algorithm:?}"
            );
            assert!(!verify(&message, ""), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_is_for_its_own_algorithm_alone() {
        for (own, jwk, message, signature) in examples() {
            let keys = KeySet::of_jwks(&jwks(std::slice::from_ref(&jwk)), &Algorithm::ALL)
                .ok()
                .unwrap();
            for other in Algorithm::ALL {
                let outcome = keys.verify(other, None, &message, signature);
                assert_eq!(outcome.is_ok(), other == own, "{own:?} as {other:?}");
                if other != own {
                    assert!(KeySet::of_jwks(&jwks(std::slice::from_ref(&jwk)), &[other]).is_err());
                }
            }
        }
    }

    /// The classic confusion: a public key, which everybody has, used as the secret of an HMAC.
    #[test]
    fn a_public_key_is_no_secret() {
        let keys = KeySet::of_jwks(&jwks(&[rsa()]), &[Algorithm::Rs256])
            .ok()
            .unwrap();
        let message = format!("eyJhbGciOiJIUzI1NiJ9.{PAYLOAD}");
        let secret = hmac::Key::new(hmac::HMAC_SHA256, RSA_MODULUS.as_bytes());
        let signature = base64url(hmac::sign(&secret, message.as_bytes()).as_ref());
        for algorithm in Algorithm::ALL {
            assert!(keys.verify(algorithm, None, &message, &signature).is_err());
        }
    }

    #[test]
    fn an_hmac_is_compared_whole() {
        let secret = b"CANARY-secret-of-an-issuer-012345";
        let keys = KeySet::of_secret(secret).ok().unwrap();
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"a.b");
        let good = signature.as_ref().to_vec();
        let holds = |bytes: &[u8]| {
            let outcome = keys.verify(Algorithm::Hs256, None, "a.b", &base64url(bytes));
            outcome.is_ok()
        };
        assert!(holds(&good));
        for place in 0..good.len() {
            let mut changed = good.clone();
            changed[place] ^= 1;
            assert!(!holds(&changed), "byte {place}");
            assert!(!holds(&good[..place]), "cut at {place}");
        }
        assert!(!holds(&[&*good, &[0]].concat()));
        assert!(KeySet::of_secret(&secret[..31]).is_err());
        assert!(KeySet::of_secret(b"").is_err());
    }

    #[test]
    fn keys_of_other_purposes_and_kinds_are_left_out() {
        let with = |mut jwk: Value, name: &str, value: Value| {
            jwk[name] = value;
            jwk
        };
        for jwk in [
            rsa(),
            with(rsa(), "alg", json!("RS256")),
            with(rsa(), "use", json!("sig")),
            with(rsa(), "key_ops", json!(["verify"])),
            with(rsa(), "x5c", json!(["MIIB"])),
            with(p256(), "alg", json!("ES256")),
            with(ed25519(), "alg", json!("EdDSA")),
        ] {
            assert_eq!(usable(jwk.clone()), 1, "{jwk}");
        }
        for jwk in [
            with(rsa(), "use", json!("enc")),
            with(rsa(), "use", json!(["sig"])),
            with(rsa(), "key_ops", json!(["encrypt"])),
            with(rsa(), "alg", json!("RS512")),
            with(rsa(), "alg", json!("PS256")),
            with(rsa(), "alg", json!("HS256")),
            with(rsa(), "alg", json!("none")),
            with(rsa(), "kid", json!(7)),
            with(rsa(), "d", json!("AQAB")),
            with(rsa(), "k", json!("AQAB")),
            with(rsa(), "kty", json!("rsa")),
            with(rsa(), "e", json!(65537)),
            with(p256(), "crv", json!("P-384")),
            with(p256(), "crv", json!("secp256k1")),
            with(p256(), "alg", json!("RS256")),
            with(p256(), "x", json!("f83O")),
            with(ed25519(), "crv", json!("X25519")),
            with(ed25519(), "x", json!("")),
            json!({"kty": "oct", "k": base64url(&[7; 32]), "alg": "HS256"}),
            json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB"}),
            json!({}),
        ] {
            assert_eq!(usable(jwk.clone()), 0, "{jwk}");
        }
    }

    #[test]
    fn a_weak_or_oversized_rsa_key_is_left_out() {
        let of_bytes = |bytes: &[u8]| json!({"kty": "RSA", "n": base64url(bytes), "e": "AQAB"});
        for (length, count) in [(128, 0), (255, 0), (256, 1), (512, 1), (1024, 1), (1025, 0)] {
            assert_eq!(usable(of_bytes(&vec![0xc1; length])), count, "{length}");
        }
        // 2047 bits, and 1024 bits behind zeros.
        assert_eq!(usable(of_bytes(&[&[0x7f][..], &[0xff; 255]].concat())), 0);
        assert_eq!(usable(of_bytes(&[&[0; 128][..], &[0xff; 128]].concat())), 0);
        assert_eq!(usable(of_bytes(&[])), 0);
    }

    #[test]
    fn a_set_that_cannot_be_read_is_an_error() {
        let of = |json: &[u8]| KeySet::of_jwks(json, &Algorithm::ALL).err();
        for json in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":["a"]}"#,
            r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#,
            r#"{"keys":[],"keys":[]}"#,
        ] {
            assert_eq!(of(json.as_bytes()), Some(KeySetError::Jwks), "{json}");
        }
        assert_eq!(of(br#"{"keys":[]}"#), Some(KeySetError::None));
        assert_eq!(of(&jwks(&vec![rsa(); 65])), Some(KeySetError::Many));
        assert_eq!(of(&jwks(&vec![rsa(); 64])), None);
    }

    #[test]
    fn a_kid_chooses_where_there_is_one() {
        let (one, two) = (TestIssuer::new(), TestIssuer::new());
        let set = jwks(&[one.jwk("one"), two.jwk("two")]);
        let keys = KeySet::of_jwks(&set, &[Algorithm::Es256]).ok().unwrap();
        let verify = |issuer: &TestIssuer, id| {
            let token = issuer.sign(&json!({}), &json!({}));
            let (message, signature) = token.rsplit_once('.').unwrap();
            keys.verify(Algorithm::Es256, id, message, signature)
                .is_ok()
        };
        assert!(verify(&one, Some("one")) && verify(&two, Some("two")));
        assert!(verify(&one, None) && verify(&two, None));
        assert!(!verify(&one, Some("two")) && !verify(&two, Some("one")));
        for id in ["", "One", "one ", "three"] {
            assert!(!verify(&one, Some(id)), "{id}");
        }
        assert!(!verify(&TestIssuer::new(), None));
    }
}
