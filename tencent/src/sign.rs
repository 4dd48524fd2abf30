//! Request signatures: bytes in, bytes out.
//!
//! Promises: pure functions. Nothing here reads a clock, an environment or a socket; each protocol step is a function of its
//! own, so that a wrong signature can be traced to the step that went wrong (`tests/vectors.rs` does so, file by file).
//! Leaves out: which headers a request carries (`sts::request`, `caller::hmac`) and the verification on the other side (the local cloud calls
//! these same functions and compares).

pub mod digest;
pub mod q_sign;
pub mod tc3;
pub mod v1;
