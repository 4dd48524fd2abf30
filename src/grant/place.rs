//! One place that is granted: a bucket, a prefix, and what may be done below it.
//!
//! Promises: every policy built here allows pairs of an operation and a resource that were granted and, where something narrower was
//! asked, asked for; no operation meets a resource of another. Leaves out: for how long (`grant`).

use super::key::{Extension, ObjectKey};
use crate::cam::{Action, Bucket, ObjectPrefix, Policy, PolicyError, Region, Resource, Statement};
use crate::error::{Error, Rule};
use crate::request::{Keys, Scope, Scopes};
use crate::time::Timestamp;

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
    pub(super) const fn operations(self) -> &'static [&'static str] {
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
    /// The extensions of objects that the function names; none is named while the list is empty.
    pub extensions: Vec<Extension>,
}

impl Place {
    /// The policy for all of it: one statement.
    pub(super) fn policy(&self) -> Result<Policy, PolicyError> {
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
    pub(super) fn narrowed(&self, scopes: &Scopes) -> Result<Policy, Error> {
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

    /// A key for a new object, if its extension is granted: `<prefix>YYYY/MM/DD/<128 random bits>.<extension>`.
    pub(super) fn new_key(
        &self,
        extension: &str,
        now: Timestamp,
        chance: [u8; 16],
    ) -> Result<ObjectKey, Error> {
        let granted = Extension::parse(extension)
            .ok()
            .filter(|extension| self.extensions.contains(extension));
        let extension = granted.ok_or_else(|| {
            let names: Vec<&str> = self.extensions.iter().map(Extension::as_str).collect();
            let message = match names.as_slice() {
                [] => "this function names no objects: EXTENSIONS is not set".to_owned(),
                names => format!("the extension is one of: {}", names.join(", ")),
            };
            Error::new(Rule::Extension, message)
        })?;
        Ok(ObjectKey::new(&self.prefix, &extension, now, chance))
    }

    /// The policy for the upload of one object.
    pub(super) fn for_upload_of(&self, key: &ObjectKey) -> Result<Policy, Error> {
        if !self.presets.contains(&Preset::Upload) {
            return Err(Error::new(Rule::ScopeNotGranted, "uploads are not granted"));
        }
        let actions = Preset::Upload
            .operations()
            .iter()
            .map(|operation| Action::cos(operation))
            .collect();
        let resource = Resource::exactly(&self.bucket, &self.region, key.as_str());
        Policy::new(vec![Statement::allow(actions, resource)])
            .map_err(|error| Error::new(Rule::Internal, "no policy could be made").caused_by(error))
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
