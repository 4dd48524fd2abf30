//! One page of a list: keys and common prefixes in the order of their bytes.
//! <https://www.tencentcloud.com/document/product/436/7734>

use std::ops::Bound;

/// The parameters of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<char>,
    /// The list begins after it; a common prefix includes everything under it.
    pub(crate) marker: String,
    pub(crate) limit: usize,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry<T> {
    Item(T),
    Prefix(String),
}

/// A page, and whether more follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<Entry<T>>,
    pub(crate) is_truncated: bool,
}

/// The first page of the keys after the marker. `from` returns those at a bound and after it, in
/// their order; it is called again behind each common prefix, whose keys are never visited.
pub(crate) fn page<'k, T, I: Iterator<Item = (&'k str, T)>>(
    from: impl Fn(Bound<&str>) -> I,
    query: &Query,
) -> Page<T> {
    let mut entries = Vec::new();
    let mut is_truncated = false;
    let mut items = match query.common_prefix(&query.marker) {
        // Listed on the previous page.
        Some(prefix) if prefix == query.marker => {
            behind(prefix).map(|key| from(Bound::Included(&key)))
        }
        _ if query.marker >= query.prefix => Some(from(Bound::Excluded(&query.marker))),
        _ => Some(from(Bound::Included(&query.prefix))),
    };
    while let Some((key, item)) = items.as_mut().and_then(Iterator::next) {
        if !key.starts_with(&query.prefix) {
            break;
        }
        if entries.len() >= query.limit {
            // A list with a limit of 0 is empty and complete.
            is_truncated = query.limit > 0;
            break;
        }
        match query.common_prefix(key) {
            Some(prefix) => {
                items = behind(prefix).map(|key| from(Bound::Included(&key)));
                entries.push(Entry::Prefix(prefix.to_owned()));
            }
            None => entries.push(Entry::Item(item)),
        }
    }
    Page { entries, is_truncated }
}

impl Query {
    /// The part of `key` that is listed in its place: up to the first delimiter after the prefix.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(&self.prefix)?;
        let (_, below) = rest.split_once(self.delimiter?)?;
        key.strip_suffix(below)
    }
}

/// The least text after every text that begins with `prefix`, if there is one.
fn behind(prefix: &str) -> Option<String> {
    let last = prefix.chars().next_back()?;
    let next = (last..=char::MAX).nth(1)?;
    Some(format!("{}{next}", prefix.strip_suffix(last)?))
}

#[cfg(test)]
mod tests {
    use std::ops::Bound;

    use super::{Entry, Query, behind, page};

    const KEYS: [&str; 7] = ["a", "b/", "b/1", "b/2", "c/1", "c/2/3", "d"];

    fn is_before(key: &str, start: Bound<&str>) -> bool {
        match start {
            Bound::Included(start) => key < start,
            Bound::Excluded(start) => key <= start,
            Bound::Unbounded => false,
        }
    }

    fn listed(prefix: &str, delimiter: Option<char>, marker: &str, limit: usize) -> (String, bool) {
        let query =
            Query { prefix: prefix.to_owned(), delimiter, marker: marker.to_owned(), limit };
        let page = page(
            |start| {
                let first = KEYS.partition_point(|key| is_before(key, start));
                KEYS.iter().skip(first).map(|key| (*key, (*key).to_owned()))
            },
            &query,
        );
        let shown: Vec<String> = page
            .entries
            .into_iter()
            .map(|entry| match entry {
                Entry::Item(key) => key,
                Entry::Prefix(prefix) => format!("[{prefix}]"),
            })
            .collect();
        (shown.join(" "), page.is_truncated)
    }

    #[test]
    fn pages() {
        let slash = Some('/');
        for (prefix, delimiter, marker, limit, expected, more) in [
            ("", None, "", 10, "a b/ b/1 b/2 c/1 c/2/3 d", false),
            ("", slash, "", 10, "a [b/] [c/] d", false),
            ("", slash, "", 2, "a [b/]", true),
            ("", slash, "b/", 2, "[c/] d", false),
            ("", slash, "", 4, "a [b/] [c/] d", false),
            ("", slash, "", 3, "a [b/] [c/]", true),
            ("", slash, "c/", 9, "d", false),
            ("b/", slash, "", 9, "b/ b/1 b/2", false),
            ("c/", slash, "", 9, "c/1 [c/2/]", false),
            ("c", slash, "", 9, "[c/]", false),
            ("", None, "b/1", 1, "b/2", true),
            ("", None, "", 0, "", false),
            ("x", None, "", 9, "", false),
            ("", None, "z", 9, "", false),
        ] {
            assert_eq!(
                listed(prefix, delimiter, marker, limit),
                (expected.to_owned(), more),
                "{prefix:?} {delimiter:?} {marker:?} {limit}"
            );
        }
    }
    #[test]
    fn behind_a_prefix() {
        for (prefix, expected) in
            [("a/", Some("a0")), ("\u{d7ff}", Some("\u{e000}")), ("a\u{10ffff}", None), ("", None)]
        {
            assert_eq!(behind(prefix).as_deref(), expected, "{prefix:?}");
        }
    }

    #[test]
    fn the_keys_of_a_folder_are_passed_over() {
        let keys: Vec<String> = (0..100_000).map(|number| format!("a/{number:05}")).collect();
        let visits = std::cell::Cell::new(0);
        let from = |start: Bound<&str>| {
            let first = keys.partition_point(|key| is_before(key, start));
            let keys = keys.iter().skip(first).inspect(|_| visits.set(visits.get() + 1));
            keys.map(|key| (key.as_str(), ()))
        };
        let query = Query { delimiter: Some('/'), limit: 1000, ..Query::default() };
        let entries = page(from, &query).entries;
        assert_eq!(entries, [Entry::Prefix("a/".to_owned())]);
        assert_eq!(visits.get(), 1);
    }
}
