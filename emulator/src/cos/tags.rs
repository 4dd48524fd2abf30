//! Tags of a bucket or an object.
//! <https://www.tencentcloud.com/document/product/436/35665>,
//! <https://www.tencentcloud.com/document/product/436/31509>

use serde::{Deserialize, Serialize};

use super::error::{self, CosError};
use crate::cos::http::request::decoded;
use crate::cos::http::xml::{self, Element};

/// Names and values, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tags(Vec<(String, String)>);

impl Tags {
    /// The tags in `x-cos-tagging`: `name=value&name=value`, each percent-encoded.
    pub(crate) fn of_header(text: &str, limit: usize) -> Result<Self, CosError> {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let tags = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let blank = |text: &str| decoded(&text.replace('+', "%20"));
            (blank(name), blank(value))
        });
        Self::checked(tags.collect(), limit)
    }

    /// The tags in a body.
    pub(crate) fn of_xml(body: &[u8], limit: usize) -> Result<Self, CosError> {
        let root = xml::parse(body)
            .filter(|root| root.name == ROOT)
            .ok_or_else(|| error::malformed_xml("root: must be Tagging"))?;
        Self::of_element(&root, limit)
    }

    /// The tags in a parsed body.
    pub(crate) fn of_element(root: &Element, limit: usize) -> Result<Self, CosError> {
        let set = root
            .child("TagSet")
            .ok_or_else(|| error::malformed_xml("Tagging: must have a TagSet"))?;
        let tags = set.all("Tag").map(|tag| match (tag.text_of("Key"), tag.text_of("Value")) {
            (Some(name), Some(value)) => Ok((name.to_owned(), value.to_owned())),
            _ => Err(error::malformed_xml("Tag: must have a Key and a Value")),
        });
        Self::checked(tags.collect::<Result<_, _>>()?, limit)
    }

    fn checked(tags: Vec<(String, String)>, limit: usize) -> Result<Self, CosError> {
        let invalid = |reason: String| Err(error::invalid_tag().because(reason));
        if tags.len() > limit {
            return invalid(format!("tags: must be at most {limit}"));
        }
        for (index, (name, value)) in tags.iter().enumerate() {
            let is_long = name.chars().count() > MAX_NAME || value.chars().count() > MAX_VALUE;
            if name.is_empty() || is_long {
                return invalid(format!(
                    "tags: must have keys of 1 to {MAX_NAME} and values of at most {MAX_VALUE} characters"
                ));
            }
            if !name.chars().chain(value.chars()).all(is_allowed) {
                return invalid(
                    "tags: must consist of letters, digits, blanks and + - = . _ : / @".to_owned(),
                );
            }
            if tags.iter().take(index).any(|(earlier, _)| earlier == name) {
                return invalid(format!("tags: the key `{name}` is repeated"));
            }
        }
        Ok(Self(tags))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The tags as XML.
    pub(crate) fn to_xml(&self) -> String {
        xml::document(ROOT, |root| {
            root.element("TagSet", |set| {
                for (name, value) in self.iter() {
                    set.element("Tag", |tag| {
                        tag.text("Key", name);
                        tag.text("Value", value);
                    });
                }
            });
        })
    }
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || " +-=._:/@".contains(character)
}

/// The root of a body with tags.
pub(crate) const ROOT: &str = "Tagging";

/// Documented: an object has at most 10 tags.
pub(crate) const MAX_OBJECT_TAGS: usize = 10;

/// Documented: a bucket has at most 50 tags.
pub(crate) const MAX_BUCKET_TAGS: usize = 50;

const MAX_NAME: usize = 127;
const MAX_VALUE: usize = 255;

#[cfg(test)]
mod tests {
    use super::{MAX_OBJECT_TAGS, Tags};

    #[test]
    fn both_forms_are_read_and_written() {
        let header = Tags::of_header("age=18&na%20me=%E5%B0%8F+m", MAX_OBJECT_TAGS).unwrap();
        let pairs: Vec<_> = header.iter().collect();
        assert_eq!(pairs, [("age", "18"), ("na me", "小 m")]);
        let body = header.to_xml();
        assert_eq!(Tags::of_xml(body.as_bytes(), MAX_OBJECT_TAGS).unwrap(), header);
        assert!(Tags::of_header("", MAX_OBJECT_TAGS).unwrap().is_empty());
    }

    #[test]
    fn refusals() {
        let long_name = format!("{}=1", "a".repeat(128));
        let long_value = format!("a={}", "a".repeat(256));
        let many: Vec<String> = (0..=MAX_OBJECT_TAGS).map(|each| format!("k{each}=1")).collect();
        let many = many.join("&");
        for header in ["=1", "a=1&a=2", "a=%3C", "a%26=1", &long_name, &long_value, &many] {
            let error = Tags::of_header(header, MAX_OBJECT_TAGS).unwrap_err();
            assert_eq!(error.code, "InvalidTag", "{header}");
        }
        for body in [
            "",
            "<Tagging/>",
            "<TagSet/>",
            "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
            "<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>",
        ] {
            let error = Tags::of_xml(body.as_bytes(), MAX_OBJECT_TAGS).unwrap_err();
            assert_eq!(error.code, "MalformedXML", "{body}");
        }
    }
}
