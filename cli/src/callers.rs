//! Callers that can be tried: two users whose folders differ, and an operator, each with a token,
//! an API key, a key for signed requests and logins of a mini-program.
//!
//! # Guarantees
//! Keys are random, belong to one run, and are registered as secrets of its cloud.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{Display, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cos_emulator::Account;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tencent::percent::percent_encode;
use tencent::secret::Secret;
use tencent::sign::digest::{hmac_sha256, sha256_hex};
use tencent::time::{Clock as _, SystemClock};

use crate::deployment::Deployment;
use crate::token_issuer::{Identity, MAX_SECONDS, TokenIssuer};
use crate::wechat_service::{APP_ID, WechatService};

/// The users, by the name that is also their `sub`.
pub(crate) const USERS: [&str; 3] = ["user-1", "user-2", "operator"];

/// How a caller proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// A bearer token of the local issuer
    #[default]
    Jwt,
    /// An API key
    ApiKey,
    /// A signed request
    Hmac,
    /// A login code of a mini-program
    Wechat,
}

impl Method {
    pub(crate) const ALL: [Self; 4] = [Self::Jwt, Self::ApiKey, Self::Hmac, Self::Wechat];

    /// As in `AUTH` and in the audit log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::ApiKey => "api-key",
            Self::Hmac => "hmac",
            Self::Wechat => "wechat",
        }
    }

    /// Whether a proof is for one request only.
    pub(crate) fn is_single_use(self) -> bool {
        matches!(self, Self::Hmac | Self::Wechat)
    }
}

/// The request that a caller signs.
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Decoded.
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a str,
}

pub(crate) struct Callers {
    issuer: TokenIssuer,
    wechat: WechatService,
    /// One key for each of [`USERS`], as an API key and for signatures.
    keys: Vec<(Secret, Secret)>,
    /// The `[[issuer]]` tables that are played, by name; the first one is the usual one.
    played: Mutex<Vec<(String, Identity)>>,
    /// Who a hash in the audit log is.
    subjects: Mutex<HashMap<String, String>>,
    files: TempDir,
}

impl Callers {
    pub(crate) fn start() -> io::Result<Self> {
        let keys: io::Result<Vec<_>> = USERS.iter().map(|_| Ok((key()?, key()?))).collect();
        let callers = Self {
            issuer: TokenIssuer::start()?,
            wechat: WechatService::start(APP_ID, key()?)?,
            keys: keys?,
            played: Mutex::default(),
            subjects: Mutex::default(),
            files: tempfile::tempdir()?,
        };
        for user in USERS {
            callers.remember(user);
        }
        Ok(callers)
    }

    /// The variables of a function that accepts these callers by these methods.
    pub(crate) fn variables(
        &self,
        methods: &[Method],
        account: &Account,
    ) -> io::Result<BTreeMap<String, String>> {
        let grants = self.grants_file();
        std::fs::write(&grants, grants_file(account))?;
        let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
        let mut variables = BTreeMap::from([
            ("AUTH".to_owned(), names.join(",")),
            ("GRANTS_FILE".to_owned(), grants.display().to_string()),
        ]);
        let mut set = |name: &str, value| variables.insert(name.to_owned(), value);
        for method in methods {
            match method {
                Method::Jwt => {
                    for (name, value) in self.issuer.variables() {
                        set(name, value);
                    }
                }
                Method::ApiKey => {
                    let hash = |(key, _): &(Secret, Secret)| sha256_hex(key.expose().as_bytes());
                    set("API_KEYS", self.entries(hash));
                }
                Method::Hmac => {
                    set("HMAC_KEYS", self.entries(|(_, key)| key.expose().to_owned()));
                }
                Method::Wechat => {
                    for (name, value) in self.wechat.variables() {
                        set(name, value);
                    }
                }
            }
        }
        Ok(variables)
    }

    /// Where [`Self::variables`] writes the grants.
    pub(crate) fn grants_file(&self) -> PathBuf {
        self.files.path().join("grants.toml")
    }

    /// Plays the issuers of a grants file that has `[[issuer]]` tables: the copy of the file that
    /// the function gets, with the keys of this run. `None` for a file without.
    pub(crate) fn play(&self, path: &Path) -> Result<Option<PathBuf>, String> {
        let named = |error: &dyn Display| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
        let mut file: toml::Table = toml::from_str(&text).map_err(|error| named(&error))?;
        let Some(toml::Value::Array(tables)) = file.get_mut("issuer") else {
            return Ok(None);
        };
        for table in tables.iter_mut().filter_map(toml::Value::as_table_mut) {
            table.retain(|key, _| !KEY_SOURCES.contains(&key));
            table.insert("jwks_url".to_owned(), self.issuer.jwks_url().into());
            table.insert("algorithms".to_owned(), vec!["EdDSA"].into());
        }
        let copy = self.files.path().join("played.toml");
        let written = toml::to_string(&file).map_err(|error| named(&error))?;
        std::fs::write(&copy, written).map_err(|error| named(&error))?;
        let deployment = Deployment::of_grants_file(&copy).map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            named(&texts.join("; "))
        })?;
        *self.played.lock().unwrap_or_else(PoisonError::into_inner) = deployment.issuers();
        Ok(Some(copy))
    }

    fn entries(&self, value: impl Fn(&(Secret, Secret)) -> String) -> String {
        let mut entries = String::new();
        for (user, key) in USERS.iter().zip(&self.keys) {
            let _ = write!(entries, "{user}={} sub={user}; ", value(key));
        }
        entries.trim_end_matches("; ").to_owned()
    }

    /// Every key, to register it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(|(one, other)| [one.expose(), other.expose()])
    }

    /// The subject or key that the audit log shows as a hash.
    pub(crate) fn subject(&self, hash: &str) -> Option<String> {
        self.known().get(hash).cloned()
    }

    pub(crate) fn token(
        &self,
        issuer: Option<&str>,
        subject: &str,
        claims: &Map<String, Value>,
        seconds: Option<u32>,
    ) -> Result<String, String> {
        let (seconds, now) = (seconds.unwrap_or(TOKEN_SECONDS), SystemClock.now());
        let played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match issuer {
            None => played.first(),
            Some(name) => {
                Some(played.iter().find(|(known, _)| known == name).ok_or_else(|| {
                    let names: Vec<&str> = played.iter().map(|(name, _)| name.as_str()).collect();
                    let names = names.join(", ");
                    format!("issuer: must be an [[issuer]] of the function's grants file: {names}")
                })?)
            }
        };
        let token = match found {
            Some((_, identity)) => self.issuer.token(identity, subject, claims, now, seconds)?,
            None => self.issuer.token(&self.issuer.identity(), subject, claims, now, seconds)?,
        };
        self.remember(subject);
        Ok(token)
    }

    /// The value of `Authorization` with which `user` sends a request.
    pub(crate) fn authorization(
        &self,
        user: &str,
        method: Method,
        request: &Signed<'_>,
    ) -> Result<String, String> {
        match method {
            Method::Jwt => Ok(format!("Bearer {}", self.token(None, user, &Map::new(), None)?)),
            Method::ApiKey => Ok(format!("Bearer {}", self.keys(user)?.0.expose())),
            Method::Hmac => signature(user, &self.keys(user)?.1, request),
            Method::Wechat => {
                self.remember(user);
                let code: String = random_hex().map_err(|error| error.to_string())?;
                let authorization = format!("WeChat {code}");
                self.wechat.login(user, code);
                Ok(authorization)
            }
        }
    }

    fn keys(&self, user: &str) -> Result<&(Secret, Secret), String> {
        let keys = USERS.iter().zip(&self.keys).find(|(name, _)| **name == user);
        let keys = keys.map(|(_, keys)| keys);
        keys.ok_or_else(|| {
            format!("as: must be {} with this method; it is `{user}`", USERS.join(", "))
        })
    }

    /// The function logs a hash for each method.
    fn remember(&self, subject: &str) {
        let mut known = self.known();
        if known.len() >= MAX_SUBJECTS {
            return;
        }
        for method in Method::ALL {
            let hash = sha256_hex(format!("{}\n{subject}", method.name()).as_bytes());
            known.insert(hash.chars().take(32).collect(), subject.to_owned());
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `docs/hmac.md`, in the words of a client.
pub(crate) fn signature(user: &str, key: &Secret, request: &Signed<'_>) -> Result<String, String> {
    let timestamp = SystemClock.now().unix_seconds();
    let nonce = random_hex().map_err(|error| error.to_string())?;
    let nonce: String = nonce.chars().take(32).collect();
    let pair = |(name, value): &(String, String)| {
        format!("{}={}", percent_encode(name), percent_encode(value))
    };
    let mut pairs: Vec<String> = request.query.iter().map(pair).collect();
    pairs.sort_unstable();
    let text = format!(
        "{SCHEME}\n{timestamp}\n{nonce}\n{}\n{}\n{}\n{}",
        request.method,
        request.path,
        pairs.join("&"),
        sha256_hex(request.body.as_bytes())
    );
    let mut signature = String::new();
    for byte in hmac_sha256(key.expose().as_bytes(), text.as_bytes()).iter() {
        let _ = write!(signature, "{byte:02x}");
    }
    Ok(format!(
        "{SCHEME} KeyId={user}, Timestamp={timestamp}, Nonce={nonce}, Signature={signature}"
    ))
}

fn key() -> io::Result<Secret> {
    Secret::new(random_hex()?).ok_or_else(|| io::Error::other("no key for a caller"))
}

/// 256 random bits.
pub(crate) fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    // A hash of random bits is as random, and already in hex.
    Ok(sha256_hex(&bytes))
}

/// A folder for each user, one for each team, and for the operator the whole bucket and one more
/// that they create and delete.
fn grants_file(account: &Account) -> String {
    let place = format!("bucket = \"{}\"\nregion = \"{}\"\n", account.bucket, account.region);
    let everything = "allow = [\"upload\", \"download\", \"list\", \"delete\"]\n";
    format!(
        "[[grant]]\nname = \"own-folder\"\nmatch = \"everyone\"\nprefix = \"users/{{sub}}/\"\n\
         named_extensions = [\"jpg\", \"png\"]\n{everything}{place}\n\
         [[grant]]\nname = \"team\"\nmatch = {{ team = [\"media\", \"press\"] }}\n\
         prefix = \"teams/{{team}}/\"\n{everything}{place}\n\
         [[grant]]\nname = \"operator\"\nmatch = {{ sub = \"operator\" }}\nprefix = \"/\"\n\
         {everything}actions = [\"HeadBucket\", \"GetService\"]\n{place}\n\
         [[grant]]\nname = \"operator-scratch\"\nmatch = {{ sub = \"operator\" }}\nprefix = \"/\"\n\
         {everything}actions = [\"GetService\", \"PutBucket\", \"DeleteBucket\"]\n\
         bucket = \"scratch-{}\"\nregion = \"{}\"\n",
        account.appid, account.region
    )
}

/// The keys of an `[[issuer]]` that name its keys.
const KEY_SOURCES: [&str; 6] =
    ["algorithms", "jwks_file", "jwks_url", "public_key", "public_key_file", "secret_env"];

const SCHEME: &str = "COS-ISSUER-HMAC-SHA256";
const TOKEN_SECONDS: u32 = 3600;
const MAX_SUBJECTS: usize = 3000;
const _: () = assert!(TOKEN_SECONDS <= MAX_SECONDS, "a token is accepted");
