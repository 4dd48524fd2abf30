//! What the benchmarks share: a stand-in for the STS, HTTP/1.1 with its moments visible, the
//! clocks.
//!
//! # Guarantees
//!
//! Everything listens on loopback, and nothing answers that a caller did not ask for.

pub mod clock;
pub mod fault;
pub mod http;
pub mod sts;
