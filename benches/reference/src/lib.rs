//! The plain reference: one signed `GetFederationToken`, and its answer passed on as it is.
//!
//! The benchmarks divide by it, so it stays what anyone would write first with reqwest and ring: no
//! settings, authentication, policy, limit, log or retry. Connections are kept, and what does not
//! change is made once.

use std::error::Error;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use ring::{digest, hmac};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

pub use reqwest::StatusCode;

/// A client of STS.
#[derive(Debug)]
pub struct Sts {
    url: reqwest::Url,
    host: String,
    client: Client,
}

impl Sts {
    /// A client of the STS at `url`, for example `https://127.0.0.1:8443`, that also trusts the
    /// certificate in `ca_file`, which is PEM.
    ///
    /// # Errors
    /// When one of them is not what it should be.
    pub fn new(url: &str, ca_file: &[u8]) -> Result<Self, Box<dyn Error>> {
        let (_, host) = url.split_once("://").ok_or("STS_URL: must be a URL")?;
        let host = host.trim_end_matches('/').to_owned();
        let client = Client::builder().tls_backend_preconfigured(tls(ca_file)?).no_proxy();
        Ok(Self { url: url.parse()?, host, client: client.build()? })
    }

    /// Calls STS once: the status and the body of its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self) -> Result<(StatusCode, String), reqwest::Error> {
        let body = serde_json::json!({
            "Name": "reference", "Policy": POLICY, "DurationSeconds": 1800,
        });
        let body = body.to_string();
        let now = Timestamp::now();
        let request = self.client.post(self.url.clone());
        let request = request
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, JSON)
            .header(AUTHORIZATION, authorization(&self.host, &body, now))
            .header("X-TC-Action", "GetFederationToken")
            .header("X-TC-Version", "2018-08-13")
            .header("X-TC-Region", "ap-guangzhou")
            .header("X-TC-Timestamp", now.as_second());
        let answer = request.body(body).send().await?;
        Ok((answer.status(), answer.text().await?))
    }
}

/// <https://www.tencentcloud.com/document/product/1150/49451>
fn authorization(host: &str, body: &str, now: Timestamp) -> String {
    let hashed = |text: &str| hex::encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let signed = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
    };
    let hashed_body = hashed(body);
    let canonical =
        format!("POST\n/\n\ncontent-type:{JSON}\nhost:{host}\n\ncontent-type;host\n{hashed_body}");
    let date = now.strftime("%Y-%m-%d").to_string();
    let (scope, seconds) = (format!("{date}/sts/tc3_request"), now.as_second());
    let hashed_request = hashed(&canonical);
    let to_sign = format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{hashed_request}");
    let key = signed(format!("TC3{SECRET_KEY}").as_bytes(), &date);
    let key = signed(signed(key.as_ref(), "sts").as_ref(), "tc3_request");
    let signature = hex::encode(signed(key.as_ref(), &to_sign));
    format!(
        "TC3-HMAC-SHA256 Credential={SECRET_ID}/{scope}, SignedHeaders=content-type;host, \
         Signature={signature}"
    )
}

fn tls(ca_file: &[u8]) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add(CertificateDer::from_pem_slice(ca_file)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

const SECRET_ID: &str = "AKIDEMUbenchmark00000000000000000000";
const SECRET_KEY: &str = "emulatorbenchmark000000000000000";
const JSON: &str = "application/json; charset=utf-8";

/// What the function sends for one grant of uploads, percent-encoded as in its call.
const POLICY: &str = "%7B%22version%22%3A%222.0%22%2C%22statement%22%3A%5B%7B%22effect%22%3A%22allow%22%2C%22act\
     ion%22%3A%5B%22name%2Fcos%3APutObject%22%2C%22name%2Fcos%3APostObject%22%2C%22name%2Fcos%3\
     AInitiateMultipartUpload%22%2C%22name%2Fcos%3AUploadPart%22%2C%22name%2Fcos%3ACompleteMult\
     ipartUpload%22%2C%22name%2Fcos%3AAbortMultipartUpload%22%2C%22name%2Fcos%3AListParts%22%2C\
     %22name%2Fcos%3AListMultipartUploads%22%5D%2C%22resource%22%3A%5B%22qcs%3A%3Acos%3Aap-guan\
     gzhou%3Auid%2F1250000000%3Aexamplebucket-1250000000%2Fusers%2F%2A%22%5D%7D%5D%7D";
