//! The documents against the sources: links lead somewhere, every code and variable is documented,
//! every folder has its row, recipes and commands are complete.
//!
//! # Guarantees
//!
//! Each rule fails when it finds nothing to look at.
//!
//! # Not covered
//!
//! Whether sentences are true, and addresses of the web.

#![expect(clippy::unwrap_used, reason = "a document that cannot be read must fail its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cos_issuer::error::ErrorCode;
use cos_issuer::grant::Preset;
use serde_json::Value;

/// The recipes of CONTRIBUTING.md, and the words of what each follows.
const RECIPES: [(&str, &[&str]); 2] = [
    (
        "a new authentication method",
        &["HmacKey", "HmacKeys", "AuthMethod::Hmac", "HMAC_KEYS", "\"hmac\"", "`hmac`"],
    ),
    ("a new limit in a grant", &["max_size_bytes", "MAX_SIZE_BYTES"]),
];

/// Words of the query languages of CLS and CloudWatch, in lower case; CLS takes upper case too.
const QUERY_WORDS: [&str; 28] = [
    "",
    "__TIMESTAMP__",
    "approx_percentile",
    "as",
    "and",
    "avg",
    "bin",
    "by",
    "cast",
    "count",
    "count_if",
    "desc",
    "display",
    "filter",
    "histogram",
    "interval",
    "limit",
    "minute",
    "pct",
    "sort",
    "stats",
    "sum",
    "timestamp",
    "0",
    "1m",
    "20",
    "99",
    "100",
];

/// Pages that mention what exists without describing it.
const HISTORY: [&str; 2] = ["CHANGELOG.md", "CONTRIBUTING.md"];

#[test]
fn links_lead_to_files_and_headings() {
    let mut links = 0;
    for page in pages() {
        for link in links_of(&prose(&read(&page))) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => root().join(&page),
                path => root().join(&page).parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            if !heading.is_empty() {
                let text = prose(&fs::read_to_string(&target).unwrap());
                let is_there = text.lines().filter(|line| line.starts_with('#'));
                let is_there = is_there.into_iter().any(|line| anchor(line) == heading);
                assert!(is_there, "{page}: {link} names no heading");
            }
            links += 1;
        }
    }
    assert!(links > 40, "only {links} links found");
}

#[test]
fn every_code_is_documented_in_both_languages() {
    for page in ["README.md", "README.zh-CN.md"] {
        let documented = codes_of(&read(page));
        let known: BTreeSet<String> =
            ErrorCode::ALL.iter().map(|rule| rule.info().name.to_owned()).collect();
        assert_eq!(documented, known, "{page}");
    }
}

#[test]
fn every_variable_is_documented_in_both_languages() {
    let variables = variables();
    assert!(variables.len() > 30, "only {variables:?}");
    let tokens = read("docs/jwt.md");
    for page in ["README.md", "README.zh-CN.md"] {
        let text = read(page);
        for variable in &variables {
            let name = format!("`{variable}`");
            let is_documented = text.contains(&name) || variable.starts_with("JWT_");
            assert!(is_documented, "{page} does not document {variable}");
            let is_documented = tokens.contains(&name) || !variable.starts_with("JWT_");
            assert!(is_documented, "docs/jwt.md does not document {variable}");
        }
    }
}

/// GitHub shows them with the page, and each visitor loads them.
#[test]
fn pictures_are_small_and_shown_in_both_languages() {
    let folder = "docs/pictures";
    let files = fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap);
    let mut count = 0;
    for file in files {
        let name = file.file_name().into_string().unwrap();
        let bytes = file.metadata().unwrap().len();
        assert!((1000..150_000).contains(&bytes), "{name} has {bytes} bytes");
        for page in ["README.md", "README.zh-CN.md"] {
            assert!(read(page).contains(&format!("]({folder}/{name})")), "{page}: {name}");
        }
        count += 1;
    }
    assert_eq!(count, 3);
}

/// The page prints the policy for uploads and downloads, and names what the other presets add.
#[test]
fn page_of_the_calling_key_names_every_operation() {
    let page = read("docs/calling-key.md");
    for (name, preset) in Preset::CHOICES {
        for operation in preset.operations() {
            let action = format!("name/cos:{}", operation.name());
            assert!(page.contains(&action), "{name} grants {action}");
        }
    }
}

/// Each message that the page describes is one that the function writes, with these members.
#[test]
fn log_lines_that_are_described_exist() {
    let page = read("docs/log.md");
    let (_, table) = page.split_once("\n## Other lines\n").unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 10, "only {rows:?}");
    let sources: String = files_below("src").iter().map(|file| read(file)).collect();
    for row in rows {
        let mut names = quoted(row).into_iter();
        let message = names.next().unwrap();
        let message = message.trim_end_matches('…');
        assert!(sources.contains(&format!("\"{message}")), "no line has the message {message}");
        for name in names.filter(|name| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')) {
            let is_member = [format!("{name} ="), format!("\"{name}\""), format!(" {name},")];
            assert!(is_member.iter().any(|text| sources.contains(text)), "{message}: {name}");
        }
    }
}

/// Each word of a query is a member of the audit line, a name that the query gives, or the query
/// language's.
#[test]
fn queries_of_the_log_name_its_members() {
    let members = table_of(&read("docs/log.md"), "## Members of an audit line");
    assert!(members.len() > 25, "only {members:?}");
    let mut queries = 0;
    for page in ["docs/log.md", "docs/en/alarms-and-dashboards.md"] {
        let page = read(page);
        let blocks = page.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        for query in blocks.flat_map(str::lines).filter(|line| line.contains("message")) {
            let given = query.split(' ').collect::<Vec<_>>();
            let given = given.windows(2).filter(|pair| pair[0].eq_ignore_ascii_case("as"));
            let given: Vec<&str> = given.map(|pair| pair[1].trim_end_matches(',')).collect();
            // Every second part is quoted: a value.
            let unquoted = query.split(['"', '\'']).step_by(2).collect::<String>();
            for word in unquoted.split(|c: char| !c.is_alphanumeric() && c != '_') {
                let is_known = members.contains(word)
                    || given.contains(&word)
                    || QUERY_WORDS.contains(&word)
                    || word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
                assert!(is_known, "`{word}` is not a member: {query}");
            }
            queries += 1;
        }
    }
    assert!(queries > 10, "only {queries} queries");
}

/// What the dashboard draws is documented, and what the page calls an alarm is on it.
#[test]
fn the_dashboard_shows_the_documented_metrics() {
    let page = read("docs/metrics.md");
    let types = ["counter", "gauge", "histogram"];
    // Name, type, labels, meaning, alarm.
    let rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows: Vec<_> = rows.filter(|row| row.len() == 7 && types.contains(&row[2])).collect();
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/cos-issuer.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut drawn = BTreeSet::new();
    for expression in targets.map(|target| target["expr"].as_str().unwrap()) {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names =
            words.filter(|word| ["cos_issuer_", "process_"].iter().any(|it| word.starts_with(it)));
        let mut labels: BTreeSet<String> = ["instance", "job", "le"].map(str::to_owned).into();
        for name in names {
            let row = rows.iter().find(|row| {
                let documented = row[1].trim_matches('`');
                let suffixes =
                    if row[2] == "histogram" { ["_bucket", "_count", "_sum"] } else { [""; 3] };
                suffixes.iter().any(|suffix| format!("{documented}{suffix}") == name)
            });
            let row =
                row.unwrap_or_else(|| panic!("{name} is not documented as such: {expression}"));
            labels.extend(quoted(row[3]));
            drawn.insert(row[1]);
        }
        for label in labels_of(expression) {
            assert!(labels.contains(&label), "no label `{label}`: {expression}");
        }
    }
    assert!(drawn.len() > 15, "only {drawn:?}");
    for row in rows.iter().filter(|row| !row[5].is_empty()) {
        assert!(drawn.contains(row[1]), "the dashboard lacks {}", row[1]);
    }
}

#[test]
fn each_direct_dependency_has_its_cost() {
    let manifest = read("Cargo.toml");
    let (_, direct) = manifest.split_once("\n[dependencies]\n").unwrap();
    let direct = direct.split("\n[").next().unwrap().lines();
    // The function has none of the optional ones.
    let direct = direct.filter(|line| !line.contains("optional = true"));
    let direct = direct.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned());
    let direct: BTreeSet<String> = direct.filter(|name| !name.starts_with('#')).collect();
    assert!(direct.len() > 25, "only {direct:?}");
    let documented = table_of(&read("benches/README.md"), "## What each dependency costs");
    assert_eq!(documented, direct);
}

/// Editors look for the schema from the file's own folder.
#[test]
fn examples_of_grants_name_their_schema() {
    for page in ["README.md", "README.zh-CN.md", "docs/grants.md"] {
        let text = read(page);
        let (_, example) = text.split_once("```toml\n").unwrap();
        let schema = example.lines().next().and_then(|line| line.strip_prefix("#:schema "));
        let schema = schema.unwrap_or_else(|| panic!("{page} names no schema"));
        let path = root().join(page).parent().unwrap().join(schema);
        assert_eq!(path.canonicalize().unwrap(), root().join("docs/grants.schema.json"));
    }
}

/// The map has a table for each of these folders: a row for everything in it, and no row for what
/// is not there.
#[test]
fn every_folder_has_its_row() {
    let map = read("ARCHITECTURE.md");
    for folder in ["src", "tencent/src", "emulator/src", "cli/src"] {
        let header = format!("| Folder or file of `{folder}/` |");
        let (_, table) = map.split_once(&header).unwrap_or_else(|| panic!("no table of {folder}"));
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells = rows.map(|row| row.split('|').nth(1).unwrap());
        let documented: BTreeSet<String> =
            cells.flat_map(quoted).map(|name| module(&name)).collect();
        assert_eq!(documented, modules_in(folder), "{folder}");
    }
}

/// A recipe follows something that exists: it names each file that does, and only files that exist.
#[test]
fn recipes_name_every_file() {
    let page = read("CONTRIBUTING.md");
    for (title, words) in RECIPES {
        let (_, recipe) = page.split_once(&format!("## Recipe: {title}\n")).unwrap();
        let recipe = recipe.split("\n## ").next().unwrap();
        let rows = recipe.lines().filter(|line| line.starts_with("| ")).skip(1);
        let named: BTreeSet<String> =
            rows.flat_map(|row| quoted(row.split('|').nth(2).unwrap())).collect();
        for file in &named {
            assert!(root().join(file).is_file(), "{title}: {file} does not exist");
        }
        let following = files_with(words);
        assert!(following.len() > 9, "{title}: only {following:?} mention {words:?}");
        let missing: Vec<_> = following.difference(&named).collect();
        assert!(missing.is_empty(), "{title}: not in the recipe: {missing:?}");
    }
}

#[test]
fn make_commands_are_targets() {
    let makefile = read("Makefile");
    let mut commands = 0;
    for page in pages() {
        for code in quoted(&read(&page)) {
            for command in code.lines().filter_map(|line| line.strip_prefix("make ")) {
                let target = command.split(' ').next().unwrap();
                assert!(makefile.contains(&format!("\n{target}:")), "{page}: make {command}");
                commands += 1;
            }
        }
    }
    assert!(commands > 30, "only {commands} found");
}

/// A running program cannot be written to: `make build` next to `make run` would fail.
#[test]
fn programs_are_replaced_and_not_overwritten() {
    let makefile = read("Makefile");
    assert_eq!(makefile.matches("@$(call replace,").count(), 5);
    for line in makefile.lines().filter(|line| line.contains("cp ") && line.starts_with('\t')) {
        assert!(
            !line.contains(" $(bootstrap)")
                && !line.contains(" $(server)")
                && !line.contains(" $(tool)")
                && !line.contains(" $(quick)/"),
            "{line}"
        );
    }
}

/// Every page that people read, by its path from the root.
fn pages() -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "docs/", "docs/en/", "docs/zh/", "scf/", "benches/"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                pages.push(format!("{folder}{name}"));
            }
        }
    }
    assert!(pages.len() > 12, "only {pages:?}");
    pages
}

/// A page without its code.
fn prose(text: &str) -> String {
    let fenced = text.split("```").step_by(2);
    let lines = fenced.flat_map(str::lines).map(|line| {
        let is_heading = line.starts_with('#');
        // In a heading, code is part of the name.
        let parts: Vec<&str> = match is_heading {
            true => vec![line],
            false => line.split('`').step_by(2).collect(),
        };
        parts.concat()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn links_of(text: &str) -> Vec<String> {
    let after = text.split("](").skip(1);
    after.map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
}

/// The name that GitHub gives a heading.
fn anchor(line: &str) -> String {
    let title = line.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || "-_".contains(c) => Some(c),
        _ => None,
    });
    kept.collect()
}

/// The codes of the table; `.Name` continues the code before it.
fn codes_of(text: &str) -> BTreeSet<String> {
    let (_, table) = text.split_once("\n| `codeDesc` |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut codes = BTreeSet::new();
    for row in rows {
        let mut family = String::new();
        for code in quoted(row.split('|').nth(1).unwrap()) {
            let code = match code.strip_prefix('.') {
                Some(name) => format!("{family}.{name}"),
                None => code,
            };
            family = code.split('.').next().unwrap().to_owned();
            codes.insert(code);
        }
    }
    codes
}

/// The variables that `src/config` reads, without those that platforms set.
fn variables() -> BTreeSet<String> {
    let mut files = vec![root().join("src/config.rs")];
    for folder in ["src/config", "src/config/grants_file"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    // Names that operators write by mistake are not variables.
    let is_read = |path: &&PathBuf| path.is_file() && !path.ends_with("misspelled.rs");
    let sources = files.iter().filter(is_read);
    let sources = sources.map(|path| fs::read_to_string(path).unwrap());
    let is_name = |text: &str| {
        let known = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
        text.len() > 2
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(known)
    };
    let platforms = ["AWS_", "SCF", "TENCENTCLOUD_"];
    let is_own = |text: &str| !platforms.iter().any(|start| text.starts_with(start));
    sources
        .flat_map(|text| text.split('"').map(str::to_owned).collect::<Vec<_>>())
        .filter(|text| is_name(text) && is_own(text))
        .collect()
}

/// The names in the first column of the table below this heading.
fn table_of(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, below) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let rows = below.lines().skip_while(|line| !line.starts_with("| ")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect()
}

/// The labels that an expression of Prometheus selects or groups by.
fn labels_of(expression: &str) -> Vec<String> {
    let inside = |open: &'static str, close: char| {
        expression.split(open).skip(1).map(move |rest| rest.split(close).next().unwrap())
    };
    let selected = inside("{", '}').flat_map(|text| text.split(','));
    let selected = selected.map(|text| text.split(['=', '!']).next().unwrap());
    let grouped = inside("by (", ')').flat_map(|text| text.split(','));
    selected.chain(grouped).map(|label| label.trim().to_owned()).collect()
}

fn modules_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| module(&name)).filter(|name| name != "lib").collect()
}

/// The module of a file or folder.
fn module(name: &str) -> String {
    name.trim_end_matches('/').trim_end_matches(".rs").to_owned()
}

/// The sources, pages and deployment files that have one of these words.
fn files_with(words: &[&str]) -> BTreeSet<String> {
    let folders = ["src", "tencent/src", "emulator/src", "cli/src", "oracle", "fuzz/src", "scf"];
    let mut files: BTreeSet<String> = folders.iter().copied().flat_map(files_below).collect();
    files.extend(pages().into_iter().filter(|page| !HISTORY.contains(&page.as_str())));
    files.extend(["template.yaml", "docs/grants.schema.json"].map(str::to_owned));
    files.retain(|file| words.iter().any(|word| has_word(&read(file), word)));
    files
}

/// Files below a folder, by their paths from the root.
fn files_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
        match root().join(&path).is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Whether the text has this word, not only a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.split(word);
    let mut around = before.clone().zip(before.skip(1));
    around.any(|(before, after)| !before.ends_with(is_part) && !after.starts_with(is_part))
}

fn quoted(text: &str) -> Vec<String> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
