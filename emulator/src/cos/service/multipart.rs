//! Multipart uploads.
//! <https://www.tencentcloud.com/document/product/436/14112>
//!
//! Documented: parts 1 to 10000, 1 MB to 5 GB each, the last one may be smaller; ascending order on
//! completion.
//! Inferred: numbers may have gaps; the texts of the errors.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use http::StatusCode;

use super::bucket::number;
use super::list::{Encoding, people};
use super::object::{VERSION_ID, put_checksums, written_response};
use super::pictures::without_processing;
use super::{CosService, MAX_XML_BYTES, ObjectCall, Outcome, reply};
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::{combined_crc64, etag_of_pieces};
use crate::cos::error::{self, CosError};
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::body::RequestBody;
use crate::cos::http::date;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::http::precondition;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::http::xml;
use crate::cos::ids;
use crate::cos::store::{Content, Initiated, Object, ObjectMetadata};
use crate::cos::upload_reply::UploadReply;

/// The upload that a request names.
pub(super) struct UploadAddress {
    object: ObjectAddress,
    id: String,
}

impl UploadAddress {
    pub(super) fn as_tuple(&self) -> (&str, &str, &str) {
        let bucket = self.object.bucket.name.as_str();
        (bucket, &self.object.key, &self.id)
    }
}

impl CosService {
    /// The upload of the object that the request names, once it is found.
    pub(super) fn upload(&self, call: &ObjectCall<'_>) -> Result<UploadAddress, CosError> {
        let upload = UploadAddress {
            object: call.target.clone(),
            id: call.request.parameter("uploadId").unwrap_or_default(),
        };
        if self.store.read().upload(upload.as_tuple()).is_none() {
            return Err(error::no_such_upload());
        }
        Ok(upload)
    }

    /// <https://www.tencentcloud.com/document/product/436/7746>
    pub(super) async fn begin_upload(&self, call: &ObjectCall<'_>) -> Outcome {
        let (bucket, key) = (call.target.bucket.name.to_string(), call.target.key.clone());
        let initiated = Initiated {
            headers: self
                .upload_headers(call.target, &without_processing(&call.request.headers))?,
            attributes: ObjectAttributes::of(&call.request.headers)?,
            initiator: call.context.name(),
            at: call.request.now,
        };
        let id = ids::upload_id(call.request.now);
        let document = xml::document("InitiateMultipartUploadResult", |root| {
            root.text("Bucket", &bucket);
            root.text("Key", &key);
            root.text("UploadId", &id);
        });
        let mut response = response::xml(document);
        initiated.headers.put_encryption_on(response.headers_mut());
        self.change(move |store| store.begin_upload(&bucket, &key, &id, initiated)).await?;
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7750>
    pub(super) async fn upload_part(&self, call: &ObjectCall<'_>, body: RequestBody) -> Outcome {
        let upload = self.upload(call)?;
        let number = requested_part(call.request)?;
        let limit = TrafficLimit::of(call.request)?;
        let written = self.receive(&call.request.headers, body, limit).await?;
        let part = Object::of(written, ObjectHeaders::default(), call.request.now);
        let mut response = written_response(&part.metadata);
        if let Some(begun) = self.store.read().upload(upload.as_tuple()) {
            begun.initiated.headers.put_encryption_on(response.headers_mut());
        }
        self.change(move |store| store.put_part(upload.as_tuple(), number, part)).await?;
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7747>
    pub(super) fn list_parts(&self, call: &ObjectCall<'_>) -> Outcome {
        let address = self.upload(call)?;
        let encoding = Encoding::of(call.request)?;
        let limit = number(call.request, "max-parts", PAGE)?;
        let marker = number(call.request, "part-number-marker", usize::from(u16::MAX))?;
        let marker = match call.request.parameter("part-number-marker") {
            Some(text) if !text.is_empty() => u16::try_from(marker).unwrap_or(u16::MAX),
            Some(_) | None => 0,
        };
        let index = self.store.read();
        let upload = index.upload(address.as_tuple()).ok_or_else(error::no_such_upload)?;
        let mut parts = upload.parts.range((Bound::Excluded(marker), Bound::Unbounded));
        let page: Vec<_> = parts.by_ref().take(limit).collect();
        let is_truncated = limit > 0 && parts.next().is_some();
        Ok(response::xml(xml::document("ListPartsResult", |root| {
            root.text("Bucket", &call.target.bucket.name);
            root.optional("EncodingType", encoding.name());
            root.text("Key", encoding.text(&call.target.key));
            root.text("UploadId", &address.id);
            people(root, &call.context, &upload.initiated.initiator);
            root.text("PartNumberMarker", marker);
            for (number, part) in &page {
                root.element("Part", |item| {
                    item.text("PartNumber", number);
                    item.text("LastModified", date::with_milliseconds(part.metadata.modified));
                    item.text("ETag", format_args!("\"{}\"", part.metadata.etag));
                    item.text("Size", part.metadata.length);
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
    pub(super) async fn complete_upload(
        &self,
        call: &ObjectCall<'_>,
        mut body: RequestBody,
    ) -> Outcome {
        let address = self.upload(call)?;
        let body = body.small(&call.request.headers, MAX_XML_BYTES).await?;
        let requested = requested_parts(&body)?;
        let (headers, now) = (call.request.headers.clone(), call.request.now);
        let asked = UploadReply::of(&call.request.headers)?;
        let preview = {
            let index = self.store.read();
            let upload = index.upload(address.as_tuple()).ok_or_else(error::no_such_upload)?;
            if let Some(asked) = &asked {
                asked.check_processing(upload.initiated.headers.content_type())?;
            }
            joined(&chosen_parts(&requested, &upload.parts)?, now)
        };
        let pictures = self.pictures(call, &preview).await?;
        let location =
            format!("http://{}/{}", call.request.host, Encoding::Url.text(&call.target.key));
        let stored = self
            .change(move |store| {
                store.complete_upload(address.as_tuple(), |upload, current| {
                    precondition::check_write(&headers, current.map(Object::validators))?;
                    let parts = chosen_parts(&requested, &upload.parts)?;
                    let mut whole = joined(&parts, now);
                    whole.metadata.headers = upload.initiated.headers.clone();
                    whole.metadata.attributes = upload.initiated.attributes.clone();
                    Ok(whole)
                })
            })
            .await?;
        let pictures = match pictures {
            Some(pictures) => Some(self.store_pictures(call, pictures).await?),
            None => None,
        };
        let reply = match &asked {
            Some(asked) => Some((asked, self.reply(asked, call.target, &stored).await)),
            None => None,
        };
        let mut response = response::xml(xml::document("CompleteMultipartUploadResult", |root| {
            root.text("Location", &location);
            root.text("Bucket", &call.target.bucket.name);
            root.text("Key", &call.target.key);
            root.text("ETag", format_args!("\"{}\"", stored.metadata.etag));
            if let Some(pictures) = &pictures {
                pictures.write_original(root);
                pictures.write_results(root);
            }
            if let Some((asked, reply)) = &reply {
                reply::write(root, asked, reply);
            }
        }));
        put_checksums(response.headers_mut(), &stored.metadata);
        stored.metadata.headers.put_encryption_on(response.headers_mut());
        // Documented: `null` where versioning is suspended.
        if self.versioning_of(&call.target.bucket).is_some() {
            response::put(response.headers_mut(), VERSION_ID, &stored.metadata.version.id());
        }
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7740>
    pub(super) async fn abort_upload(&self, call: &ObjectCall<'_>) -> Outcome {
        let upload = self.upload(call)?;
        self.change(move |store| store.abort_upload(upload.as_tuple())).await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }
}

/// The numbers and ETags in the body.
pub(in crate::cos) fn requested_parts(body: &[u8]) -> Result<Vec<(u16, String)>, CosError> {
    let root = xml::parse(body)
        .filter(|root| root.name == "CompleteMultipartUpload")
        .ok_or_else(|| error::malformed_xml("root: must be CompleteMultipartUpload"))?;
    let mut requested: Vec<(u16, String)> = Vec::new();
    for part in root.all("Part") {
        let number = part.text_of("PartNumber").and_then(part_number);
        let etag = part.text_of("ETag");
        let (Some(number), Some(etag)) = (number, etag) else {
            return Err(error::malformed_xml(
                "Part: must have a PartNumber (1 to 10000) and an ETag",
            ));
        };
        if requested.last().is_some_and(|(last, _)| *last >= number) {
            return Err(error::invalid_part_order());
        }
        let etag = etag.trim().trim_matches('"').to_ascii_lowercase();
        requested.push((number, etag));
    }
    if requested.is_empty() {
        return Err(error::malformed_xml("CompleteMultipartUpload: must have at least one Part"));
    }
    Ok(requested)
}

fn chosen_parts(
    requested: &[(u16, String)],
    parts: &BTreeMap<u16, Arc<Object>>,
) -> Result<Vec<Arc<Object>>, CosError> {
    let mut chosen = Vec::with_capacity(requested.len());
    for (number, etag) in requested {
        let part = parts.get(number).filter(|part| part.metadata.etag == *etag);
        let part = part.ok_or_else(|| {
            error::invalid_part()
                .because(format!("part {number}: must have the ETag of the uploaded part"))
        })?;
        chosen.push(Arc::clone(part));
    }
    let all_but_last = chosen.len().saturating_sub(1);
    let small = chosen.iter().take(all_but_last).any(|part| part.metadata.length < MIN_PART_BYTES);
    if small {
        return Err(
            error::entity_too_small().because("each part but the last must have at least 1 MB")
        );
    }
    Ok(chosen)
}

/// The object made of the parts.
fn joined(parts: &[Arc<Object>], now: tencent::time::Timestamp) -> Object {
    let mut content = Content::default();
    let (mut crc64, mut length) = (0, 0_u64);
    for part in parts {
        content.append(&part.content);
        crc64 = combined_crc64(crc64, part.metadata.crc64, part.metadata.length);
        length = length.saturating_add(part.metadata.length);
    }
    let etags = parts.iter().map(|part| part.metadata.etag.as_str());
    let etag = etag_of_pieces(etags, parts.len());
    Object { metadata: ObjectMetadata::new(length, etag, crc64, now), content }
}

/// The number of the part that a request uploads.
pub(super) fn requested_part(request: &RequestHead) -> Result<u16, CosError> {
    let text = request.parameter("partNumber");
    text.and_then(|text| part_number(&text)).ok_or_else(|| {
        error::invalid_argument("Part number must be an integer between 1 and 10000, inclusive.")
    })
}

fn part_number(text: &str) -> Option<u16> {
    let number = text.trim().parse().ok()?;
    (1..=MAX_PARTS).contains(&number).then_some(number)
}

const PAGE: usize = 1000;
const MAX_PARTS: u16 = 10_000;
const MIN_PART_BYTES: u64 = 1024 * 1024;
