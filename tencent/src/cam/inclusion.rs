//! Inclusion: whether some policies allow an access that others do not, with a witness.
//!
//! Accesses are infinitely many, but policies distinguish finitely many classes of them. One access
//! of each class is built: actions are listed; regions, paths and texts are words of finite
//! automata; numbers, dates and addresses lie at or between the values that the policies name; a
//! key can be absent or have several values. The evaluator then decides about them.
//!
//! # Guarantees
//! A witness is an access that the evaluator allows by the new policies and denies by the old
//! ones. Without one, the new policies allow nothing more. A pair that would need too many steps,
//! or a comparison that is not exact here, is an error and never a guess.
//!
//! The account that the policies belong to is free: an empty account in a resource is the bucket's
//! own or another one. So are the owners of buckets.
//!
//! # Not covered
//! Lengths of keys and values. A content length that is not a whole number counts as a value, as
//! for the evaluator.

mod automaton;
mod error;
mod side;
mod targets;
mod values;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use self::automaton::Budget;
pub use self::error::InclusionError;
use self::side::{Comparison, Side};
use self::targets::{Place, TargetClass};
use super::access_request::{AccessRequest, Context};
use super::authorizer::{PolicySet, check, decide};
use super::decision::Decision;
use super::operation::operations;
use super::policy::Policy;
use super::statement::Effect;

/// An access that is newly allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccess {
    /// The access.
    pub access: AccessRequest,
    /// The values of its context, as a request has them: not encoded.
    pub values: BTreeMap<String, Vec<String>>,
    /// Why it was denied.
    pub old: Decision,
    /// Why it is allowed.
    pub new: Decision,
}

/// Finds an access that `new` allows and `old` does not. The policies of each set count together.
///
/// # Errors
/// [`InclusionError`] for policies that are too large, or not comparable exactly.
pub fn new_access(old: &[Policy], new: &[Policy]) -> Result<Option<NewAccess>, InclusionError> {
    let sets = [PolicySet { name: "old", policies: old }, PolicySet { name: "new", policies: new }];
    let statements = [(old, false), (new, true)].into_iter().flat_map(|(policies, is_new)| {
        let statements = policies.iter().flat_map(Policy::statements);
        statements.map(move |statement| (statement, is_new))
    });
    let side = |(number, (statement, is_new))| Side { number, statement, is_new };
    let statements: Vec<Side<'_>> = statements.enumerate().map(side).collect();
    let mut budget = Budget::new();
    let mut seen = BTreeSet::new();
    for (action, with_action) in action_classes(&statements) {
        let place = Place::of(&action);
        for class in targets::classes(place, &with_action, &mut budget)? {
            let covering = with_action.iter().zip(&class.covers).filter(|(_, covers)| **covers);
            let matched: Vec<Side<'_>> = covering.map(|(side, _)| *side).collect();
            // What was found for the same statements is found again.
            let numbers: Vec<usize> = matched.iter().map(|side| side.number).collect();
            if !seen.insert(numbers) {
                continue;
            }
            let Some(values) = context(&matched, &mut budget)? else {
                continue;
            };
            let access = access(action, class, &values);
            let [old, new] = sets.map(|set| decide(&[set], &access));
            // The evaluator has the last word.
            if new.is_allowed() && !old.is_allowed() {
                return Ok(Some(NewAccess { access, values, old, new }));
            }
            return Err(InclusionError::TooLarge);
        }
    }
    Ok(None)
}

/// One action for each set of statements with it, and those statements; only where a new statement
/// allows it.
fn action_classes<'p>(statements: &[Side<'p>]) -> Vec<(String, Vec<Side<'p>>)> {
    let cos = operations().map(|operation| format!("cos:{operation}"));
    let sts = ["sts:AssumeRole", "sts:GetFederationToken"].map(str::to_owned);
    let mut known = BTreeSet::new();
    let mut classes = Vec::new();
    for action in cos.chain(sts) {
        let has_action =
            |side: &Side<'_>| side.statement.actions.iter().any(|pattern| pattern.covers(&action));
        let is_known = !known
            .insert((Place::of(&action), statements.iter().map(has_action).collect::<Vec<_>>()));
        let with_action: Vec<Side<'p>> =
            statements.iter().filter(|side| has_action(side)).copied().collect();
        if !is_known && with_action.iter().any(|side| side.has(true, Effect::Allow)) {
            classes.push((format!("name/{action}"), with_action));
        }
    }
    classes
}

/// Values of a request by which a new statement allows it, and no old one does.
fn context(
    matched: &[Side<'_>],
    budget: &mut Budget,
) -> Result<Option<BTreeMap<String, Vec<String>>>, InclusionError> {
    if !matched.iter().any(|side| side.has(true, Effect::Allow)) {
        return Ok(None);
    }
    let keys: BTreeSet<&str> = matched
        .iter()
        .flat_map(|side| side.statement.conditions.iter().map(|(_, key, _)| key))
        .collect();
    let mut choices = Vec::new();
    for key in keys {
        let by_statement: Vec<Vec<Comparison<'_>>> =
            matched.iter().map(|side| side.comparisons(key)).collect();
        choices.push(Choices::new(key, &by_statement, budget)?);
    }
    let (chosen, tried) = (Vec::new(), HashSet::new());
    let mut search = Search { matched, choices: &choices, chosen, tried };
    search.values(&vec![true; matched.len()], budget)
}

/// What a request may have for one key, with which statements' conditions on it are then met.
struct Choices {
    key: String,
    each: Vec<(Vec<String>, Vec<bool>)>,
}

impl Choices {
    fn new(
        key: &str,
        by_statement: &[Vec<Comparison<'_>>],
        budget: &mut Budget,
    ) -> Result<Self, InclusionError> {
        let comparisons: Vec<Comparison<'_>> = by_statement.concat();
        let literals = comparisons.iter().map(|(_, values)| values.literals().count());
        let cost = literals.sum::<usize>().saturating_add(1);
        let truths = |values: &[String]| -> Vec<bool> {
            let start = Context::new();
            let context = values.iter().fold(start, |context, value| context.with(key, value));
            let met = |(operator, literals): &Comparison<'_>| {
                check(operator, key, literals, &context).is_met
            };
            comparisons.iter().map(met).collect()
        };
        // By the truth of each comparison: what is added later has the same effect on equal truths.
        let mut found: BTreeMap<Vec<bool>, Vec<String>> = BTreeMap::new();
        let mut waiting = Vec::new();
        let mut singles: BTreeMap<Vec<bool>, String> = BTreeMap::new();
        for value in values::candidates(key, &comparisons, budget)?.into_iter().rev() {
            budget.spend(cost)?;
            singles.insert(truths(std::slice::from_ref(&value)), value);
        }
        for (truths, value) in &singles {
            found.insert(truths.clone(), vec![value.clone()]);
            waiting.push(vec![value.clone()]);
        }
        while let Some(values) = waiting.pop() {
            for value in singles.values() {
                budget.spend(cost)?;
                let mut more = values.clone();
                more.push(value.clone());
                let truths = truths(&more);
                if let Entry::Vacant(free) = found.entry(truths) {
                    free.insert(more.clone());
                    waiting.push(more);
                }
            }
        }
        let absent = (truths(&[]), Vec::new());
        let mut each: Vec<(Vec<bool>, Vec<String>)> = vec![absent];
        each.extend(found);
        each.sort_by_key(|(_, values)| values.len());
        let met_by_statement = |truths: &[bool]| {
            let mut rest = truths.iter();
            let met = by_statement.iter().map(|own| {
                // `all` would stop early, and leave truths of this statement for the next one.
                own.iter().filter(|_| rest.next() != Some(&true)).count() == 0
            });
            met.collect::<Vec<bool>>()
        };
        let mut known = BTreeSet::new();
        let each = each
            .into_iter()
            .map(|(truths, values)| (values, met_by_statement(&truths)))
            .filter(|(_, met)| known.insert(met.clone()))
            .collect();
        Ok(Self { key: key.to_owned(), each })
    }
}

/// Chooses for one key after the other.
struct Search<'s, 'p> {
    matched: &'s [Side<'p>],
    choices: &'s [Choices],
    chosen: Vec<(String, Vec<String>)>,
    /// What was tried: for how many keys, and which statements' conditions were met. All that can
    /// follow depends on these only.
    tried: HashSet<(usize, Vec<bool>)>,
}

impl Search<'_, '_> {
    /// The values of all keys; `open` are the statements whose conditions are met so far.
    fn values(
        &mut self,
        open: &[bool],
        budget: &mut Budget,
    ) -> Result<Option<BTreeMap<String, Vec<String>>>, InclusionError> {
        budget.spend(open.len())?;
        let has = |is_new: bool, effect: Effect| {
            let mut each = self.matched.iter().zip(open);
            each.any(|(side, is_open)| *is_open && side.has(is_new, effect))
        };
        if !has(true, Effect::Allow) {
            return Ok(None);
        }
        let Some(next) = self.choices.get(self.chosen.len()) else {
            let is_allowed = !has(true, Effect::Deny);
            let was_allowed = has(false, Effect::Allow) && !has(false, Effect::Deny);
            let values = self.chosen.iter().filter(|(_, values)| !values.is_empty()).cloned();
            return Ok((is_allowed && !was_allowed).then(|| values.collect()));
        };
        if !self.tried.insert((self.chosen.len(), open.to_vec())) {
            return Ok(None);
        }
        for (values, met) in &next.each {
            let open: Vec<bool> = open.iter().zip(met).map(|(open, met)| *open && *met).collect();
            self.chosen.push((next.key.clone(), values.clone()));
            let found = self.values(&open, budget)?;
            self.chosen.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

fn access(
    action: String,
    class: TargetClass,
    values: &BTreeMap<String, Vec<String>>,
) -> AccessRequest {
    let pairs = values
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |value| (key.as_str(), value.as_str())));
    let context = pairs.fold(Context::new(), |context, (key, value)| context.with(key, value));
    AccessRequest { account: class.account, action, target: class.target, context }
}

#[cfg(test)]
mod tests {
    use super::{InclusionError, new_access};
    use crate::cam::{Policy, Target};

    const PLACE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000";

    fn statement(effect: &str, action: &str, path: &str, condition: &str) -> String {
        format!(
            r#"{{"effect":"{effect}","action":"{action}","resource":"{PLACE}/{path}","condition":{{{condition}}}}}"#
        )
        .replace(r#","condition":{}"#, "")
    }

    fn policy(statements: &[String]) -> Policy {
        let text = format!(r#"{{"version":"2.0","statement":[{}]}}"#, statements.join(","));
        Policy::parse(&text).unwrap()
    }

    /// The witness in a few words.
    fn compare(old: &Policy, new: &Policy) -> Option<String> {
        let found = new_access(std::slice::from_ref(old), std::slice::from_ref(new)).unwrap()?;
        let target = match &found.access.target {
            Target::Object { bucket, key, .. } => format!("{bucket}/{key}"),
            other => format!("{other:?}"),
        };
        let mut values: Vec<String> = found
            .values
            .iter()
            .map(|(key, values)| format!(" {key}={}", values.join("|")))
            .collect();
        values.insert(0, format!("{} {target}", found.access.action.replace("name/cos:", "")));
        Some(values.concat())
    }

    #[test]
    fn the_witness_is_what_is_new() {
        let allow = |action: &str, path: &str, condition: &str| {
            policy(&[statement("allow", action, path, condition)])
        };
        let narrow = allow("cos:GetObject", "users/1/*", "");
        for (old, new, expected) in [
            (&narrow, narrow.clone(), None),
            (&narrow, allow("cos:GetObject", "users/1/a/*", ""), None),
            (&narrow, allow("cos:GetObject", "users/1/*x*y", ""), None),
            (
                &narrow,
                allow("cos:GetObject", "users/1*", ""),
                Some("GetObject examplebucket-1250000000/users/1"),
            ),
            (
                &narrow,
                allow("cos:Get*", "users/1/*", ""),
                Some("GetBucket examplebucket-1250000000/users/1/"),
            ),
            (
                &allow("cos:PutObject", "*", r#""numeric_less_than":{"cos:content-length":10}"#),
                allow(
                    "cos:PutObject",
                    "*",
                    r#""numeric_less_than_equal":{"cos:content-length":10}"#,
                ),
                Some("PutObject examplebucket-1250000000/ cos:content-length=10"),
            ),
            (
                &allow(
                    "cos:PutObject",
                    "*",
                    r#""numeric_less_than_equal":{"cos:content-length":10}"#,
                ),
                allow("cos:PutObject", "*", r#""numeric_less_than":{"cos:content-length":"10.0"}"#),
                None,
            ),
            (
                &allow(
                    "cos:GetObject",
                    "*",
                    r#""ip_equal":{"qcs:ip":["10.0.0.0/9","10.128.0.0/9"]}"#,
                ),
                allow("cos:GetObject", "*", r#""ip_equal":{"qcs:ip":"10.0.0.0/8"}"#),
                None,
            ),
            (
                &allow("cos:GetObject", "*", r#""ip_equal":{"qcs:ip":"10.0.0.0/9"}"#),
                allow("cos:GetObject", "*", r#""ip_equal":{"qcs:ip":"10.0.0.0/8"}"#),
                Some("GetObject examplebucket-1250000000/ qcs:ip=10.128.0.0"),
            ),
            (
                &allow("cos:GetObject", "*", r#""string_equal":{"cos:versionid":"a"}"#),
                allow("cos:GetObject", "*", r#""string_equal_if_exist":{"cos:versionid":"a"}"#),
                Some("GetObject examplebucket-1250000000/"),
            ),
            (
                &allow("cos:PutObject", "*", r#""string_like":{"cos:content-type":"image/*"}"#),
                allow(
                    "cos:PutObject",
                    "*",
                    r#""string_equal_ignore_case":{"cos:content-type":"image/png"}"#,
                ),
                Some("PutObject examplebucket-1250000000/ cos:content-type=IMAGE/PNG"),
            ),
            (
                &allow("cos:GetBucket", "*", r#""string_like":{"cos:prefix":"a%2F*"}"#),
                allow("cos:GetBucket", "*", r#""string_like":{"cos:prefix":"a%2Fb*"}"#),
                None,
            ),
        ] {
            let found = compare(old, &new);
            assert_eq!(found.as_deref(), expected, "{} {}", old.as_json(), new.as_json());
        }
    }

    #[test]
    fn a_deny_counts_on_both_sides() {
        let all = statement("allow", "cos:GetObject", "*", "");
        let but = statement("deny", "cos:*", "secret/*", "");
        let (open, closed) = (policy(std::slice::from_ref(&all)), policy(&[all.clone(), but]));
        assert_eq!(compare(&open, &closed), None);
        let expected = "GetObject examplebucket-1250000000/secret/";
        assert_eq!(compare(&closed, &open).as_deref(), Some(expected));
        let beyond = statement(
            "deny",
            "cos:*",
            "secret/*",
            r#""bool_equal":{"cos:secure-transport":"false"}"#,
        );
        assert_eq!(compare(&closed, &policy(&[all, beyond])).as_deref(), Some(expected));
    }

    #[test]
    fn what_cannot_be_compared_exactly_is_refused() {
        let mixed = |pattern: &str| {
            let condition = format!(
                r#""string_like":{{"cos:content-length":"{pattern}"}},"numeric_less_than":{{"cos:content-length":5}}"#
            );
            policy(&[statement("allow", "cos:PutObject", "*", &condition)])
        };
        let (old, new) = ([mixed("1*")], [mixed("2*")]);
        assert!(
            matches!(new_access(&old, &new), Err(InclusionError::Inexact(key, _)) if key == "cos:content-length")
        );
        let tail = |pattern: &str| {
            let condition = format!(r#""string_like":{{"cos:prefix":"{pattern}"}}"#);
            [policy(&[statement("allow", "cos:GetBucket", "*", &condition)])]
        };
        assert!(matches!(new_access(&tail("*F"), &tail("*2F")), Err(InclusionError::Inexact(..))));
        assert!(new_access(&tail("*%2F"), &tail("*b%2F")).unwrap().is_none());
    }

    /// Each `*` that was passed is forgotten, or the cost would grow with the square of them.
    #[test]
    fn a_pattern_of_a_thousand_wildcards_is_compared() {
        let path = |count: usize| "*a".repeat(count);
        let of = |path: &str| policy(&[statement("allow", "cos:GetObject", path, "")]);
        let (many, more) = (of(&path(1000)), of(&path(1001)));
        assert_eq!(compare(&many, &more), None);
        let expected = format!("GetObject examplebucket-1250000000/{}", "a".repeat(1000));
        assert_eq!(compare(&more, &many), Some(expected));
    }

    /// Ten keys, each with sixteen ways to turn out: what was met so far counts, and not how.
    #[test]
    fn statements_with_many_keys_are_compared() {
        let all = |count: usize| {
            let condition = |number: usize| {
                let equal = |key: usize| format!(r#""cos:k{key}":"v{number}""#);
                let keys: Vec<String> = (0..10).map(equal).collect();
                format!(r#""string_equal":{{{}}}"#, keys.join(","))
            };
            let one = |number| statement("allow", "cos:GetObject", "a/*", &condition(number));
            policy(&(0..count).map(one).collect::<Vec<_>>())
        };
        assert_eq!(compare(&all(4), &all(4)), None);
        assert!(compare(&all(3), &all(4)).unwrap().ends_with(" cos:k9=v3"));
    }

    #[test]
    fn too_many_wildcards_are_refused_and_not_guessed() {
        let many = |letter: char| {
            let path = |at: usize| format!("*{letter}{at}*{letter}{at}{at}*z{at}*{letter}");
            let statements: Vec<String> =
                (0..12).map(|at| statement("allow", "cos:GetObject", &path(at), "")).collect();
            [policy(&statements)]
        };
        assert_eq!(
            new_access(&many('a'), &many('b')).map(|_| ()),
            Ok(()).and(Err(InclusionError::TooLarge))
        );
    }
}
