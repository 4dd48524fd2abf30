//! Asks a deployment everything, in order. It decides nothing.
//!
//! # Guarantees
//! A proof is sent only to what has answered as cos-issuer, and over TLS or on this machine.
//! Nothing is written to COS unless the operator asked for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderName, Request};
use tencent::secret::Secret;
use tencent::time::{Clock as _, SystemClock};
use tokio::task::JoinSet;

use super::altered;
use super::objects::write_objects;
use super::probe::{Order, Presented, Probe};
use super::questions::Questions;
use super::record::{Answer, Record};
use crate::callers::{Signed, random_hex};
use crate::deployment_url::DeploymentUrl;
use crate::failure::Failure;
use crate::https_client::{CallError, HttpsClient};
use crate::proof::Proof;

/// Whom to ask, as whom, and how.
pub(crate) struct Prober {
    pub(crate) client: Arc<HttpsClient>,
    pub(crate) url: DeploymentUrl,
    /// Where COS is, with the places {Bucket} and {Region}.
    pub(crate) cos: String,
    pub(crate) proof: Option<Proof>,
}

/// What a request carries.
enum Attached {
    Nothing,
    Header(HeaderName, Secret),
    /// There is no such proof for this way to authenticate.
    Impossible,
}

impl Prober {
    /// Everything that the deployment answers.
    pub(super) async fn record(&self, questions: Questions) -> Result<Record, Failure> {
        let mut record = Record {
            url: self.url.clone(),
            questions,
            method: self.proof.as_ref().map(|proof| proof.method),
            answers: BTreeMap::new(),
            objects: BTreeMap::new(),
            at_once: Vec::new(),
            secrets: Vec::new(),
        };
        if !record.is_private() {
            return Ok(record);
        }
        let mut last = None;
        self.ask(Probe::Anonymous, &mut record, &mut last).await?;
        if !record.is_issuer() {
            return Ok(record);
        }
        for probe in Probe::LATER {
            self.ask(probe, &mut record, &mut last).await?;
        }
        if record.questions.scf.is_some() {
            record.at_once = self.at_once().await;
        }
        if record.questions.writes {
            write_objects(&self.client, &self.cos, &mut record).await?;
        }
        Ok(record)
    }

    /// Sends the request of `probe` if it applies, and keeps the answer. `last` is the latest proof
    /// of the caller's own.
    async fn ask(
        &self,
        probe: Probe,
        record: &mut Record,
        last: &mut Option<(HeaderName, String)>,
    ) -> Result<(), Failure> {
        let Some(order) = probe.order(&record.questions) else {
            return Ok(());
        };
        let needs_credential = order.presented != Presented::Nothing && probe != Probe::Issued;
        if needs_credential && record.issued().is_err() {
            return Ok(());
        }
        let mut may_pause = true;
        let answer = loop {
            let header = match self.attach(&order, last.as_ref()).await? {
                Attached::Impossible => return Ok(()),
                Attached::Nothing => None,
                Attached::Header(name, value) => Some((name, value)),
            };
            let answer = self.send(&order, header.as_ref()).await?;
            if let Some((name, value)) = header
                && order.presented == Presented::Own
            {
                *last = Some((name, value.expose().to_owned()));
                record.secrets.push(value);
            }
            match answer.as_ref().ok().and_then(pause) {
                Some(pause) if may_pause => tokio::time::sleep(pause).await,
                _ => break answer,
            }
            may_pause = false;
        };
        if let Some(issued) = answer.as_ref().ok().and_then(Answer::issued) {
            record.secrets.extend([issued.secret_key, issued.token]);
        }
        record.answers.insert(probe, answer);
        Ok(())
    }

    /// The proof that a request presents.
    async fn attach(
        &self,
        order: &Order,
        last: Option<&(HeaderName, String)>,
    ) -> Result<Attached, Failure> {
        let Some(proof) = &self.proof else {
            let is_possible = matches!(order.presented, Presented::Nothing | Presented::Own);
            return Ok(if is_possible { Attached::Nothing } else { Attached::Impossible });
        };
        let query: Vec<_> =
            order.query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let signed =
            Signed { method: order.method, path: order.route, query: &query, body: &order.body };
        let method = proof.method;
        let key = Secret::new(random_hex()?).ok_or_else(|| Failure::Failed("no key".to_owned()))?;
        let altered = match order.presented {
            Presented::Nothing => return Ok(Attached::Nothing),
            Presented::Own => {
                let (name, value) = proof.header(&signed).await?;
                return Ok(Attached::Header(name, value));
            }
            Presented::Broken | Presented::Foreign | Presented::Unsigned => {
                let (name, own) = proof.header(&signed).await?;
                let own = own.expose();
                let altered = match order.presented {
                    Presented::Broken => altered::broken(method, own),
                    Presented::Foreign => altered::foreign(method, own, &key, &signed),
                    _ => altered::unsigned(method, own),
                };
                altered.map(|value| (name, value))
            }
            Presented::Repeated if method.is_single_use() => last.cloned(),
            Presented::Repeated => None,
        };
        let altered = altered.and_then(|(name, value)| Some((name, Secret::new(value)?)));
        Ok(altered.map_or(Attached::Impossible, |(name, value)| Attached::Header(name, value)))
    }

    /// Sends one request. The outer error ends the run, the inner one is what a check decides
    /// about.
    async fn send(
        &self,
        order: &Order,
        proof: Option<&(HeaderName, Secret)>,
    ) -> Result<Result<Answer, CallError>, Failure> {
        let target = self.url.target(order.route, &order.query);
        let mut request = Request::builder().method(order.method).uri(target);
        for (name, value) in &order.headers {
            request = request.header(*name, value);
        }
        if let Some((name, value)) = proof {
            request = request.header(name, value.expose());
        }
        let request = request.body(Bytes::from(order.body.clone()))?;
        let answer = self.client.send(&self.url, request).await;
        Ok(answer.map(|answer| Answer::new(answer, SystemClock.now())))
    }

    /// The statuses of several requests that are sent at once, none of which issues anything.
    async fn at_once(&self) -> Vec<Result<u16, CallError>> {
        let mut running = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (client, url) = (Arc::clone(&self.client), self.url.clone());
            running.spawn(async move {
                let request = Request::get(url.path("/livez")).body(Bytes::new());
                let request = request.map_err(|error| CallError::Http(error.to_string()))?;
                client.send(&url, request).await.map(|answer| answer.status().as_u16())
            });
        }
        running.join_all().await
    }
}

/// How long a refused caller has to wait, if that is bearable.
fn pause(answer: &Answer) -> Option<Duration> {
    let seconds: u64 = answer.header(RETRY_AFTER.as_str()).parse().ok()?;
    let is_bearable = answer.status == 429 && seconds <= MAX_PAUSE_SECONDS;
    is_bearable.then(|| Duration::from_secs(seconds))
}

const MAX_PAUSE_SECONDS: u64 = 60;
const AT_ONCE: usize = 8;
