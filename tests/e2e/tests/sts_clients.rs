//! The vendor's own STS clients against the local STS: with a right key each obtains credentials,
//! with a wrong key each reports the documented error.
//!
//! Every client signs, sends and reads by itself, over TLS, and trusts the STS only through its CA
//! file. The test compares what the client reports with what the STS recorded of the same call.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, Role, StsCall};
use cos_issuer_e2e::{Client, Variables, cloud};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock, Timestamp};

/// An odd one, so that no default can pass for it.
const DURATION_SECONDS: u32 = 1234;
const BUCKET: &str = "examplebucket-1250000000";
const PREFIX: &str = "users/42/";

/// Each client with each of its ways to sign.
const SIGNERS: [(Client, &[&str]); 8] = [
    (Client::TencentCloudSdkSts, &["GetFederationToken", "TC3-HMAC-SHA256", "POST"]),
    (Client::TencentCloudSdkSts, &["GetFederationToken", "TC3-HMAC-SHA256", "GET"]),
    (Client::TencentCloudSdkSts, &["GetFederationToken", "HmacSHA1", "POST"]),
    (Client::TencentCloudSdkSts, &["GetFederationToken", "HmacSHA1", "GET"]),
    (Client::TencentCloudSdkSts, &["AssumeRole", "HmacSHA256", "POST"]),
    (Client::TencentCloudSdkSts, &["AssumeRole", "HmacSHA256", "GET"]),
    (Client::QcloudPythonSts, &["GetFederationToken"]),
    (Client::QcloudCosSts, &["GetFederationToken"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn official_python_sdk_obtains_credentials_with_every_signature() {
    let sts = Judged::start().await;
    for action in ["GetFederationToken", "AssumeRole"] {
        for signature in ["TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"] {
            for method in ["POST", "GET"] {
                let arguments = [action, signature, method];
                let call = sts.grants(Client::TencentCloudSdkSts, &arguments).await;
                assert_eq!(call.signature_method, signature, "{arguments:?}");
                assert_eq!(call.name.as_deref(), Some("driver"), "{arguments:?}");
                assert_eq!(policy(&call), upload_policy(), "{arguments:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_helper_obtains_credentials_for_prefixes_and_for_scopes() {
    let sts = Judged::start().await;
    for action in ["GetFederationToken", "AssumeRole"] {
        let call = sts.grants(Client::QcloudPythonSts, &[action, "scope"]).await;
        assert_eq!(call.signature_method, "HmacSHA1");
        assert_eq!(call.name.as_deref(), Some("cos-sts-python"));
        assert_eq!(policy(&call), upload_policy());

        let call = sts.grants(Client::QcloudPythonSts, &[action, "allow_prefix"]).await;
        let mut expected = upload_policy();
        expected["statement"][0]["action"] = json!(["name/cos:PutObject", "name/cos:PostObject"]);
        assert_eq!(policy(&call), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_helper_obtains_credentials_for_policies_and_for_scopes() {
    let sts = Judged::start().await;
    for action in ["GetFederationToken", "AssumeRole"] {
        let call = sts.grants(Client::QcloudCosSts, &[action, "policy"]).await;
        assert_eq!(call.signature_method, "HmacSHA1");
        assert_eq!(call.name.as_deref(), Some("cos-sts-nodejs"));
        assert_eq!(policy(&call), upload_policy());

        // Its own policies keep the old form of the resource, and the principal that the documents
        // forbid.
        let call = sts.grants(Client::QcloudCosSts, &[action, "scope"]).await;
        let statement = &policy(&call)["statement"][0];
        assert_eq!(statement["principal"], json!({"qcs": "*"}));
        let resource =
            "qcs::cos:ap-guangzhou:uid/1250000000:prefix//1250000000/examplebucket/users/42/*";
        assert_eq!(statement["resource"], resource);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secret_key_is_reported_as_a_signature_failure() {
    let sts = Judged::start().await;
    let mut settings = sts.settings();
    // One character off: the closest a wrong key can be.
    let key = settings.get_mut("SECRET_KEY").unwrap();
    let last = key.pop().unwrap();
    key.push(if last == 'A' { 'B' } else { 'A' });
    for (client, arguments) in SIGNERS {
        sts.refuses(client, arguments, &settings, "AuthFailure.SignatureFailure").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_secret_id_is_reported_as_not_found() {
    let sts = Judged::start().await;
    let mut settings = sts.settings();
    settings.insert("SECRET_ID", "AKIDEMUnobodyeverissuedthisone000000".to_owned());
    for (client, arguments) in SIGNERS {
        sts.refuses(client, arguments, &settings, "AuthFailure.SecretIdNotFound").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_the_ca_does_not_reach_the_sts() {
    let sts = Judged::start().await;
    let mut settings = sts.settings();
    settings.remove("CA_FILE");
    settings.remove("NODE_EXTRA_CA_CERTS");
    for (client, arguments) in SIGNERS {
        let line = client.drive(arguments, &settings).await.unwrap();
        assert_eq!(line["outcome"], "failed", "{client:?} {arguments:?}: {line}");
    }
    assert_eq!(sts.0.sts().calls(), []);
}

/// The STS under test, with one role in its account.
struct Judged(Cloud);

impl Judged {
    async fn start() -> Self {
        Self(cloud().role(Role::new("uploader")).start().await.unwrap())
    }

    /// What a driver needs to succeed.
    fn settings(&self) -> Variables {
        let key = self.0.sub_account_key();
        let ca_file = self.0.sts().ca_file().display().to_string();
        Variables::from([
            ("STS_URL", self.0.sts().https_url()),
            ("CA_FILE", ca_file.clone()),
            ("NODE_EXTRA_CA_CERTS", ca_file),
            ("SECRET_ID", key.secret_id.clone()),
            ("SECRET_KEY", key.secret_key.clone()),
            ("ROLE_ARN", self.0.account().role_arn("uploader")),
            ("BUCKET", BUCKET.to_owned()),
            ("REGION", "ap-guangzhou".to_owned()),
            ("PREFIX", PREFIX.to_owned()),
            ("DURATION_SECONDS", DURATION_SECONDS.to_string()),
        ])
    }

    /// The client obtains credentials, and they are those of the one call that the STS saw.
    async fn grants(&self, client: Client, arguments: &[&str]) -> StsCall {
        let earliest = SystemClock.now().plus_seconds(DURATION_SECONDS);
        let (line, call) = self.one_call(client, arguments, &self.settings()).await;
        let latest = SystemClock.now().plus_seconds(DURATION_SECONDS);
        let case = format!("{client:?} {arguments:?}: {line}");

        assert_eq!(line["outcome"], "ok", "{case}");
        assert_eq!(line["tmpSecretId_prefix"], "AKIDEMU", "{case}");
        assert!(line["tmpSecretKey_length"].as_u64() > Some(0), "{case}");
        assert!(line["token_length"].as_u64() > Some(0), "{case}");
        assert_eq!(line["requestId_length"], call.request_id.len(), "{case}");
        let expiry = Timestamp::from_unix_seconds(line["expiredTime"].as_i64().unwrap()).unwrap();
        assert!((earliest..=latest).contains(&expiry), "{case}");

        assert_eq!(call.action, arguments[0], "{case}");
        assert_eq!(call.outcome, "Success", "{case}");
        assert_eq!(call.duration_seconds, Some(DURATION_SECONDS.into()), "{case}");
        call
    }

    /// The client reports this error, and it is the one that the STS answered.
    async fn refuses(&self, client: Client, arguments: &[&str], settings: &Variables, code: &str) {
        let (line, call) = self.one_call(client, arguments, settings).await;
        let case = format!("{client:?} {arguments:?}: {line}");
        assert_eq!(line["outcome"], "error", "{case}");
        assert_eq!(line["code"], code, "{case}");
        assert!(line["message"].as_str().is_some_and(|message| !message.is_empty()), "{case}");
        assert_eq!(call.outcome, code, "{case}");
    }

    async fn one_call(
        &self,
        client: Client,
        arguments: &[&str],
        settings: &Variables,
    ) -> (Value, StsCall) {
        let before = self.0.sts().call_count();
        let line = client.drive(arguments, settings).await.unwrap();
        let [call] = &self.0.sts().calls()[before..] else {
            panic!("{client:?} {arguments:?} made not one call: {line}")
        };
        (line, call.clone())
    }
}

fn policy(call: &StsCall) -> Value {
    serde_json::from_str(call.policy.as_deref().unwrap()).unwrap()
}

/// What every driver asks for when it writes the policy by hand.
fn upload_policy() -> Value {
    let resource = format!("qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/{PREFIX}*");
    json!({
        "version": "2.0",
        "statement": [{"effect": "allow", "action": ["name/cos:PutObject"], "resource": [resource]}],
    })
}
