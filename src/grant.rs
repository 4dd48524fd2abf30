//! What a caller may get, and the proof that a request is inside it.
//!
//! Promises: [`Grant::authorise`] is the only constructor of [`Authorized`], and `sts` takes nothing else, so a request that nobody
//! authorised does not compile. What is asked outside the grant is refused, never clamped.
//! Leaves out: grants that differ by caller; there is one grant for all.

use std::sync::Arc;

use crate::caller::Caller;
use crate::cam::{Action, Bucket, ObjectPrefix, Policy, PolicyError, Region, Resource, Statement};
use crate::error::{Error, Rule};
use crate::request::CredentialRequest;

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

/// The policy that everything below `prefix` may be treated with `presets`.
///
/// # Errors
/// [`PolicyError::Empty`] without a preset.
pub fn policy_below(
    bucket: &Bucket,
    region: &Region,
    prefix: &ObjectPrefix,
    presets: &[Preset],
) -> Result<Policy, PolicyError> {
    let operations = presets.iter().flat_map(|preset| preset.operations());
    let actions = operations.map(|operation| Action::cos(operation)).collect();
    Policy::new(vec![Statement::allow(
        actions,
        Resource::below(bucket, region, prefix),
    )])
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

/// What every caller may get.
#[derive(Clone, Debug)]
pub struct Grant {
    policy: Arc<str>,
    lifetime: Lifetime,
}

impl Grant {
    /// A grant of `policy` for a `lifetime`.
    pub fn new(policy: &Policy, lifetime: Lifetime) -> Self {
        Self {
            policy: policy.render().into(),
            lifetime,
        }
    }

    /// Decides a request.
    ///
    /// # Errors
    /// [`Rule::DurationSeconds`] when the asked lifetime is outside the grant.
    pub fn authorise(
        &self,
        _caller: &Caller,
        asked: CredentialRequest,
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
        Ok(Authorized {
            policy: Arc::clone(&self.policy),
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
    use super::{Grant, Lifetime, Preset, policy_below};
    use crate::caller::Caller;
    use crate::cam::{Bucket, ObjectPrefix, PolicyError, Region};
    use crate::error::Rule;
    use crate::request::{CredentialRequest, Format};

    fn place() -> (Bucket, Region, ObjectPrefix) {
        let bucket = Bucket::parse("examplebucket-1250000000").unwrap();
        (
            bucket,
            Region::parse("ap-guangzhou").unwrap(),
            ObjectPrefix::parse("users/").unwrap(),
        )
    }

    #[test]
    fn the_one_grant_form_is_one_statement_below_the_prefix() {
        let (bucket, region, prefix) = place();
        let policy =
            policy_below(&bucket, &region, &prefix, &[Preset::Download, Preset::List]).unwrap();
        assert_eq!(
            policy.render(),
            r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject","name/cos:HeadObject","name/cos:GetBucket"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#
        );
    }

    #[test]
    fn no_preset_is_no_policy() {
        let (bucket, region, prefix) = place();
        assert!(matches!(
            policy_below(&bucket, &region, &prefix, &[]),
            Err(PolicyError::Empty)
        ));
    }

    #[test]
    fn a_duration_outside_the_grant_is_refused_and_never_clamped() {
        let (bucket, region, prefix) = place();
        let policy = policy_below(&bucket, &region, &prefix, &[Preset::Upload]).unwrap();
        let grant = Grant::new(&policy, Lifetime::new(360, 1800).unwrap());
        let ask = |duration_seconds| {
            let asked = CredentialRequest {
                format: Format::Cam,
                duration_seconds,
            };
            grant.authorise(&Caller::for_tests(), asked)
        };
        assert_eq!(ask(None).unwrap().duration_seconds(), 1800);
        assert_eq!(ask(Some(360)).unwrap().duration_seconds(), 360);
        for seconds in [0, 1, 359, 1801, u32::MAX] {
            assert_eq!(
                ask(Some(seconds)).unwrap_err().rule(),
                Rule::DurationSeconds,
                "{seconds}"
            );
        }
    }
}
