//! The function, its STS and its COS, and the account's owner who looks at what is stored.

use std::sync::Arc;

use cos_emulator::Cloud;
use cos_issuer_e2e::{InProcess, Storage, cloud};
use serde_json::Value;
use tencent::time::SystemClock;

use crate::pages::{Body, Sent};

const BUCKET: &str = "examplebucket-1250000000";
const BOUNDARY: &str = "----boundary";

pub(crate) struct World {
    cloud: Cloud,
    function: InProcess,
    owner: Storage,
    client: reqwest::Client,
}

impl World {
    /// Callers have `users/{sub}/`, for uploads of `jpg` and downloads, unless `settings` differ.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let cloud = cloud().start().await.unwrap();
        let own = [("ALLOW", "upload,download"), ("EXTENSIONS", "jpg")];
        let settings: Vec<_> = own.into_iter().chain(settings.iter().copied()).collect();
        let function = InProcess::start(&cloud, &settings, Arc::new(SystemClock)).unwrap();
        let owner = Storage::of(&cloud).unwrap();
        owner.put(BUCKET, "", "").await.ok();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { cloud, function, owner, client }
    }

    /// The answer to `person-1`.
    pub(crate) async fn ask(&self, path: &str) -> Value {
        let answer = self.function.get(path, 1).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// The code with which `person-1` is refused.
    pub(crate) async fn refusal(&self, path: &str) -> String {
        let answer = self.function.get(path, 1).await.unwrap();
        assert!(answer.body.get("data").is_none(), "{path}: {answer:?}");
        format!("{} {}", answer.status, answer.body["codeDesc"].as_str().unwrap())
    }

    /// The status of COS, and its code and message.
    pub(crate) async fn send(&self, sent: &Sent) -> (u16, String) {
        let url = format!("{}{}", self.cloud.cos().http_url(), sent.target);
        let method = sent.method.parse().unwrap();
        let mut request = self.client.request(method, url).header("host", &sent.host);
        for (name, value) in &sent.headers {
            request = request.header(*name, value);
        }
        let request = match &sent.body {
            Body::Bytes(bytes) => request.body(bytes.clone()),
            Body::Form(fields, file) => request
                .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
                .body(multipart(fields, file)),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let reason = answer.headers().get("x-cos-emulator-reason").cloned();
        let reason = reason.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = answer.bytes().await.unwrap();
        (status, format!("{reason} {}", String::from_utf8_lossy(&body)))
    }

    /// The headers of an answer of COS that succeeds.
    pub(crate) async fn headers(&self, sent: &Sent) -> reqwest::header::HeaderMap {
        let url = format!("{}{}", self.cloud.cos().http_url(), sent.target);
        let answer = self.client.get(url).header("host", &sent.host).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers().clone()
    }

    pub(crate) async fn store(&self, key: &str, bytes: &[u8]) {
        self.owner.put(BUCKET, key, bytes).await.unwrap();
    }

    pub(crate) async fn stored(&self, key: &str) -> Vec<u8> {
        self.owner.read(BUCKET, key).await.unwrap()
    }

    pub(crate) async fn snapshot(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        self.owner.snapshot().await.unwrap()
    }

    pub(crate) fn sts_calls(&self) -> usize {
        self.cloud.sts().call_count()
    }

    /// The policy of the last call of STS.
    pub(crate) fn last_policy(&self) -> Value {
        let calls = self.cloud.sts().calls();
        serde_json::from_str(calls.last().unwrap().policy.as_deref().unwrap()).unwrap()
    }

    pub(crate) fn advance_clock(&self, seconds: i64) {
        self.cloud.advance_clock(seconds);
    }

    /// Of all secrets that were issued, an answer contains session tokens and no key.
    pub(crate) fn has_no_secret_key(&self, answer: &Value) {
        let text = answer.to_string();
        let tokens = [&answer["securityToken"], &answer["data"]["sessionToken"]];
        for secret in self.cloud.secrets() {
            let is_token = tokens.iter().all(|token| token.as_str() == Some(&secret));
            assert!(is_token || !text.contains(&secret), "a secret key is in the answer");
        }
    }
}

fn multipart(fields: &[(String, String)], file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
        body.extend(format!("{head}\r\n\r\n{value}\r\n").bytes());
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"";
    body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}
