//! A certificate authority for one run, and the certificate of its services.
//!
//! # Guarantees
//! The authority's key never leaves memory; its certificate is a PEM file in a directory that goes
//! away with the cloud. The certificate is for `127.0.0.1`, `localhost`, and the real names of the
//! STS and of the account's region of COS (for clients that keep the name and redirect the
//! address).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

/// The authority and what it signed.
pub(crate) struct Ca {
    directory: TempDir,
    pub(crate) server: Arc<ServerConfig>,
    /// The same names, signed by an authority that no client trusts.
    pub(crate) untrusted: Arc<ServerConfig>,
}

impl Ca {
    pub(crate) fn create(region: &str) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("cos-emulator-").tempdir()?;
        let (authority, pem) = authority().map_err(io::Error::other)?;
        std::fs::write(file_in(directory.path()), pem)?;
        let server = server_config(&authority, region).map_err(io::Error::other)?;
        let untrusted = untrusted(region).map_err(io::Error::other)?;
        Ok(Self {
            directory,
            server: Arc::new(server),
            untrusted: Arc::new(untrusted),
        })
    }

    /// Where the authority's certificate is.
    pub(crate) fn file(&self) -> PathBuf {
        file_in(self.directory.path())
    }
}

fn file_in(directory: &Path) -> PathBuf {
    directory.join("ca.pem")
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "cos-emulator, this run only");
    let certificate = params.self_signed(&key)?;
    Ok((Issuer::new(params, key), certificate.pem()))
}

fn untrusted(region: &str) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let (authority, _) = authority()?;
    server_config(&authority, region)
}

fn server_config(
    authority: &Issuer<'static, KeyPair>,
    region: &str,
) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let key = KeyPair::generate()?;
    let mut names = [
        "127.0.0.1",
        "localhost",
        "sts.tencentcloudapi.com",
        "service.cos.myqcloud.com",
        "service.cos.localhost",
        "*.cos.localhost",
    ]
    .map(str::to_owned)
    .to_vec();
    for domain in ["myqcloud.com", "tencentcos.cn", "localhost"] {
        names.push(format!("cos.{region}.{domain}"));
        names.push(format!("*.cos.{region}.{domain}"));
    }
    let mut params = CertificateParams::new(names)?;
    // Python's strict verification wants the link to the authority spelled out.
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, authority)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
