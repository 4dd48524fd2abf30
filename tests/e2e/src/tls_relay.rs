//! TLS in front of a server that has none, as a Redis behind a proxy.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Failure;

/// A relay, which ends with the test's runtime.
#[derive(Debug)]
pub struct TlsRelay {
    address: SocketAddr,
    certificate: String,
}

impl TlsRelay {
    /// Starts one with a new certificate for 127.0.0.1.
    ///
    /// # Errors
    /// When the system gives no port, or no certificate can be made.
    pub async fn start(target: SocketAddr) -> Result<Self, Failure> {
        let failed = |fault: String| Failure::new(format!("no TLS relay: {fault}"));
        let names = vec![Ipv4Addr::LOCALHOST.to_string()];
        let own = rcgen::generate_simple_self_signed(names);
        let own = own.map_err(|fault| failed(fault.to_string()))?;
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key)
            });
        let config = config.map_err(|fault| failed(fault.to_string()))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|fault| failed(fault.to_string()))?;
        let address = listener.local_addr().map_err(|fault| failed(fault.to_string()))?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the certificate leaves.
                    let mut inside = acceptor.accept(stream).await?;
                    let mut outside = TcpStream::connect(target).await?;
                    copy_bidirectional(&mut inside, &mut outside).await
                });
            }
        });
        Ok(Self { address, certificate: own.cert.pem() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate in PEM, to be trusted.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}
