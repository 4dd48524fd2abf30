//! Inclusion against the naive evaluator, over random pairs of policies: each witness is one, and
//! where nothing is new no random access is.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use oracle::cam::generator::{accesses, policies};
use oracle::cam::{self as naive, Asked};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tencent::cam::{AccessRequest, InclusionError, NewAccess, Policy, Target, new_access};

/// Pairs in each run; `INCLUSION_PAIRS` sets another number.
const PAIRS: u32 = 200;

/// Random accesses for each pair.
const ACCESSES: usize = 24;

#[test]
fn inclusion_agrees_with_the_naive_evaluator() {
    let pairs = option_env!("INCLUSION_PAIRS").and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let (same, more, refused) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let count = |cell: &Cell<u32>| cell.set(cell.get().saturating_add(1));
    let variants = (policies(), policies(), 0_u8..4);
    let asked = prop::collection::vec(accesses(), ACCESSES);
    let config = Config { cases: pairs, failure_persistence: None, ..Config::default() };
    let ended = TestRunner::new(config).run(&(variants, asked), |((one, other, kind), asked)| {
        let (old, new) = pair(&one, &other, kind);
        match new_access(&[parsed(&old)], &[parsed(&new)]) {
            Err(InclusionError::TooLarge | InclusionError::Inexact(..)) => count(&refused),
            Ok(Some(found)) => {
                count(&more);
                let asked = witness(&found);
                if is_known_to_naive(&found) {
                    prop_assert!(naive::allows(&[vec![new.clone()]], &asked), "{new}\n{asked:?}");
                    prop_assert!(!naive::allows(&[vec![old.clone()]], &asked), "{old}\n{asked:?}");
                }
            }
            Ok(None) => {
                count(&same);
                for asked in asked {
                    let is_new = naive::allows(&[vec![new.clone()]], &asked)
                        && !naive::allows(&[vec![old.clone()]], &asked);
                    prop_assert!(!is_new, "{old}\n{new}\n{asked:?}");
                }
            }
        }
        Ok(())
    });
    if let Err(error) = ended {
        panic!("{error}");
    }
    let (same, more, refused) = (same.get(), more.get(), refused.get());
    let enough = pairs / 12;
    assert!(same > enough && more > enough, "{same} included, {more} not: too one-sided");
    assert!(refused < pairs / 4, "{refused} of {pairs} are refused");
}

/// Two policies of which one is often included in the other.
fn pair(one: &Value, other: &Value, kind: u8) -> (Value, Value) {
    let both = || {
        let mut both = one.clone();
        let more = other["statement"].as_array().expect("statements").iter().cloned();
        let statements = both.get_mut("statement").and_then(Value::as_array_mut);
        statements.expect("statements").extend(more);
        both
    };
    match kind {
        0 => (one.clone(), other.clone()),
        1 => (one.clone(), both()),
        2 => (both(), one.clone()),
        _ => (both(), other.clone()),
    }
}

fn parsed(policy: &Value) -> Policy {
    Policy::parse(&policy.to_string()).unwrap_or_else(|error| panic!("{error:?}: {policy}"))
}

/// The naive evaluator knows the actions of COS, and policies of one account.
fn is_known_to_naive(found: &NewAccess) -> bool {
    let is_object = matches!(found.access.target, Target::Object { .. });
    let is_creators = !is_object || found.access.account.appid == naive::CREATOR.0;
    is_creators && found.access.action.starts_with("name/cos:")
}

fn witness(found: &NewAccess) -> Asked {
    let AccessRequest { action, target, .. } = &found.access;
    let context: BTreeMap<String, Vec<String>> = found.values.clone();
    let (region, bucket, key) = match target {
        Target::Object { region, bucket, owner_uin, key } => {
            let bucket = (bucket.as_str().to_owned(), owner_uin.clone());
            (region.as_str().to_owned(), Some(bucket), key.clone())
        }
        Target::Role { .. } | Target::Service => (String::new(), None, String::new()),
    };
    Asked { action: action.clone(), region, bucket, key, context }
}

/// `tests/interop/inclusion.py` has an SMT solver decide about the same pairs.
#[test]
fn pairs_are_written_for_another_solver() {
    let mut lines = String::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..PAIRS {
        let tree = (policies(), policies(), 0_u8..4).new_tree(&mut runner);
        let (one, other, kind) = tree.expect("a pair").current();
        let (old, new) = pair(&one, &other, kind);
        let found = match new_access(&[parsed(&old)], &[parsed(&new)]) {
            Err(InclusionError::TooLarge | InclusionError::Inexact(..)) => json!("refused"),
            Ok(None) => json!("nothing"),
            Ok(Some(found)) => {
                let creator = &found.access.account.appid;
                let Asked { action, region, bucket, key, context } = witness(&found);
                json!({
                    "action": action, "region": region, "bucket": bucket, "key": key,
                    "context": context, "creator": creator,
                })
            }
        };
        let line = json!({ "old": old, "new": new, "found": found });
        lines.push_str(&format!("{line}\n"));
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inclusion-pairs.jsonl");
    fs::write(path, lines).expect("a folder for tests");
}
