//! A second evaluator of CAM policies, deliberately naive: it walks over JSON values and texts.
//!
//! # Guarantees
//!
//! It decides like `tencent::cam` for every policy that its parser accepts; both follow the same
//! documents.
//!
//! # Not covered
//!
//! Rejecting a policy: a text that is not a policy allows nothing.

mod access;
pub mod generator;

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

pub use self::access::{Asked, CREATOR};

/// Whether every layer allows, and no policy of any layer denies.
pub fn allows(layers: &[Vec<Value>], asked: &Asked) -> bool {
    let action = asked.action.strip_prefix("name/").unwrap_or(&asked.action);
    if layers.is_empty() || !is_real(action) {
        return false;
    }
    let said = |policy: &Value, effect: &str| {
        list(&policy["statement"])
            .iter()
            .any(|statement| statement["effect"] == effect && applies(statement, action, asked))
    };
    let denied = layers.iter().flatten().any(|policy| said(policy, "deny"));
    let allowed = layers.iter().all(|layer| layer.iter().any(|policy| said(policy, "allow")));
    allowed && !denied
}

fn is_real(action: &str) -> bool {
    let operations = OPERATIONS.split_ascii_whitespace();
    action
        .strip_prefix("cos:")
        .is_some_and(|name| operations.into_iter().any(|known| known == name))
}

fn applies(statement: &Value, action: &str, asked: &Asked) -> bool {
    let actions = list(&statement["action"]);
    let resources = list(&statement["resource"]);
    actions.iter().any(|pattern| glob(&text(pattern).replace("name/", ""), action))
        && resources.iter().any(|pattern| resource(&text(pattern), action, asked))
        && conditions(&statement["condition"], asked)
}

fn resource(pattern: &str, action: &str, asked: &Asked) -> bool {
    if pattern == "*" {
        return true;
    }
    let (Some((bucket, owner)), true) = (&asked.bucket, action != "cos:GetService") else {
        return false;
    };
    let (name, appid) = bucket.rsplit_once('-').expect("a bucket with its appid");
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let service = ["cos", "*", ""].contains(&parts[2]);
    let region = parts[3].is_empty() || glob(parts[3], &asked.region);
    let account = match parts[4] {
        "" => appid == CREATOR.0,
        written => written == format!("uid/{appid}") || written == format!("uin/{owner}"),
    };
    let path = match parts[5].starts_with("prefix//") {
        true => format!("prefix//{appid}/{name}/{}", asked.key),
        false => format!("{bucket}/{}", asked.key),
    };
    service && region && account && glob(parts[5], &path)
}

fn conditions(block: &Value, asked: &Asked) -> bool {
    let Some(operators) = block.as_object() else {
        return true;
    };
    operators.iter().all(|(operator, keys)| {
        let keys = keys.as_object().expect("keys");
        keys.iter().all(|(key, values)| condition(operator, key, list(values), asked))
    })
}

fn condition(operator: &str, key: &str, values: &[Value], asked: &Asked) -> bool {
    let mut seen: Vec<String> = Vec::new();
    for value in asked.context.get(key).into_iter().flatten() {
        match key {
            "cos:versionid" if value.is_empty() => {}
            "cos:versionid" | "cos:prefix" | "cos:response-content-type" => {
                seen.push(encoded(value));
            }
            _ => seen.push(value.clone()),
        }
    }
    if operator == "null_equal" {
        let null = seen.iter().all(|value| value.is_empty());
        return values.iter().any(|value| (text(value) != "false") == null);
    }
    if seen.is_empty() {
        return operator.ends_with("_if_exist");
    }
    let all = operator.starts_with("for_all_value:")
        || (operator.contains("_not_") && !operator.starts_with("for_any_value:"));
    let bare = operator.split(':').next_back().expect("a part");
    let bare = bare.replace("_if_exist", "");
    let meets = |seen: &String| match bare.contains("_not_") {
        true => {
            let opposite = bare.replace("_not_", "_");
            typed(&bare, seen) && !values.iter().any(|value| holds(&opposite, seen, &text(value)))
        }
        false => values.iter().any(|value| holds(&bare, seen, &text(value))),
    };
    match all {
        true => seen.iter().all(meets),
        false => seen.iter().any(meets),
    }
}

/// Whether a request's value is of the operator's type.
fn typed(operator: &str, seen: &str) -> bool {
    match operator.split('_').next() {
        Some("numeric") => is_number(seen),
        Some("date") => is_date(seen),
        Some("ip") => seen.parse::<IpAddr>().is_ok(),
        Some("bool") => seen == "true" || seen == "false",
        _ => true,
    }
}

fn holds(operator: &str, seen: &str, value: &str) -> bool {
    if !typed(operator, seen) {
        return false;
    }
    let (larger, smaller) = (|| exceeds(seen, value), || exceeds(value, seen));
    match operator {
        "string_equal" | "binary_equal" | "bool_equal" | "date_equal" => seen == value,
        "string_equal_ignore_case" => seen.to_lowercase() == value.to_lowercase(),
        "string_like" => glob(value, seen),
        // Dates of one length sort as texts.
        "date_less_than" => seen < value,
        "date_less_than_equal" => seen <= value,
        "date_greater_than" => seen > value,
        "date_greater_than_equal" => seen >= value,
        "numeric_equal" => !larger() && !smaller(),
        "numeric_less_than" => smaller(),
        "numeric_less_than_equal" => !larger(),
        "numeric_greater_than" => larger(),
        "numeric_greater_than_equal" => !smaller(),
        "ip_equal" => in_network(seen, value),
        other => panic!("{other} is not compared here"),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let parts: Vec<&str> = unsigned.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    parts.len() <= 2 && parts.iter().all(digits)
}

/// Whether the first number is the larger one: written below each other, point under point, digits
/// sort as texts.
fn exceeds(first: &str, second: &str) -> bool {
    let width = first.len() + second.len();
    let aligned = |text: &str| {
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        format!("{whole:0>width$}.{fraction:0<width$}")
    };
    let (one, other) = (aligned(first), aligned(second));
    let zero = |text: &str| text.chars().all(|c| c == '0' || c == '.');
    let below_zero = |text: &str, aligned: &str| text.starts_with('-') && !zero(aligned);
    match (below_zero(first, &one), below_zero(second, &other)) {
        (false, true) => true,
        (true, false) => false,
        (false, false) => one > other,
        (true, true) => one < other,
    }
}

fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00T00:00:00Z" {
        return false;
    }
    let number = |at: usize, digits: usize| -> u32 {
        text[at..at + digits].parse().expect("digits were looked for")
    };
    let year = number(0, 4);
    let leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    let days = match number(5, 2) {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&number(8, 2))
        && number(11, 2) < 24
        && number(14, 2) < 60
        && number(17, 2) < 60
}

/// Compares addresses bit by bit, as texts of zeros and ones. IPv4 is kept apart from IPv6, however
/// it is written.
fn in_network(seen: &str, network: &str) -> bool {
    let (address, length) = network.split_once('/').unwrap_or((network, "999"));
    let (seen, address): (IpAddr, IpAddr) =
        (seen.parse().expect("an address"), address.parse().expect("an address"));
    let length: usize = length.parse().expect("a length");
    let length = match address {
        IpAddr::V4(_) => length.min(32) + 96,
        IpAddr::V6(_) => length.min(128),
    };
    let bits = |address: IpAddr| {
        let mapped = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        let bits = mapped.octets().map(|octet| format!("{octet:08b}"));
        (bits.concat(), is_ipv4(mapped))
    };
    let ((seen, seen_is_ipv4), (network, network_is_ipv4)) = (bits(seen), bits(address));
    // A network of IPv6 that is wider than the mapped IPv4 addresses does not match IPv4.
    let network_is_ipv4 = network_is_ipv4 && length >= 96;
    seen_is_ipv4 == network_is_ipv4 && seen[..length] == network[..length]
}

fn is_ipv4(address: Ipv6Addr) -> bool {
    address.octets().starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])
}

/// RFC 3986 percent-encoding, all but the unreserved characters.
pub fn encoded(value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

/// Keeps every place of the text that the pattern can have reached.
fn glob(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            if wanted == '*' {
                next[at] = reached[at] || (at > 0 && next[at - 1]);
            } else {
                next[at] = at > 0 && reached[at - 1] && text[at - 1] == wanted;
            }
        }
        reached = next;
    }
    reached[text.len()]
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every operation of <https://www.tencentcloud.com/document/product/436/30580>,
/// <https://www.tencentcloud.com/document/product/598/57092> and
/// <https://cloud.tencent.com/document/product/436/48348>.
const OPERATIONS: &str = "
    AbortMultipartUpload AppendObject CompleteMultipartUpload DeleteBucket DeleteBucketCORS DeleteBucketDomain
    DeleteBucketEncryption DeleteBucketIntelligentTiering DeleteBucketInventory DeleteBucketLifecycle DeleteBucketOrigin DeleteBucketPolicy
    DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite DeleteMultipleObjects DeleteObject DeleteObjectTagging
    GetBucket GetBucketACL GetBucketAccelerate GetBucketCORS GetBucketDomain GetBucketEncryption GetBucketIntelligentTiering GetBucketInventory
    GetBucketLifecycle GetBucketLocation GetBucketLogging GetBucketObjectVersions GetBucketOrigin GetBucketPolicy
    GetBucketReferer GetBucketReplication GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject GetObjectACL
    GetObjectTagging GetService HeadBucket HeadObject InitiateMultipartUpload ListBucketInventory ListLiveChannels
    ListMultipartUploads ListParts OptionsObject PostBucketInventory PostObject PostObjectRestore PutBucket PutBucketACL
    PutBucketAccelerate PutBucketCORS PutBucketDomain PutBucketEncryption PutBucketIntelligentTiering PutBucketInventory PutBucketLifecycle
    PutBucketLogging PutBucketOrigin PutBucketPolicy PutBucketReferer PutBucketReplication PutBucketTagging
    PutBucketVersioning PutBucketWebsite PutObject PutObjectACL PutObjectCopy PutObjectTagging RestoreObject UploadPart
    UploadPartCopy
";
