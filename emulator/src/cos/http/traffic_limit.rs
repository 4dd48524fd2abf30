//! `x-cos-traffic-limit`: the speed of one upload or download.
//! <https://www.tencentcloud.com/document/product/436/34072>

use std::time::Duration;

use futures_util::StreamExt as _;
use http::HeaderMap;
use http_body_util::{BodyExt, BodyStream, StreamBody};

use super::request::{RequestHead, text};
use crate::cos::error::{self, CosError};
use crate::net::Body;

/// A limit in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrafficLimit(u64);

impl TrafficLimit {
    /// The limit of a request, in a header or a parameter.
    pub(crate) fn of(request: &RequestHead) -> Result<Option<Self>, CosError> {
        match Self::of_headers(&request.headers)? {
            Some(limit) => Ok(Some(limit)),
            None => match request.parameter(NAME).filter(|value| !value.is_empty()) {
                Some(value) => Self::parse(&value).map(Some),
                None => Ok(None),
            },
        }
    }

    /// The limit in headers, or in the fields of a form.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Option<Self>, CosError> {
        match headers.contains_key(NAME) {
            true => Self::parse(text(headers, NAME).unwrap_or_default()).map(Some),
            false => Ok(None),
        }
    }

    fn parse(value: &str) -> Result<Self, CosError> {
        let limit = value.parse().ok().filter(|limit| LIMITS.contains(limit));
        limit.map(Self).ok_or_else(|| {
            error::invalid_argument("The x-cos-traffic-limit value must be 819200 to 838860800.")
        })
    }

    /// Waits as long as so many bytes take.
    pub(crate) async fn wait(self, bytes: usize) {
        let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
        let microseconds = bits.saturating_mul(1_000_000).checked_div(self.0).unwrap_or_default();
        tokio::time::sleep(Duration::from_micros(microseconds)).await;
    }

    /// The body at this speed.
    pub(crate) fn slow(self, body: Body) -> Body {
        let frames = BodyStream::new(body).then(move |frame| async move {
            if let Ok(frame) = &frame {
                self.wait(frame.data_ref().map_or(0, bytes::Bytes::len)).await;
            }
            frame
        });
        BodyExt::boxed(StreamBody::new(frames))
    }
}

const NAME: &str = "x-cos-traffic-limit";

/// Documented: 100 KB/s to 100 MB/s.
const LIMITS: std::ops::RangeInclusive<u64> = 819_200..=838_860_800;
