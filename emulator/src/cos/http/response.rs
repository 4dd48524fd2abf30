//! What every response has: ids, date, server, and errors as XML.
//! <https://www.tencentcloud.com/document/product/436/7729>, errors:
//! <https://www.tencentcloud.com/document/product/436/7730>

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tencent::time::Timestamp;

use super::s3::Api;
use super::xml;
use crate::cos::error::CosError;
use crate::cos::ids;
use crate::http_date;
use crate::net::{self, Body};

/// A response of COS.
pub(crate) type Response = ::http::Response<Body>;

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(net::full(""));
    *response.status_mut() = status;
    response
}

/// A response with an XML document.
pub(crate) fn xml(document: String) -> Response {
    net::response(StatusCode::OK, "application/xml", document)
}

/// Sets a header; an invalid value is omitted.
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

/// What a response needs of its request.
pub(crate) struct ResponseContext {
    pub(crate) request_id: String,
    is_head: bool,
    resource: String,
    now: Timestamp,
    api: Api,
    /// The client may not have sent its body, so the connection cannot go on after an error.
    expects_continue: bool,
}

impl ResponseContext {
    pub(crate) fn of(head: &Parts, host: &str, now: Timestamp) -> Self {
        Self {
            request_id: ids::request_id(now),
            is_head: head.method == Method::HEAD,
            resource: format!("{host}{}", head.uri.path()),
            now,
            api: Api::of(&head.headers, head.uri.query().unwrap_or_default()),
            expects_continue: head.headers.contains_key(header::EXPECT),
        }
    }

    /// The response for an error, without a body for HEAD.
    pub(crate) fn error(&self, error: &CosError) -> Response {
        let trace_id = ids::trace_id();
        let mut response = if self.is_head {
            empty(error.status)
        } else {
            net::response(error.status, "application/xml", self.document(error, &trace_id))
        };
        let headers = response.headers_mut();
        put(headers, TRACE_ID, &trace_id);
        for (name, value) in &error.headers {
            put(headers, HeaderName::from_static(name), value);
        }
        // A response to HEAD cannot contain it elsewhere.
        let reason = error.reason.as_ref().unwrap_or(&error.message);
        let reason = utf8_percent_encode(reason, UNPRINTABLE).to_string();
        put(headers, REASON, &reason);
        response
    }

    /// Adds what every response has.
    pub(crate) fn finish(self, mut response: Response) -> Response {
        let is_error = !response.status().is_success();
        let headers = response.headers_mut();
        put(headers, REQUEST_ID, &self.request_id);
        put(headers, header::SERVER, "tencent-cos");
        put(headers, header::DATE, &http_date::text(self.now));
        self.api.rename(headers);
        if self.expects_continue && is_error {
            put(headers, header::CONNECTION, "close");
        }
        response
    }

    /// With the tabs and line breaks of COS.
    fn document(&self, error: &CosError, trace_id: &str) -> String {
        let own = error.members.iter().map(|(name, value)| (*name, value.as_str()));
        let message = error.explained();
        let members = [("Code", error.code), ("Message", &message)]
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

/// Sent by the emulator only.
const REASON: HeaderName = HeaderName::from_static("x-cos-emulator-reason");

const UNPRINTABLE: &AsciiSet = &CONTROLS.add(b'%');

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use tencent::time::Timestamp;

    use super::{CosError, ResponseContext, xml};

    fn context(method: &str) -> ResponseContext {
        let (head, ()) =
            Request::builder().method(method).uri("/a%20b?c").body(()).unwrap().into_parts();
        let now = Timestamp::from_unix_seconds(1_586_542_915).unwrap();
        ResponseContext::of(&head, "host:1", now)
    }

    #[tokio::test]
    async fn an_error_is_xml_with_everything_that_support_asks_for() {
        let error = CosError::new(StatusCode::FORBIDDEN, "AccessDenied", "A <b>")
            .with("ServerTime", "now")
            .because("因为\n100%");
        let context = context("GET");
        let request_id = context.request_id.clone();
        let response = context.error(&error);
        let response = context.finish(response);
        let headers = response.headers().clone();
        assert_eq!(headers["x-cos-request-id"], request_id.as_str());
        assert_eq!(headers["server"], "tencent-cos");
        assert_eq!(headers["date"], "Fri, 10 Apr 2020 18:21:55 GMT");
        assert_eq!(headers["content-type"], "application/xml");
        assert_eq!(headers["x-cos-emulator-reason"], "%E5%9B%A0%E4%B8%BA%0A100%25");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let root = xml::parse(&body).unwrap();
        let names: Vec<&str> = root.children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(names, ["Code", "Message", "ServerTime", "Resource", "RequestId", "TraceId"]);
        assert_eq!(root.text_of("Message"), Some("A <b> (emulator: 因为\n100%)"));
        assert_eq!(root.text_of("Resource"), Some("host:1/a%20b"));
        assert_eq!(root.text_of("RequestId"), Some(request_id.as_str()));
        assert_eq!(root.text_of("TraceId").unwrap(), headers["x-cos-trace-id"]);
    }

    #[tokio::test]
    async fn an_error_to_head_has_no_body_and_still_has_its_reason() {
        let context = context("HEAD");
        let error = CosError::new(StatusCode::NOT_FOUND, "NoSuchKey", "The key does not exist.");
        let response = context.error(&error);
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-cos-emulator-reason"], "The key does not exist.");
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}
