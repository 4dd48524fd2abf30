//! What the fuzz targets try of COS: the readers of what comes in, and the door, without sockets.
//!
//! Promises: thin: each function calls what a request meets and hides nothing of its answer; one account, one time, no I/O. An error is
//! its code. Leaves out: any judgement, which is the targets' own; the store.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::request::Parts;
use tencent::cam::Policy;
use tencent::time::{Clock, Timestamp};

use super::admission::Admission as _;
use super::ask::{Address, Ask};
use super::condition::{self, Unmet, Version};
use super::copy_source::CopySource;
use super::cors::Cors;
use super::door;
use super::error::CosError;
use super::form::Form;
use super::host::{self, Home};
use super::operation::Operation;
use super::range::Slice;
use super::service::{delete_many, multipart};
use crate::account::{Account, Directory, Identity, KeyPair, Permanent, User};
use crate::net::Peer;

/// The time of every request, in Unix seconds.
pub const NOW: i64 = 1_700_000_000;

/// What the temporary key may do: everything in objects under `users/1/` of the account's bucket.
pub const SESSION_POLICY: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:*"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/*"]}]}"#;

/// A bucket, its region, a key.
pub type Place = (String, String, String);

/// The code of an error.
pub type Code = &'static str;

/// A door with two keys: one of a user who may do everything, and a temporary one.
#[expect(
    missing_debug_implementations,
    reason = "it holds keys, which cannot be formatted"
)]
pub struct Door {
    door: door::Door,
    home: Home,
    /// The user's key.
    pub permanent: KeyPair,
    /// The temporary key.
    pub temporary: KeyPair,
    /// Its token.
    pub token: String,
}

/// A request that the door let in.
#[derive(Clone, Debug)]
pub struct LetIn {
    /// As in `name/cos:<operation>`.
    pub operation: &'static str,
    /// `None` for the service itself.
    pub place: Option<Place>,
    /// Whether nobody signed.
    pub is_anonymous: bool,
    /// For a deletion of several objects: the decision about each.
    pub each: Vec<bool>,
}

/// A form that the door let in.
#[derive(Clone, Debug)]
pub struct FormLetIn {
    /// With the file's name in it.
    pub key: String,
    /// Everything before the file.
    pub fields: Vec<(String, String)>,
    /// What the policy leaves to the file.
    pub file_bytes: Option<(u64, u64)>,
    /// The length of the file; an error when the form ended in disorder.
    pub length: Result<usize, Code>,
}

/// What conditions say about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// They hold.
    Yes,
    /// 304.
    NotModified,
    /// 412, or another refusal.
    No,
}

impl Door {
    /// A new account behind it; `None` when that cannot be made.
    pub fn new() -> Option<Self> {
        let users = vec![User::new("issuer", 100_000_000_002)];
        let clock = Arc::new(Stopped);
        let directory =
            Directory::new(Account::default(), users, Vec::new(), clock, Arc::default());
        let caller = Permanent::User(Arc::clone(directory.users.first()?));
        let permanent = directory.add_permanent(caller.clone(), None).ok()?;
        let policy = Policy::parse(SESSION_POLICY).ok()?;
        let name = "fuzz".to_owned();
        let session = Identity::Federation {
            name,
            caller,
            policy,
        };
        let expires = Timestamp::from_unix_seconds(NOW)?.plus_seconds(1800);
        let issued = directory.issue(session, expires).ok()?;
        let home = Home::of(&directory.account)?;
        Some(Self {
            door: door::Door::new(Arc::new(directory), home.clone()),
            home,
            permanent,
            temporary: KeyPair {
                secret_id: issued.secret_id,
                secret_key: issued.secret_key,
            },
            token: issued.token,
        })
    }

    /// Whether a head is let in. `keys` are those of a deletion of several objects; a form and a preflight are `None`: the one needs
    /// its body, the other nobody's word.
    pub fn admit(&self, head: &Parts, keys: &[String]) -> Result<Option<LetIn>, Code> {
        let ask = self.ask(head)?;
        let Some(operation) = Operation::of(&ask) else {
            return Err("NotImplemented");
        };
        let (admitted, each) = match operation {
            Operation::OptionsObject | Operation::PostObject => return Ok(None),
            Operation::DeleteMultipleObjects => {
                let each = self
                    .door
                    .admit_each(&ask, keys)
                    .map_err(|error| code(&error))?;
                (None, each.iter().map(Result::is_ok).collect())
            }
            _ => (
                Some(
                    self.door
                        .admit(&ask, operation)
                        .map_err(|error| code(&error))?,
                ),
                Vec::new(),
            ),
        };
        Ok(Some(LetIn {
            operation: operation.name(),
            place: place(ask.address),
            is_anonymous: admitted.is_some_and(|admitted| admitted.anonymous),
            each,
        }))
    }

    /// Whether a form is let in, whose body comes in pieces of `piece_bytes`.
    pub async fn admit_form(
        &self,
        head: &Parts,
        body: &[u8],
        piece_bytes: usize,
    ) -> Result<FormLetIn, Code> {
        let ask = self.ask(head)?;
        if Operation::of(&ask) != Some(Operation::PostObject) {
            return Err("NotImplemented");
        }
        let pieces = body.chunks(piece_bytes.max(1));
        let pieces: Vec<_> = pieces
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let read = Form::read(&ask.headers, stream::iter(pieces)).await;
        let (form, mut file) = read.map_err(|error| code(&error))?;
        let admitted = self
            .door
            .admit_form(&ask, &form)
            .map_err(|error| code(&error))?;
        let mut length = Ok(0_usize);
        while let Ok(bytes) = length {
            match file.next().await {
                Ok(Some(piece)) => length = Ok(bytes.saturating_add(piece.len())),
                Ok(None) => break,
                Err(error) => length = Err(error.code),
            }
        }
        Ok(FormLetIn {
            key: form.key,
            fields: form.fields,
            file_bytes: admitted.file_bytes,
            length,
        })
    }

    fn ask(&self, head: &Parts) -> Result<Ask, Code> {
        let now = Timestamp::from_unix_seconds(NOW).ok_or("InternalError")?;
        let peer = Peer {
            address: ([127, 0, 0, 1], 1).into(),
            is_tls: false,
        };
        Ask::read(head, &peer, "", now, &self.home).map_err(|error| code(&error))
    }
}

/// Where a host and a path point; `None` for the service itself.
pub fn address(host: &str, path: &str) -> Result<Option<Place>, Code> {
    let home = Home::of(&Account::default()).ok_or("InternalError")?;
    host::address(host, path, &home)
        .map(place)
        .map_err(|error| code(&error))
}

/// The source that `x-cos-copy-source` names; `None` without it.
pub fn copy_source(headers: &HeaderMap) -> Result<Option<Place>, Code> {
    let home = Home::of(&Account::default()).ok_or("InternalError")?;
    let source = CopySource::of(headers, &home)
        .transpose()
        .map_err(|error| code(&error))?;
    Ok(source.map(|source| {
        let (bucket, region) = (source.bucket.as_str(), source.region.as_str());
        (bucket.to_owned(), region.to_owned(), source.key)
    }))
}

/// The keys of a Delete, and whether it is quiet.
pub fn delete(body: &[u8]) -> Result<(Vec<String>, bool), Code> {
    delete_many::wanted(body).map_err(|error| code(&error))
}

/// The numbers and ETags of a CompleteMultipartUpload.
pub fn complete(body: &[u8]) -> Result<Vec<(u16, String)>, Code> {
    multipart::wanted_parts(body).map_err(|error| code(&error))
}

/// A CORSConfiguration, as it would be shown.
pub fn cors(body: &[u8]) -> Result<String, Code> {
    Cors::parse(body)
        .map(|cors| cors.to_xml())
        .map_err(|error| code(&error))
}

/// Start and end, not included, of `Range` among `length` bytes; `None` for all of them.
pub fn range(header: &str, length: u64) -> Result<Option<(u64, u64)>, Code> {
    let slice = Slice::of_header(header, length).map_err(|error| code(&error))?;
    Ok(slice.map(|slice| (slice.start, slice.end)))
}

/// The same of `x-cos-copy-source-range`.
pub fn copy_range(header: &str, length: u64) -> Result<(u64, u64), Code> {
    let slice = Slice::of_copy(header, length).map_err(|error| code(&error))?;
    Ok((slice.start, slice.end))
}

/// What the conditions among `headers` say to a version, in reading, in writing, and as the source of a copy.
pub fn conditions(headers: &HeaderMap, etag: &str, modified: i64) -> Option<[Met; 3]> {
    let modified = Timestamp::from_unix_seconds(modified)?;
    let version = Version { etag, modified };
    let refused = |outcome: Result<(), CosError>| outcome.map_or(Met::No, |()| Met::Yes);
    Some([
        match condition::for_reading(headers, version) {
            Ok(()) => Met::Yes,
            Err(Unmet::NotModified) => Met::NotModified,
            Err(Unmet::Failed) => Met::No,
        },
        refused(condition::for_writing(headers, Some(version))),
        refused(condition::for_copying(headers, version)),
    ])
}

fn place(address: Address) -> Option<Place> {
    match address {
        Address::Service => None,
        Address::Bucket {
            bucket,
            region,
            key,
        } => Some((bucket.as_str().to_owned(), region.as_str().to_owned(), key)),
    }
}

fn code(error: &CosError) -> Code {
    error.code
}

struct Stopped;

impl Clock for Stopped {
    fn unix_milliseconds(&self) -> u64 {
        NOW.unsigned_abs().saturating_mul(1000)
    }
}
