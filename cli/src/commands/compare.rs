//! `compare`: whether a change of a policy or of grants allows anything new.

use std::path::{Path, PathBuf};

use clap::Args;
use cos_issuer::grant::{Grant, Grants};
use serde_json::{Map, Value, json};
use tencent::cam::{AccessRequest, NewAccess, Policy, Target, new_access};

use super::simulate::policy;
use crate::comparison::{NewGrantAccess, new_grant_accesses, other_issuers, words};
use crate::deployment::{Deployment, read_text};
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # In CI: does the change of a grants file give anyone anything new?
  git show origin/main:grants.toml > old.toml
  cos-issuer compare old.toml grants.toml

  # Two policies, for example of a console and of a repository
  cos-issuer compare console.json policy.json --json

Every access is considered, not a sample: wildcards, numbers, dates, networks, absent keys, and deny over
allow. What is newly allowed is shown as one concrete request, which `cos-issuer simulate` decides
alike. Two policies that would take too long, or cannot be compared exactly, are an error.

Exit codes: 0 nothing is newly allowed, 1 something is, 2 invalid command line or file, or a pair that
cannot be compared.")]
pub(crate) struct CompareOptions {
    /// The file before the change: a grants file, or a policy as JSON
    old: PathBuf,

    /// The file after the change, of the same kind
    new: PathBuf,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// A file to compare.
enum Side {
    Policy(Policy),
    /// With the text of the file.
    Grants(Vec<Grant>, String),
}

impl Side {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path)?;
        if text.trim_start().starts_with('{') {
            return policy(path, &text).map(Self::Policy);
        }
        let deployment = Deployment::of_grants(path, &text).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::Usage(lines.join("\n"))
        })?;
        match deployment.settings.grants {
            Grants::Each(grants) => Ok(Self::Grants(grants, text)),
            Grants::Raw { .. } => Err(unreadable(path)),
        }
    }
}

fn unreadable(path: &Path) -> Failure {
    Failure::Usage(format!("{}: must be a grants file, or a policy as JSON", path.display()))
}

pub(crate) async fn run(options: &CompareOptions, terminal: Terminal) -> Result<(), Failure> {
    let mut issuers = Vec::new();
    let found: Vec<Found> = match (Side::read(&options.old)?, Side::read(&options.new)?) {
        (Side::Policy(old), Side::Policy(new)) => {
            let found = new_access(&[old], &[new]);
            let found = found.map_err(|error| Failure::Usage(error.to_string()))?;
            found.map(|access| (Map::new(), access)).into_iter().collect()
        }
        (Side::Grants(old, old_text), Side::Grants(new, text)) => {
            issuers = other_issuers(&old_text, &text);
            let found = new_grant_accesses(&old, &new, &words(&text)).await;
            let found = found.map_err(Failure::Usage)?;
            let caller = |found: NewGrantAccess| {
                let mut caller = Map::new();
                caller.insert("grant".to_owned(), json!(found.grant));
                caller.insert("method".to_owned(), json!(found.method.name()));
                if let Some(issuer) = found.issuer {
                    caller.insert("issuer".to_owned(), json!(issuer));
                }
                caller.insert("claims".to_owned(), Value::Object(found.claims));
                (caller, found.found)
            };
            found.into_iter().map(caller).collect()
        }
        (Side::Policy(_), Side::Grants(..)) | (Side::Grants(..), Side::Policy(_)) => {
            let text = "NEW: must be of the same kind as OLD: two grants files, or two policies";
            return Err(Failure::Usage(text.to_owned()));
        }
    };
    if options.json {
        terminal.line(report(&found, &issuers));
    } else {
        for name in &issuers {
            let text = "is new, or not as in OLD: others may get its tokens";
            terminal.step(false, format_args!("the issuer {name} {text}"));
        }
        print(&found, !issuers.is_empty(), terminal);
    }
    if found.is_empty() && issuers.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// Who gets it, and what.
type Found = (Map<String, Value>, NewAccess);

fn report(found: &[Found], issuers: &[String]) -> Value {
    let each = found.iter().map(|(caller, access)| {
        let mut members = caller.clone();
        members.extend([
            ("action".to_owned(), json!(access.access.action)),
            ("resource".to_owned(), json!(resource(&access.access))),
            ("account".to_owned(), json!(access.access.account.appid)),
            ("conditions".to_owned(), json!(access.values)),
            ("old".to_owned(), json!(access.old.to_string())),
            ("new".to_owned(), json!(access.new.to_string())),
        ]);
        Value::Object(members)
    });
    json!({ "newlyAllowed": each.collect::<Vec<_>>(), "otherIssuers": issuers })
}

fn print(found: &[Found], has_other_issuers: bool, terminal: Terminal) {
    if found.is_empty() {
        let callers = if has_other_issuers { "to the callers of OLD, " } else { "" };
        let text = format!("{callers}NEW allows nothing that OLD does not allow");
        terminal.step(true, text);
        return;
    }
    for (caller, access) in found {
        let text = match caller.get("grant").and_then(Value::as_str) {
            Some(grant) => {
                format!("the grant {grant} allows what OLD does not allow, for example:")
            }
            None => "NEW allows what OLD does not allow, for example:".to_owned(),
        };
        terminal.step(false, text);
        if let (Some(method), Some(claims)) = (caller.get("method"), caller.get("claims")) {
            let method = method.as_str().unwrap_or_default();
            let issuer = caller.get("issuer").and_then(Value::as_str);
            let issuer = issuer.map_or_else(String::new, |name| format!(" of {name}"));
            terminal.pair("caller", format_args!("by {method}{issuer}, {claims}"));
        }
        terminal.pair("action", &access.access.action);
        terminal.pair("resource", resource(&access.access));
        for (key, values) in &access.values {
            terminal.pair("condition", format_args!("{key}={}", values.join(" and ")));
        }
        terminal.pair("OLD", &access.old);
        terminal.pair("NEW", &access.new);
    }
}

/// In six segments, as `simulate` takes it.
fn resource(access: &AccessRequest) -> String {
    match &access.target {
        Target::Service => "*".to_owned(),
        Target::Role { owner_uin, name } => format!("qcs::cam::uin/{owner_uin}:{name}"),
        Target::Object { region, bucket, key, .. } => {
            format!("qcs::cos:{}:uid/{}:{bucket}/{key}", region.as_str(), bucket.appid())
        }
    }
}
