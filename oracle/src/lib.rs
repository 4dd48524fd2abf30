//! Oracles for tests: naive implementations that decide again what the project decides, and
//! generators of their input.
//!
//! # Guarantees
//!
//! They share no code with the project: they take plain JSON and text.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "an oracle that cannot read its input must fail its test"
)]

pub mod cam;
pub mod grants;
pub mod q_sign;
pub mod wire;
