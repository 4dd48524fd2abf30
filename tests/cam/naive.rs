//! A second evaluator, deliberately naive: it walks over JSON values and texts and shares no code with the first one.
//!
//! It knows only what the generator makes: no faulty policy, four real operations.

use std::net::IpAddr;

use serde_json::Value;

use crate::generator::{ACCOUNTS, Asked};

/// Whether every layer allows, and no policy of any layer denies.
pub(crate) fn allows(layers: &[Vec<Value>], asked: &Asked) -> bool {
    let action = asked.action.replace("name/", "");
    let real = [
        "cos:GetObject",
        "cos:PutObject",
        "cos:GetBucket",
        "cos:GetService",
    ];
    if layers.is_empty() || !real.contains(&action.as_str()) {
        return false;
    }
    let said = |policy: &Value, effect: &str| {
        list(&policy["statement"])
            .iter()
            .any(|statement| statement["effect"] == effect && applies(statement, &action, asked))
    };
    let denied = layers.iter().flatten().any(|policy| said(policy, "deny"));
    let allowed = layers
        .iter()
        .all(|layer| layer.iter().any(|policy| said(policy, "allow")));
    allowed && !denied
}

fn applies(statement: &Value, action: &str, asked: &Asked) -> bool {
    let actions = list(&statement["action"]);
    let resources = list(&statement["resource"]);
    actions
        .iter()
        .any(|pattern| glob(&text(pattern).replace("name/", ""), action))
        && resources
            .iter()
            .any(|pattern| resource(&text(pattern), action, asked))
        && conditions(&statement["condition"], asked)
}

fn resource(pattern: &str, action: &str, asked: &Asked) -> bool {
    if pattern == "*" {
        return true;
    }
    let (Some(bucket), true) = (asked.bucket, action != "cos:GetService") else {
        return false;
    };
    let (name, appid) = bucket.split_at(bucket.len() - 11);
    let appid = &appid[1..];
    let (_, uin) = ACCOUNTS
        .iter()
        .find(|(id, _)| *id == appid)
        .expect("an account");
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let service = ["cos", "*", ""].contains(&parts[2]);
    let region = parts[3].is_empty() || glob(parts[3], asked.region);
    let account = match parts[4] {
        "" => appid == ACCOUNTS[0].0,
        written => written == format!("uid/{appid}") || written == format!("uin/{uin}"),
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
        keys.iter()
            .all(|(key, values)| condition(operator, key, &list(values), asked))
    })
}

fn condition(operator: &str, key: &str, values: &[Value], asked: &Asked) -> bool {
    let mut seen: Vec<String> = Vec::new();
    for value in asked.context.get(key).into_iter().flatten() {
        match key {
            "cos:versionid" if value.is_empty() => {}
            "cos:versionid" | "cos:prefix" => seen.push(encoded(value)),
            _ => seen.push((*value).to_owned()),
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
            typed(&bare, seen)
                && !values
                    .iter()
                    .any(|value| holds(&opposite, seen, &text(value)))
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
        Some("numeric") => number(seen).is_some(),
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
    match operator {
        "string_equal" | "binary_equal" | "bool_equal" | "date_equal" => seen == value,
        "string_equal_ignore_case" => seen.to_uppercase() == value.to_uppercase(),
        "string_like" => glob(value, seen),
        // Dates of one length sort as texts.
        "date_less_than" => seen < value,
        "date_less_than_equal" => seen <= value,
        "date_greater_than" => seen > value,
        "date_greater_than_equal" => seen >= value,
        "numeric_equal" => number(seen) == number(value),
        "numeric_less_than" => number(seen) < number(value),
        "numeric_less_than_equal" => number(seen) <= number(value),
        "numeric_greater_than" => number(seen) > number(value),
        "numeric_greater_than_equal" => number(seen) >= number(value),
        "ip_equal" => in_network(seen, value),
        other => panic!("{other} is not compared here"),
    }
}

fn number(text: &str) -> Option<f64> {
    let plain = text.trim_start_matches('-').chars();
    let plain = plain.clone().count() > 0 && plain.clone().all(|c| "0123456789.".contains(c));
    plain.then(|| text.parse().ok()).flatten()
}

fn is_date(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z')
}

/// Compares the addresses bit by bit, as texts of zeros and ones.
fn in_network(seen: &str, network: &str) -> bool {
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, length.parse().expect("a length")),
        None => (network, 128),
    };
    let bits = |text: &str| match text.parse().expect("an address") {
        IpAddr::V4(address) => address
            .octets()
            .map(|octet| format!("{octet:08b}"))
            .concat(),
        IpAddr::V6(address) => address
            .octets()
            .map(|octet| format!("{octet:08b}"))
            .concat(),
    };
    let (seen, network) = (bits(seen), bits(address));
    let length = network.len().min(length);
    seen.len() == network.len() && seen[..length] == network[..length]
}

fn encoded(value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| glob(rest, &text[at..]))
        }
        Some(first) => {
            text.starts_with(first) && glob(&pattern[first.len_utf8()..], &text[first.len_utf8()..])
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
