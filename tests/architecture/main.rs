//! Rules about the sources that the compiler does not check: who may expose a secret, who depends
//! on whom, how a file opens.
//!
//! # Guarantees
//!
//! The rules read every production line: only `#[cfg(test)]` items are cut. Each rule fails when it
//! finds nothing to look at.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a source that cannot be read must fail its test"
)]

mod circles;
mod imports;
mod prose;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use imports::{Dependencies, Files, Imports, Sources, tests_of};

/// The only files that may open a secret: the signers, the calls, the client (a proxy's address),
/// the answer, the beginning of a key's public half, and the form of a token in a file.
const MAY_EXPOSE: [&str; 14] = [
    "src/auth/hmac/signature.rs",
    "src/auth/wechat/code_exchange.rs",
    "src/http_client.rs",
    "src/response/formats.rs",
    "src/response/signed.rs",
    "src/shared_store.rs",
    "src/sts/exchange.rs",
    "src/sts/request.rs",
    "src/sts/response.rs",
    "src/sts/web_identity.rs",
    "tencent/src/sign/aws4.rs",
    "tencent/src/sign/q_sign.rs",
    "tencent/src/sign/tc3.rs",
    "tencent/src/sign/v1.rs",
];

/// The answer, which is where a credential becomes text.
const MAY_BE_PLAIN: [&str; 1] = ["src/response/formats.rs"];

/// The start of the program, and the log, whose lines have a time of their own. Everywhere else,
/// time is an argument.
const TAKE_CLOCK: [&str; 2] = ["src/log.rs", "src/main.rs"];

/// The wiring, and the definition. Everywhere else, entropy is an argument.
const TAKE_ENTROPY: [&str; 2] = ["src/app.rs", "src/entropy.rs"];

/// The modules of the function, from the outside in: each may use only those behind it.
const ORDER: [&str; 26] = [
    "main",
    "command_line",
    "health_check",
    "summary",
    "app",
    "config",
    "runtime",
    "handler",
    "audit",
    "issuer",
    "metrics",
    "response",
    "sts",
    "access",
    "grant",
    "rate_limit",
    "deny_list",
    "auth",
    "shared_store",
    "request",
    "deadline",
    "entropy",
    "error",
    "http_client",
    "log",
    "version",
];

/// Each package, the packages of ours that it is built on, and those that only its tests use.
const PACKAGES: [(&str, &[&str], &[&str]); 13] = [
    ("tencent", &[], &["oracle"]),
    ("oracle", &[], &[]),
    ("", &["tencent"], &[]),
    ("emulator", &["tencent"], &[]),
    ("cli", &["emulator", "", "tencent"], &[]),
    ("fuzz", &["emulator", "", "oracle", "tencent"], &[]),
    ("tests/e2e", &["emulator", "", "tencent"], &[]),
    ("benches/hello", &[], &[]),
    ("benches/sts", &[], &[]),
    ("benches/cold-start", &["benches/sts"], &[]),
    ("benches/compare", &["benches/sts"], &[]),
    ("benches/load", &["benches/sts"], &[]),
    ("benches/reference", &[], &[]),
];

#[test]
fn a_secret_is_exposed_in_few_named_places() {
    let found: BTreeSet<&str> = WORKSPACE
        .production(&["src/", "tencent/src/"])
        .filter(|(_, text)| text.contains(".expose()"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, BTreeSet::from(MAY_EXPOSE));
}

#[test]
fn the_only_secret_types_are_wiped_ones() {
    let text = &WORKSPACE.sources["tencent/src/secret.rs"];
    assert!(text.contains("pub struct Secret(Zeroizing<String>);"));
    let is_plain = |text: &str| {
        let fields = ["secret_key: ", "session_token: ", "tmp_secret_key: "];
        let mut types = fields.iter().flat_map(|name| text.split(name).skip(1));
        types.any(|rest| {
            ["String", "&str", "Option<String", "Vec<u8>"]
                .iter()
                .any(|plain| rest.starts_with(plain))
        })
    };
    let plain: Vec<&str> = WORKSPACE
        .production(&["src/"])
        .filter(|(name, text)| !MAY_BE_PLAIN.contains(name) && is_plain(text))
        .map(|(name, _)| name)
        .collect();
    assert!(plain.is_empty(), "a secret kept as plain text in {plain:?}");
}

#[test]
fn the_clock_and_the_entropy_of_the_system_are_taken_in_few_named_files() {
    for (name, expected) in [("SystemClock", TAKE_CLOCK), ("SystemEntropy", TAKE_ENTROPY)] {
        let words = WORKSPACE.words.iter();
        let found = words.filter(|(_, words)| words.iter().any(|word| word == name));
        let found: BTreeSet<&str> = found.map(|(file, _)| file.as_str()).collect();
        assert_eq!(found, BTreeSet::from(expected), "{name}");
    }
}

/// Rules look at production lines: nothing else may be cut from a file than test-only items.
#[test]
fn every_public_function_is_seen() {
    let is_public = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("pub") && line.split('{').next().is_some_and(|head| head.contains("fn "))
    };
    let mut seen = 0;
    for (name, cuts) in &WORKSPACE.files.production {
        let lines: Vec<&str> = WORKSPACE.sources[name].lines().collect();
        for cut in cuts {
            let item = &lines[cut.start - 1..cut.end - 1];
            let opens = item.iter().find(|line| !line.starts_with("///"));
            assert!(opens.is_some_and(|line| line.starts_with("#[")), "{name}: {cut:?}");
            let is_one_item = item.last().is_some_and(|line| *line == "}" || line.ends_with(';'));
            assert!(is_one_item, "{name}: lines {cut:?} are not one item");
            let inside = item.iter().filter(|line| **line == "}").count();
            assert!(inside <= 1, "{name}: lines {cut:?} are more than one item");
        }
        let text = WORKSPACE.production_of(name);
        let all = lines.iter().filter(|line| is_public(line)).count();
        let cut: usize = cuts
            .iter()
            .map(|cut| &lines[cut.start - 1..cut.end - 1])
            .map(|item| item.iter().filter(|line| is_public(line)).count())
            .sum();
        assert_eq!(text.lines().filter(|line| is_public(line)).count(), all - cut, "{name}");
        seen += all - cut;
    }
    assert!(seen > 500, "only {seen} public functions seen");
    let verifier = WORKSPACE.production_of("src/auth/jwt/token_verifier.rs");
    assert!(verifier.contains("fn verify("), "the verifier of tokens escapes the rules");
}

#[test]
fn dependencies_point_one_way() {
    let module = |file: &str| -> Option<usize> {
        let own = file.strip_prefix("src/").filter(|own| *own != "lib.rs")?;
        let module = own.split(['/', '.']).next()?;
        let place = ORDER.iter().position(|other| *other == module);
        Some(place.unwrap_or_else(|| panic!("{file} has no place in the order")))
    };
    let mut uses = 0;
    let mut found = BTreeSet::new();
    for ((from, to), names) in &WORKSPACE.dependencies {
        let (Some(own), Some(used)) = (module(from), module(to)) else {
            continue;
        };
        uses += 1;
        if used < own {
            found.insert(format!("{from} -> {to}: {names:?}"));
        }
    }
    assert!(found.is_empty(), "against the order:\n{found:#?}");
    assert!(uses > 100, "only {uses} uses found: the rule looks at nothing");
    for module in ORDER {
        let [file, folder] = [format!("src/{module}.rs"), format!("src/{module}/")];
        let mut files = WORKSPACE.sources.keys();
        let exists = files.any(|name| *name == file || name.starts_with(&folder));
        assert!(exists, "{module} is in the order and not in src/");
    }
}

#[test]
fn no_circles() {
    let found = circles::circles(&WORKSPACE.dependencies);
    assert!(found.is_empty(), "{}", circles::describe(&found));
}

#[test]
fn every_source_is_read() {
    let Workspace { sources, files, dependencies, .. } = &*WORKSPACE;
    let is_unread =
        |name: &&String| !files.production.contains_key(*name) && !files.tests.contains(*name);
    let unread: Vec<&String> = sources.keys().filter(is_unread).collect();
    assert!(unread.is_empty(), "part of no crate: {unread:?}");
    assert!(dependencies.len() > 1000, "only {} found", dependencies.len());
}

#[test]
fn packages_depend_on_what_they_may() {
    let mut found: Vec<String> = members();
    found.sort();
    let mut known: Vec<&str> = PACKAGES.iter().map(|(package, ..)| *package).collect();
    known.sort_unstable();
    assert_eq!(found, known);
    for (package, built_on, tests_use) in PACKAGES {
        for (section, expected) in [("dependencies", built_on), ("dev-dependencies", tests_use)] {
            let found = own_dependencies(package, section);
            let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "[{section}] of {package:?}");
        }
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    // The deployed function has no features, and the server only its allocator.
    let features =
        manifest.split_once("\n[features]\n").and_then(|(_, rest)| rest.split("\n\n").next());
    assert_eq!(features, Some("mimalloc = [\"dep:mimalloc\"]"));
}

#[test]
fn no_module_is_a_file_of_another_package() {
    let package = |file: &str| {
        let packages = PACKAGES.iter().map(|(package, ..)| *package);
        let own = packages.filter(|package| file.starts_with(*package));
        own.max_by_key(|package| package.len()).map(str::to_owned)
    };
    let paths = &WORKSPACE.files.paths;
    assert!(!paths.is_empty(), "the rule looks at nothing");
    for (file, target) in paths {
        assert_eq!(package(file), package(target), "{file} takes {target} by its path");
    }
}

#[test]
fn the_function_uses_every_item_it_has() {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for (name, file) in &WORKSPACE.words {
        items.extend(public_items(file).into_iter().map(|item| (name, item)));
        for word in file {
            *words.entry(word.clone()).or_default() += 1;
        }
    }
    assert!(items.len() > 300, "only {} items found", items.len());
    items.retain(|(_, item)| words[item] < 2);
    assert!(items.is_empty(), "only tests use {items:?}");
}

#[test]
fn each_file_opens_with_what_it_is() {
    for (name, text) in &WORKSPACE.sources {
        assert!(text.starts_with("//! "), "{name} has no module documentation");
    }
}

#[test]
fn each_direct_dependency_has_its_reason() {
    for member in members() {
        let text = manifest(&member);
        let mut section = "";
        let mut previous = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") && line.contains('=') {
                // A reason can be above a group of lines that belong together.
                let has_reason = previous.starts_with('#') || previous.contains('=');
                assert!(has_reason, "{member}: {line}");
            }
            previous = line;
        }
    }
}

/// The page of known defects names tests; each has to be one.
#[test]
fn each_known_defect_has_its_tests() {
    let page = fs::read_to_string(root().join("docs/threats.md")).expect("the page");
    let tests: BTreeSet<String> =
        WORKSPACE.sources.values().flat_map(|text| tests_of(text)).collect();
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let named = row.trim_end_matches(['|', ' ']).rsplit("| ").next();
        let named = named.expect("a last column");
        if named == "Tests" {
            continue;
        }
        assert!(!named.is_empty(), "{row}");
        for name in named.split_whitespace() {
            let name = name.trim_matches('`');
            assert!(tests.contains(name), "no test `{name}`");
        }
        rows += 1;
    }
    assert!(rows > 25, "only {rows} rows found");
}

/// Every source of the workspace, and who imports whom.
struct Workspace {
    sources: Sources,
    files: Files,
    /// The words of the function's code, by file.
    words: BTreeMap<String, Vec<String>>,
    dependencies: Dependencies,
}

static WORKSPACE: LazyLock<Workspace> = LazyLock::new(|| {
    let sources: Sources = sources("").into_iter().collect();
    let crates = crates(&sources);
    let crates = crates.iter().map(|(name, root)| (name.as_str(), root.as_str()));
    let imports = Imports::read(&sources, crates);
    let own = imports.files.production.keys().filter(|name| name.starts_with("src/"));
    Workspace {
        dependencies: imports.dependencies(),
        words: own.map(|name| (name.clone(), imports.words(name))).collect(),
        files: imports.files,
        sources,
    }
});

impl Workspace {
    /// The files below these folders, as they compile when they are not tested.
    fn production(&self, folders: &[&str]) -> impl Iterator<Item = (&str, String)> {
        let names = self.files.production.keys();
        let chosen = names.filter(|name| folders.iter().any(|folder| name.starts_with(folder)));
        let files = chosen.map(|name| (name.as_str(), self.production_of(name)));
        files.collect::<Vec<_>>().into_iter()
    }

    fn production_of(&self, name: &str) -> String {
        let cuts = &self.files.production[name];
        let lines = self.sources[name].lines().enumerate();
        let kept = lines.filter(|(at, _)| !cuts.iter().any(|cut| cut.contains(&(at + 1))));
        kept.map(|(_, line)| line.to_owned() + "\n").collect()
    }
}

/// The names that follow `pub` and the keyword of an item.
fn public_items(words: &[String]) -> Vec<String> {
    let keywords = ["fn", "struct", "enum", "const", "type", "trait", "static"];
    let is_public = |at: usize| words[at.saturating_sub(4)..at].iter().any(|word| word == "pub");
    let names = words.windows(2).enumerate().filter_map(|(at, pair)| {
        let is_item = keywords.contains(&pair[0].as_str()) && !keywords.contains(&pair[1].as_str());
        (is_item && is_public(at)).then(|| pair[1].clone())
    });
    names.collect()
}

/// The folders of the packages; the root's is empty.
fn members() -> Vec<String> {
    let manifest = manifest("");
    let members = manifest.split("members = [").nth(1).expect("members");
    let members = members.split(']').next().expect("an end").split('"');
    let own = members.skip(1).step_by(2).chain([""]);
    own.map(str::to_owned).collect()
}

fn manifest(package: &str) -> String {
    let path = root().join(package).join("Cargo.toml");
    fs::read_to_string(path).expect("a manifest")
}

/// The folders of our packages in one section of a manifest.
fn own_dependencies(package: &str, section: &str) -> BTreeSet<String> {
    let manifest = manifest(package);
    let mut is_in = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_in = line == format!("[{section}]") || line.ends_with(&format!(".{section}]"));
        }
        let Some((_, path)) = line.split_once("path = \"").filter(|_| is_in) else {
            continue;
        };
        let path = root().join(package).join(path.split('"').next().expect("an end"));
        let path = path.canonicalize().expect("a folder");
        let own = path.strip_prefix(root().canonicalize().expect("the root"));
        found.insert(own.expect("a folder of ours").to_string_lossy().into_owned());
    }
    found
}

/// The crates of the workspace: the name by which others import each (empty: nobody does), and its
/// root file.
fn crates(sources: &Sources) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for member in members() {
        let manifest = manifest(&member);
        let package = manifest.split("[package]").nth(1).expect("a package");
        let name = package.split('"').nth(1).expect("a name").replace('-', "_");
        let folder = format!("{member}/").trim_start_matches('/').to_owned();
        for file in sources.keys() {
            let Some(own) = file.strip_prefix(&folder) else {
                continue;
            };
            let parts: Vec<&str> = own.split('/').collect();
            match parts.as_slice() {
                ["src", "lib.rs"] => found.push((name.clone(), file.clone())),
                ["src", "main.rs"] | ["src", "bin", _] | ["tests", _] | ["tests", _, "main.rs"] => {
                    found.push((String::new(), file.clone()));
                }
                _ => {}
            }
        }
    }
    found
}

/// Every Rust file below a folder, by its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let names = files(folder).into_iter().filter(|name| name.ends_with(".rs"));
    let read = |name: &String| fs::read_to_string(root().join(name)).expect("a source");
    names.map(|name| (name.clone(), read(&name))).collect()
}

/// Every file below a folder, by its path from the root.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !is_built(&path) {
                folders.push(path);
            } else if path.is_file() {
                let name = path.strip_prefix(root()).expect("below the root");
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Folders of what tools make.
fn is_built(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    ["target", "node_modules", ".git"].iter().any(|built| name == *built)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
