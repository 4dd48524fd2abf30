//! Who asks a deployment: the proof that a request carries.
//!
//! # Guarantees
//! A secret is read from a file, standard input or a variable, never from the command line, which
//! other users of the machine can read.

use std::path::PathBuf;

use clap::Args;
use http::HeaderName;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tencent::secret::Secret;
use tencent::sign::digest::sha256_hex;

use crate::callers::{Method, Signed, signature};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::request::read;
use crate::running_client::RunningClient;

#[derive(Args)]
pub(crate) struct ProofOptions {
    /// A user of the local cloud that runs: user-1, user-2, operator, or with --with jwt any
    /// subject
    #[arg(long = "as", value_name = "USER", conflicts_with_all = ["secret_file", "secret_env"])]
    user: Option<String>,

    /// How the caller proves who it is
    #[arg(long, value_enum, default_value_t)]
    with: Method,

    /// The caller's secret in a file, - for standard input: a token, an API key, or with --with
    /// hmac KEY_ID=KEY
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// The name of the variable that contains the caller's secret
    #[arg(long, value_name = "NAME", conflicts_with = "secret_file")]
    secret_env: Option<String>,

    /// The header of the API key, as the deployment's API_KEY_HEADER names it
    #[arg(long, value_name = "NAME")]
    api_key_header: Option<HeaderName>,
}

/// A caller, as a deployment sees it.
pub(crate) struct Proof {
    pub(crate) method: Method,
    header: HeaderName,
    source: Source,
}

enum Source {
    /// A token or an API key.
    Bearer(Secret),
    /// The key of signed requests.
    Key { id: String, key: Secret },
    /// The local cloud has the caller's secrets.
    Local { user: String, cloud: RunningClient },
}

impl Proof {
    /// Where COS is, when the local cloud has the caller's secrets.
    pub(crate) fn local_cos(&self) -> Option<&str> {
        match &self.source {
            Source::Local { cloud, .. } => Some(cloud.cos_url()),
            Source::Bearer(_) | Source::Key { .. } => None,
        }
    }
}

impl ProofOptions {
    /// The caller; `None` if the options name none.
    pub(crate) fn proof(&self, environment: &Environment) -> Result<Option<Proof>, Failure> {
        let source = match &self.user {
            Some(user) => {
                let cloud = RunningClient::find(&environment.runtime_directory)?;
                Source::Local { user: user.clone(), cloud }
            }
            None => match self.secret(environment)? {
                None => return Ok(None),
                Some(text) => self.source(text)?,
            },
        };
        let header = self.api_key_header.clone().unwrap_or(AUTHORIZATION);
        Ok(Some(Proof { method: self.with, header, source }))
    }

    fn secret(&self, environment: &Environment) -> Result<Option<String>, Failure> {
        let (name, text) = match (&self.secret_file, &self.secret_env) {
            (Some(path), _) => {
                let bytes = read(&path.display().to_string())?;
                let text = String::from_utf8(bytes);
                ("--secret-file", text.map_err(|_| usage("--secret-file: must be UTF-8"))?)
            }
            (None, Some(name)) => {
                let text = (environment.variable)(name);
                let missing = || Failure::Usage(format!("--secret-env: {name} is not set"));
                ("--secret-env", text.ok_or_else(missing)?)
            }
            (None, None) => return Ok(None),
        };
        let text = text.trim();
        let is_possible = |byte: u8| byte.is_ascii_graphic();
        if text.is_empty() || !text.bytes().all(is_possible) {
            return Err(Failure::Usage(format!(
                "{name}: must be one secret without blanks, for example a token"
            )));
        }
        Ok(Some(text.to_owned()))
    }

    fn source(&self, text: String) -> Result<Source, Failure> {
        let secret = |text: String| Secret::new(text).ok_or_else(|| usage("the secret is empty"));
        match self.with {
            Method::Jwt | Method::ApiKey => Ok(Source::Bearer(secret(text)?)),
            Method::Hmac => {
                let form =
                    "the secret: must be KEY_ID=KEY with --with hmac, for example backend-1=4f1c…";
                let (id, key) = text.split_once('=').ok_or_else(|| usage(form))?;
                Ok(Source::Key { id: id.to_owned(), key: secret(key.to_owned())? })
            }
            Method::Wechat => Err(usage(
                "--with: must be jwt, api-key or hmac with a secret, because a login code works \
                 only once; wechat is possible with --as",
            )),
        }
    }
}

impl Proof {
    /// A hash of who asks and with which secret.
    pub(crate) fn fingerprint(&self) -> String {
        let (who, secret) = match &self.source {
            Source::Bearer(secret) => ("", secret.expose()),
            Source::Key { id, key } => (id.as_str(), key.expose()),
            // A secret of one run of the cloud.
            Source::Local { user, cloud } => (user.as_str(), cloud.token()),
        };
        sha256_hex(format!("{}\n{who}\n{secret}", self.method.name()).as_bytes())
    }

    /// The header with which the caller sends this request; for the local cloud's users it is made
    /// there.
    pub(crate) async fn header(
        &self,
        request: &Signed<'_>,
    ) -> Result<(HeaderName, Secret), Failure> {
        let value = match &self.source {
            Source::Bearer(secret) if self.header == AUTHORIZATION => {
                format!("Bearer {}", secret.expose())
            }
            Source::Bearer(secret) => secret.expose().to_owned(),
            Source::Key { id, key } => signature(id, key, request).map_err(Failure::Failed)?,
            Source::Local { user, cloud } => local(user, self.method, cloud, request).await?,
        };
        let value = Secret::new(value).ok_or_else(|| usage("the secret is empty"))?;
        Ok((self.header.clone(), value))
    }
}

async fn local(
    user: &str,
    method: Method,
    cloud: &RunningClient,
    request: &Signed<'_>,
) -> Result<String, Failure> {
    let order = json!({
        "as": user,
        "with": method.name(),
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body,
    });
    let answer = cloud.post("authorization", &order).await?;
    let value = answer.get("authorization").and_then(Value::as_str);
    Ok(value.unwrap_or_default().to_owned())
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}
