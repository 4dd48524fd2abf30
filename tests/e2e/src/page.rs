//! Requests as docs/clients.md writes them, and their answers as a model of a client reads them.

use serde_json::json;

use crate::models::{Answered, Complaint, Model, SessionKey};
use crate::{Answer, Browser, Failure};

/// Sends `GET /path` or `POST /path`. A `POST` carries what Android and iOS ask for before an
/// upload in parts.
///
/// # Errors
/// When `request` has no method, and when there is no answer.
pub async fn send_as_written(browser: &Browser, request: &str) -> Result<Answer, Failure> {
    let (method, path) = request
        .split_once(' ')
        .ok_or_else(|| Failure::new(format!("`{request}` is not a method and a path")))?;
    let mut sent = browser.request(method, path);
    if method == "POST" {
        let scopes = PARTS.map(|operation| {
            json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": "users/1/a.mp4"})
        });
        sent = sent
            .header("content-type", "application/json; charset=utf-8")
            .body(json!(scopes).to_string());
    }
    browser.send(sent).await
}

/// What `model` makes of an answer.
///
/// # Errors
/// What the client complains of.
pub fn read(model: Model, answer: &Answer, now: i64) -> Result<SessionKey, Complaint> {
    model(&Answered { status: answer.status, text: &answer.body.to_string(), now })
}

/// From SDK source: `BaseMultipartUploadRequest.java` 38 of `tencentyun/qcloud-sdk-android`.
const PARTS: [&str; 5] = [
    "InitiateMultipartUpload",
    "ListParts",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
];
