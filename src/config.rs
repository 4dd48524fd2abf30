//! The configuration: environment variables and the files they name, parsed into [`Settings`].
//!
//! # Guarantees
//! - Every error is reported at once. A [`ConfigError`] names the variable and what to write,
//!   never the value.
//! - A combination that cannot work is an error, and so is a misspelled variable.
//! - `AUTH` and what callers get have no defaults.
//!
//! # Not covered
//! Reading the environment and the files: `main` passes both in.
//!
//! Reserved names (`SCF_`, `QCLOUD_`, `TENCENTCLOUD_`) and the limit of 4 KB for all variables:
//! <https://www.tencentcloud.com/document/product/583/32748>.

mod audit;
mod auth;
mod credential_header;
mod environment;
mod external_id;
mod grant;
mod grant_bounds;
mod grants_file;
mod issuer_preset;
mod jwt;
mod limits;
mod log;
mod metrics;
mod misspelled;
mod platform;
mod reader;
mod shared_store;
mod sts;
mod token_keys;
mod weak_secret;
mod wechat;

pub use auth::AuthSettings;
pub use environment::Environment;
pub use jwt::{JwtSettings, TokenIssuer};
pub use log::{log_format, log_level};
pub use metrics::MetricsSettings;
pub use platform::local_address;
pub use reader::ConfigError;
pub use shared_store::SharedStoreSettings;
pub use sts::StsSettings;
pub use token_keys::JwtKeys;
pub use wechat::WechatSettings;

use std::io;
use std::num::NonZeroUsize;

use http::HeaderValue;
use tencent::names::Region;

use crate::audit::AuditOptions;
use crate::auth::KeySet;
use crate::deny_list::DenyList;
use crate::grant::Grants;
use crate::rate_limit::RateLimit;
use crate::request::AddressHeader;
use crate::runtime::Platform;
use grant::GrantSettings;
use grants_file::{FileIssuer, FileKeys};
use reader::Reader;

/// Everything the function needs to start.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct Settings {
    /// Where requests come from.
    pub platform: Platform,
    /// How callers authenticate (`AUTH`). Empty for `none`.
    pub auth: Vec<AuthSettings>,
    /// How STS is called.
    pub sts: StsSettings,
    /// The region that the STS call names.
    pub sts_region: Region,
    /// The shortest lifetime that an issued credential has left (`MIN_REMAINING_SECONDS`).
    pub min_remaining_seconds: u32,
    /// How many credentials are kept (`CACHE_ENTRIES_MAX`); `None` for none (`CACHE=off`).
    pub cache_entries_max: Option<NonZeroUsize>,
    /// What callers get.
    pub grants: Grants,
    /// The store that instances share (`SHARED_STORE` and its companions).
    pub shared_store: Option<SharedStoreSettings>,
    /// The requests that each caller may make (`RATE_LIMIT`, `RATE_LIMIT_BLOCK`).
    pub rate_limit: Option<RateLimit>,
    /// The header with the client's address (`CLIENT_ADDRESS`); `None` where the connection or the
    /// event decides.
    pub address_header: Option<AddressHeader>,
    /// What the audit log contains (`AUDIT` and its companions).
    pub audit: AuditOptions,
    /// Who gets no credential (`DENY`, `DENY_FILE`).
    pub deny_list: DenyList,
    /// Where metrics go (`METRICS`).
    pub metrics: MetricsSettings,
    /// Origins whose pages may read a response (`ALLOWED_ORIGINS`), exactly as browsers send them.
    pub allowed_origins: Vec<HeaderValue>,
    /// The path prefix to strip (`BASE_PATH`): `""` or `/prefix`.
    pub base_path: String,
    /// From what grants, kill switch and keys of tokens can be read again.
    pub reloadable: Reloadable,
    /// What is allowed, but rarely meant.
    pub warnings: Vec<String>,
}

/// The part of the environment from which grants, kill switch and keys of tokens can be read
/// again. It contains no secret.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "the kill switch names people")]
pub struct Reloadable {
    environment: Environment,
    is_anonymous: bool,
    max_duration_seconds: u32,
    /// The token issuers of the grants file.
    token_issuers: Vec<TokenIssuer>,
}

impl Reloadable {
    /// Reads the grants again.
    ///
    /// # Errors
    /// Every [`ConfigError`] found.
    pub fn grants(
        &self,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Grants, Vec<ConfigError>> {
        self.read(read_file).map(|grant| grant.grants)
    }

    /// The part of the settings that the grants file may contain.
    fn read(
        &self,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<GrantSettings, Vec<ConfigError>> {
        let mut reader = Reader::new(&self.environment, read_file);
        let grant = grant::read(&mut reader, self.max_duration_seconds, self.is_anonymous);
        reader.finish()?;
        let grant = grant.ok_or_else(Vec::new)?;
        // Grants are checked against issuers, so both count together.
        if !grant.issuers.iter().map(|issuer| &issuer.issuer).eq(&self.token_issuers) {
            let text = "must keep its `[[issuer]]` tables: restart to change them";
            return Err(vec![ConfigError::new("GRANTS_FILE", text)]);
        }
        Ok(grant)
    }

    /// Reads the kill switch again.
    ///
    /// # Errors
    /// Every [`ConfigError`] found.
    pub fn deny_list(
        &self,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<DenyList, Vec<ConfigError>> {
        let mut reader = Reader::new(&self.environment, read_file);
        let deny_list = limits::deny_list(&mut reader);
        reader.finish()?;
        deny_list.ok_or_else(Vec::new)
    }

    /// Reads the keys of tokens again, in the order of their issuers; `None` where no file has
    /// them.
    ///
    /// # Errors
    /// Every [`ConfigError`] found.
    pub fn token_keys(
        &self,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Vec<Option<KeySet>>, Vec<ConfigError>> {
        if !self.token_issuers.is_empty() {
            let keys = |issuer: FileIssuer| match issuer.keys {
                FileKeys::Known(JwtKeys::Fixed(keys)) => Some(keys),
                FileKeys::Known(JwtKeys::Jwks { .. }) | FileKeys::SecretOf(_) => None,
            };
            return Ok(self.read(read_file)?.issuers.into_iter().map(keys).collect());
        }
        let mut reader = Reader::new(&self.environment, read_file);
        let keys = jwt::file_keys(&mut reader);
        reader.finish()?;
        keys.map(|keys| vec![keys]).ok_or_else(Vec::new)
    }
}

/// What grants, kill switch and keys of tokens are read from.
const RELOADED: [&str; 15] = [
    "ALLOW",
    "ALLOW_FULL_ACCESS",
    "BUCKET",
    "DENY",
    "DENY_FILE",
    "DURATION_SECONDS",
    "EXTENSIONS",
    "GRANTS_FILE",
    "JWT_ALGORITHMS",
    "JWT_JWKS_FILE",
    "JWT_PUBLIC_KEY_FILE",
    "MIN_REMAINING_SECONDS",
    "POLICY",
    "PREFIX",
    "REGION",
];

impl Settings {
    /// Parses the environment. `read_file` reads a file that a variable names.
    ///
    /// # Errors
    /// Every [`ConfigError`] found.
    pub fn read(
        environment: &Environment,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader::new(environment, read_file);
        log::check(&mut reader);
        let platform = platform::read(&mut reader);
        let mut auth = auth::read(&mut reader, platform.as_ref());
        let is_anonymous = auth.as_ref().is_some_and(Vec::is_empty);
        let mut platform =
            platform.map(|platform| platform::check(&mut reader, platform, is_anonymous));
        let reads_role_keys = platform.as_ref().is_some_and(Platform::reads_role_keys);
        let (sts, max_duration_seconds) = sts::read(&mut reader, reads_role_keys);
        let cache_entries_max = sts::cache_entries_max(&mut reader);
        let mut grant = grant::read(&mut reader, max_duration_seconds, is_anonymous);
        let issuers = grant.as_mut().map(|grant| std::mem::take(&mut grant.issuers));
        let token_issuers = issuers.iter().flatten().map(|one| one.issuer.clone()).collect();
        if let Some(methods) = &mut auth {
            auth::add_issuers(&mut reader, methods, issuers);
        }
        let allowed_origins = platform::allowed_origins(&mut reader);
        let base_path = platform::base_path(&mut reader);
        let is_open = is_anonymous && platform.as_ref().is_some_and(Platform::is_public);
        let rate_limit = limits::rate_limit(&mut reader, is_open);
        let address_header = limits::client_address(&mut reader, platform.as_ref());
        let deny_list = limits::deny_list(&mut reader);
        let shared_store = shared_store::read(&mut reader);
        let metrics = metrics::read(&mut reader, platform.as_mut());
        let audit = audit::read(&mut reader, metrics);
        let warnings = reader.finish()?;
        let settings = || {
            let grant = grant?;
            Some(Self {
                platform: platform?,
                auth: auth?,
                sts: sts?,
                sts_region: grant.region,
                min_remaining_seconds: grant.min_remaining_seconds,
                cache_entries_max: cache_entries_max?,
                grants: grant.grants,
                shared_store: shared_store?,
                rate_limit: rate_limit?,
                address_header: address_header?,
                audit: audit?,
                deny_list: deny_list?,
                metrics: metrics?,
                allowed_origins: allowed_origins?,
                base_path: base_path?,
                reloadable: Reloadable {
                    environment: environment.only(&RELOADED),
                    is_anonymous,
                    max_duration_seconds,
                    token_issuers,
                },
                warnings,
            })
        };
        // A part that is missing without an error is a defect of the parser: do not start.
        settings().ok_or_else(|| vec![ConfigError::new("AUTH", "the configuration is incomplete")])
    }
}
