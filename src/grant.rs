//! What a caller may get, and the proof that a request is inside it.
//!
//! Promises: [`Grant::authorise`] is the only constructor of [`Authorized`], and `sts` takes nothing else, so a request that nobody
//! authorised does not compile. What is asked outside the grant is refused, never clamped; scopes are all granted, or none. What was
//! built is checked once more, by other code, before it leaves.
//! Leaves out: grants that differ by caller; there is one grant for all.

mod containment;
mod key;
mod place;

pub use key::{Extension, ExtensionError, ObjectKey};
pub use place::{Place, Preset};

use std::sync::Arc;

use crate::caller::Caller;
use crate::cam::{Policy, PolicyError};
use crate::error::{Error, Rule};
use crate::request::{CredentialRequest, Wanted};
use crate::time::Timestamp;

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

    /// Decides a request. `chance` is fresh randomness: it becomes the name of an object that the function is asked to name.
    ///
    /// # Errors
    /// [`Rule::DurationSeconds`] when the asked lifetime is outside the grant, [`Rule::ScopeNotGranted`] when a scope is,
    /// [`Rule::Extension`] when an extension is not among the granted ones.
    pub fn authorise(
        &self,
        _caller: &Caller,
        asked: &CredentialRequest,
        now: Timestamp,
        chance: [u8; 16],
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
        let mut new_object = None;
        let policy: Arc<str> = match &asked.wanted {
            Wanted::Grant => Arc::clone(&self.policy),
            Wanted::Scopes(scopes) => self.place()?.narrowed(scopes)?.render().into(),
            Wanted::NewObject { extension } => {
                let place = self.place()?;
                let key = place.new_key(extension, now, chance)?;
                let policy = place.for_upload_of(&key)?.render().into();
                new_object = Some(NewObject {
                    bucket: place.bucket.as_str().to_owned(),
                    region: place.region.as_str().to_owned(),
                    key,
                });
                policy
            }
        };
        if !containment::is_inside(&policy, &self.policy) {
            let error = Error::new(
                Rule::Internal,
                "the function has a fault: its operator finds it by the request id",
            );
            return Err(error
                .caused_by("a policy was built that is wider than the grant: nothing was issued"));
        }
        Ok(Authorized {
            policy,
            duration_seconds,
            session_name: SESSION_NAME,
            new_object,
        })
    }

    fn place(&self) -> Result<&Place, Error> {
        let message = "this function grants a raw policy, which cannot be narrowed";
        self.place
            .as_ref()
            .ok_or_else(|| Error::new(Rule::ScopeNotGranted, message))
    }
}

/// An object that the function named: the credential fits it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket with its appid.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The key.
    pub key: ObjectKey,
}

/// The proof that a credential may be issued, and with what.
#[derive(Clone, Debug)]
pub struct Authorized {
    policy: Arc<str>,
    duration_seconds: u32,
    session_name: &'static str,
    new_object: Option<NewObject>,
}

impl Authorized {
    /// The object that the credential is for, when the function named it.
    pub fn new_object(&self) -> Option<&NewObject> {
        self.new_object.as_ref()
    }

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

    use super::{Authorized, Extension, Grant, Lifetime, Place, Preset};
    use crate::caller::Caller;
    use crate::cam::{Bucket, ObjectPrefix, PolicyError, Region};
    use crate::error::{Error, Rule};
    use crate::request::{CredentialRequest, Format, Scopes, Wanted};
    use crate::time::Timestamp;

    /// 2026-01-31T23:59:59Z.
    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(1_769_903_999).unwrap()
    }

    fn ask_for_new(grant: &Grant, extension: &str, chance: [u8; 16]) -> Result<Authorized, Error> {
        let wanted = Wanted::NewObject {
            extension: extension.to_owned(),
        };
        let asked = CredentialRequest {
            format: Format::Sdk,
            duration_seconds: None,
            wanted,
        };
        grant.authorise(&Caller::for_tests(), &asked, now(), chance)
    }

    const RESOURCE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

    fn place(prefix: &str, presets: &[Preset]) -> Place {
        Place {
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            prefix: ObjectPrefix::parse(prefix).unwrap(),
            presets: presets.to_vec(),
            extensions: vec![
                Extension::parse("jpg").unwrap(),
                Extension::parse("png").unwrap(),
            ],
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
        let wanted = match scopes {
            Some(scopes) => Wanted::Scopes(Scopes::parse(&scopes.to_string())?),
            None => Wanted::Grant,
        };
        let asked = CredentialRequest {
            format: Format::Cam,
            duration_seconds,
            wanted,
        };
        grant.authorise(&Caller::for_tests(), &asked, now(), [0; 16])
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
    fn a_named_object_is_all_that_its_credential_covers() {
        let grant = grant("users/", &[Preset::Upload, Preset::Download]);
        let authorized = ask_for_new(&grant, "JPG", [0xab; 16]).unwrap();
        let object = authorized.new_object().unwrap();
        assert_eq!(
            object.key.as_str(),
            "users/2026/01/31/abababababababababababababababab.jpg"
        );
        assert_eq!(
            (object.bucket.as_str(), object.region.as_str()),
            ("examplebucket-1250000000", "ap-guangzhou")
        );
        let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
        assert_eq!(policy["statement"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            policy["statement"][0]["resource"],
            json!([format!("{RESOURCE}{}", object.key.as_str())])
        );
        assert!(
            !authorized.policy().contains("GetObject"),
            "an upload needs no download"
        );
    }

    #[test]
    fn an_extension_that_is_not_granted_names_no_object() {
        let uploads = grant("users/", &[Preset::Upload]);
        for extension in [
            "",
            "php",
            "jpg.php",
            ".jpg",
            "jp g",
            "j*g",
            "${uin}",
            "图片",
            "jpg/",
            "jpg\n",
            "jpgjpgjpgjpg",
        ] {
            let error = ask_for_new(&uploads, extension, [0; 16]).unwrap_err();
            assert_eq!(error.rule(), Rule::Extension, "{extension}");
        }
        let downloads = grant("users/", &[Preset::Download]);
        assert_eq!(
            ask_for_new(&downloads, "jpg", [0; 16]).unwrap_err().rule(),
            Rule::ScopeNotGranted
        );
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
