//! An STS that costs as little as it can: it reads a request up to its length and answers with
//! credentials that are valid for half an hour, over TLS on loopback.
//!
//! # Not covered
//!
//! What the request contains. `benches/sts` reads it, and `emulator/` checks it.

use crate::http;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::{TMP_SECRET_ID, tls};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running STS; it ends with the process.
pub(crate) struct Sts {
    address: SocketAddr,
    ca_file: PathBuf,
}

impl Sts {
    /// Listens on a free loopback port, under a certificate of a new authority.
    pub(crate) async fn start(folder: &Path) -> Result<Self, Fault> {
        let (acceptor, authority) = tls()?;
        let ca_file = folder.join("authority.pem");
        std::fs::write(&ca_file, authority)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, acceptor.clone()));
            }
        });
        Ok(Self { address, ca_file })
    }

    /// Its address as the services take it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The authority's certificate, PEM.
    pub(crate) fn ca_file(&self) -> String {
        self.ca_file.display().to_string()
    }
}

/// A fault ends its connection only: the service then has no credentials, and that ends the run.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor) -> Result<(), Fault> {
    stream.set_nodelay(true)?;
    let mut stream = acceptor.accept(stream).await?;
    let mut received = Vec::with_capacity(8192);
    loop {
        received.clear();
        while http::missing_bytes(&received)? > 0 {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(answer().as_bytes()).await?;
        stream.flush().await?;
    }
}

fn answer() -> String {
    let token = "emulatortoken-00".repeat(20);
    let expiry = clock::unix_seconds().saturating_add(1800);
    let body = format!(
        r#"{{"Response":{{"Credentials":{{"Token":"{token}","TmpSecretId":"{TMP_SECRET_ID}","TmpSecretKey":"emulatorissued000000000000000000"}},"ExpiredTime":{expiry},"RequestId":"ed93f3cb-f35e-473f-b9f3-0d451b8b79c6"}}}}"#
    );
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
