//! `Pic-Operations`: the pictures that an upload, or a stored object, is made into.
//! <https://www.tencentcloud.com/document/product/436/40592>
//!
//! Documented: the members, at most five rules, what `fileid` is relative to. Inferred: other
//! members are rejected; a bucket in a rule is in the region of the request.

use http::HeaderMap;
use serde::Deserialize;
use tencent::json_object::JsonObject;
use tencent::names::Bucket;

use super::failure::Failure;
use super::rule::Rule;
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::virtual_host::BucketAddress;

/// The header.
pub(crate) const PIC_OPERATIONS: &str = "pic-operations";

/// What to store besides an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PicOperations {
    /// Whether the response describes the original.
    pub(crate) describes_original: bool,
    pub(crate) results: Vec<PicResult>,
}

/// One object to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PicResult {
    /// The key, as it has to be authorized.
    pub(crate) target: ObjectAddress,
    pub(crate) rule: Rule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    is_pic_info: u8,
    #[serde(default)]
    rules: Vec<JsonObject<RuleDocument>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleDocument {
    bucket: Option<String>,
    fileid: String,
    rule: String,
}

impl PicOperations {
    /// The header among `headers`; `None` without it. `source` is the original.
    pub(crate) fn of(headers: &HeaderMap, source: &ObjectAddress) -> Result<Option<Self>, Failure> {
        let Some(value) = headers.get(PIC_OPERATIONS) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.as_bytes())
            .map_err(|_| Failure::Argument("Pic-Operations: must be UTF-8".to_owned()))?;
        let JsonObject(document) = serde_json::from_str::<JsonObject<Document>>(text)
            .map_err(|error| Failure::Argument(format!("Pic-Operations: {FORM}: {error}")))?;
        if document.rules.len() > MAX_RULES {
            return Err(Failure::TooManyRules);
        }
        if document.is_pic_info > 1 {
            return Err(Failure::Argument("is_pic_info: must be 0 or 1".to_owned()));
        }
        let results = document.rules.into_iter();
        let results = results.map(|JsonObject(rule)| PicResult::of(&rule, source));
        Ok(Some(Self {
            describes_original: document.is_pic_info == 1,
            results: results.collect::<Result<_, _>>()?,
        }))
    }
}

impl PicResult {
    fn of(document: &RuleDocument, source: &ObjectAddress) -> Result<Self, Failure> {
        let bucket = match document.bucket.as_deref() {
            None => source.bucket.clone(),
            Some(name) => BucketAddress {
                name: Bucket::parse(name)
                    .map_err(|error| Failure::Argument(format!("bucket: {error}")))?,
                region: source.bucket.region.clone(),
            },
        };
        let fileid = document.fileid.as_str();
        let key = match (fileid.strip_prefix('/'), source.key.rsplit_once('/')) {
            (Some(absolute), _) => absolute.to_owned(),
            (None, Some((folder, _))) => format!("{folder}/{fileid}"),
            (None, None) => fileid.to_owned(),
        };
        if fileid.is_empty() || key.is_empty() || key.ends_with('/') {
            return Err(Failure::Argument(
                "fileid: must be a key that does not end with `/`, for example small/a.jpg"
                    .to_owned(),
            ));
        }
        let target = ObjectAddress { bucket, key };
        Ok(Self { target, rule: Rule::parse(&document.rule)? })
    }
}

const FORM: &str = "must be of the form {\"is_pic_info\":1,\"rules\":[{\"fileid\":\"small.jpg\",\
                    \"rule\":\"imageMogr2/thumbnail/300x\"}]}";

/// Documented.
const MAX_RULES: usize = 5;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use tencent::names::{Bucket, Region};

    use super::{BucketAddress, Failure, ObjectAddress, PIC_OPERATIONS, PicOperations};

    fn read(text: &str) -> Result<PicOperations, Failure> {
        let bucket = BucketAddress {
            name: Bucket::parse("home-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
        };
        let source = ObjectAddress { bucket, key: "p1/test1.jpg".to_owned() };
        let mut headers = HeaderMap::new();
        assert_eq!(PicOperations::of(&headers, &source), Ok(None));
        headers.insert(PIC_OPERATIONS, HeaderValue::from_str(text).unwrap());
        PicOperations::of(&headers, &source).map(Option::unwrap)
    }

    fn with_file(fileid: &str) -> String {
        format!(r#"{{"rules":[{{"fileid":"{fileid}","rule":"imageMogr2/strip"}}]}}"#)
    }

    #[test]
    fn a_file_is_relative_to_the_folder_of_the_original() {
        for (fileid, key) in [
            ("/p2/test2.jpg", "p2/test2.jpg"),
            ("p2/test2.jpg", "p1/p2/test2.jpg"),
            ("test2.jpg", "p1/test2.jpg"),
            ("test1.jpg", "p1/test1.jpg"),
            ("../test2.jpg", "p1/../test2.jpg"),
        ] {
            let operations = read(&with_file(fileid)).unwrap();
            assert!(!operations.describes_original);
            assert_eq!(operations.results[0].target.key, key, "{fileid}");
        }
        let other = read(
            r#"{"is_pic_info":1,"rules":[{"bucket":"b-1250000000","fileid":"a","rule":"imageMogr2/strip"}]}"#,
        );
        let other = other.unwrap();
        assert!(other.describes_original);
        assert_eq!(other.results[0].target.bucket.name.as_str(), "b-1250000000");
        assert!(read("{}").unwrap().results.is_empty());
    }

    #[test]
    fn what_is_not_of_its_form() {
        let rule = r#"{"fileid":"a","rule":"imageMogr2/strip"}"#;
        for text in [
            "e30=".to_owned(),
            "[]".to_owned(),
            "[1,[]]".to_owned(),
            "null".to_owned(),
            r#"{"is_pic_info":2}"#.to_owned(),
            r#"{"is_pic_info":true}"#.to_owned(),
            r#"{"is_pic_info":1,"is_pic_info":1}"#.to_owned(),
            r#"{"rule":[]}"#.to_owned(),
            format!(r#"{{"rules":{rule}}}"#),
            r#"{"rules":[["a","imageMogr2/strip",null]]}"#.to_owned(),
            r#"{"rules":[{"rule":"imageMogr2/strip"}]}"#.to_owned(),
            r#"{"rules":[{"fileid":"a"}]}"#.to_owned(),
            r#"{"rules":[{"fileid":"a","rule":"imageMogr2/strip","x":1}]}"#.to_owned(),
            r#"{"rules":[{"fileid":"a","rule":"imageMogr2/thumbnail/300"}]}"#.to_owned(),
            r#"{"rules":[{"bucket":"b","fileid":"a","rule":"imageMogr2/strip"}]}"#.to_owned(),
            with_file(""),
            with_file("/"),
            with_file("a/"),
        ] {
            let failure = read(&text).unwrap_err();
            assert!(matches!(failure, Failure::Argument(_)), "{text}: {failure:?}");
        }
        let six = format!(r#"{{"rules":[{}]}}"#, [rule; 6].join(","));
        assert_eq!(read(&six), Err(Failure::TooManyRules));
        for rule in ["imageView2/format/png", "style/test", "QRcode/cover/1"] {
            let text = format!(r#"{{"rules":[{{"fileid":"a","rule":"{rule}"}}]}}"#);
            assert!(matches!(read(&text), Err(Failure::Unsupported(_))), "{rule}");
        }
    }
}
