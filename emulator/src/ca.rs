//! A certificate authority for one run, and the certificate of its services.
//!
//! # Guarantees
//! The authority's key never leaves memory; its certificate is a PEM file in a directory that goes
//! away with the cloud. The certificates are for `127.0.0.1`, `localhost`, and the real names of
//! the STS and of each region of COS (for clients that keep the name and redirect the address).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use tempfile::TempDir;
use tencent::names::Region;

use crate::sync::lock;

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
        let server = server_config(authority, region).map_err(io::Error::other)?;
        let untrusted = untrusted(region).map_err(io::Error::other)?;
        Ok(Self { directory, server: Arc::new(server), untrusted: Arc::new(untrusted) })
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
    params.distinguished_name.push(DnType::CommonName, "cos-emulator, this run only");
    let certificate = params.self_signed(&key)?;
    Ok((Issuer::new(params, key), certificate.pem()))
}

fn untrusted(region: &str) -> Result<ServerConfig, BoxError> {
    let (authority, _) = authority()?;
    server_config(authority, region)
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn server_config(
    authority: Issuer<'static, KeyPair>,
    region: &str,
) -> Result<ServerConfig, BoxError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = Certificates::new(authority, region)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Certificates of one key: that of the account's region, and those of other regions, which clients
/// name as they connect (SNI).
struct Certificates {
    authority: Issuer<'static, KeyPair>,
    key: KeyPair,
    signing_key: Arc<dyn SigningKey>,
    default: Arc<CertifiedKey>,
    others: Mutex<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    fn new(authority: Issuer<'static, KeyPair>, region: &str) -> Result<Self, BoxError> {
        let key = KeyPair::generate()?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing_key = rustls::crypto::ring::sign::any_supported_type(&private)?;
        let default = certificate(&authority, &key, &signing_key, region)?;
        Ok(Self { authority, key, signing_key, default, others: Mutex::default() })
    }

    /// The certificate for a region; `None` when it cannot be made.
    fn of_region(&self, region: &str) -> Option<Arc<CertifiedKey>> {
        let mut others = lock(&self.others);
        if let Some(found) = others.get(region) {
            return Some(Arc::clone(found));
        }
        let made = certificate(&self.authority, &self.key, &self.signing_key, region).ok()?;
        if others.len() < MAX_REGIONS {
            others.insert(region.to_owned(), Arc::clone(&made));
        }
        Some(made)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name().and_then(region_of) {
            Some(region) => self.of_region(region.as_str()),
            None => Some(Arc::clone(&self.default)),
        }
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn certificate(
    authority: &Issuer<'static, KeyPair>,
    key: &KeyPair,
    signing_key: &Arc<dyn SigningKey>,
    region: &str,
) -> Result<Arc<CertifiedKey>, rcgen::Error> {
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
    for domain in DOMAINS {
        for service in ["cos", "cos-internal", "cos-website"] {
            names.push(format!("{service}.{region}.{domain}"));
            names.push(format!("*.{service}.{region}.{domain}"));
        }
    }
    let mut params = CertificateParams::new(names)?;
    // Python's strict verification requires the link to the authority.
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(key, authority)?;
    let chain = vec![certificate.der().clone()];
    Ok(Arc::new(CertifiedKey::new(chain, Arc::clone(signing_key))))
}

/// The region in a host of COS, as `ap-beijing` in `<bucket>.cos.ap-beijing.myqcloud.com`.
fn region_of(host: &str) -> Option<Region> {
    let host = host.to_ascii_lowercase();
    let rest = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain)?.strip_suffix('.'))?;
    let (service, region) = rest.rsplit_once('.')?;
    let is_cos = ["cos", "cos-internal", "cos-website"].contains(&service.rsplit('.').next()?);
    Region::parse(region).ok().filter(|_| is_cos)
}

const DOMAINS: [&str; 3] = ["myqcloud.com", "tencentcos.cn", "localhost"];

/// More certificates are not kept: a region is known by its form only.
const MAX_REGIONS: usize = 100;
