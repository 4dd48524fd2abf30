//! Tencent Cloud STS (API 3.0, version 2018-08-13): the call as data, and the client that sends it.
//!
//! Actions: <https://www.tencentcloud.com/document/product/1150/49452> (GetFederationToken) and
//! <https://www.tencentcloud.com/document/product/1150/49456> (AssumeRole).
//!
//! # Guarantees
//! Only an [`Authorized`](crate::grant::Authorized) becomes a call. A missing or empty member of an
//! answer is an error.
//!
//! # Not covered
//! Which endpoint to try next (`issuer`).

mod client;
mod endpoint;
mod hint;
mod identity;
mod request;
mod response;

pub use client::{Called, Client, StsError};
pub use endpoint::{Endpoint, EndpointError};
pub use identity::{CallingKey, CallingKeys, Identity, IdentityError};
pub use request::SignedCall;
pub use response::{AnswerError, Credentials};
