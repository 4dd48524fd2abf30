//! cos-issuer: short-lived, least-privilege credentials for Tencent Cloud Object Storage (COS).
//!
//! One request, as types. Each arrow is one function in one file, and only that arrow can build the
//! type behind it:
//!
//! ```text
//! bytes from a platform
//!   -> Request             runtime      one HTTP request, whatever the event looked like
//!   -> CredentialRequest   request      what is requested: parsed, not trusted
//!   -> Principal           auth         who is asking: authenticated
//!   -> Authorized          grant        the proof: session policy, duration, session name
//!   -> Credentials         issuer, sts  the cache, or one signed STS call
//!   -> Response            response     the only place where a credential becomes text
//! ```
//!
//! # Guarantees
//! A request is refused before STS is called, never after. Nothing here knows the local cloud in
//! `emulator/`.
//!
//! # Not covered
//! Reading the environment and files, which `main` does.

pub mod access;
pub mod app;
pub mod audit;
pub mod auth;
pub mod command_line;
pub mod config;
pub mod deadline;
pub mod deny_list;
pub mod entropy;
pub mod error;
pub mod grant;
pub mod handler;
pub mod health_check;
pub mod http_client;
pub mod issuer;
pub mod log;
pub mod metrics;
pub mod rate_limit;
pub mod request;
pub mod response;
pub mod runtime;
pub mod shared_store;
pub mod sts;
pub mod summary;
pub mod version;
