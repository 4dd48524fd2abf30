//! COS as the account's owner sees it: stores what a test needs, and shows whether anything
//! changed.
//!
//! It signs with the root key of the cloud, over plain HTTP, and uses no SDK: the SDKs are what is
//! tested.

use std::collections::BTreeMap;

use cos_emulator::Cloud;
use tencent::secret::Secret;
use tencent::sign::q_sign::{CosRequest, authorization, key_time};
use tencent::time::Timestamp;

use crate::{Failure, http_client};

const REGION: &str = "ap-guangzhou";

/// The owner of a cloud's account.
#[expect(missing_debug_implementations, reason = "it contains the account's first key")]
pub struct Storage {
    client: reqwest::Client,
    url: String,
    secret_id: String,
    secret_key: Secret,
}

impl Storage {
    /// The owner of `cloud`'s account.
    ///
    /// # Errors
    /// When there is no HTTP client or key.
    pub fn of(cloud: &Cloud) -> Result<Self, Failure> {
        let key = cloud.root_key();
        Ok(Self {
            client: http_client()?,
            url: cloud.cos().http_url(),
            secret_id: key.secret_id.clone(),
            secret_key: Secret::new(key.secret_key.clone())
                .ok_or_else(|| Failure::new("the root key is empty"))?,
        })
    }

    /// Stores an object. A bucket is made by the empty key.
    ///
    /// # Errors
    /// When COS refuses.
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<(), Failure> {
        self.ask("PUT", &host(bucket), &format!("/{key}"), bytes.into()).await.map(drop)
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// When there is none.
    pub async fn read(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Failure> {
        self.ask("GET", &host(bucket), &format!("/{key}"), Vec::new()).await
    }

    /// Begins an upload in parts, and names it.
    ///
    /// # Errors
    /// When COS refuses.
    pub async fn begin(&self, bucket: &str, key: &str) -> Result<String, Failure> {
        let path = format!("/{key}?uploads");
        let answer = self.ask("POST", &host(bucket), &path, Vec::new()).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let id = texts(&answer, "UploadId").next();
        id.ok_or_else(|| Failure::new("an upload without an id"))
    }

    /// All that is stored: buckets, objects with their sizes and ETags, uploads with their parts,
    /// rules. Two that are equal are of the same content.
    ///
    /// # Errors
    /// When COS refuses.
    pub async fn snapshot(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut told = BTreeMap::new();
        let service = "service.cos.myqcloud.com".to_owned();
        let buckets = self.tell(&mut told, &service, "/").await?;
        for bucket in texts(&buckets, "Name") {
            let host = host(&bucket);
            self.tell(&mut told, &host, "/").await?;
            let uploads = self.tell(&mut told, &host, "/?uploads").await?;
            for (key, id) in texts(&uploads, "Key").zip(texts(&uploads, "UploadId")) {
                let path = format!("/{key}?uploadId={id}");
                self.tell(&mut told, &host, &path).await?;
            }
            let rules = self.ask("GET", &host, "/?cors", Vec::new()).await;
            let rules = rules.map(|rules| String::from_utf8_lossy(&rules).into_owned());
            told.insert(format!("{host}/?cors"), rules.unwrap_or_default());
        }
        Ok(told)
    }

    async fn tell(
        &self,
        told: &mut BTreeMap<String, String>,
        host: &str,
        path: &str,
    ) -> Result<String, Failure> {
        let answer = self.ask("GET", host, path, Vec::new()).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if answer.contains("<IsTruncated>true") {
            return Err(Failure::new(format!("{host}{path} has more than one page")));
        }
        told.insert(format!("{host}{path}"), answer.clone());
        Ok(answer)
    }

    async fn ask(
        &self,
        method: &str,
        host: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let signed = CosRequest {
            method,
            // Keys of tests need no encoding.
            path: path.split('?').next().unwrap_or(path),
            parameters: &[],
            headers: &[("host", host)],
        };
        // Valid at any time that a test's clock can show.
        let latest = Timestamp::from_unix_seconds(99_999_999_999);
        let start = Timestamp::from_unix_seconds(1);
        let period = start
            .zip(latest)
            .map(|(start, end)| key_time(start, end))
            .ok_or_else(|| Failure::new("no period to sign"))?;
        let proof = authorization(&signed, &period, &self.secret_id, &self.secret_key);
        let request = self
            .client
            .request(
                reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default(),
                format!("{}{path}", self.url),
            )
            .header("host", host)
            .header("authorization", proof)
            .body(body);
        let failed = |fault: reqwest::Error| Failure::new(format!("no answer from COS: {fault}"));
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(failed)?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        Err(Failure::new(format!(
            "COS answers {status} to the owner's {method} {host}{path}: {}",
            String::from_utf8_lossy(&bytes)
        )))
    }
}

/// The bytes that the drivers upload: `pattern` of `tests/clients/cos_story.js`.
pub fn pattern(length: usize) -> Vec<u8> {
    let byte = |i: usize| {
        let mixed = i.wrapping_mul(31).wrapping_add((i >> 8_u32).wrapping_mul(7));
        u8::try_from(mixed & 255).unwrap_or_default()
    };
    (0..length).map(byte).collect()
}

fn host(bucket: &str) -> String {
    format!("{bucket}.cos.{REGION}.myqcloud.com")
}

/// The contents of the elements of this name.
fn texts<'a>(document: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<&str> = document.split(open.as_str()).skip(1).collect();
    parts.into_iter().filter_map(move |part| {
        let (text, _) = part.split_once(close.as_str())?;
        Some(text.to_owned())
    })
}
