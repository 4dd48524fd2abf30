//! The outbound HTTPS client, one pool for the life of the instance.
//!
//! Promises: rustls with ring and compiled-in roots (nothing is read from the machine), plus one extra CA when configured; HTTPS
//! only, unless a loopback address was configured; no redirects; no proxy from the environment, only a configured one; a
//! connect and a total time-out on every call; no answer larger than [`ANSWER_BYTES_MAX`], or than its caller allows.
//! Leaves out: retries, and any reading of the answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CipherSuite, ClientConfig, RootCertStore};

use tencent::secret::Secret;

/// How to build the client.
#[derive(Default)]
#[expect(
    missing_debug_implementations,
    reason = "a proxy's address may hold a password"
)]
pub struct Settings {
    /// PEM certificates to trust besides the compiled-in roots.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// The proxy's URL.
    pub proxy: Option<Secret>,
    /// Whether plain HTTP may be spoken at all.
    pub plain: PlaintextHttp,
}

/// Whether plain HTTP may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaintextHttp {
    /// HTTPS only.
    #[default]
    Never,
    /// To configured loopback addresses.
    Loopback,
}

/// The client.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

/// An answer that arrived whole.
#[expect(
    missing_debug_implementations,
    reason = "a body may hold issued credentials"
)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// Builds the client. No connection is made.
    ///
    /// # Errors
    /// [`SettingsError`] when the extra CA or the proxy's URL cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings.extra_ca_pem.as_deref())?)
            .https_only(settings.plain == PlaintextHttp::Never)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIME)
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            // The cause would repeat the URL, which may hold a password.
            let proxy = reqwest::Proxy::all(proxy.expose()).map_err(|_| SettingsError::Proxy)?;
            builder = builder.proxy(proxy);
        }
        Ok(Self(builder.build().map_err(SettingsError::Client)?))
    }

    /// Sends one `POST` and reads the whole answer within `timeout`.
    ///
    /// # Errors
    /// [`CallError`]; nothing in it repeats a header or a body.
    pub async fn post(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
        body: String,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let mut request = self.0.post(url).body(body);
        for (name, value) in headers {
            let mut value =
                http::HeaderValue::from_str(&value).map_err(|_| CallError::Header(name))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        answer(request, timeout, ANSWER_BYTES_MAX).await
    }

    /// Sends one `GET` and reads the whole answer, of up to `bytes_max`, within `timeout`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(
        &self,
        url: &str,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        answer(self.0.get(url), timeout, bytes_max).await
    }
}

async fn answer(
    request: reqwest::RequestBuilder,
    timeout: Duration,
    bytes_max: usize,
) -> Result<Answer, CallError> {
    let sent = request.timeout(timeout).send().await;
    let mut response = sent.map_err(CallError::from_reqwest)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(CallError::from_reqwest)? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(CallError::AnswerTooLarge(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The extra CA is no PEM certificate.
    #[error("the file holds no PEM certificate that can be trusted")]
    Certificate,
    /// The client itself.
    #[error("the HTTPS client cannot be built")]
    Client(#[source] reqwest::Error),
    /// The proxy's URL.
    #[error("the proxy is not a URL of the form `http://host:port`")]
    Proxy,
    /// The cryptography refuses the protocol versions.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// More than this many bytes.
    #[error("the answer has more than {0} bytes")]
    AnswerTooLarge(usize),
    /// No connection: refused, not resolved, or its certificate not trusted.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// A value that no header can carry, such as a key with a line break in it.
    #[error("the header `{0}` cannot carry its value")]
    Header(&'static str),
    /// No whole answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke, or what came is not HTTP.
    #[error("the connection broke")]
    Transport(#[source] reqwest::Error),
}

impl CallError {
    fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        // A connection that was not made in time is one that was not made.
        if error.is_connect() {
            Self::Connect(error)
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Transport(error)
        }
    }
}

/// A client for the runtime API of the platform, which is plain HTTP on this machine: no time limit, no proxy.
///
/// # Errors
/// [`SettingsError`] when it cannot be built.
pub(crate) fn runtime_api() -> Result<reqwest::Client, SettingsError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(None)?)
        .redirect(redirect::Policy::none());
    builder.no_proxy().build().map_err(SettingsError::Client)
}

fn tls(extra_ca_pem: Option<&[u8]>) -> Result<ClientConfig, SettingsError> {
    // Room for the extra ones, so that the list is not copied again.
    let mut roots = Vec::with_capacity(
        webpki_roots::TLS_SERVER_ROOTS
            .len()
            .saturating_add(EXTRA_ROOTS),
    );
    roots.extend_from_slice(webpki_roots::TLS_SERVER_ROOTS);
    let mut roots = RootCertStore { roots };
    if let Some(pem) = extra_ca_pem {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| SettingsError::Certificate)?;
        if certificates.is_empty() {
            return Err(SettingsError::Certificate);
        }
        for certificate in certificates {
            roots
                .add(certificate)
                .map_err(|_| SettingsError::Certificate)?;
        }
    }
    let mut provider = rustls::crypto::ring::default_provider();
    // AES-128 first: SHA-384, which the others are tied to, has no instructions of its own on most machines.
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(SettingsError::Tls)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// An STS answer has 1 to 5 KB.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A connection inside the cloud takes a few milliseconds; one that takes longer is better tried elsewhere.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// More certificates than an extra CA file usually has.
const EXTRA_ROOTS: usize = 8;

/// The other side closes idle connections after a minute or so, unheard by an instance that is frozen meanwhile.
const IDLE_TIME: Duration = Duration::from_secs(45);

/// One instance serves one request at a time, or a few as a server.
const IDLE_CONNECTIONS_MAX: usize = 8;
