//! The keys that verify tokens, from a JWKS, a PEM file or a secret.
//!
//! JWKS: <https://www.rfc-editor.org/rfc/rfc7517#section-5>, members:
//! <https://www.rfc-editor.org/rfc/rfc7518#section-6>.
//!
//! # Guarantees
//! - Each key has one accepted algorithm, given by its type.
//! - Of a JWKS, these keys are ignored: not for signatures, of other algorithms, symmetric,
//!   published with their private part, or RSA below 2048 bits.
//!
//! # Not covered
//! Certificates of a key (`x5c`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::{Algorithm, VerificationKey};
use super::json::{as_strs, optional_str, parse_object};
use super::pem;
use super::token_error::TokenError;

/// Keys of one issuer.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct KeySet(Vec<Jwk>);

struct Jwk {
    /// Without one, the key verifies tokens of any `kid`.
    id: Option<String>,
    key: VerificationKey,
}

impl KeySet {
    /// The usable keys of a JWKS from the settings; there must be one.
    ///
    /// # Errors
    /// [`KeySetError`], which does not repeat the text.
    pub fn of_jwks(json: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        match Self::of_published_jwks(json, algorithms)? {
            (_, 1..) => Err(KeySetError::Many),
            (keys, _) if keys.is_empty() => Err(KeySetError::None),
            (keys, _) => Ok(keys),
        }
    }

    /// The usable keys of a JWKS from its issuer, possibly none, and how many usable ones are
    /// beyond the limit and ignored.
    pub(super) fn of_published_jwks(
        json: &[u8],
        algorithms: &[Algorithm],
    ) -> Result<(Self, usize), KeySetError> {
        let set = parse_object(json).ok_or(KeySetError::Jwks)?;
        let members = set.get("keys").and_then(Value::as_array);
        let members = members.ok_or(KeySetError::Jwks)?;
        let mut keys: Vec<Jwk> = members.iter().filter_map(Jwk::parse).collect();
        keys.retain(|jwk| algorithms.contains(&jwk.key.algorithm()));
        let ignored = keys.len().saturating_sub(MAX_KEYS);
        keys.truncate(MAX_KEYS);
        Ok((Self(keys), ignored))
    }

    /// The public key of a PEM text.
    ///
    /// # Errors
    /// [`KeySetError`], which does not repeat the text.
    pub fn of_pem(text: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let key = pem::public_key(text).ok_or(KeySetError::Pem)?;
        let is_accepted = algorithms.contains(&key.algorithm());
        is_accepted.then(|| Self::of_key(key)).ok_or(KeySetError::None)
    }

    /// A secret shared with the issuer.
    ///
    /// # Errors
    /// [`KeySetError::Secret`] when it is too short.
    pub fn of_secret(secret: &[u8]) -> Result<Self, KeySetError> {
        let key = VerificationKey::hmac(secret).ok_or(KeySetError::Secret)?;
        Ok(Self::of_key(key))
    }

    fn of_key(key: VerificationKey) -> Self {
        Self(vec![Jwk { id: None, key }])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key may have signed a token with this `alg` and `kid`.
    pub(super) fn has(&self, algorithm: Algorithm, id: Option<&str>) -> bool {
        self.keys_for(algorithm, id).next().is_some()
    }

    /// Verifies `signature`, in base64url.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let mut keys = self.keys_for(algorithm, id).peekable();
        keys.peek().ok_or(TokenError::KeyUnknown)?;
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| TokenError::Signature)?;
        keys.any(|key| key.verifies(message.as_bytes(), &signature))
            .then_some(())
            .ok_or(TokenError::Signature)
    }

    fn keys_for(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> impl Iterator<Item = &VerificationKey> {
        let keys = self.0.iter().filter(move |jwk| {
            let is_named = match (jwk.id.as_deref(), id) {
                (Some(own), Some(named)) => own == named,
                (None, _) | (_, None) => true,
            };
            jwk.key.algorithm() == algorithm && is_named
        });
        keys.map(|jwk| &jwk.key)
    }
}

impl Jwk {
    /// A public key for signatures.
    fn parse(value: &Value) -> Option<Self> {
        let jwk = value.as_object()?;
        let purpose = optional_str(jwk, "use").ok()?;
        let operations = jwk.get("key_ops");
        let is_for_signatures = purpose.is_none_or(|purpose| purpose == "sig")
            && operations.is_none_or(|all| as_strs(all).is_some_and(|all| all.contains(&"verify")));
        let is_private = jwk.contains_key("d") || jwk.contains_key("k");
        if !is_for_signatures || is_private {
            return None;
        }
        let bytes = |name| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
        let key = match (jwk.get("kty")?.as_str()?, optional_str(jwk, "crv").ok()?) {
            ("RSA", _) => VerificationKey::rsa(&bytes("n")?, &bytes("e")?)?,
            ("EC", Some("P-256")) => {
                VerificationKey::p256(&[&[4], &*bytes("x")?, &*bytes("y")?].concat())?
            }
            ("OKP", Some("Ed25519")) => VerificationKey::ed25519(&bytes("x")?)?,
            _ => return None,
        };
        let algorithm = optional_str(jwk, "alg").ok()?;
        let is_consistent = algorithm.is_none_or(|name| name == key.algorithm().name());
        let id = optional_str(jwk, "kid").ok()?.map(str::to_owned);
        is_consistent.then_some(Self { id, key })
    }
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWKS.
    #[error("must be a JWKS: a JSON object with unique members, among them the array `keys`")]
    Jwks,
    /// More keys than can be tried.
    #[error("must have at most 64 usable keys")]
    Many,
    /// No usable key.
    #[error(
        "must contain a public key for signatures of an accepted algorithm (RSA of 2048 to 8192 bits, P-256, Ed25519)"
    )]
    None,
    /// Not a public key in PEM.
    #[error(
        "must be one public key in PEM, which begins with `-----BEGIN PUBLIC KEY-----`, of RSA (2048 to 8192 bits), P-256 or Ed25519"
    )]
    Pem,
    /// A secret that could be guessed.
    #[error("must be at least 32 random bytes, for example from `openssl rand -hex 32`")]
    Secret,
}

/// Issuers have two to five; a token without a `kid` is tried with each.
const MAX_KEYS: usize = 64;

#[cfg(test)]
mod tests {
    use ring::hmac;
    use serde_json::{Value, json};

    use super::super::testing::{TestIssuer, base64url, jwks};
    use super::{Algorithm, KeySet, KeySetError};

    /// The examples of RFC 7515 A.2 and A.3 and of RFC 8037 A.4: a key, what was signed, its
    /// signature.
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
            (Algorithm::Rs256, rsa(), format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}"), RSA_SIGNATURE),
            (Algorithm::Es256, p256(), format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}"), P256_SIGNATURE),
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
        let (keys, _) = KeySet::of_published_jwks(&jwks(&[jwk]), &Algorithm::ALL).unwrap();
        keys.0.len()
    }

    #[test]
    fn the_examples_of_the_standards_are_verified() {
        for (algorithm, jwk, message, signature) in examples() {
            let keys = KeySet::of_jwks(&jwks(&[jwk]), &[algorithm]).ok().unwrap();
            let verify = |message: &str, signature: &str| {
                keys.verify(algorithm, Some("any"), message, signature).is_ok()
            };
            assert!(verify(&message, signature), "{algorithm:?}");
            assert!(!verify(&message.replacen('h', "i", 1), signature), "{algorithm:?}");
            assert!(!verify(&message, &signature.replacen('-', "_", 1)), "{algorithm:?}");
            assert!(!verify(&message, ""), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_is_only_for_its_own_algorithm() {
        for (own, jwk, message, signature) in examples() {
            let keys =
                KeySet::of_jwks(&jwks(std::slice::from_ref(&jwk)), &Algorithm::ALL).ok().unwrap();
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
    fn a_public_key_is_not_a_secret() {
        let keys = KeySet::of_jwks(&jwks(&[rsa()]), &[Algorithm::Rs256]).ok().unwrap();
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
    fn keys_of_other_purposes_and_types_are_ignored() {
        let usable_with = |jwk: &Value, changes: &Value| {
            let mut jwk = jwk.clone();
            let members = jwk.as_object_mut().unwrap();
            members.extend(changes.as_object().unwrap().clone());
            usable(jwk)
        };
        let each = |jwk: Value, count: usize, changes: Value| {
            for changes in changes.as_array().unwrap() {
                assert_eq!(usable_with(&jwk, changes), count, "{changes}");
            }
        };
        let good = json!([{}, {"alg": "RS256"}, {"use": "sig"}, {"key_ops": ["verify"]}, {"x5c": ["MIIB"]}]);
        each(rsa(), 1, good);
        each(p256(), 1, json!([{"alg": "ES256"}]));
        each(ed25519(), 1, json!([{"alg": "EdDSA"}]));
        let bad = json!([{"use": "enc"}, {"use": ["sig"]}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "RS512"},
            {"alg": "PS256"}, {"alg": "HS256"}, {"alg": "none"}, {"kid": 7}, {"d": "AQAB"}, {"k": "AQAB"}, {"kty": "rsa"}, {"e": 65537}]);
        each(rsa(), 0, bad);
        let bad = json!([{"crv": "P-384"}, {"crv": "secp256k1"}, {"alg": "RS256"}, {"x": "f83O"}]);
        each(p256(), 0, bad);
        each(ed25519(), 0, json!([{"crv": "X25519"}, {"x": ""}]));
        let secret = base64url(&[7; 32]);
        let other = json!([{"kty": "oct", "k": secret, "alg": "HS256"}, {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB"}, {}]);
        each(json!({}), 0, other);
    }

    #[test]
    fn a_weak_or_oversized_rsa_key_is_ignored() {
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
            r#"{"keys":[{"kty":"RSA","kty":"EC"}]}"#,
            r#"{"keys":[],"keys":[]}"#,
        ] {
            assert_eq!(of(json.as_bytes()), Some(KeySetError::Jwks), "{json}");
        }
        assert_eq!(of(br#"{"keys":[]}"#), Some(KeySetError::None));
        assert_eq!(of(br#"{"keys":["a", {}]}"#), Some(KeySetError::None));
        assert_eq!(of(&jwks(&vec![rsa(); 65])), Some(KeySetError::Many));
        assert_eq!(of(&jwks(&vec![rsa(); 64])), None);
        let unusable = [vec![json!({}); 65], vec![rsa()]].concat();
        assert_eq!(of(&jwks(&unusable)), None);
    }

    #[test]
    fn a_kid_chooses_where_there_is_one() {
        let (one, two) = (TestIssuer::new(), TestIssuer::new());
        let set = jwks(&[one.jwk("one"), two.jwk("two")]);
        let keys = KeySet::of_jwks(&set, &[Algorithm::Es256]).ok().unwrap();
        let verify = |issuer: &TestIssuer, id| {
            let token = issuer.sign(&json!({}), &json!({}));
            let (message, signature) = token.rsplit_once('.').unwrap();
            keys.verify(Algorithm::Es256, id, message, signature).is_ok()
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
