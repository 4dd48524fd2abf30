//! One-line assertions about a policy and an access, for the tests that are written by hand.

use tencent::cam::{AccessRequest, Account, Context, Policy, Target};
use tencent::names::{Bucket, Region};

/// A policy of these statements, as JSON text.
#[track_caller]
pub(crate) fn policy(statements: &str) -> Policy {
    let text = format!(r#"{{"version":"2.0","statement":{statements}}}"#);
    Policy::parse(&text).unwrap_or_else(|error| panic!("{error:?}: {text}"))
}

/// An access to `<bucket-appid>/<key>` in ap-guangzhou by the account 1250000000, which owns all
/// its buckets.
pub(crate) fn access(action: &str, path: &str, context: &[(&str, &str)]) -> AccessRequest {
    let (bucket, key) = path.split_once('/').expect("a bucket and a key");
    let start = Context::new();
    AccessRequest {
        account: Account { appid: "1250000000".to_owned(), owner_uin: "100000000001".to_owned() },
        action: action.to_owned(),
        target: Target::Object {
            region: Region::parse("ap-guangzhou").expect("a region"),
            bucket: Bucket::parse(bucket).expect("a bucket"),
            owner_uin: "100000000001".to_owned(),
            key: key.to_owned(),
        },
        context: context.iter().fold(start, |context, (key, value)| context.with(key, value)),
    }
}

#[track_caller]
pub(crate) fn assert_allows(policy: &Policy, access: &AccessRequest) {
    let decision = policy.decide(access);
    assert!(decision.is_allowed(), "{decision}\n{}", policy.as_json());
}

#[track_caller]
pub(crate) fn assert_denies(policy: &Policy, access: &AccessRequest) {
    let decision = policy.decide(access);
    assert!(!decision.is_allowed(), "{decision}\n{}", policy.as_json());
}
