//! What a caller may get, and the proof that a request is inside it.
//!
//! Promises: [`Grant::authorise`] is the only constructor of [`Authorized`], and `sts` takes nothing else, so a request that nobody
//! authorised does not compile. What is asked outside the grant is refused, never clamped; scopes are all granted, or none.
//! Leaves out: grants that differ by caller; there is one grant for all.

use std::sync::Arc;

use crate::caller::Caller;
use crate::cam::{Action, Bucket, ObjectPrefix, Policy, PolicyError, Region, Resource, Statement};
use crate::error::{Error, Rule};
use crate::request::{CredentialRequest, Keys, Scope, Scopes};

/// A set of COS actions that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Remove objects.
    Delete,
    /// Read objects and their headers.
    Download,
    /// List the keys below the prefix.
    List,
    /// Write objects, in one request, as a form, or in parts.
    Upload,
}

impl Preset {
    /// The presets, as `ALLOW` names them.
    pub const CHOICES: [(&'static str, Self); 4] = [
        ("upload", Self::Upload),
        ("download", Self::Download),
        ("list", Self::List),
        ("delete", Self::Delete),
    ];

    /// The operations of this preset: <https://www.tencentcloud.com/document/product/436/30580>.
    const fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Delete => &["DeleteObject"],
            Self::Download => &["GetObject", "HeadObject"],
            Self::List => &["GetBucket"],
            // The mini-program SDK uploads by PostObject; cancelling and resuming need Abort and the two lists.
            Self::Upload => &[
                "PutObject",
                "PostObject",
                "InitiateMultipartUpload",
                "UploadPart",
                "CompleteMultipartUpload",
                "AbortMultipartUpload",
                "ListParts",
                "ListMultipartUploads",
            ],
        }
    }
}

/// How long a credential may live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    minimum_seconds: u32,
    default_seconds: u32,
}

impl Lifetime {
    /// From `minimum_seconds` up to `default_seconds`, which is also what is given when nothing is asked for; `None` when the
    /// two are the wrong way round.
    pub fn new(minimum_seconds: u32, default_seconds: u32) -> Option<Self> {
        (minimum_seconds <= default_seconds).then_some(Self {
            minimum_seconds,
            default_seconds,
        })
    }
}

/// The keys of one bucket below one prefix, and what may be done with them.
#[derive(Clone, Debug)]
pub struct Place {
    /// The bucket.
    pub bucket: Bucket,
    /// Its region.
    pub region: Region,
    /// The prefix.
    pub prefix: ObjectPrefix,
    /// The operations.
    pub presets: Vec<Preset>,
}

impl Place {
    /// The policy for all of it: one statement.
    fn policy(&self) -> Result<Policy, PolicyError> {
        let actions = self.operations().map(Action::cos).collect();
        let resource = Resource::below(&self.bucket, &self.region, &self.prefix);
        Policy::new(vec![Statement::allow(actions, resource)])
    }

    fn operations(&self) -> impl Iterator<Item = &'static str> {
        self.presets
            .iter()
            .flat_map(|preset| preset.operations())
            .copied()
    }

    /// The policy for exactly `scopes`, each of which has to lie inside: one statement for each resource, so that no operation
    /// meets a resource it was not asked for.
    fn narrowed(&self, scopes: &Scopes) -> Result<Policy, Error> {
        let mut statements: Vec<(Resource, Vec<Action>)> = Vec::new();
        for (index, scope) in scopes.iter().enumerate() {
            let (resource, action) = self.granted(scope).map_err(|fault| {
                let number = index.saturating_add(1);
                Error::new(Rule::ScopeNotGranted, format!("scope {number}: {fault}"))
            })?;
            match statements.iter_mut().find(|(known, _)| *known == resource) {
                Some((_, actions)) if actions.contains(&action) => {}
                Some((_, actions)) => actions.push(action),
                None => statements.push((resource, vec![action])),
            }
        }
        let statements = statements
            .into_iter()
            .map(|(resource, actions)| Statement::allow(actions, resource));
        Policy::new(statements.collect()).map_err(|error| {
            Error::new(Rule::Scope, "the scopes make too long a policy").caused_by(error)
        })
    }

    /// One scope as a resource and an action, if it lies inside.
    fn granted(&self, scope: &Scope) -> Result<(Resource, Action), &'static str> {
        let operation = self
            .operations()
            .find(|operation| *operation == scope.operation);
        let operation = operation.ok_or("its action is not granted")?;
        if scope.bucket != self.bucket.as_str() || scope.region != self.region.as_str() {
            return Err("its bucket or region is not the granted one");
        }
        // The granted prefix ends in `/` or is empty, so what begins with it lies below it.
        let (Keys::Below(keys) | Keys::Exactly(keys)) = &scope.keys;
        if !keys.starts_with(self.prefix.as_str()) {
            return Err("its prefix is not below the granted one");
        }
        let resource = match &scope.keys {
            Keys::Below(prefix) => Resource::starting(&self.bucket, &self.region, prefix),
            Keys::Exactly(key) => Resource::exactly(&self.bucket, &self.region, key),
        };
        Ok((resource, Action::cos(operation)))
    }
}

/// What every caller may get.
#[derive(Clone, Debug)]
pub struct Grant {
    policy: Arc<str>,
    /// What scopes are held against; a raw policy cannot be narrowed.
    place: Option<Place>,
    lifetime: Lifetime,
}

impl Grant {
    /// A grant of one place for a `lifetime`.
    ///
    /// # Errors
    /// [`PolicyError::Empty`] without a preset.
    pub fn of_place(place: Place, lifetime: Lifetime) -> Result<Self, PolicyError> {
        Ok(Self {
            policy: place.policy()?.render().into(),
            place: Some(place),
            lifetime,
        })
    }

    /// A grant of a raw policy for a `lifetime`.
    pub fn of_policy(policy: &Policy, lifetime: Lifetime) -> Self {
        Self {
            policy: policy.render().into(),
            place: None,
            lifetime,
        }
    }

    /// Decides a request.
    ///
    /// # Errors
    /// [`Rule::DurationSeconds`] when the asked lifetime is outside the grant, [`Rule::ScopeNotGranted`] when a scope is.
    pub fn authorise(
        &self,
        _caller: &Caller,
        asked: &CredentialRequest,
    ) -> Result<Authorized, Error> {
        let Lifetime {
            minimum_seconds,
            default_seconds,
        } = self.lifetime;
        let duration_seconds = asked.duration_seconds.unwrap_or(default_seconds);
        if !(minimum_seconds..=default_seconds).contains(&duration_seconds) {
            let message = format!(
                "`durationSeconds` must be from {minimum_seconds} to {default_seconds} here"
            );
            return Err(Error::new(Rule::DurationSeconds, message));
        }
        let policy = match (&asked.scopes, &self.place) {
            (None, _) => Arc::clone(&self.policy),
            (Some(scopes), Some(place)) => place.narrowed(scopes)?.render().into(),
            (Some(_), None) => {
                let message = "this function grants a raw policy, which scopes cannot narrow";
                return Err(Error::new(Rule::ScopeNotGranted, message));
            }
        };
        Ok(Authorized {
            policy,
            duration_seconds,
            session_name: SESSION_NAME,
        })
    }
}

/// The proof that a credential may be issued, and with what.
#[derive(Clone, Debug)]
pub struct Authorized {
    policy: Arc<str>,
    duration_seconds: u32,
    session_name: &'static str,
}

impl Authorized {
    /// The session policy as JSON; never empty.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The lifetime to ask for.
    pub fn duration_seconds(&self) -> u32 {
        self.duration_seconds
    }

    /// The name that the credential carries into COS access logs.
    pub fn session_name(&self) -> &'static str {
        self.session_name
    }
}

/// Letters only: that is all the documentation of GetFederationToken's `Name` allows.
const SESSION_NAME: &str = "cosissuer";

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq};
    use serde_json::{Value, json};

    use super::{Authorized, Grant, Lifetime, Place, Preset};
    use crate::caller::Caller;
    use crate::cam::{Bucket, ObjectPrefix, PolicyError, Region};
    use crate::error::{Error, Rule};
    use crate::request::{CredentialRequest, Format, Scopes};

    const RESOURCE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

    fn place(prefix: &str, presets: &[Preset]) -> Place {
        Place {
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            prefix: ObjectPrefix::parse(prefix).unwrap(),
            presets: presets.to_vec(),
        }
    }

    fn grant(prefix: &str, presets: &[Preset]) -> Grant {
        Grant::of_place(place(prefix, presets), Lifetime::new(360, 1800).unwrap()).unwrap()
    }

    fn scope(operation: &str, prefix: &str) -> Value {
        json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": prefix})
    }

    fn ask(
        grant: &Grant,
        duration_seconds: Option<u32>,
        scopes: Option<&Value>,
    ) -> Result<Authorized, Error> {
        let scopes = scopes
            .map(|scopes| Scopes::parse(&scopes.to_string()))
            .transpose()?;
        let asked = CredentialRequest {
            format: Format::Cam,
            duration_seconds,
            scopes,
        };
        grant.authorise(&Caller::for_tests(), &asked)
    }

    /// What the policy of a grant narrowed to `scopes` allows, as pairs of action and resource.
    #[track_caller]
    fn pairs(grant: &Grant, scopes: &Value) -> Vec<(String, String)> {
        let authorized = ask(grant, None, Some(scopes)).unwrap();
        let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
        let mut pairs = Vec::new();
        for statement in policy["statement"].as_array().unwrap() {
            for action in statement["action"].as_array().unwrap() {
                for resource in statement["resource"].as_array().unwrap() {
                    let action = action.as_str().unwrap().strip_prefix("name/cos:").unwrap();
                    let resource = resource.as_str().unwrap().strip_prefix(RESOURCE).unwrap();
                    pairs.push((action.to_owned(), resource.to_owned()));
                }
            }
        }
        pairs.sort();
        pairs
    }

    #[track_caller]
    fn refused(grant: &Grant, scopes: &Value) -> String {
        let error = ask(grant, None, Some(scopes))
            .err()
            .unwrap_or_else(|| panic!("granted: {scopes}"));
        assert_eq!(error.rule(), Rule::ScopeNotGranted, "{scopes}");
        error.message().to_owned()
    }

    #[test]
    fn the_one_grant_form_is_one_statement_below_the_prefix() {
        let policy = place("users/", &[Preset::Download, Preset::List])
            .policy()
            .unwrap();
        assert_eq!(
            policy.render(),
            r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject","name/cos:HeadObject","name/cos:GetBucket"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#
        );
    }

    #[test]
    fn no_preset_is_no_policy() {
        assert!(matches!(
            place("users/", &[]).policy(),
            Err(PolicyError::Empty)
        ));
    }

    #[test]
    fn a_duration_outside_the_grant_is_refused_and_never_clamped() {
        let grant = grant("users/", &[Preset::Upload]);
        assert_eq!(ask(&grant, None, None).unwrap().duration_seconds(), 1800);
        assert_eq!(
            ask(&grant, Some(360), None).unwrap().duration_seconds(),
            360
        );
        for seconds in [0, 1, 359, 1801, u32::MAX] {
            let error = ask(&grant, Some(seconds), None).unwrap_err();
            assert_eq!(error.rule(), Rule::DurationSeconds, "{seconds}");
        }
    }

    #[test]
    fn scopes_are_granted_exactly_and_without_a_cross_product() {
        let grant = grant("users/", &[Preset::Upload, Preset::Download]);
        let scopes = json!([
            scope("PutObject", "users/1/a"),
            scope("GetObject", "/users/1/b"),
            scope("GetObject", "users/2/*")
        ]);
        let expected = [
            ("GetObject", "users/1/b"),
            ("GetObject", "users/2/*"),
            ("PutObject", "users/1/a"),
        ];
        assert_eq!(
            pairs(&grant, &scopes),
            expected.map(|(action, resource)| (action.to_owned(), resource.to_owned()))
        );
    }

    #[test]
    fn the_five_scopes_of_a_multipart_upload_make_one_statement() {
        let operations = [
            "InitiateMultipartUpload",
            "ListParts",
            "UploadPart",
            "CompleteMultipartUpload",
            "AbortMultipartUpload",
        ];
        let scopes: Vec<Value> = operations
            .iter()
            .map(|operation| scope(operation, "users/1/video.mp4"))
            .collect();
        let authorized = ask(
            &grant("users/", &[Preset::Upload]),
            None,
            Some(&json!(scopes)),
        )
        .unwrap();
        let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
        assert_eq!(policy["statement"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            policy["statement"][0]["resource"],
            json!([format!("{RESOURCE}users/1/video.mp4")])
        );
    }

    #[test]
    fn scopes_are_all_granted_or_none() {
        let grant = grant("users/1/", &[Preset::Upload]);
        let inside = scope("PutObject", "users/1/a");
        for (outside, fault) in [
            (scope("GetObject", "users/1/a"), "action"),
            (scope("DeleteBucket", "users/1/a"), "action"),
            (scope("GetService", ""), "action"),
            (scope("PutObject", "users/10/a"), "prefix"),
            (scope("PutObject", "users/1"), "prefix"),
            (scope("PutObject", "users/"), "prefix"),
            (scope("PutObject", "users/*"), "prefix"),
            (scope("PutObject", "*"), "prefix"),
            (scope("PutObject", ""), "prefix"),
            (scope("PutObject", "USERS/1/a"), "prefix"),
            (
                json!({"action": "name/cos:PutObject", "prefix": "users/1/a"}),
                "bucket",
            ),
            (
                json!({"action": "name/cos:PutObject", "bucket": "examplebucket-1259999999", "region": "ap-guangzhou", "prefix": "users/1/a"}),
                "bucket",
            ),
            (
                json!({"action": "name/cos:PutObject", "bucket": "examplebucket-1250000000", "region": "ap-beijing", "prefix": "users/1/a"}),
                "bucket",
            ),
        ] {
            let told = refused(&grant, &json!([inside, outside, inside]));
            assert!(
                told.starts_with("scope 2: ") && told.contains(fault),
                "{told}"
            );
        }
        assert_eq!(pairs(&grant, &json!([inside, inside])).len(), 1);
    }

    #[test]
    fn a_raw_policy_is_not_narrowed() {
        let policy = place("users/", &[Preset::Upload]).policy().unwrap();
        let grant = Grant::of_policy(&policy, Lifetime::new(360, 1800).unwrap());
        refused(&grant, &json!([scope("PutObject", "users/1/a")]));
    }

    fn any_prefix() -> impl Strategy<Value = String> {
        proptest::string::string_regex("(/?[a-c]{0,2}(/[a-c.*]{0,2}){0,3}/?\\*?)|\\*|").unwrap()
    }

    fn any_operation() -> impl Strategy<Value = String> {
        proptest::sample::select(vec![
            "PutObject",
            "GetObject",
            "GetBucket",
            "DeleteObject",
            "UploadPart",
            "PutBucketACL",
            "GetService",
        ])
        .prop_map(str::to_owned)
    }

    proptest::proptest! {
        /// Whatever is asked: a refusal, or a policy whose every pair was asked for and lies inside the grant.
        #[test]
        fn nothing_outside_the_grant_or_the_request_is_ever_allowed(
            asked in proptest::collection::vec((any_operation(), any_prefix()), 1..6),
            granted in proptest::sample::select(vec!["/", "a/", "a/b/", "ab/"]),
            with_list in any::<bool>(),
        ) {
            let mut presets = vec![Preset::Upload, Preset::Download];
            if with_list {
                presets.push(Preset::List);
            }
            let grant = grant(granted, &presets);
            let scopes: Vec<Value> = asked.iter().map(|(operation, prefix)| scope(operation, prefix)).collect();
            if ask(&grant, None, Some(&json!(scopes))).is_ok() {
                let allowed: Vec<&str> = presets.iter().flat_map(|preset| preset.operations()).copied().collect();
                let below = granted.trim_start_matches('/');
                let pairs = pairs(&grant, &json!(scopes));
                for (action, resource) in &pairs {
                    prop_assert!(allowed.contains(&action.as_str()), "{action}");
                    prop_assert!(resource.starts_with(below), "{resource}");
                    let was_asked = asked.iter().any(|(operation, prefix)| {
                        operation == action && prefix.strip_prefix('/').unwrap_or(prefix) == resource
                    });
                    prop_assert!(was_asked, "{action} on {resource}");
                }
                let mut distinct: Vec<_> = asked.iter().map(|(operation, prefix)| {
                    (operation.clone(), prefix.strip_prefix('/').unwrap_or(prefix).to_owned())
                }).collect();
                distinct.sort();
                distinct.dedup();
                prop_assert_eq!(pairs, distinct);
            }
        }
    }
}
