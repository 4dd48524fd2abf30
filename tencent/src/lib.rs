//! Tencent Cloud's protocols, as far as COS credentials need them: the CAM policy language, request
//! signatures, and the names of buckets and regions.
//!
//! The deployed function and the local cloud both use this crate: one signs, the other verifies.
//!
//! # Guarantees
//! No I/O. Time is an argument; [`time::SystemClock`] is the only reader of the machine's clock.

pub mod cam;
pub mod json_object;
pub mod names;
pub mod percent;
pub mod secret;
pub mod sign;
pub mod time;
