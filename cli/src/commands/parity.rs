//! `parity`: the truth table, for people, for programs, and as the page in the documentation.

use clap::Args;
use cos_emulator::parity::{self, Entry};
use serde_json::json;

use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  cos-issuer parity
  cos-issuer parity --json | grep '\"inferred\"'

Exit codes: 0.")]
pub(crate) struct ParityOptions {
    /// A line of JSON for each behaviour
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// The page docs/emulator-parity.md
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(options: &ParityOptions, terminal: Terminal) {
    if options.markdown {
        terminal.line(parity::PAGE.trim_end());
        return;
    }
    if options.json {
        for entry in parity::entries() {
            terminal.line(json!(entry));
        }
        return;
    }
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

fn detail(entry: &Entry) -> String {
    let test =
        entry.test.map_or_else(|| "no test of its own".to_owned(), |test| format!("test: {test}"));
    format!("{} ({test})", entry.detail)
}
