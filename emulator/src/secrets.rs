//! Every secret that this cloud made or was given, so that each can be masked and a leak check can
//! search all output for it.
//!
//! # Guarantees
//! A secret is in the registry, and in its file if there is one, before anybody else sees it.
//!
//! # Not covered
//! SecretIds: they are names and may appear in logs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use aho_corasick::AhoCorasick;

use crate::sync::lock;

/// Longer patterns would cost memory and exclude hardly anything.
const PATTERN_BYTES: usize = 16;

#[derive(Default)]
pub(crate) struct SecretRegistry {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    secrets: Vec<String>,
    file: Option<File>,
    /// Together they cover a prefix of `secrets`. Each is larger than the next, so that a new
    /// secret does not rebuild the search of all.
    searches: Vec<Search>,
}

/// Finds the beginnings of these secrets.
struct Search {
    secrets: Range<usize>,
    patterns: AhoCorasick,
}

impl SecretRegistry {
    /// A registry that also appends each secret to the file at `path`, one a line.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file =
            path.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        let inner = Inner { file, ..Inner::default() };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Adds a secret. A file that cannot be written is an error: a leak check that knows half of
    /// the secrets proves nothing.
    pub(crate) fn register(&self, secret: &str) -> io::Result<()> {
        let mut inner = lock(&self.inner);
        if let Some(file) = &mut inner.file {
            file.write_all(format!("{secret}\n").as_bytes())?;
        }
        inner.secrets.push(secret.to_owned());
        Ok(())
    }

    /// Whether `text` is, as a whole, a secret.
    pub(crate) fn contains(&self, text: &str) -> bool {
        let found = self.find(text);
        found.first().is_some_and(|place| place.len() == text.len())
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        lock(&self.inner).secrets.clone()
    }

    /// The places of secrets in `text`, in order and without overlaps; of two that begin at one
    /// place the longer.
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut inner = lock(&self.inner);
        if inner.index().is_none() {
            // Without a search, nothing of the text may be shown.
            return std::iter::once(0..text.len()).collect();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        for search in &inner.searches {
            for begun in search.patterns.find_overlapping_iter(text) {
                let number = search.secrets.start.saturating_add(begun.pattern().as_usize());
                let secret = inner.secrets.get(number).map_or("", String::as_str);
                let here = text.get(begun.start()..).unwrap_or_default();
                if !secret.is_empty() && here.starts_with(secret) {
                    found.push(begun.start()..begun.start().saturating_add(secret.len()));
                }
            }
        }
        found.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        let mut end = 0;
        found.retain(|place| {
            let is_next = place.start >= end;
            if is_next {
                end = place.end;
            }
            is_next
        });
        found
    }
}

impl Inner {
    /// Covers the secrets that are new. `None` when there are more than a search can hold.
    fn index(&mut self) -> Option<()> {
        let mut start = self.searches.last().map_or(0, |last| last.secrets.end);
        let end = self.secrets.len();
        if start == end {
            return Some(());
        }
        while let Some(last) =
            self.searches.pop_if(|last| last.secrets.len() <= end.saturating_sub(start))
        {
            start = last.secrets.start;
        }
        let secrets = self.secrets.get(start..end)?.iter().map(String::as_bytes);
        let patterns = secrets.map(|secret| secret.get(..PATTERN_BYTES).unwrap_or(secret));
        self.searches
            .push(Search { patterns: AhoCorasick::new(patterns).ok()?, secrets: start..end });
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::SecretRegistry;

    #[test]
    fn each_secret_is_found_wherever_it_is_and_however_many_there_are() {
        let registry = SecretRegistry::default();
        let text = |number: u32| format!("a-common-beginning-{number}.");
        for number in 0..300 {
            registry.register(&text(number)).unwrap();
            let shown = format!("ä{}{}", text(0), text(number));
            let (first, next) = (2 + text(0).len(), text(number).len());
            assert_eq!(registry.find(&shown), [2..first, first..first + next]);
        }
        for secret in ["", "ab", "abcd", "bcdef"] {
            registry.register(secret).unwrap();
        }
        assert_eq!(registry.find("xabcdefab"), [1..5, 7..9], "the longer, the first");
        assert!(registry.find("a-common-beginning-300.").is_empty());
    }
}
