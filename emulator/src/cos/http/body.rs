//! The body of a request, as it streams in.
//!
//! # Guarantees
//!
//! Nothing is read before it is needed. A client that stops sending gets a response after a minute.
//! A body that is not needed is discarded for a while, so that its sender sees the response and not
//! a broken connection.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::payload::Payload;
use crate::cos::checksum::Checksums;
use crate::cos::error::{self, CosError};

/// The unread rest of a body.
pub(crate) struct RequestBody {
    body: Option<Incoming>,
    declared_bytes: Option<u64>,
    is_chunked: bool,
    expects_continue: bool,
    /// What the bytes have to be; an error once the declaration is read.
    payload: Option<Result<Payload, CosError>>,
}

impl RequestBody {
    pub(crate) fn new(headers: &HeaderMap, body: Incoming) -> Self {
        let length = headers.get(header::CONTENT_LENGTH);
        Self {
            body: Some(body),
            declared_bytes: length
                .and_then(|length| length.to_str().ok())
                .and_then(|length| length.parse().ok()),
            is_chunked: headers.contains_key(header::TRANSFER_ENCODING),
            expects_continue: headers.contains_key(header::EXPECT),
            payload: None,
        }
    }

    /// The body, which has to be the declared one. A declaration that is rejected is an error as
    /// soon as the body is read, so that an error of authorization is found first.
    pub(crate) fn declared(mut self, payload: Result<Payload, CosError>) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Rejects a body of unknown length, and one whose declared length exceeds `limit`.
    pub(crate) fn check_length(&self, limit: u64) -> Result<(), CosError> {
        match self.declared_bytes {
            None if !self.is_chunked => Err(error::missing_content_length()),
            Some(bytes) if bytes > limit => Err(error::entity_too_large()),
            Some(_) | None => Ok(()),
        }
    }

    /// Its declared length, which a faulty client may not keep.
    pub(crate) fn declared_bytes(&self) -> Option<u64> {
        self.declared_bytes
    }

    /// The next bytes; `None` at the end, once the whole body is checked.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CosError> {
        loop {
            let Some(payload) = &mut self.payload else {
                return self.received().await;
            };
            let payload = payload.as_mut().map_err(|error| error.clone())?;
            if let Some(bytes) = payload.next()? {
                return Ok(Some(bytes));
            }
            match self.received().await? {
                Some(bytes) => {
                    if let Some(Ok(payload)) = &mut self.payload {
                        payload.receive(bytes);
                    }
                }
                None => {
                    if let Some(payload) = self.payload.take() {
                        payload?.finish()?;
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// The next bytes as they were sent.
    async fn received(&mut self) -> Result<Option<Bytes>, CosError> {
        loop {
            let Some(body) = &mut self.body else {
                return Ok(None);
            };
            let frame = tokio::time::timeout(READ_TIMEOUT, body.frame()).await;
            match frame.map_err(|_| error::request_timeout())? {
                None => {
                    self.body = None;
                    return Ok(None);
                }
                Some(Err(_)) => {
                    self.body = None;
                    return Err(error::incomplete_body());
                }
                Some(Ok(frame)) => {
                    // Trailers are ignored.
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The bytes as they arrive.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, CosError>> + Send {
        stream::try_unfold(self, |mut body| async move {
            let bytes = body.next().await?;
            Ok(bytes.map(|bytes| (bytes, body)))
        })
    }

    /// The whole body, at most `limit_bytes` long, once its `Content-MD5` is verified.
    pub(crate) async fn small(
        &mut self,
        headers: &HeaderMap,
        limit_bytes: usize,
    ) -> Result<Bytes, CosError> {
        let md5 = content_md5(headers)?;
        let mut gathered = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if gathered.len().saturating_add(bytes.len()) > limit_bytes {
                return Err(error::xml_size_limit());
            }
            gathered.extend_from_slice(&bytes);
        }
        check_md5(md5, &Checksums::of(&gathered))?;
        Ok(gathered.freeze())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A client that waits for `100 Continue` has sent nothing, and reading would send it.
        let Some(mut body) = self.body.take().filter(|_| !self.expects_continue) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(tokio::time::timeout(DRAIN_TIME, async move {
            let mut left = DRAIN_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                left = left.saturating_sub(bytes);
                if left == 0 {
                    return;
                }
            }
        }));
    }
}

/// The digest in `Content-MD5`.
pub(crate) fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, CosError> {
    let Some(header) = headers.get("content-md5") else {
        return Ok(None);
    };
    STANDARD
        .decode(header.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(Some)
        .ok_or_else(error::invalid_digest)
}

/// Compares with the digest in `Content-MD5`.
pub(crate) fn check_md5(expected: Option<[u8; 16]>, found: &Checksums) -> Result<(), CosError> {
    match expected {
        Some(expected) if expected != found.md5 => Err(error::bad_digest()),
        Some(_) | None => Ok(()),
    }
}

const READ_TIMEOUT: Duration = Duration::from_secs(60);
const DRAIN_TIME: Duration = Duration::from_secs(20);
const DRAIN_BYTES: usize = 256 * 1024 * 1024;
