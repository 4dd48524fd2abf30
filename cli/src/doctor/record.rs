//! What was asked and answered, for the checks to decide about.
//!
//! # Guarantees
//! Nothing of it can be printed whole: answers contain credentials. What checks print of an answer
//! is short and of plain characters.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Response};
use serde_json::Value;
use tencent::secret::Secret;
use tencent::time::Timestamp;

use super::probe::Probe;
use super::questions::Questions;
use super::verdict::{Fault, found, skipped};
use crate::callers::Method;
use crate::credential::Credential;
use crate::deployment_url::DeploymentUrl;
use crate::https_client::CallError;

/// One answer, and when it arrived.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) at: Timestamp,
}

/// A request to COS with an issued credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectProbe {
    Write,
    Read,
    Delete,
    WriteOutside,
    /// With a credential that has expired.
    WriteLate,
}

/// Everything that one run has learned.
pub(super) struct Record {
    pub(super) url: DeploymentUrl,
    pub(super) questions: Questions,
    /// How the caller proves who it is; `None` for a caller without proof.
    pub(super) method: Option<Method>,
    pub(super) answers: BTreeMap<Probe, Result<Answer, CallError>>,
    pub(super) objects: BTreeMap<ObjectProbe, Result<Answer, CallError>>,
    /// The statuses of requests that were sent at once.
    pub(super) at_once: Vec<Result<u16, CallError>>,
    /// What may not be printed.
    pub(super) secrets: Vec<Secret>,
}

impl Record {
    /// The answer to a request, if there is one to decide about.
    pub(super) fn answer(&self, probe: Probe) -> Result<&Answer, Fault> {
        match self.answers.get(&probe).filter(|_| self.is_issuer()) {
            Some(Ok(answer)) if answer.status == 429 => {
                skipped("it is asked too often (HTTP 429): run it less often, or raise RATE_LIMIT")
            }
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => found(format!("it does not answer this request: {error}")),
            None => skipped(format!("`{}` has to be good first", self.blocking())),
        }
    }

    pub(super) fn object(&self, probe: ObjectProbe) -> Result<&Answer, Fault> {
        match self.objects.get(&probe) {
            Some(Ok(answer)) => Ok(answer),
            // Once is enough to say so.
            Some(Err(_)) if probe != ObjectProbe::Write => skipped("COS has to answer first"),
            Some(Err(error)) => found(format!("COS does not answer at --cos: {error}")),
            None => skipped(format!("`{}` has to be good first", self.blocking())),
        }
    }

    /// The credential that the caller got.
    pub(super) fn issued(&self) -> Result<Credential, Fault> {
        self.answer(Probe::Issued)?.issued().ok_or_else(|| {
            let reason = if self.method.is_none() && !self.is_open() {
                "give the proof of a caller, for example --secret-file".to_owned()
            } else {
                "`issues` has to be good first".to_owned()
            };
            Fault::Skipped(reason)
        })
    }

    /// Whether a request for one operation got a credential.
    pub(super) fn is_granted(&self, probe: Probe) -> bool {
        self.answer(probe).is_ok_and(|answer| answer.issued().is_some())
    }

    /// Whether a caller without proof gets a credential.
    pub(super) fn is_open(&self) -> bool {
        let answer = self.answers.get(&Probe::Anonymous);
        answer.is_some_and(|answer| answer.as_ref().is_ok_and(|a| a.issued().is_some()))
    }

    /// Whether nobody on the way can read what is sent.
    pub(super) fn is_private(&self) -> bool {
        self.url.is_https || self.url.is_loopback()
    }

    /// Whether what answers is cos-issuer, or a gateway in front of it that refuses.
    pub(super) fn is_issuer(&self) -> bool {
        let Some(Ok(answer)) = self.answers.get(&Probe::Anonymous) else {
            return false;
        };
        let is_ours = !answer.code_desc().is_empty() || answer.issued().is_some();
        is_ours || matches!(answer.status, 401 | 403 | 429)
    }

    /// The status with which SCF itself answers for a function that does not start:
    /// <https://www.tencentcloud.com/document/product/583/34638>.
    pub(super) fn scf_failure(&self) -> Option<u16> {
        let _asked = self.questions.scf.as_ref()?;
        let Some(Ok(answer)) = self.answers.get(&Probe::Anonymous) else {
            return None;
        };
        matches!(answer.status, 405 | 438..=460).then_some(answer.status)
    }

    /// The check that has to be good before others can be decided.
    fn blocking(&self) -> &'static str {
        match self.answers.get(&Probe::Anonymous) {
            _ if !self.is_private() => "tls",
            Some(Err(CallError::Tls(_))) => "tls",
            None | Some(Err(_)) => "reachable",
            Some(Ok(_)) if self.scf_failure().is_some() => "scf-start",
            Some(Ok(_)) if !self.is_issuer() => "issuer",
            Some(Ok(_)) => "issues",
        }
    }
}

impl Answer {
    pub(super) fn new(response: Response<Bytes>, at: Timestamp) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status.as_u16(), headers: head.headers, body, at }
    }

    /// A header, or nothing when it is absent or no text.
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The stable code of a refusal; nothing else of a body is ever printed.
    pub(super) fn code_desc(&self) -> String {
        let json = self.json();
        plain(json.get("codeDesc").and_then(Value::as_str).unwrap_or_default())
    }

    /// The code of a refusal of COS.
    pub(super) fn cos_code(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        plain(code.map(|(code, _)| code).unwrap_or_default())
    }

    /// `HTTP 401 AuthFailure.Token`.
    pub(super) fn outcome(&self) -> String {
        let code = self.code_desc();
        let code = if code.is_empty() { self.cos_code() } else { code };
        format!("HTTP {} {code}", self.status).trim_end().to_owned()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The credential of an answer in the format of the SDKs.
    pub(super) fn issued(&self) -> Option<Credential> {
        Credential::parse(&self.body)
    }

    /// When it was sent, by the clock of what answered.
    pub(super) fn date(&self) -> Option<i64> {
        let date = httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()?;
        let since_1970 = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since_1970.as_secs()).ok()
    }
}

/// What a code consists of, and no more of it than a code has.
fn plain(text: &str) -> String {
    let is_code = |c: char| c.is_ascii_alphanumeric() || c == '.';
    if text.len() > MAX_CODE_BYTES || !text.chars().all(is_code) {
        return String::new();
    }
    text.to_owned()
}

const MAX_CODE_BYTES: usize = 64;
