//! The versions of one key, next to its visible object.
//!
//! # Guarantees
//!
//! The visible object of a key is its latest version, unless that is a delete marker. A key has at
//! most one version without an id.

use std::sync::Arc;

use super::index::{Bucket, Version};
use super::version::VersionMark;

impl Bucket {
    /// All versions of a key, the latest first.
    pub(crate) fn versions_of(&self, key: &str) -> impl Iterator<Item = Version> {
        let current = self.objects.get(key).map(|object| Version::Object(Arc::clone(object)));
        let history = self.history.get(key).into_iter().flatten().cloned();
        current.into_iter().chain(history)
    }

    /// One version of a key.
    pub(crate) fn version(&self, key: &str, id: &str) -> Option<Version> {
        self.versions_of(key).find(|version| version.mark().id() == id)
    }

    /// Makes `version` the latest one of its key, in place of the `null` version if it is one.
    /// Returns what was replaced.
    pub(super) fn push_version(&mut self, key: &str, version: Version) -> Vec<Version> {
        let is_null = !version.mark().has_id;
        let history = self.history.entry(key.to_owned()).or_default();
        if let Some(current) = self.objects.remove(key) {
            history.insert(0, Version::Object(current));
        }
        let mut replaced = Vec::new();
        if is_null {
            replaced.extend(history.extract_if(.., |each| !each.mark().has_id));
        }
        history.insert(0, version);
        self.settle(key);
        replaced
    }

    /// Removes one version of a key.
    pub(super) fn remove_version(&mut self, key: &str, mark: VersionMark) -> Option<Version> {
        if self.objects.get(key).is_some_and(|object| object.metadata.version == mark) {
            let removed = self.objects.remove(key).map(Version::Object);
            self.settle(key);
            return removed;
        }
        let history = self.history.get_mut(key)?;
        let place = history.iter().position(|each| each.mark() == mark)?;
        let removed = history.remove(place);
        self.settle(key);
        Some(removed)
    }

    /// Makes the latest version of a key its visible object, unless that is a delete marker.
    pub(super) fn settle(&mut self, key: &str) {
        let Some(history) = self.history.get_mut(key) else {
            return;
        };
        if let Some(current) = self.objects.remove(key) {
            history.push(Version::Object(current));
        }
        history.sort_by_key(|each| std::cmp::Reverse(each.mark().sequence));
        if matches!(history.first(), Some(Version::Object(_)))
            && let Version::Object(latest) = history.remove(0)
        {
            self.objects.insert(key.to_owned(), latest);
        }
        if history.is_empty() {
            self.history.remove(key);
        }
    }
}
