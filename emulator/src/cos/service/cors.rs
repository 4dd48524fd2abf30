//! CORS of a bucket: its rules, preflights, and what they put on answers.

use http::StatusCode;

use super::{Outcome, Service};
use crate::cos::cors::{self, Cors};
use crate::cos::error::CosError;
use crate::cos::http::body::Payload;
use crate::cos::http::request::{Address, Ask};
use crate::cos::http::response::{self, Answer};

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/8279>
    pub(super) async fn put_cors(&self, ask: &Ask, mut payload: Payload) -> Outcome {
        let bucket = self.bucket(ask)?;
        let body = payload.small(&ask.headers, MAX_RULES_BYTES).await?;
        let cors = Cors::parse(&body)?;
        self.change(move |store| store.set_cors(&bucket, Some(cors)))
            .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/8274>
    pub(super) fn show_cors(&self, ask: &Ask) -> Outcome {
        let bucket = self.bucket(ask)?;
        let cors = self.cors_of(&bucket).ok_or_else(|| {
            CosError::new(
                StatusCode::NOT_FOUND,
                "NoSuchCORSConfiguration",
                "The CORS configuration does not exist.",
            )
        })?;
        Ok(response::xml(cors.to_xml()))
    }

    /// <https://www.tencentcloud.com/document/product/436/8283>
    pub(super) async fn delete_cors(&self, ask: &Ask) -> Outcome {
        let bucket = self.bucket(ask)?;
        self.change(move |store| store.set_cors(&bucket, None))
            .await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// <https://www.tencentcloud.com/document/product/436/8288>
    pub(super) fn preflight(&self, ask: &Ask) -> Outcome {
        for name in ["origin", "access-control-request-method"] {
            if ask.header(name).is_none_or(str::is_empty) {
                return Err(CosError::new(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequest",
                    format!("Missing required header for this request: {name}"),
                ));
            }
        }
        let bucket = self.bucket(ask)?;
        let headers = self
            .cors_of(&bucket)
            .and_then(|cors| cors.preflight(&ask.headers))
            .ok_or_else(|| {
                cors::forbidden().because(
                    "no CORS rule of this bucket allows this origin with this method and these headers",
                )
            })?;
        let mut answer = response::empty(StatusCode::OK);
        answer.headers_mut().extend(headers);
        Ok(answer)
    }

    /// Lets a page of another origin read the answer, errors too, where a rule says so.
    pub(super) fn allow_origin(&self, ask: &Ask, answer: &mut Answer) {
        let Address::Bucket { bucket, region, .. } = &ask.address else {
            return;
        };
        if let Ok(bucket) = self.bucket_in(bucket.as_str(), region.as_str())
            && let Some(cors) = self.cors_of(&bucket)
            && let Some(headers) = cors.simple(&ask.headers, ask.method.as_str())
        {
            answer.headers_mut().extend(headers);
        }
    }

    fn cors_of(&self, bucket: &str) -> Option<std::sync::Arc<Cors>> {
        self.store.read().buckets.get(bucket)?.cors.clone()
    }
}

/// Documented: 64 KB.
const MAX_RULES_BYTES: usize = 64 * 1024;
