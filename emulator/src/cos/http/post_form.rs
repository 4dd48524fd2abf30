//! The form of POST Object: fields, then one file, `multipart/form-data`, read as it streams in.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! # Guarantees
//!
//! Everything before the file is bounded in bytes and number, has unique names and is UTF-8. A form
//! is complete only when its last boundary arrives.
//!
//! # Not covered
//!
//! Fields after the file, which COS ignores too.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use multer::{Field, Multipart};

use crate::cos::error::{self, CosError};

/// Everything before the file.
#[derive(Debug)]
pub(crate) struct Form {
    /// In order, names as sent.
    pub(crate) fields: Vec<(String, String)>,
    /// The field `key` with the file's name in place of `${filename}`.
    pub(crate) key: String,
}

/// The file of a form, its last part.
pub(crate) struct File {
    multipart: Multipart<'static>,
    field: Option<Field<'static>>,
    left: Arc<AtomicU64>,
}

impl Form {
    /// Reads up to the file.
    pub(crate) async fn read(
        headers: &HeaderMap,
        body: impl Stream<Item = Result<Bytes, CosError>> + Send + 'static,
    ) -> Result<(Self, File), CosError> {
        let content_type = headers.get(header::CONTENT_TYPE);
        let boundary = content_type
            .and_then(|value| value.to_str().ok())
            .and_then(|value| multer::parse_boundary(value).ok())
            .ok_or_else(|| {
                malformed("Content-Type: must be multipart/form-data with a boundary")
            })?;
        let left = Arc::new(AtomicU64::new(MAX_FIELD_BYTES));
        let mut multipart = Multipart::new(LimitedStream::new(body, Arc::clone(&left)), boundary);
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            let field = multipart.next_field().await.map_err(parse_error)?;
            let field = field.ok_or_else(|| number_of_files("form: must have a file"))?;
            let name = field
                .name()
                .ok_or_else(|| malformed("form: each field must have a name"))?
                .to_owned();
            if name.eq_ignore_ascii_case("file") {
                left.store(u64::MAX, Ordering::SeqCst);
                let form = Self::new(fields, field.file_name().unwrap_or(""))?;
                let file = File { multipart, field: Some(field), left };
                return Ok((form, file));
            }
            if fields.len() == MAX_FIELDS {
                return Err(malformed("form: must have at most 100 fields"));
            }
            if fields.iter().any(|(found, _)| found.eq_ignore_ascii_case(&name)) {
                return Err(malformed(&format!("the field `{name}` is repeated")));
            }
            let value = field.bytes().await.map_err(parse_error)?;
            let value = String::from_utf8(value.into())
                .map_err(|_| malformed(&format!("{name}: must be UTF-8")))?;
            fields.push((name, value));
        }
    }

    fn new(fields: Vec<(String, String)>, file_name: &str) -> Result<Self, CosError> {
        let mut form = Self { fields, key: String::new() };
        let key = form.field("key").filter(|key| !key.is_empty());
        form.key = key
            .ok_or_else(|| {
                error::invalid_argument("Bucket POST must contain a field named 'key'.")
            })?
            .replace("${filename}", file_name);
        Ok(form)
    }

    /// The value of the field `name`, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The fields as the headers of a PUT Object.
    pub(crate) fn headers(&self) -> Result<HeaderMap, CosError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.fields {
            let name = match name.to_ascii_lowercase() {
                name if name == "acl" => "x-cos-acl".to_owned(),
                name => name,
            };
            let is_header = name.starts_with("x-cos-") || AS_HEADERS.contains(&name.as_str());
            if value.is_empty() || !is_header {
                continue;
            }
            let invalid = |_| malformed(&format!("{name}: must be valid as a header"));
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid(()))?;
            let name = HeaderName::try_from(&name).map_err(|_| invalid(()))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

impl File {
    /// The next bytes; `None` when the file and the form are complete.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CosError> {
        if let Some(field) = &mut self.field {
            if let Some(bytes) = field.chunk().await.map_err(parse_error)? {
                return Ok(Some(bytes));
            }
            self.field = None;
            self.left.store(MAX_FIELD_BYTES, Ordering::SeqCst);
        }
        for _ in 0..MAX_FIELDS {
            match self.multipart.next_field().await.map_err(parse_error)? {
                None => return Ok(None),
                Some(field)
                    if field.name().is_some_and(|name| name.eq_ignore_ascii_case("file")) =>
                {
                    return Err(number_of_files("form: must have only one file"));
                }
                Some(_) => {}
            }
        }
        Err(malformed("form: must have at most 100 fields"))
    }
}

/// A body for the parser, which buffers its input: one chunk at a time, and at most `left` bytes.
struct LimitedStream {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, CosError>> + Send>>,
    left: Arc<AtomicU64>,
    is_paused: bool,
}

impl LimitedStream {
    fn new(
        body: impl Stream<Item = Result<Bytes, CosError>> + Send + 'static,
        left: Arc<AtomicU64>,
    ) -> Self {
        Self { body: Box::pin(body), left, is_paused: false }
    }
}

impl Stream for LimitedStream {
    type Item = Result<Bytes, CosError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The parser polls until it gets `Pending`.
        if std::mem::take(&mut self.is_paused) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return Poll::Ready(Some(Err(malformed("form: fields must take at most 256 KiB"))));
        }
        let polled = self.body.as_mut().poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.is_paused = true;
            if left != u64::MAX {
                let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.left.store(left.saturating_sub(bytes), Ordering::SeqCst);
            }
        }
        polled
    }
}

/// An error of the parser as one of COS; an error of the connection passes unchanged.
fn parse_error(error: multer::Error) -> CosError {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<CosError>() {
            Ok(error) => *error,
            Err(cause) => malformed(&cause.to_string()),
        },
        error => malformed(&error.to_string()),
    }
}

fn malformed(reason: &str) -> CosError {
    error::malformed_form().because(reason)
}

fn number_of_files(reason: &str) -> CosError {
    error::incorrect_number_of_files().because(reason)
}

const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: u64 = 256 * 1024;

const AS_HEADERS: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "pic-operations",
];
