//! Searches all that the tests printed for every secret that the local cloud made or issued.
//!
//! `leak-check OUTPUT SECRETS`: OUTPUT is what the tests printed, SECRETS has one secret a line.
//! Each is searched for raw, base64, hexadecimal and percent-encoded. Fails when one is found, and
//! also when there is nothing to search or to search for, or when the search would not find what is
//! certainly there.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cos_issuer_e2e::FIXED_SECRETS;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match check(&arguments) {
        Ok(report) => say(&report, ExitCode::SUCCESS),
        Err(fault) => say(&format!("leak check: {fault}"), ExitCode::FAILURE),
    }
}

fn check(arguments: &[String]) -> Result<String, String> {
    let [output, secrets] = arguments else {
        return Err("takes OUTPUT and SECRETS".to_owned());
    };
    let read = |path: &str| {
        std::fs::read_to_string(path).map_err(|fault| format!("{path} cannot be read: {fault}"))
    };
    let (output, secrets) = (read(output)?, read(secrets)?);
    let mut secrets: BTreeSet<&str> =
        secrets.lines().filter(|line| line.len() >= SECRET_CHARACTERS_MIN).collect();
    secrets.extend(FIXED_SECRETS);
    if secrets.len() < SECRETS_MIN || output.lines().count() < OUTPUT_LINES_MIN {
        return Err(format!(
            "{} secrets in {} lines are too few: the tests did not run",
            secrets.len(),
            output.lines().count()
        ));
    }
    let spellings: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let search = AhoCorasick::new(&spellings).map_err(|fault| fault.to_string())?;
    prove(&search, &spellings)?;
    if let Some(found) = search.find(&output) {
        let line = output.get(..found.start()).unwrap_or_default().lines().count();
        return Err(format!("a secret is printed at line {line} of the output"));
    }
    Ok(format!("leak check: none of {} secrets in {} lines", secrets.len(), output.lines().count()))
}

/// Each way in which a secret could be printed.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    // The last character of unpadded base64 depends on what follows.
    let base64 =
        |text: String| text.get(..text.len().saturating_sub(1)).unwrap_or_default().to_owned();
    vec![
        secret.to_owned(),
        hex.to_uppercase(),
        hex,
        encoded,
        base64(STANDARD_NO_PAD.encode(secret)),
        base64(URL_SAFE_NO_PAD.encode(secret)),
    ]
}

/// The search finds every spelling in a text that contains it.
fn prove(search: &AhoCorasick, spellings: &[String]) -> Result<(), String> {
    let blind =
        spellings.iter().find(|spelling| !search.is_match(&format!("before {spelling} after")));
    if blind.is_some() { Err("the search is blind".to_owned()) } else { Ok(()) }
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    let written = writeln!(std::io::stdout(), "{text}");
    if written.is_ok() { code } else { ExitCode::FAILURE }
}

/// Shorter texts would be found by chance.
const SECRET_CHARACTERS_MIN: usize = 16;

/// What one run of the tests makes many times over.
const SECRETS_MIN: usize = 100;

const OUTPUT_LINES_MIN: usize = 500;
