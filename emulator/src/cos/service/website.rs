//! Requests to the website of a bucket: pages, its error document, redirects.
//! <https://www.tencentcloud.com/document/product/436/14984>
//!
//! # Guarantees
//!
//! A page is authorized as its object is; without a signature, only the rules of the bucket can
//! allow it. The redirects of a site are for everyone.

use http::{StatusCode, header};

use super::list::Encoding;
use super::{Authorized, CosService, Outcome};
use crate::cos::bucket_document::BucketDocument;
use crate::cos::error;
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response::{self, Response};
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::operation::{ObjectOperation, Operation};
use crate::cos::website::{Redirect, Website};

impl CosService {
    pub(super) async fn website(
        &self,
        request: &RequestHead,
        operation: ObjectOperation,
        bucket: &BucketAddress,
        path: &str,
    ) -> Outcome {
        self.check_bucket(bucket)?;
        self.run_lifecycle(bucket, request.now).await?;
        let settings = self.settings(bucket)?;
        let document = settings.document(BucketDocument::Website, "");
        let document = document.ok_or_else(error::no_such_website_configuration)?;
        let site = Website::of_document(document);
        if site.is_https_only && !request.is_tls {
            let same = Redirect { key: path.to_owned(), is_https: true };
            return Ok(redirect(request, &same));
        }
        if let Some(found) = site.redirect(path) {
            return Ok(redirect(request, &found));
        }
        let mut outcome = Err(error::no_such_key());
        for key in site.keys(path) {
            outcome = self.page(request, operation, bucket, &key);
            let is_missing =
                outcome.as_ref().is_err_and(|error| error.status == StatusCode::NOT_FOUND);
            if !is_missing {
                break;
            }
        }
        let error = match outcome {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if let Some(found) = site.redirect_of_error(error.status) {
            return Ok(redirect(request, &found));
        }
        let document = site.error_document.as_ref().filter(|_| error.status.is_client_error());
        let shown = document.and_then(|document| {
            let mut response = self.page(request, operation, bucket, &document.key).ok()?;
            *response.status_mut() =
                if document.keeps_status { error.status } else { StatusCode::OK };
            Some(response)
        });
        shown.ok_or(error)
    }

    fn page(
        &self,
        request: &RequestHead,
        operation: ObjectOperation,
        bucket: &BucketAddress,
        key: &str,
    ) -> Outcome {
        let address = ObjectAddress { bucket: bucket.clone(), key: key.to_owned() };
        let read = Operation::Object(operation, address.clone());
        let context = self.access_control.authorize(request, &read)?;
        let target = self.stored(&address);
        let call = Authorized { request, target: &target, context };
        self.read_object(&call, operation == ObjectOperation::GetObject)
    }
}

fn redirect(request: &RequestHead, redirect: &Redirect) -> Response {
    let scheme = if redirect.is_https || request.is_tls { "https" } else { "http" };
    let location = format!("{scheme}://{}/{}", request.host, Encoding::Url.text(&redirect.key));
    let mut response = response::empty(StatusCode::FOUND);
    response::put(response.headers_mut(), header::LOCATION, &location);
    response
}
