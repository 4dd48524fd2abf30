//! A token issuer with new keys, and a server of its JWKS that counts requests.
//!
//! # Guarantees
//! The signature of each token that should be accepted is registered as a secret before the token
//! is used.
//!
//! # Not covered
//! What a token should contain.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Failure, installed};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the algorithms")]
pub enum Signer<'s> {
    EdDsa,
    Es256,
    /// This secret.
    Hs256(&'s [u8]),
    Rs256,
}

/// One key of each type; their `kid`s are `rsa`, `p256` and `ed25519`.
#[expect(missing_debug_implementations, reason = "it contains keys")]
pub struct TokenIssuer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl TokenIssuer {
    /// Generates the keys; RSA with `openssl`, because ring cannot.
    ///
    /// # Errors
    /// When a key cannot be generated.
    pub async fn new() -> Result<Self, Failure> {
        let failed = |_| Failure::new("a key pair could not be made");
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let p256 = EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(failed)?;
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
        let rejected = |fault| Failure::new(format!("a new key pair is not accepted: {fault}"));
        Ok(Self {
            rsa: RsaKeyPair::from_pkcs8(&rsa().await?).map_err(rejected)?,
            p256: EcdsaKeyPair::from_pkcs8(kind, p256.as_ref(), &random).map_err(rejected)?,
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).map_err(rejected)?,
        })
    }

    /// A token that should be accepted.
    ///
    /// # Errors
    /// When it cannot be signed or registered.
    pub fn token(&self, signer: Signer<'_>, kid: &str, claims: &Value) -> Result<String, Failure> {
        let header = json!({"alg": signer.name(), "typ": "JWT", "kid": kid});
        let token = self.sign(signer, &header.to_string(), &claims.to_string())?;
        register(&token)
            .map_err(|fault| Failure::new(format!("the ledger cannot be written: {fault}")))?;
        Ok(token)
    }

    /// A token with any header and payload.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(&self, signer: Signer<'_>, header: &str, claims: &str) -> Result<String, Failure> {
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = self.signature(signer, message.as_bytes());
        let signature = signature.ok_or_else(|| Failure::new("a token could not be signed"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public keys.
    pub fn jwks(&self) -> Value {
        let RsaPublicKeyComponents { n, e } = self.rsa.public().into();
        let [n, e]: [String; 2] = [n, e].map(|number: Vec<u8>| URL_SAFE_NO_PAD.encode(number));
        let point = self.p256.public_key().as_ref().split_at_checked(33);
        let [x, y] = point.map_or_else(Default::default, |(x, y)| {
            [x.get(1..).unwrap_or_default(), y].map(|half| URL_SAFE_NO_PAD.encode(half))
        });
        let ed25519 = URL_SAFE_NO_PAD.encode(self.ed25519.public_key().as_ref());
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": n, "e": e},
            {"kty": "EC", "use": "sig", "alg": "ES256", "kid": "p256", "crv": "P-256", "x": x, "y": y},
            {"kty": "OKP", "use": "sig", "kid": "ed25519", "crv": "Ed25519", "x": ed25519},
        ]})
    }

    /// The public key of Ed25519 in PEM.
    pub fn ed25519_pem(&self) -> String {
        // The fixed part of such a structure: <https://www.rfc-editor.org/rfc/rfc8410#section-4>
        let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        pem(&[&head, self.ed25519.public_key().as_ref()].concat())
    }

    /// The public key of RSA in PEM, of 2048 bits.
    pub fn rsa_pem(&self) -> String {
        // The fixed part for this size: <https://www.rfc-editor.org/rfc/rfc3279#section-2.3.1>
        let head = [
            0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
            0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
        ];
        pem(&[&head, self.rsa.public().as_ref()].concat())
    }

    fn signature(&self, signer: Signer<'_>, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match signer {
            Signer::EdDsa => Some(self.ed25519.sign(message).as_ref().to_vec()),
            Signer::Es256 => Some(self.p256.sign(&random, message).ok()?.as_ref().to_vec()),
            Signer::Hs256(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                Some(ring::hmac::sign(&key, message).as_ref().to_vec())
            }
            Signer::Rs256 => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.ok().map(|()| signature)
            }
        }
    }
}

impl Signer<'_> {
    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256(_) => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A server that sends the same response to every request, counts them, and keeps the last one.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    delay: Arc<Mutex<Duration>>,
    last_request: Arc<Mutex<String>>,
    requests: Arc<AtomicUsize>,
}

impl KeyServer {
    /// Starts one, which ends with the test's runtime.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(jwks: &Value) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = Self {
            address: listener.local_addr()?,
            answer: Arc::default(),
            delay: Arc::default(),
            last_request: Arc::default(),
            requests: Arc::default(),
        };
        server.answer_with("HTTP/1.1 200 OK", jwks.to_string().as_bytes());
        let (answer, requests) = (Arc::clone(&server.answer), Arc::clone(&server.requests));
        let (delay, last_request) = (Arc::clone(&server.delay), Arc::clone(&server.last_request));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                requests.fetch_add(1, Ordering::SeqCst);
                let (answer, delay) = (lock(&answer).clone(), *lock(&delay));
                let last_request = Arc::clone(&last_request);
                let reply = async move { reply(client, &answer, delay, &last_request).await };
                tokio::spawn(async move { timeout(TIME_LIMIT, reply).await });
            }
        });
        Ok(server)
    }

    /// Sets the response: the status line with optional headers, and the body.
    pub fn answer_with(&self, head: &str, body: &[u8]) {
        let head = format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *lock(&self.answer) = [head.as_bytes(), body].concat();
    }

    /// Waits so long before each response.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.delay) = delay;
    }

    /// The head of the last request.
    pub fn last_request(&self) -> String {
        lock(&self.last_request).clone()
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of the keys.
    pub fn url(&self) -> String {
        format!("{}/keys", self.origin())
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn reply(
    mut client: TcpStream,
    answer: &[u8],
    delay: Duration,
    last_request: &Mutex<String>,
) -> io::Result<()> {
    // The request is read first: a connection that closes on unread bytes is reset.
    let mut request = vec![0; 16 * 1024];
    let count = client.read(&mut request).await?;
    request.truncate(count);
    *lock(last_request) = String::from_utf8_lossy(&request).into_owned();
    tokio::time::sleep(delay).await;
    client.write_all(answer).await?;
    client.shutdown().await
}

async fn rsa() -> Result<Vec<u8>, Failure> {
    let openssl = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        .env_clear()
        .envs(installed::searched()?)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let failed = |fault: &dyn std::fmt::Display| {
        Failure::new(format!("`openssl genpkey` made no RSA key: {fault}"))
    };
    let output = timeout(TIME_LIMIT, openssl).await.map_err(|fault| failed(&fault))?;
    let output = output.map_err(|fault| failed(&fault))?;
    // In PEM it is PKCS #8 with every version of OpenSSL; in DER it is not.
    let text = String::from_utf8_lossy(&output.stdout);
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    match STANDARD.decode(base64) {
        Ok(key) if output.status.success() => Ok(key),
        _ => Err(failed(&output.status)),
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

/// Only the signature is secret: header and payload may be printed.
fn register(token: &str) -> io::Result<()> {
    let (Some(path), Some((_, signature))) = (installed::secret_ledger(), token.rsplit_once('.'))
    else {
        return Ok(());
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{signature}\n").as_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
