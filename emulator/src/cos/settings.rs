//! What a bucket is set to, besides its name, region and CORS rules.
//!
//! # Guarantees
//!
//! Settings that a directory contains are checked when it is opened, as in a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::acl::Acl;
use super::bucket_document::{AES256, BucketDocument};
use super::bucket_policy::BucketPolicy;
use super::referer::Referer;
use super::tags::{MAX_BUCKET_TAGS, Tags};

/// The settings of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BucketSettings {
    documents: Documents,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Acl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<BucketPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referer: Option<Referer>,
    /// `None` in a bucket that never kept versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<Versioning>,
}

/// Whether a bucket keeps versions. Once it does, it can only be suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    Enabled,
    Suspended,
}

/// Documents by kind and id; only inventories have ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<DocumentRecord>", into = "Vec<DocumentRecord>")]
struct Documents(BTreeMap<(BucketDocument, String), Arc<str>>);

/// A document on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentRecord {
    document: BucketDocument,
    id: String,
    text: String,
}

impl BucketSettings {
    /// The document `id` of this kind.
    pub(crate) fn document(&self, document: BucketDocument, id: &str) -> Option<Arc<str>> {
        self.documents.0.get(&(document, id.to_owned())).cloned()
    }

    /// All documents of this kind, by id.
    pub(crate) fn documents(&self, document: BucketDocument) -> Vec<Arc<str>> {
        let all = self.documents.0.iter();
        all.filter(|((kind, _), _)| *kind == document).map(|(_, text)| Arc::clone(text)).collect()
    }

    /// The same settings with that document, or without it.
    #[must_use]
    pub(crate) fn with_document(
        mut self,
        document: BucketDocument,
        id: &str,
        text: Option<String>,
    ) -> Self {
        let key = (document, id.to_owned());
        match text {
            Some(text) => self.documents.0.insert(key, text.into()),
            None => self.documents.0.remove(&key),
        };
        self
    }

    /// The same settings with that ACL.
    #[must_use]
    pub(crate) fn with_acl(mut self, acl: Option<Acl>) -> Self {
        self.acl = acl;
        self
    }

    /// The same settings with that policy.
    #[must_use]
    pub(crate) fn with_policy(mut self, policy: Option<BucketPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// The same settings with that hotlink protection.
    #[must_use]
    pub(crate) fn with_referer(mut self, referer: Referer) -> Self {
        self.referer = Some(referer);
        self
    }

    /// The same settings with versioning enabled or suspended.
    #[must_use]
    pub(crate) fn with_versioning(mut self, versioning: Versioning) -> Self {
        self.versioning = Some(versioning);
        self
    }

    /// The encryption of uploads that name none.
    /// <https://www.tencentcloud.com/document/product/436/35258>
    pub(crate) fn default_encryption(&self) -> Option<&'static str> {
        let document = self.document(BucketDocument::Encryption, "");
        // No other algorithm is accepted.
        document.map(|_| AES256)
    }

    /// The tags of the bucket.
    pub(crate) fn tags(&self) -> Tags {
        let document = self.document(BucketDocument::Tagging, "");
        let tags = document.and_then(|text| Tags::of_xml(text.as_bytes(), MAX_BUCKET_TAGS).ok());
        tags.unwrap_or_default()
    }
}

impl From<Vec<DocumentRecord>> for Documents {
    fn from(records: Vec<DocumentRecord>) -> Self {
        let entry = |record: DocumentRecord| ((record.document, record.id), record.text.into());
        Self(records.into_iter().map(entry).collect())
    }
}

impl From<Documents> for Vec<DocumentRecord> {
    fn from(documents: Documents) -> Self {
        let record = |((document, id), text): ((_, _), Arc<str>)| DocumentRecord {
            document,
            id,
            text: text.as_ref().to_owned(),
        };
        documents.0.into_iter().map(record).collect()
    }
}
