//! `lint`: what is wrong with grants, policies and settings, before they are deployed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::lint::{Level, as_json, as_sarif, as_text, findings};
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # A grants file (TOML), a policy (JSON), the variables of a deployment (*.env) with all that they name
  cos-issuer lint grants.toml policy.json production.env

  # For a code host that shows findings next to the lines
  cos-issuer lint grants.toml --format sarif > lint.sarif

As a pre-commit hook, in .pre-commit-config.yaml: the hook `cos-issuer-lint` of this repository.
An error is what the function does not start with, or what gives away everything; a warning is valid
and probably a mistake. docs/policies.md lists the rules.

Exit codes: 0 no error, and with --strict no warning; 1 findings; 2 invalid command line, or a file
that cannot be read.")]
pub(crate) struct LintOptions {
    /// Grants files, policies, and files with variables
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// An array
    Json,
    /// SARIF 2.1.0
    Sarif,
}

pub(crate) async fn run(options: &LintOptions, terminal: Terminal) -> Result<(), Failure> {
    let mut found = Vec::new();
    for file in &options.files {
        found.extend(findings(file).await?);
    }
    match options.format {
        Format::Text => {
            for finding in &found {
                terminal.line(as_text(finding));
            }
            let count = |level| found.iter().filter(|finding| finding.level == level).count();
            let (errors, warnings) = (count(Level::Error), count(Level::Warning));
            let notes = count(Level::Note);
            terminal.line(format_args!("errors: {errors}, warnings: {warnings}, notes: {notes}"));
        }
        Format::Json => terminal.line(as_json(&found)),
        Format::Sarif => terminal.line(as_sarif(&found)),
    }
    let limit = if options.strict { Level::Warning } else { Level::Error };
    let is_clean = found.iter().all(|finding| finding.level > limit);
    if is_clean { Ok(()) } else { Err(Failure::Refused) }
}
