//! What the tests share: a signing client, the misbehaving function, and small readers.

use std::path::PathBuf;
use std::time::Duration;

use cos_emulator::{Cloud, CloudBuilder, KeyPair, Platform, Sts};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tencent::secret::Secret;
use tencent::sign::{digest, tc3, v1};
use tencent::time::{Clock as _, SystemClock, Timestamp};

pub(crate) const POLICY: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:PutObject"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#;

pub(crate) fn function() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/functions/function.py")
}

/// A cloud around the misbehaving function.
pub(crate) fn builder(platform: Platform) -> CloudBuilder {
    Cloud::builder().platform(platform).function(function())
}

pub(crate) async fn sts_only() -> Cloud {
    Cloud::builder().start().await.unwrap()
}

/// A client that trusts only the cloud's CA.
pub(crate) fn client(sts: &Sts) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(sts.ca_file()).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

/// A client of a gateway.
pub(crate) fn plain_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The parameters of a right call.
pub(crate) fn federation() -> Value {
    json!({ "Name": "test", "Policy": encode(POLICY), "DurationSeconds": 1800 })
}

/// The parameters of a right call for a role.
pub(crate) fn role(cloud: &Cloud, name: &str) -> Value {
    json!({ "RoleArn": cloud.account().role_arn(name), "RoleSessionName": "test-session" })
}

/// A TC3 call, each part of which a test can change before it is signed.
pub(crate) struct Tc3 {
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) body: String,
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
    pub(crate) token: Option<String>,
    pub(crate) timestamp: Timestamp,
    pub(crate) service: String,
    pub(crate) language: Option<String>,
}

impl Tc3 {
    pub(crate) fn new(key: &KeyPair, action: &str, parameters: &Value) -> Self {
        Self {
            action: action.to_owned(),
            version: "2018-08-13".to_owned(),
            body: parameters.to_string(),
            secret_id: key.secret_id.clone(),
            secret_key: key.secret_key.clone(),
            token: None,
            timestamp: now(),
            service: "sts".to_owned(),
            language: None,
        }
    }

    /// The signed request: header names and values.
    pub(crate) fn headers(&self, host: &str) -> Vec<(String, String)> {
        let hashed_payload = digest::sha256_hex(self.body.as_bytes());
        let request = tc3::CanonicalRequest {
            method: "POST",
            query: "",
            headers: &[("content-type", "application/json"), ("host", host)],
            hashed_payload: &hashed_payload,
        };
        let authorization = tc3::authorization(
            &request,
            &self.service,
            self.timestamp,
            &self.secret_id,
            &secret(&self.secret_key),
        );
        let mut headers = vec![
            ("Authorization".to_owned(), authorization),
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-TC-Action".to_owned(), self.action.clone()),
            ("X-TC-Version".to_owned(), self.version.clone()),
            ("X-TC-Timestamp".to_owned(), self.timestamp.unix_seconds().to_string()),
            ("X-TC-Region".to_owned(), "ap-guangzhou".to_owned()),
        ];
        if let Some(token) = &self.token {
            headers.push(("X-TC-Token".to_owned(), token.clone()));
        }
        if let Some(language) = &self.language {
            headers.push(("X-TC-Language".to_owned(), language.clone()));
        }
        headers
    }

    pub(crate) async fn send(&self, sts: &Sts) -> Value {
        let host = host_of(&sts.https_url());
        post(sts, &self.headers(&host), &self.body).await
    }
}

/// Sends these headers and this body over HTTPS; the answer has to be HTTP 200.
pub(crate) async fn post(sts: &Sts, headers: &[(String, String)], body: &str) -> Value {
    let mut request = client(sts).post(sts.https_url()).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    read(request.send().await.unwrap()).await
}

/// The JSON of an answer whose status is 200.
pub(crate) async fn read(response: reqwest::Response) -> Value {
    assert_eq!(response.status(), 200, "API errors are HTTP 200");
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// The parameters of a v1 call, unsigned.
pub(crate) fn v1_parameters(key: &KeyPair, action: &str, own: &Value) -> Vec<(String, String)> {
    let timestamp = now().unix_seconds().to_string();
    let mut parameters: Vec<(String, String)> = [
        ("Action", action),
        ("Version", "2018-08-13"),
        ("Region", "ap-guangzhou"),
        ("Timestamp", timestamp.as_str()),
        ("Nonce", "11886"),
        ("SecretId", key.secret_id.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for (name, value) in own.as_object().unwrap() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parameters.push((name.clone(), text));
    }
    parameters
}

/// Signs with v1 and encodes for the wire.
pub(crate) fn v1_signed(
    method: &str,
    host: &str,
    key: &KeyPair,
    mut parameters: Vec<(String, String)>,
) -> String {
    let chosen = parameters
        .iter()
        .find(|(name, _)| name == "SignatureMethod")
        .map(|(_, value)| value.as_str());
    let chosen =
        v1::SignatureMethod::from_parameter(chosen).unwrap_or(v1::SignatureMethod::HmacSha1);
    let pairs = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let string_to_sign = v1::string_to_sign(method, &format!("{host}/"), pairs);
    let signature = v1::sign(chosen, &secret(&key.secret_key), &string_to_sign);
    parameters.push(("Signature".to_owned(), signature));
    form(&parameters)
}

pub(crate) fn form(parameters: &[(String, String)]) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

pub(crate) async fn post_form(sts: &Sts, body: String) -> Value {
    let request = client(sts)
        .post(sts.https_url())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    read(request.send().await.unwrap()).await
}

pub(crate) fn host_of(url: &str) -> String {
    url.split("//").nth(1).unwrap().to_owned()
}

/// The error code of an answer, or why it has none.
#[track_caller]
pub(crate) fn code(answer: &Value) -> &str {
    answer["Response"]["Error"]["Code"]
        .as_str()
        .unwrap_or_else(|| panic!("a success where an error was due: {answer}"))
}

/// The key of a success answer, and its token.
#[track_caller]
pub(crate) fn issued(answer: &Value) -> (KeyPair, String) {
    let text = |name| {
        answer["Response"]["Credentials"][name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {answer}"))
            .to_owned()
    };
    let pair = KeyPair { secret_id: text("TmpSecretId"), secret_key: text("TmpSecretKey") };
    (pair, text("Token"))
}

/// Waits until nothing listens on this address; fails after two seconds.
pub(crate) async fn assert_closed(address: impl std::net::ToSocketAddrs + std::fmt::Display) {
    for _ in 0..200 {
        if std::net::TcpStream::connect(&address).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} is still open");
}
