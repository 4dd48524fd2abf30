//! Faults in the members of an STS response.
//!
//! # Guarantees
//! An error response stays as it is.

use serde_json::{Value, json};
use tencent::time::Timestamp;

use crate::account::Directory;
use crate::fault::{Fault, Member, WhichKey};
use crate::random::secret_text;

/// Tampers with the response, or with the key that it issues.
pub(super) fn tamper(
    fault: &Fault,
    response: &mut Value,
    directory: &Directory,
    earlier_token: Option<&str>,
    now: Timestamp,
) {
    let issued = response
        .pointer("/Response/Credentials/TmpSecretId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let Some(issued) = issued else {
        return;
    };
    match fault {
        Fault::Without(member) => {
            let (parent, name) = place(*member);
            set(response, parent, name, None);
        }
        Fault::Empty(member) => {
            let (parent, name) = place(*member);
            set(response, parent, name, Some(empty(*member)));
        }
        Fault::Expired { seconds_ago } => set_expired(response, now.minus_seconds(*seconds_ago)),
        Fault::ExpiredNow => {
            directory.expire(&issued, now);
            set_expired(response, now);
        }
        Fault::RevokeKey(WhichKey::Issued) => {
            directory.revoke(&issued);
        }
        Fault::StalePair => {
            // Without an earlier one, a token that belongs to no key at all.
            let token = earlier_token.map_or_else(|| secret_text(320), str::to_owned);
            let (parent, name) = place(Member::Token);
            set(response, parent, name, Some(json!(token)));
        }
        _ => {}
    }
}

fn set_expired(response: &mut Value, then: Timestamp) {
    let time = Some(json!(then.unix_seconds()));
    set(response, "/Response", "ExpiredTime", time);
    let text = Some(json!(then.iso_8601()));
    set(response, "/Response", "Expiration", text);
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
fn set(response: &mut Value, parent: &str, name: &str, value: Option<Value>) {
    let Some(members) = response.pointer_mut(parent).and_then(Value::as_object_mut) else {
        return;
    };
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}
