//! The wiring: [`Settings`] in, a [`Handler`] with its connections out.

use std::sync::Arc;

use tencent::time::Clock;

use crate::auth::{Authenticator, JwksCache, KeySource, TokenVerifier, Verifier};
use crate::config::{AuthSettings, JwtKeys, JwtSettings, Settings};
use crate::entropy::{Entropy, SystemEntropy};
use crate::handler::Handler;
use crate::http_client::{Client, ClientError, ClientOptions};
use crate::issuer::{Issuer, IssuerOptions};
use crate::runtime::Platform;
use crate::sts;

/// A function that is ready to serve.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct App {
    /// Where requests come from.
    pub platform: Platform,
    /// What answers them.
    pub handler: Handler,
}

impl App {
    /// Puts the parts together. No connection is made.
    ///
    /// # Errors
    /// [`ClientError`] when TLS cannot be set up.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let issuer = Issuer::new(IssuerOptions {
            sts: sts::Client {
                http: Client::new(settings.sts.http)?,
                identity: settings.sts.identity,
                region: settings.sts_region,
                remaining_seconds_min: settings.min_remaining_seconds,
            },
            endpoints: settings.sts.endpoints,
            budget: settings.sts.deadline,
            concurrency_max: settings.sts.concurrency_max,
            cache_entries_max: settings.cache_entries_max,
            background: settings.platform.background(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        });
        let handler = Handler {
            authentication: authenticator(settings.auth)?,
            grants: settings.grants,
            issuer,
            allowed_origins: settings.allowed_origins,
            base_path: settings.base_path,
            clock,
            entropy,
        };
        Ok(Self { platform: settings.platform, handler })
    }
}

fn authenticator(methods: Vec<AuthSettings>) -> Result<Authenticator, ClientError> {
    if methods.is_empty() {
        return Ok(Authenticator::None);
    }
    let verifiers = methods.into_iter().map(|method| {
        Ok(match method {
            AuthSettings::ApiKey(keys) => Verifier::ApiKey(keys),
            AuthSettings::Gateway => Verifier::Gateway,
            AuthSettings::Hmac(keys) => Verifier::Hmac(keys),
            AuthSettings::Jwt(settings) => Verifier::Jwt(token_verifier(settings)?),
        })
    });
    verifiers.collect::<Result<_, _>>().map(Authenticator::OneOf)
}

fn token_verifier(settings: JwtSettings) -> Result<TokenVerifier, ClientError> {
    let keys = match settings.keys {
        JwtKeys::Fixed(keys) => KeySource::Fixed(Arc::new(keys)),
        JwtKeys::Jwks { url, plaintext_http } => {
            let client = Client::new(ClientOptions { plaintext_http, ..ClientOptions::default() })?;
            let algorithms = settings.validation.algorithms.clone();
            KeySource::Remote(JwksCache::new(client, url, algorithms))
        }
    };
    Ok(TokenVerifier { validation: settings.validation, keys })
}
