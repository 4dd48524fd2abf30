//! The second check before an STS call: is the policy inside the grants?
//!
//! # Guarantees
//! It reads the policy text and the grants as they were written, and shares no code with the
//! builder: placeholders, resources and the list of metacharacters are written here a second time
//! on purpose, so a defect in the builder or in `tencent` is caught here. Whatever it cannot prove
//! is outside: a statement that does not allow, a wildcard that does not follow a `/`, a limit
//! whose condition is missing or weaker.
//!
//! # Not covered
//! A raw `POLICY`, which is sent unchanged.

use serde_json::{Value, json};

use super::definition::GrantDefinition;
use super::limits::Limits;
use super::role::Role;
use super::signable::{SignableRequest, SignableVerb};
use crate::auth::{Claim, Claims};

/// Whether one of `grants` covers each pair of an action and a resource in `policy`, for a
/// principal with these claims and the role that is assumed.
pub(super) fn is_inside(
    policy: &str,
    role: Option<&Role>,
    grants: &[&GrantDefinition],
    claims: &Claims,
) -> bool {
    let of_role = grants.iter().filter(|grant| grant.role.as_deref() == role);
    let bounds: Vec<Bounds<'_>> = of_role.map(|grant| Bounds::new(grant, claims)).collect();
    let policy: Option<Value> = serde_json::from_str(policy).ok();
    policy.and_then(|policy| are_pairs_covered(&policy, &bounds)).unwrap_or(false)
}

/// Whether the policy allows the one request that is to be signed, and nothing else.
pub(super) fn is_only(policy: &str, request: &SignableRequest) -> bool {
    let SignableRequest { bucket, region, key, verb } = request;
    let operation = match verb {
        SignableVerb::Get { .. } => "GetObject",
        SignableVerb::Post(_) => "PostObject",
        SignableVerb::Put(_) => "PutObject",
    };
    let appid = bucket.rsplit('-').next().unwrap_or_default();
    let resource = format!("qcs::cos:{region}:uid/{appid}:{bucket}/{key}");
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some([statement]) = policy.get("statement").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return false;
    };
    let is_one = |member: &str, value: String| statement.get(member) == Some(&json!([value]));
    !key.is_empty()
        && !key.contains('*')
        && is_one("action", format!("name/cos:{operation}"))
        && is_one("resource", resource)
}

/// Whether every pair that the policy allows is covered, and there is one; `None` for any other
/// content.
fn are_pairs_covered(policy: &Value, bounds: &[Bounds<'_>]) -> Option<bool> {
    let mut has_pair = false;
    for statement in policy.get("statement")?.as_array()? {
        let members = statement.as_object()?;
        let condition = members.get("condition").unwrap_or(&Value::Null);
        let others = if condition.is_null() { 3 } else { 4 };
        if members.get("effect")? != "allow" || members.len() != others {
            return None;
        }
        for resource in members.get("resource")?.as_array()? {
            let resource = resource.as_str()?;
            // Most grants are elsewhere, whatever the action is.
            let near: Vec<_> = bounds.iter().filter(|bounds| bounds.are_near(resource)).collect();
            for action in members.get("action")?.as_array()? {
                let action = action.as_str()?;
                has_pair = true;
                if !near.iter().any(|bounds| bounds.cover(action, resource, condition)) {
                    return Some(false);
                }
            }
        }
    }
    Some(has_pair)
}

/// A grant for one principal.
struct Bounds<'g> {
    grant: &'g GrantDefinition,
    /// How each resource in its bucket begins.
    start: String,
    /// How each key begins; `None` when the claims do not fit.
    prefix: Option<String>,
}

impl<'g> Bounds<'g> {
    fn new(grant: &'g GrantDefinition, claims: &Claims) -> Self {
        let (region, bucket) = (grant.region.as_str(), grant.bucket.as_str());
        let appid = bucket.rsplit('-').next().unwrap_or_default();
        let start = format!("qcs::cos:{region}:uid/{appid}:{bucket}/");
        Self { grant, start, prefix: prefix_of(grant, claims) }
    }

    /// Whether some action on the resource may be covered.
    fn are_near(&self, resource: &str) -> bool {
        let key = resource.strip_prefix(&self.start);
        let is_near = |(key, prefix): (&str, &String)| {
            key.starts_with(prefix.as_str()) || prefix.strip_suffix('/') == Some(key)
        };
        resource == "*" || key.zip(self.prefix.as_ref()).is_some_and(is_near)
    }

    fn cover(&self, action: &str, resource: &str, condition: &Value) -> bool {
        let grant = self.grant;
        let Some(operation) = action.strip_prefix("name/cos:") else {
            return false;
        };
        let is_granted = grant.permissions.operations().any(|granted| granted.name() == operation);
        let limits = grant.permissions.limits();
        if !is_granted || is_weak(condition) || !keeps_origin(limits, condition) {
            return false;
        }
        let acls: Vec<String> = limits.acl.iter().map(|acl| acl.name().to_owned()).collect();
        if SETTING_ACLS.contains(&operation) && !keeps_acl(&acls, condition) {
            return false;
        }
        if operation == "GetService" {
            return resource == "*";
        }
        let (Some(prefix), Some(key)) = (&self.prefix, resource.strip_prefix(&self.start)) else {
            return false;
        };
        let literal = key.strip_suffix('*').unwrap_or(key);
        let is_open = literal.len() < key.len();
        let is_closed = literal.is_empty() || literal.ends_with('/');
        let is_prefix_key = grant.include_prefix_key
            && !LISTINGS.contains(&operation)
            && prefix.strip_suffix('/') == Some(key);
        (literal.starts_with(prefix.as_str()) || is_prefix_key)
            && !literal.contains(['*', '\\'])
            && !literal.contains("${")
            && (!is_open || is_closed)
            && (!BUCKETS.contains(&operation) || prefix.is_empty())
            && (!WRITES.contains(&operation) || keeps_limits(grant, operation, key, condition))
    }
}

/// Whether a request without a key could pass a condition; the ACL has a rule of its own.
fn is_weak(condition: &Value) -> bool {
    let is_of_acl = |name: &str, keys: &Value| {
        name == "string_equal_if_exist"
            && keys.as_object().is_some_and(|keys| keys.keys().eq(["cos:x-cos-acl"]))
    };
    let mut block = condition.as_object().into_iter().flatten();
    block.any(|(name, keys)| name.contains("if_exist") && !is_of_acl(name, keys))
}

/// Whether requests come from where they may, and as they must.
fn keeps_origin(limits: &Limits, condition: &Value) -> bool {
    let https = condition.get("bool_equal").and_then(|keys| keys.get("cos:secure-transport"));
    let vpcs: Vec<String> = limits.vpc.iter().map(|id| id.as_str().to_owned()).collect();
    are_among(condition, "ip_equal", "qcs:ip", &limits.source_ip)
        && are_among(condition, "string_equal", "vpc:requester_vpc", &vpcs)
        && (!limits.https_only || https.is_some_and(|value| value == "true"))
}

/// Whether an ACL can only be a granted one, or that of the bucket.
fn keeps_acl(granted: &[String], condition: &Value) -> bool {
    if granted.is_empty() {
        return true;
    }
    let allowed: Vec<String> = granted.iter().cloned().chain(["default".to_owned()]).collect();
    are_among(condition, "string_equal_if_exist", "cos:x-cos-acl", &allowed)
}

fn keeps_limits(grant: &GrantDefinition, operation: &str, key: &str, condition: &Value) -> bool {
    let limits = grant.permissions.limits();
    let is_whole = matches!(operation, "PutObject" | "PostObject");
    let length = |operator: &str| condition.get(operator)?.get("cos:content-length")?.as_u64();
    let is_sized = limits.max_size_bytes.is_none_or(|maximum| {
        let is_bounded = length("numeric_less_than_equal").is_some_and(|bytes| bytes <= maximum);
        is_whole
            && is_bounded
            && length("numeric_greater_than_equal").is_some_and(|bytes| bytes > 0)
    });
    let types: Vec<String> =
        limits.content_types.iter().map(|each| each.as_str().to_owned()).collect();
    let is_typed = are_among(condition, "string_like", "cos:content-type", &types)
        && (types.is_empty() || is_whole);
    let lower = key.to_ascii_lowercase();
    let mut extensions = limits.extensions.iter();
    let is_extended = limits.extensions.is_empty()
        || extensions.any(|extension| lower.ends_with(&format!(".{}", extension.as_str())));
    is_sized && is_typed && is_extended
}

/// Whether a condition accepts only values of `granted`; an empty list requires no condition.
fn are_among(condition: &Value, operator: &str, key: &str, granted: &[String]) -> bool {
    if granted.is_empty() {
        return true;
    }
    let is_granted =
        |value: &Value| value.as_str().is_some_and(|text| granted.iter().any(|each| each == text));
    match condition.get(operator).and_then(|keys| keys.get(key)) {
        Some(Value::Array(values)) => !values.is_empty() && values.iter().all(is_granted),
        Some(value) => is_granted(value),
        None => false,
    }
}

/// The prefix for these claims, from the template as it was written.
fn prefix_of(grant: &GrantDefinition, claims: &Claims) -> Option<String> {
    let written = grant.prefix.as_str();
    if written == "/" {
        return Some(String::new());
    }
    let mut parts = written.split('{');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (name, text) = part.split_once('}')?;
        let value = match claims.claim(name)? {
            Claim::Number(number) => number.to_string(),
            Claim::Text(value) => value.clone(),
            Claim::Flag(_) | Claim::Texts(_) => return None,
        };
        if value.is_empty() || value.contains('/') || value.chars().all(|c| c == '.') {
            return None;
        }
        filled.push_str(&value);
        filled.push_str(text);
    }
    (!filled.contains(METACHARACTERS) && filled.ends_with('/')).then_some(filled)
}

/// What no prefix contains: independent of `tencent::names::METACHARACTERS` on purpose.
const METACHARACTERS: [char; 6] = ['*', '?', '$', '{', '}', '\\'];

/// Operations whose resource is a listed prefix.
const LISTINGS: [&str; 3] = ["GetBucket", "GetBucketObjectVersions", "ListMultipartUploads"];

/// Operations that create or delete a bucket, which only a grant for the whole bucket contains.
const BUCKETS: [&str; 2] = ["DeleteBucket", "PutBucket"];

/// Operations whose requests can set an ACL.
const SETTING_ACLS: [&str; 6] = [
    "AppendObject",
    "InitiateMultipartUpload",
    "PostObject",
    "PutBucket",
    "PutObject",
    "PutObjectCopy",
];

/// Operations that upload objects, or belong to an upload.
const WRITES: [&str; 11] = [
    "AbortMultipartUpload",
    "AppendObject",
    "CompleteMultipartUpload",
    "InitiateMultipartUpload",
    "ListMultipartUploads",
    "ListParts",
    "PostObject",
    "PutObject",
    "PutObjectCopy",
    "UploadPart",
    "UploadPartCopy",
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_inside, is_only};
    use crate::auth::{Claim, Claims};
    use crate::grant::{
        CannedAcl, ContentType, Extension, GrantDefinition, Limits, Operation, Preset, Role,
        RoleArn, SignableRequest, SignableVerb, VpcId,
    };
    use std::sync::Arc;

    const ALL: [Preset; 4] = [Preset::Upload, Preset::Download, Preset::List, Preset::Delete];
    const HERE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

    fn granted(limits: Limits) -> GrantDefinition {
        let presets = [Preset::Upload, Preset::Download, Preset::List];
        let service = [Operation::parse("GetService").unwrap()];
        GrantDefinition::for_tests("users/{sub}/", &presets, &service, limits)
    }

    fn policy(action: &str, resource: &str, condition: &Value) -> Value {
        let mut statement = json!({"effect": "allow", "action": [action], "resource": [resource]});
        if !condition.is_null() {
            statement["condition"] = condition.clone();
        }
        json!({"version": "2.0", "statement": [statement]})
    }

    fn checked(policy: &Value, grant: &GrantDefinition, subject: &str) -> bool {
        is_inside(&policy.to_string(), None, &[grant], &Claims::of_subject(subject))
    }

    /// Whether one action on one resource is inside the grant without limits; a key is in its
    /// bucket.
    fn pair(action: &str, resource: &str) -> bool {
        let resource = match resource.starts_with("qcs:") || resource == "*" {
            true => resource.to_owned(),
            false => format!("{HERE}{resource}"),
        };
        let policy = policy(&format!("name/cos:{action}"), &resource, &Value::Null);
        checked(&policy, &granted(Limits::default()), "u-1")
    }

    #[test]
    fn what_is_granted_for_one_role_is_not_inside_for_another() {
        let role = |name: &str| {
            let arn = RoleArn::parse(&format!("qcs::cam::uin/1:roleName/{name}")).unwrap();
            Role { arn, external_id: None }
        };
        let other_id = Role { external_id: Some("id".to_owned()), ..role("a") };
        let (plain, of_a) = (granted(Limits::default()), Some(Arc::new(role("a"))));
        let of_a = GrantDefinition { role: of_a, ..plain.clone() };
        let resource = format!("{HERE}users/u-1/a");
        let policy = policy("name/cos:GetObject", &resource, &Value::Null).to_string();
        let is_inside = |role: Option<&Role>, grant: &GrantDefinition| {
            is_inside(&policy, role, &[grant], &Claims::of_subject("u-1"))
        };
        assert!(is_inside(None, &plain) && is_inside(Some(&role("a")), &of_a));
        assert!(!is_inside(None, &of_a) && !is_inside(Some(&role("a")), &plain));
        assert!(!is_inside(Some(&role("b")), &of_a) && !is_inside(Some(&other_id), &of_a));
    }

    #[test]
    fn what_is_below_is_inside() {
        for key in ["users/u-1/a", "users/u-1/a/*", "users/u-1/*"] {
            assert!(pair("PutObject", key), "{key}");
        }
        assert!(pair("GetService", "*"));
    }

    #[test]
    fn a_wider_policy_is_outside() {
        let keys = "users/u-1 users/u-12/a users/u-1* users/u-1/a* users/* users/u-1/*/a users/u-1/${uin} \
            users/u-1/a*b users/u-2/a USERS/u-1/a * \
            qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/* \
            qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000/users/u-1/a \
            qcs::cos:ap-guangzhou:uid/1250000001:examplebucket-1250000000/users/u-1/a \
            qcs::cos:ap-guangzhou:uid/1250000000:other-1250000000/users/u-1/a";
        for key in keys.split(' ').chain([""]) {
            assert!(!pair("PutObject", key), "{key}");
        }
        for action in ["DeleteObject", "*", "Put*", "GetService", "cos:PutObject"] {
            assert!(!pair(action, "users/u-1/a"), "{action}");
        }
        for action in ["*", "cos:PutObject", "name/sts:PutObject"] {
            let policy = policy(action, &format!("{HERE}users/u-1/a"), &Value::Null);
            assert!(!checked(&policy, &granted(Limits::default()), "u-1"), "{action}");
        }
    }

    #[test]
    fn a_bucket_is_created_or_deleted_only_by_a_grant_that_names_it_for_the_whole_bucket() {
        let create = policy("name/cos:PutBucket", &format!("{HERE}*"), &Value::Null);
        let names = [Operation::parse("PutBucket").unwrap()];
        let grant =
            |prefix, names| GrantDefinition::for_tests(prefix, &ALL, names, Limits::default());
        assert!(checked(&create, &grant("/", &names), "u-1"));
        assert!(!checked(&create, &grant("/", &[]), "u-1"));
        let delete = policy("name/cos:DeleteBucket", &format!("{HERE}*"), &Value::Null);
        assert!(!checked(&delete, &grant("/", &names), "u-1"));
        let below = policy("name/cos:PutBucket", &format!("{HERE}users/u-1/*"), &Value::Null);
        assert!(!checked(&below, &grant("users/{sub}/", &names), "u-1"));
        for resource in ["*", "qcs::cos:ap-guangzhou:uid/1250000000:*"] {
            let anywhere = policy("name/cos:PutBucket", resource, &Value::Null);
            assert!(!checked(&anywhere, &grant("/", &names), "u-1"), "{resource}");
        }
    }

    #[test]
    fn the_key_of_the_prefix_is_inside_only_where_the_grant_includes_it() {
        let with = GrantDefinition { include_prefix_key: true, ..granted(Limits::default()) };
        for (action, key, is_granted) in [
            ("GetObject", "users/u-1", true),
            ("GetObject", "users/u-12", false),
            ("GetObject", "users", false),
            ("GetBucket", "users/u-1", false),
        ] {
            let action = format!("name/cos:{action}");
            let policy = policy(&action, &format!("{HERE}{key}"), &Value::Null);
            assert_eq!(checked(&policy, &with, "u-1"), is_granted, "{action} {key}");
        }
    }

    #[test]
    fn what_is_not_a_plain_policy_is_outside() {
        let grant = granted(Limits::default());
        for text in ["", "[]", "{}", r#"{"version":"2.0"}"#, r#"{"version":"2.0","statement":[]}"#]
        {
            assert!(!is_inside(text, None, &[&grant], &Claims::of_subject("u-1")), "{text}");
        }
        let good = policy("name/cos:PutObject", &format!("{HERE}users/u-1/a"), &Value::Null);
        assert!(checked(&good, &grant, "u-1"));
        assert!(!is_inside(&good.to_string(), None, &[], &Claims::of_subject("u-1")));
        for (member, value) in [
            ("effect", json!("deny")),
            ("principal", json!("*")),
            ("action", json!("name/cos:PutObject")),
            ("action", json!([])),
        ] {
            let mut odd = good.clone();
            odd["statement"][0][member] = value;
            assert!(!checked(&odd, &grant, "u-1"), "{odd}");
        }
    }

    #[test]
    fn a_hostile_claim_puts_everything_outside() {
        let grant = granted(Limits::default());
        let of = |subject: &str| {
            policy("name/cos:PutObject", &format!("{HERE}users/{subject}/a"), &Value::Null)
        };
        for subject in ["*", "..", ".", "", "a/b", "${uin}", "u?", "{sub}", "a\\"] {
            assert!(!checked(&of(subject), &grant, subject), "{subject}");
        }
        let mut flag = Claims::default();
        flag.add("sub", Claim::Flag(true));
        assert!(!is_inside(&of("true").to_string(), None, &[&grant], &flag));
    }

    #[test]
    fn a_signed_request_is_all_that_its_policy_allows() {
        let only = |policy: &Value, key: &str| {
            let request = SignableRequest {
                bucket: "examplebucket-1250000000".to_owned(),
                region: "ap-guangzhou".to_owned(),
                key: key.to_owned(),
                verb: SignableVerb::Get { content_type: None },
            };
            is_only(&policy.to_string(), &request)
        };
        let of = |action: &str, key: &str| policy(action, &format!("{HERE}{key}"), &Value::Null);
        let good = of("name/cos:GetObject", "users/u-1/a");
        assert!(only(&good, "users/u-1/a"));
        let mut two = good.clone();
        two["statement"] = json!([good["statement"][0], good["statement"][0]]);
        let with = |member: &str, values: Value| {
            let mut other = good.clone();
            other["statement"][0][member] = values;
            other
        };
        for other in [
            of("name/cos:PutObject", "users/u-1/a"),
            of("name/cos:GetObject", "users/u-1/b"),
            of("name/cos:GetObject", "users/u-1/*"),
            with("action", json!(["name/cos:GetObject", "name/cos:PutObject"])),
            with("action", json!([])),
            with("resource", json!([format!("{HERE}users/u-1/a"), format!("{HERE}users/u-1/b")])),
            two,
            json!({}),
        ] {
            assert!(!only(&other, "users/u-1/a"), "{other}");
        }
        for key in ["users/u-1/*", ""] {
            assert!(!only(&of("name/cos:GetObject", key), key), "{key}");
        }
    }

    #[test]
    fn a_limit_without_its_condition_is_outside() {
        let grant = granted(Limits {
            extensions: vec![Extension::parse("jpg").unwrap()],
            max_size_bytes: Some(10),
            content_types: vec![ContentType::parse("image/*").unwrap()],
            source_ip: vec!["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()],
            acl: vec![CannedAcl::parse("private").unwrap()],
            https_only: true,
            vpc: vec![VpcId::parse("vpc-a").unwrap()],
        });
        let full = json!({"ip_equal": {"qcs:ip": ["10.0.0.0/8", "192.0.2.1"]}, "numeric_less_than_equal": {"cos:content-length": 10},
            "numeric_greater_than_equal": {"cos:content-length": 1}, "string_like": {"cos:content-type": "image/*"},
            "string_equal_if_exist": {"cos:x-cos-acl": ["private", "default"]}, "bool_equal": {"cos:secure-transport": "true"},
            "string_equal": {"vpc:requester_vpc": "vpc-a"}});
        let put = |condition: &Value, key: &str| {
            let resource = format!("{HERE}users/u-1/{key}");
            checked(&policy("name/cos:PutObject", &resource, condition), &grant, "u-1")
        };
        assert!(put(&full, "a.jpg"));
        for key in ["a", "a.png", "*", "a.jpg/*", "ajpg"] {
            assert!(!put(&full, key), "{key}");
        }
        let weaker = json!([
            {"ip_equal": {"qcs:ip": ["10.0.0.0/8", "0.0.0.0/0"]}}, {"ip_equal": {"qcs:ip": []}}, {"ip_equal": null},
            {"numeric_less_than_equal": {"cos:content-length": 11}}, {"numeric_less_than_equal": {"cos:content-length": "x"}},
            {"numeric_less_than_equal": null}, {"numeric_greater_than_equal": {"cos:content-length": 0}},
            {"numeric_greater_than_equal": null}, {"string_like": {"cos:content-type": "*"}},
            {"string_like": {"cos:content-type": ["image/*", "text/*"]}}, {"string_like": null},
            {"string_like_if_exist": {"cos:content-type": "image/*"}},
            {"string_equal_if_exist": {"cos:x-cos-acl": ["private", "public-read"]}}, {"string_equal_if_exist": null},
            {"string_equal_if_exist": {"cos:x-cos-acl": "private", "qcs:ip": "x"}}, {"string_equal_if_exist": {"cos:x-cos-acl": []}},
            {"string_like_if_exist": {"cos:x-cos-acl": "*"}}, {"bool_equal": {"cos:secure-transport": "false"}}, {"bool_equal": null},
            {"bool_equal": {"cos:secure-transport": ["true", "false"]}}, {"string_equal": {"vpc:requester_vpc": "vpc-b"}},
            {"string_equal": {"vpc:requester_vpc": ["vpc-a", "vpc-b"]}}, {"string_equal": null},
            {"string_equal": {"qcs:vpc": "vpc-a"}}
        ]);
        for weaker in weaker.as_array().unwrap() {
            let mut condition = full.clone();
            let members = condition.as_object_mut().unwrap();
            for (operator, keys) in weaker.as_object().unwrap() {
                members.insert(operator.clone(), keys.clone());
            }
            members.retain(|_, keys| !keys.is_null());
            assert!(!put(&condition, "a.jpg"), "{condition}");
        }
        assert!(!put(&Value::Null, "a.jpg"));
    }
}
