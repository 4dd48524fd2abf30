//! The wiring: [`Settings`] in, a [`Handler`] with its connections out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tencent::time::Clock;

use crate::access::{CurrentAccess, SharedDenyList};
use crate::auth::{
    Authenticator, JwksCache, KeySource, TokenVerifier, TokenVerifiers, Verifier, WechatLogin,
};
use crate::config::{AuthSettings, ConfigError, JwtKeys, JwtSettings, MetricsSettings, Settings};
use crate::entropy::{Entropy, SystemEntropy};
use crate::handler::Handler;
use crate::http_client::{self, Client, ClientError, ClientOptions};
use crate::issuer::{Issuer, IssuerOptions, ReadFile};
use crate::metrics::Metrics;
use crate::rate_limit::RateLimiter;
use crate::runtime::{Platform, Reloader};
use crate::shared_store::SharedStore;
use crate::sts;
use crate::version::REVISION;

/// A function that is ready to serve.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct App {
    /// Where requests come from.
    pub platform: Platform,
    /// What answers them.
    pub handler: Handler,
}

impl App {
    /// Puts the parts together. No connection is made. `read_file` reads what changes while the
    /// function runs.
    ///
    /// # Errors
    /// [`ClientError`] when TLS cannot be set up.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        read_file: ReadFile,
    ) -> Result<Self, ClientError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let is_scraped = settings.metrics == MetricsSettings::Prometheus;
        let metrics =
            is_scraped.then(|| Arc::new(Metrics::new(settings.sts.endpoints.len(), REVISION)));
        let issuer = Issuer::new(IssuerOptions {
            sts: sts::Client {
                http: Client::new(ClientOptions {
                    threads: settings.platform.threads(),
                    ..settings.sts.http
                })?,
                region: settings.sts_region,
                remaining_seconds_min: settings.min_remaining_seconds,
            },
            calling_keys: settings.sts.calling_keys,
            endpoints: settings.sts.endpoints,
            budget: settings.sts.deadline,
            concurrency_max: settings.sts.concurrency_max,
            cache_entries_max: settings.cache_entries_max,
            background: settings.platform.background(),
            has_renewable_key: settings.sts.is_role_key && settings.platform.is_scf(),
            read_file,
            metrics: metrics.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        });
        let store = settings.shared_store.map(|store| {
            let tls =
                store.url.is_tls().then(|| http_client::tls(store.extra_roots)).transpose()?;
            let (clock, entropy) = (Arc::clone(&clock), Arc::clone(&entropy));
            Ok::<_, ClientError>(Arc::new(SharedStore::new(
                store.url,
                store.prefix,
                tls,
                clock,
                entropy,
            )))
        });
        let store = store.transpose()?;
        let handler = Handler {
            authentication: authenticator(settings.auth, store.as_ref())?,
            access: CurrentAccess::new(settings.grants, settings.deny_list),
            shared_deny_list: store.clone().map(SharedDenyList::new),
            rate_limiter: settings.rate_limit.map(|limit| RateLimiter::new(limit, store.clone())),
            shared_store: store,
            address_header: settings.address_header,
            issuer,
            allowed_origins: settings.allowed_origins,
            base_path: settings.base_path,
            audit: settings.audit,
            clock,
            entropy,
            metrics,
            is_stopping: AtomicBool::new(false),
        };
        Ok(Self { platform: settings.platform, handler })
    }
}

/// How a server reads its files again, with `read_file`.
pub fn reloader(settings: &Settings, read_file: ReadFile) -> Reloader {
    let (of_grants, of_deny_list) = (settings.reloadable.clone(), settings.reloadable.clone());
    let of_token_keys = settings.reloadable.clone();
    Reloader {
        read_token_keys: Box::new(move || {
            of_token_keys.token_keys(&read_file).map_err(|e| joined(&e))
        }),
        read_grants: Box::new(move || of_grants.grants(&read_file).map_err(|e| joined(&e))),
        read_deny_list: Box::new(move || {
            of_deny_list.deny_list(&read_file).map_err(|e| joined(&e))
        }),
    }
}

fn joined(errors: &[ConfigError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn authenticator(
    methods: Vec<AuthSettings>,
    store: Option<&Arc<SharedStore>>,
) -> Result<Authenticator, ClientError> {
    if methods.is_empty() {
        return Ok(Authenticator::None);
    }
    let verifiers = methods.into_iter().map(|method| {
        Ok(match method {
            AuthSettings::ApiKey(keys) => Verifier::ApiKey(keys),
            AuthSettings::Gateway => Verifier::Gateway,
            AuthSettings::Hmac(mut keys) => {
                if let Some(store) = store {
                    keys.share_nonces(Arc::clone(store));
                }
                Verifier::Hmac(keys)
            }
            AuthSettings::Jwt(issuers) => {
                let verifiers = issuers.into_iter().map(token_verifier);
                Verifier::Jwt(TokenVerifiers::new(verifiers.collect::<Result<_, _>>()?))
            }
            AuthSettings::Wechat(settings) => {
                let plaintext_http = settings.plaintext_http;
                let options = ClientOptions { plaintext_http, ..ClientOptions::default() };
                Verifier::Wechat(WechatLogin::new(Client::new(options)?, settings.app))
            }
        })
    });
    verifiers.collect::<Result<_, _>>().map(Authenticator::OneOf)
}

fn token_verifier(settings: JwtSettings) -> Result<TokenVerifier, ClientError> {
    let JwtSettings { issuer, keys } = settings;
    let keys = match keys {
        JwtKeys::Fixed(keys) => KeySource::fixed(keys),
        JwtKeys::Jwks { url, plaintext_http } => {
            let client = Client::new(ClientOptions { plaintext_http, ..ClientOptions::default() })?;
            let algorithms = issuer.validation.algorithms.clone();
            let name = issuer.name.clone();
            KeySource::Remote(JwksCache::new(client, url, algorithms, name))
        }
    };
    let mut verifier = TokenVerifier::new(issuer.validation, keys);
    if let Some(name) = &issuer.name {
        verifier = verifier.named(name);
    }
    Ok(match issuer.header {
        Some(header) => verifier.in_header(header),
        None => verifier,
    })
}
