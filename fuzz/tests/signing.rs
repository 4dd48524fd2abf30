//! Whatever a caller sends, only requests that the grants contain are signed.
//!
//! # Guarantees
//! What is signed is read and verified by code that shares nothing with what signs. A run fails
//! when it signs too little: it would have compared nothing.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests: what fails here must fail its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cos_issuer::app::App;
use cos_issuer::deadline::Deadline;
use cos_issuer::entropy::SystemEntropy;
use cos_issuer::grant::{Authorized, SignableRequest};
use cos_issuer::handler::Handler;
use cos_issuer::log::Members;
use cos_issuer::request::{
    CredentialRequest, Identity, IdentitySource, Inbound, Request, RequestId, Route,
};
use cos_issuer::response::Response;
use cos_issuer::sts::Credentials;
use cos_issuer_fuzz::settings;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method};
use oracle::q_sign::{self, Key};
use oracle::wire::Wire;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tencent::secret::Secret;
use tencent::time::{Clock, SystemClock, Timestamp};

const CASES: u32 = 4000;

const GRANTS: &str = r#"
[[grant]]
name = "pictures"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload", "download"]
max_size_bytes = 4000
content_types = ["image/jpeg"]
extensions = ["jpg", "png"]
"#;

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";
const START: i64 = 1_700_000_000;
const EXPIRY: i64 = 1_700_001_800;
const SECRET_KEY: &str = "CANARY-secret-key";

/// The routes that sign, and others that servers of this kind have.
const SIGNING: [&str; 5] =
    ["/put-sign", "/sts-direct-sign", "/upload-sign", "/post-policy", "/download-sign"];
const OTHERS: [&str; 8] = [
    "/auth",
    "/sts-server-sign",
    "/uploadSign",
    "/presign",
    "/sign/string",
    "/sign",
    "/sts",
    "/getKeyAndCredentials",
];

const NAMES: [&str; 24] = [
    "ext",
    "filename",
    "key",
    "format",
    "durationSeconds",
    "bucket",
    "region",
    "response-content-type",
    "response-content-disposition",
    "response-cache-control",
    "method",
    "httpMethod",
    "host",
    "cosHost",
    "cosKey",
    "pathname",
    "headers",
    "stringToSign",
    "policy",
    "conditions",
    "content-type",
    "x-cos-acl",
    "x-cos-security-token",
    "_",
];

const VALUES: [&str; 22] = [
    "jpg",
    "PNG",
    "a.b.jpg",
    "exe",
    "users/u-1/a.jpg",
    "/users/u-1/图 b?&=#+%41.jpg",
    "users/u-1/a\nput",
    "users/u-1/a;b&c=d",
    "users/u-2/a.jpg",
    "users/u-1/../u-2/a.jpg",
    "users/u-1/%2e%2e/u-2/a.jpg",
    "users/u-1/*",
    "",
    "DELETE",
    "evil.example.com",
    "image/png",
    "text/html",
    "attachment",
    "examplebucket-1250000000",
    "ap-guangzhou",
    "600",
    "sdk",
];

/// What a caller sends.
#[derive(Clone, Debug)]
struct Case {
    path: &'static str,
    method: Method,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn cases() -> impl Strategy<Value = Case> {
    let path = prop_oneof![
        5 => prop::sample::select(&SIGNING[..]),
        1 => prop::sample::select(&OTHERS[..]),
    ];
    let name = prop_oneof![
        8 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => "[a-zA-Z-]{0,12}",
    ];
    let value = prop_oneof![
        8 => prop::sample::select(&VALUES[..]).prop_map(str::to_owned),
        1 => "users/u-1/[^/]{1,12}",
        1 => "\\PC{0,16}",
    ];
    let header = prop::sample::select(
        &["host", "x-cos-acl", "x-cos-copy-source", "content-type", "content-length", "range"][..],
    );
    let needed = prop::sample::select(&VALUES[..8]);
    (
        path,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.8),
        needed,
        prop::collection::vec((name, value.clone()), 0..3),
        prop::collection::vec((header, "[ -~]{0,16}"), 0..3),
        prop_oneof![9 => Just(String::new()), 1 => value],
    )
        .prop_map(|(path, is_get, has_needed, needed, mut query, headers, body)| {
            if has_needed {
                let name = if path == "/download-sign" { "key" } else { "filename" };
                query.retain(|(known, _)| known != name);
                query.push((name.to_owned(), needed.to_owned()));
            }
            let method = if is_get { Method::GET } else { Method::POST };
            Case { path, method, query, headers, body }
        })
}

#[test]
fn nothing_here_is_a_signing_oracle() {
    let handler = handler();
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(CASES) });
    let signed = std::cell::RefCell::new(BTreeMap::<&str, u32>::new());
    let outcome = runner.run(&cases(), |case| {
        let request = request(&case);
        let Some(authorized) = authorize(&handler, &request) else {
            return Ok(());
        };
        match authorized.signable() {
            None => assert!(!SIGNING.contains(&case.path), "{case:?}"),
            Some(signable) => {
                check(&case, &authorized, signable);
                *signed.borrow_mut().entry(case.path).or_default() += 1;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let signed = signed.into_inner();
    let routes: BTreeSet<&str> = signed.keys().copied().collect();
    assert_eq!(routes, BTreeSet::from(SIGNING));
    assert!(signed.values().all(|count| *count > CASES / 100), "{signed:?}");
    assert!(signed.values().sum::<u32>() < CASES / 2, "nothing was refused: {signed:?}");
}

/// The answer, read by code of its own: one method, one host, one key, and the limits of the grant.
fn check(case: &Case, authorized: &Authorized, signable: &SignableRequest) {
    let id = RequestId::from_platform(Some("request-1"), &SystemEntropy);
    let response = Response::signed(signable, &credentials(), &id);
    assert!(!response.body.contains(SECRET_KEY), "{case:?}");
    let mut answer: Value = serde_json::from_str(&response.body).expect("JSON");
    let members = answer.as_object_mut().expect("an object");
    let data = members.remove("data").expect("data");
    assert_eq!(members.remove("code"), Some(json!(0)));
    assert_eq!(answer, data);
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name}: {answer}"));

    assert_eq!((text("cosHost"), text("cosKey")), (HOST, text("key")));
    let key = text("key");
    let action = match case.path {
        "/download-sign" => {
            let asked = case.query.iter().find(|(name, _)| name == "key").expect("a key");
            assert_eq!(asked.1.strip_prefix('/').unwrap_or(&asked.1), key);
            link(&answer, "GET", &["response-content-disposition"]);
            "GetObject"
        }
        "/post-policy" => {
            form(&answer);
            "PostObject"
        }
        _ => {
            put(&answer);
            link(&answer, "PUT", &[]);
            "PutObject"
        }
    };
    assert!(key.starts_with("users/u-1/") && !key.contains('*'), "{case:?}: {key}");
    if action != "GetObject" {
        let (stem, extension) = key.rsplit_once('.').expect("an extension");
        assert!(["jpg", "png"].contains(&extension), "{key}");
        let random = stem.rsplit('/').next().expect("a name");
        assert!(random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
    }
    let policy: Value = serde_json::from_str(authorized.policy().as_json()).expect("JSON");
    let [statement] = &policy["statement"].as_array().expect("statements")[..] else {
        panic!("not one statement: {policy}");
    };
    assert_eq!(statement["action"], json!([format!("name/cos:{action}")]));
    let resource = format!("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/{key}");
    assert_eq!(statement["resource"], json!([resource]), "{case:?}");
}

/// The header is a PUT of the key, with the type of the grant.
fn put(answer: &Value) {
    let authorization = answer["authorization"].as_str().expect("a header");
    let fields = q_sign::header_form(authorization).expect("a signature");
    assert_eq!(
        (&*fields["q-header-list"], &*fields["q-url-param-list"]),
        ("content-type;host", "")
    );
    assert_eq!(answer["contentType"], "image/jpeg");
    let (_, path) = split(answer["objectUrl"].as_str().expect("a URL"));
    let headers = [("authorization", authorization), ("x-cos-security-token", "CANARY-token")];
    verify("PUT", path, &headers);
}

/// A URL is this method on the key, and every parameter is signed.
fn link(answer: &Value, method: &str, own: &[&str]) {
    let (host, target) = split(answer["signedUrl"].as_str().expect("a URL"));
    assert_eq!(host, HOST);
    let wire = verify(method, target, &[]);
    let path = oracle::wire::decoded(wire.path()).expect("UTF-8");
    assert_eq!(path, format!("/{}", answer["key"].as_str().expect("a key")));
    let parameters = wire.parameters().expect("parameters");
    let of = |name: &str| {
        let mut values = parameters.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice");
        value
    };
    let shown = of("response-content-type");
    let mut own: Vec<&str> = own.to_vec();
    own.extend(shown.map(|_| "response-content-type"));
    own.push("x-cos-security-token");
    let others: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let others: Vec<&str> = others.into_iter().filter(|name| !name.starts_with("q-")).collect();
    assert_eq!(others, own);
    assert_eq!(of("q-url-param-list"), Some(&*own.join(";")));
    let header_list = if method == "PUT" { "content-type;host" } else { "host" };
    assert_eq!(of("q-header-list"), Some(header_list));
    assert_eq!(of("q-sign-time"), Some(&*format!("{START};{EXPIRY}")));
    if method == "GET" {
        let disposition = if shown.is_some() { "inline" } else { "attachment" };
        assert_eq!(of("response-content-disposition"), Some(disposition));
        assert!(shown.is_none_or(|name| name == "image/png"), "{shown:?}");
    }
}

/// A form is for the key, up to the size and of the type of the grant.
fn form(answer: &Value) {
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name}"));
    let policy = STANDARD.decode(text("policy")).expect("base64");
    let policy = String::from_utf8(policy).expect("UTF-8");
    let key_time = format!("{START};{EXPIRY}");
    assert_eq!(text("qKeyTime"), key_time);
    let sign_key = q_sign::hmac(SECRET_KEY, &key_time);
    assert_eq!(text("qSignature"), q_sign::hmac(&sign_key, &q_sign::sha1_hex(&policy)));
    let policy: Value = serde_json::from_str(&policy).expect("JSON");
    let expected = json!({
        "expiration": "2023-11-14T22:43:20.000Z",
        "conditions": [
            {"q-sign-algorithm": "sha1"},
            {"q-ak": "AKIDtemporary"},
            {"q-sign-time": key_time},
            {"bucket": "examplebucket-1250000000"},
            {"key": text("key")},
            ["content-length-range", 1, 4000],
            {"Content-Type": "image/jpeg"},
        ],
    });
    assert_eq!(policy, expected);
}

/// COS would find the signature right for this method and no other.
fn verify(method: &str, target: &str, more: &[(&str, &str)]) -> Wire {
    let mut headers = vec![("host", HOST), ("content-type", "image/jpeg")];
    headers.extend(more);
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let mut wire = Wire {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let key = Key {
        id: "AKIDtemporary".to_owned(),
        secret: SECRET_KEY.to_owned(),
        token: Some("CANARY-token".to_owned()),
    };
    let keys = [key];
    assert!(q_sign::caller(&wire, &keys, START).is_some(), "{method} {target}");
    assert!(q_sign::caller(&wire, &keys, EXPIRY + 1).is_none(), "{method} {target}");
    for other in ["DELETE", "GET", "HEAD", "POST", "PUT"] {
        other.clone_into(&mut wire.method);
        assert_eq!(q_sign::caller(&wire, &keys, START).is_some(), other == method, "{other}");
    }
    method.clone_into(&mut wire.method);
    wire
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("https://").expect("HTTPS");
    rest.split_at(rest.find('/').expect("a path"))
}

fn authorize(handler: &Handler, request: &Request) -> Option<Authorized> {
    let route = Route::of(&request.path)?;
    if !route.methods().contains(&request.method) {
        return None;
    }
    let Route::Issue(route) = route else {
        return None;
    };
    let parsed = CredentialRequest::parse(request, route).ok()?;
    let caller = handler
        .authentication
        .authenticate(request, &request.path, &SystemClock, Deadline::unlimited(&SystemClock))
        .now_or_never()
        .expect("the gateway's word takes no time")
        .ok()?;
    let access = handler.access.load();
    access.authorize(&caller, &parsed, SystemClock.now(), &SystemEntropy).ok()
}

fn request(case: &Case) -> Request {
    let mut headers = HeaderMap::new();
    for (name, value) in &case.headers {
        headers.insert(*name, HeaderValue::from_str(value).expect("a value"));
    }
    let inbound = Inbound {
        method: case.method.clone(),
        path: case.path.to_owned(),
        query: case.query.clone(),
        headers,
        body: case.body.clone().into_bytes(),
        identity: Identity::new(IdentitySource::Lambda, Some(&json!({"sub": "u-1"}))),
        ..Inbound::default()
    };
    inbound.check().expect("a request within the limits")
}

fn credentials() -> Credentials {
    let secret = |text: &str| Secret::new(text.to_owned()).expect("a secret");
    let time = |seconds| Timestamp::from_unix_seconds(seconds).expect("a time");
    Credentials {
        tmp_secret_id: secret("AKIDtemporary"),
        tmp_secret_key: secret(SECRET_KEY),
        session_token: secret("CANARY-token"),
        start: time(START),
        expiry: time(EXPIRY),
        sts_request_id: "upstream".to_owned(),
        members: OnceLock::new(),
        logged: Members::default(),
    }
}

fn handler() -> Handler {
    let settings = settings(GRANTS, &[]).expect("a grants file");
    App::new(settings, Arc::new(SystemClock), |path| std::fs::read(path)).expect("TLS").handler
}
