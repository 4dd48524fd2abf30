//! What the claims of a token must say. <https://www.rfc-editor.org/rfc/rfc7519#section-4.1>
//!
//! Promises: total, and strict about types: an `iss` that is a list, an `aud` that is an object or an empty list, or a moment that is a
//! text, is refused and not passed over. A token without `exp`, `iat` or `sub` is refused.
//! Leaves out: the signature, which is checked after this; what is refused here would be refused whoever signed it.

use super::TokenFault;
use super::algorithm::Algorithm;
use super::json::{JsonObject, JsonValue};
use crate::auth::Claims;
use crate::auth::claims::SUBJECT_BYTES_MAX;
use tencent::time::Timestamp;

/// What the claims must say.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The `iss`, exactly.
    pub issuer: String,
    /// The `aud` must name one of these.
    pub audiences: Vec<String>,
    /// The only values of `alg`.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be from this one.
    pub leeway_seconds: u32,
    /// How long after `iat` a token counts, and how far from `iat` its `exp` may be.
    pub age_seconds_max: u32,
}

impl Validation {
    pub(super) fn algorithm(&self, name: &str) -> Result<Algorithm, TokenFault> {
        let mut accepted = self.algorithms.iter().copied();
        accepted
            .find(|algorithm| algorithm.name() == name)
            .ok_or(TokenFault::Algorithm)
    }

    pub(super) fn check(&self, claims: &JsonObject, now: Timestamp) -> Result<(), TokenFault> {
        if claims.text("iss") != Some(&self.issuer) {
            return Err(TokenFault::Issuer);
        }
        if !self.is_for_us(claims.member("aud")) {
            return Err(TokenFault::Audience);
        }
        self.check_moments(claims, now.unix_seconds())?;
        claims
            .text(Claims::SUBJECT)
            .filter(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len()))
            .map(drop)
            .ok_or(TokenFault::Subject)
    }

    fn is_for_us(&self, audience: Option<&JsonValue>) -> bool {
        let Some(audience) = audience else {
            return false;
        };
        let named = match audience.as_text() {
            Some(named) => Some(vec![named]),
            None => audience.as_texts(),
        };
        let is_ours = |named: &str| self.audiences.iter().any(|own| own == named);
        named.is_some_and(|named| named.into_iter().any(is_ours))
    }

    fn check_moments(&self, claims: &JsonObject, now: i64) -> Result<(), TokenFault> {
        let (leeway, age_max) = (
            i64::from(self.leeway_seconds),
            i64::from(self.age_seconds_max),
        );
        let expiry = numeric_date(claims.member("exp")).ok_or(TokenFault::ExpiryMissing)?;
        let issued = numeric_date(claims.member("iat")).ok_or(TokenFault::IssuedMissing)?;
        let valid_from = match claims.member("nbf") {
            None => issued,
            member => numeric_date(member).ok_or(TokenFault::NotYetValid)?,
        };
        if now >= expiry.saturating_add(leeway) {
            return Err(TokenFault::Expired);
        }
        if valid_from.max(issued) > now.saturating_add(leeway) {
            return Err(TokenFault::NotYetValid);
        }
        let age = now.saturating_sub(issued);
        let life = expiry.saturating_sub(issued);
        if age > age_max.saturating_add(leeway) || life > age_max {
            return Err(TokenFault::Old);
        }
        Ok(())
    }
}

/// A NumericDate, which may have a fraction. <https://www.rfc-editor.org/rfc/rfc7519#section-2>
fn numeric_date(member: Option<&JsonValue>) -> Option<i64> {
    match member? {
        JsonValue::Fraction(seconds) | JsonValue::Number(seconds) => Some(*seconds),
        JsonValue::Flag(_)
        | JsonValue::List(_)
        | JsonValue::Nothing
        | JsonValue::Object(_)
        | JsonValue::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Algorithm, JsonObject, TokenFault, Validation};
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn rules() -> Validation {
        Validation {
            issuer: "https://issuer.example.com".to_owned(),
            audiences: vec!["uploads".to_owned(), "media".to_owned()],
            algorithms: vec![Algorithm::Rs256],
            leeway_seconds: 30,
            age_seconds_max: 3600,
        }
    }

    fn check(name: &str, value: Value) -> Result<(), TokenFault> {
        let mut claims = json!({"iss": "https://issuer.example.com", "aud": "uploads", "sub": "u-1", "iat": NOW - 60, "exp": NOW + 600});
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        let claims = JsonObject::parse(claims.to_string().as_bytes()).unwrap();
        rules().check(&claims, Timestamp::from_unix_seconds(NOW).unwrap())
    }

    #[track_caller]
    fn each(name: &str, values: impl IntoIterator<Item = Value>, outcome: Result<(), TokenFault>) {
        for value in values {
            assert_eq!(check(name, value.clone()), outcome, "{name}: {value}");
        }
    }

    /// An absent claim is `null` in these tables.
    #[test]
    fn an_issuer_is_the_configured_one_to_the_letter() {
        let fault = Err(TokenFault::Issuer);
        let good = "https://issuer.example.com";
        each("iss", [json!(good)], Ok(()));
        each(
            "iss",
            [json!(null), json!(""), json!([good]), json!(7)],
            fault,
        );
        each(
            "iss",
            [json!({"a": good}), json!("https://issuer.example.com/")],
            fault,
        );
        each(
            "iss",
            [
                json!("HTTPS://issuer.example.com"),
                json!("https://issuer.example.com.evil.example"),
            ],
            fault,
        );
    }

    #[test]
    fn an_audience_names_this_service() {
        let fault = Err(TokenFault::Audience);
        each("aud", [json!("uploads"), json!("media")], Ok(()));
        each(
            "aud",
            [json!(["other", "media"]), json!(["uploads"])],
            Ok(()),
        );
        each(
            "aud",
            [
                json!(null),
                json!(""),
                json!("upload"),
                json!("Uploads"),
                json!("uploads "),
            ],
            fault,
        );
        each(
            "aud",
            [
                json!([]),
                json!(["other"]),
                json!([["uploads"]]),
                json!(["uploads", 7]),
            ],
            fault,
        );
        each(
            "aud",
            [
                json!({"uploads": true}),
                json!({"aud": "uploads"}),
                json!(true),
                json!(7),
            ],
            fault,
        );
        each(
            "aud",
            [json!("uploads,media"), json!("uploads media")],
            fault,
        );
    }

    #[test]
    fn an_expiry_is_there_and_to_come() {
        each(
            "exp",
            [json!(NOW + 1), json!(NOW - 29), json!(NOW as f64 + 0.5)],
            Ok(()),
        );
        each(
            "exp",
            [
                json!(NOW - 30),
                json!(NOW - 86_400),
                json!(0),
                json!(-1),
                json!(i64::MIN),
            ],
            Err(TokenFault::Expired),
        );
        let missing = [
            json!(null),
            json!("1700000600"),
            json!([NOW]),
            json!(true),
            json!(1e300),
            json!(u64::MAX),
        ];
        each("exp", missing, Err(TokenFault::ExpiryMissing));
    }

    #[test]
    fn a_token_lives_no_longer_than_the_age_that_is_allowed() {
        each("exp", [json!(NOW - 60 + 3600)], Ok(()));
        let ten_years = NOW + 10 * 365 * 86_400;
        let long = [json!(NOW - 60 + 3601), json!(ten_years), json!(i64::MAX)];
        each("exp", long, Err(TokenFault::Old));
        each("iat", [json!(NOW - 3000), json!(NOW)], Ok(()));
        each(
            "iat",
            [json!(NOW - 3631), json!(0), json!(-1), json!(i64::MIN)],
            Err(TokenFault::Old),
        );
        each(
            "iat",
            [json!(null), json!("1700000000"), json!({})],
            Err(TokenFault::IssuedMissing),
        );
    }

    #[test]
    fn a_token_of_the_future_is_refused() {
        let fault = Err(TokenFault::NotYetValid);
        each(
            "nbf",
            [
                json!(null),
                json!(NOW),
                json!(NOW + 30),
                json!(0),
                json!(-5),
            ],
            Ok(()),
        );
        each(
            "nbf",
            [json!(NOW + 31), json!(i64::MAX), json!("0"), json!([])],
            fault,
        );
        each("iat", [json!(NOW + 30)], Ok(()));
        each("iat", [json!(NOW + 31)], fault);
    }

    #[test]
    fn a_token_that_was_issued_in_the_future_is_refused_whatever_its_nbf_says() {
        let mut claims = json!({"iss": "https://issuer.example.com", "aud": "uploads", "sub": "u-1", "exp": NOW + 600});
        for (nbf, iat, outcome) in [
            (NOW - 60, NOW - 60, Ok(())),
            (NOW - 60, NOW + 31, Err(TokenFault::NotYetValid)),
            (NOW + 31, NOW - 60, Err(TokenFault::NotYetValid)),
        ] {
            claims["nbf"] = json!(nbf);
            claims["iat"] = json!(iat);
            let claims = JsonObject::parse(claims.to_string().as_bytes()).unwrap();
            let now = Timestamp::from_unix_seconds(NOW).unwrap();
            assert_eq!(rules().check(&claims, now), outcome, "{nbf} {iat}");
        }
    }

    #[test]
    fn a_subject_is_a_text_that_is_there() {
        each("sub", [json!("u"), json!("x".repeat(512))], Ok(()));
        let bad = [
            json!(null),
            json!(""),
            json!(7),
            json!(["u"]),
            json!({}),
            json!("x".repeat(513)),
        ];
        each("sub", bad, Err(TokenFault::Subject));
    }
}
