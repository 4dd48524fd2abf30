//! Asks a deployment for a credential.
//!
//! # Guarantees
//! A proof is sent only over TLS or on this machine. What is busy or unreachable is asked again, a
//! few times; a refusal is final.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tencent::secret::Secret;

use super::issued::Credential;
use crate::callers::Signed;
use crate::deployment_url::DeploymentUrl;
use crate::failure::Failure;
use crate::https_client::{CallError, HttpsClient};
use crate::proof::Proof;

/// A deployment, and who asks it.
pub(crate) struct Issuer {
    pub(crate) client: HttpsClient,
    pub(crate) url: DeploymentUrl,
    pub(crate) proof: Option<Proof>,
}

/// What is asked for.
pub(crate) struct Wish {
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// A scope array, or empty.
    pub(crate) scopes: String,
}

/// Why one attempt failed, and whether another may succeed.
struct Attempt {
    reason: String,
    /// How long to wait; `None` for a refusal.
    pause: Option<Duration>,
}

impl Issuer {
    /// Everything that the credential depends on.
    pub(crate) fn cache_name(&self, wish: &Wish) -> String {
        let caller = self.proof.as_ref().map(Proof::fingerprint).unwrap_or_default();
        format!("{}\n{caller}\n{:?}\n{}", self.url, wish.query, wish.scopes)
    }

    pub(crate) async fn fetch(&self, wish: &Wish) -> Result<Credential, Failure> {
        if !self.url.is_https && !self.url.is_loopback() {
            let text = "URL: must begin with https://, because anyone on the way reads plain HTTP";
            return Err(Failure::Usage(text.to_owned()));
        }
        let mut attempts = 0_u32;
        loop {
            let failed = match self.attempt(wish).await? {
                Ok(credential) => return Ok(credential),
                Err(failed) => failed,
            };
            attempts = attempts.saturating_add(1);
            match failed.pause {
                Some(pause) if attempts < MAX_ATTEMPTS => tokio::time::sleep(pause).await,
                _ => return Err(Failure::Failed(failed.reason)),
            }
        }
    }

    async fn attempt(&self, wish: &Wish) -> Result<Result<Credential, Attempt>, Failure> {
        let method = if wish.scopes.is_empty() { "GET" } else { "POST" };
        let signed = Signed { method, path: ROUTE, query: &wish.query, body: &wish.scopes };
        let mut request = Request::builder()
            .method(method)
            .uri(self.url.target(ROUTE, &wish.query))
            .header(CONTENT_TYPE, "application/json");
        let proof = match &self.proof {
            Some(proof) => Some(proof.header(&signed).await?),
            None => None,
        };
        if let Some((name, value)) = &proof {
            request = request.header(name, value.expose());
        }
        let request = request.body(Bytes::from(wish.scopes.clone()))?;
        Ok(match self.client.send(&self.url, request).await {
            Ok(response) if response.status().is_success() => Credential::parse(response.body())
                .ok_or_else(|| Attempt {
                    reason: format!("{} does not answer as cos-issuer", self.url),
                    pause: None,
                }),
            Ok(response) => Err(refused(&response, proof.as_ref().map(|(_, value)| value))),
            Err(error) => {
                let is_lasting = matches!(error, CallError::Tls(_));
                let pause = (!is_lasting).then_some(USUAL_PAUSE);
                Err(Attempt { reason: format!("{}: {error}", self.url), pause })
            }
        })
    }
}

fn refused(response: &http::Response<Bytes>, proof: Option<&Secret>) -> Attempt {
    let status = response.status().as_u16();
    let json: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, message, id) = (text("codeDesc"), text("message"), text("requestId"));
    let is_repeated = proof.is_some_and(|proof| proof.is_in(&format!("{code} {message} {id}")));
    let reason = match code {
        _ if is_repeated => format!("HTTP {status}, and the answer repeats the proof"),
        "" => format!("HTTP {status}, not from cos-issuer"),
        _ => format!("HTTP {status} {code}: {message} (request {id})"),
    };
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let pause = matches!(status, 429 | 502..=504).then(|| after.unwrap_or(USUAL_PAUSE));
    Attempt { reason, pause: pause.filter(|pause| *pause <= MAX_PAUSE) }
}

const ROUTE: &str = "/sts";
const MAX_ATTEMPTS: u32 = 3;
const USUAL_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);
