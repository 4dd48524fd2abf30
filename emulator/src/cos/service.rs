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

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use tencent::time::Clock;
use tokio::sync::OnceCell;

use super::admission::{Admission, Admitted};
use super::answer::{Answer, Frame};
use super::ask::{Address, Ask, host_of};
use super::error::CosError;
use super::host::Home;
use super::names;
use super::operation::{self, Operation};
use super::payload::{Payload, check_md5, content_md5, too_large};
use super::store::{Store, Written, internal, no_such_bucket};
use crate::control::CallTime;
use crate::net::{Body, Peer};
use crate::trace::Reason;

/// COS behind its listeners.
pub(crate) struct Service {
    pub(crate) home: Home,
    pub(crate) store: Arc<Store>,
    pub(crate) door: Arc<dyn Admission>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How header names are written; found out with the first answer.
    pub(crate) spelling: OnceCell<Extensions>,
}

/// The error as the trace tells it.
fn told(error: &CosError) -> String {
    match &error.reason {
        Some(reason) => format!("{}: {reason}", error.code),
        None => error.code.to_owned(),
    }
}

type Outcome = Result<Answer, CosError>;

impl Service {
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
        let frame = Frame::of(&head, &host_of(&head), now);
        let payload = Payload::new(&head.headers, body);
        let peer = head
            .extensions
            .get::<Peer>()
            .ok_or_else(|| io::Error::other("a listener that does not say who asks"))?;
        let mut reason = String::new();
        let outcome = match Ask::read(&head, peer, &frame.request_id, now, &self.home) {
            Ok(ask) => {
                let outcome = self.serve(&ask, payload).await;
                let mut answer = outcome.unwrap_or_else(|error| {
                    reason = told(&error);
                    frame.error(&error)
                });
                self.allow_origin(&ask, &mut answer);
                answer
            }
            Err(error) => {
                reason = told(&error);
                frame.error(&error)
            }
        };
        let spelling = self.spelling.get_or_try_init(names::spelling).await?;
        let mut answer = frame.finish(outcome);
        *answer.extensions_mut() = spelling.clone();
        answer.extensions_mut().insert(Reason(reason));
        Ok(answer)
    }

    /// The name of the operation that a head asks for; empty for none.
    pub(crate) fn action(&self, head: &Parts) -> String {
        let Some(peer) = head.extensions.get::<Peer>() else {
            return String::new();
        };
        Ask::read(head, peer, "", self.clock.now(), &self.home)
            .ok()
            .and_then(|ask| Operation::of(&ask))
            .map_or_else(String::new, |operation| operation.name().to_owned())
    }

    async fn serve(&self, ask: &Ask, payload: Payload) -> Outcome {
        let operation = Operation::of(ask).ok_or_else(|| {
            let error = unmapped(ask);
            self.door.turned_away(ask, &error);
            error
        })?;
        match operation {
            Operation::OptionsObject => return self.preflight(ask),
            // These two are admitted with what their bodies name.
            Operation::PostObject => return self.post_object(ask, payload).await,
            Operation::DeleteMultipleObjects => return self.delete_many(ask, payload).await,
            _ => {}
        }
        let admitted = self.door.admit(ask, operation)?;
        self.run(ask, operation, &admitted, payload).await
    }

    async fn run(
        &self,
        ask: &Ask,
        operation: Operation,
        admitted: &Admitted,
        payload: Payload,
    ) -> Outcome {
        match operation {
            Operation::GetService => self.list_buckets(ask, admitted),
            Operation::PutBucket => self.put_bucket(ask, payload).await,
            Operation::HeadBucket => self.head_bucket(ask),
            Operation::GetBucket => self.list_objects(ask),
            Operation::DeleteBucket => self.delete_bucket(ask).await,
            Operation::PutBucketCORS => self.put_cors(ask, payload).await,
            Operation::GetBucketCORS => self.show_cors(ask),
            Operation::DeleteBucketCORS => self.delete_cors(ask).await,
            Operation::GetBucketACL => self.bucket_acl(ask, admitted),
            Operation::GetBucketLocation => self.location(ask),
            Operation::ListMultipartUploads => self.list_uploads(ask, admitted),
            Operation::PutObject => self.put_object(ask, payload).await,
            Operation::PutObjectCopy => self.copy_object(ask).await,
            Operation::AppendObject => self.append_object(ask, payload).await,
            Operation::GetObject => self.show_object(ask, admitted, true),
            Operation::HeadObject => self.show_object(ask, admitted, false),
            Operation::DeleteObject => self.delete_object(ask).await,
            Operation::GetObjectACL => self.object_acl(ask, admitted),
            Operation::InitiateMultipartUpload => self.begin_upload(ask, admitted).await,
            Operation::UploadPart => self.upload_part(ask, payload).await,
            Operation::UploadPartCopy => self.copy_part(ask).await,
            Operation::ListParts => self.list_parts(ask, admitted),
            Operation::CompleteMultipartUpload => self.complete_upload(ask, payload).await,
            Operation::AbortMultipartUpload => self.abort_upload(ask).await,
            Operation::OptionsObject | Operation::PostObject | Operation::DeleteMultipleObjects => {
                Err(unmapped(ask))
            }
        }
    }

    /// The bucket that is asked for, once it is there, in this region.
    fn bucket(&self, ask: &Ask) -> Result<String, CosError> {
        match &ask.address {
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
    fn place(&self, ask: &Ask) -> Result<(String, String), CosError> {
        let bucket = self.bucket(ask)?;
        match &ask.address {
            Address::Bucket { key, .. } => Ok((bucket, checked_key(key)?)),
            Address::Service => Err(no_such_bucket()),
        }
    }

    /// Stores a body, and checks what its headers promise of it.
    async fn receive(
        &self,
        headers: &HeaderMap,
        mut payload: Payload,
    ) -> Result<Written, CosError> {
        payload.check_length(MAX_BODY_BYTES)?;
        let md5 = content_md5(headers)?;
        let mut sink = self.store.sink();
        while let Some(bytes) = payload.next().await? {
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
fn unmapped(ask: &Ask) -> CosError {
    let known = [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(&ask.method) {
        CosError::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "A header or parameter you provided implies functionality that is not implemented.",
        )
        .because(match operation::not_offered(ask) {
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
