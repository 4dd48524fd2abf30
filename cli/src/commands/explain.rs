//! `explain`: what a caller would get, and why nothing else. No function runs.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};
use tencent::cam::Clause;
use tencent::time::{Clock as _, SystemClock};

use crate::asker::{AskerMethod, principal};
use crate::deployment::{Deployment, DeploymentOptions, read_text};
use crate::explanation::{Explanation, IssuedCredential, Wish, explain};
use crate::failure::Failure;
use crate::options::assignment;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # What user-1 of the team media gets, and why the other grants do not apply
  cos-issuer explain --as sub=user-1,team=media grants.toml

  # The same for one upload that the app asks for
  cos-issuer explain --as sub=user-1 grants.toml --scope '[{\"action\":\"name/cos:PutObject\",
      \"bucket\":\"examplebucket-1250000000\",\"region\":\"ap-guangzhou\",\"prefix\":\"users/user-1/a.jpg\"}]'

  # A whole deployment: its AUTH, calling key and kill switch count too
  cos-issuer explain --as sub=user-1 --env production.env

  # In CI: fails when the caller gets nothing
  cos-issuer explain --as sub=user-1 grants.toml --json | jq .issued.policy

A value that is JSON keeps its type: level=3 is a number, admin=true a flag. A list needs --claim:
--claim 'teams=[\"media\",\"press\"]'. Claims of API keys and HMAC keys are always texts.

Exit codes: 0 a credential would be issued, 1 the request would be refused, 2 invalid command line,
grants file or variables.")]
pub(crate) struct ExplainOptions {
    #[command(flatten)]
    deployment: DeploymentOptions,

    /// Claims of the caller, for example sub=user-1,team=media; without it, an anonymous caller
    #[arg(long = "as", value_name = "NAME=VALUE,…", value_delimiter = ',', value_parser = assignment)]
    claims: Vec<(String, String)>,

    /// A further claim, whose value may contain commas; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    claim: Vec<(String, String)>,

    /// How the caller authenticates [default: the first method of AUTH; jwt for a grants file]
    #[arg(long)]
    method: Option<AskerMethod>,

    /// The [[issuer]] of the caller's token [default: the one of the claim iss, or the only one]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    /// The scope array of the request, or @FILE to read it from a file, @- from standard input
    #[arg(long, value_name = "JSON|@FILE")]
    scope: Option<String>,

    /// Request a key for a new object with this extension, as /getKeyAndCredentials does
    #[arg(long, value_name = "EXTENSION", conflicts_with = "scope")]
    ext: Option<String>,

    /// The requested lifetime in seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u32>,

    /// Only the grants of this bucket
    #[arg(long)]
    bucket: Option<String>,

    /// Only the grants of this region
    #[arg(long)]
    region: Option<String>,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

impl ExplainOptions {
    fn wish(&self) -> Result<Wish, Failure> {
        let scopes = match self.scope.as_deref() {
            None => String::new(),
            Some(text) => match text.strip_prefix('@') {
                Some(place) => read_text(Path::new(place))?,
                None => text.to_owned(),
            },
        };
        let duration = self.duration.map(|seconds| seconds.to_string());
        let parameters = [
            ("durationSeconds", &duration),
            ("bucket", &self.bucket),
            ("region", &self.region),
            ("ext", &self.ext),
        ];
        let query = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        Ok(Wish { query: query.collect(), scopes, is_new_object: self.ext.is_some() })
    }

    /// The name of the token's issuer, whose `iss` is added to the claims; `None` where the
    /// settings name no issuer.
    fn issuer(
        &self,
        deployment: &Deployment,
        claims: &mut Map<String, Value>,
    ) -> Result<Option<String>, Failure> {
        let issuers = deployment.token_issuers();
        let iss = claims.get("iss").and_then(Value::as_str);
        let found = match (&self.issuer, iss, issuers.as_slice()) {
            (None, _, []) => return Ok(None),
            (Some(name), ..) => issuers.iter().find(|(known, _)| known == name),
            (None, Some(iss), _) => issuers.iter().find(|(_, known)| *known == iss),
            (None, None, [only]) => Some(only),
            (None, None, _) => None,
        };
        let (name, iss) = found.ok_or_else(|| {
            let names: Vec<&str> = issuers.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Failure::Usage(format!("--issuer: must be an [[issuer]] of the settings: {names}"))
        })?;
        claims.entry("iss").or_insert_with(|| (*iss).into());
        Ok(Some((*name).to_owned()))
    }

    fn claims(&self) -> Result<Map<String, Value>, Failure> {
        let mut claims = Map::new();
        for (name, text) in self.claims.iter().chain(&self.claim) {
            let value = match serde_json::from_str(text) {
                // A subject is a text, also when it looks like a number.
                Ok(value) if name != "sub" => value,
                Err(_) if name != "sub" && text.starts_with(['[', '{', '"']) => {
                    let text = "must be JSON, for example --claim 'teams=[\"media\",\"press\"]'";
                    return Err(Failure::Usage(format!("{name}: {text}")));
                }
                Ok(_) | Err(_) => Value::String(text.clone()),
            };
            if claims.insert(name.clone(), value).is_some() {
                return Err(Failure::Usage(format!("{name}: must be given once")));
            }
        }
        Ok(claims)
    }
}

pub(crate) async fn run(options: &ExplainOptions, terminal: Terminal) -> Result<(), Failure> {
    let deployment = options.deployment.read()?;
    let mut claims = options.claims()?;
    let usual = match (claims.is_empty(), deployment.is_whole) {
        (_, true) => AskerMethod::first(&deployment.settings.auth),
        (true, false) => AskerMethod::None,
        (false, false) => AskerMethod::Jwt,
    };
    let method = options.method.unwrap_or(usual);
    let issuer = match method {
        AskerMethod::Jwt => options.issuer(&deployment, &mut claims)?,
        _ => None,
    };
    if let (AskerMethod::Wechat, Some(app_id)) = (method, deployment.mini_program()) {
        claims.entry("appid").or_insert_with(|| app_id.into());
    }
    let caller = principal(method, issuer.as_deref(), &claims, &SystemClock).await;
    let caller = caller.map_err(Failure::Usage)?;
    let (wish, now) = (options.wish()?, SystemClock.now());
    let explanation = explain(&deployment.settings, deployment.sts_action(), &caller, &wish, now)
        .map_err(|error| Failure::Usage(format!("the request: {error}")))?;
    if options.json {
        terminal.line(serde_json::to_string(&explanation)?);
    } else {
        print(&explanation, terminal);
    }
    if explanation.issued.is_some() { Ok(()) } else { Err(Failure::Refused) }
}

fn print(explanation: &Explanation, terminal: Terminal) {
    let count = explanation.grants.iter().filter(|grant| grant.applies).count();
    terminal.title(format_args!("Grants: {count} of {} apply", explanation.grants.len()));
    for grant in &explanation.grants {
        terminal.step(grant.applies, &grant.name);
        for reason in &grant.reasons {
            terminal.line(format_args!("      {reason}"));
        }
    }
    if let Some(refusal) = &explanation.refusal {
        terminal.title("Nothing is issued");
        terminal.pair("status", refusal.status);
        terminal.pair("code", refusal.code_desc);
        terminal.pair("message", &refusal.message);
    }
    if let Some(issued) = &explanation.issued {
        print_issued(issued, terminal);
    }
}

fn print_issued(issued: &IssuedCredential, terminal: Terminal) {
    terminal.title(format_args!("The credential, from {}", issued.grants.join(", ")));
    for clause in &issued.clauses {
        terminal.pair("allows", clause);
        terminal.pair("", format_args!("in {}", clause.bucket));
        print_conditions(clause, terminal);
    }
    if let Some(key) = &issued.example_key {
        terminal.pair("key", format_args!("{key} (another one for each request)"));
    }
    terminal.pair("lifetime", format_args!("{} s", issued.duration_seconds));
    let unknown = "GetFederationToken, or AssumeRole where ROLE_ARN is set";
    terminal.pair("STS action", issued.sts_action.unwrap_or(unknown));
    if let Some(role) = &issued.role {
        terminal.pair("role", role);
    }
    terminal.pair("session", &issued.session_name);
    terminal.pair("policy", &issued.policy_text);
}

/// Each condition as it is written.
fn print_conditions(clause: &Clause, terminal: Terminal) {
    let conditions = serde_json::to_value(&clause.conditions).unwrap_or_default();
    for (operator, keys) in conditions.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            terminal.pair("", format_args!("{key} {operator} {values}"));
        }
    }
}
