//! Findings in a grants file, a policy or the variables of a deployment: what is an error for the
//! function, and what is valid and cannot mean what it seems to.
//!
//! # Guarantees
//! Errors are those of the function's own parser. Every finding has a rule, whose description and
//! fix are in one table.
//!
//! # Not covered
//! What only a running deployment shows.

mod environment;
mod grants;
mod policy;
mod regions;
mod report;
mod rules;
mod web_identity;

use std::path::{Path, PathBuf};

pub(crate) use self::report::{as_json, as_sarif, as_text};
pub(crate) use self::rules::{Finding, Level};
use crate::deployment::read_text;
use crate::failure::Failure;

/// Everything that is wrong with a file.
pub(crate) async fn findings(path: &PathBuf) -> Result<Vec<Finding>, Failure> {
    let text = read_text(path)?;
    let mut found = match kind(path, &text) {
        Kind::Policy => policy::findings(&text),
        Kind::Grants => grants::findings(path, &text).await,
        Kind::Environment => environment::findings(path, &text).await,
    };
    for each in &mut found {
        if each.file.as_os_str().is_empty() {
            each.file.clone_from(path);
        }
    }
    found.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    Ok(found)
}

enum Kind {
    Environment,
    Grants,
    Policy,
}

fn kind(path: &Path, text: &str) -> Kind {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_environment = name == ".env" || name.ends_with(".env") || name.starts_with(".env.");
    match text.trim_start().starts_with('{') {
        true => Kind::Policy,
        false if is_environment => Kind::Environment,
        false => Kind::Grants,
    }
}
