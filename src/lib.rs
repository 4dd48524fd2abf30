//! cos-issuer: short-lived, least-privilege credentials for Tencent Cloud Object Storage (COS).

pub mod secret;
pub mod sign;
pub mod time;
