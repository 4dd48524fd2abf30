//! What a bucket is set to, besides its name, region and CORS rules.
//!
//! # Guarantees
//!
//! Settings that a directory contains are checked when it is opened, as in a request.

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
    /// In the order in which they were made.
    documents: Vec<Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Acl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<BucketPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referer: Option<Referer>,
    /// `None` in a bucket that never kept versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<Versioning>,
    /// Whether the bucket is in several zones, which it is from its creation or never.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_multi_az: bool,
}

/// Whether a bucket keeps versions. Once it does, it can only be suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    Enabled,
    Suspended,
}

/// A document; inventories and rules of intelligent tiering have ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "document")]
    kind: BucketDocument,
    id: String,
    text: String,
}

impl Document {
    fn is(&self, kind: BucketDocument, id: &str) -> bool {
        self.kind == kind && self.id == id
    }
}

impl BucketSettings {
    /// The document `id` of this kind.
    pub(crate) fn document(&self, document: BucketDocument, id: &str) -> Option<&str> {
        let found = self.documents.iter().find(|each| each.is(document, id));
        found.map(|document| document.text.as_str())
    }

    /// The texts of all documents of this kind, in the order in which they were made.
    pub(crate) fn documents(&self, document: BucketDocument) -> impl Iterator<Item = &str> {
        self.documents_with_ids(document).map(|(_, text)| text)
    }

    /// The same, each with its id.
    pub(crate) fn documents_with_ids(
        &self,
        document: BucketDocument,
    ) -> impl Iterator<Item = (&str, &str)> {
        let all = self.documents.iter().filter(move |each| each.kind == document);
        all.map(|document| (document.id.as_str(), document.text.as_str()))
    }

    /// The same settings with that document, or without it.
    #[must_use]
    pub(crate) fn with_document(
        mut self,
        document: BucketDocument,
        id: &str,
        text: Option<String>,
    ) -> Self {
        let place = self.documents.iter().position(|each| each.is(document, id));
        match (text, place.and_then(|place| self.documents.get_mut(place))) {
            (Some(text), Some(kept)) => kept.text = text,
            (Some(text), None) => {
                let id = id.to_owned();
                self.documents.push(Document { kind: document, id, text });
            }
            (None, _) => self.documents.retain(|each| !each.is(document, id)),
        }
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
