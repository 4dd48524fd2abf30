//! The context of an access: the values that conditions look at.
//!
//! Keys on COS: <https://www.tencentcloud.com/document/product/436/46205>. A key that this list does not know can be set and asked
//! for all the same.
//!
//! Promises: values of keys that are read from *query parameters* are compared URL-encoded (`image%2Fjpeg`), those of headers and
//! of everything else as they are (`image/jpeg`), as documented. No second, decoded try is made: a policy that forgot to encode
//! must fail here as it does in the cloud. An empty `versionid` counts as none (documented).

use crate::encode::percent_encode;
use std::collections::BTreeMap;

/// What a request says about itself, by condition key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// A context without a key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more value of `key`, as `cos:prefix`. The value is as the request means it: decoded.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !(key == "cos:versionid" && value.is_empty()) {
            let value = as_compared(key, value);
            self.values.entry(key.to_owned()).or_default().push(value);
        }
        self
    }

    /// The values of `key` as they are compared; `None` when the request has none.
    pub fn seen(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }
}

/// A request's value in the form that a policy has to write.
pub(super) fn as_compared(key: &str, value: &str) -> String {
    if PARAMETER_KEYS.contains(&key) {
        percent_encode(value).to_string()
    } else {
        value.to_owned()
    }
}

/// The keys that are read from query parameters.
const PARAMETER_KEYS: [&str; 3] = ["cos:prefix", "cos:response-content-type", "cos:versionid"];

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn parameters_are_encoded_and_headers_are_not() {
        let context = Context::new()
            .with("cos:prefix", "文 a/b~")
            .with("cos:response-content-type", "image/jpeg")
            .with("cos:content-type", "image/jpeg");
        assert_eq!(context.seen("cos:prefix").unwrap(), ["%E6%96%87%20a%2Fb~"]);
        assert_eq!(
            context.seen("cos:response-content-type").unwrap(),
            ["image%2Fjpeg"]
        );
        assert_eq!(context.seen("cos:content-type").unwrap(), ["image/jpeg"]);
    }

    #[test]
    fn an_empty_version_is_none_but_an_empty_prefix_is_one() {
        let context = Context::new()
            .with("cos:versionid", "")
            .with("cos:prefix", "");
        assert_eq!(context.seen("cos:versionid"), None);
        assert_eq!(context.seen("cos:prefix").unwrap(), [""]);
    }
}
