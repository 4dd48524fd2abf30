//! What the fuzz targets test of COS, without sockets: parsers of input, and authorization.
//!
//! # Guarantees
//!
//! Each function calls what a request calls and hides nothing of its result. One account, one time,
//! no I/O. An error is its code.
//!
//! # Not covered
//!
//! Any judgement, which is the targets' own; the store.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::request::Parts;
use tencent::cam::Policy;
use tencent::time::{Clock, Timestamp};

use super::bucket_document::{BucketDocument, Verb};
use super::cors::Cors;
use super::error::CosError;
use super::image::{self, Failure, Rule, Stage};
use super::operation::Operation;
use super::service::{delete_many, multipart};
use super::store::Store;
use super::upload_reply::UploadReply;
use crate::account::{Account, Directory, Identity, KeyPair, Permanent, User};
use crate::cos::auth;
use crate::cos::auth::access::{AccessControl as _, Deletion};
use crate::cos::http::address::Address;
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::copy_source;
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::http::post_form::Form;
use crate::cos::http::precondition::{self, PreconditionFailed, Validators};
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::{DefaultBucket, PathStyle};
use crate::cos::tags::Tags;
use crate::net::Peer;

/// The time of every request, in Unix seconds.
pub const NOW: i64 = 1_700_000_000;

/// What the temporary key may do: everything in objects under `users/1/` of the account's bucket.
pub const SESSION_POLICY: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:*"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/*"]}]}"#;

/// A bucket, its region, a key.
pub type Target = (String, String, String);

/// The code of an error.
pub type ErrorCode = &'static str;

/// Authorization with two keys: one of a user with full rights, and a temporary one.
#[expect(missing_debug_implementations, reason = "it contains keys, which cannot be formatted")]
pub struct Authorizer {
    authorizer: auth::Authorizer,
    default_bucket: DefaultBucket,
    /// The user's key.
    pub permanent: KeyPair,
    /// The temporary key.
    pub temporary: KeyPair,
    /// Its token.
    pub token: String,
}

/// An authorized request.
#[derive(Clone, Debug)]
pub struct Authorized {
    /// As in `name/cos:<operation>`.
    pub operation: &'static str,
    /// `None` for the service itself.
    pub target: Option<Target>,
    /// Whether the request is not signed.
    pub is_anonymous: bool,
    /// For a deletion of several objects: the decision about each.
    pub each: Vec<bool>,
}

/// An authorized form.
#[derive(Clone, Debug)]
pub struct AuthorizedForm {
    /// With the file's name in it.
    pub key: String,
    /// Everything before the file.
    pub fields: Vec<(String, String)>,
    /// The smallest and largest file that the policy allows.
    pub file_bytes: Option<(u64, u64)>,
    /// The length of the file; an error when the end of the form is malformed.
    pub length: Result<usize, ErrorCode>,
}

/// The outcome of preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// They are met.
    Met,
    /// 304.
    NotModified,
    /// 412, or another error.
    Failed,
}

impl Authorizer {
    /// With a new account; `None` when that fails.
    pub fn new() -> Option<Self> {
        let users = vec![User::new("issuer", 100_000_000_002)];
        let clock = Arc::new(Stopped);
        let directory =
            Directory::new(Account::default(), users, Vec::new(), clock, Arc::default());
        let caller = Permanent::User(Arc::clone(directory.users.first()?));
        let permanent = directory.add_permanent(caller.clone(), None).ok()?;
        let policy = Policy::parse(SESSION_POLICY).ok()?;
        let name = "fuzz".to_owned();
        let session = Identity::Federation { name, caller, policy };
        let expires = Timestamp::from_unix_seconds(NOW)?.plus_seconds(1800);
        let issued = directory.issue(session, expires).ok()?;
        let default_bucket = DefaultBucket::of(&directory.account)?;
        Some(Self {
            authorizer: auth::Authorizer::new(
                Arc::new(directory),
                default_bucket.clone(),
                MergeOrder::NotKnown,
                Arc::new(Store::in_memory(u64::MAX)),
            ),
            default_bucket,
            permanent,
            temporary: KeyPair { secret_id: issued.secret_id, secret_key: issued.secret_key },
            token: issued.token,
        })
    }

    /// Whether a head is authorized. `keys` are those of a deletion of several objects. A form, a
    /// preflight and a page of a website return `None`: a form needs its body, a preflight needs no
    /// authorization, and a page is authorized as the object that it shows.
    pub fn authorize(
        &self,
        head: &Parts,
        keys: &[String],
    ) -> Result<Option<Authorized>, ErrorCode> {
        let request = self.request(head)?;
        let operation = Operation::of(&request).ok_or("NotImplemented")?;
        let (is_anonymous, each) = match &operation {
            Operation::OptionsObject(..) | Operation::PostObject(_) | Operation::Website(..) => {
                return Ok(None);
            }
            Operation::DeleteMultipleObjects(bucket) => {
                let deletion = |key: &String| Deletion { key: key.clone(), version_id: None };
                let deletions: Vec<Deletion> = keys.iter().map(deletion).collect();
                let each = self.authorizer.authorize_each(&request, bucket, &deletions);
                (false, each.map_err(code)?.iter().map(Result::is_ok).collect())
            }
            Operation::Document(Verb::Put, BucketDocument::Tagging, bucket) => {
                let context = self.authorizer.authorize_tags(&request, bucket, &Tags::default());
                (context.map_err(code)?.anonymous, Vec::new())
            }
            Operation::GetService
            | Operation::Bucket(..)
            | Operation::Object(..)
            | Operation::Document(..) => {
                let context = self.authorizer.authorize(&request, &operation);
                (context.map_err(code)?.anonymous, Vec::new())
            }
        };
        Ok(Some(Authorized {
            operation: operation.name(),
            target: target(&request.address),
            is_anonymous,
            each,
        }))
    }

    /// The length of a body, once it is the one that the head declares.
    pub fn body(&self, head: &Parts, body: &[u8]) -> Result<usize, ErrorCode> {
        let mut payload = self.authorizer.payload(&self.request(head)?).map_err(code)?;
        let mut length = 0_usize;
        for piece in body.chunks(11) {
            payload.receive(Bytes::copy_from_slice(piece));
            while let Some(bytes) = payload.next().map_err(code)? {
                length = length.saturating_add(bytes.len());
            }
        }
        payload.finish().map_err(code)?;
        Ok(length)
    }

    /// Whether a form is authorized, whose body arrives in pieces of `piece_bytes`.
    pub async fn authorize_form(
        &self,
        head: &Parts,
        body: &[u8],
        piece_bytes: usize,
    ) -> Result<AuthorizedForm, ErrorCode> {
        let request = self.request(head)?;
        let Some(Operation::PostObject(bucket)) = Operation::of(&request) else {
            return Err("NotImplemented");
        };
        let pieces = body.chunks(piece_bytes.max(1));
        let pieces: Vec<_> = pieces.map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let read = Form::read(&request.headers, stream::iter(pieces)).await;
        let (form, mut file) = read.map_err(code)?;
        let context = self.authorizer.authorize_form(&request, &bucket, &form).map_err(code)?;
        let mut length = Ok(0_usize);
        while let Ok(bytes) = length {
            match file.next().await {
                Ok(Some(piece)) => length = Ok(bytes.saturating_add(piece.len())),
                Ok(None) => break,
                Err(error) => length = Err(error.code),
            }
        }
        Ok(AuthorizedForm {
            key: form.key,
            fields: form.fields,
            file_bytes: context.file_bytes,
            length,
        })
    }

    fn request(&self, head: &Parts) -> Result<RequestHead, ErrorCode> {
        let now = Timestamp::from_unix_seconds(NOW).ok_or("InternalError")?;
        let peer = Peer { address: ([127, 0, 0, 1], 1).into(), is_tls: false, port: 1 };
        RequestHead::read(head, &peer, "", now, &self.default_bucket, PathStyle::OnLoopback)
            .map_err(code)
    }
}

/// The file that a rule of image processing makes of `file`.
pub fn processed_image(rule: &str, file: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let failed = |failure: Failure| failure.to_error(Stage::Download).code;
    let rule = Rule::parse(rule).map_err(failed)?;
    image::process(file, &rule).map(|made| made.bytes).map_err(failed)
}

/// Where a host and a path point; `None` for the service itself.
pub fn address(host: &str, path: &str) -> Result<Option<Target>, ErrorCode> {
    let default_bucket = DefaultBucket::of(&Account::default()).ok_or("InternalError")?;
    Address::parse(host, path, &default_bucket, PathStyle::OnLoopback)
        .map(|address| target(&address))
        .map_err(code)
}

/// The source that `x-cos-copy-source` names; `None` without it.
pub fn copy_source(headers: &HeaderMap) -> Result<Option<Target>, ErrorCode> {
    let default_bucket = DefaultBucket::of(&Account::default()).ok_or("InternalError")?;
    let source = copy_source::copy_source(headers, &default_bucket);
    let source = source.transpose().map_err(code)?;
    Ok(source.and_then(|source| target(&Address::Object(source.object))))
}

/// The servers of the app that an upload with these headers calls.
pub fn callback_servers(headers: &HeaderMap) -> Result<Vec<SocketAddr>, ErrorCode> {
    Ok(match UploadReply::of(headers).map_err(code)? {
        Some(UploadReply::Callback(callback)) => {
            callback.servers.iter().map(|server| server.address).collect()
        }
        Some(UploadReply::ReturnBody(_)) | None => Vec::new(),
    })
}

/// The keys of a Delete, and whether it is quiet.
pub fn delete(body: &[u8]) -> Result<(Vec<String>, bool), ErrorCode> {
    let (deletions, is_quiet) = delete_many::requested_deletions(body).map_err(code)?;
    Ok((deletions.into_iter().map(|deletion| deletion.key).collect(), is_quiet))
}

/// The numbers and ETags of a CompleteMultipartUpload.
pub fn complete(body: &[u8]) -> Result<Vec<(u16, String)>, ErrorCode> {
    multipart::requested_parts(body).map_err(code)
}

/// A CORSConfiguration, parsed and written.
pub fn cors(body: &[u8]) -> Result<String, ErrorCode> {
    Cors::parse(body).map(|cors| cors.to_xml()).map_err(code)
}

/// Start and end, not included, of `Range` among `length` bytes; `None` for all of them.
pub fn range(header: &str, length: u64) -> Result<Option<(u64, u64)>, ErrorCode> {
    let slice = ByteRange::of_header(header, length).map_err(code)?;
    Ok(slice.map(|slice| (slice.start, slice.end)))
}

/// The same for `x-cos-copy-source-range`.
pub fn copy_range(header: &str, length: u64) -> Result<(u64, u64), ErrorCode> {
    let slice = ByteRange::of_copy(header, length).map_err(code)?;
    Ok((slice.start, slice.end))
}

/// The outcome of the preconditions among `headers`: for reading, for writing, and for the source
/// of a copy.
pub fn preconditions(headers: &HeaderMap, etag: &str, modified: i64) -> Option<[Precondition; 3]> {
    let modified = Timestamp::from_unix_seconds(modified)?;
    let validators = Validators { etag, modified };
    let refused = |outcome: Result<(), CosError>| {
        outcome.map_or(Precondition::Failed, |()| Precondition::Met)
    };
    Some([
        match precondition::check_read(headers, validators) {
            Ok(()) => Precondition::Met,
            Err(PreconditionFailed::NotModified) => Precondition::NotModified,
            Err(PreconditionFailed::Failed) => Precondition::Failed,
        },
        refused(precondition::check_write(headers, Some(validators))),
        refused(precondition::check_copy_source(headers, validators)),
    ])
}

fn target(address: &Address) -> Option<Target> {
    let bucket = address.bucket()?;
    let (name, region) = (bucket.name.to_string(), bucket.region.as_str().to_owned());
    Some((name, region, address.key().to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "fits `map_err`")]
fn code(error: CosError) -> ErrorCode {
    error.code
}

pub(super) struct Stopped;

impl Clock for Stopped {
    fn unix_milliseconds(&self) -> u64 {
        NOW.unsigned_abs().saturating_mul(1000)
    }
}
