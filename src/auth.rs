//! Authentication: who sent a request.
//!
//! # Guarantees
//! - Only [`Authenticator::authenticate`] makes a [`Principal`].
//! - `AUTH` has no default: `none` must be written out.
//! - A request carries exactly one credential. With two, which one counts would be a guess.
//! - Methods not listed in `AUTH` are ignored. Cookies are never read.
//!
//! # Not covered
//! What a principal may get (`grant`).

mod api_key;
mod authenticator;
mod authorization_header;
mod claims;
mod gateway;
pub mod hmac;
mod jwt;
mod principal;
mod wechat;

pub use api_key::{ApiKey, ApiKeys};
pub use authenticator::{Authenticator, Verifier};
pub use claims::{Claim, Claims};
pub use hmac::{HmacKey, HmacKeys};
pub use jwt::{
    Algorithm, AudienceClaim, Fetch, FetchError, JwksCache, JwksCounts, KeySet, KeySetError,
    KeySource, TokenVerifier, TokenVerifiers, Validation,
};
pub use principal::{AuthMethod, Principal};
pub use wechat::{WechatApp, WechatLogin, WechatSubject};
