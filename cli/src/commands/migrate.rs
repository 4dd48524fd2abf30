//! `migrate`: the settings that replace the `config.py` of the samples.
//!
//! # Guarantees
//! The file is read and never run. Standard output contains no secret: secrets go only to a new
//! file that nobody else may read.

mod assignments;
mod python;
mod settings;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use self::assignments::{FIELDS, Problem};
use self::settings::{Secrets, Settings};
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # What would be written, without secrets
  cos-issuer migrate cam/config.py

  # Everything, in a new file with mode 0600
  cos-issuer migrate cossign/cosconfig.py --output cos-issuer.env

The file is never run: only literals in class Config or outside of classes are read, and every other line
that could change a setting is an error. Standard error has what becomes stricter.

Exit codes: 0 success, 1 failure, 2 invalid command line or file.")]
pub(crate) struct MigrateOptions {
    /// The config.py of cos_signer_lite, or the cosconfig.py of cossign
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Write the settings, secrets included, to this new file with mode 0600; without it, to
    /// standard output without secrets
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(options: &MigrateOptions, terminal: Terminal) -> Result<(), Failure> {
    let shown = options.file.display();
    let text = fs::read_to_string(&options.file)
        .map_err(|error| Failure::Usage(format!("{shown}: must be a text file: {error}")))?;
    let in_file = |problems| Failure::Usage(problems_text(&options.file, problems));
    let assignments = assignments::read(&text).map_err(in_file)?;
    if assignments.fields.is_empty() {
        return Err(Failure::Usage(format!(
            "{shown}: must assign some of {}; name the config.py of cos_signer_lite or the \
             cosconfig.py of cossign",
            FIELDS.join(", ")
        )));
    }
    let settings = Settings::of(&assignments).map_err(in_file)?;
    let secrets = match &options.output {
        Some(path) => {
            write_new(path, &settings.text(Secrets::Written))?;
            Secrets::Written
        }
        None => {
            terminal.line(settings.text(Secrets::LeftOut).trim_end());
            Secrets::LeftOut
        }
    };
    for remark in &settings.remarks {
        terminal.remark(remark);
    }
    let missing = settings.missing(secrets).join(", ");
    terminal.remark(format_args!("Next: fill in {missing}, then `cos-issuer-server --check`."));
    Ok(())
}

/// Never over another file, nor through a link.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| {
        Failure::Failed(format!(
            "{}: must be a new file in a folder of yours: {error}",
            path.display()
        ))
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn problems_text(file: &Path, problems: Vec<Problem>) -> String {
    let lines = problems
        .into_iter()
        .map(|Problem { line, text }| format!("{}:{line}: {text}", file.display()));
    lines.collect::<Vec<_>>().join("\n")
}
