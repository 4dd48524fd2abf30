//! A cloud with an issuer, what others keep in it, and the clients that ask.

use std::collections::BTreeMap;
use std::time::Duration;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{Browser, Chromium, Client, PageServer, Storage, Variables, issuer_on};
use serde_json::{Value, json};

pub(crate) const BUCKET: &str = "examplebucket-1250000000";
/// Another bucket of the same account.
pub(crate) const SECOND: &str = "second-1250000000";
/// A bucket of another account.
pub(crate) const FOREIGN: &str = "foreign-1259999999";
pub(crate) const REGION: &str = "ap-guangzhou";
/// What is granted; `users/10/` begins alike and is somebody else's.
pub(crate) const PREFIX: &str = "users/1/";
/// In which the caller has something of its own.
pub(crate) const ALL: [(&str, &str); 1] = [("ALLOW", "upload,download,list,delete")];

const REPLACES_THE_SHORT_FORM: [&str; 2] = ["GRANTS_FILE", "POLICY"];

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sdk {
    Node,
    MiniProgram,
    Python,
    /// In Chromium, from a page of an origin that both the issuer and the bucket let in.
    Browser,
}

pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) storage: Storage,
    issuer: Browser,
    page: PageServer,
    /// What the owner began for somebody else.
    pub(crate) others_upload: String,
}

impl World {
    /// An issuer with these settings for the prefix, in an account where others have things too.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let page = PageServer::start().await.unwrap();
        let origin = page.origin();
        Self::with_origins(page, settings, &origin, &origin).await
    }

    /// An issuer and a bucket that each let pages of one origin in.
    pub(crate) async fn with_origins(
        page: PageServer,
        settings: &[(&str, &str)],
        issuers_origin: &str,
        buckets_origin: &str,
    ) -> Self {
        let mut builder = issuer_on(Platform::ScfWeb)
            .unwrap()
            .env("PREFIX", PREFIX)
            .env("ALLOWED_ORIGINS", issuers_origin)
            .env("DURATION_SECONDS", "7200")
            .cors([buckets_origin]);
        for (name, value) in settings {
            builder = builder.env(*name, *value);
        }
        if settings.iter().any(|(name, _)| REPLACES_THE_SHORT_FORM.contains(name)) {
            for name in ["BUCKET", "REGION", "PREFIX", "ALLOW"] {
                builder = builder.without_env(name);
            }
        }
        let cloud = builder.start().await.unwrap();
        let storage = Storage::of(&cloud).unwrap();
        storage.put(SECOND, "", Vec::new()).await.unwrap();
        for (bucket, key) in [
            (BUCKET, "users/1/own.txt"),
            (BUCKET, "users/10/secret.txt"),
            (BUCKET, "users/2/secret.txt"),
            (SECOND, "users/1/secret.txt"),
        ] {
            storage.put(bucket, key, "not yours").await.unwrap();
        }
        let others_upload = storage.begin(BUCKET, "users/2/large.bin").await.unwrap();
        Self { issuer: Browser::of(&cloud).unwrap(), cloud, storage, page, others_upload }
    }

    /// A credential as a `getAuthorization` callback gets it.
    pub(crate) async fn credential(&self, query: &str) -> Value {
        self.given(self.issuer.request("GET", &format!("/sts{query}"))).await
    }

    /// The same, for a caller with a key.
    pub(crate) async fn credential_of(&self, key: &str) -> Value {
        let request = self.issuer.request("GET", "/sts");
        self.given(request.header("authorization", format!("Bearer {key}"))).await
    }

    async fn given(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = self.issuer.send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let (given, body) = (&answer.body["credentials"], &answer.body);
        json!({
            "TmpSecretId": given["tmpSecretId"],
            "TmpSecretKey": given["tmpSecretKey"],
            "SecurityToken": given["sessionToken"],
            "StartTime": body["startTime"],
            "ExpiredTime": body["expiredTime"],
        })
    }

    /// Makes the calls, each by the credential that it names, and returns what the SDK reported of
    /// each.
    pub(crate) async fn call(
        &self,
        sdk: Sdk,
        credentials: &BTreeMap<&str, Value>,
        calls: &[Value],
    ) -> Vec<Value> {
        let issuer_url = format!("{}/sts", self.cloud.gateway_url().unwrap());
        let address = self.cloud.cos().address();
        let settings = || {
            Variables::from([
                ("ISSUER_URL", issuer_url.clone()),
                ("COS_ADDRESS", address.to_string()),
                ("BUCKET", BUCKET.to_owned()),
                ("REGION", REGION.to_owned()),
                ("PREFIX", PREFIX.to_owned()),
                ("CALLS", json!(calls).to_string()),
                ("CREDENTIALS", json!(credentials).to_string()),
            ])
        };
        let drive = async |client: Client, arguments: &[&str]| {
            client.drive(arguments, &settings()).await.unwrap()
        };
        let line = match sdk {
            Sdk::Node => drive(Client::Cos, &["cos-nodejs-sdk-v5", "calls"]).await,
            Sdk::MiniProgram => drive(Client::Cos, &["cos-wx-sdk-v5", "calls"]).await,
            Sdk::Python => drive(Client::CosPython, &["calls"]).await,
            Sdk::Browser => {
                self.page.give(json!({
                    "what": "calls",
                    "calls": calls,
                    "credentials": credentials,
                    "issuer_url": issuer_url,
                    "cos_port": address.port(),
                    "bucket": BUCKET,
                    "region": REGION,
                    "prefix": PREFIX,
                }));
                self.open(&self.page.origin()).await
            }
        };
        assert_eq!(line["outcome"], "ok", "{sdk:?}: {line}");
        line["calls"].as_array().unwrap().clone()
    }

    async fn open(&self, url: &str) -> Value {
        let chromium = Chromium::open(url).unwrap();
        let outcome = self.page.outcome(Duration::from_secs(60)).await;
        outcome.unwrap_or_else(|fault| panic!("{fault}; the browser said:\n{}", chromium.said()))
    }
}
