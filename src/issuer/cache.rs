//! Credentials that may be served again: bounded in number and in time.
//!
//! # Guarantees
//! - Keys are compared whole. A hash only finds the place.
//! - A credential is served for at most half of the life that it had when it was issued, and never
//!   when less than `MIN_REMAINING_SECONDS` are left.
//! - What can no longer be served is dropped by the next call, which wipes it. At the limit, the
//!   credential that ends first makes way.
//! - Time is wall-clock time. After a clock was set back, nothing that was issued later is served.
//!
//! # Not covered
//! Callers who ask for the same credential at once (`flight`).
//!
//! The well-kept caches drop what has expired late, or know no expiry, and read clocks of their
//! own.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use tencent::time::Timestamp;

/// When a credential may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    issued: Timestamp,
    refresh: Timestamp,
    end: Timestamp,
}

impl Term {
    /// The term of a credential that was issued `now` and expires at `expiry`. `jitter` moves the
    /// refresh ahead, so that what was issued at once is not refreshed at once.
    pub(super) fn new(
        now: Timestamp,
        expiry: Timestamp,
        remaining_seconds_min: u32,
        jitter: u8,
    ) -> Self {
        let remaining = expiry.unix_seconds().saturating_sub(now.unix_seconds());
        let remaining = u32::try_from(remaining).unwrap_or(0);
        let seconds = (remaining / 2).min(remaining.saturating_sub(remaining_seconds_min));
        // The last tenth, and up to a fifth more.
        let share = u64::from(jitter).saturating_add(u64::from(u8::MAX / 2));
        let ahead = u64::from(seconds).saturating_mul(share) / REFRESH_SCALE;
        let end = now.plus_seconds(seconds);
        let refresh = end.minus_seconds(u32::try_from(ahead).unwrap_or(seconds));
        Self { issued: now, refresh, end }
    }

    fn includes(&self, now: Timestamp) -> bool {
        (self.issued..self.end).contains(&now)
    }
}

/// A credential that may be served.
#[derive(Debug)]
pub(super) struct Cached<V> {
    pub(super) value: Arc<V>,
    /// It is time to fetch the next one.
    pub(super) is_due: bool,
}

pub(super) struct Cache<K, V> {
    entries_max: usize,
    entries: HashMap<K, Entry<V>>,
    by_end: BTreeMap<Place, K>,
    count: u64,
}

struct Entry<V> {
    value: Arc<V>,
    term: Term,
    place: Place,
}

/// The end of an entry, and its number among those that end at once.
type Place = (Timestamp, u64);

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: HashMap::new(), by_end: BTreeMap::new(), count: 0 }
    }

    /// What may be served for `key`.
    pub(super) fn find(&mut self, key: &K, now: Timestamp) -> Option<Cached<V>> {
        self.purge(now);
        let entry = self.entries.get(key).filter(|entry| entry.term.includes(now))?;
        let is_due = now >= entry.term.refresh;
        Some(Cached { value: Arc::clone(&entry.value), is_due })
    }

    /// Keeps a credential, in place of an earlier one.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>, term: Term, now: Timestamp) {
        self.remove(&key);
        self.purge(now);
        if !term.includes(now) {
            return;
        }
        while self.entries.len() >= self.entries_max
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.entries.remove(&first);
        }
        self.count = self.count.saturating_add(1);
        let place = (term.end, self.count);
        self.by_end.insert(place, key.clone());
        self.entries.insert(key, Entry { value, term, place });
    }

    /// Puts the refresh of an entry off, after one that failed.
    pub(super) fn put_off(&mut self, key: &K, until: Timestamp) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.term.refresh = until;
        }
    }

    /// Drops what can no longer be served.
    pub(super) fn purge(&mut self, now: Timestamp) {
        while let Some(first) = self.by_end.first_entry().filter(|first| first.key().0 <= now) {
            self.entries.remove(&first.remove());
        }
    }

    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_end.remove(&entry.place);
        }
    }
}

/// `u8::MAX / 2` of it is a tenth.
const REFRESH_SCALE: u64 = 1270;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small")]
mod tests {
    use std::sync::Arc;

    use super::{Cache, Term};
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + seconds).unwrap()
    }

    /// Seconds from its issue to its refresh and to its end.
    fn term(duration: i64, least: u32, jitter: u8) -> (i64, i64) {
        let term = Term::new(at(0), at(duration), least, jitter);
        (term.refresh.unix_seconds() - NOW, term.end.unix_seconds() - NOW)
    }

    #[test]
    fn at_most_half_of_a_life_is_served_and_never_its_last_seconds() {
        for (duration, least, end) in [
            (1800, 300, 900),
            (7200, 300, 3600),
            (1801, 300, 900),
            // The least life is more than half.
            (1800, 1200, 600),
            (360, 300, 60),
            (300, 300, 0),
            (299, 300, 0),
            (-1, 300, 0),
        ] {
            assert_eq!(term(duration, least, 0).1, end, "{duration} {least}");
        }
    }

    #[test]
    fn jitter_only_moves_a_refresh_ahead() {
        assert_eq!(term(1800, 300, 0), (810, 900));
        let mut last = 810;
        for jitter in 1..=u8::MAX {
            let (refresh, end) = term(1800, 300, jitter);
            assert!((629..=last).contains(&refresh) && end == 900, "{jitter}: {refresh}");
            last = refresh;
        }
        assert!(last < 640, "{last}");
    }

    #[test]
    fn an_entry_is_served_in_its_term_only() {
        let mut cache = Cache::new(10);
        cache.insert("a", Arc::new(1), Term::new(at(0), at(1800), 300, 0), at(0));
        let mut found = |seconds| {
            let cached = cache.find(&"a", at(seconds));
            cached.map(|cached| (*cached.value, cached.is_due))
        };
        assert_eq!(found(0), Some((1, false)));
        // A clock that was set back.
        assert_eq!(found(-1), None);
        assert_eq!(found(809), Some((1, false)));
        assert_eq!(found(810), Some((1, true)));
        assert_eq!(found(899), Some((1, true)));
        assert_eq!(found(900), None);
        // It is gone, not only hidden.
        assert_eq!(found(0), None);
    }

    #[test]
    fn what_has_no_term_is_not_kept() {
        let mut cache = Cache::new(10);
        cache.insert("a", Arc::new(1), Term::new(at(0), at(300), 300, 0), at(0));
        assert!(cache.find(&"a", at(0)).is_none());
        // An hour passed between its issue and its arrival.
        cache.insert("a", Arc::new(1), Term::new(at(0), at(1800), 300, 0), at(3600));
        assert!(cache.find(&"a", at(0)).is_none());
    }

    #[test]
    fn at_the_limit_what_ends_first_is_wiped() {
        let mut cache = Cache::new(2);
        let values: Vec<Arc<i64>> = (0..4).map(Arc::new).collect();
        for (key, duration) in [(0, 7200), (1, 1800), (2, 3600), (2, 3600), (3, 3600)] {
            let value = Arc::clone(&values[usize::try_from(key).unwrap()]);
            cache.insert(key, value, Term::new(at(0), at(duration), 300, 0), at(0));
        }
        let holders: Vec<usize> = values.iter().map(Arc::strong_count).collect();
        assert_eq!(holders, [2, 1, 1, 2]);
        cache.purge(at(1800));
        assert_eq!(Arc::strong_count(&values[3]), 1);
        assert!(cache.find(&0, at(1800)).is_some());
        assert_eq!((cache.entries.len(), cache.by_end.len()), (1, 1));
    }

    #[test]
    fn a_refresh_that_failed_is_put_off() {
        let mut cache = Cache::new(1);
        cache.insert("a", Arc::new(1), Term::new(at(0), at(1800), 300, 0), at(0));
        cache.put_off(&"a", at(850));
        assert!(!cache.find(&"a", at(849)).unwrap().is_due);
        assert!(cache.find(&"a", at(850)).unwrap().is_due);
    }
}
