//! The tests of the local cloud: one binary, one file for each subject.
//!
//! Each test starts a cloud of its own on free ports. A test that needs something (Python for the
//! misbehaving function) fails without it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests, which the clippy switches for tests do not cover"
)]

mod account;
mod admin;
mod clock;
mod cloud;
mod cos_auth;
mod cos_caller;
mod cos_faults;
mod cos_s3;
mod cos_signed_faults;
mod cos_start;
mod cos_website;
mod faults;
mod gateways;
mod lifecycle;
mod parity;
mod runtime_freeze;
mod runtime_limits;
mod runtime_log;
mod runtime_starts;
mod runtime_watch;
mod state;
mod sts_refusals;
mod sts_signatures;
mod sts_web_identity;
mod support;
mod trace;
mod web_functions;
