//! Requests to COS with an issued credential: one object inside of the grant, and attempts outside.
//!
//! # Guarantees
//! The object has a name of its own and is removed again where the grant allows it. A credential is
//! sent only to COS, over TLS or on this machine.
//!
//! # Not covered
//! Uploads in parts: their operations are granted together with the whole upload.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tencent::sign::q_sign::{CosRequest, authorization, key_time};
use tencent::time::{Clock as _, SystemClock, Timestamp};

use super::probe::Probe;
use super::record::{Answer, ObjectProbe, Record};
use crate::credential::Credential;
use crate::deployment_url::DeploymentUrl;
use crate::failure::Failure;
use crate::https_client::{CallError, HttpsClient};

/// What the object contains.
pub(super) const CONTENT: &str = "Written by `cos-issuer doctor`. You can delete it.\n";

/// Sends what applies and keeps the answers.
pub(super) async fn write_objects(
    client: &HttpsClient,
    cos: &str,
    record: &mut Record,
) -> Result<(), Failure> {
    let (Ok(issued), Some(place)) = (record.issued(), &record.questions.place) else {
        return Ok(());
    };
    let url = cos.replace("{Bucket}", place.bucket.as_str());
    let url = url.replace("{Region}", place.region.as_str());
    let url =
        DeploymentUrl::parse(&url).map_err(|error| Failure::Usage(format!("--cos {error}")))?;
    if !url.is_https && !url.is_loopback() {
        return Err(Failure::Usage("--cos: must begin with https://".to_owned()));
    }
    let cos = Cos { client, url };
    let outside = record.questions.outside_key();
    let Some(inside) = record.questions.written_key() else {
        return Ok(());
    };
    let mut answers = Vec::new();
    answers.push((ObjectProbe::Write, cos.send("PUT", &inside, &issued).await?));
    if record.is_granted(Probe::MayRead) {
        answers.push((ObjectProbe::Read, cos.send("GET", &inside, &issued).await?));
    }
    if record.is_granted(Probe::MayDelete) {
        answers.push((ObjectProbe::Delete, cos.send("DELETE", &inside, &issued).await?));
    }
    if let Some(outside) = outside {
        let answer = cos.send("PUT", &outside, &issued).await?;
        if answer.as_ref().is_ok_and(Answer::is_success) {
            // Whether it may be removed depends on how much too wide the grant is.
            let _removed = cos.send("DELETE", &outside, &issued).await?;
        }
        answers.push((ObjectProbe::WriteOutside, answer));
    }
    let short_lived = record.answer(Probe::ShortLived).ok().and_then(Answer::issued);
    if let Some(issued) = short_lived {
        wait_for_expiry(&issued).await;
        let answer = cos.send("PUT", &inside, &issued).await?;
        answers.push((ObjectProbe::WriteLate, answer));
    }
    record.objects.extend(answers);
    Ok(())
}

/// A bucket.
struct Cos<'a> {
    client: &'a HttpsClient,
    url: DeploymentUrl,
}

type Outcome = Result<Answer, CallError>;

impl Cos<'_> {
    async fn send(
        &self,
        method: &'static str,
        key: &str,
        issued: &Credential,
    ) -> Result<Outcome, Failure> {
        let now = SystemClock.now();
        // Longer than a credential lives, so that the credential decides and not the signature.
        let period = key_time(now.minus_seconds(SKEW_SECONDS), now.plus_seconds(PERIOD_SECONDS));
        let path = format!("/{key}");
        let signed = CosRequest {
            method,
            path: &path,
            parameters: &[],
            headers: &[("host", self.url.authority())],
        };
        let content = if method == "PUT" { CONTENT } else { "" };
        let proof = authorization(&signed, &period, &issued.secret_id, &issued.secret_key);
        let request = Request::builder()
            .method(method)
            .uri(self.url.path(&utf8_percent_encode(&path, OF_PATH).to_string()))
            .header("authorization", proof)
            .header("x-cos-security-token", issued.token.expose())
            .header("content-type", "text/plain")
            .body(Bytes::from_static(content.as_bytes()))?;
        let answer = self.client.send(&self.url, request).await;
        Ok(answer.map(|answer| Answer::new(answer, SystemClock.now())))
    }
}

async fn wait_for_expiry(issued: &Credential) {
    let end = Timestamp::from_unix_seconds(issued.expiry);
    let end = end.map_or(0, |end| end.plus_seconds(GRACE_SECONDS).unix_seconds());
    let seconds = end.saturating_sub(SystemClock.now().unix_seconds());
    tokio::time::sleep(Duration::from_secs(u64::try_from(seconds).unwrap_or_default())).await;
}

/// What needs no encoding in the path of an object.
const OF_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const SKEW_SECONDS: u32 = 60;
const PERIOD_SECONDS: u32 = 129_600;
/// The clocks of COS and of this machine are a little apart.
const GRACE_SECONDS: u32 = 3;
