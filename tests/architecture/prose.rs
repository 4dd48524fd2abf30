//! The words of comments, messages and pages: a list of patterns that they do not use.
//!
//! Comments and messages are read in the sources, prose outside of code in the pages, and comments
//! in scripts and settings. A comment is at most 100 characters wide, as code is.
//!
//! # Not covered
//!
//! Names of items, text that tests compare, and pages of other languages than English and Chinese.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

use super::{WORKSPACE, files, root};

/// What is not written, and where the same words are right.
const PHRASES: [(&str, &[&str]); 33] = [
    // "is not a file", not "is no file".
    ("is no", &["there is no", "is no longer"]),
    ("are no", &["there are no", "are no longer"]),
    ("is none", &["there is none"]),
    ("are none", &["there are none"]),
    // Code returns, reports, contains; it does not speak.
    ("tell", &[]),
    ("tells", &[]),
    ("told", &[]),
    ("says", &[]),
    ("said", &[]),
    ("speaks", &[]),
    ("stands", &[]),
    ("holds", &[]),
    ("comes in", &[]),
    ("has not", &["has not been"]),
    ("shall", &[]),
    // Who: a caller, a client, an operator.
    ("whoever", &[]),
    ("the other side", &[]),
    // "only" and "next to".
    ("alone", &[]),
    ("beside", &[]),
    // Pictures for what has a name.
    ("room", &[]),
    ("rooms", &[]),
    ("door", &[]),
    ("doors", &[]),
    ("judge", &[]),
    ("judges", &[]),
    ("judged", &[]),
    ("patience", &[]),
    ("mint", &[]),
    ("mints", &[]),
    ("minted", &[]),
    ("mended", &[]),
    ("stranger", &[]),
    ("remedy", &[]),
];

/// Words that are not ours to change: the file, the phrase, and why.
const EXCEPTIONS: [(&str, &str, &str); 1] =
    [("tests/architecture/prose.rs", "is no", "the comment that explains the rule")];

/// The width of `.rustfmt.toml`.
const WIDTH: usize = 100;

/// Half-width punctuation, which does not follow a Chinese character.
const HALF_WIDTH: &str = ",;:!?().";

/// One place where a pattern is used.
struct Finding {
    file: String,
    pattern: String,
    text: String,
}

#[test]
fn prose_follows_the_word_list() {
    let mut found = Vec::new();
    let mut pieces = 0;
    for name in files("") {
        for (text, is_chinese) in pieces_of(&name) {
            pieces += 1;
            for pattern in patterns_in(&text, is_chinese) {
                found.push(Finding { file: name.clone(), pattern, text: text.clone() });
            }
        }
    }
    assert!(pieces > 5_000, "only {pieces} lines read");
    for (file, phrase, reason) in EXCEPTIONS {
        let before = found.len();
        found.retain(|at| at.file != file || at.pattern != phrase);
        assert!(found.len() < before, "{file}: `{phrase}` is not used ({reason})");
    }
    assert!(found.is_empty(), "{}", report(&found));
}

#[test]
fn comments_are_at_most_100_wide() {
    let mut wide = String::new();
    let mut lines = 0;
    for name in files("") {
        let text = fs::read_to_string(root().join(&name)).unwrap_or_default();
        let mut is_code = false;
        for (line, comment) in comments(&name, &text) {
            lines += 1;
            let comment = comment.trim_start_matches(['/', '!', '#', '*', ' ']);
            is_code ^= comment.starts_with("```");
            if line.chars().count() > WIDTH && !is_code && !cannot_be_broken(comment) {
                let _ = writeln!(wide, "{name}: {line}");
            }
        }
    }
    assert!(lines > 5_000, "only {lines} lines read");
    assert!(wide.is_empty(), "wider than {WIDTH}, outside of diagrams:\n{wide}");
}

#[test]
fn patterns_are_found_and_right_sentences_pass() {
    let found = |text: &str| patterns_in(text, false);
    assert_eq!(found("What is no name IS refused; it tells why."), ["is no", "tells"]);
    assert_eq!(found("the door, beside it"), ["beside", "door"]);
    for right in [
        "There is no such file.",
        "It is no longer used, and has not been changed.",
        "The headroom of indoor toolboxes.",
        "`is no` in code",
    ] {
        assert!(found(right).is_empty(), "{right}: {:?}", found(right));
    }
    let chinese = |text: &str| patterns_in(text, true);
    assert_eq!(chinese("中文,半角").len(), 1);
    assert_eq!(chinese("第一行\n第二行。").len(), 1);
    assert!(chinese("中文，全角；`code`: [链接](page.md#中文)。").is_empty());
}

#[test]
fn comments_of_each_language_are_found() {
    let found = |name: &str, text: &'static str| -> Vec<&str> {
        comments(name, text).into_iter().map(|(_, comment)| comment).collect()
    };
    assert_eq!(found("a.rs", "/// One.\nfn two() {} // three\n"), ["/// One.", "three"]);
    assert_eq!(found("a.js", "const a = 1; // one\n# two\n"), ["one", "# two"]);
    assert_eq!(found("Makefile", "all: ## One\n# two\n"), ["One", "# two"]);
    assert_eq!(found("run", "#!/bin/sh\n# one\nls # two\n"), ["#!/bin/sh", "# one", "two"]);
    let python = "#!/usr/bin/env python3\n\"\"\"One.\n\ntwo\n\"\"\"\nthree = 4  # five\n";
    let lines = ["#!/usr/bin/env python3", "\"\"\"One.", "", "two", "\"\"\"", "five"];
    assert_eq!(found("run", python), lines);
    assert!(found("a.json", "# one").is_empty() && found("run", "# one").is_empty());
}

fn report(found: &[Finding]) -> String {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut patterns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut text = String::new();
    for Finding { file, pattern, text: line } in found {
        *folders.entry(file.split('/').next().unwrap_or(file)).or_default() += 1;
        *patterns.entry(pattern).or_default() += 1;
        let line: String = line.chars().take(120).collect();
        let _ = writeln!(text, "{file}: `{pattern}` in: {}", line.trim().replace('\n', " "));
    }
    format!("{text}\n{} uses\nby folder: {folders:?}\nby pattern: {patterns:?}", found.len())
}

/// The pieces of prose in a file, each with whether it is Chinese.
fn pieces_of(name: &str) -> Vec<(String, bool)> {
    let text = fs::read_to_string(root().join(name)).unwrap_or_default();
    if name.ends_with(".md") {
        return paragraphs(&text, name.contains("zh-CN") || name.contains("/zh/"));
    }
    let comments =
        comments(name, &text).into_iter().map(|(_, comment)| (comment.to_owned(), false));
    comments.chain(messages(name)).collect()
}

/// The lines of a file that have a comment, and the comment of each.
fn comments<'a>(name: &str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    let extension = name.rsplit(['.', '/']).next().unwrap_or_default();
    let is_script = text.starts_with("#!") && extension != "rs";
    let marks: &[&str] = match extension {
        "rs" => &["//"],
        "js" | "tf" => &["//", "#", "*"],
        "toml" | "py" | "yml" | "yaml" | "Makefile" | "in" => &["#"],
        _ if is_script => &["#"],
        _ => return Vec::new(),
    };
    let has_docstrings = extension == "py" || text.starts_with("#!/usr/bin/env python3");
    let mut is_docstring = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let quotes = if has_docstrings { line.matches("\"\"\"").count() } else { 0 };
        let is_comment = marks.iter().any(|mark| line.trim_start().starts_with(mark));
        if is_comment || is_docstring || line.trim_start().starts_with("\"\"\"") && quotes > 0 {
            found.push((line, line));
        } else if let Some(after) = trailing(line, marks[0]) {
            found.push((line, after));
        }
        is_docstring ^= quotes % 2 == 1;
    }
    found
}

/// The comment behind code, or the help of a target in the Makefile.
fn trailing<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let marks = [format!(" {mark} "), " ## ".to_owned()];
    marks.iter().find_map(|mark| line.split_once(mark)).map(|(_, after)| after)
}

/// A row of a table, and what has no place for a break: an address, a path, JSON.
fn cannot_be_broken(comment: &str) -> bool {
    comment.starts_with('|') || comment.split(' ').any(|word| word.len() > 70)
}

/// The sentences that production code prints or returns.
fn messages(name: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    if ["src/", "tencent/src/", "emulator/src/", "cli/src/"].iter().any(|own| name.starts_with(own))
        && WORKSPACE.files.production.contains_key(name)
    {
        let text = WORKSPACE.production_of(name);
        let tokens = TokenStream::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        strings(tokens, &mut found);
    }
    found
}

fn strings(tokens: TokenStream, found: &mut Vec<(String, bool)>) {
    for token in tokens {
        match token {
            // Documentation is read with the comments.
            TokenTree::Group(group) if !group.stream().to_string().starts_with("doc =") => {
                strings(group.stream(), found);
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.split_whitespace().count() > 2 {
                    found.push((text, false));
                }
            }
            _ => {}
        }
    }
}

/// Paragraphs, rows, items and headings of a page.
fn paragraphs(text: &str, is_chinese: bool) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut is_code = false;
    let mut goes_on = false;
    for line in text.lines() {
        let start = line.trim_start();
        if start.starts_with("```") {
            is_code = !is_code;
            goes_on = false;
            continue;
        }
        if is_code || start.is_empty() {
            goes_on = false;
            continue;
        }
        let is_own = start.starts_with(['|', '#', '>', '-', '*', '<'])
            || start.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        match found.last_mut().filter(|_| goes_on && !is_own) {
            Some((last, _)) => {
                last.push('\n');
                last.push_str(line);
            }
            None => found.push((line.to_owned(), is_chinese)),
        }
        goes_on = !start.starts_with(['|', '#', '<']);
    }
    found
}

/// The patterns in one piece of prose.
fn patterns_in(text: &str, is_chinese: bool) -> Vec<String> {
    let mut found = Vec::new();
    let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
    if is_chinese {
        let links = prose.split("](").enumerate().map(|(at, part)| match at {
            0 => part,
            _ => part.split_once(')').map_or(part, |(_, rest)| rest),
        });
        let characters: Vec<char> = links.flat_map(str::chars).collect();
        let after = characters.windows(2).filter(|pair| is_han(pair[0]));
        found.extend(after.filter_map(|pair| match pair[1] {
            '\n' => Some("a line break in a Chinese paragraph".to_owned()),
            mark if HALF_WIDTH.contains(mark) => Some(format!("half-width {mark} after Chinese")),
            _ => None,
        }));
        return found;
    }
    let words = words_of(&prose);
    for (phrase, right) in PHRASES {
        let all = words.matches(&format!(" {phrase} ")).count();
        let right = right.iter().map(|right| words.matches(&format!(" {right} ")).count());
        if all > right.sum() {
            found.push(phrase.to_owned());
        }
    }
    found.sort();
    found
}

/// Lower-case words with single spaces around each; punctuation is a word, so that no phrase goes
/// across it.
fn words_of(text: &str) -> String {
    let mut words = " ".to_owned();
    for part in text.split_whitespace() {
        if ["//", "///", "//!", "#", "*"].contains(&part) {
            continue;
        }
        for c in part.chars() {
            match c {
                c if c.is_alphanumeric() || "'-_".contains(c) => words.extend(c.to_lowercase()),
                '\u{2019}' => words.push('\''),
                c if words.ends_with(' ') => {
                    words.push(c);
                    words.push(' ');
                }
                c => {
                    words.push(' ');
                    words.push(c);
                    words.push(' ');
                }
            }
        }
        if !words.ends_with(' ') {
            words.push(' ');
        }
    }
    words
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || "，。；：、！？）”》」".contains(c)
}
