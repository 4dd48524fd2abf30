//! Tencent Cloud's protocols, as far as COS credentials need them: the CAM policy language, the request signatures, the names
//! of buckets and regions. Pure: no I/O, and time is an argument.
//!
//! The deployed function and the local cloud are both built on this crate, so that what one signs the other can check.

pub mod cam;
pub mod json_object;
pub mod names;
pub mod percent;
pub mod secret;
pub mod sign;
pub mod time;
