//! Grants and requests that meet: what is granted, what is refused and with which rule.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::{
    Authorized, ContentType, Extension, Grant, Grants, Lifetime, Limits, Match, Operation,
    Placeholder, PrefixTemplate, Preset, PrincipalMatch,
};
use crate::auth::{Claim, Claims, Principal};
use crate::error::{Error, ErrorCode};
use crate::request::{CredentialRequest, Format, RequestedScope, Scopes};
use tencent::names::Bucket;
use tencent::time::Timestamp;

/// 2026-01-31T23:59:59Z.
fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_769_903_999).unwrap()
}

const RESOURCE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

fn asked(wanted: RequestedScope) -> CredentialRequest {
    CredentialRequest {
        format: Format::Sdk,
        duration_seconds: None,
        bucket: None,
        region: None,
        wanted,
    }
}

fn ask_for_new(grants: &Grants, extension: &str, random: [u8; 16]) -> Result<Authorized, Error> {
    let asked = asked(RequestedScope::NewObject {
        extension: extension.to_owned(),
    });
    grants.authorize(&Principal::for_tests(), &asked, now(), &random)
}

fn grant(prefix: &str, presets: &[Preset]) -> Grants {
    Grants::Each(vec![Grant::for_tests(
        prefix,
        presets,
        &[],
        Limits::default(),
    )])
}

/// One that names objects.
fn naming(prefix: &str, presets: &[Preset]) -> Grants {
    Grants::Each(vec![Grant::for_tests(prefix, presets, &[], extensions())])
}

fn extensions() -> Limits {
    Limits {
        extensions: ["jpg", "png"]
            .map(|text| Extension::parse(text).unwrap())
            .to_vec(),
        ..Limits::default()
    }
}

fn scope(operation: &str, prefix: &str) -> Value {
    json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": prefix})
}

fn ask(
    grants: &Grants,
    duration_seconds: Option<u32>,
    scopes: Option<&Value>,
) -> Result<Authorized, Error> {
    let wanted = match scopes {
        Some(scopes) => RequestedScope::Scopes(Scopes::parse(&scopes.to_string())?),
        None => RequestedScope::Grant,
    };
    let asked = CredentialRequest {
        duration_seconds,
        ..asked(wanted)
    };
    grants.authorize(&Principal::for_tests(), &asked, now(), &[0; 16])
}

fn of_subject(grants: &Grants, subject: &str) -> Result<Authorized, Error> {
    let caller = Principal::with_claims(Claims::of_subject(subject));
    grants.authorize(&caller, &asked(RequestedScope::Grant), now(), &[0; 16])
}

/// What the policy of a grant narrowed to `scopes` allows, as pairs of action and resource.
#[track_caller]
fn pairs(grants: &Grants, scopes: &Value) -> Vec<(String, String)> {
    pairs_of(&ask(grants, None, Some(scopes)).unwrap())
}

fn pairs_of(authorized: &Authorized) -> Vec<(String, String)> {
    let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
    let mut pairs = Vec::new();
    for statement in policy["statement"].as_array().unwrap() {
        for action in statement["action"].as_array().unwrap() {
            for resource in statement["resource"].as_array().unwrap() {
                let action = action.as_str().unwrap().strip_prefix("name/cos:").unwrap();
                let resource = resource.as_str().unwrap().strip_prefix(RESOURCE).unwrap();
                pairs.push((action.to_owned(), resource.to_owned()));
            }
        }
    }
    pairs.sort();
    pairs
}

#[track_caller]
fn refused(grants: &Grants, scopes: &Value) -> String {
    let error = ask(grants, None, Some(scopes))
        .err()
        .unwrap_or_else(|| panic!("granted: {scopes}"));
    assert_eq!(error.code(), ErrorCode::ScopeNotGranted, "{scopes}");
    error.message().to_owned()
}

#[test]
fn the_one_grant_form_is_one_statement_below_the_prefix() {
    let granted = grant("users/", &[Preset::Download, Preset::List]);
    assert_eq!(
        ask(&granted, None, None).unwrap().policy(),
        r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject","name/cos:HeadObject","name/cos:GetBucket"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#
    );
}

#[test]
fn an_empty_policy_is_never_built() {
    let error = ask(&naming("users/", &[Preset::Upload]), None, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ScopeNotGranted);
    let error = ask(&Grants::Each(Vec::new()), None, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CallerNotAllowed);
}

#[test]
fn a_duration_outside_the_grant_is_refused_and_never_clamped() {
    let grant = grant("users/", &[Preset::Upload]);
    assert_eq!(ask(&grant, None, None).unwrap().duration_seconds(), 1800);
    assert_eq!(
        ask(&grant, Some(360), None).unwrap().duration_seconds(),
        360
    );
    for seconds in [0, 1, 359, 1801, u32::MAX] {
        let error = ask(&grant, Some(seconds), None).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DurationSeconds, "{seconds}");
    }
}

#[test]
fn scopes_are_granted_exactly_and_without_a_cross_product() {
    let grant = grant("users/", &[Preset::Upload, Preset::Download]);
    let scopes = json!([
        scope("PutObject", "users/1/a"),
        scope("GetObject", "/users/1/b"),
        scope("GetObject", "users/2/*")
    ]);
    let expected = [
        ("GetObject", "users/1/b"),
        ("GetObject", "users/2/*"),
        ("PutObject", "users/1/a"),
    ];
    assert_eq!(
        pairs(&grant, &scopes),
        expected.map(|(action, resource)| (action.to_owned(), resource.to_owned()))
    );
}

#[test]
fn the_five_scopes_of_a_multipart_upload_make_one_statement() {
    let operations = [
        "InitiateMultipartUpload",
        "ListParts",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
    ];
    let scopes: Vec<Value> = operations
        .iter()
        .map(|operation| scope(operation, "users/1/video.mp4"))
        .collect();
    let authorized = ask(
        &grant("users/", &[Preset::Upload]),
        None,
        Some(&json!(scopes)),
    )
    .unwrap();
    let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
    assert_eq!(policy["statement"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        policy["statement"][0]["resource"],
        json!([format!("{RESOURCE}users/1/video.mp4")])
    );
}

#[test]
fn scopes_are_all_granted_or_none() {
    let grant = grant("users/1/", &[Preset::Upload]);
    let inside = scope("PutObject", "users/1/a");
    for (outside, fault) in [
        (scope("GetObject", "users/1/a"), "action"),
        (scope("DeleteBucket", "users/1/a"), "action"),
        (scope("GetService", ""), "action"),
        (scope("PutObject", "users/10/a"), "prefix"),
        (scope("PutObject", "users/1"), "prefix"),
        (scope("PutObject", "users/"), "prefix"),
        (scope("PutObject", "users/*"), "prefix"),
        (scope("PutObject", "*"), "prefix"),
        (scope("PutObject", ""), "prefix"),
        (scope("PutObject", "USERS/1/a"), "prefix"),
        (
            json!({"action": "name/cos:PutObject", "prefix": "users/1/a"}),
            "bucket",
        ),
        (
            json!({"action": "name/cos:PutObject", "bucket": "examplebucket-1259999999", "region": "ap-guangzhou", "prefix": "users/1/a"}),
            "bucket",
        ),
        (
            json!({"action": "name/cos:PutObject", "bucket": "examplebucket-1250000000", "region": "ap-beijing", "prefix": "users/1/a"}),
            "bucket",
        ),
    ] {
        let told = refused(&grant, &json!([inside, outside, inside]));
        assert!(
            told.starts_with("scope 2: ") && told.contains(fault),
            "{told}"
        );
    }
    assert_eq!(pairs(&grant, &json!([inside, inside])).len(), 1);
}

#[test]
fn a_named_object_is_all_that_its_credential_covers() {
    let grant = naming("users/", &[Preset::Upload, Preset::Download]);
    let authorized = ask_for_new(&grant, "JPG", [0xab; 16]).unwrap();
    let object = authorized.new_object().unwrap();
    assert_eq!(
        object.key.as_str(),
        "users/2026/01/31/abababababababababababababababab.jpg"
    );
    assert_eq!(
        (object.bucket.as_str(), object.region.as_str()),
        ("examplebucket-1250000000", "ap-guangzhou")
    );
    let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
    assert_eq!(policy["statement"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        policy["statement"][0]["resource"],
        json!([format!("{RESOURCE}{}", object.key.as_str())])
    );
    assert!(
        !authorized.policy().contains("GetObject"),
        "an upload needs no download"
    );
}

#[test]
fn an_extension_that_is_not_granted_names_no_object() {
    let uploads = naming("users/", &[Preset::Upload]);
    for extension in [
        "",
        "php",
        "jpg.php",
        ".jpg",
        "jp g",
        "j*g",
        "${uin}",
        "图片",
        "jpg/",
        "jpg\n",
        "jpgjpgjpgjpg",
    ] {
        let error = ask_for_new(&uploads, extension, [0; 16]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Extension, "{extension}");
    }
    let downloads = grant("users/", &[Preset::Download]);
    assert_eq!(
        ask_for_new(&downloads, "jpg", [0; 16]).unwrap_err().code(),
        ErrorCode::ScopeNotGranted
    );
}

#[test]
fn a_raw_policy_is_not_narrowed() {
    let policy = ask(&grant("users/", &[Preset::Upload]), None, None).unwrap();
    let raw = Grants::Raw {
        policy: policy.policy().into(),
        lifetime: Lifetime::new(360, 1800).unwrap(),
    };
    refused(&raw, &json!([scope("PutObject", "users/1/a")]));
    assert_eq!(ask(&raw, None, None).unwrap().policy(), policy.policy());
    let error = ask_for_new(&raw, "jpg", [0; 16]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ScopeNotGranted);
    for (bucket, region) in [
        (Some("examplebucket-1250000000"), None),
        (None, Some("ap-guangzhou")),
    ] {
        let asked = CredentialRequest {
            bucket: bucket.map(str::to_owned),
            region: region.map(str::to_owned),
            ..asked(RequestedScope::Grant)
        };
        let error = raw
            .authorize(&Principal::for_tests(), &asked, now(), &[0; 16])
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::ScopeNotGranted);
    }
}

#[test]
fn each_caller_has_a_prefix_of_their_own() {
    let grants = grant("users/{sub}/", &[Preset::Download]);
    assert!(
        of_subject(&grants, "u-1")
            .unwrap()
            .policy()
            .contains("/users/u-1/*")
    );
    for hostile in ["*", "..", "u/1", "${uin}", "u 1", "%2a", ""] {
        let error = of_subject(&grants, hostile).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CallerNotAllowed, "{hostile}");
        assert!(
            hostile.is_empty() || !error.message().contains(&format!("`{hostile}`")),
            "{hostile}"
        );
    }
    assert_eq!(
        ask(&grants, None, None).unwrap_err().code(),
        ErrorCode::CallerNotAllowed
    );
}

/// A word that configuration refuses, and that no other rule stops.
#[test]
fn what_the_last_look_is_not_sure_of_is_not_issued() {
    let slots = [("sub".to_owned(), Placeholder::OneOf(vec!["...".to_owned()]))];
    let odd = Grant {
        prefix: PrefixTemplate::parse("users/{sub}/", &slots).unwrap(),
        ..Grant::for_tests("users/", &[Preset::Download], &[], Limits::default())
    };
    let error = of_subject(&Grants::Each(vec![odd]), "...").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(
        error
            .cause_text()
            .unwrap()
            .contains("wider than the grants")
    );
}

/// One for everyone, one for a team, and one that is short.
fn several() -> Grants {
    let everyone = Grant::for_tests("public/", &[Preset::Download], &[], Limits::default());
    let sized = Limits {
        max_size_bytes: Some(10),
        ..extensions()
    };
    let team = Grant {
        name: "team".to_owned(),
        principal_match: PrincipalMatch::Claims(vec![(
            "org".to_owned(),
            Match::prefix("media/").unwrap(),
        )]),
        prefix: PrefixTemplate::parse("users/{sub}/", &[]).unwrap(),
        ..Grant::for_tests("users/", &[Preset::Upload, Preset::Download], &[], sized)
    };
    let other = Grant {
        name: "other".to_owned(),
        bucket: Bucket::parse("other-1250000000").unwrap(),
        lifetime: Lifetime::new(360, 600).unwrap(),
        ..everyone.clone()
    };
    Grants::Each(vec![everyone, team, other])
}

fn of_team(wanted: RequestedScope) -> Result<Authorized, Error> {
    let mut claims = Claims::of_subject("u-1");
    claims.add("org", Claim::Text("media/news".to_owned()));
    several().authorize(
        &Principal::with_claims(claims),
        &asked(wanted),
        now(),
        &[0; 16],
    )
}

fn of_scopes(scopes: &Value) -> RequestedScope {
    RequestedScope::Scopes(Scopes::parse(&scopes.to_string()).unwrap())
}

#[test]
fn a_caller_has_what_their_grants_add_up_to() {
    let all = of_team(RequestedScope::Grant).unwrap();
    assert_eq!(all.grants(), "grant,team,other");
    // The shortest of them all.
    assert_eq!(all.duration_seconds(), 600);
    let policy: Value = serde_json::from_str(all.policy()).unwrap();
    assert_eq!(policy["statement"].as_array().map(Vec::len), Some(3));
    assert!(
        !all.policy().contains("PutObject"),
        "an upload needs its key: {}",
        all.policy()
    );

    let stranger = of_subject(&several(), "u-1").unwrap();
    assert_eq!(stranger.grants(), "grant,other");
    assert!(!stranger.policy().contains("users/"));
}

#[test]
fn each_scope_brings_the_limits_of_the_grant_that_covers_it() {
    let both = json!([
        scope("GetObject", "public/a"),
        scope("PutObject", "users/u-1/a.jpg")
    ]);
    let authorized = of_team(of_scopes(&both)).unwrap();
    assert_eq!(
        (authorized.grants(), authorized.duration_seconds()),
        ("grant,team", 1800)
    );
    let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
    assert_eq!(policy["statement"][0]["condition"], Value::Null);
    assert_eq!(
        policy["statement"][1]["condition"]["numeric_less_than_equal"]["cos:content-length"],
        10
    );
    for outside in [
        scope("PutObject", "public/a.jpg"),
        scope("PutObject", "users/u-1/a.gif"),
        scope("PutObject", "users/u-1/*"),
        scope("UploadPart", "users/u-1/a.jpg"),
        scope("GetObject", "users/u-2/a.jpg"),
    ] {
        let error =
            of_team(of_scopes(&json!([scope("GetObject", "public/a"), outside]))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ScopeNotGranted, "{outside}");
        assert!(
            error.message().starts_with("scope 2: "),
            "{}",
            error.message()
        );
    }
}

#[test]
fn a_new_object_keeps_every_limit() {
    let new = of_team(RequestedScope::NewObject {
        extension: "jpg".to_owned(),
    });
    let new = new.unwrap();
    assert_eq!(new.grants(), "team");
    let resource = format!("users/u-1/2026/01/31/{}.jpg", "0".repeat(32));
    let expected = ["PostObject", "PutObject"].map(|action| (action.to_owned(), resource.clone()));
    assert_eq!(pairs_of(&new), expected);
    assert!(
        new.policy()
            .contains(r#""numeric_less_than_equal":{"cos:content-length":10}"#)
    );
}

#[test]
fn a_bucket_or_region_that_is_asked_for_has_to_be_granted() {
    let with = |bucket: Option<&str>, region: Option<&str>| {
        let asked = CredentialRequest {
            bucket: bucket.map(str::to_owned),
            region: region.map(str::to_owned),
            ..asked(RequestedScope::Grant)
        };
        several().authorize(&Principal::for_tests(), &asked, now(), &[0; 16])
    };
    let one = with(Some("other-1250000000"), Some("ap-guangzhou")).unwrap();
    assert_eq!((one.grants(), one.duration_seconds()), ("other", 600));
    assert!(!one.policy().contains("examplebucket"));
    for (bucket, region) in [
        (Some("third-1250000000"), None),
        (Some("other-1250000000"), Some("ap-beijing")),
        (Some("*"), None),
        (Some(""), None),
        (Some("other"), None),
        (Some("OTHER-1250000000"), None),
        (None, Some("*")),
        (None, Some("")),
    ] {
        let error = with(bucket, region).unwrap_err();
        assert_eq!(
            error.code(),
            ErrorCode::ScopeNotGranted,
            "{bucket:?} {region:?}"
        );
    }
}

#[test]
fn lifetimes_without_a_common_second_are_refused() {
    let short = Grant::for_tests("a/", &[Preset::Download], &[], Limits::default());
    let long = Grant {
        lifetime: Lifetime::new(3600, 7200).unwrap(),
        ..Grant::for_tests("b/", &[Preset::Download], &[], Limits::default())
    };
    let error = ask(&Grants::Each(vec![short, long]), None, None).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DurationSeconds);
}

#[test]
fn the_extensions_of_all_grants_are_told() {
    let with = |prefix: &str, limits| Grant::for_tests(prefix, &[Preset::Upload], &[], limits);
    let gif = Limits {
        extensions: vec![Extension::parse("gif").unwrap()],
        ..Limits::default()
    };
    let both = [
        with("a/", extensions()),
        with("b/", gif),
        with("c/", Limits::default()),
    ];
    let error = ask_for_new(&Grants::Each(both.to_vec()), "php", [0; 16]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Extension);
    assert_eq!(error.message(), "the extension is one of: jpg, png, gif");
}

/// An upload that needs its key is no part of what is asked for without one.
#[test]
fn a_grant_that_adds_nothing_has_no_say() {
    let read = Grant::for_tests("a/", &[Preset::Download], &[], Limits::default());
    let named = Grant {
        name: "named".to_owned(),
        lifetime: Lifetime::new(3600, 7200).unwrap(),
        ..Grant::for_tests("b/", &[Preset::Upload], &[], extensions())
    };
    let grants = Grants::Each(vec![read, named]);
    let authorized = ask(&grants, None, None).unwrap();
    assert_eq!(authorized.grants(), "grant");
    assert_eq!(authorized.duration_seconds(), 1800);
    let scopes = json!([scope("GetObject", "a/x"), scope("PutObject", "b/x.jpg")]);
    let error = ask(&grants, None, Some(&scopes)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DurationSeconds);
    assert_eq!(
        ask_for_new(&grants, "jpg", [0; 16])
            .unwrap()
            .duration_seconds(),
        7200
    );
}

/// A file of a thousand grants and a request of a hundred scopes: a refusal, at once.
#[test]
fn more_than_a_policy_takes_is_refused_without_being_built() {
    let of_address = |number: u32| {
        let limits = Limits {
            source_ip: vec![std::net::Ipv4Addr::from(number).to_string()],
            ..Limits::default()
        };
        Grant::for_tests("/", &[Preset::Download], &[], limits)
    };
    let grants = Grants::Each((1..=1200).map(of_address).collect());
    let scopes: Vec<Value> = (0..100)
        .map(|number| scope("GetObject", &format!("{number}")))
        .collect();
    assert!(refused(&grants, &json!(scopes)).contains("longer policy"));
    let error = ask(&grants, None, None).unwrap_err();
    assert!(error.message().contains("longer policy"), "{error}");
}

#[test]
fn get_service_stands_alone_on_everything() {
    let service = [Operation::parse("GetService").unwrap()];
    let grants = Grants::Each(vec![Grant::for_tests(
        "users/",
        &[Preset::Download],
        &service,
        Limits::default(),
    )]);
    let bare = json!([{"action": "name/cos:GetService", "bucket": null}]);
    let empty =
        json!([{"action": "name/cos:GetService", "bucket": "", "region": "", "prefix": ""}]);
    for scopes in [Some(&bare), Some(&empty), None] {
        let authorized = ask(&grants, None, scopes).unwrap();
        let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
        let on_everything: Vec<&Value> = policy["statement"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|statement| statement["resource"] == json!(["*"]))
            .collect();
        assert_eq!(on_everything.len(), 1);
        assert_eq!(on_everything[0]["action"], json!(["name/cos:GetService"]));
    }
    refused(
        &grants,
        &json!([{"action": "name/cos:GetService", "bucket": "examplebucket-1250000000"}]),
    );
    refused(
        &grants,
        &json!([{"action": "name/cos:GetService", "prefix": "users/"}]),
    );
}

/// `_if_exist` would let an upload without the header pass.
#[test]
fn a_type_limit_is_never_optional() {
    let typed = Limits {
        content_types: vec![
            ContentType::parse("image/*").unwrap(),
            ContentType::parse("text/plain").unwrap(),
        ],
        ..Limits::default()
    };
    let grants = Grants::Each(vec![Grant::for_tests(
        "users/",
        &[Preset::Upload, Preset::Download],
        &[],
        typed,
    )]);
    let authorized = ask(&grants, None, None).unwrap();
    assert!(!authorized.policy().contains("if_exist"));
    let policy: Value = serde_json::from_str(authorized.policy()).unwrap();
    assert_eq!(
        policy["statement"][0]["action"],
        json!(["name/cos:PutObject", "name/cos:PostObject"])
    );
    assert_eq!(
        policy["statement"][0]["condition"],
        json!({"string_like": {"cos:content-type": ["image/*", "text/plain"]}})
    );
    assert_eq!(policy["statement"][1]["condition"], Value::Null);
}

fn any_prefix() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(/?[a-c]{0,2}(/[a-c.*]{0,2}){0,3}/?\\*?)|\\*|").unwrap()
}

fn any_operation() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "PutObject",
        "GetObject",
        "GetBucket",
        "DeleteObject",
        "UploadPart",
        "PutBucketACL",
        "GetService",
    ])
    .prop_map(str::to_owned)
}

proptest::proptest! {
    /// Whatever is asked: a refusal, or a policy whose every pair was asked for and lies inside the grant.
    #[test]
    fn nothing_outside_the_grant_or_the_request_is_ever_allowed(
        asked in proptest::collection::vec((any_operation(), any_prefix()), 1..6),
        granted in proptest::sample::select(vec!["/", "a/", "a/b/", "ab/"]),
        with_list in any::<bool>(),
    ) {
        let mut presets = vec![Preset::Upload, Preset::Download];
        if with_list {
            presets.push(Preset::List);
        }
        let grant = grant(granted, &presets);
        let scopes: Vec<Value> = asked.iter().map(|(operation, prefix)| scope(operation, prefix)).collect();
        if ask(&grant, None, Some(&json!(scopes))).is_ok() {
            let allowed: Vec<&str> = presets.iter().flat_map(|preset| preset.operations()).map(Operation::name).collect();
            let below = granted.trim_start_matches('/');
            let pairs = pairs(&grant, &json!(scopes));
            for (action, resource) in &pairs {
                prop_assert!(allowed.contains(&action.as_str()), "{action}");
                prop_assert!(resource.starts_with(below), "{resource}");
                let was_asked = asked.iter().any(|(operation, prefix)| {
                    operation == action && prefix.strip_prefix('/').unwrap_or(prefix) == resource
                });
                prop_assert!(was_asked, "{action} on {resource}");
            }
            let mut distinct: Vec<_> = asked.iter().map(|(operation, prefix)| {
                (operation.clone(), prefix.strip_prefix('/').unwrap_or(prefix).to_owned())
            }).collect();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(pairs, distinct);
        }
    }
}
