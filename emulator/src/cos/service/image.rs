//! Pictures: what a download makes of them.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use serde_json::{Map, Value};

use super::read::{overrides, requested_range, unmodified};
use super::{CosService, ObjectCall, Outcome};
use crate::cos::archive::check_readable;
use crate::cos::checksum::Checksums;
use crate::cos::error::{self, CosError};
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::response;
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::image::{self, Failure, Header, ImageRequest, MAX_FILE_BYTES, Stage};
use crate::cos::store::Object;
use crate::http_date;
use crate::net;

/// A file that is not stored.
struct MadeFile {
    content_type: &'static str,
    bytes: Bytes,
}

impl CosService {
    pub(super) async fn get_object(&self, call: &ObjectCall<'_>, with_body: bool) -> Outcome {
        let request = ImageRequest::of(call.request.parameters());
        match request.map_err(|failure| failure.to_error(Stage::Download))? {
            Some(request) => self.get_image(call, request, with_body).await,
            None => self.read_object(call, with_body),
        }
    }

    /// The description of a picture, or what is made of it.
    async fn get_image(
        &self,
        call: &ObjectCall<'_>,
        request: ImageRequest,
        with_body: bool,
    ) -> Outcome {
        let object = self.object(call)?;
        if let Some(response) = unmodified(call, &object)? {
            return Ok(response);
        }
        let restoration = object.metadata.attributes.restoration.as_ref();
        let class = object.metadata.headers.storage_class();
        check_readable(class, restoration, call.request.now)?;
        let ignores_errors = match &request {
            ImageRequest::Info => false,
            ImageRequest::Result(rule) => rule.ignores_errors,
        };
        let made = self.image_job(&object, move |file| match request {
            ImageRequest::Info => info(file),
            ImageRequest::Result(rule) => {
                let made = image::process(file, &rule)?;
                let (content_type, bytes) = (made.format.content_type(), made.bytes.into());
                Ok(MadeFile { content_type, bytes })
            }
        });
        match made.await? {
            Ok(file) => file_response(call, &object, &file, with_body),
            Err(failure) if ignores_errors && failure.can_be_ignored() => {
                self.read_object(call, with_body)
            }
            Err(failure) => Err(failure.to_error(Stage::Download)),
        }
    }

    /// The description of a picture; `None` for an object that is not one.
    pub(super) async fn image_info(
        &self,
        object: &Object,
    ) -> Result<Option<Map<String, Value>>, CosError> {
        let info = self.image_job(object, info).await?;
        Ok(info.ok().and_then(|info| serde_json::from_slice(&info.bytes).ok()))
    }

    /// Does work on the bytes of a picture, on a thread of its own and when it is its turn. It goes
    /// on, and keeps its turn, when the client disconnects.
    pub(super) async fn image_job<T: Send + 'static>(
        &self,
        object: &Object,
        work: impl FnOnce(&[u8]) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Result<T, Failure>, CosError> {
        if object.metadata.length > MAX_FILE_BYTES {
            return Ok(Err(Failure::LargeFile));
        }
        let turn = Arc::clone(&self.image_jobs).acquire_owned().await;
        let turn = turn.map_err(|error| error::internal(&error))?;
        let mut file = BytesMut::new();
        let mut reader = object.content.clone().reader();
        while let Some(bytes) = reader.next().await.map_err(|error| error::internal(&error))? {
            file.extend_from_slice(&bytes);
        }
        let job = move || {
            let made = work(&file);
            drop(turn);
            made
        };
        tokio::task::spawn_blocking(job).await.map_err(|error| error::internal(&error))
    }
}

/// The headers that the documents show, and the file.
fn file_response(
    call: &ObjectCall<'_>,
    object: &Object,
    file: &MadeFile,
    with_body: bool,
) -> Outcome {
    let overrides = overrides(call.request, &call.context)?;
    let limit = TrafficLimit::of(call.request)?;
    let length = u64::try_from(file.bytes.len()).unwrap_or(u64::MAX);
    let range = requested_range(call, object, length)
        .map_err(|error| error.with_header(image::ERROR_NUMBER, BEHIND_THE_END))?;
    let read = range.unwrap_or_else(|| ByteRange::whole(length));
    let mut response = response::empty(match range {
        Some(_) => StatusCode::PARTIAL_CONTENT,
        None => StatusCode::OK,
    });
    let headers = response.headers_mut();
    response::put(headers, header::CONTENT_TYPE, file.content_type);
    response::put(headers, header::CONTENT_LENGTH, &read.length().to_string());
    response::put(headers, header::LAST_MODIFIED, &http_date::text(object.metadata.modified));
    if range.is_some() {
        response::put(headers, header::CONTENT_RANGE, &read.header(length));
    }
    headers.extend(overrides);
    if with_body {
        let body = net::full(read.of(&file.bytes));
        *response.body_mut() = match limit {
            Some(limit) => limit.slow(body),
            None => body,
        };
    }
    Ok(response)
}

/// The description of a picture, with the spaces of the documents.
fn info(file: &[u8]) -> Result<MadeFile, Failure> {
    let header = Header::read(file)?;
    let [horizontal, vertical] = header.density;
    let mut text = String::new();
    for (name, value) in [
        ("format", header.format.name().to_owned()),
        ("width", header.size.width.to_string()),
        ("height", header.size.height.to_string()),
        ("size", file.len().to_string()),
        ("md5", Checksums::of(file).etag()),
        ("frame_count", header.frames.to_string()),
        ("bit_depth", header.bit_depth.to_string()),
        ("vertical_dpi", vertical.to_string()),
        ("horizontal_dpi", horizontal.to_string()),
    ] {
        let separator = if text.is_empty() { "{" } else { ", " };
        // Writing to a String cannot fail. No value needs to be escaped.
        let _ = write!(text, "{separator}\"{name}\": \"{value}\"");
    }
    text.push('}');
    Ok(MadeFile { content_type: "application/json", bytes: text.into() })
}

/// Documented: "the download offset is greater than the file size".
const BEHIND_THE_END: &str = "-29034";
