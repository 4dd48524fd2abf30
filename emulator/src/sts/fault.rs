//! Faults that a test orders: each changes one call.
//!
//! Promises: a fault never issues anything that the call would not have issued without it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use cos_issuer::time::Timestamp;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use serde_json::{Value, json};

use crate::net::{self, Body};

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An answer of HTTP itself in place of the API's: `500`, an HTML page, text that is no JSON.
    Http {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// The right answer, that much later.
    Delay(Duration),
    /// The connection closes before any byte of an answer.
    CloseBefore,
    /// The right answer is announced, cut off after this many bytes of its body, and the connection closes.
    CloseAfter {
        /// How many bytes of the body arrive.
        bytes: usize,
    },
    /// `Response.Error`, with HTTP 200, whatever was asked.
    ApiError {
        /// The code.
        code: String,
        /// The message.
        message: String,
    },
    /// The right answer without one member.
    Without(Member),
    /// The right answer with one member emptied: `""`, `0` for the time, `{}` for the credentials.
    Empty(Member),
    /// The right answer, but both times say that it expired so many seconds ago.
    Expired {
        /// How long ago.
        seconds_ago: u32,
    },
}

/// A member of a success answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `Credentials`, whole.
    Credentials,
    /// `Expiration`
    Expiration,
    /// `ExpiredTime`
    ExpiredTime,
    /// `RequestId`
    RequestId,
    /// `Credentials.TmpSecretId`
    TmpSecretId,
    /// `Credentials.TmpSecretKey`
    TmpSecretKey,
    /// `Credentials.Token`
    Token,
}

impl Member {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Credentials,
        Self::Expiration,
        Self::ExpiredTime,
        Self::RequestId,
        Self::TmpSecretId,
        Self::TmpSecretKey,
        Self::Token,
    ];

    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Credentials => ("/Response", "Credentials"),
            Self::Expiration => ("/Response", "Expiration"),
            Self::ExpiredTime => ("/Response", "ExpiredTime"),
            Self::RequestId => ("/Response", "RequestId"),
            Self::TmpSecretId => ("/Response/Credentials", "TmpSecretId"),
            Self::TmpSecretKey => ("/Response/Credentials", "TmpSecretKey"),
            Self::Token => ("/Response/Credentials", "Token"),
        }
    }

    fn empty(self) -> Value {
        match self {
            Self::Credentials => json!({}),
            Self::ExpiredTime => json!(0),
            Self::Expiration
            | Self::RequestId
            | Self::TmpSecretId
            | Self::TmpSecretKey
            | Self::Token => json!(""),
        }
    }
}

impl Fault {
    /// Whether the call is not even looked at.
    pub(crate) fn replaces_the_answer(&self) -> bool {
        matches!(
            self,
            Self::Http { .. } | Self::CloseBefore | Self::ApiError { .. }
        )
    }

    /// Answers with `right` (the answer without the fault), bent.
    pub(crate) async fn apply(
        self,
        mut right: Value,
        now: Timestamp,
    ) -> io::Result<Response<Body>> {
        match self {
            Self::Http {
                status,
                content_type,
                body,
            } => {
                let status = StatusCode::from_u16(status).map_err(io::Error::other)?;
                return Ok(net::answer(status, &content_type, body));
            }
            Self::Delay(delay) => tokio::time::sleep(delay).await,
            Self::CloseBefore => return Err(io::ErrorKind::ConnectionAborted.into()),
            Self::CloseAfter { bytes } => return Ok(cut_off(&right, bytes)),
            Self::ApiError { code, message } => set(
                &mut right,
                "/Response",
                "Error",
                Some(json!({ "Code": code, "Message": message })),
            ),
            Self::Without(member) => {
                let (parent, name) = member.place();
                set(&mut right, parent, name, None);
            }
            Self::Empty(member) => {
                let (parent, name) = member.place();
                set(&mut right, parent, name, Some(member.empty()));
            }
            Self::Expired { seconds_ago } => {
                let then = now.minus_seconds(seconds_ago);
                let time = Some(json!(then.unix_seconds()));
                set(&mut right, "/Response", "ExpiredTime", time);
                let text = Some(json!(then.iso_8601()));
                set(&mut right, "/Response", "Expiration", text);
            }
        }
        Ok(net::json(StatusCode::OK, &right))
    }
}

/// Sets or removes a member of the object at `parent`, if it is there.
fn set(answer: &mut Value, parent: &str, name: &str, value: Option<Value>) {
    let Some(members) = answer.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return;
    };
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}

/// Announces the whole answer, sends `bytes` of its body and then breaks off.
fn cut_off(right: &Value, bytes: usize) -> Response<Body> {
    let whole = Bytes::from(right.to_string());
    let announced = whole.len();
    let sent = whole.slice(..bytes.min(whole.len()));
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        if sender.send_data(sent).await.is_ok() {
            // Lets the bytes reach the socket before the connection goes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            sender.abort(io::ErrorKind::ConnectionAborted.into());
        }
    });
    let mut response = Response::new(body.boxed());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(announced));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
