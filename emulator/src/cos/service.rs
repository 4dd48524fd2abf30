//! The operations: an authorized request reads or changes the store.
//!
//! # Guarantees
//!
//! Nothing is read, stored or shown before it is authorized. Only a preflight needs no
//! authorization, since it returns nothing but CORS rules.
//!
mod acl;
mod bucket;
mod copy;
mod cors;
pub(in crate::cos) mod delete_many;
mod document;
mod image;
mod list;
mod list_v2;
pub(in crate::cos) mod multipart;
mod object;
mod pictures;
mod policy;
mod post;
mod read;
mod reply;
mod restore;
mod tagging;
mod tiering;
mod versions;
mod website;

use std::io;
use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request};
use hyper::body::Incoming;
use tencent::time::{Clock, Timestamp};
use tokio::sync::{OnceCell, Semaphore};

use super::bucket_document::{BucketDocument, Verb};
use super::cors::Cors;
use super::error::{self, CosError};
use super::operation::{self, BucketOperation, ObjectOperation, Operation, VERSION_ID};
use super::settings::{BucketSettings, Versioning};
use super::store::{Object, Store, Written};
use crate::cos::auth::access::{AccessControl, AuthContext};
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::body::{RequestBody, check_md5, content_md5};
use crate::cos::http::header_case;
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::http::payload::Payload;
use crate::cos::http::precondition::check_write;
use crate::cos::http::request::{RequestHead, host_of};
use crate::cos::http::response::{Response, ResponseContext};
use crate::cos::http::s3::{self, Api};
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket, PathStyle};
use crate::net::{Body, Peer};
use crate::trace::Reason;

/// The service behind the listeners.
pub(crate) struct CosService {
    pub(crate) default_bucket: DefaultBucket,
    pub(crate) path_style: PathStyle,
    /// Whether S3 clients may send trailers after a body, which COS rejects.
    pub(crate) s3_trailers: bool,
    pub(crate) merge_order: MergeOrder,
    /// The pages that need no CORS rule of a bucket.
    pub(crate) pages: Cors,
    pub(crate) store: Arc<Store>,
    pub(crate) access_control: Arc<dyn AccessControl>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How many pictures are processed at once.
    pub(crate) image_jobs: Arc<Semaphore>,
    /// The case of header names, determined with the first response.
    pub(crate) header_case: OnceCell<Extensions>,
}

/// The error as text for the trace.
fn trace_text(error: &CosError) -> String {
    match &error.reason {
        Some(reason) => format!("{}: {reason}", error.code),
        None => error.code.to_owned(),
    }
}

type Outcome = Result<Response, CosError>;

/// An authorized request and its target.
struct Authorized<'a, T> {
    request: &'a RequestHead,
    target: &'a T,
    context: AuthContext,
}

type BucketCall<'a> = Authorized<'a, BucketAddress>;
type ObjectCall<'a> = Authorized<'a, ObjectAddress>;

impl CosService {
    /// The response to one request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        now: Timestamp,
    ) -> io::Result<http::Response<Body>> {
        let (head, body) = request.into_parts();
        let context = ResponseContext::of(&head, &host_of(&head), now);
        let body = RequestBody::new(&head.headers, body);
        let peer = head
            .extensions
            .get::<Peer>()
            .ok_or_else(|| io::Error::other("the listener must record the peer of a request"))?;
        let mut reason = String::new();
        let outcome = match self.head(&head, peer, &context.request_id, now) {
            Ok(request) => {
                let body = body.declared(self.payload(&request));
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
        let header_case = self.header_case.get_or_try_init(header_case::extensions).await?;
        let mut response = context.finish(outcome);
        *response.extensions_mut() = header_case.clone();
        response.extensions_mut().insert(Reason(reason));
        Ok(response)
    }

    /// The name of the operation of a request; empty if it is not an operation.
    pub(crate) fn action(&self, head: &Parts) -> String {
        let Some(peer) = head.extensions.get::<Peer>() else {
            return String::new();
        };
        self.head(head, peer, "", self.clock.now())
            .ok()
            .and_then(|request| Operation::of(&request))
            .map_or_else(String::new, |operation| operation.name().to_owned())
    }

    fn head(
        &self,
        head: &Parts,
        peer: &Peer,
        request_id: &str,
        now: Timestamp,
    ) -> Result<RequestHead, CosError> {
        let (bucket, path_style) = (&self.default_bucket, self.path_style);
        RequestHead::read(head, peer, request_id, now, bucket, path_style)
    }

    /// What the body of a request must be.
    fn payload(&self, request: &RequestHead) -> Result<Payload, CosError> {
        if request.api == Api::S3 && !self.s3_trailers {
            s3::check_framing(&request.sent_headers)?;
        }
        self.access_control.payload(request)
    }

    async fn serve(&self, request: &RequestHead, body: RequestBody) -> Outcome {
        if let Some(response) = self.page_preflight(request) {
            return Ok(response);
        }
        let operation = Operation::of(request).ok_or_else(|| {
            let error = unmapped(request);
            self.access_control.log_rejected(request, &error);
            error
        })?;
        let authorize = || self.access_control.authorize(request, &operation);
        match &operation {
            Operation::GetService => self.list_buckets(request, &authorize()?),
            Operation::Bucket(operation, target) => {
                let call = Authorized { request, target, context: authorize()? };
                self.on_bucket(*operation, &call, body).await
            }
            Operation::Object(operation, target) => {
                let context = authorize()?;
                let target = self.stored(target);
                let call = Authorized { request, target: &target, context };
                self.on_object(*operation, &call, body).await
            }
            Operation::Document(verb, document, target)
                if (*verb, *document) != (Verb::Put, BucketDocument::Tagging) =>
            {
                let call = Authorized { request, target, context: authorize()? };
                self.document(*verb, *document, &call, body).await
            }
            // The bodies of these contain what has to be authorized.
            Operation::Document(_, _, bucket) => self.put_bucket_tags(request, bucket, body).await,
            Operation::Website(operation, bucket, path) => {
                self.website(request, *operation, bucket, path).await
            }
            Operation::PostObject(bucket) => self.post_object(request, bucket, body).await,
            Operation::DeleteMultipleObjects(bucket) => {
                self.delete_many(request, bucket, body).await
            }
            Operation::OptionsObject(bucket, _) => self.preflight(request, bucket),
        }
    }

    async fn on_bucket(
        &self,
        operation: BucketOperation,
        call: &BucketCall<'_>,
        body: RequestBody,
    ) -> Outcome {
        use BucketOperation as Op;
        if operation != Op::PutBucket {
            self.check_bucket(call.target)?;
            self.run_lifecycle(call.target, call.request.now).await?;
        }
        match operation {
            Op::PutBucket => self.put_bucket(call, body).await,
            Op::HeadBucket => self.head_bucket(call),
            Op::GetBucket => self.list_objects(call),
            Op::DeleteBucket => self.delete_bucket(call).await,
            Op::PutBucketCORS => self.put_cors(call, body).await,
            Op::GetBucketCORS => self.get_cors(call),
            Op::DeleteBucketCORS => self.delete_cors(call).await,
            Op::GetBucketACL => self.bucket_acl(call),
            Op::PutBucketACL => self.put_bucket_acl(call, body).await,
            Op::GetBucketLocation => Ok(Self::bucket_location(call)),
            Op::ListMultipartUploads => self.list_uploads(call),
            Op::PutBucketPolicy => self.put_policy(call, body).await,
            Op::GetBucketPolicy => self.policy(call),
            Op::DeleteBucketPolicy => self.delete_policy(call).await,
            Op::PutBucketReferer => self.put_referer(call, body).await,
            Op::GetBucketReferer => self.referer(call),
            Op::PutBucketVersioning => self.put_versioning(call, body).await,
            Op::GetBucketVersioning => self.versioning(call),
            Op::GetBucketObjectVersions => self.list_versions(call),
            Op::ListBucketInventory => self.list_inventories(call),
            Op::PostBucketInventory => self.post_inventory(call, body).await,
            Op::ListBucketIntelligentTiering => self.list_tiering(call),
        }
    }

    async fn on_object(
        &self,
        operation: ObjectOperation,
        call: &ObjectCall<'_>,
        body: RequestBody,
    ) -> Outcome {
        use ObjectOperation as Op;
        self.check_bucket(&call.target.bucket)?;
        self.run_lifecycle(&call.target.bucket, call.request.now).await?;
        check_key(&call.target.key)?;
        match operation {
            Op::PutObject => self.put_object(call, body).await,
            Op::PutObjectCopy => self.copy_object(call).await,
            Op::AppendObject => self.append_object(call, body).await,
            Op::GetObject => self.get_object(call, true).await,
            Op::HeadObject => self.get_object(call, false).await,
            Op::DeleteObject => self.delete_object(call).await,
            Op::GetObjectACL => self.object_acl(call),
            Op::PutObjectACL => self.put_object_acl(call, body).await,
            Op::InitiateMultipartUpload => self.begin_upload(call).await,
            Op::UploadPart => self.upload_part(call, body).await,
            Op::UploadPartCopy => self.copy_part(call).await,
            Op::ListParts => self.list_parts(call),
            Op::CompleteMultipartUpload => self.complete_upload(call, body).await,
            Op::AbortMultipartUpload => self.abort_upload(call).await,
            Op::PostObjectRestore => self.restore(call, body).await,
            Op::ImageProcess => self.process_image(call).await,
            Op::PutObjectTagging => self.put_tags(call, body).await,
            Op::GetObjectTagging => self.tags(call),
            Op::DeleteObjectTagging => self.delete_tags(call).await,
        }
    }

    /// Checks that the bucket exists in the region that the host names.
    fn check_bucket(&self, bucket: &BucketAddress) -> Result<(), CosError> {
        let (name, region) = (bucket.name.as_str(), bucket.region.as_str());
        match self.store.read().buckets.get(name) {
            Some(found) if found.region == region => Ok(()),
            Some(found) => Err(error::no_such_bucket()
                .because(format!("`{name}` is in {}, and the host names {region}", found.region))),
            None => Err(error::no_such_bucket().because(format!("bucket `{name}` does not exist"))),
        }
    }

    /// Runs the lifecycle rules of the bucket with the first request of a day.
    async fn run_lifecycle(&self, bucket: &BucketAddress, now: Timestamp) -> Result<(), CosError> {
        if !self.store.lifecycle_is_due(bucket.name.as_str(), now) {
            return Ok(());
        }
        let name = bucket.name.to_string();
        self.change(move |store| store.run_lifecycle(&name, now)).await
    }

    fn settings(&self, bucket: &BucketAddress) -> Result<Arc<BucketSettings>, CosError> {
        let settings = self.store.read().settings(bucket.name.as_str());
        settings.ok_or_else(error::no_such_bucket)
    }

    /// The object's address in the store.
    fn stored(&self, object: &ObjectAddress) -> ObjectAddress {
        ObjectAddress {
            bucket: object.bucket.clone(),
            key: self.merge_order.stored(&object.key).into_owned(),
        }
    }

    /// The object that a request is about, or the version of it, once it is found.
    fn object(&self, call: &ObjectCall<'_>) -> Result<Arc<Object>, CosError> {
        let version_id = requested_version(call.request);
        let bucket = call.target.bucket.name.as_str();
        self.store.read().object_or_version(bucket, &call.target.key, version_id.as_deref())
    }

    /// Whether the bucket keeps versions.
    fn versioning_of(&self, bucket: &BucketAddress) -> Option<Versioning> {
        self.store.read().buckets.get(bucket.name.as_str())?.settings.versioning
    }

    /// Checks the preconditions among `headers` on overwriting the object at `target`.
    fn check_overwrite(&self, target: &ObjectAddress, headers: &HeaderMap) -> Result<(), CosError> {
        let index = self.store.read();
        let current = index.object(target.bucket.name.as_str(), &target.key);
        check_write(headers, current.as_deref().map(Object::validators))
    }

    /// The headers that an upload keeps, with those that its key and its bucket add.
    fn upload_headers(
        &self,
        target: &ObjectAddress,
        headers: &HeaderMap,
    ) -> Result<ObjectHeaders, CosError> {
        let kept = ObjectHeaders::of(headers)?.with_type_of(&target.key);
        let settings = self.settings(&target.bucket)?;
        kept.check_zones(settings.is_multi_az)?;
        Ok(kept.encrypted_by(settings.default_encryption()))
    }

    /// Stores `object` at `target`, unless a precondition among `headers` fails.
    async fn store_object(
        &self,
        target: &ObjectAddress,
        headers: &HeaderMap,
        object: Object,
    ) -> Result<Arc<Object>, CosError> {
        let (target, headers) = (target.clone(), headers.clone());
        self.change(move |store| {
            store.replace_object(target.bucket.name.as_str(), &target.key, object, |current| {
                check_write(&headers, current.map(Object::validators))
            })
        })
        .await
    }

    /// Stores a body, and checks it against its headers.
    async fn receive(
        &self,
        headers: &HeaderMap,
        mut body: RequestBody,
        limit: Option<TrafficLimit>,
    ) -> Result<Written, CosError> {
        body.check_length(MAX_BODY_BYTES)?;
        let md5 = content_md5(headers)?;
        let mut sink = self.store.sink();
        if let Some(bytes) = body.declared_bytes() {
            sink.prepare(bytes).map_err(|error| error::storage(&error))?;
        }
        while let Some(bytes) = body.next().await? {
            sink.write(&bytes).await.map_err(|error| error::storage(&error))?;
            if let Some(limit) = limit {
                limit.wait(bytes.len()).await;
            }
            if sink.length() > MAX_BODY_BYTES {
                return Err(error::entity_too_large());
            }
        }
        let written = sink.finish().await.map_err(|error| error::storage(&error))?;
        check_md5(md5, &written.checksums)?;
        Ok(written)
    }

    /// Makes a change, which may wait for a disk. It completes even if the client disconnects.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, CosError> + Send + 'static,
    ) -> Result<T, CosError> {
        if !self.store.has_disk() {
            return work(&self.store);
        }
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .unwrap_or_else(|error| Err(error::internal(&error)))
    }
}

/// The version that a request names; an empty one counts as none (documented for conditions).
fn requested_version(request: &RequestHead) -> Option<String> {
    request.parameter(VERSION_ID).filter(|id| !id.is_empty())
}

/// Checks that an object may have this key. The page rejects a leading `/`, but COS accepts it in
/// the suites of its SDKs.
/// <https://www.tencentcloud.com/document/product/436/13324>
pub(in crate::cos) fn check_key(key: &str) -> Result<(), CosError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(error::key_too_long());
    }
    let forbidden = |character: char| ('\u{18}'..='\u{1b}').contains(&character);
    if key.is_empty() || key.starts_with('\\') || key.contains(forbidden) {
        return Err(error::invalid_object_name()
            .because("key: must not be empty, begin with `\\`, nor contain U+0018 to U+001B"));
    }
    Ok(())
}

/// The error of a request that is not an operation. Inferred: the codes.
fn unmapped(request: &RequestHead) -> CosError {
    let known =
        [Method::GET, Method::PUT, Method::POST, Method::HEAD, Method::DELETE, Method::OPTIONS];
    if known.contains(&request.method) {
        let names = match operation::unsupported_parameter(request) {
            Some(name) => vec![name],
            None => operation::subresources(request),
        };
        let subject = match names.as_slice() {
            [] => "this operation".to_owned(),
            names => format!("{} with `{}`", request.method, names.join("`, `")),
        };
        error::not_implemented("A header or parameter")
            .because(format!("{subject} is not supported; nothing was changed"))
    } else {
        error::method_not_allowed()
    }
}

/// Documented: 850 bytes.
const MAX_KEY_BYTES: usize = 850;

/// Documented, for an object in one piece and for a part.
const MAX_BODY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Enough for 1000 keys of 850 bytes, each byte escaped.
const MAX_XML_BYTES: usize = 4 * 1024 * 1024;
