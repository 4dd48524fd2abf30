//! The session policy of a credential, in every form that a call needs.

use std::hash::{Hash, Hasher};

use tencent::percent::percent_encode;
use tencent::sign::digest::{PartialHash, sha256_hex};

/// A session policy, prepared once for many calls.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    json: String,
    sha256: String,
    beginning: String,
    hash: PartialHash,
}

impl SessionPolicy {
    /// Prepares a policy.
    pub fn new(json: String) -> Self {
        let beginning = format!("{{\"Policy\":\"{}\",", percent_encode(&json));
        let sha256 = sha256_hex(json.as_bytes());
        Self { hash: PartialHash::new(beginning.as_bytes()), beginning, sha256, json }
    }

    /// The policy as JSON; never empty.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Its SHA-256 in hex, for the audit log.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The beginning of a call's body, `{"Policy":"…",`, with the policy percent-encoded exactly
    /// once, although it is inside JSON: the service decodes it once
    /// (<https://www.tencentcloud.com/document/product/1150/49452>, parameter Policy).
    pub fn beginning_of_body(&self) -> &str {
        &self.beginning
    }

    /// The hash of that beginning, which is most of a body.
    pub fn hash_of_beginning(&self) -> &PartialHash {
        &self.hash
    }
}

/// All other parts follow from the policy.
impl PartialEq for SessionPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for SessionPolicy {}

/// Half of its SHA-256 is enough to find a place.
impl Hash for SessionPolicy {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(self.sha256.as_bytes().first_chunk::<32>().map_or(&[], |half| half));
    }
}
