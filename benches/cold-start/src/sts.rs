//! An STS that answers every `GetFederationToken` at once, over TLS on loopback, and notes what
//! each answer took.
//!
//! # Guarantees
//!
//! The answer has the documented shape and the requested lifetime. Connections and calls are
//! counted.
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
use std::time::Instant;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running STS; it ends with the process.
pub(crate) struct Sts {
    address: SocketAddr,
    ca_file: NamedTempFile,
    log: Arc<Mutex<Log>>,
}

/// What the STS saw.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) connections: Vec<Opened>,
    pub(crate) calls: Vec<Call>,
}

/// One connection.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) accepted_at: Instant,
    /// The TLS handshake was complete.
    pub(crate) secured_at: Instant,
}

/// One call.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    /// The request was complete.
    pub(crate) asked_at: Instant,
    /// The answer was written.
    pub(crate) answered_at: Instant,
}

impl Sts {
    /// Listens on a free loopback port, under a certificate of a new authority.
    pub(crate) async fn start() -> Result<Self, Fault> {
        let (acceptor, authority) = tls()?;
        let mut ca_file = NamedTempFile::new()?;
        ca_file.write_all(authority.as_bytes())?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let log = Arc::<Mutex<Log>>::default();
        tokio::spawn(accept(listener, acceptor, Arc::clone(&log)));
        Ok(Self { address, ca_file, log })
    }

    /// Its address as the function takes it.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }

    /// Hands over the log and begins an empty one.
    pub(crate) fn take_log(&self) -> Log {
        with(&self.log, std::mem::take)
    }
}

pub(crate) const TMP_SECRET_ID: &str = "AKIDEMUissued00000000000000000000000";
pub(crate) const TMP_SECRET_KEY: &str = "emulatorissued000000000000000000";

/// A session token of a usual length.
pub(crate) fn token() -> &'static str {
    static TOKEN: LazyLock<String> = LazyLock::new(|| "emulatortoken-00".repeat(40));
    &TOKEN
}

fn with<T>(log: &Mutex<Log>, change: impl FnOnce(&mut Log) -> T) -> T {
    change(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
}

fn tls() -> Result<(TlsAcceptor, String), Fault> {
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
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, log: Arc<Mutex<Log>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, acceptor.clone(), Arc::clone(&log)));
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    log: Arc<Mutex<Log>>,
) -> std::io::Result<()> {
    let accepted_at = clock::instant();
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(acceptor.accept(stream).await?);
    let secured_at = clock::instant();
    with(&log, |log| log.connections.push(Opened { accepted_at, secured_at }));
    while let Some(request) = connection.read().await? {
        let asked_at = clock::instant();
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
    let duration_seconds = serde_json::from_slice::<Value>(&request.body)
        .ok()
        .and_then(|body| body.get("DurationSeconds")?.as_i64());
    match (request.method.as_str(), request.header("x-tc-action"), duration_seconds) {
        ("POST", Some("GetFederationToken"), Some(duration_seconds)) => {
            issued(clock::unix_seconds().saturating_add(duration_seconds))
        }
        _ => json!({"Response": {
            "Error": {"Code": "InvalidAction", "Message": "Only GetFederationToken with a DurationSeconds."},
            "RequestId": REQUEST_ID,
        }}),
    }
}

fn issued(expired_time: i64) -> Value {
    json!({"Response": {
        "Credentials": {"Token": token(), "TmpSecretId": TMP_SECRET_ID, "TmpSecretKey": TMP_SECRET_KEY},
        "ExpiredTime": expired_time,
        "Expiration": jiff::Timestamp::from_second(expired_time).map(|time| time.to_string()).ok(),
        "RequestId": REQUEST_ID,
    }})
}

const REQUEST_ID: &str = "ed93f3cb-f35e-473f-b9f3-0d451b8b79c6";
