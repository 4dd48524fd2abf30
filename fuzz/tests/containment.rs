//! Random grants, callers and requests: no policy allows anything outside the grants or the
//! request. Accesses near the policy are tried one by one, and the policy is compared with the
//! grants for all accesses there are.
//!
//! # Guarantees
//!
//! A run fails when it rejects nearly everything or allows nothing, because it would have compared
//! nothing.

use std::cell::Cell;

use cos_issuer_fuzz::{Outcome, check_grants};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const CASES: u32 = 2500;

#[test]
fn nothing_outside_the_grants_is_ever_issued() {
    let (issued, allowed) = (Cell::new(0_u32), Cell::new(0_usize));
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(CASES) });
    let bytes = prop::collection::vec(any::<u8>(), 160..320);
    let outcome = runner.run(&bytes, |bytes| {
        if let Outcome::Issued { allowed: count } = check_grants(&bytes) {
            issued.set(issued.get() + 1);
            allowed.set(allowed.get() + count);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(issued.get() > CASES / 20, "only {} of {CASES} worlds got a policy", issued.get());
    assert!(issued.get() < CASES, "nothing was ever refused");
    assert!(
        allowed.get() > 20 * usize::try_from(issued.get()).unwrap_or(usize::MAX),
        "{} accesses allowed",
        allowed.get()
    );
}

/// Any bytes at all, however few.
#[test]
fn any_bytes_are_taken() {
    for length in 0..64 {
        for byte in [0, 1, 7, 128, 255] {
            check_grants(&vec![byte; length]);
        }
    }
}
