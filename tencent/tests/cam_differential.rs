//! The evaluator against a second, naive one, over random policies and requests; and the only
//! rendering of a policy.
//!
//! # Guarantees
//! A run that denies, or allows, nearly everything fails, because it would compare nothing.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

#[path = "cam/access_request.rs"]
mod access_request;

use std::cell::Cell;

use access_request::access_request;
use oracle::cam::generator::{accesses, policies};
use oracle::cam::{self as naive, Asked};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tencent::cam::{AccessRequest, Decision, Policy, PolicySet, Reason, decide};

/// Cases of each test; `DECISION_CASES` sets another number.
const CASES: u32 = 6000;

fn cases() -> u32 {
    option_env!("DECISION_CASES").and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

#[test]
fn one_policy_is_decided_alike() {
    let allowed = Cell::new(0);
    check(&(policies(), accesses()), |(policy, asked)| {
        let decision = parsed(&policy).decide(&access(&asked));
        let naive = naive::allows(&[vec![policy]], &asked);
        same(&decision, naive, &allowed)
    });
    assert_mixed(allowed.get());
}

#[test]
fn layers_are_decided_alike() {
    let allowed = Cell::new(0);
    let identity = prop::collection::vec(policies(), 1..3);
    check(&(identity, policies(), accesses()), |(identity, session, asked)| {
        let layers = [identity, vec![session]];
        let [identity, session] = layers.each_ref().map(|layer| {
            let policies: Vec<Policy> = layer.iter().map(parsed).collect();
            policies
        });
        let named = [
            PolicySet { name: "identity", policies: &identity },
            PolicySet { name: "session", policies: &session },
        ];
        let decision = decide(&named, &access(&asked));
        let naive = naive::allows(&layers, &asked);
        same(&decision, naive, &allowed)
    });
    assert_mixed(allowed.get());
}

#[test]
fn what_is_rendered_is_read_back_the_same() {
    check(&(policies(), accesses()), |(policy, asked)| {
        let first = parsed(&policy);
        let again = Policy::parse(first.as_json()).expect("a rendered policy");
        prop_assert_eq!(&first, &again);
        prop_assert_eq!(first.as_json(), again.as_json());
        let access = access(&asked);
        prop_assert_eq!(first.decide(&access), again.decide(&access));
        Ok(())
    });
}

#[test]
fn equal_policies_are_equal_texts() {
    check(&policies(), |policy| {
        let expected = parsed(&policy).into_json();
        for text in
            [spread(&policy), backwards(&policy), without_brackets(policy.clone()).to_string()]
        {
            let other = Policy::parse(&text).expect("the same policy");
            prop_assert_eq!(other.as_json(), expected.as_str(), "{}", text);
        }
        Ok(())
    });
}

fn check<S: Strategy>(strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(strategy, test) {
        panic!("{error}");
    }
}

#[track_caller]
fn assert_mixed(allowed: u32) {
    let cases = cases();
    let enough = cases / 20;
    assert!(
        (enough..cases.saturating_sub(enough)).contains(&allowed),
        "{allowed} of {cases} are allowed: too one-sided to compare anything"
    );
}

/// Both evaluators decide alike, and the decision explains itself; counts what is allowed.
fn same(decision: &Decision, naive: bool, allowed: &Cell<u32>) -> Result<(), TestCaseError> {
    prop_assert_eq!(decision.is_allowed(), naive, "{}", decision);
    explained(decision)?;
    allowed.set(allowed.get().saturating_add(u32::from(naive)));
    Ok(())
}

/// The reason names a statement that was looked at, and whose conditions say so.
fn explained(decision: &Decision) -> Result<(), TestCaseError> {
    let met = |position: &_| {
        let found = decision.matched().iter().find(|each| each.position == *position);
        found.map(|each| each.conditions.iter().all(|checked| checked.is_met))
    };
    match decision.reason() {
        Reason::Allowed(positions) => {
            prop_assert!(!positions.is_empty());
            prop_assert!(positions.iter().all(|position| met(position) == Some(true)));
        }
        Reason::Denied(position) => prop_assert_eq!(met(position), Some(true)),
        Reason::NotMet { position, condition } => {
            prop_assert_eq!(met(position), Some(false));
            prop_assert!(!condition.is_met);
        }
        Reason::NoResource { position, .. } => prop_assert_eq!(met(position), None),
        Reason::UnknownAction(_) => prop_assert!(decision.matched().is_empty()),
        Reason::NoAction { .. } => {}
        Reason::NoPolicy => prop_assert!(false, "there was a policy"),
    }
    Ok(())
}

fn parsed(policy: &Value) -> Policy {
    Policy::parse(&policy.to_string()).unwrap_or_else(|error| panic!("{error:?}: {policy}"))
}

fn access(asked: &Asked) -> AccessRequest {
    access_request(asked).expect("a bucket and a region")
}

/// With white space.
fn spread(policy: &Value) -> String {
    serde_json::to_string_pretty(policy).expect("JSON")
}

/// With the members of every object in the opposite order.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members =
                members.map(|(name, value)| format!("{}:{}", json!(name), backwards(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(backwards).collect();
            format!("[{}]", elements.join(","))
        }
        other => other.to_string(),
    }
}

/// With every list of one as its element.
fn without_brackets(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(name, value)| (name, without_brackets(value))).collect()
        }
        Value::Array(mut elements) if elements.len() == 1 => without_brackets(elements.remove(0)),
        Value::Array(elements) => elements.into_iter().map(without_brackets).collect(),
        other => other,
    }
}
