//! A scope array: what exactly a client wants to do, as the COS SDKs send it.
//!
//! `[{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users/1/a.jpg"}]`;
//! the samples of the SDKs:
//! <https://github.com/tencentyun/qcloud-cos-sts-sdk/blob/master/nodejs/demo/sts-server-scope.js>.
//!
//! What clients do: Android leaves out null members and takes one `/` off a prefix, others leave
//! it; several scopes come at once for a multipart upload; a listing has the asked prefix, or `""`.
//!
//! Promises: an empty array, an unknown member, a wildcard or a path trick is refused, by the
//! item's number. `*` stands alone or behind a `/`, as everything below. Leaves out: whether a
//! caller may have it (`grant`).

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::error::{Error, ErrorCode};
use tencent::json_object::JsonObject;
use tencent::names::METACHARACTERS;

/// At least one scope, each well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// One operation in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The COS operation, as `PutObject`.
    pub operation: String,
    /// The bucket with its appid, as sent; empty when the client names none.
    pub bucket: String,
    /// The region, as sent; empty when the client names none.
    pub region: String,
    /// Which keys.
    pub keys: ObjectKeys,
}

/// Which keys a scope is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKeys {
    /// All that begin with a prefix closed by `/`; with an empty one, all of the bucket.
    Below(String),
    /// One key; for a listing, the prefix that is listed.
    Exactly(String),
}

impl Scopes {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`ErrorCode::Scope`].
    pub fn parse(body: &str) -> Result<Self, Error> {
        let items: Vec<JsonObject<Item>> = serde_json::from_str(body).map_err(|_| {
            let message = "the body is an array of scopes, each with `action` and, as far as they apply, `bucket`, `region`, `prefix`";
            Error::new(ErrorCode::Scope, message)
        })?;
        if items.is_empty() || items.len() > SCOPES_MAX {
            return Err(Error::new(
                ErrorCode::Scope,
                format!("the array has from 1 to {SCOPES_MAX} scopes"),
            ));
        }
        let scopes = items
            .into_iter()
            .enumerate()
            .map(|(index, JsonObject(item))| {
                let number = index.saturating_add(1);
                scope(item).map_err(|fault| {
                    Error::new(ErrorCode::Scope, format!("scope {number}: {fault}"))
                })
            });
        Ok(Self(scopes.collect::<Result<_, _>>()?))
    }

    /// The scopes, in the order they came in.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

/// One element of the array, as clients write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    action: String,
    bucket: Option<String>,
    region: Option<String>,
    prefix: Option<String>,
}

fn scope(item: Item) -> Result<Scope, &'static str> {
    let operation = item
        .action
        .strip_prefix("name/cos:")
        .or_else(|| item.action.strip_prefix("cos:"));
    let is_word = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    let operation = operation
        .filter(is_word)
        .ok_or("`action` has the form `name/cos:PutObject`, without wildcards")?;
    Ok(Scope {
        operation: operation.to_owned(),
        bucket: item.bucket.unwrap_or_default(),
        region: item.region.unwrap_or_default(),
        keys: keys(&item.prefix.unwrap_or_default())?,
    })
}

fn keys(prefix: &str) -> Result<ObjectKeys, &'static str> {
    let prefix = prefix.strip_prefix('/').unwrap_or(prefix);
    let (literal, is_below) = match prefix.strip_suffix('*') {
        Some(literal) => (literal, true),
        None => (prefix, false),
    };
    if literal.len() > KEY_BYTES_MAX {
        return Err("`prefix` is longer than a key may be");
    }
    // Nobody behind us should decode it, but whoever did would not find a wildcard or another path.
    let once = decoded(literal);
    let twice = decoded(&once);
    for text in [literal, &once, &twice] {
        check_literal(text)?;
    }
    match (is_below, literal.is_empty() || literal.ends_with('/')) {
        (true, true) => Ok(ObjectKeys::Below(literal.to_owned())),
        (true, false) => Err("`*` in `prefix` stands alone or behind a `/`"),
        (false, _) => Ok(ObjectKeys::Exactly(literal.to_owned())),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn check_literal(text: &str) -> Result<(), &'static str> {
    if text
        .chars()
        .any(|c| METACHARACTERS.contains(&c) || FULL_WIDTH.contains(&c) || c.is_control())
    {
        return Err(
            "`prefix` has a character that a policy would read as a wildcard or a variable",
        );
    }
    let segments = text.strip_suffix('/').unwrap_or(text);
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    if !text.is_empty() && segments.split('/').any(is_odd) {
        return Err("`prefix` has an empty segment, `.` or `..`");
    }
    Ok(())
}

/// The full-width forms of the metacharacters, in case a later step normalizes text (none is
/// known).
const FULL_WIDTH: [char; 6] = [
    '\u{ff0a}', '\u{ff1f}', '\u{ff04}', '\u{ff5b}', '\u{ff5d}', '\u{ff3c}',
];

/// A multipart upload asks for five at once; deleting many keys asks for one each.
const SCOPES_MAX: usize = 100;

/// <https://www.tencentcloud.com/document/product/436/13324>
const KEY_BYTES_MAX: usize = 850;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ObjectKeys, Scopes};
    use crate::error::ErrorCode;

    fn with_prefix(prefix: &Value) -> Value {
        json!([{"action": "name/cos:PutObject", "bucket": "b-1250000000", "region": "ap-guangzhou", "prefix": prefix}])
    }

    #[track_caller]
    fn keys(prefix: &str) -> ObjectKeys {
        let scopes = Scopes::parse(&with_prefix(&json!(prefix)).to_string()).unwrap();
        scopes.iter().next().unwrap().keys.clone()
    }

    #[track_caller]
    fn refused(body: &Value) -> String {
        let error = Scopes::parse(&body.to_string())
            .err()
            .unwrap_or_else(|| panic!("accepted: {body}"));
        assert_eq!(error.code(), ErrorCode::Scope, "{body}");
        error.message().to_owned()
    }

    #[test]
    fn what_clients_write_is_read() {
        assert_eq!(
            keys("users/1/a.jpg"),
            ObjectKeys::Exactly("users/1/a.jpg".into())
        );
        assert_eq!(
            keys("/users/1/a.jpg"),
            ObjectKeys::Exactly("users/1/a.jpg".into())
        );
        assert_eq!(keys("users/1/"), ObjectKeys::Exactly("users/1/".into()));
        assert_eq!(keys("users/1/*"), ObjectKeys::Below("users/1/".into()));
        assert_eq!(keys("*"), ObjectKeys::Below(String::new()));
        assert_eq!(keys(""), ObjectKeys::Exactly(String::new()));
        assert_eq!(keys("100%.jpg"), ObjectKeys::Exactly("100%.jpg".into()));
        assert_eq!(
            keys("a%20b%zz.jpg"),
            ObjectKeys::Exactly("a%20b%zz.jpg".into())
        );
        assert_eq!(
            keys("图片/猫.jpg"),
            ObjectKeys::Exactly("图片/猫.jpg".into())
        );
        let left_out =
            Scopes::parse(r#"[{"action":"name/cos:GetService","bucket":null}]"#).unwrap();
        assert_eq!(left_out.iter().next().unwrap().bucket, "");
    }

    #[test]
    fn a_prefix_that_a_policy_would_expand_is_refused() {
        for prefix in [
            "a*b",
            "users*",
            "us*rs/*",
            "a?",
            "${uin}",
            "{a}",
            "a\\b",
            "a\nb",
            "**",
            "users/**",
            "a%2a",
            "a%252A",
            "%24%7buin%7d",
            "a%5c",
            "a%00",
            "a%250a",
            "＊",
            "a？",
            "＄｛uin｝",
            "＼",
            "%EF%BC%8A",
        ] {
            assert!(
                refused(&with_prefix(&json!(prefix))).starts_with("scope 1: "),
                "{prefix}"
            );
        }
        for prefix in [
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "%2e%2e/a",
            "a/%2E%2e/b",
            "a/%252e%252e/b",
            "a%2f..%2fb",
            "a/.%2e/b",
            "a%2f%2fb",
            "a/%2e",
            "%2fa",
            "//a",
            "a//",
            &"k".repeat(851),
        ] {
            refused(&with_prefix(&json!(prefix)));
        }
    }

    #[test]
    fn what_is_no_scope_array_is_refused() {
        for body in [
            json!([]),
            json!({}),
            json!(null),
            json!("x"),
            json!([[]]),
            json!([["name/cos:PutObject", "b-1250000000", "ap-guangzhou", "a"]]),
            json!([{}]),
            json!([{"bucket": "b-1250000000"}]),
            json!([{"action": "name/cos:PutObject", "resource": "*"}]),
            json!([{"action": 1}]),
            json!([{"action": "name/cos:PutObject", "prefix": 1}]),
            json!(vec![json!({"action": "name/cos:PutObject"}); 101]),
        ] {
            refused(&body);
        }
        for action in [
            "",
            "*",
            "PutObject",
            "name/cos:*",
            "name/cos:Put*",
            "name/sts:AssumeRole",
            "name/cos:",
            "name/cos:Put Object",
        ] {
            refused(&json!([{"action": action}]));
        }
        assert!(Scopes::parse("[").is_err());
    }

    #[test]
    fn the_item_at_fault_is_named() {
        let good = json!({"action": "name/cos:PutObject", "prefix": "a"});
        let bad = json!({"action": "name/cos:PutObject", "prefix": "a*"});
        assert!(refused(&json!([good, good, bad])).starts_with("scope 3: "));
    }
}
