//! The truth table is complete in itself: each row is read, and names a test that exists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cos_emulator::parity;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of every test function of the project.
fn tests() -> BTreeSet<String> {
    let mut folders =
        ["src", "tests", "tencent", "emulator/src", "emulator/tests", "cli/src", "cli/tests"]
            .map(|folder| root().join(folder))
            .to_vec();
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_of(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    names
}

/// Functions behind `#[test]` or `#[tokio::test]`, other attributes between.
fn tests_of(text: &str) -> Vec<String> {
    let mut is_test = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((before, rest)) = line.split_once("fn ") {
            if is_test && ["", "async "].contains(&before) {
                names.push(rest.split('(').next().unwrap().to_owned());
            }
            is_test = false;
        }
    }
    names
}

#[test]
fn every_row_names_a_test_that_exists() {
    let tests = tests();
    assert!(tests.contains("every_row_names_a_test_that_exists"), "the search finds itself");
    assert!(!tests.contains("tests_of"), "and no helper");
    let mut named = 0;
    for entry in parity::entries() {
        let test = entry.test;
        assert!(tests.contains(test), "{}: there is no test `{test}`", entry.behaviour);
        named += 1;
    }
    assert!(named > 40, "{named}");
}

#[test]
fn sources_are_named_and_no_behaviour_is_listed_twice() {
    let mut behaviours = BTreeSet::new();
    for entry in parity::entries() {
        assert!(behaviours.insert((entry.service, entry.behaviour)), "twice: {}", entry.behaviour);
        assert!(!entry.detail.is_empty(), "{}", entry.behaviour);
        let is_page = entry.detail.starts_with("https://");
        assert!(is_page || entry.source != "documented", "{}", entry.behaviour);
    }
}

#[test]
fn each_row_of_the_page_is_read_and_counted() {
    let rows = parity::PAGE.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|row| !row.starts_with("| Behaviour |"));
    assert_eq!(parity::entries().count(), rows.count());
    assert!(parity::PAGE.contains(&parity::summary()), "its numbers are: {}", parity::summary());
}
