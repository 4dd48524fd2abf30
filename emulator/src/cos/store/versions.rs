//! The versions of one key, next to its visible object.
//!
//! # Guarantees
//!
//! The visible object of a key is its latest version, unless that is a delete marker. A key has at
//! most one version without an id. The order in which versions are put does not matter, except that
//! the last one without an id replaces the others.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::index::{Bucket, Object, Version};
use super::version::VersionMark;

impl Bucket {
    /// All versions of a key, the latest first.
    pub(crate) fn versions_of(&self, key: &str) -> impl Iterator<Item = Version> {
        let current = self.objects.get(key).map(|object| Version::Object(Arc::clone(object)));
        let history = self.history.get(key).into_iter().flat_map(|all| all.iter().rev()).cloned();
        current.into_iter().chain(history)
    }

    /// One version of a key.
    pub(crate) fn version(&self, key: &str, id: &str) -> Option<Version> {
        self.versions_of(key).find(|version| version.mark().id() == id)
    }

    /// Puts a version at its place. Returns what it replaces: the version with its mark, or without
    /// an id if it has none.
    pub(super) fn put_version(&mut self, key: String, version: Version) -> Vec<Version> {
        let is_plain = |object: &Arc<Object>| object.metadata.version.is_default();
        // Most buckets have no versions.
        let key = match (self.objects.entry(key), &version) {
            (Entry::Vacant(place), Version::Object(object))
                if is_plain(object) && !self.history.contains_key(place.key()) =>
            {
                place.insert(Arc::clone(object));
                return Vec::new();
            }
            (Entry::Occupied(mut place), Version::Object(object))
                if is_plain(object) && is_plain(place.get()) =>
            {
                return vec![Version::Object(place.insert(Arc::clone(object)))];
            }
            (Entry::Vacant(place), _) => place.into_key(),
            (Entry::Occupied(place), _) => place.key().clone(),
        };
        self.with_versions(key, |all| {
            let mut replaced = Vec::new();
            if !version.mark().has_id {
                replaced.extend(all.extract_if(.., |each| !each.mark().has_id));
            }
            match all.binary_search_by_key(&version.mark().sequence, |each| each.mark().sequence) {
                Ok(place) => replaced.extend(all.splice(place..=place, [version])),
                Err(place) => all.insert(place, version),
            }
            replaced
        })
    }

    /// Removes one version of a key.
    pub(super) fn remove_version(&mut self, key: String, mark: VersionMark) -> Option<Version> {
        self.with_versions(key, |all| {
            let place = all.iter().rposition(|each| each.mark() == mark)?;
            Some(all.remove(place))
        })
    }

    /// Changes the versions of a key, of which the latest is the last.
    fn with_versions<T>(&mut self, key: String, change: impl FnOnce(&mut Vec<Version>) -> T) -> T {
        let mut all = self.history.remove(&key).unwrap_or_default();
        all.extend(self.objects.remove(&key).map(Version::Object));
        let changed = change(&mut all);
        let visible = all.pop_if(|latest| matches!(latest, Version::Object(_)));
        if !all.is_empty() {
            self.history.insert(key.clone(), all);
        }
        if let Some(Version::Object(object)) = visible {
            self.objects.insert(key, object);
        }
        changed
    }
}
