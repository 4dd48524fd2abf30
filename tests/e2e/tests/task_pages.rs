//! The task pages in docs/en and docs/zh: both languages have the same code, the deployed binary
//! accepts every block of settings and grants, commands name what exists, and JavaScript is that of
//! the examples, which have tests of their own.
//!
//! # Not covered
//!
//! Running commands that need root, Docker, Kubernetes or systemd; `make interop` shows what they
//! do. Jobs of CI systems, which only their vendors run.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]
#![expect(clippy::panic, reason = "a block that is wrong must be named")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cos_issuer::command_line::HELP;
use cos_issuer::error::ErrorCode;
use cos_issuer_e2e::bootstrap;

/// What a page's commands may start, after `sudo`.
const PROGRAMS: [&str; 20] = [
    "chmod",
    "cos-issuer-server",
    "curl",
    "docker",
    "dpkg",
    "echo",
    "journalctl",
    "key=$(openssl",
    "kubectl",
    "make",
    "pip",
    "redis-cli",
    "sam",
    "scf/deploy",
    "skopeo",
    "systemctl",
    "systemd-run",
    "target/deploy/bootstrap",
    "target/emulator/cos-issuer",
    "tccli",
];

#[test]
fn both_languages_have_the_same_pages_and_code() {
    let pages = |language: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root().join("docs").join(language)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(pages("en"), pages("zh"));
    assert!(pages("en").len() > 7);
    for page in pages("en") {
        let [english, chinese] = ["en", "zh"].map(|language| blocks(&read(language, &page)));
        assert_eq!(english, chinese, "{page}");
        // Each page is in the index.
        let index = read("zh", "README.md") + &read("en", "README.md");
        assert!(page == "README.md" || index.matches(&format!("]({page})")).count() == 2, "{page}");
    }
}

#[test]
fn settings_of_pages_are_valid() {
    let mut checked = 0;
    for (page, _, block) in all_blocks().iter().filter(|(_, language, _)| language == "env") {
        let settings: Vec<_> = block.lines().map(|line| line.split_once('=').unwrap()).collect();
        // Pages that name a grants file show it.
        let grants =
            all_blocks().into_iter().find(|(other, kind, _)| other == page && kind == "toml");
        let grants = grants.map_or(String::new(), |(_, _, text)| text);
        is_accepted(&format!("{page}:\n{block}"), &settings, &grants);
        checked += 1;
    }
    assert!(checked > 5, "only {checked} blocks");
}

#[test]
fn grants_of_pages_are_valid() {
    let settings = [
        ("AUTH", "jwt"),
        ("JWT_ISSUER", "https://login.example.com/"),
        ("JWT_AUDIENCE", "uploads"),
        ("JWT_JWKS_URL", "https://login.example.com/keys"),
        ("GRANTS_FILE", "grants.toml"),
    ];
    let blocks = all_blocks();
    let grants: Vec<_> = blocks.iter().filter(|(_, language, _)| language == "toml").collect();
    assert!(grants.len() > 2, "only {} blocks", grants.len());
    for (page, _, block) in grants {
        let is_of_variables =
            |(name, _): &&(&str, &str)| !name.starts_with("JWT_") || !block.contains("[[issuer]]");
        let settings: Vec<_> = settings.iter().filter(is_of_variables).copied().collect();
        is_accepted(&format!("{page}:\n{block}"), &settings, block);
    }
}

/// What `cos-issuer migrate` writes, filled in as its remarks ask for.
#[test]
fn migrated_settings_are_valid() {
    for sample in ["cos_signer_lite", "cossign"] {
        let file = root().join("cli/tests/migrate").join(sample).with_extension("expected");
        let text = fs::read_to_string(file).unwrap();
        let settings: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once('=').unwrap())
            .map(|(name, value)| match (name, value) {
                ("SECRET_ID", "") => (name, "AKIDexample"),
                ("SECRET_KEY", "") => (name, "example-secret-key-1"),
                ("AUTH", "") => (name, "none"),
                ("BUCKET", "") => (name, "examplebucket-1250000000"),
                ("REGION", "") => (name, "ap-guangzhou"),
                ("PREFIX", "") => (name, "uploads/"),
                ("ALLOW", "") => (name, "upload"),
                // Above what a root account's key may have.
                ("DURATION_SECONDS", "7201") => (name, "7200"),
                _ => (name, value),
            })
            .collect();
        is_accepted(sample, &settings, "");
    }
}

#[test]
fn javascript_of_pages_is_that_of_the_examples() {
    let examples = ["browser/upload.js", "mini-program/cos.js"];
    let examples = examples.map(|file| fs::read_to_string(root().join("examples").join(file)));
    let mut lines = 0;
    for (page, _, block) in all_blocks().iter().filter(|(_, language, _)| language == "js") {
        for line in block.lines() {
            let is_there = examples.iter().any(|text| text.as_ref().unwrap().contains(line));
            assert!(is_there, "{page}: {line}");
            lines += 1;
        }
    }
    assert!(lines > 1, "only {lines} lines");
}

/// The deployed binary takes these settings, next to a calling key.
#[track_caller]
fn is_accepted(what: &str, settings: &[(&str, &str)], grants: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("grants.toml"), grants).unwrap();
    let key = [("SECRET_ID", "AKIDexample"), ("SECRET_KEY", "example-secret-key-1")];
    let output = Command::new(bootstrap().unwrap())
        .arg("--check")
        .current_dir(folder.path())
        .env_clear()
        .envs(key.iter().chain(settings).copied())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{what}\n{printed}");
}

#[test]
fn commands_of_pages_name_what_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut commands = 0;
    for (page, _, block) in all_blocks().iter().filter(|(_, language, _)| language == "sh") {
        for command in block.lines() {
            let words: Vec<&str> =
                command.split_whitespace().filter(|word| *word != "sudo").collect();
            let program = *words.first().unwrap();
            assert!(PROGRAMS.contains(&program), "{page}: {command}");
            for word in &words {
                let is_unit = word.starts_with("cos-issuer.");
                let is_settings = word.contains("EnvironmentFile=") || word.ends_with(".env");
                if is_unit && !is_settings {
                    assert!(root().join("deploy/systemd").join(word).exists(), "{page}: {word}");
                } else if word.starts_with("deploy/") {
                    assert!(root().join(word).exists(), "{page}: {word}");
                } else if word.ends_with(".deb") {
                    let version = env!("CARGO_PKG_VERSION");
                    assert_eq!(*word, format!("dist/cos-issuer_{version}_amd64.deb"), "{page}");
                }
            }
            if program == "target/emulator/cos-issuer" {
                let file = format!("cli/src/commands/{}.rs", words.get(1).unwrap());
                assert!(root().join(file).exists(), "{page}: {command}");
            }
            if program == "make" {
                let targets = words
                    .iter()
                    .skip(1)
                    .take_while(|word| **word != "&&" && !word.starts_with("ARGS="));
                for target in targets {
                    assert!(makefile.contains(&format!("\n{target}:")), "{page}: {command}");
                }
            }
            if let Some(at) = words
                .iter()
                .position(|word| word.ends_with("bootstrap") || *word == "cos-issuer-server")
            {
                let argument = words.get(at + 1).unwrap();
                assert!(HELP.contains(argument), "{page}: {command}");
            }
            commands += 1;
        }
    }
    assert!(commands > 20, "only {commands} commands");
}

#[test]
fn the_page_about_403_has_every_code_of_403_and_401() {
    for language in ["en", "zh"] {
        let page = read(language, "it-answers-403.md");
        for code in ErrorCode::ALL.iter().map(|code| code.info()) {
            let is_there = page.contains(&format!("`{}`", code.name));
            let is_expected = matches!(code.status.as_u16(), 401 | 403);
            assert!(is_there || !is_expected, "{language}: {}", code.name);
        }
    }
}

/// Each block of each English page: the page, its language, its text.
fn all_blocks() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("docs/en")).unwrap() {
        let page = entry.unwrap().file_name().into_string().unwrap();
        let blocks = blocks(&read("en", &page)).into_iter();
        found.extend(blocks.map(|(language, block)| (page.clone(), language, block)));
    }
    found
}

/// The fenced blocks of a page, also those inside of lists: language and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines().map(str::trim) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    if open.is_some() {
        panic!("a block is not closed");
    }
    found
}

fn read(language: &str, page: &str) -> String {
    fs::read_to_string(root().join("docs").join(language).join(page)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
