//! Whatever is granted, claimed and asked: nothing outside the grants, and nothing that was not asked for, would reach STS.
//!
//! Promises: a run in which nearly everything is refused, or nothing is allowed, fails, since it would have judged nothing.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "the generator and the naive judge are helpers of tests"
)]

#[path = "containment/mod.rs"]
mod containment;

use std::cell::Cell;

use containment::{Outcome, judge};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const CASES: u32 = 2500;

#[test]
fn nothing_outside_the_grants_is_ever_issued() {
    let (issued, allowed) = (Cell::new(0_u32), Cell::new(0_usize));
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(CASES)
    });
    let bytes = prop::collection::vec(any::<u8>(), 160..320);
    let outcome = runner.run(&bytes, |bytes| {
        if let Outcome::Issued { allowed: count } = judge(&bytes) {
            issued.set(issued.get() + 1);
            allowed.set(allowed.get() + count);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(
        issued.get() > CASES / 20,
        "only {} of {CASES} worlds got a policy",
        issued.get()
    );
    assert!(issued.get() < CASES, "nothing was ever refused");
    assert!(
        allowed.get() > 20 * usize::try_from(issued.get()).unwrap_or(usize::MAX),
        "{} accesses allowed",
        allowed.get()
    );
}

/// Any bytes at all, however few.
#[test]
fn the_judge_takes_any_bytes() {
    for length in 0..64 {
        for byte in [0, 1, 7, 128, 255] {
            judge(&vec![byte; length]);
        }
    }
}
