//! Other ends of connections that tests need: an HTTP client, a port nobody listens on, a listener
//! that counts who came, and a proxy that counts its tunnels.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::Failure;

/// Longer than any answer of a test takes.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A client for loopback: no proxy, and a limit on everything.
pub(crate) fn http_client() -> Result<reqwest::Client, Failure> {
    // The library's build of the HTTP client wants one even where nothing is encrypted. Fails when
    // there is one already.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(TIME_LIMIT).build();
    client.map_err(|fault| Failure::new(format!("could not make an HTTP client: {fault}")))
}

/// A port with nobody behind it, kept so for as long as this lives: taken, and never listened on.
#[derive(Debug)]
pub struct ClosedPort {
    _taken: TcpSocket,
    port: u16,
}

impl ClosedPort {
    /// Takes a port.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn take() -> io::Result<Self> {
        let taken = TcpSocket::new_v4()?;
        taken.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = taken.local_addr()?.port();
        Ok(Self { _taken: taken, port })
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A listener that answers everybody alike and counts who came.
#[derive(Debug)]
pub struct Canary {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Canary {
    /// Starts one that answers with this status line and these headers, and no body.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(head: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let canary = Self { address: listener.local_addr()?, connections: Arc::default() };
        let connections = Arc::clone(&canary.connections);
        let answer = format!("{head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    // The request is read first: a connection that closes on unread bytes is reset.
                    let _whatever_came = client.read(&mut [0; 16 * 1024]).await?;
                    client.write_all(answer.as_bytes()).await
                });
            }
        });
        Ok(canary)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it had.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A port that closes its first connections and forwards all later ones, and counts them all.
#[derive(Debug)]
pub struct FlakyPort {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl FlakyPort {
    /// Starts one that closes `closed` connections before it forwards to `target`.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(closed: usize, target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let connections = Arc::new(AtomicUsize::new(0));
        let port = Self { address: listener.local_addr()?, connections: Arc::clone(&connections) };
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                if connections.fetch_add(1, Ordering::SeqCst) < closed {
                    continue;
                }
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Ok(port)
    }

    /// Its URL.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many connections it had.
    pub fn connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.connections)
    }
}

/// An HTTP proxy for `CONNECT` to loopback addresses.
#[derive(Debug)]
pub struct ConnectProxy {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl ConnectProxy {
    /// Starts one; it ends with the runtime of the test.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = Self { address: listener.local_addr()?, connections: Arc::default() };
        let connections = Arc::clone(&proxy.connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(tunnel(client));
            }
        });
        Ok(proxy)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it had.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn tunnel(client: TcpStream) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let target: Option<SocketAddr> = line
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|text| text.parse().ok());
    let Some(target) = target.filter(|target| target.ip().is_loopback()) else {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    };
    while !line.trim().is_empty() {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let mut server = TcpStream::connect(target).await?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
