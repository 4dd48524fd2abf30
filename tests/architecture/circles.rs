//! Circles of files: no file may depend on itself through others.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Dependencies, Imports, Sources};

/// Groups of files of which each depends on each other one, with what ties them.
pub(crate) fn circles(dependencies: &Dependencies) -> Vec<Dependencies> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in dependencies.keys() {
        uses.entry(from).or_default().insert(to);
    }
    let reached = |from: &str| {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = uses.get(from).into_iter().flatten().copied().collect();
        while let Some(file) = next.pop() {
            if found.insert(file) {
                next.extend(uses.get(file).into_iter().flatten());
            }
        }
        found
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|file| (*file, reached(file))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
    let groups: BTreeSet<BTreeSet<&str>> = uses
        .keys()
        .filter(|file| reaches(file, file))
        .map(|file| {
            let others = reached[file].iter().copied();
            others.filter(|other| reaches(other, file)).collect()
        })
        .collect();
    let edges_of = |group: &BTreeSet<&str>| {
        let edges = dependencies
            .iter()
            .filter(|((from, to), _)| group.contains(from.as_str()) && group.contains(to.as_str()));
        edges.map(|(edge, names)| (edge.clone(), names.clone())).collect()
    };
    groups.iter().map(edges_of).collect()
}

/// What a person needs to open a circle.
pub(crate) fn describe(circles: &[Dependencies]) -> String {
    let mut text = format!("{} circles of files\n", circles.len());
    for (number, circle) in circles.iter().enumerate() {
        text.push_str(&format!("\ncircle {}\n", number + 1));
        for ((from, to), names) in circle {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            text.push_str(&format!("  {from} -> {to}: {}\n", names.join(", ")));
        }
    }
    text
}

fn circles_of(files: &[(&str, &str)]) -> Vec<Dependencies> {
    let sources: Sources =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let imports = Imports::read(&sources, [("one", "src/lib.rs")]);
    circles(&imports.dependencies())
}

#[test]
fn a_circle_is_found_in_use_lines_paths_and_macros() {
    for (a, b) in [
        ("use crate::b::B; pub struct A(B);", "use super::a::A; pub struct B;"),
        ("pub fn a() { super::b::b(); }", "pub fn b() { let _ = crate::a::a; }"),
        ("use super::b::*; pub struct A(B);", "pub struct B; fn f(_: crate::a::A) {}"),
        ("fn f() { println!(\"{}\", crate::b::B) }", "pub const B: u8 = one::a::X; "),
        ("use super::b; const A: u8 = b::B;", "use crate::a as other; pub const B: u8 = 1;"),
        (
            "pub fn a() { use crate::b::B; }",
            "pub struct B { #[serde(with = \"crate::a::a\")] b: u8 }",
        ),
        ("macro_rules! m { () => { $crate::b::B } }", "pub struct B; use super::a::m;"),
    ] {
        let files = [("src/lib.rs", "mod a; mod b;"), ("src/a.rs", a), ("src/b.rs", b)];
        let found = circles_of(&files);
        assert_eq!(found.len(), 1, "{a}\n{b}");
        assert_eq!(found[0].len(), 2, "{a}\n{b}");
    }
}

#[test]
fn a_reexport_is_followed_to_the_file_that_defines() {
    let parent = "mod a; mod b; pub use a::A; pub use b::*;";
    let a = "use super::B; pub struct A(B);";
    let open = [("src/lib.rs", parent), ("src/a.rs", a), ("src/b.rs", "pub struct B;")];
    assert!(circles_of(&open).is_empty());
    let closed = [("src/lib.rs", parent), ("src/a.rs", a), ("src/b.rs", "pub struct B(crate::A);")];
    assert_eq!(circles_of(&closed).len(), 1);
    let with_parent = [
        ("src/lib.rs", "mod a; pub use a::A; pub struct Root;"),
        ("src/a.rs", "pub struct A(super::Root);"),
    ];
    assert_eq!(circles_of(&with_parent).len(), 1);
}

#[test]
fn modules_and_tests_make_no_circle() {
    let parent = "mod a; mod b; #[cfg(test)] mod tests;";
    for a in [
        "use crate::b::B; #[cfg(test)] mod tests { use crate::b::f; } pub struct A;",
        "#[cfg(test)] use crate::b::Other; use crate::b::B; pub struct A;",
        "use crate::b::B; impl A { #[cfg(test)] fn f() -> Map<u8, u8> { b::f() } }",
    ] {
        let b = "pub struct B; #[cfg(test)] fn f() { crate::a::A } mod inner { use super::B; } \
                 enum E { #[cfg(test)] One(crate::a::A), Two }";
        let files = [
            ("src/lib.rs", parent),
            ("src/a.rs", a),
            ("src/b.rs", b),
            ("src/tests.rs", "use super::a; mod more;"),
            ("src/tests/more.rs", "use super::super::b;"),
        ];
        assert!(circles_of(&files).is_empty(), "{a}");
    }
}
