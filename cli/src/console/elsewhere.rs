//! A deployment elsewhere, whose requests this program does not see.

use serde_json::{Value, json};
use tencent::names::{Bucket, Region};

/// A function and a bucket elsewhere.
pub(crate) struct Elsewhere {
    /// An origin.
    pub(crate) issuer: String,
    /// An origin with the places {Bucket} and {Region}.
    pub(crate) cos: String,
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    pub(crate) prefix: String,
}

impl Elsewhere {
    pub(super) fn describe(&self) -> Value {
        let (protocol, domain) = self.cos.split_once("//").unwrap_or_default();
        json!({
            "isLocal": false,
            "users": [],
            "methods": [],
            "callersUrl": self.issuer,
            "cosProtocol": protocol,
            "cosDomain": domain,
            "serviceDomain": service(domain),
            "bucket": self.bucket.as_str(),
            "region": self.region.as_str(),
            "prefix": self.prefix,
        })
    }

    /// Where the page may connect to.
    pub(super) fn origins(&self) -> Vec<String> {
        let (protocol, domain) = self.cos.split_once("//").unwrap_or_default();
        let bucket = self.cos.replace("{Bucket}", self.bucket.as_str());
        vec![
            self.issuer.clone(),
            bucket.replace("{Region}", self.region.as_str()),
            format!("{protocol}//{}", service(domain)),
        ]
    }
}

/// The host of the list of buckets.
fn service(domain: &str) -> String {
    domain.replace("{Bucket}", "service").replace(".{Region}", "")
}
