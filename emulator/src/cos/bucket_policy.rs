//! Bucket policies: CAM statements with a principal.
//! <https://www.tencentcloud.com/document/product/436/18023>,
//! <https://www.tencentcloud.com/document/product/436/45235>
//!
//! Inferred, failing closed: a deny for everyone is for signed requests too (two pages disagree); a
//! principal that is not understood makes the policy invalid.
//!
//! # Guarantees
//!
//! Statements are read by the parser of session policies, and decided by the same evaluator.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tencent::cam::{AccessRequest, Action, Conditions, Effect, Policy, Resource, Statement};

use super::error::{self, CosError};

/// A policy, and its text as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct BucketPolicy {
    text: String,
    statements: Vec<PolicyStatement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PolicyStatement {
    is_allow: bool,
    principals: Vec<Principal>,
    /// Allows where the statement applies, whatever its effect is.
    matching: Policy,
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Principal {
    /// Everyone, signed or not.
    Anyone,
    /// An account, or a user of it.
    User { owner_uin: String, uin: String },
    /// The sessions of a role.
    Role { owner_uin: String, name: String },
}

/// A caller as policies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyCaller<'a> {
    pub(crate) owner_uin: u64,
    /// `None` for a request that is not signed.
    pub(crate) uin: Option<u64>,
    /// The role of a session.
    pub(crate) role: Option<&'a str>,
    /// A session is only denied by its own name: no page describes how an allow would name it.
    pub(crate) is_session: bool,
}

/// What a policy decides, and by which statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyDecision {
    Denied(usize),
    Allowed(usize),
    NotMentioned,
}

impl BucketPolicy {
    /// Parses a policy. Member names may begin with a capital, as in the documents.
    pub(crate) fn parse(text: &str) -> Result<Self, CosError> {
        if text.len() > MAX_BYTES {
            return Err(malformed("must have at most 20 KB"));
        }
        let document: Document =
            serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
        if document.version != VERSION {
            return Err(malformed("version: must be 2.0"));
        }
        let statements = document.statement.into_vec();
        if statements.is_empty() {
            return Err(malformed("statement: must not be empty"));
        }
        let own = document.principal;
        let statements = statements
            .into_iter()
            .map(|statement| PolicyStatement::of(statement, own.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), statements })
    }

    /// The text as it was sent, with the name that `Statement` has in answers.
    pub(crate) fn to_document(&self) -> String {
        let mut members: Map<String, Value> = serde_json::from_str(&self.text).unwrap_or_default();
        match members.remove("statement") {
            Some(statements) => {
                members.insert("Statement".to_owned(), statements);
                Value::Object(members).to_string()
            }
            None => self.text.clone(),
        }
    }

    /// Decides about an access: a deny wins.
    pub(crate) fn decide(
        &self,
        caller: PolicyCaller<'_>,
        access: &AccessRequest,
    ) -> PolicyDecision {
        let first = |is_allow: bool| {
            self.statements.iter().position(|statement| {
                statement.is_allow == is_allow
                    && statement.principals.iter().any(|each| each.is(caller, is_allow))
                    && statement.matching.decide(access).is_allowed()
            })
        };
        if let Some(index) = first(false) {
            return PolicyDecision::Denied(index);
        }
        first(true).map_or(PolicyDecision::NotMentioned, PolicyDecision::Allowed)
    }
}

impl PolicyStatement {
    fn of(
        statement: StatementDocument,
        default_principal: Option<&PrincipalDocument>,
    ) -> Result<Self, CosError> {
        let is_allow = match statement.effect.to_ascii_lowercase().as_str() {
            "allow" => true,
            "deny" => false,
            _ => return Err(malformed("effect: must be allow or deny")),
        };
        let principal = statement.principal.as_ref().or(default_principal);
        let principals = principal
            .ok_or_else(|| malformed("principal: must be in each statement"))?
            .names()
            .map(Principal::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let condition = statement.condition.unwrap_or_default();
        let matching = serde_json::json!({
            "effect": Effect::Allow,
            "action": statement.action.into_vec(),
            "resource": statement.resource.into_vec(),
            "condition": condition,
        });
        let matching: Statement =
            serde_json::from_value(matching).map_err(|error| malformed(&error.to_string()))?;
        let matching =
            Policy::new(vec![matching]).map_err(|error| malformed(&error.to_string()))?;
        Ok(Self { is_allow, principals, matching })
    }
}

impl Principal {
    fn parse(name: &str) -> Result<Self, CosError> {
        if ANYONE.contains(&name) {
            return Ok(Self::Anyone);
        }
        let invalid = || {
            malformed(
                "principal: must be qcs::cam::anyone:anyone, or have the form \
                 qcs::cam::uin/100000000001:uin/100000000011 or \
                 qcs::cam::uin/100000000001:roleName/name",
            )
        };
        let (owner_uin, rest) = name
            .strip_prefix("qcs::cam::uin/")
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(invalid)?;
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(owner_uin) {
            return Err(invalid());
        }
        let owner_uin = owner_uin.to_owned();
        match rest.split_once('/') {
            None if rest == "root" => Ok(Self::User { uin: owner_uin.clone(), owner_uin }),
            Some(("uin", uin)) if is_number(uin) => {
                Ok(Self::User { owner_uin, uin: uin.to_owned() })
            }
            Some(("roleName", name)) if !name.is_empty() => {
                Ok(Self::Role { owner_uin, name: name.to_owned() })
            }
            _ => Err(invalid()),
        }
    }

    fn is(&self, caller: PolicyCaller<'_>, is_allow: bool) -> bool {
        let is_ours = |owner_uin: &str| owner_uin == caller.owner_uin.to_string();
        match self {
            Self::Anyone => true,
            _ if is_allow && caller.is_session => false,
            Self::User { owner_uin, uin } => {
                is_ours(owner_uin) && caller.uin.is_some_and(|own| *uin == own.to_string())
            }
            Self::Role { owner_uin, name } => {
                is_ours(owner_uin) && caller.role == Some(name.as_str())
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(alias = "Version")]
    version: String,
    #[serde(alias = "Statement")]
    statement: OneOrMany<StatementDocument>,
    #[serde(alias = "Principal")]
    principal: Option<PrincipalDocument>,
    #[serde(rename = "id", alias = "Id")]
    _id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementDocument {
    #[serde(alias = "Effect")]
    effect: String,
    #[serde(alias = "Principal")]
    principal: Option<PrincipalDocument>,
    #[serde(alias = "Action")]
    action: OneOrMany<Action>,
    #[serde(alias = "Resource")]
    resource: OneOrMany<Resource>,
    #[serde(alias = "Condition")]
    condition: Option<Conditions>,
    #[serde(rename = "sid", alias = "Sid")]
    _sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PrincipalDocument {
    Everyone(String),
    Names(Names),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    qcs: OneOrMany<String>,
}

impl PrincipalDocument {
    fn names(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::Everyone(name) => std::slice::from_ref(name),
            Self::Names(Names { qcs: OneOrMany::One(name) }) => std::slice::from_ref(name),
            Self::Names(Names { qcs: OneOrMany::Many(names) }) => names,
        }
        .iter()
        .map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl TryFrom<String> for BucketPolicy {
    type Error = CosError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<BucketPolicy> for String {
    fn from(policy: BucketPolicy) -> Self {
        policy.text
    }
}

fn malformed(reason: &str) -> CosError {
    error::malformed_policy().because(format!("the bucket policy: {reason}"))
}

const VERSION: &str = "2.0";

/// The names of everyone, of which the pages show several.
const ANYONE: [&str; 3] = ["*", "qcs::cam::anyone:anyone", "qcs::cam::anonymous:anonymous"];

/// Documented.
pub(crate) const MAX_BYTES: usize = 20 * 1024;

#[cfg(test)]
mod tests {
    use super::BucketPolicy;

    /// The sample of the page.
    const SAMPLE: &str = r#"{"Statement":[{"Principal":{"qcs":["qcs::cam::uin/100000000001:uin/100000000011"]},
        "Effect":"allow","Action":["name/cos:GetBucket"],
        "Resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]}],"version":"2.0"}"#;

    #[test]
    fn the_spellings_of_the_pages_are_read() {
        for (from, to) in [
            ("", ""),
            ("Statement", "statement"),
            ("\"allow\"", "\"Deny\""),
            ("Principal", "principal"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::anyone:anyone"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::uin/1:root"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::uin/1:roleName/r"),
            ("[\"name/cos:GetBucket\"]", "\"name/cos:*\""),
            ("\"Effect\"", "\"Sid\":\"a\",\"Effect\""),
            ("\"Effect\"", "\"condition\":{\"ip_equal\":{\"qcs:ip\":\"10.0.0.0/8\"}},\"Effect\""),
        ] {
            let text = if from.is_empty() { SAMPLE.to_owned() } else { SAMPLE.replace(from, to) };
            let policy = BucketPolicy::parse(&text);
            let policy = policy.unwrap_or_else(|error| panic!("{to}: {error:?}"));
            let shown = policy.to_document();
            assert!(shown.contains("\"Statement\":"), "{shown}");
            assert_eq!(BucketPolicy::parse(&shown).unwrap().statements, policy.statements);
        }
    }

    #[test]
    fn refusals() {
        for (from, to) in [
            ("2.0", "3.0"),
            ("\"allow\"", "\"permit\""),
            ("qcs::cam::uin/100000000001:uin/100000000011", "everybody"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::uin/1:uin/*"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::uin/1:groupid/1"),
            ("qcs::cam::uin/100000000001:uin/100000000011", "qcs::cam::uin/1:uin/"),
            ("\"qcs\"", "\"aws\""),
            ("\"Principal\"", "\"NotPrincipal\""),
            ("name/cos:GetBucket", "GetBucket"),
            ("[\"name/cos:GetBucket\"]", "[]"),
            ("\"Effect\"", "\"Condition\":{\"unheard_of\":{\"qcs:ip\":\"1\"}},\"Effect\""),
            ("\"Effect\":\"allow\"", "\"Effect\":\"allow\",\"effect\":\"deny\""),
            ("\"Effect\":\"allow\"", "\"Effect\":\"allow\",\"Other\":1"),
            ("qcs::cos:ap-guangzhou:", "cos:"),
        ] {
            let text = SAMPLE.replace(from, to);
            assert_ne!(text, SAMPLE, "{to}");
            let error = BucketPolicy::parse(&text).unwrap_err();
            assert_eq!(error.code, "MalformedPolicy", "{to}");
        }
        let large = format!("{SAMPLE}{}", " ".repeat(super::MAX_BYTES));
        let statement = SAMPLE.split_once("[{").unwrap().1.split_once("}]").unwrap().0;
        let no_principal =
            SAMPLE.replace(statement, r#""Effect":"allow","Action":"*","Resource":"*""#);
        for text in ["", "[]", "{}", r#"{"version":"2.0","statement":[]}"#, &large, &no_principal] {
            assert_eq!(
                BucketPolicy::parse(text).unwrap_err().code,
                "MalformedPolicy",
                "{text:.60}"
            );
        }
    }
}
