//! A client of COS with a temporary key of the STS, for the tests: it signs its host and its
//! parameters, and reads what comes back.
//!
//! # Not covered
//! Signed headers, and wrong signatures (`cos_auth.rs`).

use cos_emulator::{Cloud, KeyPair};
use reqwest::{Response, StatusCode};
use serde_json::json;
use tencent::sign::q_sign::{self, CosRequest};
use tencent::time::Clock as _;

use crate::support::{Tc3, encode, federation, issued, plain_client, secret};

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";
pub(crate) const TARGET: &str = "/users/1/a.txt";
pub(crate) const TEXT: &str = "thirty-two bytes make this text.";

/// A temporary key that may read and write below `users/1/`.
pub(crate) struct Caller {
    pub(crate) pair: KeyPair,
    pub(crate) token: Option<String>,
}

impl Caller {
    pub(crate) async fn of(cloud: &Cloud) -> Self {
        Self::with(cloud, &["*"]).await
    }

    /// A key for these operations only.
    pub(crate) async fn with(cloud: &Cloud, operations: &[&str]) -> Self {
        let actions: Vec<_> = operations.iter().map(|name| format!("name/cos:{name}")).collect();
        let policy = json!({ "version": "2.0", "statement": [{
            "effect": "allow", "action": actions,
            "resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/*"],
        }]});
        let mut parameters = federation();
        parameters["Policy"] = json!(encode(&policy.to_string()));
        let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &parameters);
        call.timestamp = cloud.clock().now();
        let (pair, token) = issued(&call.send(cloud.sts()).await);
        Self { pair, token: Some(token) }
    }

    /// `target` is path and query, nothing of it to be encoded.
    pub(crate) fn request(
        &self,
        cloud: &Cloud,
        method: &str,
        target: &str,
    ) -> reqwest::RequestBuilder {
        let url = format!("{}{target}", cloud.cos().http_url());
        self.signed(cloud, plain_client().request(method.parse().unwrap(), url), method, target)
    }

    pub(crate) fn signed(
        &self,
        cloud: &Cloud,
        request: reqwest::RequestBuilder,
        method: &str,
        target: &str,
    ) -> reqwest::RequestBuilder {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let parameters: Vec<(&str, &str)> =
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        let what = CosRequest { method, path, parameters: &parameters, headers: &[("host", HOST)] };
        let now = cloud.clock().now();
        let time = q_sign::key_time(now.minus_seconds(60), now.plus_seconds(600));
        let key = secret(&self.pair.secret_key);
        let authorization = q_sign::authorization(&what, &time, &self.pair.secret_id, &key);
        let request = request.header("host", HOST).header("authorization", authorization);
        match &self.token {
            Some(token) => request.header("x-cos-security-token", token),
            None => request,
        }
    }

    pub(crate) async fn put(&self, cloud: &Cloud) -> (StatusCode, String) {
        status_and_code(self.request(cloud, "PUT", TARGET).body(TEXT).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, cloud: &Cloud) -> (StatusCode, String) {
        status_and_code(self.request(cloud, "GET", TARGET).send().await.unwrap()).await
    }
}

/// The status with the error's code, or with the body of a response without a code.
pub(crate) async fn status_and_code(answer: Response) -> (StatusCode, String) {
    let status = answer.status();
    let is_explained = answer.headers().contains_key("x-cos-emulator-reason");
    assert!(status.is_success() || is_explained, "{status} without a reason");
    let text = answer.text().await.unwrap();
    let code = text.split("<Code>").nth(1).and_then(|rest| rest.split('<').next());
    (status, code.unwrap_or(&text).to_owned())
}

pub(crate) fn is(status: u16, text: &str) -> (StatusCode, String) {
    (StatusCode::from_u16(status).unwrap(), text.to_owned())
}
