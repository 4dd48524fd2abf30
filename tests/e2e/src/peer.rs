//! Other ends of connections that tests need: a port nobody listens on, and a proxy that counts its tunnels.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A port that was free a moment ago and has no listener.
///
/// # Errors
/// When the system gives no port.
pub async fn closed_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await?
        .local_addr()?
        .port())
}

/// An HTTP proxy for `CONNECT` to loopback addresses.
#[derive(Debug)]
pub struct ConnectProxy {
    address: SocketAddr,
    tunnels: Arc<AtomicUsize>,
}

impl ConnectProxy {
    /// Starts one; it ends with the runtime of the test.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = Self {
            address: listener.local_addr()?,
            tunnels: Arc::default(),
        };
        let tunnels = Arc::clone(&proxy.tunnels);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let tunnels = Arc::clone(&tunnels);
                tokio::spawn(async move { tunnel(client, &tunnels).await });
            }
        });
        Ok(proxy)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many tunnels were opened.
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }
}

async fn tunnel(client: TcpStream, tunnels: &AtomicUsize) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line).await?;
    let target: Option<SocketAddr> = line
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|text| text.parse().ok());
    let Some(target) = target.filter(|target| target.ip().is_loopback()) else {
        return client
            .write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            .await;
    };
    while !line.trim().is_empty() {
        line.clear();
        client.read_line(&mut line).await?;
    }
    let mut server = TcpStream::connect(target).await?;
    tunnels.fetch_add(1, Ordering::SeqCst);
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
