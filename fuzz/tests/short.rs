//! Every fuzz target, briefly: each file of its corpus, and a fixed number of mutations of them.
//!
//! # Guarantees
//!
//! The same inputs in every run, so a failure here is one that anybody can repeat; the input is
//! shown. A target without a corpus fails.
//!
//! # Not covered
//!
//! What only coverage finds, see `make fuzz`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests: what fails here must fail its test"
)]

mod mutations;

use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cos_issuer_fuzz::TARGETS;
use mutations::Mutations;

/// For each target: a few seconds in an unoptimised build.
const MUTATIONS: usize = 20_000;

/// One test for each target, so that they run at the same time.
macro_rules! tests {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { run(stringify!($name)); })*
    };
}

tests! {
    cos_address cos_auth cos_form cos_headers cos_image cos_s3 cos_xml decision grant hmac_caller
    lambda_event policy request scf_event sts_answer url_config
}

/// A target that nobody runs, or a corpus without one, is a mistake in a name.
#[test]
fn every_target_has_its_test_its_corpus_and_its_words() {
    let named: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(NAMES.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), named);
    for folder in ["corpus", "dict"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names: BTreeSet<String> =
            names.map(|name| name.to_string_lossy().into_owned()).collect();
        assert_eq!(names, named, "{folder}");
    }
}

fn run(name: &str) {
    // Each input of `grant` is a whole configuration.
    let mutations_count = if name == "grant" { 1_000 } else { MUTATIONS };
    let known = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = known.unwrap_or_else(|| panic!("no target {name}"));
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        let is_taken = holds(*target, bytes, &file.display().to_string());
        let is_a_refusal = file.to_string_lossy().contains("/refused_");
        assert!(!(is_taken && is_a_refusal), "{} is taken", file.display());
    }
    let inputs = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let mut mutations = Mutations::new(inputs, words(name));
    let mut taken = 0;
    for number in 0..mutations_count {
        let is_taken = holds(*target, &mutations.next(), &format!("mutation {number}"));
        taken += usize::from(is_taken);
    }
    let some = mutations_count / 200;
    let share = format!("{taken} of {mutations_count} mutations of {name} are taken");
    assert!(
        (some..mutations_count - some).contains(&taken),
        "{share}: too one-sided to try anything"
    );
}

/// Runs a target, and shows the input that breaks it.
fn holds(target: fn(&[u8]) -> bool, bytes: &[u8], what: &str) -> bool {
    catch_unwind(AssertUnwindSafe(|| target(bytes))).unwrap_or_else(|cause| {
        let input = bytes.escape_ascii();
        panic!("{what}: {}; the input is b\"{input}\"", message(cause.as_ref()))
    })
}

fn message(cause: &(dyn Any + Send)) -> &str {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("a promise is broken")
}

/// The files of a corpus, in the order of their names; an empty one fails.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root().join("corpus").join(name)).expect("a corpus");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus of {name} is empty");
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file of the corpus");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// The words of libFuzzer's dictionary: one quoted text a line.
fn words(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(root().join("dict").join(name)).expect("a dictionary");
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(word).collect()
}

/// Takes the escapes off: `\"`, `\\` and `\x0A`.
fn word(quoted: &str) -> Vec<u8> {
    let mut bytes = quoted.bytes();
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        word.push(match escaped {
            Some(b'x') => {
                let digits = [bytes.next(), bytes.next()].map(|digit| digit.expect("two digits"));
                let digits = std::str::from_utf8(&digits).expect("digits").to_owned();
                u8::from_str_radix(&digits, 16).expect("hex")
            }
            Some(other) => other,
            None => byte,
        });
    }
    word
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
