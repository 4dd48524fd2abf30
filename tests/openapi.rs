//! docs/openapi.yaml against the code, in both directions: routes, methods, parameters, formats,
//! error codes with their statuses and numbers.
//!
//! The document is read by lines and their indentation: it has no aliases, and one key a line.
//!
//! # Not covered
//!
//! The members of answers: `make interop` sends requests and compares each answer with the
//! document, whose objects admit no further member.

#![expect(clippy::unwrap_used, reason = "a document that cannot be read must fail its test")]

use std::collections::{BTreeMap, BTreeSet};

use cos_issuer::error::ErrorCode;
use cos_issuer::request::Route;

const DOCUMENT: &str = include_str!("../docs/openapi.yaml");

/// Where the paths, parameters and formats are written.
const ROUTES: &str = include_str!("../src/request/route.rs");
const PARAMETERS: &str = include_str!("../src/request/credential_request.rs");
const FORMATS: &str = include_str!("../src/request/format.rs");

/// No operation of the document can be answered with these.
const ELSEWHERE: [&str; 2] = ["404", "405"];

#[test]
fn every_route_has_its_methods() {
    let paths = children(DOCUMENT, "paths:");
    let documented: BTreeSet<String> = paths.keys().cloned().collect();
    assert_eq!(documented, quoted(between(ROUTES, "match path {", "_ => None")));
    for (path, item) in &paths {
        let methods = Route::of(path).unwrap().methods().iter();
        let methods: BTreeSet<String> = methods.map(|each| each.as_str().to_lowercase()).collect();
        let documented: BTreeSet<String> = entries(item).into_keys().collect();
        assert_eq!(documented, methods, "{path}");
    }
}

#[test]
fn every_parameter_and_format_is_documented() {
    let parameters = children(DOCUMENT, "  parameters:");
    let names = parameters.values().map(|text| between(text, "name: ", "\n").to_owned());
    let read = between(PARAMETERS, "match (name.as_str(), route) {", "(unknown, _)");
    assert_eq!(names.collect::<BTreeSet<_>>(), quoted(read));
    let formats = ["format", "newObjectFormat"].map(|name| between(&parameters[name], "[", "]"));
    let formats: BTreeSet<String> = formats.into_iter().flat_map(listed).collect();
    assert_eq!(formats, quoted(between(FORMATS, "match text {", "_ => Err")));
}

#[test]
fn every_code_has_its_status_and_number() {
    let mut documented = BTreeSet::new();
    let responses = children(DOCUMENT, "  responses:");
    for (name, response) in responses.iter().filter(|(_, text)| text.contains("codeDesc:")) {
        let numbers: BTreeSet<String> = listed(between(response, "code: { enum: [", "]")).collect();
        let mut known_numbers = BTreeSet::new();
        let codes = response.split("codeDesc:\n").nth(1).unwrap().lines();
        for code in codes.filter_map(|line| line.trim().strip_prefix("- ")) {
            let mut known = ErrorCode::ALL.iter().map(|known| known.info());
            let known = known.find(|known| known.name == code);
            let known = known.unwrap_or_else(|| panic!("{name}: {code} does not exist"));
            let status = known.status.as_str();
            let used = format!("\"{status}\": {{ $ref: \"#/components/responses/{name}\" }}");
            assert!(DOCUMENT.contains(&used) != ELSEWHERE.contains(&status), "{name}: {code}");
            known_numbers.insert(known.number.to_string());
            documented.insert(known.name);
        }
        assert_eq!(numbers, known_numbers, "{name}");
    }
    let known: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.info().name).collect();
    assert_eq!(documented, known);
}

/// An object that admits further members, or lacks some, would hide a change of an answer.
#[test]
fn objects_are_closed_and_complete() {
    let schemas = children(DOCUMENT, "  schemas:");
    let objects = schemas.iter().filter(|(_, text)| text.contains("type: object\n"));
    let mut seen = 0;
    for (name, schema) in objects {
        assert!(schema.contains("additionalProperties: false\n"), "{name}");
        let required: BTreeSet<String> = listed(between(schema, "required: [", "]")).collect();
        let members: BTreeSet<String> = children(schema, "      properties:").into_keys().collect();
        // The only object that clients send.
        assert!(required == members || name == "Scope", "{name}: {required:?}, {members:?}");
        seen += 1;
    }
    assert!(seen > 10, "only {seen} objects");
}

/// What is below the only line `key`, by name.
fn children(text: &str, key: &str) -> BTreeMap<String, String> {
    let start = format!("\n{key}\n");
    let mut parts = text.split(&start);
    let (_, below) = (parts.next().unwrap(), parts.next().unwrap());
    assert!(parts.next().is_none(), "{key} is there twice");
    let depth = indentation(key);
    let below = below.lines().take_while(|line| line.is_empty() || indentation(line) > depth);
    entries(&below.map(|line| format!("{line}\n")).collect::<String>())
}

/// The names of the outermost level, each with what is on its line and below.
fn entries(text: &str) -> BTreeMap<String, String> {
    let depth = text.lines().find(|line| !line.is_empty()).map_or(0, indentation);
    let mut found = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if indentation(line) == depth {
            last = line.trim().split(':').next().unwrap().to_owned();
        }
        let entry: &mut String = found.entry(last.clone()).or_default();
        if indentation(line) > depth {
            entry.push_str(line);
            entry.push('\n');
        }
    }
    assert!(!found.is_empty());
    found
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

fn listed(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|item| item.trim().to_owned())
}

fn quoted(text: &str) -> BTreeSet<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
