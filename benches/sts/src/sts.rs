//! An STS that answers every `GetFederationToken` after a set time, over TLS on loopback, and notes
//! what each answer took.
//!
//! # Guarantees
//!
//! The answer has the documented shape and the requested lifetime. A call in JSON (signature TC3)
//! and one as a form (signature v1) get the same answer. Connections and calls are counted.
//!
//! # Not covered
//!
//! Signatures, parameters and policies, which `emulator/` checks.

use crate::clock;
use crate::fault::Fault;
use crate::http::{Connection, Request};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running STS; it ends with the process.
#[derive(Debug)]
pub struct Sts {
    address: SocketAddr,
    ca_file: NamedTempFile,
    log: Arc<Mutex<Log>>,
}

/// What the STS saw.
#[derive(Debug, Default)]
pub struct Log {
    /// Connections accepted.
    pub connections: Vec<Opened>,
    /// Calls answered.
    pub calls: Vec<Call>,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// The connection was accepted.
    pub accepted_at: Instant,
    /// The TLS handshake was complete.
    pub secured_at: Instant,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The request was complete.
    pub asked_at: Instant,
    /// The answer was written.
    pub answered_at: Instant,
}

impl Sts {
    /// Listens on a free loopback port, under a certificate of a new authority. `latency` passes
    /// between a call and its answer.
    ///
    /// # Errors
    ///
    /// No port, no temporary file or no certificate.
    pub async fn start(latency: Duration) -> Result<Self, Fault> {
        let (acceptor, authority) = tls()?;
        let mut ca_file = NamedTempFile::new()?;
        ca_file.write_all(authority.as_bytes())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let log = Arc::<Mutex<Log>>::default();
        tokio::spawn(accept(listener, acceptor, latency, Arc::clone(&log)));
        Ok(Self { address, ca_file, log })
    }

    /// Its address as the function takes it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// Hands over the log and begins an empty one.
    pub fn take_log(&self) -> Log {
        with(&self.log, std::mem::take)
    }
}

/// The bucket that every policy must name.
pub const BUCKET: &str = "examplebucket-1250000000";

/// The id that every answer issues.
pub const TMP_SECRET_ID: &str = "AKIDEMUissued00000000000000000000000";
/// The key that every answer issues.
pub const TMP_SECRET_KEY: &str = "emulatorissued000000000000000000";

/// A session token of a usual length.
#[must_use]
pub fn token() -> &'static str {
    static TOKEN: LazyLock<String> = LazyLock::new(|| "emulatortoken-00".repeat(40));
    &TOKEN
}

fn with<T>(log: &Mutex<Log>, change: impl FnOnce(&mut Log) -> T) -> T {
    change(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
}

/// TLS under a certificate of a new authority for 127.0.0.1, and that authority's certificate, PEM.
///
/// # Errors
///
/// No certificate.
pub fn tls() -> Result<(TlsAcceptor, String), Fault> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "Benchmark authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let leaf_key = KeyPair::generate()?;
    let leaf =
        CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&leaf_key, &authority)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(leaf_key.serialize_der())?,
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), authority.pem()))
}

/// A fault ends its connection only: the function then has no credentials, and that stops the run
/// with its own message.
async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    latency: Duration,
    log: Arc<Mutex<Log>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, acceptor.clone(), latency, Arc::clone(&log)));
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    latency: Duration,
    log: Arc<Mutex<Log>>,
) -> std::io::Result<()> {
    let accepted_at = clock::instant();
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(acceptor.accept(stream).await?);
    let secured_at = clock::instant();
    with(&log, |log| log.connections.push(Opened { accepted_at, secured_at }));
    while let Some(request) = connection.read().await? {
        let asked_at = clock::instant();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        connection
            .write(
                "200 OK\r\nContent-Type: application/json",
                answer(&request).to_string().as_bytes(),
            )
            .await?;
        let answered_at = clock::instant();
        with(&log, |log| log.calls.push(Call { asked_at, answered_at }));
    }
    Ok(())
}

fn answer(request: &Request) -> Value {
    let asked =
        if request.header("x-tc-action").is_some() { in_json(request) } else { in_form(request) };
    match (request.method.as_str(), asked) {
        ("POST", Some(duration_seconds)) => {
            issued(clock::unix_seconds().saturating_add(duration_seconds))
        }
        _ => json!({"Response": {
            "Error": {"Code": "InvalidAction", "Message": "Only GetFederationToken with a Policy and a DurationSeconds."},
            "RequestId": REQUEST_ID,
        }}),
    }
}

/// The requested lifetime; `None` when this is another action, or has no policy.
fn in_json(request: &Request) -> Option<i64> {
    let body = serde_json::from_slice::<Value>(&request.body).ok()?;
    let has_policy = body.get("Policy").and_then(Value::as_str).is_some_and(names_the_bucket);
    let is_known = request.header("x-tc-action") == Some(ACTION);
    (is_known && has_policy).then(|| body.get("DurationSeconds")?.as_i64()).flatten()
}

/// The same of a form. What is looked for contains no characters that a form encodes.
fn in_form(request: &Request) -> Option<i64> {
    let body = std::str::from_utf8(&request.body).ok()?;
    let value = |name: &str| {
        body.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name)
    };
    let (_, action) = value("Action")?;
    let (_, policy) = value("Policy")?;
    let (_, duration_seconds) = value("DurationSeconds")?;
    (action == ACTION && names_the_bucket(policy)).then(|| duration_seconds.parse().ok()).flatten()
}

fn names_the_bucket(policy: &str) -> bool {
    policy.contains(BUCKET)
}

fn issued(expired_time: i64) -> Value {
    json!({"Response": {
        "Credentials": {"Token": token(), "TmpSecretId": TMP_SECRET_ID, "TmpSecretKey": TMP_SECRET_KEY},
        "ExpiredTime": expired_time,
        "Expiration": jiff::Timestamp::from_second(expired_time).map(|time| time.to_string()).ok(),
        "RequestId": REQUEST_ID,
    }})
}

const ACTION: &str = "GetFederationToken";
const REQUEST_ID: &str = "ed93f3cb-f35e-473f-b9f3-0d451b8b79c6";
