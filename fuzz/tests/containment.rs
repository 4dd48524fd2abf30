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
    let all = Cell::new(Outcome::default());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(CASES) });
    let bytes = prop::collection::vec(any::<u8>(), 200..360);
    let outcome = runner.run(&bytes, |bytes| {
        let (before, more) = (all.get(), check_grants(&bytes));
        all.set(Outcome {
            refused: before.refused + more.refused,
            issued: before.issued + more.issued,
            issued_by_token: before.issued_by_token + more.issued_by_token,
            issued_by_role: before.issued_by_role + more.issued_by_role,
            allowed: before.allowed + more.allowed,
        });
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let all = all.get();
    assert!(all.issued > CASES / 20 && all.refused > all.issued, "too one-sided: {all:?}");
    let rare = all.issued_by_token.min(all.issued_by_role);
    assert!(rare > CASES / 100, "too little by token or by role: {all:?}");
    let allowed = u32::try_from(all.allowed).unwrap_or(u32::MAX);
    assert!(allowed > 20 * all.issued, "nearly nothing is allowed: {all:?}");
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
