//! cos-issuer: short-lived, least-privilege credentials for Tencent Cloud Object Storage (COS).
//!
//! One request, as types; each arrow is one function in one file, and each type can be built by its arrow alone:
//!
//! ```text
//! bytes from a platform
//!   -> Request             runtime     one HTTP request, whatever the event was
//!   -> CredentialRequest   request     what is asked, parsed, nothing trusted
//!   -> Principal              caller      who is asking, proven
//!   -> Authorized          grant       the proof: session policy, duration, session name
//!   -> Credentials         issuer, sts one signed STS call
//!   -> Response            response    the only place where a credential becomes text
//! ```
//!
//! Promises: any refusal happens before the call to STS. Nothing here knows the local cloud in `emulator/`.
//! Leaves out: printing and reading the environment, which `main` does.

pub mod auth;
pub mod config;
pub mod entropy;
pub mod error;
pub mod grant;
pub mod handler;
pub mod http_client;
pub mod issuer;
pub mod log;
pub mod request;
pub mod response;
pub mod runtime;
pub mod sts;
