//! The truth table: each behaviour of a platform that this cloud copies, and how it is known.
//!
//! # Guarantees
//! `docs/emulator-parity.md` is the only list; `cos-issuer parity` prints it. A test checks that
//! each of its rows is read and that the test that a row names exists. Rely on what is inferred in
//! no code that will be deployed.
//!
//! # Not covered
//! What is this cloud's own, such as its faults and its admin API.

use serde::Serialize;

/// The page that contains the table.
pub const PAGE: &str = include_str!("../../docs/emulator-parity.md");

/// One behaviour, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Entry<'a> {
    /// The part of the cloud.
    pub service: &'a str,
    /// What happens, in one sentence.
    pub behaviour: &'a str,
    /// How that is known: one of `documented`, `observed`, `sdk-source`, `inferred`, `not known`.
    pub source: &'a str,
    /// The page, where it was seen, which client relies on it, or the reasoning.
    pub detail: &'a str,
    /// The test that shows it here.
    pub test: &'a str,
}

/// Every behaviour, in the order in which a request meets the parts of the cloud.
pub fn entries() -> impl Iterator<Item = Entry<'static>> {
    entries_of(PAGE)
}

fn entries_of(page: &str) -> impl Iterator<Item = Entry<'_>> {
    page.split("\n## ").skip(1).flat_map(|part| {
        let service = part.lines().next().unwrap_or_default();
        part.lines().filter_map(move |line| entry(service, line))
    })
}

/// The entry in a row of the table; `None` for any other line.
fn entry<'a>(service: &'a str, line: &'a str) -> Option<Entry<'a>> {
    let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let (behaviour, known, test) = (cells.next()?, cells.next()?, cells.next()?);
    let (source, detail) = match known.strip_prefix("[documented](") {
        Some(page) => ("documented", page.strip_suffix(')')?),
        None => known.split_once(": ")?,
    };
    let test = test.trim_matches('`');
    let is_whole = SOURCES.contains(&source) && !test.is_empty() && cells.next().is_none();
    is_whole.then_some(Entry { service, behaviour, source, detail, test })
}

/// How many behaviours are known in which way.
pub fn summary() -> String {
    summary_of(PAGE)
}

/// The same of a page that has other rows.
pub fn summary_of(page: &str) -> String {
    let entries = || entries_of(page);
    let counts = SOURCES.map(|source| entries().filter(|entry| entry.source == source).count());
    let [documented, observed, sdk_source, inferred, not_known] = counts;
    format!(
        "{} behaviours: {documented} documented, {observed} observed, {sdk_source} from SDK source, \
         {inferred} inferred, {not_known} not known",
        entries().count(),
    )
}

/// The surest first.
const SOURCES: [&str; 5] = ["documented", "observed", "sdk-source", "inferred", "not known"];
