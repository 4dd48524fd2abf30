//! Requests against grants: what is granted, what is refused, and with which code.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq};
use serde_json::{Value, json};

use super::{
    Authorized, Authorizer, CannedAcl, ContentType, Extension, Grant, GrantDefinition, GrantError,
    Grants, Lifetime, Limits, Match, Operation, Placeholder, PrefixTemplate, Preset,
    PrincipalMatch, Role, RoleArn, SessionPolicy, Value as MatchValue,
};
use crate::auth::{AuthMethod, Claim, Claims, Principal};
use crate::error::{Error, ErrorCode};
use crate::request::{CredentialRequest, Format, IdentitySource, RequestedScope, Scopes};
use tencent::names::Bucket;
use tencent::time::Timestamp;

const RESOURCE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

fn definition(prefix: &str, presets: &[Preset], limits: Limits) -> GrantDefinition {
    GrantDefinition::for_tests(prefix, presets, &[], limits)
}

fn grants(definitions: Vec<GrantDefinition>) -> Grants {
    let checked = definitions.into_iter().map(|definition| Grant::new(definition).unwrap());
    Grants::Each(checked.collect())
}

fn plain(prefix: &str, presets: &[Preset]) -> Grants {
    grants(vec![definition(prefix, presets, Limits::default())])
}

fn extensions(names: &[&str]) -> Limits {
    let parse = |name: &&str| Extension::parse(name).unwrap();
    Limits { extensions: names.iter().map(parse).collect(), ..Limits::default() }
}

/// One grant that generates keys with these extensions.
fn generating(presets: &[Preset]) -> Grants {
    grants(vec![definition("users/", presets, extensions(&["jpg", "png"]))])
}

fn request(scope: RequestedScope) -> CredentialRequest {
    CredentialRequest {
        format: Format::Sdk,
        duration_seconds: None,
        bucket: None,
        region: None,
        scope,
    }
}

/// At 2026-01-31T23:59:59Z.
fn authorize(
    grants: &Grants,
    claims: Claims,
    request: &CredentialRequest,
) -> Result<Authorized, Error> {
    let now = Timestamp::from_unix_seconds(1_769_903_999).unwrap();
    let authorizer = Authorizer::new(grants.clone());
    authorizer.authorize(&Principal::with_claims(claims), request, now, &[0xab; 16])
}

fn everything(grants: &Grants, claims: Claims) -> Result<Authorized, Error> {
    authorize(grants, claims, &request(RequestedScope::Grant))
}

fn scoped(grants: &Grants, claims: Claims, scopes: &Value) -> Result<Authorized, Error> {
    let scopes = Scopes::parse(&scopes.to_string())?;
    authorize(grants, claims, &request(RequestedScope::Scopes(scopes)))
}

fn new_object(grants: &Grants, claims: Claims, extension: &str) -> Result<Authorized, Error> {
    let extension = extension.to_owned();
    authorize(grants, claims, &request(RequestedScope::NewObject { extension }))
}

fn nobody() -> Claims {
    Claims::default()
}

fn scope(operation: &str, prefix: &str) -> Value {
    json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000",
        "region": "ap-guangzhou", "prefix": prefix})
}

fn policy(authorized: &Authorized) -> Value {
    serde_json::from_str(authorized.policy().as_json()).unwrap()
}

/// The pairs of an operation and a key that a policy allows.
fn pairs(authorized: &Authorized) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for statement in policy(authorized)["statement"].as_array().unwrap() {
        for action in statement["action"].as_array().unwrap() {
            for resource in statement["resource"].as_array().unwrap() {
                let action = action.as_str().unwrap().strip_prefix("name/cos:").unwrap();
                let key = resource.as_str().unwrap().strip_prefix(RESOURCE).unwrap();
                pairs.push((action.to_owned(), key.to_owned()));
            }
        }
    }
    pairs.sort();
    pairs
}

#[track_caller]
fn assert_refused(result: Result<Authorized, Error>, code: ErrorCode) -> String {
    let error = result.expect_err("granted");
    assert_eq!(error.code(), code, "{error}");
    error.message().to_owned()
}

#[test]
fn the_one_grant_form_is_one_statement_below_the_prefix() {
    let all = everything(&plain("users/", &[Preset::Download, Preset::List]), nobody());
    assert_eq!(
        all.unwrap().policy().as_json(),
        r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject","name/cos:HeadObject","name/cos:GetBucket"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#
    );
}

#[test]
fn an_empty_policy_is_never_built() {
    let uploads = everything(&generating(&[Preset::Upload]), nobody());
    assert_refused(uploads, ErrorCode::ScopeNotGranted);
    assert_refused(everything(&grants(Vec::new()), nobody()), ErrorCode::CallerNotAllowed);
}

#[test]
fn a_duration_outside_the_grant_is_refused_and_never_clamped() {
    let grants = plain("users/", &[Preset::Upload]);
    let with = |duration_seconds| {
        let request = CredentialRequest { duration_seconds, ..request(RequestedScope::Grant) };
        authorize(&grants, nobody(), &request)
    };
    assert_eq!(with(None).unwrap().duration_seconds(), 1800);
    assert_eq!(with(Some(360)).unwrap().duration_seconds(), 360);
    for seconds in [0, 1, 359, 1801, u32::MAX] {
        assert_refused(with(Some(seconds)), ErrorCode::DurationSeconds);
    }
}

#[test]
fn scopes_are_granted_exactly_and_without_a_cross_product() {
    let scopes = json!([
        scope("PutObject", "users/1/a"),
        scope("GetObject", "/users/1/b"),
        scope("GetObject", "users/2/*")
    ]);
    let grants = plain("users/", &[Preset::Upload, Preset::Download]);
    let granted = pairs(&scoped(&grants, nobody(), &scopes).unwrap());
    let expected =
        [("GetObject", "users/1/b"), ("GetObject", "users/2/*"), ("PutObject", "users/1/a")];
    assert_eq!(granted, expected.map(|(action, key)| (action.to_owned(), key.to_owned())));
}

#[test]
fn the_five_scopes_of_a_multipart_upload_make_one_statement() {
    let operations =
        "InitiateMultipartUpload ListParts UploadPart CompleteMultipartUpload AbortMultipartUpload";
    let scopes = operations.split(' ').map(|operation| scope(operation, "users/1/video.mp4"));
    let scopes = Value::from(scopes.collect::<Vec<_>>());
    let upload = scoped(&plain("users/", &[Preset::Upload]), nobody(), &scopes).unwrap();
    let policy = policy(&upload);
    assert_eq!(policy["statement"].as_array().unwrap().len(), 1);
    let key = format!("{RESOURCE}users/1/video.mp4");
    assert_eq!(policy["statement"][0]["resource"], json!([key]));
}

#[test]
fn scopes_are_all_granted_or_none() {
    let grants = plain("users/1/", &[Preset::Upload]);
    let inside = scope("PutObject", "users/1/a");
    let with = |member: &str, value: Option<&str>| {
        let mut scope = inside.clone();
        scope[member] = json!(value);
        scope
    };
    let prefix = |prefix| with("prefix", Some(prefix));
    for (outside, fault) in [
        (scope("GetObject", "users/1/a"), "GetObject"),
        (scope("DeleteBucket", "users/1/a"), "DeleteBucket"),
        (scope("GetService", ""), "GetService"),
        (prefix("users/10/a"), "prefix"),
        (prefix("users/1"), "prefix"),
        (prefix("users/"), "prefix"),
        (prefix("users/*"), "prefix"),
        (prefix("*"), "prefix"),
        (prefix(""), "prefix"),
        (prefix("USERS/1/a"), "prefix"),
        (with("bucket", None), "bucket"),
        (with("bucket", Some("examplebucket-1259999999")), "bucket"),
        (with("region", Some("ap-beijing")), "bucket"),
    ] {
        let scopes = json!([inside, outside, inside]);
        let message =
            assert_refused(scoped(&grants, nobody(), &scopes), ErrorCode::ScopeNotGranted);
        assert!(message.starts_with("scope 2: ") && message.contains(fault), "{message}");
    }
    let twice = scoped(&grants, nobody(), &json!([inside, inside])).unwrap();
    assert_eq!(pairs(&twice).len(), 1);
}

#[test]
fn a_named_object_is_all_that_its_credential_covers() {
    let grants = generating(&[Preset::Upload, Preset::Download]);
    let authorized = new_object(&grants, nobody(), "JPG").unwrap();
    let object = authorized.new_object().unwrap();
    let key = "users/2026/01/31/abababababababababababababababab.jpg";
    let found = (object.bucket.as_str(), object.region.as_str(), object.key.as_str());
    assert_eq!(found, ("examplebucket-1250000000", "ap-guangzhou", key));
    let steps =
        Preset::Upload.operations().map(|operation| (operation.name().to_owned(), key.to_owned()));
    let mut expected: Vec<_> = steps.collect();
    expected.sort();
    assert_eq!(pairs(&authorized), expected);
}

#[test]
fn an_extension_that_is_not_granted_names_no_object() {
    let uploads = generating(&[Preset::Upload]);
    let extensions = "php jpg.php .jpg j*g ${uin} 图片 jpg/ jpg\n jpgjpgjpgjpg";
    for extension in extensions.split(' ').chain(["", "jp g"]) {
        assert_refused(new_object(&uploads, nobody(), extension), ErrorCode::Extension);
    }
    let downloads = plain("users/", &[Preset::Download]);
    assert_refused(new_object(&downloads, nobody(), "jpg"), ErrorCode::ScopeNotGranted);
}

/// Each pair of callers and requests that differ in one thing, asked of one authorizer, twice.
#[test]
fn what_is_kept_for_one_caller_is_what_is_decided_for_each() {
    let of_team = PrincipalMatch::Claims(vec![("team".to_owned(), Match::prefix("a/").unwrap())]);
    let of_gateway = Match::OneOf(vec![MatchValue::Text("gateway-jwt".to_owned())]);
    let of_gateway = PrincipalMatch::Claims(vec![("proof".to_owned(), of_gateway)]);
    let admins = Match::OneOf(vec![MatchValue::Flag(true)]);
    let admins = PrincipalMatch::Claims(vec![("admin".to_owned(), admins)]);
    let with = |principal_match, prefix, preset| GrantDefinition {
        principal_match,
        ..definition(prefix, &[preset], Limits::default())
    };
    let mut elsewhere = with(PrincipalMatch::Everyone, "all/", Preset::Download);
    elsewhere.bucket = Bucket::parse("other-1250000000").unwrap();
    let grants = grants(vec![
        with(PrincipalMatch::Everyone, "users/{sub}/", Preset::Download),
        with(of_team, "teams/{team_id}/", Preset::Upload),
        with(of_gateway, "gateway/", Preset::List),
        with(admins, "admin/", Preset::Delete),
        elsewhere,
    ]);
    let text = |text: &str| Some(Claim::Text(text.to_owned()));
    let mut principals = Vec::new();
    for subject in [None, text("u-1"), text("u-2"), text("*"), Some(Claim::Number(1))] {
        for team in [None, text("a/b"), text("b/a")] {
            for team_id in [text("t-1"), text("t-2")] {
                for admin in [None, Some(Claim::Flag(true)), text("true")] {
                    for method in [AuthMethod::Jwt, AuthMethod::Gateway(IdentitySource::Jwt)] {
                        let mut claims = Claims::default();
                        let named = [("sub", &subject), ("team", &team), ("admin", &admin)];
                        for (name, claim) in named.into_iter().chain([("team_id", &team_id)]) {
                            let is_new = claim.iter().all(|claim| claims.add(name, claim.clone()));
                            assert!(is_new);
                        }
                        principals.push(Principal::with_method(method, claims));
                    }
                }
            }
        }
    }
    let places = [(None, None), (Some("other-1250000000"), None), (None, Some("ap-beijing"))];
    let requests = places.map(|(bucket, region): (Option<&str>, Option<&str>)| CredentialRequest {
        bucket: bucket.map(str::to_owned),
        region: region.map(str::to_owned),
        ..request(RequestedScope::Grant)
    });
    let now = Timestamp::from_unix_seconds(1_769_903_999).unwrap();
    let ask = |authorizer: &Authorizer, principal, request| {
        let outcome = authorizer.authorize(principal, request, now, &[0xab; 16]);
        outcome.map_err(|error| (error.code(), error.message().to_owned()))
    };
    let one = Authorizer::new(grants.clone());
    for _ in 0..2 {
        for principal in &principals {
            for request in &requests {
                let fresh = ask(&Authorizer::new(grants.clone()), principal, request);
                assert!(ask(&one, principal, request) == fresh);
            }
        }
    }
}

#[test]
fn a_credential_is_of_one_role() {
    let of = |role: Option<&str>, prefix, bucket| {
        let arn = |name| RoleArn::parse(&format!("qcs::cam::uin/1:roleName/{name}")).unwrap();
        let role = role.map(|name| Role { arn: arn(name), external_id: None });
        let plain = definition(prefix, &[Preset::Download], Limits::default());
        GrantDefinition {
            role: role.map(std::sync::Arc::new),
            bucket: Bucket::parse(bucket).unwrap(),
            ..plain
        }
    };
    let (here, there) = ("examplebucket-1250000000", "other-1250000001");
    let name = |outcome: Result<Authorized, Error>| {
        let authorized = outcome.unwrap();
        authorized.role().map(|role| {
            role.arn.as_str().trim_start_matches("qcs::cam::uin/1:roleName/").to_owned()
        })
    };
    let of_each = grants(vec![
        of(None, "a/", here),
        of(Some("one"), "b/", here),
        of(Some("two"), "c/", there),
        of(Some("two"), "d/", there),
    ]);
    let refused = |outcome| {
        let message = assert_refused(outcome, ErrorCode::ScopeNotGranted);
        assert!(message.contains("different roles"), "{message}");
    };
    refused(everything(&of_each, nobody()));
    refused(in_place(&of_each, Some(here), None));
    assert_eq!(name(in_place(&of_each, Some(there), None)).as_deref(), Some("two"));
    let both = json!([scope("GetObject", "a/x"), scope("GetObject", "b/x")]);
    refused(scoped(&of_each, nobody(), &both));
    for (key, role) in [("a/x", None), ("b/x", Some("one"))] {
        let one = json!([scope("GetObject", key)]);
        assert_eq!(name(scoped(&of_each, nobody(), &one)).as_deref(), role);
    }
}

/// Asked of one authorizer, twice, so that what is kept for one is not used for another.
#[test]
fn a_grant_of_an_issuer_is_for_its_tokens_only() {
    let of = |issuers: &[&str], prefix: &str| GrantDefinition {
        name: prefix.trim_end_matches('/').to_owned(),
        token_issuers: issuers.iter().map(|name| (*name).into()).collect(),
        ..definition(prefix, &[Preset::Download], Limits::default())
    };
    let both = grants(vec![of(&["login"], "own/"), of(&["login", "ci"], "both/")]);
    let authorizer = Authorizer::new(both);
    let mut named = Claims::of_subject("u-1");
    named.add("issuer", Claim::Text("login".to_owned()));
    let now = Timestamp::from_unix_seconds(1_769_903_999).unwrap();
    let mut sessions = Vec::new();
    for _ in 0..2 {
        for (principal, expected) in [
            (Principal::of_issuer("login", Claims::of_subject("u-1")), Some("own,both")),
            (Principal::of_issuer("ci", Claims::of_subject("u-1")), Some("both")),
            (Principal::of_issuer("ci", named.clone()), Some("both")),
            (Principal::of_issuer("Login", Claims::of_subject("u-1")), None),
            (Principal::with_method(AuthMethod::Jwt, named.clone()), None),
            (Principal::with_method(AuthMethod::ApiKey, named.clone()), None),
        ] {
            let everything = request(RequestedScope::Grant);
            let outcome = authorizer.authorize(&principal, &everything, now, &[0xab; 16]);
            assert_eq!(outcome.as_ref().ok().map(Authorized::grants), expected);
            sessions.extend(outcome.ok().map(|authorized| authorized.session_name().to_owned()));
        }
    }
    assert!(sessions[0] != sessions[1] && sessions[1] == sessions[2], "{sessions:?}");
}

#[test]
fn a_raw_policy_is_not_narrowed() {
    let policy = SessionPolicy::new("{}".to_owned()).into();
    let raw = Grants::Raw { policy, lifetime: Lifetime::new(360, 1800).unwrap() };
    assert_eq!(everything(&raw, nobody()).unwrap().policy().as_json(), "{}");
    let scopes = json!([scope("PutObject", "users/1/a")]);
    assert_refused(scoped(&raw, nobody(), &scopes), ErrorCode::ScopeNotGranted);
    assert_refused(new_object(&raw, nobody(), "jpg"), ErrorCode::ScopeNotGranted);
    for (bucket, region) in [(Some("examplebucket-1250000000"), None), (None, Some("ap-guangzhou"))]
    {
        assert_refused(in_place(&raw, bucket, region), ErrorCode::ScopeNotGranted);
    }
}

#[test]
fn each_caller_has_a_prefix_of_their_own() {
    let grants = plain("users/{sub}/", &[Preset::Download]);
    let own = everything(&grants, Claims::of_subject("u-1")).unwrap();
    assert!(own.policy().as_json().contains("/users/u-1/*"));
    for hostile in ["*", "..", "u/1", "${uin}", "u 1", "%2a", ""] {
        let refused = everything(&grants, Claims::of_subject(hostile));
        let message = assert_refused(refused, ErrorCode::CallerNotAllowed);
        assert!(!message.contains(&format!("`{hostile}`")), "{hostile}");
    }
    assert_refused(everything(&grants, nobody()), ErrorCode::CallerNotAllowed);
}

/// The configuration rejects this word; no other rule does.
#[test]
fn what_the_last_look_is_not_sure_of_is_not_issued() {
    let placeholder = Placeholder::OneOf(vec!["...".to_owned()]);
    let odd = GrantDefinition {
        prefix: PrefixTemplate::parse("users/{sub}/", &[("sub".to_owned(), placeholder)]).unwrap(),
        ..definition("users/", &[Preset::Download], Limits::default())
    };
    let error = everything(&grants(vec![odd]), Claims::of_subject("...")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(error.cause_text().unwrap().contains("wider than the grants"));
}

/// One for everyone, one for a team, and one with a short lifetime.
fn several() -> Grants {
    let everyone = definition("public/", &[Preset::Download], Limits::default());
    let sized = Limits { max_size_bytes: Some(10), ..extensions(&["jpg", "png"]) };
    let org = ("org".to_owned(), Match::prefix("media/").unwrap());
    let team = GrantDefinition {
        name: "team".to_owned(),
        principal_match: PrincipalMatch::Claims(vec![org]),
        ..definition("users/{sub}/", &[Preset::Upload, Preset::Download], sized)
    };
    let other = GrantDefinition {
        name: "other".to_owned(),
        bucket: Bucket::parse("other-1250000000").unwrap(),
        lifetime: Lifetime::new(360, 600).unwrap(),
        ..everyone.clone()
    };
    grants(vec![everyone, team, other])
}

fn of_team() -> Claims {
    let mut claims = Claims::of_subject("u-1");
    claims.add("org", Claim::Text("media/news".to_owned()));
    claims
}

#[test]
fn a_caller_has_what_their_grants_add_up_to() {
    let all = everything(&several(), of_team()).unwrap();
    // The shortest lifetime of the three.
    assert_eq!((all.grants(), all.duration_seconds()), ("grant,team,other", 600));
    assert_eq!(policy(&all)["statement"].as_array().unwrap().len(), 3);
    assert!(
        !all.policy().as_json().contains("PutObject"),
        "an upload needs its key: {}",
        all.policy().as_json()
    );

    let outsider = everything(&several(), Claims::of_subject("u-1")).unwrap();
    assert_eq!(outsider.grants(), "grant,other");
    assert!(!outsider.policy().as_json().contains("users/"));

    let mut unfit = Claims::of_subject("u/1");
    unfit.add("org", Claim::Text("media/news".to_owned()));
    let rest = everything(&several(), unfit).unwrap();
    assert_eq!(rest.grants(), "grant,other", "a claim that does not fit is not altered");
}

#[test]
fn each_scope_brings_the_limits_of_the_grant_that_covers_it() {
    let read = scope("GetObject", "public/a");
    let both = json!([read, scope("PutObject", "users/u-1/a.jpg")]);
    let authorized = scoped(&several(), of_team(), &both).unwrap();
    assert_eq!((authorized.grants(), authorized.duration_seconds()), ("grant,team", 1800));
    let statements = &policy(&authorized)["statement"];
    assert_eq!(statements[0]["condition"], Value::Null);
    let limit = &statements[1]["condition"]["numeric_less_than_equal"];
    assert_eq!(*limit, json!({"cos:content-length": 10}));
    for (operation, key) in [
        ("PutObject", "public/a.jpg"),
        ("PutObject", "users/u-1/a.gif"),
        ("PutObject", "users/u-1/*"),
        ("UploadPart", "users/u-1/a.jpg"),
        ("GetObject", "users/u-2/a.jpg"),
    ] {
        let refused = scoped(&several(), of_team(), &json!([read, scope(operation, key)]));
        let message = assert_refused(refused, ErrorCode::ScopeNotGranted);
        assert!(message.starts_with("scope 2: "), "{message}");
    }
}

#[test]
fn a_new_object_keeps_every_limit() {
    let new = new_object(&several(), of_team(), "jpg").unwrap();
    assert_eq!(new.grants(), "team");
    let key = new.new_object().unwrap().key.as_str();
    let uploads = ["PostObject", "PutObject"].map(|action| (action.to_owned(), key.to_owned()));
    assert_eq!(pairs(&new), uploads);
    assert!(
        new.policy().as_json().contains(r#""numeric_less_than_equal":{"cos:content-length":10}"#)
    );
}

fn in_place(
    grants: &Grants,
    bucket: Option<&str>,
    region: Option<&str>,
) -> Result<Authorized, Error> {
    let request = CredentialRequest {
        bucket: bucket.map(str::to_owned),
        region: region.map(str::to_owned),
        ..request(RequestedScope::Grant)
    };
    authorize(grants, nobody(), &request)
}

#[test]
fn a_bucket_or_region_that_is_asked_for_has_to_be_granted() {
    let other = Some("other-1250000000");
    let one = in_place(&several(), other, Some("ap-guangzhou")).unwrap();
    assert_eq!((one.grants(), one.duration_seconds()), ("other", 600));
    assert!(!one.policy().as_json().contains("examplebucket"));
    for bucket in ["third-1250000000", "*", "", "other", "OTHER-1250000000"] {
        assert_refused(in_place(&several(), Some(bucket), None), ErrorCode::ScopeNotGranted);
    }
    for (bucket, region) in [(other, "ap-beijing"), (None, "*"), (None, "")] {
        assert_refused(in_place(&several(), bucket, Some(region)), ErrorCode::ScopeNotGranted);
    }
}

/// A grant that adds nothing to a request without a key does not count for its lifetime.
#[test]
fn a_grant_that_adds_nothing_changes_nothing() {
    let read = definition("a/", &[Preset::Download], Limits::default());
    let long = GrantDefinition {
        lifetime: Lifetime::new(3600, 7200).unwrap(),
        ..definition("b/", &[Preset::Upload], extensions(&["jpg"]))
    };
    let grants = grants(vec![read, long]);
    let all = everything(&grants, nobody()).unwrap();
    assert_eq!((all.grants(), all.duration_seconds()), ("grant", 1800));
    assert_eq!(new_object(&grants, nobody(), "jpg").unwrap().duration_seconds(), 7200);
    // Both count here, and their lifetimes have no common second.
    let scopes = json!([scope("GetObject", "a/x"), scope("PutObject", "b/x.jpg")]);
    assert_refused(scoped(&grants, nobody(), &scopes), ErrorCode::DurationSeconds);
}

#[test]
fn the_extensions_of_all_grants_are_listed() {
    let limits = [extensions(&["jpg", "png"]), extensions(&["gif"]), Limits::default()];
    let all = limits.map(|limits| definition("a/", &[Preset::Upload], limits)).to_vec();
    let message = assert_refused(new_object(&grants(all), nobody(), "php"), ErrorCode::Extension);
    assert_eq!(message, "the extension must be one of: jpg, png, gif");
}

/// A file of a thousand grants and a request of a hundred scopes: refused at once.
#[test]
fn more_than_a_policy_takes_is_refused_without_being_built() {
    let of_address = |number: u32| {
        let limits = Limits {
            source_ip: vec![std::net::Ipv4Addr::from(number).to_string()],
            ..Limits::default()
        };
        definition("/", &[Preset::Download], limits)
    };
    let grants = grants((1..=1200).map(of_address).collect());
    let scopes: Vec<Value> =
        (0..100).map(|number| scope("GetObject", &number.to_string())).collect();
    for refused in [scoped(&grants, nobody(), &json!(scopes)), everything(&grants, nobody())] {
        let message = assert_refused(refused, ErrorCode::ScopeNotGranted);
        assert!(message.contains("longer policy"), "{message}");
    }
}

#[test]
fn a_definition_whose_parts_contradict_each_other_is_not_a_grant() {
    let operations = |names: &[&str]| {
        let parse = |name: &&str| Operation::parse(name).unwrap();
        names.iter().map(parse).collect::<Vec<_>>()
    };
    let head = operations(&["HeadBucket"]);
    let below = GrantDefinition::for_tests("users/", &[], &head, Limits::default());
    assert!(Grant::new(below).unwrap_err().to_string().contains("HeadBucket"));
    let whole = GrantDefinition::for_tests("/", &[], &head, Limits::default());
    assert!(Grant::new(whole).is_ok());
    let bare = GrantDefinition {
        include_prefix_key: true,
        ..definition("/", &[Preset::Download], Limits::default())
    };
    assert_eq!(Grant::new(bare).unwrap_err(), GrantError::NoPrefixKey);
    let networks = (0..600_u32).map(|number| std::net::Ipv4Addr::from(number).to_string());
    let long = Limits { source_ip: networks.collect(), ..Limits::default() };
    let error = Grant::new(definition("a/", &[Preset::Download], long)).unwrap_err();
    assert!(error.to_string().contains("6144"), "{error}");
}

/// A file system client asks for `data` as an object; a listing of `data` would show `data2/`.
#[test]
fn the_key_of_the_prefix_is_granted_only_where_the_grant_includes_it() {
    let presets = [Preset::Download, Preset::List];
    let without = definition("data/", &presets, Limits::default());
    let with = GrantDefinition { include_prefix_key: true, ..without.clone() };
    let (without, with) = (grants(vec![without]), grants(vec![with]));
    let keys = pairs(&everything(&with, nobody()).unwrap());
    let expected =
        "GetBucket data/*, GetObject data, GetObject data/*, HeadObject data, HeadObject data/*";
    let expected = expected.split(", ").filter_map(|pair| pair.split_once(' '));
    let owned = |(action, key): (&str, &str)| (action.to_owned(), key.to_owned());
    assert_eq!(keys, expected.map(owned).collect::<Vec<_>>());
    let keys = pairs(&everything(&without, nobody()).unwrap());
    assert!(keys.iter().all(|(_, key)| key == "data/*"), "{keys:?}");
    for (operation, key, is_granted) in [
        ("HeadObject", "data", true),
        ("HeadObject", "data2", false),
        ("HeadObject", "dat", false),
        ("GetBucket", "data", false),
        ("PutObject", "data", false),
    ] {
        let scopes = json!([scope(operation, key)]);
        assert_eq!(scoped(&with, nobody(), &scopes).is_ok(), is_granted, "{operation} {key}");
        assert!(scoped(&without, nobody(), &scopes).is_err(), "{operation} {key}");
    }
}

#[test]
fn an_action_that_is_not_granted_is_named_next_to_what_is() {
    let sized = Limits { max_size_bytes: Some(10), ..Limits::default() };
    let all = grants(vec![
        definition("a/", &[Preset::Upload], sized),
        definition("b/", &[Preset::Download], Limits::default()),
    ]);
    let granted = "granted: PutObject, PostObject, GetObject, HeadObject";
    for (operation, reason) in [
        ("GetObjectUrl", "is not a COS operation".to_owned()),
        ("PutObjectACL", "reads or changes permissions".to_owned()),
        ("DeleteObject", format!("is not granted; {granted}")),
        (
            "UploadPart",
            format!("a limit on size or type requires uploads in one request; {granted}"),
        ),
    ] {
        let refused = scoped(&all, nobody(), &json!([scope(operation, "a/x")]));
        let message = assert_refused(refused, ErrorCode::ScopeNotGranted);
        let start = format!("scope 1: `{operation}` ");
        assert!(message.starts_with(&start) && message.contains(&reason), "{message}");
    }
}

#[test]
fn get_service_is_a_statement_of_its_own_on_everything() {
    let service = [Operation::parse("GetService").unwrap()];
    let grants = grants(vec![GrantDefinition::for_tests(
        "users/",
        &[Preset::Download],
        &service,
        Limits::default(),
    )]);
    let bare = json!([{"action": "name/cos:GetService", "bucket": null}]);
    let empty =
        json!([{"action": "name/cos:GetService", "bucket": "", "region": "", "prefix": ""}]);
    for authorized in [
        scoped(&grants, nobody(), &bare),
        scoped(&grants, nobody(), &empty),
        everything(&grants, nobody()),
    ] {
        let policy = policy(&authorized.unwrap());
        let statements = policy["statement"].as_array().unwrap().iter();
        let on_everything = statements.filter(|statement| statement["resource"] == json!(["*"]));
        let actions: Vec<&Value> = on_everything.map(|statement| &statement["action"]).collect();
        assert_eq!(actions, [&json!(["name/cos:GetService"])]);
    }
    for (member, value) in [("bucket", "examplebucket-1250000000"), ("prefix", "users/")] {
        let scopes = json!([{"action": "name/cos:GetService", member: value}]);
        assert_refused(scoped(&grants, nobody(), &scopes), ErrorCode::ScopeNotGranted);
    }
}

/// `_if_exist` would let an upload without the header pass.
#[test]
fn a_type_limit_is_never_optional() {
    let types = ["image/*", "text/plain"];
    let typed = Limits {
        content_types: types.map(|text| ContentType::parse(text).unwrap()).to_vec(),
        ..Limits::default()
    };
    let presets = [Preset::Upload, Preset::Download];
    let all = everything(&grants(vec![definition("users/", &presets, typed)]), nobody()).unwrap();
    assert!(!all.policy().as_json().contains("if_exist"));
    let statements = &policy(&all)["statement"];
    assert_eq!(statements[0]["action"], json!(["name/cos:PutObject", "name/cos:PostObject"]));
    let condition = json!({"string_like": {"cos:content-type": types}});
    assert_eq!(statements[0]["condition"], condition);
    assert_eq!(statements[1]["condition"], Value::Null);
}

#[test]
fn an_acl_limits_what_can_set_one() {
    let limits = Limits { acl: vec![CannedAcl::parse("private").unwrap()], ..Limits::default() };
    let operations = ["PutBucket", "AppendObject"].map(|name| Operation::parse(name).unwrap());
    let presets = [Preset::Upload, Preset::Download, Preset::Delete];
    let grant = GrantDefinition::for_tests("/", &presets, &operations, limits);
    let all = everything(&grants(vec![grant]), nobody()).unwrap();
    let limited = json!({"string_equal_if_exist": {"cos:x-cos-acl": ["private", "default"]}});
    let policy = policy(&all);
    let mut setters = Vec::new();
    for statement in policy["statement"].as_array().unwrap() {
        match &statement["condition"] {
            Value::Null => {}
            condition => {
                assert_eq!(*condition, limited);
                setters.extend(statement["action"].as_array().unwrap().clone());
            }
        }
    }
    let names = ["PutObject", "PostObject", "InitiateMultipartUpload", "PutBucket", "AppendObject"];
    assert_eq!(setters, names.map(|name| json!(format!("name/cos:{name}"))));
}

fn any_prefix() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(/?[a-c]{0,2}(/[a-c.*]{0,2}){0,3}/?\\*?)|\\*|").unwrap()
}

fn any_operation() -> impl Strategy<Value = String> {
    let names = "PutObject GetObject GetBucket DeleteObject UploadPart PutBucketACL GetService";
    proptest::sample::select(names.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned)
}

proptest::proptest! {
    /// A request is refused, or each pair of its policy was requested and lies inside the grant.
    #[test]
    fn nothing_outside_the_grant_or_the_request_is_ever_allowed(
        requested in proptest::collection::vec((any_operation(), any_prefix()), 1..6),
        granted in proptest::sample::select(vec!["/", "a/", "a/b/", "ab/"]),
        with_list in any::<bool>(),
    ) {
        let mut presets = vec![Preset::Upload, Preset::Download];
        if with_list {
            presets.push(Preset::List);
        }
        let grants = plain(granted, &presets);
        let scopes = requested.iter().map(|(operation, prefix)| scope(operation, prefix));
        let scopes: Value = scopes.collect::<Vec<_>>().into();
        if let Ok(authorized) = scoped(&grants, nobody(), &scopes) {
            let operations = presets.iter().flat_map(|preset| preset.operations());
            let operations: Vec<&str> = operations.map(Operation::name).collect();
            let below = granted.trim_start_matches('/');
            let pairs = pairs(&authorized);
            for (action, key) in &pairs {
                prop_assert!(operations.contains(&action.as_str()), "{action}");
                prop_assert!(key.starts_with(below), "{key}");
            }
            let key = |prefix: &String| prefix.strip_prefix('/').unwrap_or(prefix).to_owned();
            let mut distinct: Vec<_> =
                requested.iter().map(|(operation, prefix)| (operation.clone(), key(prefix))).collect();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(pairs, distinct);
        }
    }
}
