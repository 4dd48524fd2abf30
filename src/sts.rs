//! Tencent Cloud STS (API 3.0, version 2018-08-13): the call as data, and the client that sends it.
//!
//! Actions: <https://www.tencentcloud.com/document/product/1150/49452> (GetFederationToken) and
//! <https://www.tencentcloud.com/document/product/1150/49456> (AssumeRole).
//!
//! # Guarantees
//! Only an [`Authorized`](crate::grant::Authorized) becomes a call for [`Credentials`]. A missing
//! or empty member of an answer is an error.
//!
//! # Not covered
//! Which endpoint to try next (`issuer`).

mod call;
mod client;
mod endpoint;
mod exchange;
mod hint;
mod identity;
mod request;
mod response;
mod web_identity;

pub use call::{Call, Message};
pub use client::{Called, Client, StsError};
pub use endpoint::{Endpoint, EndpointError};
pub use exchange::{Exchange, WorkloadKey};
pub use identity::{CallingKey, CallingKeys, Identity, IdentityError, StsCaller};
pub use request::Issue;
pub use response::{AnswerError, Credentials};
pub use web_identity::{TokenFileError, WebIdentity};
