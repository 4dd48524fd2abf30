//! The replies to uploads that the app chooses, and the calls of its server.
//!
//! Documented: COS calls with POST, and hands on what the server answers; a reply that cannot be
//! made is 203, and the object is stored. From SDK source (cos-js-sdk-v5, qcloud-sdk-android): the
//! code, and where the response to a completed upload has the reply. Inferred: only 200 is an
//! answer, the times and sizes, and the type of the response.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;

use super::CosService;
use crate::cos::error::CosError;
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::response::{self, Response};
use crate::cos::http::xml::Writer;
use crate::cos::store::Object;
use crate::cos::upload_reply::{AppServer, Callback, UploadReply, Uploaded};
use crate::net;

impl CosService {
    /// The reply to the upload of `object`; the error is that of a reply that cannot be made.
    pub(super) async fn reply(
        &self,
        reply: &UploadReply,
        target: &ObjectAddress,
        object: &Object,
    ) -> Result<Bytes, CosError> {
        let image_info = match reply.wants_image_info() {
            true => self.image_info(object).await?,
            false => None,
        };
        let uploaded = Uploaded {
            bucket: target.bucket.name.as_str(),
            region: target.bucket.region.as_str(),
            key: &target.key,
            etag: &object.metadata.etag,
            length: object.metadata.length,
            content_type: object.metadata.headers.content_type(),
            image_info,
        };
        let body = reply.body(&uploaded).map_err(|reason| failed(object, &reason))?;
        match reply {
            UploadReply::ReturnBody(_) => Ok(body.into()),
            UploadReply::Callback(callback) => {
                let answer = call(callback, body.into()).await;
                answer.map_err(|reason| failed(object, &reason))
            }
        }
    }
}

/// The answer of the first server that has one.
async fn call(callback: &Callback, body: Bytes) -> Result<Bytes, String> {
    let mut reason = "callbackUrl: must be set".to_owned();
    for server in &callback.servers {
        let asked = tokio::time::timeout(TIMEOUT, ask(server, callback, body.clone())).await;
        match asked.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs()))) {
            Ok(answer) => return Ok(answer),
            Err(error) => reason = format!("{}: {error}", server.uri),
        }
    }
    Err(reason)
}

async fn ask(server: &AppServer, callback: &Callback, body: Bytes) -> Result<Bytes, String> {
    let target = server.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(header::CONTENT_TYPE, callback.content_type.name());
    request = match (&callback.host, server.uri.authority()) {
        (Some(host), _) => request.header(header::HOST, host),
        (None, Some(authority)) => request.header(header::HOST, authority.as_str()),
        (None, None) => request,
    };
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let answer = net::send(server.address, request).await.map_err(|error| error.to_string())?;
    if answer.status() != StatusCode::OK {
        return Err(format!("must answer 200, not {}", answer.status().as_u16()));
    }
    let body = net::read_body(answer.into_body(), MAX_ANSWER_BYTES).await;
    body.ok_or_else(|| format!("must answer with at most {MAX_ANSWER_BYTES} bytes"))
}

fn failed(object: &Object, reason: &str) -> CosError {
    let message = "The object was uploaded, but its callback failed.";
    CosError::new(StatusCode::NON_AUTHORITATIVE_INFORMATION, "CallbackFailed", message)
        .with_header("etag", format!("\"{}\"", object.metadata.etag))
        .because(reason)
}

/// Puts a reply into the response to an upload in one request.
pub(super) fn put(response: &mut Response, reply: Bytes) {
    response::put(response.headers_mut(), header::CONTENT_TYPE, "application/json");
    *response.body_mut() = net::full(reply);
}

/// Writes a reply into the response to a completed upload.
pub(super) fn write(root: &mut Writer, asked: &UploadReply, reply: &Result<Bytes, CosError>) {
    let (name, body) = match asked {
        UploadReply::ReturnBody(_) => ("ReturnBodyResult", "ReturnBody"),
        UploadReply::Callback(_) => ("CallbackResult", "CallbackBody"),
    };
    root.element(name, |root| match reply {
        Ok(reply) => {
            root.text("Status", StatusCode::OK.as_u16());
            root.text(body, STANDARD.encode(reply));
        }
        Err(error) => {
            let write_error = |root: &mut Writer| {
                root.text("Code", error.code);
                root.text("Message", error.explained());
            };
            root.text("Status", error.status.as_u16());
            match asked {
                UploadReply::ReturnBody(_) => write_error(root),
                UploadReply::Callback(_) => root.element("Error", write_error),
            }
        }
    });
}

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
