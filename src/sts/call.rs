//! A call as data: headers and body, ready to be posted, and how its answer is read.
//!
//! Common parameters: <https://www.tencentcloud.com/document/product/1150/49446>.

use http::header::CONTENT_TYPE as CONTENT_TYPE_NAME;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::endpoint::Endpoint;
use super::response::AnswerError;
use crate::http_client::CallError;
use tencent::names::Region;
use tencent::time::Timestamp;

/// A call of one action: what is sent, and how its answer is read.
pub trait Call {
    /// What STS returns.
    type Answer;

    /// Its action, where a log line needs it: it is another one than a reader expects.
    const LOGGED_ACTION: Option<&'static str> = None;

    /// The id under which STS knows the call.
    fn request_id(answer: &Self::Answer) -> &str;

    /// The call to `endpoint` at `now`, for the region of the settings.
    ///
    /// # Errors
    /// [`CallError::Header`] when a value is not possible in a header.
    fn message(
        &self,
        endpoint: &Endpoint,
        region: &Region,
        now: Timestamp,
    ) -> Result<Message, CallError>;

    /// Reads an answer, of whose lifetime `remaining_seconds_min` must be left.
    ///
    /// # Errors
    /// [`AnswerError`].
    fn answer(
        &self,
        status: u16,
        body: &[u8],
        now: Timestamp,
        remaining_seconds_min: u32,
    ) -> Result<Self::Answer, AnswerError>;
}

/// A call that can be posted.
#[expect(missing_debug_implementations, reason = "it may contain a session token")]
pub struct Message {
    /// All headers but `Host` and `Content-Length`, which are the transport's.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: String,
}

/// The headers of every call.
///
/// # Errors
/// [`CallError::Header`] when the region is not possible in a header.
pub(super) fn common_headers(
    action: &'static str,
    region: &Region,
    now: Timestamp,
) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::with_capacity(MAX_HEADERS);
    headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    headers.insert(X_TC_ACTION, HeaderValue::from_static(action));
    headers.insert(X_TC_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(X_TC_TIMESTAMP, now.unix_seconds().into());
    let region = HeaderValue::from_str(region.as_str());
    headers.insert(X_TC_REGION, region.map_err(|_| CallError::Header("x-tc-region"))?);
    // Errors in English, so that a log can be searched.
    headers.insert(X_TC_LANGUAGE, HeaderValue::from_static("en-US"));
    Ok(headers)
}

const VERSION: &str = "2018-08-13";

/// Of the body. A signature contains it.
pub(super) const CONTENT_TYPE: &str = "application/json; charset=utf-8";

const X_TC_ACTION: HeaderName = HeaderName::from_static("x-tc-action");
const X_TC_LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
const X_TC_REGION: HeaderName = HeaderName::from_static("x-tc-region");
const X_TC_TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
const X_TC_VERSION: HeaderName = HeaderName::from_static("x-tc-version");

/// With those that the client adds.
const MAX_HEADERS: usize = 12;
