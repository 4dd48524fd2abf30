//! A grant: what it means, decided naively, and how it is written into a grants file.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::caller::Caller;
use crate::cam::{Asked, CREATOR};

/// One request to COS.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// For example `PutObject`.
    pub(crate) operation: String,
    /// `None` is the service itself.
    pub(crate) bucket: Option<String>,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) content_length: Option<u64>,
    pub(crate) content_type: Option<String>,
    pub(crate) ip: Ipv4Addr,
    /// The header `x-cos-acl`, of an operation that has it.
    pub(crate) acl: Option<String>,
    pub(crate) is_https: bool,
    pub(crate) vpc: Option<String>,
}

impl Access {
    /// The same for the evaluator of policies.
    pub(super) fn for_cam(&self) -> Asked {
        let length = self.content_length.map(|length| length.to_string());
        let context = [
            ("cos:content-length", length),
            ("cos:content-type", self.content_type.clone()),
            ("qcs:ip", Some(self.ip.to_string())),
            ("cos:x-cos-acl", self.acl.clone()),
            ("cos:secure-transport", Some(self.is_https.to_string())),
            ("vpc:requester_vpc", self.vpc.clone()),
        ];
        let context = context.into_iter();
        let owned = |bucket: &String| (bucket.clone(), CREATOR.1.to_owned());
        Asked {
            action: format!("name/cos:{}", self.operation),
            region: self.region.clone(),
            bucket: self.bucket.as_ref().map(owned),
            key: self.key.clone(),
            context: context
                .filter_map(|(key, value)| Some((key.to_owned(), vec![value?])))
                .collect(),
        }
    }
}

/// A grant as its author means it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Empty: everyone.
    pub(crate) claims: Vec<(String, ClaimMatch)>,
    /// The issuers whose callers get it; empty for callers of every kind.
    pub(crate) issuers: Vec<&'static str>,
    pub(crate) bucket: String,
    pub(crate) region: String,
    /// Texts and placeholders in turn: those at odd places are names of claims.
    pub(crate) prefix: Vec<String>,
    /// Also the key of the prefix itself, without its last `/`.
    pub(crate) include_prefix_key: bool,
    pub(crate) slots: Vec<(String, Placeholder)>,
    pub(crate) allow: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) max_size: Option<u64>,
    pub(crate) content_types: Vec<String>,
    pub(crate) extensions: Vec<String>,
    /// These limit the names of new objects, not the policy.
    pub(crate) named_extensions: Vec<String>,
    /// Networks of whole bytes, with how many leading bytes must be equal.
    pub(crate) networks: Vec<(Ipv4Addr, usize)>,
    pub(crate) acl: Vec<String>,
    pub(crate) https_only: bool,
    pub(crate) vpc: Vec<String>,
    pub(crate) lifetime: RangeInclusive<u64>,
    pub(crate) role: Option<Role>,
}

/// The role that is assumed for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name in full.
    pub arn: String,
    /// What its account asks for.
    pub external_id: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum ClaimMatch {
    OneOf(Vec<Value>),
    Contains(String),
    Prefix(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Placeholder {
    Id,
    Number,
    OneOf(Vec<String>),
}

pub(super) const UPLOADS: [&str; 8] = [
    "PutObject",
    "PostObject",
    "InitiateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
];

/// The operations that can set an ACL.
const ACL_SETTERS: [&str; 5] =
    ["PutObject", "PostObject", "AppendObject", "InitiateMultipartUpload", "PutBucket"];

const LISTS: [&str; 3] = ["GetBucket", "GetBucketObjectVersions", "ListMultipartUploads"];

fn is_upload(operation: &str) -> bool {
    UPLOADS.contains(&operation) || ["AppendObject", "UploadPartCopy"].contains(&operation)
}

/// A word in all its spellings of lower and upper case.
fn spellings(word: &str) -> Vec<String> {
    word.chars().fold(vec![String::new()], |starts, character| {
        let cases =
            BTreeSet::from([character.to_ascii_lowercase(), character.to_ascii_uppercase()]);
        let of_case =
            |case: &char| starts.iter().map(|start| format!("{start}{case}")).collect::<Vec<_>>();
        cases.iter().flat_map(of_case).collect()
    })
}

/// Whether a list has only strings, this one among them.
fn is_list_of(list: &[Value], value: &Value) -> bool {
    list.iter().all(Value::is_string) && list.contains(value)
}

impl Grant {
    /// Whether this grant is for this caller.
    fn is_of_caller(&self, caller: &Caller) -> bool {
        let is_of_issuer = self.issuers.is_empty()
            || caller.token_issuer.is_some_and(|issuer| self.issuers.contains(&issuer));
        let mut claims = self.claims.iter();
        is_of_issuer
            && claims.all(|(name, wanted)| {
                let value = match name.as_str() {
                    "proof" => json!(caller.proof()),
                    name => caller.claims.get(name).cloned().unwrap_or(Value::Null),
                };
                let written = caller.written(name, &value);
                match wanted {
                    ClaimMatch::OneOf(values) => values.iter().any(|each| {
                        *each == value
                            || value.as_array().is_some_and(|list| is_list_of(list, each))
                            || written == Some(&each.to_string())
                    }),
                    ClaimMatch::Contains(item) => match &value {
                        Value::Array(list) => is_list_of(list, &json!(item)),
                        _ => written.is_some_and(|text| {
                            let inside = text
                                .strip_prefix('[')
                                .and_then(|rest| rest.strip_suffix(']'))
                                .unwrap_or(text);
                            inside.replace(',', " ").split(' ').any(|part| part == item)
                        }),
                    },
                    ClaimMatch::Prefix(start) => match &value {
                        Value::Array(list) => {
                            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                            texts.is_some_and(|texts| {
                                texts.iter().any(|text| text.starts_with(start))
                            })
                        }
                        value => value.as_str().is_some_and(|text| text.starts_with(start)),
                    },
                }
            })
    }

    /// Whether this grant is meant to allow the access to this caller.
    pub(crate) fn means(&self, caller: &Caller, access: &Access) -> bool {
        let is_of_caller = self.is_of_caller(caller);
        let from_here = self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|(network, bytes)| network.octets()[..*bytes] == access.ip.octets()[..*bytes]);
        let from_here = from_here
            && (access.is_https || !self.https_only)
            && (self.vpc.is_empty() || access.vpc.as_ref().is_some_and(|id| self.vpc.contains(id)));
        let Some(prefix) = self.prefix_of(&caller.claims) else {
            return false;
        };
        if !is_of_caller
            || !from_here
            || !self.takes_acl(access)
            || !self.operations().contains(&access.operation.as_str())
        {
            return false;
        }
        if access.operation == "GetService" {
            return true;
        }
        if !self.may_be_about_bucket(&access.operation) {
            return false;
        }
        let is_prefix_key = self.include_prefix_key
            && !LISTS.contains(&access.operation.as_str())
            && format!("{}/", access.key) == prefix;
        let is_here = access.bucket.as_ref() == Some(&self.bucket)
            && access.region == self.region
            && (access.key.starts_with(&prefix) || is_prefix_key);
        is_here && (!is_upload(&access.operation) || self.takes(access))
    }

    /// What this grant means for this caller, as statements of a policy. With limits on extensions
    /// they are a little wider than [`means`](Self::means): a key can be `.jpg`.
    pub(crate) fn statements(&self, caller: &Caller) -> Vec<Value> {
        let prefix = self.prefix_of(&caller.claims).filter(|_| self.is_of_caller(caller));
        let Some(prefix) = prefix else {
            return Vec::new();
        };
        let operations = self.operations().into_iter();
        let possible = operations.filter(|operation| self.may_be_about_bucket(operation));
        possible.map(|operation| self.statement(operation, &prefix)).collect()
    }

    fn statement(&self, operation: &str, prefix: &str) -> Value {
        let mut condition = Map::new();
        let networks = self.networks.iter();
        let networks: Vec<String> =
            networks.map(|(network, bytes)| format!("{network}/{}", bytes * 8)).collect();
        if !networks.is_empty() {
            condition.insert("ip_equal".to_owned(), json!({"qcs:ip": networks}));
        }
        if self.https_only {
            let https = json!({"cos:secure-transport": "true"});
            condition.insert("bool_equal".to_owned(), https);
        }
        if !self.vpc.is_empty() {
            let vpc = json!({"vpc:requester_vpc": self.vpc});
            condition.insert("string_equal".to_owned(), vpc);
        }
        if !self.acl.is_empty() && ACL_SETTERS.contains(&operation) {
            let mut acls = self.acl.clone();
            acls.push("default".to_owned());
            let acls = json!({"cos:x-cos-acl": acls});
            condition.insert("string_equal_if_exist".to_owned(), acls);
        }
        if let Some(most) = self.max_size.filter(|_| is_upload(operation)) {
            let of = |limit: u64| json!({"cos:content-length": limit});
            condition.insert("numeric_greater_than_equal".to_owned(), of(1));
            condition.insert("numeric_less_than_equal".to_owned(), of(most));
        }
        if !self.content_types.is_empty() && is_upload(operation) {
            let types = json!({"cos:content-type": self.content_types});
            condition.insert("string_like".to_owned(), types);
        }
        let mut statement = json!({
            "effect": "allow", "action": format!("name/cos:{operation}"),
            "resource": self.resources(operation, prefix),
        });
        if !condition.is_empty() {
            statement["condition"] = Value::Object(condition);
        }
        statement
    }

    fn resources(&self, operation: &str, prefix: &str) -> Vec<String> {
        if operation == "GetService" {
            return vec!["*".to_owned()];
        }
        let (_, appid) = self.bucket.rsplit_once('-').expect("a bucket ends with its appid");
        let place = format!("qcs::cos:{}:uid/{appid}:{}/", self.region, self.bucket);
        let mut keys = Vec::new();
        if self.extensions.is_empty() || !is_upload(operation) {
            keys.push(format!("{prefix}*"));
        } else {
            let endings = self.extensions.iter().flat_map(|extension| spellings(extension));
            keys.extend(endings.map(|ending| format!("{prefix}*.{ending}")));
        }
        if self.include_prefix_key && !LISTS.contains(&operation) {
            keys.extend(prefix.strip_suffix('/').map(str::to_owned));
        }
        keys.into_iter().map(|key| place.clone() + &key).collect()
    }

    /// A bucket is created or deleted only where a grant for the whole of it names that.
    fn may_be_about_bucket(&self, operation: &str) -> bool {
        let is_named = self.actions.iter().any(|each| each == operation) && self.prefix == ["/"];
        is_named || !["PutBucket", "DeleteBucket"].contains(&operation)
    }

    /// Whether an ACL that a request sets, if it does, is granted.
    fn takes_acl(&self, access: &Access) -> bool {
        let is_setter = ACL_SETTERS.contains(&access.operation.as_str());
        let is_granted = |acl: &String| acl == "default" || self.acl.contains(acl);
        self.acl.is_empty() || !is_setter || access.acl.as_ref().is_none_or(is_granted)
    }

    /// Whether an upload is within the limits.
    fn takes(&self, access: &Access) -> bool {
        let is_sized = self.max_size.is_none_or(|most| {
            access.content_length.is_some_and(|length| 0 < length && length <= most)
        });
        let is_typed = self.content_types.is_empty()
            || access.content_type.as_ref().is_some_and(|seen| {
                self.content_types.iter().any(|wanted| match wanted.strip_suffix("/*") {
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
                && self.extensions.contains(&parts[parts.len() - 1].to_lowercase());
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
                other => panic!("{other} is not a preset"),
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
                .map_or(&Placeholder::Id, |(_, slot)| slot);
            let text = match (slot, claims.get(part)?) {
                (Placeholder::Number, Value::Number(number)) => number.to_string(),
                (_, value) => value.as_str()?.to_owned(),
            };
            let fits = match slot {
                Placeholder::Id => {
                    (1..=64).contains(&text.len())
                        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                }
                Placeholder::Number => {
                    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
                }
                Placeholder::OneOf(words) => words.contains(&text),
            };
            if !fits {
                return None;
            }
            filled += &text;
        }
        Some(if filled == "/" { String::new() } else { filled })
    }

    /// Who gets it, as the grants file has it.
    fn written_match(&self) -> String {
        let claim = |(claim, wanted): &(String, ClaimMatch)| match wanted {
            ClaimMatch::OneOf(values) => {
                format!("{} = {}", json!(claim), Value::from(values.clone()))
            }
            ClaimMatch::Contains(text) => table(claim, "contains", text),
            ClaimMatch::Prefix(text) => table(claim, "prefix", text),
        };
        let mut claims: Vec<String> = self.claims.iter().map(claim).collect();
        if !self.issuers.is_empty() {
            claims.push(format!("issuer = {}", json!(self.issuers)));
        }
        match claims.is_empty() {
            true => "match = \"everyone\"".to_owned(),
            false => format!("match = {{ {} }}", claims.join(", ")),
        }
    }

    /// The table of the grants file.
    pub(crate) fn written(&self, name: &str) -> String {
        let texts = |texts: &[String]| Value::from(texts.to_vec()).to_string();
        let mut lines = vec!["[[grant]]".to_owned(), format!("name = {}", json!(name))];
        lines.push(self.written_match());
        let slots: Vec<String> = self
            .slots
            .iter()
            .map(|(claim, slot)| match slot {
                Placeholder::Id => format!("{} = \"id\"", json!(claim)),
                Placeholder::Number => format!("{} = \"number\"", json!(claim)),
                Placeholder::OneOf(words) => format!("{} = {}", json!(claim), texts(words)),
            })
            .collect();
        let part = |(index, part): (usize, &String)| match index % 2 {
            0 => part.clone(),
            _ => format!("{{{part}}}"),
        };
        let prefix = self.prefix.iter().enumerate().map(part);
        lines.push(format!("prefix = {}", json!(prefix.collect::<String>())));
        lines.push(format!("bucket = {}\nregion = {}", json!(self.bucket), json!(self.region)));
        if self.include_prefix_key {
            lines.push("include_prefix_key = true".to_owned());
        }
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
            ("acl", &self.acl),
            ("vpc", &self.vpc),
        ] {
            if !list.is_empty() {
                lines.push(format!("{key} = {}", texts(list)));
            }
        }
        if self.https_only {
            lines.push("https_only = true".to_owned());
        }
        lines.extend(self.max_size.map(|most| format!("max_size_bytes = {most}")));
        if let Some(Role { arn, external_id }) = &self.role {
            lines.push(format!("role = {}", json!(arn)));
            lines.extend(external_id.as_ref().map(|id| format!("external_id = {}", json!(id))));
        }
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
