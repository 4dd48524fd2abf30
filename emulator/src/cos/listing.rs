//! One page of a list: keys and common prefixes in the order of their bytes.
//! <https://www.tencentcloud.com/document/product/436/7734>

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

/// The first page of `items`, which are in the order of their keys and after the marker.
pub(crate) fn page<T>(items: impl Iterator<Item = (String, T)>, query: &Query) -> Page<T> {
    let mut entries = Vec::new();
    let mut group = query.marker.clone();
    for (key, item) in items {
        let Some(rest) = key.strip_prefix(&query.prefix) else {
            continue;
        };
        let prefix = query.delimiter.and_then(|delimiter| {
            let (name, _) = rest.split_once(delimiter)?;
            Some(format!("{}{name}{delimiter}", query.prefix))
        });
        // Already listed: as the previous entry, or on the previous page.
        if prefix.as_ref() == Some(&group) {
            continue;
        }
        if entries.len() >= query.limit {
            // A list with a limit of 0 is empty and complete.
            let is_truncated = query.limit > 0;
            return Page { entries, is_truncated };
        }
        entries.push(match prefix {
            Some(prefix) => {
                group.clone_from(&prefix);
                Entry::Prefix(prefix)
            }
            None => Entry::Item(item),
        });
    }
    Page { entries, is_truncated: false }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Query, page};

    const KEYS: [&str; 7] = ["a", "b/", "b/1", "b/2", "c/1", "c/2/3", "d"];

    fn listed(prefix: &str, delimiter: Option<char>, marker: &str, limit: usize) -> (String, bool) {
        let query =
            Query { prefix: prefix.to_owned(), delimiter, marker: marker.to_owned(), limit };
        let items = KEYS
            .iter()
            .filter(|key| **key > marker)
            .map(|key| ((*key).to_owned(), (*key).to_owned()));
        let page = page(items, &query);
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
}
