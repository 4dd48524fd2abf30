//! Writing and removing single objects.

use http::{HeaderMap, HeaderName, StatusCode};

use super::{Outcome, Service};
use crate::cos::auth::access::Admitted;
use crate::cos::checksum::{combined_crc64, etag_of_pieces};
use crate::cos::error::CosError;
use crate::cos::http::body::Payload;
use crate::cos::http::metadata::{Metadata, invalid_argument};
use crate::cos::http::precondition::{self, Version};
use crate::cos::http::request::Ask;
use crate::cos::http::response::{self, Answer};
use crate::cos::store::{Content, Facts, Object};

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/7749>
    pub(super) async fn put_object(&self, ask: &Ask, payload: Payload) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        let metadata = Metadata::of(&ask.headers)?;
        // Asked before the body comes, and once more when it is there.
        let current = self.store.read().object(&bucket, &key);
        precondition::for_writing(&ask.headers, current.as_deref().map(Object::version))?;
        let written = self.receive(&ask.headers, payload).await?;
        let sums = written.checksums;
        let mut facts = Facts::new(sums.length, sums.etag(), sums.crc64, ask.now);
        facts.metadata = metadata;
        let object = Object {
            facts,
            content: written.content,
        };
        let headers = ask.headers.clone();
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    precondition::for_writing(&headers, current.map(Object::version))?;
                    Ok(object)
                })
            })
            .await?;
        Ok(written_answer(&stored.facts))
    }

    /// <https://www.tencentcloud.com/document/product/436/7741>
    pub(super) async fn append_object(&self, ask: &Ask, payload: Payload) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        let metadata = Metadata::of(&ask.headers)?;
        let position: u64 = ask
            .parameter("position")
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| invalid_argument("The position must be a number."))?;
        let current = self.store.read().object(&bucket, &key);
        check_append(current.as_deref(), position)?;
        let written = self.receive(&ask.headers, payload).await?;
        let sums = written.checksums;
        let now = ask.now;
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    check_append(current, position)?;
                    let mut facts = Facts::new(sums.length, sums.etag(), sums.crc64, now);
                    facts.metadata = metadata;
                    facts.is_appendable = true;
                    let mut content = Content::default();
                    if let Some(current) = current {
                        let etags = [current.facts.etag.as_str(), facts.etag.as_str()];
                        facts.etag = etag_of_pieces(
                            etags.into_iter(),
                            current.content.pieces().saturating_add(1),
                        );
                        facts.crc64 = combined_crc64(current.facts.crc64, sums.crc64, sums.length);
                        facts.length = current.facts.length.saturating_add(sums.length);
                        facts.metadata = current.facts.metadata.clone();
                        content = current.content.clone();
                    }
                    content.append(&written.content);
                    Ok(Object { facts, content })
                })
            })
            .await?;
        let mut answer = written_answer(&stored.facts);
        let next = stored.facts.length.to_string();
        response::put(answer.headers_mut(), NEXT_POSITION, &next);
        Ok(answer)
    }

    /// <https://www.tencentcloud.com/document/product/436/7743>
    pub(super) async fn delete_object(&self, ask: &Ask) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        self.change(move |store| store.delete_object(&bucket, &key))
            .await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// <https://www.tencentcloud.com/document/product/436/7744>
    pub(super) fn object_acl(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        match self.store.read().object(&bucket, &key) {
            Some(_) => Ok(super::bucket::private_acl(admitted)),
            None => Err(no_such_key()),
        }
    }
}

impl Object {
    /// What conditions look at.
    pub(super) fn version(&self) -> Version<'_> {
        Version {
            etag: &self.facts.etag,
            modified: self.facts.modified,
        }
    }
}

/// The answer to whoever wrote an object or a part.
pub(super) fn written_answer(facts: &Facts) -> Answer {
    let mut answer = response::empty(StatusCode::OK);
    put_checksums(answer.headers_mut(), facts);
    answer
}

pub(super) fn put_checksums(headers: &mut HeaderMap, facts: &Facts) {
    response::put_etag(headers, &facts.etag);
    response::put_crc64(headers, facts.crc64);
}

pub(super) fn no_such_key() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchKey",
        "The specified key does not exist.",
    )
}

fn check_append(current: Option<&Object>, position: u64) -> Result<(), CosError> {
    let length = current.map_or(0, |object| object.facts.length);
    if current.is_some_and(|object| !object.facts.is_appendable) {
        return Err(CosError::new(
            StatusCode::CONFLICT,
            "ObjectNotAppendable",
            "The object is not appendable.",
        ));
    }
    if position != length {
        return Err(CosError::new(
            StatusCode::CONFLICT,
            "AppendPositionErr",
            "The value of the position parameter does not match the length of the current object.",
        )
        .with_header("x-cos-next-append-position", length.to_string())
        .because(format!(
            "the object has {length} bytes, the position is {position}"
        )));
    }
    if current.is_some_and(|object| object.content.pieces() >= MAX_APPENDS) {
        return Err(crate::cos::http::body::too_large()
            .because("this cloud appends to one object 10000 times at the most"));
    }
    Ok(())
}

const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");
const MAX_APPENDS: usize = 10_000;
