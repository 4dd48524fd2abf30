//! The only wildcard of CAM: `*` matches any run of characters, `/` included, and the empty one.
//!
//! Documented: `*` anywhere in an action
//! (<https://www.tencentcloud.com/document/product/598/10603>), and at the end of a resource
//! (<https://www.tencentcloud.com/document/product/436/30580>). Inferred: `*` elsewhere in a
//! resource means the same; `?` is an ordinary character. There is no escape.

/// Whether `pattern` covers the whole of `text`.
pub(super) fn covers(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let Some((middle, end)) = rest.rsplit_once('*') else {
        return text.ends_with(rest);
    };
    let Some(mut text) = text.strip_suffix(end) else {
        return false;
    };
    // Between two wildcards the leftmost match leaves the most text for the remaining parts.
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_matches_any_run_of_characters() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "a/b"),
            ("a*", "a"),
            ("a*c", "abc"),
            ("a*c", "ac"),
            ("**", "x"),
            ("*b*", "abc"),
            ("*b*c*", "abxc"),
            ("a*b*b", "abb"),
            ("文*", "文件"),
        ] {
            assert!(covers(pattern, text), "{pattern} on {text}");
        }
    }

    #[test]
    fn nothing_else_is_a_wildcard_and_no_character_counts_twice() {
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a?", "ab"),
            ("a*", "b"),
            ("ab*ba", "aba"),
            ("*ab*b", "ab"),
            ("a*b*b", "ab"),
            ("A*", "ab"),
            ("a*c", "acd"),
            ("*b*a*", "ab"),
        ] {
            assert!(!covers(pattern, text), "{pattern} on {text}");
        }
    }
}
