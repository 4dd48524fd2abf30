//! COS over real sockets, with a test's own authorization: what is stored, listed, rejected, and
//! what survives a crash.
//!
//! That authorization exists only in test builds, and accepts only its own header.

mod acls;
mod archives;
mod buckets;
mod capacity;
mod child;
mod crash;
mod documents;
mod durability;
mod forms;
mod images;
mod lifecycles;
mod listing;
mod logs;
mod memory;
mod model;
mod multipart;
mod objects;
mod refusals;
mod reopen;
mod replies;
mod streaming;
mod tiering;
mod versions;

use std::path::Path;
use std::sync::Arc;

use http::{Method, StatusCode};
use reqwest::{RequestBuilder, Response};
use tencent::time::{SystemClock, Timestamp};

use super::error::CosError;
use super::operation::Operation;
use super::{Cos, Options, open_store};
use crate::account::Account;
use crate::ca::Ca;
use crate::cos::auth::DecisionRecord;
use crate::cos::auth::access::{AccessControl, AuthContext, Deletion};
use crate::cos::http::payload::Payload;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::{RequestHead, decoded};
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::http::xml::{self, Element};
use crate::cos::tags::Tags;
use crate::middleware::Middleware;

pub(super) const BUCKET: &str = "examplebucket-1250000000";
pub(super) const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

/// The header that replaces a signature.
const AUTHORIZED: (&str, &str) = ("authorization", "let-me-in");

/// Authorizes a request with the header, except for keys under `denied/`.
struct TestAccessControl;

impl TestAccessControl {
    fn decide(request: &RequestHead, key: &str) -> Result<AuthContext, CosError> {
        if request.header(AUTHORIZED.0) != Some(AUTHORIZED.1) || key.starts_with("denied/") {
            return Err(CosError::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied."));
        }
        Ok(AuthContext {
            anonymous: request.headers.contains_key("x-test-anonymous"),
            owner_uin: 100_000_000_001,
            uin: 100_000_000_002,
            file_bytes: request
                .header("x-test-file-bytes")
                .and_then(|text| text.split_once('-'))
                .map(|(least, most)| (least.parse().unwrap(), most.parse().unwrap())),
        })
    }
}

impl AccessControl for TestAccessControl {
    fn authorize(&self, request: &RequestHead, _: &Operation) -> Result<AuthContext, CosError> {
        Self::decide(request, request.address.key())
    }

    fn authorize_form(
        &self,
        request: &RequestHead,
        _: &BucketAddress,
        form: &Form,
    ) -> Result<AuthContext, CosError> {
        Self::decide(request, &form.key)
    }

    fn authorize_tags(
        &self,
        request: &RequestHead,
        _: &BucketAddress,
        _: &Tags,
    ) -> Result<AuthContext, CosError> {
        Self::decide(request, "")
    }

    fn authorize_each(
        &self,
        request: &RequestHead,
        _: &BucketAddress,
        deletions: &[Deletion],
    ) -> Result<Vec<Result<(), CosError>>, CosError> {
        Self::decide(request, "")?;
        let decide = |deletion: &Deletion| Self::decide(request, &deletion.key).map(drop);
        Ok(deletions.iter().map(decide).collect())
    }

    fn payload(&self, _: &RequestHead) -> Result<Payload, CosError> {
        Ok(Payload::default())
    }

    fn log_rejected(&self, _: &RequestHead, _: &CosError) {}

    fn decision(&self, _: &str) -> Option<DecisionRecord> {
        None
    }
}

/// A COS and an authorized client.
pub(super) struct World {
    pub(super) cos: Cos,
    pub(super) client: reqwest::Client,
    ca: Ca,
    middleware: Arc<Middleware>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(&Options::default())
    }

    pub(super) fn in_directory(directory: &Path) -> Self {
        Self::with(&Options { data: Some(directory.to_owned()), ..Options::default() })
    }

    pub(super) fn with(options: &Options) -> Self {
        let account = Account::default();
        let ca = Ca::create(&account.region).unwrap();
        let store = open_store(options, &account, &SystemClock).unwrap();
        let middleware = Middleware::without_faults();
        let cos = Cos::start(
            options,
            store,
            &ca,
            &middleware,
            Arc::new(TestAccessControl),
            &account,
            Arc::new(SystemClock),
        )
        .unwrap();
        Self { cos, client: client(), ca, middleware }
    }

    /// Moves the clock of COS.
    pub(super) fn advance(&self, seconds: i64) {
        self.middleware.clock().advance(seconds);
    }

    pub(super) fn set_clock(&self, unix_seconds: i64) {
        self.middleware.clock().set(Timestamp::from_unix_seconds(unix_seconds).unwrap());
    }

    /// A request to the account's own bucket, by its host; `target` is path and query.
    pub(super) fn request(&self, method: &str, target: &str) -> RequestBuilder {
        self.request_to(method, HOST, target)
    }

    pub(super) fn request_to(&self, method: &str, host: &str, target: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("{}{target}", self.cos.http_url()))
            .header("host", host)
            .header(AUTHORIZED.0, AUTHORIZED.1)
    }

    /// Puts an object; returns its ETag.
    pub(super) async fn put(&self, target: &str, body: impl Into<reqwest::Body>) -> String {
        let answer = sent(self.request("PUT", target).body(body)).await;
        assert_eq!(answer.status(), 200, "{target}");
        header(&answer, "etag")
    }

    pub(super) async fn get(&self, target: &str) -> Response {
        sent(self.request("GET", target)).await
    }

    /// A document that has to come with 200.
    pub(super) async fn document(&self, target: &str) -> Element {
        let answer = self.get(target).await;
        assert_eq!(answer.status(), 200, "{target}");
        read_xml(answer).await
    }
}

/// A client that follows nothing.
pub(super) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .unwrap()
}

pub(super) async fn sent(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

pub(super) fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {answer:?}"));
    value.to_str().unwrap().to_owned()
}

pub(super) async fn read_xml(answer: Response) -> Element {
    let bytes = answer.bytes().await.unwrap();
    xml::parse(&bytes).unwrap_or_else(|| panic!("no XML: {}", String::from_utf8_lossy(&bytes)))
}

/// The status and the code of an error, as `404 NoSuchKey`.
pub(super) async fn refusal(request: RequestBuilder) -> String {
    let answer = sent(request).await;
    let status = answer.status().as_u16();
    let id = header(&answer, "x-cos-request-id");
    let reason = decoded(&header(&answer, "x-cos-emulator-reason"));
    assert!(!reason.is_empty());
    let root = read_xml(answer).await;
    assert_eq!(root.name, "Error");
    assert_eq!(root.text_of("RequestId"), Some(id.as_str()));
    let message = root.text_of("Message").unwrap();
    assert!(message.contains(&reason), "{message}: {reason}");
    format!("{status} {}", root.text_of("Code").unwrap())
}

/// The status of a response.
pub(super) async fn status(request: RequestBuilder) -> u16 {
    sent(request).await.status().as_u16()
}

/// Expects an error for each row `<method> <target> <status> <code>`.
pub(super) async fn refusals(request: impl Fn(&str, &str) -> RequestBuilder, rows: &str) {
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (method, rest) = row.split_once(' ').unwrap();
        let (target, error) = rest.split_once(' ').unwrap();
        let request = request(method, target).header("content-length", "0");
        assert_eq!(refusal(request).await, error, "{row}");
    }
}

/// The texts of `name` in all children called `parent`.
pub(super) fn texts(root: &Element, parent: &str, name: &str) -> Vec<String> {
    root.all(parent).map(|child| child.text_of(name).unwrap().to_owned()).collect()
}

/// Bytes that are not all alike.
pub(super) fn noise(length: usize, seed: u8) -> Vec<u8> {
    let step = usize::from(seed) + 7;
    (0..length).map(|position| ((position * step) ^ (position >> 8)) as u8).collect()
}
