//! Naive judges and generators for tests.
//!
//! Each decides again, by other code, what the project has decided. None depends on the project: they take plain JSON and text.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a judge that meets what it cannot read must fail its test"
)]

pub mod cam;
