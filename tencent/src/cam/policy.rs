//! Policies: parsing and rendering. Grammar:
//! <https://www.tencentcloud.com/document/product/598/10603>
//!
//! # Guarantees
//! Unknown and repeated members and `principal` are rejected.
//!
//! # Not covered
//! Other spellings of the member names (`Statement`, `Effect`), which the documents of bucket
//! policies show.

use serde::{Deserialize, Serialize};

use super::one_or_many::one_or_many;
use super::{Action, Effect, Resource, Statement};
use crate::json_object::JsonObject;

/// A policy of version 2.0 that allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
    json: String,
}

impl Policy {
    /// A policy of these statements.
    ///
    /// # Errors
    /// [`PolicyError::Empty`] when nothing is allowed, [`PolicyError::Long`] beyond CAM's limit.
    pub fn new(statements: Vec<Statement>) -> Result<Self, PolicyError> {
        if !statements.iter().any(Statement::allows_something) {
            return Err(PolicyError::Empty);
        }
        let json = render(&statements);
        if json.chars().count() > MAX_POLICY_CHARACTERS {
            return Err(PolicyError::Long);
        }
        Ok(Self { statements, json })
    }

    /// Parses policy JSON.
    ///
    /// # Errors
    /// As [`Policy::new`], and [`PolicyError::Syntax`] with the fault and its place.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let JsonObject(document) = serde_json::from_str(text).map_err(PolicyError::Syntax)?;
        let Document { statement, .. } = document;
        Self::new(statement.into_iter().map(|JsonObject(each)| each).collect())
    }

    /// The policy as JSON: one order of members, no white space.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The policy as JSON, as [`Policy::as_json`].
    pub fn into_json(self) -> String {
        self.json
    }

    /// The statements, in their order.
    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether some statement allows every action of a service without naming a bucket.
    pub fn is_full_access(&self) -> bool {
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.actions.iter().any(Action::is_every_action)
                && statement.resources.iter().any(Resource::is_everything)
        })
    }

    /// Whether some statement allows actions by a wildcard in buckets by a wildcard. That is nearly
    /// full access, in a spelling that [`Policy::is_full_access`] does not see.
    pub fn is_nearly_full_access(&self) -> bool {
        let is_open = |resource: &Resource| resource.bucket_and_key().0.contains('*');
        self.statements.iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.actions.iter().any(|action| action.as_str().contains('*'))
                && statement.resources.iter().any(is_open)
        })
    }

    /// The place of the first statement that allows actions outside COS and CI, its image service.
    /// A service pattern with `*` covers other services, so `*` and `*:*` are among them: full
    /// access is `cos:*`.
    pub fn foreign_statement(&self) -> Option<usize> {
        let is_foreign = |action: &Action| !matches!(action.service(), "cos" | "ci");
        let allows_foreign = |statement: &Statement| {
            statement.effect == Effect::Allow && statement.actions.iter().any(is_foreign)
        };
        self.statements.iter().position(allows_foreign)
    }
}

fn render(statement: &[Statement]) -> String {
    let written = serde_json::to_string(&Rendered { version: Version::V2, statement });
    #[expect(clippy::expect_used, reason = "strings and maps with string keys always serialize")]
    written.expect("a policy serializes")
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Nothing is allowed. CAM reads an empty session policy as all rights, so it is never sent.
    #[error("the policy allows nothing")]
    Empty,
    /// More characters than CAM takes.
    #[error("the policy has more than {MAX_POLICY_CHARACTERS} characters")]
    Long,
    /// Not a policy of version 2.0.
    #[error("not a CAM policy of version 2.0")]
    Syntax(#[source] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: Version,
    #[serde(deserialize_with = "one_or_many")]
    statement: Vec<JsonObject<Statement>>,
}

#[derive(Serialize)]
struct Rendered<'a> {
    version: Version,
    statement: &'a [Statement],
}

#[derive(Serialize, Deserialize)]
#[serde(try_from = "String")]
enum Version {
    #[serde(rename = "2.0")]
    V2,
}

/// Only a string: a derived reader would also accept `{"2.0":null}`.
impl TryFrom<String> for Version {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "2.0" { Ok(Self::V2) } else { Err("expected `2.0`") }
    }
}

/// The longest policy that CAM accepts, in characters without white space.
/// <https://www.tencentcloud.com/document/product/598/10665>
pub const MAX_POLICY_CHARACTERS: usize = 6144;

#[cfg(test)]
mod tests {
    use super::{Policy, PolicyError};

    const SEED: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}"#;

    #[test]
    fn a_policy_is_written_in_one_way() {
        let text = r#" { "statement" : { "resource": "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/a/*", "action": ["name/cos:GetObject"],
            "condition": {"string_equal": {"cos:prefix": "a"}, "ip_equal": {"qcs:ip": ["10.0.0.0/8"]}}, "effect": "allow" }, "version": "2.0" } "#;
        let written = Policy::parse(text).unwrap().into_json();
        assert_eq!(
            written,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/a/*"],"condition":{"ip_equal":{"qcs:ip":"10.0.0.0/8"},"string_equal":{"cos:prefix":"a"}}}]}"#
        );
        assert_eq!(Policy::parse(&written).unwrap().as_json(), written);
    }

    #[test]
    fn full_access_is_recognised() {
        assert!(Policy::parse(SEED).unwrap().is_full_access());
        let narrow =
            SEED.replace("\"*\"", "\"qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/*\"");
        assert!(!Policy::parse(&narrow).unwrap().is_full_access());
        assert!(!Policy::parse(&SEED.replace("cos:*", "cos:GetObject")).unwrap().is_full_access());
    }

    #[test]
    fn services_that_are_not_cos_are_named() {
        for action in
            ["sts:AssumeRole", "*:AssumeRole", "*", "*:*", "name/*", "c*:*", "**:PutObject"]
        {
            let policy = Policy::parse(&SEED.replace("name/cos:*", action));
            let policy = policy.unwrap_or_else(|error| panic!("{action}: {error:?}"));
            assert_eq!(policy.foreign_statement(), Some(0), "{action}");
        }
        for action in ["name/cos:*", "ci:*"] {
            let policy = Policy::parse(&SEED.replace("name/cos:*", action)).unwrap();
            assert!(policy.foreign_statement().is_none() && policy.is_full_access(), "{action}");
        }
    }

    #[test]
    fn an_empty_policy_cannot_be_built() {
        for text in [
            r#"{"version":"2.0","statement":[]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":[],"resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":"cos:*","resource":[]}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"deny","action":"cos:*","resource":"*"}]}"#,
        ] {
            assert!(matches!(Policy::parse(text), Err(PolicyError::Empty)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_policy_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            "*",
            r#"["2.0",[{"effect":"allow","action":"cos:*","resource":"*"}]]"#,
            r#"{"version":"2.0","statement":[["allow","cos:*","*",{}]]}"#,
            r#"{"version":"2.0","statement":["allow","cos:*","*",{}]}"#,
            r#"{"version":{"2.0":null},"statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":{"allow":null},"action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"1.0","statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"Allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":"cos:*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":"cos:*","resource":"*","principal":{"qcs":"*"}}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"deny","effect":"allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":{"effect":"allow","action":"cos:*","action":"cos:*","resource":"*"}}"#,
            r#"{"version":"2.0","statement":[],"statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}"#,
            r#"{"version":"2.0","statement":[{"effect":"allow","action":"cos:*","resource":"*","condition":{"string_equals":{"a":"b"}}}]}"#,
            r#"{"version":"2.0","principal":"*","statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}"#,
        ] {
            assert!(matches!(Policy::parse(text), Err(PolicyError::Syntax(_))), "{text}");
        }
    }

    #[test]
    fn a_policy_past_the_limit_of_cam_is_refused() {
        let long = SEED.replace("\"*\"", &format!("\"qcs::cos:::{}\"", "a".repeat(6144)));
        assert!(matches!(Policy::parse(&long), Err(PolicyError::Long)));
    }
}
