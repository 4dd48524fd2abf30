//! The policies of `docs/calling-key.md`: the calling key can do what is granted in the example,
//! and nothing else.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

#[path = "cam/asserting.rs"]
mod asserting;

use asserting::{access, assert_allows, assert_denies, policy};
use tencent::cam::{AccessRequest, DOWNLOAD_OPERATIONS, Policy, Target, UPLOAD_OPERATIONS};

const PAGE: &str = include_str!("../../docs/calling-key.md");
const UPLOAD_ROLE: &str = "roleName/cos-issuer-upload";

#[test]
fn a_permanent_key_issues_and_reaches_the_prefix() {
    let policy = example(0);
    assert_allows(&policy, &federation());
    assert_denies(&policy, &assume(UPLOAD_ROLE));
    reaches_the_prefix(&policy);
}

#[test]
fn an_execution_role_only_assumes_the_upload_role() {
    let policy = example(2);
    assert_allows(&policy, &assume(UPLOAD_ROLE));
    for role in ["roleName/cos-issuer", "roleName/cos-issuer-upload2", "roleName/admin"] {
        assert_denies(&policy, &assume(role));
    }
    assert_denies(&policy, &federation());
    for operation in granted() {
        assert_denies(&policy, &cos(operation, "examplebucket-1250000000/uploads/a.txt"));
    }
}

#[test]
fn an_upload_role_only_reaches_the_prefix() {
    let policy = example(4);
    assert_denies(&policy, &federation());
    assert_denies(&policy, &assume(UPLOAD_ROLE));
    reaches_the_prefix(&policy);
}

#[test]
fn roles_trust_the_platform_and_the_account() {
    for (number, principal) in [
        (1, r#""principal": { "service": ["scf.qcloud.com"] }"#),
        (3, r#""principal": { "qcs": ["qcs::cam::uin/100000000001:root"] }"#),
    ] {
        let text = block(number);
        assert!(text.contains(principal), "{text}");
        assert!(Policy::parse(text).is_err(), "a principal belongs only into a trust policy");
    }
}

fn granted() -> impl Iterator<Item = &'static str> {
    UPLOAD_OPERATIONS.into_iter().chain(DOWNLOAD_OPERATIONS)
}

fn reaches_the_prefix(policy: &Policy) {
    for operation in granted() {
        assert_allows(policy, &cos(operation, "examplebucket-1250000000/uploads/a.txt"));
        for path in [
            "examplebucket-1250000000/uploads2/a.txt",
            "examplebucket-1250000000/a.txt",
            "otherbucket-1250000000/uploads/a.txt",
            "examplebucket-1250000001/uploads/a.txt",
        ] {
            assert_denies(policy, &cos(operation, path));
        }
    }
    for operation in ["DeleteObject", "GetBucket", "PutObjectACL", "PutBucketPolicy", "PutBucket"] {
        assert_denies(policy, &cos(operation, "examplebucket-1250000000/uploads/a.txt"));
    }
}

fn cos(operation: &str, path: &str) -> AccessRequest {
    access(&format!("name/cos:{operation}"), path, &[])
}

fn federation() -> AccessRequest {
    AccessRequest {
        target: Target::Service,
        ..access("name/sts:GetFederationToken", "examplebucket-1250000000/", &[])
    }
}

fn assume(role: &str) -> AccessRequest {
    let target = Target::Role { owner_uin: "100000000001".to_owned(), name: role.to_owned() };
    AccessRequest { target, ..access("name/sts:AssumeRole", "examplebucket-1250000000/", &[]) }
}

fn example(number: usize) -> Policy {
    let document: serde_json::Value = serde_json::from_str(block(number)).expect("JSON");
    assert_eq!(document["version"], "2.0");
    policy(&document["statement"].to_string())
}

/// The JSON of the page, from the first.
fn block(number: usize) -> &'static str {
    let text = PAGE.split("\n```json\n").skip(1).nth(number).expect("a policy");
    text.split("\n```").next().expect("its end")
}
