//! A scope array: what exactly a client wants to do, as the COS SDKs send it.
//!
//! `[{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users/1/a.jpg"}]`;
//! the samples of the SDKs:
//! <https://github.com/tencentyun/qcloud-cos-sts-sdk/blob/master/nodejs/demo/sts-server-scope.js>.
//!
//! Android omits null members and one leading `/` of a prefix, others send them. A multipart upload
//! sends several scopes at once; a listing has the listed prefix, or `""`.
//!
//! # Guarantees
//! An empty array, an unknown member, a wildcard or a path trick is rejected, by the item's number.
//! `*` is accepted only after a `/`, or by itself, and means everything below.
//!
//! # Not covered
//! Whether a caller may have it (`grant`).

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::error::{Error, ErrorCode};
use tencent::json_object::JsonObject;

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
            let message = "body: must be a JSON array of scopes, for example \
                 `[{\"action\":\"name/cos:PutObject\",\"bucket\":\"examplebucket-1250000000\",\
                 \"region\":\"ap-guangzhou\",\"prefix\":\"a.jpg\"}]`; or empty, for all of the grant";
            Error::new(ErrorCode::Scope, message)
        })?;
        if items.is_empty() || items.len() > MAX_SCOPES {
            return Err(Error::new(
                ErrorCode::Scope,
                format!("body: must have 1 to {MAX_SCOPES} scopes"),
            ));
        }
        let scopes = items.into_iter().enumerate().map(|(index, JsonObject(item))| {
            let number = index.saturating_add(1);
            scope(item).map_err(|problem| {
                Error::new(ErrorCode::Scope, format!("scope {number}: {problem}"))
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

fn scope(item: Item) -> Result<Scope, String> {
    let operation =
        item.action.strip_prefix("name/cos:").or_else(|| item.action.strip_prefix("cos:"));
    let is_word = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    let operation = operation
        .filter(is_word)
        .ok_or("action: must be one operation, for example `name/cos:PutObject`")?;
    Ok(Scope {
        operation: operation.to_owned(),
        bucket: item.bucket.unwrap_or_default(),
        region: item.region.unwrap_or_default(),
        keys: keys(&item.prefix.unwrap_or_default())
            .map_err(|problem| format!("prefix: {problem}"))?,
    })
}

/// The key of one object, as a parameter names it.
///
/// # Errors
/// [`ErrorCode::QueryParameter`].
pub(super) fn object_key(text: &str) -> Result<String, Error> {
    let problem = match keys(text) {
        Ok(ObjectKeys::Exactly(key)) if !key.is_empty() => return Ok(key),
        Ok(_) => "must be the key of one object, for example `users/1/a.jpg`".to_owned(),
        Err(problem) => problem,
    };
    Err(Error::new(ErrorCode::QueryParameter, format!("key: {problem}")))
}

fn keys(prefix: &str) -> Result<ObjectKeys, String> {
    let prefix = prefix.strip_prefix('/').unwrap_or(prefix);
    let (literal, is_below) = match prefix.strip_suffix('*') {
        Some(literal) => (literal, true),
        None => (prefix, false),
    };
    if literal.len() > MAX_KEY_BYTES {
        return Err(format!("must have at most {MAX_KEY_BYTES} bytes"));
    }
    // COS does not decode a key twice; a proxy that does must find no wildcard and no other path.
    let once = decoded(literal);
    let twice = decoded(&once);
    for text in [literal, &once, &twice] {
        check_literal(text)?;
    }
    match (is_below, literal.is_empty() || literal.ends_with('/')) {
        (true, true) => Ok(ObjectKeys::Below(literal.to_owned())),
        (true, false) => Err("must have `*` only after a `/`, for example `photos/*`".into()),
        (false, _) => Ok(ObjectKeys::Exactly(literal.to_owned())),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Everything that a policy could expand, or a proxy read as another path, is refused by its name.
///
/// CAM's documents know one wildcard, `*`, and variables, `${…}`; there is no escape for either.
/// `?`, `{`, `}`, `$` and full-width signs are ordinary characters in them, and people's files
/// have such names. If CAM read `?` as one character, the resource would still lie below the
/// granted prefix, and the extension of a key is compared as it is written.
/// <https://www.tencentcloud.com/document/product/598/10606>
fn check_literal(text: &str) -> Result<(), String> {
    let control = text.chars().find(|c| c.is_control());
    let shown = control.map(|c| c.escape_debug().to_string());
    let expanded = ["*", "${", "\\"].into_iter().find(|part| text.contains(part));
    if let Some(part) = expanded.map(str::to_owned).or(shown) {
        return Err(format!("must not contain `{part}`, also not percent-encoded"));
    }
    let segments = text.strip_suffix('/').unwrap_or(text);
    let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
    if !text.is_empty() && segments.split('/').any(is_odd) {
        return Err("must not contain an empty segment, `.` or `..`".to_owned());
    }
    Ok(())
}

/// A multipart upload asks for five at once; deleting many keys asks for one each.
const MAX_SCOPES: usize = 100;

/// <https://www.tencentcloud.com/document/product/436/13324>
const MAX_KEY_BYTES: usize = 850;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ObjectKeys, Scopes, object_key};
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
        let error =
            Scopes::parse(&body.to_string()).err().unwrap_or_else(|| panic!("accepted: {body}"));
        assert_eq!(error.code(), ErrorCode::Scope, "{body}");
        error.message().to_owned()
    }

    #[test]
    fn what_clients_write_is_read() {
        assert_eq!(keys("users/1/a.jpg"), ObjectKeys::Exactly("users/1/a.jpg".into()));
        assert_eq!(keys("/users/1/a.jpg"), ObjectKeys::Exactly("users/1/a.jpg".into()));
        assert_eq!(keys("users/1/"), ObjectKeys::Exactly("users/1/".into()));
        assert_eq!(keys("users/1/*"), ObjectKeys::Below("users/1/".into()));
        assert_eq!(keys("*"), ObjectKeys::Below(String::new()));
        assert_eq!(keys(""), ObjectKeys::Exactly(String::new()));
        assert_eq!(keys("100%.jpg"), ObjectKeys::Exactly("100%.jpg".into()));
        assert_eq!(keys("a%20b%zz.jpg"), ObjectKeys::Exactly("a%20b%zz.jpg".into()));
        assert_eq!(keys("图片/猫.jpg"), ObjectKeys::Exactly("图片/猫.jpg".into()));
        let left_out =
            Scopes::parse(r#"[{"action":"name/cos:GetService","bucket":null}]"#).unwrap();
        assert_eq!(left_out.iter().next().unwrap().bucket, "");
    }

    #[test]
    fn a_key_is_one_object() {
        for (text, key) in [("users/1/a.jpg", "users/1/a.jpg"), ("/图 b?.jpg", "图 b?.jpg")] {
            assert_eq!(object_key(text).unwrap(), key);
        }
        for text in ["", "/", "*", "users/1/*", "users*", "a/../b", "a%2f..%2fb", "${uin}", "a\nb"]
        {
            let error = object_key(text).unwrap_err();
            assert_eq!(error.code(), ErrorCode::QueryParameter, "{text}");
            assert!(error.message().starts_with("key: must "), "{error}");
        }
    }

    #[test]
    fn a_prefix_that_a_policy_would_expand_is_refused() {
        for (prefix, named) in [
            ("a*b", "`*`"),
            ("us*rs/*", "`*`"),
            ("**", "`*`"),
            ("users/**", "`*`"),
            ("a%2a", "`*`"),
            ("a%252A", "`*`"),
            ("${uin}", "`${`"),
            ("%24%7buin%7d", "`${`"),
            ("a\\b", "`\\`"),
            ("a%5c", "`\\`"),
            ("a\nb", "`\\n`"),
            ("a%250a", "`\\n`"),
            ("a%00", "`\\0`"),
            ("users*", "after a `/`"),
        ] {
            let message = refused(&with_prefix(&json!(prefix)));
            assert!(message.starts_with("scope 1: prefix: "), "{message}");
            assert!(message.contains(named), "{prefix}: {message}");
        }
        let tricks = ".. ../a a/../b a/./b a//b %2e%2e/a a/%2E%2e/b a/%252e%252e/b a%2f..%2fb \
                      a/.%2e/b a%2f%2fb a/%2e %2fa //a a//";
        let long = "k".repeat(851);
        for prefix in tricks.split(' ').chain([&*long]) {
            refused(&with_prefix(&json!(prefix)));
        }
    }

    /// What people call their files.
    #[test]
    fn an_unusual_key_is_one_key() {
        for key in [
            "中文文件.txt",
            "a+b (1).png",
            "为什么？.docx",
            "【结案报告】.pptx",
            "50%25.txt",
            "100%.txt",
            "a?b#c.txt",
            "{id}.txt",
            "$100.pdf",
            "＊＄｛.txt",
            "quote\"s;b,c@d=e&f😀.txt",
        ] {
            assert_eq!(keys(key), ObjectKeys::Exactly(key.into()), "{key}");
        }
    }

    #[test]
    fn what_is_not_a_scope_array_is_refused() {
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
