//! `parity`: the truth table, for people, for programs, and as the page in the documentation; and
//! the requests by which someone with an account settles rows of it.

mod probes;
mod results;
mod script;

use std::path::{Path, PathBuf};

use clap::Args;
use cos_emulator::parity::{self, Entry};
use serde_json::json;

use self::results::{Finding, Results};
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  cos-issuer parity
  cos-issuer parity --json | grep '\"inferred\"'

  # What only an account can show: run the script there, and read what it prints
  cos-issuer parity --open > parity.sh
  cos-issuer parity --read results.txt
  cos-issuer parity --read results.txt --markdown > docs/emulator-parity.md

Exit codes: 0; 1 when COS answers otherwise than the local one.")]
pub(crate) struct ParityOptions {
    /// A line of JSON for each behaviour
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// The page docs/emulator-parity.md
    #[arg(long)]
    markdown: bool,

    /// A shell script that asks COS for what the table infers, with a key of yours
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    open: bool,

    /// What that script printed: prints the rows that it settles
    #[arg(long, value_name = "RESULTS", conflicts_with_all = ["json", "open"])]
    read: Option<PathBuf>,
}

pub(crate) fn run(options: &ParityOptions, terminal: Terminal) -> Result<(), Failure> {
    if let Some(path) = &options.read {
        return read(path, options.markdown, terminal);
    }
    if options.open {
        terminal.line(script::script().trim_end());
    } else if options.markdown {
        terminal.line(parity::PAGE.trim_end());
    } else if options.json {
        for entry in parity::entries() {
            terminal.line(json!(entry));
        }
    } else {
        list(terminal);
    }
    Ok(())
}

/// The rows that the answers of COS settle.
fn read(path: &Path, as_page: bool, terminal: Terminal) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", path.display())))?;
    let results = Results::parse(&text)?;
    let findings = results.findings();
    if as_page {
        let page = results.page(parity::PAGE);
        let counted = page.replacen(&parity::summary(), &parity::summary_of(&page), 1);
        terminal.line(counted.trim_end());
    } else {
        for row in parity::PAGE.lines().filter_map(|line| results.row(line)) {
            terminal.line(row);
        }
    }
    let mut different = 0_usize;
    for (probe, finding) in &findings {
        if let Finding::Different(lines) = finding {
            different = different.saturating_add(1);
            terminal.remark(format_args!("differs: {}", probe.behaviour));
            for line in lines {
                terminal.remark(format_args!("    {line}"));
            }
        }
    }
    let observed = findings.len().saturating_sub(different);
    terminal.remark(format_args!("{observed} rows observed, {different} differ"));
    match different {
        0 => Ok(()),
        _ => Err(Failure::Refused),
    }
}

fn list(terminal: Terminal) {
    let mut service = "";
    for entry in parity::entries() {
        if entry.service != service {
            if !service.is_empty() {
                terminal.line("");
            }
            terminal.title(entry.service);
            service = entry.service;
        }
        terminal.line(format_args!("  {:<11} {}", entry.source, entry.behaviour));
        terminal.pair("", detail(&entry));
    }
    terminal.line("");
    terminal.line(parity::summary());
}

fn detail(entry: &Entry<'_>) -> String {
    format!("{} (test: {})", entry.detail, entry.test)
}
