//! `jwt`: a bearer token that a configured issuer signed.
//!
//! JWT: <https://www.rfc-editor.org/rfc/rfc7519>, JWS: <https://www.rfc-editor.org/rfc/rfc7515>,
//! best practices: <https://www.rfc-editor.org/rfc/rfc8725>, in requests:
//! <https://www.rfc-editor.org/rfc/rfc6750>.
//!
//! # Guarantees
//! - Issuers, audiences, algorithms and the source of keys are settings; a token cannot change
//!   them.
//! - Claims are validated before a key is looked up, so a token that would be rejected anyway
//!   causes no fetch.
//! - Only a token with a verified signature becomes a principal. One that comes again is known
//!   while the same keys count; its dates are checked each time.
//!
//! # Not covered
//! Revocation (a token is valid until it expires), encrypted tokens and discovery.

mod algorithm;
mod json;
mod jwk;
mod jwks_cache;
mod pem;
#[cfg(test)]
mod testing;
mod token_error;
mod token_verifier;
mod token_verifiers;
mod unverified;
mod validation;
mod verified_tokens;

pub use algorithm::Algorithm;
pub use jwk::{KeySet, KeySetError};
pub use jwks_cache::{Fetch, FetchError, JwksCache, JwksCounts};
pub use token_verifier::{KeySource, TokenVerifier};
pub use token_verifiers::TokenVerifiers;
pub(super) use unverified::has_form_of_token;
pub use validation::{AudienceClaim, Validation};
