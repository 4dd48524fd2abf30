//! An access in plain text, as the naive evaluator reads it.

use std::collections::BTreeMap;

/// An access.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The action, as `name/cos:GetObject`.
    pub action: String,
    /// The region of the bucket.
    pub region: String,
    /// `<bucket-appid>` with the user number of its owner; `None` is the service itself.
    pub bucket: Option<(String, String)>,
    /// The object key; empty for the bucket itself.
    pub key: String,
    /// The values of each condition key, as the request means them.
    pub context: BTreeMap<String, Vec<String>>,
}

/// Whose policies these are: appid and user number.
pub const CREATOR: (&str, &str) = ("1250000000", "100000000001");
