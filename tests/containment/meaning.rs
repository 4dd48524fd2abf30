//! What a grant means, in plain words, and how it is written into a file.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

/// One request to COS, in plain terms.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// As `PutObject`.
    pub(crate) operation: String,
    /// `None` is the service itself.
    pub(crate) bucket: Option<String>,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) content_length: Option<u64>,
    pub(crate) content_type: Option<String>,
    pub(crate) ip: Ipv4Addr,
}

/// A grant as its writer thinks of it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Nothing is everyone.
    pub(crate) claims: Vec<(String, Wanted)>,
    pub(crate) bucket: String,
    pub(crate) region: String,
    /// Texts and slots in turn: the odd ones are claims.
    pub(crate) prefix: Vec<String>,
    pub(crate) slots: Vec<(String, Slot)>,
    pub(crate) allow: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) max_size: Option<u64>,
    pub(crate) content_types: Vec<String>,
    pub(crate) extensions: Vec<String>,
    /// Bounds nothing.
    pub(crate) named_extensions: Vec<String>,
    /// Networks of whole bytes: the first one, two, three or four have to be equal.
    pub(crate) networks: Vec<(Ipv4Addr, usize)>,
    pub(crate) lifetime: RangeInclusive<u64>,
}

#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    OneOf(Vec<Value>),
    Contains(String),
    Prefix(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Id,
    Number,
    OneOf(Vec<String>),
}

/// Whether a list has only strings, this one among them.
fn is_list_of(list: &[Value], value: &Value) -> bool {
    list.iter().all(Value::is_string) && list.contains(value)
}

const UPLOADS: [&str; 8] = [
    "PutObject",
    "PostObject",
    "InitiateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
];

impl Grant {
    /// Whether a caller with these claims was meant to be allowed this.
    pub(crate) fn means(&self, claims: &Map<String, Value>, access: &Access) -> bool {
        let is_of_caller = self.claims.iter().all(|(name, wanted)| {
            let has = match name.as_str() {
                "proof" => json!("gateway-lambda"),
                name => claims.get(name).cloned().unwrap_or(Value::Null),
            };
            // What was a list, a boolean or a number before the gateway wrote it as a string.
            let written = has
                .as_str()
                .filter(|_| !["sub", "proof"].contains(&name.as_str()));
            match wanted {
                Wanted::OneOf(values) => values.iter().any(|value| {
                    let is_written = written == Some(&value.to_string());
                    *value == has
                        || has.as_array().is_some_and(|list| is_list_of(list, value))
                        || is_written
                }),
                Wanted::Contains(item) => match &has {
                    Value::Array(list) => is_list_of(list, &json!(item)),
                    _ => written.is_some_and(|text| {
                        let inside = text.starts_with('[') && text.ends_with(']') && text.len() > 1;
                        let inside = if inside {
                            &text[1..text.len() - 1]
                        } else {
                            text
                        };
                        inside.replace(',', " ").split(' ').any(|part| part == item)
                    }),
                },
                Wanted::Prefix(start) => match &has {
                    Value::Array(list) => {
                        let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                        texts.is_some_and(|texts| texts.iter().any(|text| text.starts_with(start)))
                    }
                    has => has.as_str().is_some_and(|text| text.starts_with(start)),
                },
            }
        });
        let from_here = self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|(network, bytes)| network.octets()[..*bytes] == access.ip.octets()[..*bytes]);
        let Some(prefix) = self.prefix_of(claims) else {
            return false;
        };
        if !is_of_caller || !from_here || !self.operations().contains(&access.operation.as_str()) {
            return false;
        }
        if access.operation == "GetService" {
            return true;
        }
        let is_here = access.bucket.as_ref() == Some(&self.bucket)
            && access.region == self.region
            && access.key.starts_with(&prefix);
        let is_upload = UPLOADS.contains(&access.operation.as_str())
            || ["AppendObject", "UploadPartCopy"].contains(&access.operation.as_str());
        is_here && (!is_upload || self.takes(access))
    }

    /// Whether the limits of uploads are kept.
    fn takes(&self, access: &Access) -> bool {
        let is_sized = self.max_size.is_none_or(|most| {
            access
                .content_length
                .is_some_and(|length| 0 < length && length <= most)
        });
        let is_typed = self.content_types.is_empty()
            || access.content_type.as_ref().is_some_and(|seen| {
                self.content_types
                    .iter()
                    .any(|wanted| match wanted.strip_suffix("/*") {
                        Some(kind) => seen.split('/').next() == Some(kind) && seen.contains('/'),
                        None => wanted == seen,
                    })
            });
        let name = access.key.split('/').next_back().unwrap_or_default();
        let parts: Vec<&str> = name.split('.').collect();
        let is_named = self.extensions.is_empty()
            || (parts.len() > 1
                && name.find('.') != Some(name.len() - parts[parts.len() - 1].len() - 1)
                || parts.len() == 2 && !parts[0].is_empty())
                && self
                    .extensions
                    .contains(&parts[parts.len() - 1].to_lowercase());
        is_sized && is_typed && is_named
    }

    fn operations(&self) -> Vec<&str> {
        let is_whole = self.max_size.is_some() || !self.content_types.is_empty();
        let mut operations: Vec<&str> = self.actions.iter().map(String::as_str).collect();
        for name in &self.allow {
            operations.extend(match name.as_str() {
                "upload" if is_whole => &UPLOADS[..2],
                "upload" => &UPLOADS[..],
                "download" => &["GetObject", "HeadObject"],
                "list" => &["GetBucket"],
                "delete" => &["DeleteObject"],
                other => panic!("{other} is no preset"),
            });
        }
        operations
    }

    fn prefix_of(&self, claims: &Map<String, Value>) -> Option<String> {
        let mut filled = String::new();
        for (index, part) in self.prefix.iter().enumerate() {
            if index % 2 == 0 {
                filled += part;
                continue;
            }
            let slot = self
                .slots
                .iter()
                .find(|(name, _)| name == part)
                .map_or(&Slot::Id, |(_, slot)| slot);
            let text = match (slot, claims.get(part)?) {
                (Slot::Number, Value::Number(number)) => number.to_string(),
                (_, value) => value.as_str()?.to_owned(),
            };
            let fits = match slot {
                Slot::Id => {
                    (1..=64).contains(&text.len())
                        && text
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                }
                Slot::Number => text
                    .parse::<u64>()
                    .is_ok_and(|number| number.to_string() == text),
                Slot::OneOf(words) => words.contains(&text),
            };
            if !fits {
                return None;
            }
            filled += &text;
        }
        Some(if filled == "/" { String::new() } else { filled })
    }

    /// As a table of the file.
    pub(crate) fn written(&self, name: &str) -> String {
        let texts = |texts: &[String]| Value::from(texts.to_vec()).to_string();
        let mut lines = vec!["[[grant]]".to_owned(), format!("name = {}", json!(name))];
        let claims: Vec<String> = self
            .claims
            .iter()
            .map(|(claim, wanted)| match wanted {
                Wanted::OneOf(values) => {
                    format!("{} = {}", json!(claim), Value::from(values.clone()))
                }
                Wanted::Contains(text) => table(claim, "contains", text),
                Wanted::Prefix(text) => table(claim, "prefix", text),
            })
            .collect();
        lines.push(match claims.is_empty() {
            true => "match = \"everyone\"".to_owned(),
            false => format!("match = {{ {} }}", claims.join(", ")),
        });
        let slots: Vec<String> = self
            .slots
            .iter()
            .map(|(claim, slot)| match slot {
                Slot::Id => format!("{} = \"id\"", json!(claim)),
                Slot::Number => format!("{} = \"number\"", json!(claim)),
                Slot::OneOf(words) => format!("{} = {}", json!(claim), texts(words)),
            })
            .collect();
        let prefix = self
            .prefix
            .iter()
            .enumerate()
            .map(|(index, part)| match index % 2 {
                0 => part.clone(),
                _ => format!("{{{part}}}"),
            });
        lines.push(format!("prefix = {}", json!(prefix.collect::<String>())));
        lines.push(format!(
            "bucket = {}\nregion = {}",
            json!(self.bucket),
            json!(self.region)
        ));
        if !slots.is_empty() {
            lines.push(format!("slots = {{ {} }}", slots.join(", ")));
        }
        let networks: Vec<String> = self
            .networks
            .iter()
            .map(|(network, bytes)| format!("{network}/{}", bytes * 8))
            .collect();
        for (key, list) in [
            ("allow", &self.allow),
            ("actions", &self.actions),
            ("content_types", &self.content_types),
            ("extensions", &self.extensions),
            ("named_extensions", &self.named_extensions),
            ("source_ip", &networks),
        ] {
            if !list.is_empty() {
                lines.push(format!("{key} = {}", texts(list)));
            }
        }
        lines.extend(self.max_size.map(|most| format!("max_size_bytes = {most}")));
        lines.push(format!(
            "duration_seconds = [{}, {}]",
            self.lifetime.start(),
            self.lifetime.end()
        ));
        lines.join("\n") + "\n"
    }
}

fn table(claim: &str, key: &str, text: &str) -> String {
    format!("{} = {{ {key} = {} }}", json!(claim), json!(text))
}
