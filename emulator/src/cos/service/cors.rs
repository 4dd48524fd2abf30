//! The CORS rules of a bucket, preflights, and the CORS headers of responses.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::{BucketCall, CosService, Outcome};
use crate::cos::cors::Cors;
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response::{self, Response};
use crate::cos::http::virtual_host::BucketAddress;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/8279>
    pub(super) async fn put_cors(&self, call: &BucketCall<'_>, mut body: RequestBody) -> Outcome {
        let name = call.target.name.to_string();
        let body = body.small(&call.request.headers, MAX_RULES_BYTES).await?;
        let cors = Cors::parse(&body)?;
        self.change(move |store| store.set_cors(&name, Some(cors))).await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/8274>
    pub(super) fn get_cors(&self, call: &BucketCall<'_>) -> Outcome {
        let cors = self.cors_of(call.target).ok_or_else(error::no_such_cors_configuration)?;
        Ok(response::xml(cors.to_xml()))
    }

    /// <https://www.tencentcloud.com/document/product/436/8283>
    pub(super) async fn delete_cors(&self, call: &BucketCall<'_>) -> Outcome {
        let name = call.target.name.to_string();
        self.change(move |store| store.set_cors(&name, None)).await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// <https://www.tencentcloud.com/document/product/436/8288>
    pub(super) fn preflight(&self, request: &RequestHead, bucket: &BucketAddress) -> Outcome {
        for name in ["origin", "access-control-request-method"] {
            if request.header(name).is_none_or(str::is_empty) {
                return Err(CosError::new(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequest",
                    format!("Missing required header for this request: {name}"),
                ));
            }
        }
        self.check_bucket(bucket)?;
        let headers = self
            .cors_of(bucket)
            .and_then(|cors| cors.preflight(&request.headers))
            .ok_or_else(|| {
                error::cors_forbidden().because(
                    "no CORS rule of this bucket allows this origin with this method and these headers",
                )
            })?;
        let mut response = response::empty(StatusCode::OK);
        response.headers_mut().extend(headers);
        Ok(response)
    }

    /// The response to a preflight of a page that needs no rule of a bucket.
    pub(super) fn page_preflight(&self, request: &RequestHead) -> Option<Response> {
        let headers = self.pages.preflight(&request.headers)?;
        let mut response = response::empty(StatusCode::OK);
        response.headers_mut().extend(headers);
        (request.method == Method::OPTIONS).then_some(response)
    }

    /// Allows a page of another origin to read the response, also an error, if a rule allows it.
    pub(super) fn allow_origin(&self, request: &RequestHead, response: &mut Response) {
        let of_bucket = || {
            let bucket = request.address.bucket()?;
            self.check_bucket(bucket).ok()?;
            self.cors_of(bucket)?.simple(&request.headers, request.method.as_str())
        };
        let of_page = self.pages.simple(&request.headers, request.method.as_str());
        if let Some(headers) = of_page.or_else(of_bucket) {
            response.headers_mut().extend(headers);
        }
    }

    fn cors_of(&self, bucket: &BucketAddress) -> Option<Arc<Cors>> {
        let index = self.store.read();
        index.buckets.get(bucket.name.as_str())?.cors.clone()
    }
}

/// Documented: 64 KB.
const MAX_RULES_BYTES: usize = 64 * 1024;
