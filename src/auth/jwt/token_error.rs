//! Why a token is rejected. No message repeats the token or the settings.

use crate::error::{Error, ErrorCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    #[error("`alg` is not one that this function accepts from the issuer")]
    Algorithm,
    #[error("its audience is that of two issuers of this function: request a token for one")]
    Ambiguous,
    #[error(
        "`{0}` does not contain an audience of this function: a string or a list of strings is \
         expected"
    )]
    Audience(&'static str),
    #[error(
        "`{0}` is missing: request a token for an audience of this function, or send the ID token"
    )]
    AudienceMissing(&'static str),
    #[error("the payload must be a JSON object with unique members")]
    Claims,
    #[error(
        "the header contains or names a key, or requires an extension (`jwk`, `jku`, `x5u`, `x5c`, `crit`)"
    )]
    Embedded,
    #[error("`exp` must be a number")]
    ExpiryMissing,
    #[error("it has expired: request a new one from the issuer")]
    Expired,
    #[error("it must be three base64url parts separated by dots, at most 8192 characters")]
    Form,
    #[error("the header must be a JSON object with unique members, `alg` and `kid` being strings")]
    Header,
    #[error("`iat` must be a number")]
    IssuedMissing,
    #[error("`iss` is not an issuer that this function accepts")]
    Issuer,
    #[error(
        "no key of the issuer has its `kid` and `alg`: a new key is picked up within 30 seconds"
    )]
    KeyUnknown,
    #[error("`nbf` or `iat` is in the future or not a number: compare the clocks")]
    NotYetValid,
    #[error("it was issued too long ago, or is valid for too long: compare `iat` and `exp`")]
    Old,
    #[error("the signature does not match the issuer's key")]
    Signature,
    #[error("`sub` must be a string of 1 to 512 bytes")]
    Subject,
    #[error("`typ` must be `JWT` or `at+jwt`")]
    Type,
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        Self::new(ErrorCode::Token, format!("the token is rejected: {error}"))
    }
}
