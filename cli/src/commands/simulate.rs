//! `simulate`: what CAM decides about an access, or about a table of them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tencent::cam::{Decision, Policy, PolicyError};
use tencent::names::Region;

use crate::deployment::read_text;
use crate::failure::Failure;
use crate::options::assignment;
use crate::simulation::{Defaults, Layers, access, as_json, effect};
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # One access; the action may leave out name/cos:
  cos-issuer simulate policy.json PutObject examplebucket-1250000000/users/1/a.jpg --region ap-guangzhou

  # With the values that conditions read, decoded; repeat a key to give it several values
  cos-issuer simulate policy.json GetObject qcs::cos:ap-guangzhou::examplebucket-1250000000/a \\
      --condition qcs:ip=203.0.113.9 --condition cos:versionid=abc

  # A temporary key: the policy of its owner and the session policy both have to allow
  cos-issuer simulate owner.json --session-policy session.json GetObject …

  # A table, as a test in CI: columns action, resource, expected (allow or deny), and one for each
  # condition key; an empty cell is an absent key
  cos-issuer simulate policy.json --table accesses.csv

POLICY - reads standard input, for example of `cos-issuer explain … --json | jq .issued.policy`.

Exit codes: 0 allowed, or every row as expected; 1 denied, or a row differs; 2 invalid command line,
policy or table.")]
pub(crate) struct SimulateOptions {
    /// A file with a policy as JSON, or - for standard input
    policy: PathBuf,

    /// The action, for example name/cos:GetObject or GetObject
    #[arg(required_unless_present = "table")]
    action: Option<String>,

    /// The target: * for none, <bucket-appid>/<key>, or six segments
    #[arg(required_unless_present = "table")]
    resource: Option<String>,

    /// A value of the request, for example qcs:ip=203.0.113.9; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    condition: Vec<(String, String)>,

    /// The session policy of a temporary key
    #[arg(long, value_name = "FILE")]
    session_policy: Option<PathBuf>,

    /// The region of buckets that are named without it
    #[arg(long, value_parser = region)]
    region: Option<Region>,

    /// The user number that owns buckets and policies, where a policy names one
    #[arg(long, value_name = "UIN")]
    owner: Option<String>,

    /// A CSV file of accesses
    #[arg(long, value_name = "FILE", conflicts_with_all = ["action", "resource", "condition"])]
    table: Option<PathBuf>,

    /// Print a line of JSON for each access
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &SimulateOptions, terminal: Terminal) -> Result<(), Failure> {
    let layers = Layers {
        identity: read_policy(&options.policy)?,
        session: options.session_policy.as_deref().map(read_policy).transpose()?,
    };
    let defaults = Defaults { region: options.region.clone(), owner: options.owner.clone() };
    let (Some(action), Some(resource)) = (&options.action, &options.resource) else {
        let path = options.table.as_ref();
        let path = path.ok_or_else(|| Failure::Usage("ACTION: must be given".to_owned()))?;
        return decide_table(&layers, &defaults, path, options.json, terminal);
    };
    let access = access(&layers, &defaults, action, resource, &options.condition);
    let decision = layers.decide(&access.map_err(Failure::Usage)?);
    if options.json {
        terminal.line(as_json(&decision));
    } else {
        print(&decision, terminal);
    }
    if decision.is_allowed() { Ok(()) } else { Err(Failure::Refused) }
}

fn print(decision: &Decision, terminal: Terminal) {
    terminal.step(decision.is_allowed(), decision);
    for each in decision.matched() {
        let name = effect(each.effect);
        terminal.line(format_args!(
            "    {}: {name} `{}` on `{}`",
            each.position, each.action, each.resource
        ));
        for condition in &each.conditions {
            terminal.line(format_args!("      {condition}"));
        }
    }
}

fn decide_table(
    layers: &Layers,
    defaults: &Defaults,
    path: &Path,
    is_json: bool,
    terminal: Terminal,
) -> Result<(), Failure> {
    let text = read_text(path)?;
    let usage = |text: String| Failure::Usage(format!("{}: {text}", path.display()));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| usage(error.to_string()))?.clone();
    for name in ["action", "resource"] {
        if !header.iter().any(|column| column == name) {
            return Err(usage(format!("must have a column `{name}` in its first line")));
        }
    }
    let is_known = |name: &&str| COLUMNS.contains(name) || name.contains(':');
    if let Some(other) = header.iter().find(|name| !is_known(name)) {
        let text = "must be action, resource, expected or a condition key, for example qcs:ip";
        return Err(usage(format!("the column `{}` {text}", other.escape_debug())));
    }
    let count = |name: &str| header.iter().filter(|column| *column == name).count();
    if let Some(name) = COLUMNS.into_iter().find(|name| count(name) > 1) {
        return Err(usage(format!("must have one column `{name}`")));
    }
    let (mut rows, mut differing) = (0_usize, 0_usize);
    for record in reader.records() {
        let record = record.map_err(|error| usage(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row::new(header.iter().zip(&record));
        let at = |text: String| usage(format!("line {line}: {text}"));
        let access = access(layers, defaults, row.action, row.resource, &row.conditions);
        let decision = layers.decide(&access.map_err(at)?);
        let is_expected = match row.expected {
            "" => true,
            "allow" => decision.is_allowed(),
            "deny" => !decision.is_allowed(),
            _ => return Err(at("expected: must be `allow`, `deny` or empty".to_owned())),
        };
        rows = rows.saturating_add(1);
        differing = differing.saturating_add(usize::from(!is_expected));
        if is_json {
            let mut answer = as_json(&decision);
            if let Some(members) = answer.as_object_mut() {
                members.insert("line".to_owned(), json!(line));
                members.insert("asExpected".to_owned(), json!(is_expected));
            }
            terminal.line(answer);
        } else {
            let remark = if is_expected { "" } else { "  (not as expected)" };
            let text = format!("line {line}: {} {}: {decision}{remark}", row.action, row.resource);
            terminal.step(is_expected, text);
        }
    }
    if rows == 0 {
        return Err(usage("must have a row below the first line".to_owned()));
    }
    if !is_json {
        terminal.line(format_args!("{rows} accesses, {differing} not as expected"));
    }
    if differing == 0 { Ok(()) } else { Err(Failure::Refused) }
}

/// The columns that are not condition keys.
const COLUMNS: [&str; 3] = ["action", "resource", "expected"];

/// A row of a table, by its columns.
struct Row<'t> {
    action: &'t str,
    resource: &'t str,
    expected: &'t str,
    conditions: Vec<(String, String)>,
}

impl<'t> Row<'t> {
    fn new(cells: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let mut row = Self { action: "", resource: "", expected: "", conditions: Vec::new() };
        for (name, value) in cells {
            match name {
                "action" => row.action = value,
                "resource" => row.resource = value,
                "expected" => row.expected = value,
                _ if value.is_empty() => {}
                key => row.conditions.push((key.to_owned(), value.to_owned())),
            }
        }
        row
    }
}

fn read_policy(path: &Path) -> Result<Policy, Failure> {
    policy(path, &read_text(path)?)
}

/// The policy in the text of a file.
pub(super) fn policy(path: &Path, text: &str) -> Result<Policy, Failure> {
    Policy::parse(text).map_err(|error| {
        let reason = match &error {
            PolicyError::Syntax(cause) => format!("{error}: {cause}"),
            PolicyError::Empty | PolicyError::Long => error.to_string(),
        };
        Failure::Usage(format!("{}: {reason}", path.display()))
    })
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| error.to_string())
}
