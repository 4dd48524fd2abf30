//! Faults in the members of an answer: what the STS alone can get wrong.
//!
//! Promises: an answer that is an error stays as it is.

use serde_json::{Value, json};
use tencent::time::Timestamp;

use crate::account::{Directory, random_text};
use crate::fault::{Fault, Member, WhichKey};

/// Bends the answer, and what it stands for.
pub(super) fn bend(
    fault: &Fault,
    answer: &mut Value,
    directory: &Directory,
    earlier_token: Option<&str>,
    now: Timestamp,
) {
    let issued = answer
        .pointer("/Response/Credentials/TmpSecretId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let Some(issued) = issued else {
        return;
    };
    match fault {
        Fault::Without(member) => {
            let (parent, name) = place(*member);
            set(answer, parent, name, None);
        }
        Fault::Empty(member) => {
            let (parent, name) = place(*member);
            set(answer, parent, name, Some(empty(*member)));
        }
        Fault::Expired { seconds_ago } => say_expired(answer, now.minus_seconds(*seconds_ago)),
        Fault::ExpiredNow => {
            directory.expire(&issued, now);
            say_expired(answer, now);
        }
        Fault::RevokeKey(WhichKey::Issued) => {
            directory.revoke(&issued);
        }
        Fault::StalePair => {
            // Without an earlier one, a token that belongs to no key at all.
            let token = earlier_token.map_or_else(|| random_text(320), str::to_owned);
            let (parent, name) = place(Member::Token);
            set(answer, parent, name, Some(json!(token)));
        }
        _ => {}
    }
}

fn say_expired(answer: &mut Value, then: Timestamp) {
    let time = Some(json!(then.unix_seconds()));
    set(answer, "/Response", "ExpiredTime", time);
    let text = Some(json!(then.iso_8601()));
    set(answer, "/Response", "Expiration", text);
}

fn place(member: Member) -> (&'static str, &'static str) {
    match member {
        Member::Credentials => ("/Response", "Credentials"),
        Member::Expiration => ("/Response", "Expiration"),
        Member::ExpiredTime => ("/Response", "ExpiredTime"),
        Member::RequestId => ("/Response", "RequestId"),
        Member::TmpSecretId => ("/Response/Credentials", "TmpSecretId"),
        Member::TmpSecretKey => ("/Response/Credentials", "TmpSecretKey"),
        Member::Token => ("/Response/Credentials", "Token"),
    }
}

fn empty(member: Member) -> Value {
    match member {
        Member::Credentials => json!({}),
        Member::ExpiredTime => json!(0),
        Member::Expiration
        | Member::RequestId
        | Member::TmpSecretId
        | Member::TmpSecretKey
        | Member::Token => json!(""),
    }
}

/// Sets or removes a member of the object at `parent`, if it is there.
fn set(answer: &mut Value, parent: &str, name: &str, value: Option<Value>) {
    let Some(members) = answer.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return;
    };
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}
