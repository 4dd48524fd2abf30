//! Validation of a token's registered claims. <https://www.rfc-editor.org/rfc/rfc7519#section-4.1>
//!
//! # Guarantees
//! - `iss`, the audience, `exp`, `iat` and `sub` are required.
//! - A claim of the wrong type (`iss` a list, `aud` an object, `exp` a string) is rejected, not
//!   ignored.
//!
//! # Not covered
//! The signature, which is verified later.

use super::algorithm::Algorithm;
use super::json::{JsonObject, as_strs};
use super::token_error::TokenError;
use crate::auth::claims::{Claims, MAX_SUBJECT_BYTES};
use serde_json::Value;
use tencent::time::Timestamp;

/// The claim that names whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceClaim {
    /// `aud`. <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3>
    Aud,
    /// `azp`, the authorized party of OpenID Connect.
    Azp,
    /// `client_id`, which access tokens of Amazon Cognito have instead of `aud`.
    ClientId,
}

impl AudienceClaim {
    /// All claims, by name.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("aud", Self::Aud), ("azp", Self::Azp), ("client_id", Self::ClientId)];

    /// The name of the claim.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aud => "aud",
            Self::Azp => "azp",
            Self::ClientId => "client_id",
        }
    }
}

/// The required values of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validation {
    /// The exact `iss`.
    pub issuer: String,
    /// The claim with the audience.
    pub audience_claim: AudienceClaim,
    /// The audience must contain one of these.
    pub audiences: Vec<String>,
    /// The accepted values of `alg`.
    pub algorithms: Vec<Algorithm>,
    /// Tolerated difference between the issuer's clock and this one.
    pub leeway_seconds: u32,
    /// A token is accepted for this long after `iat`; its `exp` may not be later than that.
    pub max_age_seconds: u32,
}

impl Validation {
    pub(super) fn algorithm(&self, name: &str) -> Result<Algorithm, TokenError> {
        let mut accepted = self.algorithms.iter().copied();
        accepted.find(|algorithm| algorithm.name() == name).ok_or(TokenError::Algorithm)
    }

    /// Checks all claims, and returns those that have to be checked again later.
    pub(super) fn check(&self, claims: &JsonObject, now: Timestamp) -> Result<Dates, TokenError> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(TokenError::Issuer);
        }
        self.check_audience(claims)?;
        let dates = Dates::of(claims)?;
        self.check_dates(&dates, now)?;
        claims
            .get(Claims::SUBJECT)
            .and_then(Value::as_str)
            .filter(|subject| (1..=MAX_SUBJECT_BYTES).contains(&subject.len()))
            .map(|_| dates)
            .ok_or(TokenError::Subject)
    }

    pub(super) fn check_audience(&self, claims: &JsonObject) -> Result<(), TokenError> {
        let name = self.audience_claim.name();
        let audience = claims.get(name).filter(|audience| !audience.is_null());
        let audience = audience.ok_or(TokenError::AudienceMissing(name))?;
        let named = match audience.as_str() {
            Some(named) => Some(vec![named]),
            None => as_strs(audience),
        };
        let is_ours = |named: &str| self.audiences.iter().any(|own| own == named);
        let is_for_us = named.is_some_and(|named| named.into_iter().any(is_ours));
        is_for_us.then_some(()).ok_or(TokenError::Audience(name))
    }

    /// Checks the dates of a token.
    pub(super) fn check_dates(&self, dates: &Dates, now: Timestamp) -> Result<(), TokenError> {
        let [leeway, max_age] = [self.leeway_seconds, self.max_age_seconds].map(i64::from);
        let Dates { expiry, issued, valid_from } = *dates;
        let now = now.unix_seconds();
        if now >= expiry.saturating_add(leeway) {
            return Err(TokenError::Expired);
        }
        if valid_from.max(issued) > now.saturating_add(leeway) {
            return Err(TokenError::NotYetValid);
        }
        let age = now.saturating_sub(issued);
        let life = expiry.saturating_sub(issued);
        if age > max_age.saturating_add(leeway) || life > max_age {
            return Err(TokenError::Old);
        }
        Ok(())
    }
}

/// `exp`, `iat` and `nbf` of a token, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    expiry: i64,
    issued: i64,
    valid_from: i64,
}

impl Dates {
    pub(super) fn of(claims: &JsonObject) -> Result<Self, TokenError> {
        let expiry = numeric_date(claims.get("exp")).ok_or(TokenError::ExpiryMissing)?;
        let issued = numeric_date(claims.get("iat")).ok_or(TokenError::IssuedMissing)?;
        let valid_from = match claims.get("nbf") {
            None => issued,
            member => numeric_date(member).ok_or(TokenError::NotYetValid)?,
        };
        Ok(Self { expiry, issued, valid_from })
    }
}

/// A NumericDate, which may have a fraction. <https://www.rfc-editor.org/rfc/rfc7519#section-2>
fn numeric_date(value: Option<&Value>) -> Option<i64> {
    let number = value?.as_number()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is within bounds, and the fraction is to be cut off"
    )]
    let cut_off = |seconds: f64| seconds as i64;
    let fraction = number.as_f64().filter(|seconds| seconds.abs() <= MAX_FRACTIONAL_DATE);
    number.as_i64().or_else(|| fraction.map(cut_off))
}

/// Far beyond any date, and exact in both types.
const MAX_FRACTIONAL_DATE: f64 = 1e15;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::json::parse_object;
    use super::{Algorithm, AudienceClaim, TokenError, Validation};
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn validation() -> Validation {
        Validation {
            issuer: "https://issuer.example.com".to_owned(),
            audience_claim: AudienceClaim::Aud,
            audiences: vec!["uploads".to_owned(), "media".to_owned()],
            algorithms: vec![Algorithm::Rs256],
            leeway_seconds: 30,
            max_age_seconds: 3600,
        }
    }

    fn check(name: &str, value: Value) -> Result<(), TokenError> {
        let mut claims = json!({"iss": "https://issuer.example.com", "aud": "uploads", "sub": "u-1", "iat": NOW - 60, "exp": NOW + 600});
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        let claims = parse_object(claims.to_string().as_bytes()).unwrap();
        validation().check(&claims, Timestamp::from_unix_seconds(NOW).unwrap()).map(drop)
    }

    /// `values` is a JSON array.
    #[track_caller]
    fn each(name: &str, values: &Value, outcome: Result<(), TokenError>) {
        for value in values.as_array().unwrap() {
            assert_eq!(check(name, value.clone()), outcome, "{name}: {value}");
        }
    }

    /// An absent claim is `null` in these tables.
    #[test]
    fn an_issuer_is_the_configured_one_to_the_letter() {
        let good = "https://issuer.example.com";
        each("iss", &json!([good]), Ok(()));
        let bad = json!([null, "", [good], 7, {"a": good}, "https://issuer.example.com/",
            "HTTPS://issuer.example.com", "https://issuer.example.com.evil.example"]);
        each("iss", &bad, Err(TokenError::Issuer));
    }

    #[test]
    fn an_audience_names_this_service() {
        each("aud", &json!(["uploads", "media", ["other", "media"], ["uploads"]]), Ok(()));
        let bad = json!(["", "upload", "Uploads", "uploads ", "uploads,media", "uploads media", [], ["other"], [["uploads"]],
            ["uploads", 7], {"uploads": true}, {"aud": "uploads"}, true, 7]);
        each("aud", &bad, Err(TokenError::Audience("aud")));
        each("aud", &json!([null]), Err(TokenError::AudienceMissing("aud")));
        let claims = parse_object(br#"{"iss":"https://issuer.example.com","aud":null}"#).unwrap();
        let outcome = validation().check(&claims, Timestamp::from_unix_seconds(NOW).unwrap());
        assert_eq!(outcome.err(), Some(TokenError::AudienceMissing("aud")));
    }

    #[test]
    fn an_expiry_is_there_and_to_come() {
        each("exp", &json!([NOW + 1, NOW - 29, NOW as f64 + 0.5]), Ok(()));
        each("exp", &json!([NOW - 30, NOW - 86_400, 0, -1, i64::MIN]), Err(TokenError::Expired));
        let missing = json!([null, "1700000600", [NOW], true, 1e300, u64::MAX]);
        each("exp", &missing, Err(TokenError::ExpiryMissing));
    }

    #[test]
    fn a_token_lives_no_longer_than_the_age_that_is_allowed() {
        let old = Err(TokenError::Old);
        each("exp", &json!([NOW - 60 + 3600]), Ok(()));
        each("exp", &json!([NOW - 60 + 3601, NOW + 10 * 365 * 86_400, i64::MAX]), old);
        each("iat", &json!([NOW - 3000, NOW]), Ok(()));
        each("iat", &json!([NOW - 3631, 0, -1, i64::MIN]), old);
        each("iat", &json!([null, "1700000000", {}]), Err(TokenError::IssuedMissing));
    }

    #[test]
    fn a_token_of_the_future_is_refused() {
        let error = Err(TokenError::NotYetValid);
        each("nbf", &json!([null, NOW, NOW + 30, 0, -5]), Ok(()));
        each("nbf", &json!([NOW + 31, i64::MAX, "0", []]), error);
        each("iat", &json!([NOW + 30]), Ok(()));
        each("iat", &json!([NOW + 31]), error);
    }

    #[test]
    fn a_token_that_was_issued_in_the_future_is_refused_whatever_its_nbf_is() {
        let mut claims = json!({"iss": "https://issuer.example.com", "aud": "uploads", "sub": "u-1", "exp": NOW + 600});
        for (nbf, iat, outcome) in [
            (NOW - 60, NOW - 60, Ok(())),
            (NOW - 60, NOW + 31, Err(TokenError::NotYetValid)),
            (NOW + 31, NOW - 60, Err(TokenError::NotYetValid)),
        ] {
            claims["nbf"] = json!(nbf);
            claims["iat"] = json!(iat);
            let claims = parse_object(claims.to_string().as_bytes()).unwrap();
            let now = Timestamp::from_unix_seconds(NOW).unwrap();
            assert_eq!(validation().check(&claims, now).map(drop), outcome, "{nbf} {iat}");
        }
    }

    #[test]
    fn a_subject_is_a_string_of_1_to_512_bytes() {
        each("sub", &json!(["u", "x".repeat(512)]), Ok(()));
        let bad = json!([null, "", 7, ["u"], {}, "x".repeat(513)]);
        each("sub", &bad, Err(TokenError::Subject));
    }
}
