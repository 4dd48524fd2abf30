//! The services that are compared: their settings, and what is sent to them.

use crate::clients::Exchange;
use crate::cores;
use crate::service::{Log, Service};
use crate::sts::Sts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::TMP_SECRET_ID;
use rcgen::{KeyPair, PublicKeyData as _};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A service that is ready, and a request for it.
pub(crate) struct Side {
    pub(crate) service: Service,
    pub(crate) exchange: Exchange,
}

/// Starts services against one STS.
pub(crate) struct Setup<'s> {
    pub(crate) sts: &'s Sts,
    /// For files of settings.
    pub(crate) folder: &'s Path,
    /// Where the logs of the services go.
    pub(crate) log: Log,
}

type Settings = Vec<(&'static str, String)>;

impl Setup<'_> {
    /// The plain reference.
    pub(crate) fn reference(&self, program: &Path) -> Result<Side, Fault> {
        let arguments = [self.sts.url(), self.sts.ca_file()];
        let service = Service::start(program, &arguments, &[], cores::SERVICE, self.log)?;
        Ok(Side { service, exchange: exchange("", TMP_SECRET_ID) })
    }

    /// The bare server.
    pub(crate) fn bare(&self, program: &Path) -> Result<Side, Fault> {
        let service = Service::start(program, &[], &[], cores::SERVICE, self.log)?;
        Ok(Side { service, exchange: exchange("", "xxxx") })
    }

    /// `program` with the simplest settings and `others`, which win.
    pub(crate) fn ours(&self, program: &Path, others: Settings) -> Result<Side, Fault> {
        self.with_header(program, others, "", cores::SERVICE)
    }

    /// The same with all that a server does to each request, on `cores`.
    pub(crate) fn server(&self, program: &Path, cores: &[usize]) -> Result<Side, Fault> {
        let others = vec![
            ("THREADS", cores.len().to_string()),
            ("RATE_LIMIT", "1000000/1s".to_owned()),
            ("METRICS", "prometheus".to_owned()),
            ("METRICS_ADDRESS", "127.0.0.1:0".to_owned()),
            // The address of the client is found, and logged, in either case.
            ("RATE_LIMIT_BLOCK", "1m".to_owned()),
        ];
        self.with_header(program, others, "", cores)
    }

    /// `program` with tokens, and one that it verifies once and sees again in each request.
    pub(crate) fn with_token(&self, program: &Path) -> Result<Side, Fault> {
        let (token, public_key) = token()?;
        let others = vec![
            ("AUTH", "jwt".to_owned()),
            ("JWT_ISSUER", ISSUER.to_owned()),
            ("JWT_AUDIENCE", AUDIENCE.to_owned()),
            ("JWT_PUBLIC_KEY", public_key),
            ("PREFIX", "users/{sub}/".to_owned()),
        ];
        let header = format!("Authorization: Bearer {token}\r\n");
        self.with_header(program, others, &header, cores::SERVICE)
    }

    /// `program` with an API key and so many grants, of which the first `matching` are for the
    /// caller.
    pub(crate) fn with_grants(
        &self,
        program: &Path,
        matching: usize,
        all: usize,
    ) -> Result<Side, Fault> {
        let mut grants = String::new();
        for number in 0..all {
            let subject = if number < matching { "u-1" } else { "other" };
            write!(
                grants,
                "[[grant]]\nname = \"g{number}\"\nmatch = {{ sub = \"{subject}\" }}\n\
                 bucket = \"{BUCKET}\"\nregion = \"{REGION}\"\nprefix = \"g{number}/{{sub}}/\"\n\
                 allow = [\"download\"]\n"
            )?;
        }
        let path: PathBuf = self.folder.join(format!("{matching}-of-{all}.toml"));
        fs::write(&path, grants)?;
        let hashed: String = digest(&SHA256, API_KEY.as_bytes())
            .as_ref()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let mut settings = self.settings(vec![
            ("AUTH", "api-key".to_owned()),
            ("API_KEYS", format!("caller={hashed} sub=u-1")),
            ("GRANTS_FILE", path.display().to_string()),
        ]);
        settings.retain(|(name, _)| !OF_ONE_GRANT.iter().any(|(of_one, _)| of_one == name));
        let service = Service::start(program, &[], &settings, cores::SERVICE, self.log)?;
        let header = format!("Authorization: Bearer {API_KEY}\r\n");
        Ok(Side { service, exchange: exchange(&header, TMP_SECRET_ID) })
    }

    fn with_header(
        &self,
        program: &Path,
        others: Settings,
        header: &str,
        cores: &[usize],
    ) -> Result<Side, Fault> {
        let service = Service::start(program, &[], &self.settings(others), cores, self.log)?;
        Ok(Side { service, exchange: exchange(header, TMP_SECRET_ID) })
    }

    fn settings(&self, others: Settings) -> Settings {
        let mut settings: Settings = OF_ONE_GRANT
            .into_iter()
            .chain([
                ("SECRET_ID", "AKIDEMUbenchmark00000000000000000000"),
                ("SECRET_KEY", "emulatorbenchmark000000000000000"),
                ("AUTH", "none"),
                ("CACHE", "off"),
                ("THREADS", "1"),
                ("HOST", "127.0.0.1"),
                ("PORT", "0"),
                // On a busy machine an attempt may take long.
                ("STS_DEADLINE_MS", "20000"),
            ])
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        settings.push(("STS_ENDPOINTS", self.sts.url()));
        settings.push(("STS_CA_FILE", self.sts.ca_file()));
        settings.retain(|(name, _)| !others.iter().any(|(other, _)| other == name));
        settings.extend(others);
        settings
    }
}

/// Both sides get the same request, but for what proves who asks.
fn exchange(header: &str, expected: &'static str) -> Exchange {
    let request = format!("GET /sign HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n");
    Exchange { request, expected }
}

/// A token of ES256 for an hour, and the key that verifies it, PEM.
fn token() -> Result<(String, String), Fault> {
    let key = KeyPair::generate()?;
    let now = clock::unix_seconds();
    let expiry = now.saturating_add(3600);
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"u-1","iat":{now},"exp":{expiry}}}"#
    );
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encoded(r#"{"alg":"ES256","typ":"JWT"}"#), encoded(&claims));
    let random = SystemRandom::new();
    let signer =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random);
    let signer = signer.map_err(|_| "the key of the token is not accepted")?;
    let signature = signer.sign(&random, signed.as_bytes());
    let signature = signature.map_err(|_| "no token can be signed")?;
    let public_key =
        base64::engine::general_purpose::STANDARD.encode(key.subject_public_key_info());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{public_key}\n-----END PUBLIC KEY-----\n");
    Ok((format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), pem))
}

const BUCKET: &str = "examplebucket-1250000000";
const REGION: &str = "ap-guangzhou";
const OF_ONE_GRANT: [(&str, &str); 4] =
    [("BUCKET", BUCKET), ("REGION", REGION), ("PREFIX", "users/"), ("ALLOW", "upload")];
const API_KEY: &str = "example-key-of-the-benchmark-0123456789abcdef";
const ISSUER: &str = "https://login.example.com/";
const AUDIENCE: &str = "uploads";
