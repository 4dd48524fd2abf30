//! What every answer has: ids, date, server, and errors as XML.
//! <https://www.tencentcloud.com/document/product/436/7729>, errors: <https://www.tencentcloud.com/document/product/436/7730>

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tencent::time::Timestamp;

use super::error::CosError;
use super::{date, ids, xml};
use crate::net::{self, Body};

/// An answer in the making.
pub(crate) type Answer = Response<Body>;

/// No body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(net::full(""));
    *answer.status_mut() = status;
    answer
}

/// A document.
pub(crate) fn xml(document: String) -> Answer {
    net::answer(StatusCode::OK, "application/xml", document)
}

/// Sets a header; a value that cannot be one is left out.
pub(crate) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// An ETag with its quotes.
pub(crate) fn put_etag(headers: &mut HeaderMap, etag: &str) {
    put(headers, header::ETAG, &format!("\"{etag}\""));
}

/// The CRC of a whole object.
pub(crate) fn put_crc64(headers: &mut HeaderMap, crc64: u64) {
    put(headers, CRC64, &crc64.to_string());
}

/// What a request leaves for its answer.
pub(crate) struct Frame {
    pub(crate) request_id: String,
    is_head: bool,
    resource: String,
    now: Timestamp,
}

impl Frame {
    pub(crate) fn of(head: &Parts, host: &str, now: Timestamp) -> Self {
        Self {
            request_id: ids::request_id(now),
            is_head: head.method == Method::HEAD,
            resource: format!("{host}{}", head.uri.path()),
            now,
        }
    }

    /// An error as an answer. One to HEAD has no body.
    pub(crate) fn error(&self, error: &CosError) -> Answer {
        let trace_id = ids::trace_id();
        let mut answer = if self.is_head {
            empty(error.status)
        } else {
            net::answer(
                error.status,
                "application/xml",
                self.document(error, &trace_id),
            )
        };
        let headers = answer.headers_mut();
        put(headers, TRACE_ID, &trace_id);
        for (name, value) in &error.headers {
            put(headers, HeaderName::from_static(name), value);
        }
        // An answer to HEAD has no other place for it.
        let reason = error.reason.as_ref().unwrap_or(&error.message);
        let reason = utf8_percent_encode(reason, UNPRINTABLE).to_string();
        put(headers, REASON, &reason);
        answer
    }

    /// The answer with what every answer has.
    pub(crate) fn finish(self, mut answer: Answer) -> Answer {
        let headers = answer.headers_mut();
        put(headers, REQUEST_ID, &self.request_id);
        put(headers, header::SERVER, "tencent-cos");
        put(headers, header::DATE, &date::http(self.now));
        answer
    }

    /// With the tabs and line breaks of real answers.
    fn document(&self, error: &CosError, trace_id: &str) -> String {
        let own = error
            .members
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let members = [("Code", error.code), ("Message", &error.message)]
            .into_iter()
            .chain(own)
            .chain([
                ("Resource", self.resource.as_str()),
                ("RequestId", &self.request_id),
                ("TraceId", trace_id),
            ])
            .map(|(name, value)| format!("\t<{name}>{}</{name}>\n", xml::escaped(value)));
        format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n{}</Error>\n",
            members.collect::<String>()
        )
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-cos-request-id");
const TRACE_ID: HeaderName = HeaderName::from_static("x-cos-trace-id");
const CRC64: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");

/// Only this cloud says why.
const REASON: HeaderName = HeaderName::from_static("x-cos-emulator-reason");

const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use tencent::time::Timestamp;

    use super::{CosError, Frame, xml};

    fn frame(method: &str) -> Frame {
        let (head, ()) = Request::builder()
            .method(method)
            .uri("/a%20b?c")
            .body(())
            .unwrap()
            .into_parts();
        let now = Timestamp::from_unix_seconds(1_586_542_915).unwrap();
        Frame::of(&head, "host:1", now)
    }

    #[tokio::test]
    async fn an_error_is_xml_with_everything_that_support_asks_for() {
        let error = CosError::new(StatusCode::FORBIDDEN, "AccessDenied", "A <b>")
            .with("ServerTime", "now")
            .because("因为\n100%");
        let frame = frame("GET");
        let request_id = frame.request_id.clone();
        let answer = frame.error(&error);
        let answer = frame.finish(answer);
        let headers = answer.headers().clone();
        assert_eq!(headers["x-cos-request-id"], request_id.as_str());
        assert_eq!(headers["server"], "tencent-cos");
        assert_eq!(headers["date"], "Fri, 10 Apr 2020 18:21:55 GMT");
        assert_eq!(headers["content-type"], "application/xml");
        assert_eq!(
            headers["x-cos-emulator-reason"],
            "%E5%9B%A0%E4%B8%BA%0A100%25"
        );
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let root = xml::parse(&body).unwrap();
        let names: Vec<&str> = root
            .children
            .iter()
            .map(|child| child.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "Code",
                "Message",
                "ServerTime",
                "Resource",
                "RequestId",
                "TraceId"
            ]
        );
        assert_eq!(root.text_of("Message"), Some("A <b>"));
        assert_eq!(root.text_of("Resource"), Some("host:1/a%20b"));
        assert_eq!(root.text_of("RequestId"), Some(request_id.as_str()));
        assert_eq!(root.text_of("TraceId").unwrap(), headers["x-cos-trace-id"]);
    }

    #[tokio::test]
    async fn an_error_to_head_has_no_body_and_still_says_why() {
        let frame = frame("HEAD");
        let error = CosError::new(StatusCode::NOT_FOUND, "NoSuchKey", "There is none.");
        let answer = frame.error(&error);
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.headers()["x-cos-emulator-reason"], "There is none.");
        assert!(
            answer
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
    }
}
