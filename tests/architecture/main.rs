//! Rules about the sources that no compiler checks: who may see a secret, who depends on whom, what each file opens with.
//!
//! Each rule also fails when it has nothing left to look at.

#![expect(
    clippy::expect_used,
    reason = "a source that cannot be read must fail its test"
)]

mod circles;
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use imports::{Imports, Sources};

/// The only files that may open a secret: the signers, the call, the client (a proxy's address), and the answer.
const MAY_EXPOSE: [&str; 7] = [
    "src/auth/hmac/signature.rs",
    "src/http_client.rs",
    "src/response.rs",
    "src/sts/request.rs",
    "tencent/src/sign/q_sign.rs",
    "tencent/src/sign/tc3.rs",
    "tencent/src/sign/v1.rs",
];

/// Layers, from the outside in: a file may use its own layer and those behind it.
const LAYERS: [&[&str]; 9] = [
    &["main"],
    &["app"],
    &["config"],
    &["runtime"],
    &["handler"],
    &["issuer", "response"],
    &["sts"],
    &["auth", "grant", "request"],
    &["entropy", "error", "http_client", "log"],
];

#[test]
fn a_secret_is_exposed_in_few_named_places() {
    let found: BTreeSet<String> = sources("src")
        .into_iter()
        .chain(sources("tencent/src"))
        .filter(|(_, text)| production(text).contains(".expose()"))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, BTreeSet::from(MAY_EXPOSE.map(str::to_owned)));
}

#[test]
fn the_only_secret_types_are_wiped_ones() {
    let (_, text) = sources("tencent/src")
        .into_iter()
        .find(|(name, _)| name == "tencent/src/secret.rs")
        .expect("secret.rs");
    assert!(text.contains("pub struct Secret(Zeroizing<String>);"));
    let is_plain = |text: &str| {
        let fields = ["secret_key: ", "session_token: ", "tmp_secret_key: "].into_iter();
        let types = fields.flat_map(|name| text.split(name).skip(1));
        types.into_iter().any(|rest| {
            ["String", "&str", "Option<String", "Vec<u8>"]
                .iter()
                .any(|plain| rest.starts_with(plain))
        })
    };
    let keys = sources("src")
        .into_iter()
        .filter(|(name, text)| name != "src/response.rs" && is_plain(production(text)));
    let keys = keys.map(|(name, _)| name);
    let keys: Vec<String> = keys.collect();
    assert!(keys.is_empty(), "a secret kept as plain text in {keys:?}");
}

#[test]
fn dependencies_point_one_way() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut uses = 0;
    for (name, text) in sources("src") {
        let module = name
            .trim_start_matches("src/")
            .split(['/', '.'])
            .next()
            .expect("a module")
            .to_owned();
        if module == "lib" {
            continue;
        }
        let own = layer(&module).unwrap_or_else(|| panic!("{name} is in no layer"));
        for used in used_modules(production(&text)) {
            let behind =
                layer(&used).unwrap_or_else(|| panic!("{name} uses {used}, which is in no layer"));
            assert!(
                used == module || behind > own || behind == own,
                "{name} must not use {used}"
            );
            uses += 1;
        }
    }
    assert!(
        uses > 40,
        "only {uses} uses found: the rule looks at nothing"
    );
}

#[test]
fn no_circles() {
    let sources: Sources = sources("").into_iter().collect();
    let crates = crates(&sources);
    let crates = crates
        .iter()
        .map(|(name, root)| (name.as_str(), root.as_str()));
    let imports = Imports::read(&sources, crates);
    let unread: Vec<&String> = sources
        .keys()
        .filter(|name| !imports.production.contains_key(*name) && !imports.tests.contains(*name))
        .collect();
    assert!(unread.is_empty(), "no crate has {unread:?}");
    let dependencies = imports.dependencies();
    assert!(
        dependencies.len() > 500,
        "only {} found",
        dependencies.len()
    );
    let found = circles::circles(&dependencies);
    assert!(found.is_empty(), "{}", circles::describe(&found));
}

#[test]
fn the_library_does_not_know_the_local_cloud() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let (_, package) = manifest.split_once("[package]").expect("a package");
    assert!(!package.contains("emulator") && !package.contains("[features]"));
    for (name, text) in sources("src") {
        let code = production(&text)
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        assert!(
            code.into_iter().all(|line| !line.contains("emulator")),
            "{name}"
        );
    }
}

#[test]
fn each_file_opens_with_what_it_is() {
    for folder in [
        "src", "tencent", "oracle", "tests", "emulator", "fuzz", "benches",
    ] {
        let files = sources(folder);
        assert!(!files.is_empty(), "no sources in {folder}");
        for (name, text) in files {
            assert!(text.starts_with("//! "), "{name} does not say what it is");
        }
    }
}

#[test]
fn each_direct_dependency_has_its_reason() {
    for manifest in [
        "Cargo.toml",
        "tencent/Cargo.toml",
        "oracle/Cargo.toml",
        "emulator/Cargo.toml",
        "fuzz/Cargo.toml",
        "tests/e2e/Cargo.toml",
        "benches/hello/Cargo.toml",
        "benches/cold-start/Cargo.toml",
    ] {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
        let mut section = "";
        let mut previous = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") && line.contains('=') {
                // A reason may stand above a group of lines that belong together.
                assert!(
                    previous.starts_with('#') || previous.contains('='),
                    "{manifest}: {line}"
                );
            }
            previous = line;
        }
    }
}

/// The page of known defects names tests; each has to be there.
#[test]
fn each_known_defect_has_its_tests() {
    let page = fs::read_to_string(root().join("docs/threats.md")).expect("the page");
    let mut code = String::new();
    for folder in ["src", "tencent", "tests", "emulator/src"] {
        for (_, text) in sources(folder) {
            code.push_str(&text);
        }
    }
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.trim_end_matches(['|', ' ']).rsplit("| ").next();
        let tests = tests.expect("a last column");
        if tests == "Tests" {
            continue;
        }
        let names: Vec<&str> = tests.split_whitespace().collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let name = name.trim_matches('`');
            assert!(code.contains(&format!("fn {name}(")), "no test `{name}`");
        }
        rows += 1;
    }
    assert!(rows > 25, "only {rows} rows found");
}

/// What a file compiles to when it is not tested.
fn production(text: &str) -> &str {
    text.split_once("#[cfg(test)]")
        .map_or(text, |(production, _)| production)
}

/// The crates of the workspace: the name by which others import each (empty: nobody does), and its root file.
fn crates(sources: &Sources) -> Vec<(String, String)> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let members = manifest.split("members = [").nth(1).expect("members");
    let members = members.split(']').next().expect("an end").split('"');
    let mut found = Vec::new();
    for member in members.skip(1).step_by(2).chain([""]) {
        let folder = root().join(member);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let package = manifest.split("[package]").nth(1).expect("a package");
        let name = package.split('"').nth(1).expect("a name").replace('-', "_");
        let below = |file: &str| {
            format!("{member}/{file}")
                .trim_start_matches('/')
                .to_owned()
        };
        for file in sources.keys() {
            let Some(own) = file.strip_prefix(&below("")) else {
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

/// The crate's modules that a text names, in `use crate::{a::B, c}` and in paths.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for rest in text
        .split("crate::")
        .skip(1)
        .chain(text.split("cos_issuer::").skip(1))
    {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap_or_default()
                .split(',')
                .collect(),
            None => vec![rest],
        };
        for name in names {
            let word: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if !word.is_empty() {
                modules.insert(word);
            }
        }
    }
    modules
}

/// Every Rust file below a folder, by its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !is_built(&path) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    found
}

/// Folders of what tools make.
fn is_built(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    ["target", "node_modules", ".git"]
        .iter()
        .any(|built| name == *built)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
