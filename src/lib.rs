//! cos-issuer: short-lived, least-privilege credentials for Tencent Cloud Object Storage (COS).

pub mod caller;
pub mod cam;
pub mod config;
pub mod error;
pub mod grant;
pub mod http;
pub mod request;
pub mod secret;
pub mod sign;
pub mod sts;
pub mod time;
pub mod handler;
pub mod issuer;
pub mod response;
