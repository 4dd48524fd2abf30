//! The operations themselves: an admitted request becomes a change of the store, or a look at it.
//!
//! Promises: nothing is read, stored or shown before the door has admitted it; a preflight alone needs nobody's word, since it tells
//! nothing but CORS rules. Leaves out: versions, tags, public access, lifecycles, archives: each is refused.

mod bucket;
mod copy;
mod cors;
pub(in crate::cos) mod delete_many;
mod list;
pub(in crate::cos) mod multipart;
mod object;
mod post;
mod read;

use std::io;
use std::sync::Arc;

use cos_issuer::time::Clock;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::OnceCell;

use super::error::CosError;
use super::operation::{self, Operation};
use super::store::{Store, Written, internal, no_such_bucket};
use crate::control::CallTime;
use crate::cos::auth::access::{AccessControl, AuthContext};
use crate::cos::http::body::{RequestBody, check_md5, content_md5, too_large};
use crate::cos::http::header_case;
use crate::cos::http::request::{Address, RequestHead, host_of};
use crate::cos::http::response::{Response, ResponseContext};
use crate::cos::http::virtual_host::DefaultBucket;
use crate::net::{Body, Peer};
use crate::trace::Reason;

/// COS behind its listeners.
pub(crate) struct CosService {
    pub(crate) default_bucket: DefaultBucket,
    pub(crate) store: Arc<Store>,
    pub(crate) access_control: Arc<dyn AccessControl>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How header names are written; found out with the first answer.
    pub(crate) header_case: OnceCell<Extensions>,
}

/// The error as the trace tells it.
fn trace_text(error: &CosError) -> String {
    match &error.reason {
        Some(reason) => format!("{}: {reason}", error.code),
        None => error.code.to_owned(),
    }
}

type Outcome = Result<Response, CosError>;

impl CosService {
    /// The answer to one request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> io::Result<http::Response<Body>> {
        let (head, body) = request.into_parts();
        let now = match head.extensions.get() {
            Some(CallTime(now)) => *now,
            None => self.clock.now(),
        };
        let context = ResponseContext::of(&head, &host_of(&head), now);
        let body = RequestBody::new(&head.headers, body);
        let peer = head
            .extensions
            .get::<Peer>()
            .ok_or_else(|| io::Error::other("a listener that does not say who asks"))?;
        let mut reason = String::new();
        let outcome =
            match RequestHead::read(&head, peer, &context.request_id, now, &self.default_bucket) {
                Ok(request) => {
                    let outcome = self.serve(&request, body).await;
                    let mut response = outcome.unwrap_or_else(|error| {
                        reason = trace_text(&error);
                        context.error(&error)
                    });
                    self.allow_origin(&request, &mut response);
                    response
                }
                Err(error) => {
                    reason = trace_text(&error);
                    context.error(&error)
                }
            };
        let header_case = self
            .header_case
            .get_or_try_init(header_case::header_case)
            .await?;
        let mut response = context.finish(outcome);
        *response.extensions_mut() = header_case.clone();
        response.extensions_mut().insert(Reason(reason));
        Ok(response)
    }

    /// The name of the operation that a head asks for; empty for none.
    pub(crate) fn action(&self, head: &Parts) -> String {
        let Some(peer) = head.extensions.get::<Peer>() else {
            return String::new();
        };
        RequestHead::read(head, peer, "", self.clock.now(), &self.default_bucket)
            .ok()
            .and_then(|request| Operation::of(&request))
            .map_or_else(String::new, |operation| operation.name().to_owned())
    }

    async fn serve(&self, request: &RequestHead, body: RequestBody) -> Outcome {
        let operation = Operation::of(request).ok_or_else(|| {
            let error = unmapped(request);
            self.access_control.log_rejected(request, &error);
            error
        })?;
        match operation {
            Operation::OptionsObject => return self.preflight(request),
            // These two are admitted with what their bodies name.
            Operation::PostObject => return self.post_object(request, body).await,
            Operation::DeleteMultipleObjects => return self.delete_many(request, body).await,
            _ => {}
        }
        let context = self.access_control.authorize(request, operation)?;
        self.run(request, operation, &context, body).await
    }

    async fn run(
        &self,
        request: &RequestHead,
        operation: Operation,
        context: &AuthContext,
        body: RequestBody,
    ) -> Outcome {
        match operation {
            Operation::GetService => self.list_buckets(request, context),
            Operation::PutBucket => self.put_bucket(request, body).await,
            Operation::HeadBucket => self.head_bucket(request),
            Operation::GetBucket => self.list_objects(request),
            Operation::DeleteBucket => self.delete_bucket(request).await,
            Operation::PutBucketCORS => self.put_cors(request, body).await,
            Operation::GetBucketCORS => self.show_cors(request),
            Operation::DeleteBucketCORS => self.delete_cors(request).await,
            Operation::GetBucketACL => self.bucket_acl(request, context),
            Operation::GetBucketLocation => self.location(request),
            Operation::ListMultipartUploads => self.list_uploads(request, context),
            Operation::PutObject => self.put_object(request, body).await,
            Operation::PutObjectCopy => self.copy_object(request).await,
            Operation::AppendObject => self.append_object(request, body).await,
            Operation::GetObject => self.show_object(request, context, true),
            Operation::HeadObject => self.show_object(request, context, false),
            Operation::DeleteObject => self.delete_object(request).await,
            Operation::GetObjectACL => self.object_acl(request, context),
            Operation::InitiateMultipartUpload => self.begin_upload(request, context).await,
            Operation::UploadPart => self.upload_part(request, body).await,
            Operation::UploadPartCopy => self.copy_part(request).await,
            Operation::ListParts => self.list_parts(request, context),
            Operation::CompleteMultipartUpload => self.complete_upload(request, body).await,
            Operation::AbortMultipartUpload => self.abort_upload(request).await,
            Operation::OptionsObject | Operation::PostObject | Operation::DeleteMultipleObjects => {
                Err(unmapped(request))
            }
        }
    }

    /// The bucket that is asked for, once it is there, in this region.
    fn bucket(&self, request: &RequestHead) -> Result<String, CosError> {
        match &request.address {
            Address::Bucket { bucket, region, .. } => {
                self.bucket_in(bucket.as_str(), region.as_str())
            }
            Address::Service => Err(no_such_bucket()),
        }
    }

    fn bucket_in(&self, bucket: &str, region: &str) -> Result<String, CosError> {
        let index = self.store.read();
        match index.buckets.get(bucket) {
            Some(found) if found.region == region => Ok(bucket.to_owned()),
            Some(found) => Err(no_such_bucket().because(format!(
                "`{bucket}` is in {}, and the host says {region}",
                found.region
            ))),
            None => Err(no_such_bucket().because(format!("there is no bucket `{bucket}`"))),
        }
    }

    /// The bucket and the key that is asked for.
    fn place(&self, request: &RequestHead) -> Result<(String, String), CosError> {
        let bucket = self.bucket(request)?;
        match &request.address {
            Address::Bucket { key, .. } => Ok((bucket, checked_key(key)?)),
            Address::Service => Err(no_such_bucket()),
        }
    }

    /// Stores a body, and checks what its headers promise of it.
    async fn receive(
        &self,
        headers: &HeaderMap,
        mut body: RequestBody,
    ) -> Result<Written, CosError> {
        body.check_length(MAX_BODY_BYTES)?;
        let md5 = content_md5(headers)?;
        let mut sink = self.store.sink();
        while let Some(bytes) = body.next().await? {
            sink.write(&bytes).await.map_err(|error| internal(&error))?;
            if sink.length() > MAX_BODY_BYTES {
                return Err(too_large());
            }
        }
        let written = sink.finish().await.map_err(|error| internal(&error))?;
        check_md5(md5, &written.checksums)?;
        Ok(written)
    }

    /// Makes a change, which may wait for a disk. It is made even if the client leaves meanwhile.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, CosError> + Send + 'static,
    ) -> Result<T, CosError> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .unwrap_or_else(|error| Err(internal(&error)))
    }
}

/// A key that an object may have. <https://www.tencentcloud.com/document/product/436/13324>
fn checked_key(key: &str) -> Result<String, CosError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(CosError::new(
            StatusCode::BAD_REQUEST,
            "KeyTooLong",
            "Your key is too long.",
        ));
    }
    let forbidden = |character: char| ('\u{18}'..='\u{1b}').contains(&character);
    if key.is_empty() || key.starts_with(['/', '\\']) || key.contains(forbidden) {
        return Err(CosError::new(
            StatusCode::BAD_REQUEST,
            "InvalidObjectName",
            "The specified object name is not valid.",
        )
        .because(
            "a key does not begin with `/` or `\\` and has none of the characters U+0018 to U+001B",
        ));
    }
    Ok(key.to_owned())
}

/// What nothing here does. Inferred: the codes.
fn unmapped(request: &RequestHead) -> CosError {
    let known = [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(&request.method) {
        CosError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header or parameter you provided implies functionality that is not implemented.",
        )
        .because(match operation::unsupported_parameter(request) {
            Some(name) => {
                format!("this cloud does not do what `{name}` asks for; nothing was done")
            }
            None => "this cloud has no such operation; nothing was done".to_owned(),
        })
    } else {
        CosError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
    }
}

/// Documented: 850 bytes.
const MAX_KEY_BYTES: usize = 850;

/// Documented, for an object in one piece and for a part.
const MAX_BODY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Lists of keys and parts: 1000 keys of 850 bytes, each byte escaped, fit.
const MAX_XML_BYTES: usize = 4 * 1024 * 1024;
