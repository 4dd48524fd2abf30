//! What a function reads at its start, read in the same way without starting one: a grants file, or
//! the variables of a whole deployment.
//!
//! # Guarantees
//! The function's own parser reads the settings, so what is an error here is an error there.
//!
//! # Not covered
//! The calling key and what the platform itself sets: where they are missing, placeholders take
//! their place, because nothing is called here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use cos_issuer::config::{AuthSettings, ConfigError, Environment, JwtSettings, Settings};
use cos_issuer::sts::CallingKeys;

use crate::failure::Failure;
use crate::token_issuer::Identity;

/// The settings of a deployment.
pub(crate) struct Deployment {
    pub(crate) settings: Settings,
    /// Whether the settings are those of a whole deployment, and not only its grants.
    pub(crate) is_whole: bool,
}

/// Where the settings are.
#[derive(clap::Args)]
pub(crate) struct DeploymentOptions {
    /// A grants file, as GRANTS_FILE names it
    #[arg(value_name = "GRANTS_FILE", required_unless_present = "env")]
    pub(crate) grants_file: Option<PathBuf>,

    /// The variables of a deployment, one NAME=VALUE a line; files that they name are next to it
    #[arg(long, value_name = "FILE", conflicts_with = "grants_file")]
    pub(crate) env: Option<PathBuf>,
}

impl DeploymentOptions {
    pub(crate) fn read(&self) -> Result<Deployment, Failure> {
        let found = match (&self.grants_file, &self.env) {
            (_, Some(path)) => Deployment::of_variables(path, &read_text(path)?),
            (Some(path), None) => Deployment::of_grants(path, &read_text(path)?),
            (None, None) => return Err(Failure::Usage("GRANTS_FILE: must be given".to_owned())),
        };
        found.map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::Usage(lines.join("\n"))
        })
    }
}

impl Deployment {
    /// Of a grants file, with every calling key and authentication method that it may be for.
    pub(crate) fn of_grants_file(path: &Path) -> Result<Self, Vec<ConfigError>> {
        Self::of_grants(path, &std::fs::read_to_string(path).unwrap_or_default())
    }

    /// Of the text of a grants file, which may be one that can be read only once.
    pub(crate) fn of_grants(path: &Path, text: &str) -> Result<Self, Vec<ConfigError>> {
        let grants_file = path.display().to_string();
        let issuers = issuers(text);
        let variables = [
            ("AUTH", if issuers.is_empty() { "gateway" } else { "gateway,jwt" }),
            ("KEY_OWNER", "sub-account"),
            ("GRANTS_FILE", grants_file.as_str()),
        ];
        let secrets = issuers.iter().filter_map(|issuer| issuer.get("secret_env")?.as_str());
        let variables = variables.into_iter().chain(secrets.map(|name| (name, TOKEN_SECRET)));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let beside = path.parent().unwrap_or_else(|| Path::new(""));
        let places = [Path::new(""), beside];
        let settings = read(variables.collect(), places, Some((&grants_file, text)))?;
        Ok(Self { settings, is_whole: false })
    }

    /// Of the text of a file with variables.
    pub(crate) fn of_variables(path: &Path, text: &str) -> Result<Self, Vec<ConfigError>> {
        let pairs = variables(text).into_iter().map(|each| (each.name, each.value));
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let settings = read(pairs.collect(), [directory, Path::new("")], None)?;
        Ok(Self { settings, is_whole: true })
    }

    /// The token issuers that the grants file names, each with its `iss`.
    pub(crate) fn token_issuers(&self) -> Vec<(&str, &str)> {
        let issuers = self.settings.auth.iter().flat_map(|method| match method {
            AuthSettings::Jwt(issuers) => issuers.as_slice(),
            _ => &[],
        });
        let named = issuers.filter_map(|settings| {
            let issuer = &settings.issuer;
            Some((issuer.name.as_deref()?, issuer.validation.issuer.as_str()))
        });
        named.collect()
    }

    /// The `[[issuer]]` tables, as whom a token can be signed.
    pub(crate) fn issuers(&self) -> Vec<(String, Identity)> {
        let issuers = self.settings.auth.iter().flat_map(|method| match method {
            AuthSettings::Jwt(issuers) => issuers.as_slice(),
            _ => &[],
        });
        let identity = |settings: &JwtSettings| {
            let rules = &settings.issuer.validation;
            let identity = Identity {
                issuer: rules.issuer.clone(),
                audience_claim: rules.audience_claim.name(),
                audience: rules.audiences.first()?.clone(),
            };
            Some((settings.issuer.name.clone()?, identity))
        };
        issuers.filter_map(identity).collect()
    }

    /// The AppID of the mini-program whose users log in.
    pub(crate) fn mini_program(&self) -> Option<&str> {
        self.settings.auth.iter().find_map(|method| match method {
            AuthSettings::Wechat(wechat) => Some(wechat.app.app_id.as_str()),
            _ => None,
        })
    }

    /// The action of STS that issues its credentials; `None` where the calling key is not known.
    pub(crate) fn sts_action(&self) -> Option<&'static str> {
        let assumes_role = match &self.settings.sts.calling_keys {
            CallingKeys::Fixed(identity) => identity.role().is_some(),
            CallingKeys::OfRequests(_) | CallingKeys::WebIdentity(_) => true,
        };
        let action = if assumes_role { "AssumeRole" } else { "GetFederationToken" };
        self.is_whole.then_some(action)
    }
}

/// A variable of a file.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
    /// From 1.
    pub(crate) line: usize,
}

/// The variables of a file for `docker run --env-file` or of a systemd unit: `NAME=VALUE` lines,
/// comments behind `#` at the start of a line, and quotes around a whole value.
pub(crate) fn variables(text: &str) -> Vec<Variable> {
    let unquoted = |value: &str| {
        let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
        inner('"').or_else(|| inner('\'')).unwrap_or(value).to_owned()
    };
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.starts_with(['#', ';']));
    let variable = |(line, text): (usize, &str)| {
        let text = text.strip_prefix("export ").unwrap_or(text);
        let (name, value) = text.split_once('=')?;
        Some(Variable { name: name.trim().to_owned(), value: unquoted(value.trim()), line })
    };
    lines.filter_map(variable).collect()
}

/// The text of a file that the command line names, `-` for standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = crate::request::read(&path.display().to_string());
    // Without the file there is no answer, and exit code 1 is one.
    let bytes = bytes.map_err(|failure| match failure {
        Failure::Failed(text) => Failure::Usage(text),
        other => other,
    })?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::Usage(format!("{}: must be UTF-8", path.display())))
}

/// The `[[issuer]]` tables of a grants file.
pub(crate) fn issuers(text: &str) -> Vec<toml::Value> {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let issuers = file.get("issuer").and_then(toml::Value::as_array);
    issuers.cloned().unwrap_or_default()
}

/// `places` are where files are looked for, the first one first; the text of `known` is known.
fn read(
    mut variables: BTreeMap<String, String>,
    places: [&Path; 2],
    known: Option<(&str, &str)>,
) -> Result<Settings, Vec<ConfigError>> {
    let is_set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let needs_gateway = variables.get("AUTH").is_some_and(|methods| methods.contains("gateway"));
    let has_platform = is_set("AWS_LAMBDA_RUNTIME_API") || is_set("SCF_RUNTIME_API");
    let has_key = HAS_KEY.into_iter().any(is_set);
    let token_file = variables.get("TKE_WEB_IDENTITY_TOKEN_FILE").cloned();
    let mut add = |placeholders: &[(&str, &str)]| {
        for (name, value) in placeholders {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
    };
    if needs_gateway && !has_platform {
        add(&LAMBDA);
    }
    if !has_key {
        add(&CALLING_KEY);
    }
    let [first, second] = places;
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let read_file = |path: &str| {
        if let Some((_, text)) = known.filter(|(name, _)| *name == path) {
            return Ok(text.as_bytes().to_vec());
        }
        let near = std::fs::read(first.join(path));
        let read = match near {
            Err(error) if is_missing(&error) => std::fs::read(second.join(path)),
            near => near,
        };
        match read {
            // Only a pod has it.
            Err(error) if is_missing(&error) && token_file.as_deref() == Some(path) => {
                Ok(b"placeholder".to_vec())
            }
            read => read,
        }
    };
    let environment: Environment = variables.into_iter().collect();
    Settings::read(&environment, &read_file)
}

/// What AWS Lambda sets, whose gateways send identities.
const LAMBDA: [(&str, &str); 4] = [
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
    ("AWS_LAMBDA_FUNCTION_NAME", "cos-issuer"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
];

/// A calling key, or what takes its place.
const HAS_KEY: [&str; 5] = [
    "ROLE_KEYS",
    "SECRET_ID",
    "TENCENTCLOUD_SECRETID",
    "TKE_ROLE_ARN",
    "TKE_WEB_IDENTITY_TOKEN_FILE",
];

/// A permanent key that signs nothing.
const CALLING_KEY: [(&str, &str); 2] = [("SECRET_ID", "AKIDplaceholder"), ("SECRET_KEY", "none")];

/// A secret of a token issuer that signs nothing.
const TOKEN_SECRET: &str = "placeholder-of-a-token-secret-0123456789";

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn variables_are_read_with_their_lines() {
        let text =
            "# a comment\nAUTH=jwt\n\nexport PREFIX='a b/'\nPOLICY={\"a\": \"=\"}\nnothing\n";
        let found: Vec<_> =
            variables(text).into_iter().map(|v| (v.line, v.name, v.value)).collect();
        let expected = [(2, "AUTH", "jwt"), (4, "PREFIX", "a b/"), (5, "POLICY", "{\"a\": \"=\"}")];
        let expected = expected.map(|(line, name, value)| (line, name.into(), value.into()));
        assert_eq!(found, expected);
    }
}
