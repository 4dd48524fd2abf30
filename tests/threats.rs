//! What other issuers of credentials got wrong, as it would look here: each test is one such case.
//!
//! Callers come through the gateway's word, so that their claims can be anything. The end-to-end
//! tests show that such requests make no call; here it is what would be sent.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use cos_issuer::app::App;
use cos_issuer::config::{Environment, Settings};
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::SystemEntropy;
use cos_issuer::error::{Error, ErrorCode};
use cos_issuer::grant::{Authorized, Preset};
use cos_issuer::handler::Handler;
use cos_issuer::request::{
    CredentialRequest, Identity, IdentitySource, Inbound, IssueRoute, Request,
};
use cos_issuer::sts::{Call as _, Issue, StsCaller};
use futures_util::FutureExt;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

const RESOURCE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

/// What a policy, a path or a shell would make more of.
const HOSTILE: &str = "* ? $ { } \\ %2a %2A %252a %3f %24%7buin%7d ＊ ？ ＄ ｛ ｝ ＼ ${uin} \
    ${app_id} u-* *.* f*.t1 .. . ../u-2 %2e%2e %2e%2e%2fu-2 u-2/../u-1 a/b / a\u{0} a\n a|b";

/// A function with one grant of `users/{sub}/`.
fn handler(role: bool) -> Handler {
    App::new(settings(role), Arc::new(SystemClock), |path| std::fs::read(path))
        .expect("TLS")
        .handler
}

fn settings(role: bool) -> Settings {
    let environment: Environment = variables(role).into_iter().collect();
    let settings = Settings::read(&environment, &|_| Ok(Vec::new()));
    settings.unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn variables(role: bool) -> Vec<(&'static str, &'static str)> {
    let mut variables = vec![
        ("AUTH", "gateway"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_NAME", "issuer"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("STS_ENDPOINTS", "http://127.0.0.1:9"),
        ("BUCKET", "examplebucket-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("PREFIX", "users/{sub}/"),
        ("ALLOW", "upload,download"),
    ];
    if role {
        variables.extend([
            ("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/uploader"),
            ("EXTERNAL_ID", "configured"),
        ]);
    }
    variables
}

fn request(subject: &str, query: &[(&str, &str)], body: &str, headers: HeaderMap) -> Request {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let inbound = Inbound {
        method: Method::POST,
        path: "/sts".to_owned(),
        query: query.iter().map(owned).collect(),
        headers,
        body: body.as_bytes().to_vec(),
        identity: Identity::new(IdentitySource::Lambda, Some(&json!({ "sub": subject }))),
        ..Inbound::default()
    };
    inbound.check().expect("a request")
}

fn issue(handler: &Handler, request: &Request) -> Result<Authorized, Error> {
    let caller = handler
        .authentication
        .authenticate(request, "/sts", &SystemClock, Deadline::unlimited(&SystemClock))
        .now_or_never()
        .expect("the gateway's word takes no time")?;
    let parsed = CredentialRequest::parse(request, IssueRoute::Sts)?;
    handler.access.load().authorize(&caller, &parsed, SystemClock.now(), &SystemEntropy)
}

fn of_subject(handler: &Handler, subject: &str) -> Result<Authorized, Error> {
    issue(handler, &request(subject, &[], "", HeaderMap::new()))
}

/// The body of the call that would be posted.
fn sent(role: bool, authorized: &Authorized) -> Value {
    let Settings { sts, sts_region, .. } = settings(role);
    let (endpoint, now) = (&sts.endpoints[0], SystemClock.now());
    let Some(StsCaller::Identity(identity)) = sts.calling_keys.caller(None) else {
        panic!("a calling key")
    };
    let call = Issue { authorized, identity: &identity }.message(endpoint, &sts_region, now);
    serde_json::from_str(&call.expect("a call").body).expect("JSON")
}

#[test]
fn the_role_of_a_grant_takes_the_place_of_that_of_the_settings() {
    let file = "[[grant]]\nname = \"a\"\nmatch = \"everyone\"\nbucket = \"examplebucket-1250000000\"\n\
        region = \"ap-guangzhou\"\nprefix = \"a/\"\nallow = [\"upload\"]\n\
        role = \"qcs::cam::uin/100000000002:roleName/other\"\nexternal_id = \"of-the-grant\"\n";
    let grants = |role: bool| {
        let variables = variables(role)
            .into_iter()
            .filter(|(name, _)| !["BUCKET", "REGION", "PREFIX", "ALLOW"].contains(name));
        let environment: Environment = variables.chain([("GRANTS_FILE", "a.toml")]).collect();
        let settings = Settings::read(&environment, &|_| Ok(file.as_bytes().to_vec()));
        let settings = settings.unwrap_or_else(|errors| panic!("{errors:?}"));
        App::new(settings, Arc::new(SystemClock), |path| std::fs::read(path)).expect("TLS").handler
    };
    for role in [false, true] {
        let authorized = of_subject(&grants(role), "u-1").expect("it is granted");
        let sent = sent(role, &authorized);
        assert_eq!(sent["RoleArn"], "qcs::cam::uin/100000000002:roleName/other");
        assert_eq!(sent["ExternalId"], "of-the-grant");
        assert!(sent.get("Name").is_none() && sent["RoleSessionName"].is_string());
    }
}

fn scope(action: &str, bucket: &str, region: &str, prefix: &str) -> String {
    json!([{"action": action, "bucket": bucket, "region": region, "prefix": prefix}]).to_string()
}

#[test]
fn wildcard_in_claim_key_prefix_ext_is_refused() {
    let handler = handler(false);
    let (bucket, region) = ("examplebucket-1250000000", "ap-guangzhou");
    for hostile in HOSTILE.split(' ').chain([" "]) {
        let claim = of_subject(&handler, hostile);
        assert!(
            matches!(claim, Err(error) if error.code() == ErrorCode::CallerNotAllowed),
            "{hostile}"
        );
        for query in
            ["bucket", "region", "durationSeconds", "format", "prefix", "key", "ext", hostile]
        {
            let requested = request("u-1", &[(query, hostile)], "", HeaderMap::new());
            assert!(issue(&handler, &requested).is_err(), "{query}={hostile}");
        }
        let key = format!("users/u-1/{hostile}");
        for body in [
            scope(&format!("name/cos:{hostile}"), bucket, region, "users/u-1/a"),
            scope("name/cos:PutObject", hostile, region, "users/u-1/a"),
            scope("name/cos:PutObject", bucket, hostile, "users/u-1/a"),
            scope("name/cos:PutObject", bucket, region, hostile),
            scope("name/cos:PutObject", bucket, region, &format!("users/{hostile}/a")),
            scope("name/cos:PutObject", bucket, region, &format!("users/u-1x{hostile}")),
        ] {
            assert!(
                issue(&handler, &request("u-1", &[], &body, HeaderMap::new())).is_err(),
                "{body}"
            );
        }
        // `*` behind the last `/` means all below; CAM expands none of the rest.
        let is_plain = ["*", "a/b", " ", "a|b", "%3f"].contains(&hostile)
            || ["?", "$", "{", "}", "＊", "？", "＄", "｛", "｝", "＼"].contains(&hostile);
        let body = scope("name/cos:PutObject", bucket, region, &key);
        let outcome = issue(&handler, &request("u-1", &[], &body, HeaderMap::new()));
        assert_eq!(outcome.is_ok(), is_plain, "{body}");
    }
}

proptest! {
    /// Sibling prefixes: nobody's credential reaches a key of somebody whose id begins like theirs.
    #[test]
    fn sibling_prefixes_never_meet(one in "[A-Za-z0-9_-]{1,6}", more in "[A-Za-z0-9_-]{0,6}", key in "[a-z/]{0,6}") {
        let handler = handler(false);
        let other = format!("{one}{more}");
        let policy: Value = serde_json::from_str(of_subject(&handler, &one).expect("a grant").policy().as_json()).expect("JSON");
        for statement in policy["statement"].as_array().expect("statements") {
            let resource = statement["resource"][0].as_str().expect("a resource");
            let start = resource.strip_suffix('*').expect("all below a prefix");
            let of_other = format!("{RESOURCE}users/{other}/{key}");
            prop_assert_eq!(of_other.starts_with(start), one == other, "{} {}", resource, of_other);
        }
        prop_assert!(of_subject(&handler, "").is_err());
    }

    /// Injection: any text as a claim is refused, or is one path segment in a policy of exactly the
    /// expected tree.
    #[test]
    fn hostile_claims_change_no_tree(subject in prop_oneof!["\\PC{0,12}", "[\\\\\"{}$*/.%u-]{0,8}", "[a-z0-9_-]{1,70}"]) {
        let handler = handler(false);
        if let Ok(authorized) = of_subject(&handler, &subject) {
            let operations = [Preset::Upload, Preset::Download].map(Preset::operations);
            let actions: Vec<String> =
                operations.into_iter().flatten().map(|each| format!("name/cos:{}", each.name())).collect();
            let policy: Value = serde_json::from_str(authorized.policy().as_json()).expect("JSON");
            let resource = format!("{RESOURCE}users/{subject}/*");
            prop_assert_eq!(policy, json!({"version": "2.0", "statement": [{"effect": "allow", "action": actions, "resource": [resource]}]}));
            prop_assert!(subject.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_'));
        }
    }

    /// Traversal: a key that is granted stays below the prefix, however often a proxy decodes it.
    #[test]
    fn traversal_is_refused_decoded_0_1_2_times(key in "(users/u-1/)?([a.]|/|%2[eEfF]|%252[eEfF]|\\.\\.|%5[cC]){0,10}") {
        let handler = handler(false);
        let body = scope("name/cos:PutObject", "examplebucket-1250000000", "ap-guangzhou", &key);
        if let Ok(authorized) = issue(&handler, &request("u-1", &[], &body, HeaderMap::new())) {
            let policy: Value = serde_json::from_str(authorized.policy().as_json()).expect("JSON");
            let mut path = policy["statement"][0]["resource"][0].as_str().and_then(|text| text.strip_prefix(RESOURCE)).expect("a path").to_owned();
            for _ in 0..3 {
                prop_assert!(path.starts_with("users/u-1/"), "{}", path);
                prop_assert!(!path.contains("//") && !path.split(['/', '\\']).any(|segment| segment == "." || segment == ".."), "{}", path);
                path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            }
        }
    }
}

/// An empty policy is all rights: what is sent always has one that allows something.
#[test]
fn each_call_carries_a_policy() {
    let handler = handler(false);
    let body =
        scope("name/cos:PutObject", "examplebucket-1250000000", "ap-guangzhou", "users/u-1/a");
    for requested in
        [request("u-1", &[], "", HeaderMap::new()), request("u-1", &[], &body, HeaderMap::new())]
    {
        let sent = sent(false, &issue(&handler, &requested).expect("a grant"));
        let policy = percent_decode_str(sent["Policy"].as_str().expect("a policy"))
            .decode_utf8_lossy()
            .into_owned();
        let policy: Value = serde_json::from_str(&policy).expect("JSON");
        let statements = policy["statement"].as_array().expect("statements");
        assert!(!statements.is_empty());
        for statement in statements {
            assert!(!statement["action"].as_array().expect("actions").is_empty());
            assert!(!statement["resource"].as_array().expect("resources").is_empty());
        }
    }
    for body in ["[]", "{}", "null", "\"\"", "[[]]", "[null]", "0", "[{}]"] {
        assert!(issue(&handler, &request("u-1", &[], body, HeaderMap::new())).is_err(), "{body}");
    }
}

/// The role is the operator's: no member of a request names another, and no header is looked at.
#[test]
fn role_and_external_id_never_come_from_a_request() {
    let handler = handler(true);
    let names = "RoleArn roleArn role_arn ROLE_ARN ExternalId externalId external_id Name Policy \
        DurationSeconds";
    let mut headers = HeaderMap::new();
    for name in names.split(' ') {
        let requested =
            request("u-1", &[(name, "qcs::cam::uin/1:roleName/admin")], "", HeaderMap::new());
        assert!(issue(&handler, &requested).is_err(), "{name}");
        let mut item = json!({"action": "name/cos:PutObject", "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": "users/u-1/a"});
        item[name] = json!("qcs::cam::uin/1:roleName/admin");
        let requested = request("u-1", &[], &json!([item]).to_string(), HeaderMap::new());
        assert!(issue(&handler, &requested).is_err(), "{name}");
        let header = format!("x-tc-{}", name.to_lowercase().replace('_', "-"));
        headers.insert(
            header.parse::<http::HeaderName>().expect("a name"),
            "qcs::cam::uin/1:roleName/admin".parse().expect("a value"),
        );
    }
    let authorized = issue(&handler, &request("u-1", &[], "", headers)).expect("a grant");
    let sent = sent(true, &authorized);
    assert_eq!(sent["RoleArn"], "qcs::cam::uin/100000000001:roleName/uploader");
    assert_eq!(sent["ExternalId"], "configured");
    assert_eq!(sent["RoleSessionName"], authorized.session_name());
}
