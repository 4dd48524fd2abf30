//! Request signatures of API 3.0 (`tc3`, `v1`) and COS (`q_sign`, `object_request`; `aws4` of S3
//! clients).
//!
//! # Guarantees
//! Pure functions: no clock, environment or socket. Each protocol step is its own function, so a
//! wrong signature can be traced to one step (`tests/vectors.rs` does that file by file).
//!
//! # Not covered
//! Which headers a request has. Verification: the local cloud calls the same functions and
//! compares.

pub mod aws4;
pub mod digest;
pub mod object_request;
pub mod q_sign;
pub mod tc3;
pub mod v1;
