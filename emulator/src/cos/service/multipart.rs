//! Uploads in parts.
//! <https://www.tencentcloud.com/document/product/436/14112>
//!
//! Documented: parts 1 to 10000, 1 MB to 5 GB each, the last one smaller; ascending order on completion.
//! Inferred: numbers may have gaps; the texts of the errors.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use http::StatusCode;

use super::bucket::number;
use super::list::{Encoding, moment, people};
use super::object::{put_checksums, written_answer};
use super::{MAX_XML_BYTES, Outcome, Service};
use crate::cos::admission::Admitted;
use crate::cos::ask::Ask;
use crate::cos::condition;
use crate::cos::digest::{combined_crc64, etag_of_pieces};
use crate::cos::error::{CosError, malformed_xml};
use crate::cos::metadata::{Metadata, invalid_argument};
use crate::cos::payload::Payload;
use crate::cos::store::{Content, Facts, Initiated, Object, no_such_upload};
use crate::cos::{answer, ids, xml};

/// Which upload a request is about.
pub(super) struct UploadPlace {
    bucket: String,
    key: String,
    id: String,
}

impl UploadPlace {
    /// The upload, once it is there.
    pub(super) fn of(service: &Service, ask: &Ask) -> Result<Self, CosError> {
        let (bucket, key) = service.place(ask)?;
        let id = ask.parameter("uploadId").unwrap_or_default();
        if service.store.read().upload(&bucket, &key, &id).is_none() {
            return Err(no_such_upload());
        }
        Ok(Self { bucket, key, id })
    }

    pub(super) fn as_tuple(&self) -> (&str, &str, &str) {
        (&self.bucket, &self.key, &self.id)
    }

    #[expect(clippy::unused_self, reason = "only an upload has part numbers")]
    pub(super) fn part_number(&self, ask: &Ask) -> Result<u16, CosError> {
        ask.parameter("partNumber")
            .and_then(|text| part_number(&text))
            .ok_or_else(|| {
                invalid_argument("Part number must be an integer between 1 and 10000, inclusive.")
            })
    }
}

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/7746>
    pub(super) async fn begin_upload(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        let initiated = Initiated {
            metadata: Metadata::of(&ask.headers)?,
            initiator: admitted.name(),
            at: ask.now,
        };
        let id = ids::upload_id(ask.now);
        let document = xml::document("InitiateMultipartUploadResult", |root| {
            root.text("Bucket", &bucket);
            root.text("Key", &key);
            root.text("UploadId", &id);
        });
        self.change(move |store| store.begin_upload(&bucket, &key, &id, initiated))
            .await?;
        Ok(answer::xml(document))
    }

    /// <https://www.tencentcloud.com/document/product/436/7750>
    pub(super) async fn upload_part(&self, ask: &Ask, payload: Payload) -> Outcome {
        let place = UploadPlace::of(self, ask)?;
        let number = place.part_number(ask)?;
        let written = self.receive(&ask.headers, payload).await?;
        let sums = written.checksums;
        let facts = Facts::new(sums.length, sums.etag(), sums.crc64, ask.now);
        let answer = written_answer(&facts);
        let part = Object {
            facts,
            content: written.content,
        };
        self.change(move |store| store.put_part(place.as_tuple(), number, part))
            .await?;
        Ok(answer)
    }

    /// <https://www.tencentcloud.com/document/product/436/7747>
    pub(super) fn list_parts(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        let place = UploadPlace::of(self, ask)?;
        let encoding = Encoding::of(ask)?;
        let limit = number(ask, "max-parts", PAGE)?;
        let marker = number(ask, "part-number-marker", usize::from(u16::MAX))?;
        let marker = match ask.parameter("part-number-marker") {
            Some(text) if !text.is_empty() => u16::try_from(marker).unwrap_or(u16::MAX),
            Some(_) | None => 0,
        };
        let index = self.store.read();
        let upload = index
            .upload(&place.bucket, &place.key, &place.id)
            .ok_or_else(no_such_upload)?;
        let mut parts = upload
            .parts
            .range((Bound::Excluded(marker), Bound::Unbounded));
        let page: Vec<_> = parts.by_ref().take(limit).collect();
        let is_truncated = limit > 0 && parts.next().is_some();
        Ok(answer::xml(xml::document("ListPartsResult", |root| {
            root.text("Bucket", &place.bucket);
            root.optional("EncodingType", encoding.name());
            root.text("Key", encoding.text(&place.key));
            root.text("UploadId", &place.id);
            people(root, admitted, &upload.initiated.initiator);
            root.text("PartNumberMarker", marker);
            for (number, part) in &page {
                root.element("Part", |told| {
                    told.text("PartNumber", number);
                    told.text("LastModified", moment(part.facts.modified));
                    told.text("ETag", format_args!("\"{}\"", part.facts.etag));
                    told.text("Size", part.facts.length);
                });
            }
            let next = page.last().filter(|_| is_truncated);
            root.optional("NextPartNumberMarker", next.map(|(number, _)| number));
            root.text("StorageClass", "Standard");
            root.text("MaxParts", limit);
            root.text("IsTruncated", is_truncated);
        })))
    }

    /// <https://www.tencentcloud.com/document/product/436/7742>
    pub(super) async fn complete_upload(&self, ask: &Ask, mut payload: Payload) -> Outcome {
        let place = UploadPlace::of(self, ask)?;
        let body = payload.small(&ask.headers, MAX_XML_BYTES).await?;
        let wanted = wanted_parts(&body)?;
        let (headers, now) = (ask.headers.clone(), ask.now);
        let location = format!("http://{}/{}", ask.host, Encoding::Url.text(&place.key));
        let (bucket, key) = (place.bucket.clone(), place.key.clone());
        let stored = self
            .change(move |store| {
                store.complete_upload(place.as_tuple(), |upload, current| {
                    condition::for_writing(&headers, current.map(Object::version))?;
                    let parts = chosen_parts(&wanted, &upload.parts)?;
                    let mut object = joined(&parts, now);
                    object.facts.metadata = upload.initiated.metadata.clone();
                    object.facts.upload_id = Some(place.id.clone());
                    Ok(object)
                })
            })
            .await?;
        let mut answer = answer::xml(xml::document("CompleteMultipartUploadResult", |root| {
            root.text("Location", &location);
            root.text("Bucket", &bucket);
            root.text("Key", &key);
            root.text("ETag", format_args!("\"{}\"", stored.facts.etag));
        }));
        put_checksums(answer.headers_mut(), &stored.facts);
        Ok(answer)
    }

    /// <https://www.tencentcloud.com/document/product/436/7740>
    pub(super) async fn abort_upload(&self, ask: &Ask) -> Outcome {
        let place = UploadPlace::of(self, ask)?;
        self.change(move |store| store.abort_upload(place.as_tuple()))
            .await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }
}

/// Numbers and ETags, as the body lists them.
pub(in crate::cos) fn wanted_parts(body: &[u8]) -> Result<Vec<(u16, String)>, CosError> {
    let root = xml::parse(body)
        .filter(|root| root.name == "CompleteMultipartUpload")
        .ok_or_else(|| malformed_xml("it is no CompleteMultipartUpload"))?;
    let mut wanted: Vec<(u16, String)> = Vec::new();
    for part in root.all("Part") {
        let number = part.text_of("PartNumber").and_then(part_number);
        let etag = part.text_of("ETag");
        let (Some(number), Some(etag)) = (number, etag) else {
            return Err(malformed_xml(
                "a Part needs PartNumber (1 to 10000) and ETag",
            ));
        };
        if wanted.last().is_some_and(|(last, _)| *last >= number) {
            return Err(CosError::new(
                StatusCode::BAD_REQUEST,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            ));
        }
        let etag = etag.trim().trim_matches('"').to_ascii_lowercase();
        wanted.push((number, etag));
    }
    if wanted.is_empty() {
        return Err(malformed_xml("at least one Part belongs in it"));
    }
    Ok(wanted)
}

fn chosen_parts(
    wanted: &[(u16, String)],
    parts: &BTreeMap<u16, Arc<Object>>,
) -> Result<Vec<Arc<Object>>, CosError> {
    let mut chosen = Vec::with_capacity(wanted.len());
    for (number, etag) in wanted {
        let part = parts.get(number).filter(|part| part.facts.etag == *etag);
        let part = part.ok_or_else(|| {
            CosError::new(
                StatusCode::BAD_REQUEST,
                "InvalidPart",
                "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag.",
            )
            .because(format!("part {number} was not uploaded with this ETag"))
        })?;
        chosen.push(Arc::clone(part));
    }
    let all_but_last = chosen.len().saturating_sub(1);
    let small = chosen
        .iter()
        .take(all_but_last)
        .any(|part| part.facts.length < MIN_PART_BYTES);
    if small {
        return Err(CosError::new(
            StatusCode::BAD_REQUEST,
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed object size.",
        )
        .because("each part but the last has at least 1 MB"));
    }
    Ok(chosen)
}

/// The object that the parts make.
fn joined(parts: &[Arc<Object>], now: tencent::time::Timestamp) -> Object {
    let mut content = Content::default();
    let (mut crc64, mut length) = (0, 0_u64);
    for part in parts {
        content.append(&part.content);
        crc64 = combined_crc64(crc64, part.facts.crc64, part.facts.length);
        length = length.saturating_add(part.facts.length);
    }
    let etags = parts.iter().map(|part| part.facts.etag.as_str());
    let etag = etag_of_pieces(etags, parts.len());
    Object {
        facts: Facts::new(length, etag, crc64, now),
        content,
    }
}

fn part_number(text: &str) -> Option<u16> {
    let number = text.trim().parse().ok()?;
    (1..=MAX_PARTS).contains(&number).then_some(number)
}

const PAGE: usize = 1000;
const MAX_PARTS: u16 = 10_000;
const MIN_PART_BYTES: u64 = 1024 * 1024;
