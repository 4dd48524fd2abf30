//! docs/clients.md, row by row: each client's own parser, or the model of it, reads the answer to
//! the request that the row names.
//!
//! # Guarantees
//! The page has exactly the rows that are tested here, and no client takes a refusal for a
//! credential.
//!
//! # Not covered
//! Answers that are not ours (`client_models.rs`), and whether COS would allow what is signed.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::models::{
    Answered, Model, SessionKey, android, coscli, flutter, go, harmonyos, ios, java, react_native,
};
use cos_issuer_e2e::{Client, Variables, read, send_as_written, start};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};

const PAGE: &str = include_str!("../../../docs/clients.md");

/// Client, request and the format whose members it reads, as on the page, and what tests it.
type Row = (&'static str, &'static str, &'static str, Reader);

#[derive(Clone, Copy)]
enum Reader {
    /// The npm package.
    Runs(&'static str),
    Models(Model),
}

const BROWSER: Reader = Reader::Runs("cos-js-sdk-v5");
const MINI_PROGRAM: Reader = Reader::Runs("cos-wx-sdk-v5");
const NODE: Reader = Reader::Runs("cos-nodejs-sdk-v5");
const ANDROID: Reader = Reader::Models(android::session_credential_provider);
const FLUTTER: Reader = Reader::Models(flutter::fetch_credentials);
const REACT_ON_ANDROID: Reader = Reader::Models(react_native::on_android);
const REACT_ON_IOS: Reader = Reader::Models(react_native::on_ios);
const IOS_DOCUMENTS: &str = "iOS, the documents' sample";

#[rustfmt::skip]
const ROWS: [Row; 31] = [
    // The answer of the samples is the one that this parser is written for.
    ("apps of `cos_signer_lite` and `cossign`", "GET /sign", "cam", ANDROID),
    ("Android, `SessionCredentialProvider`", "GET /sign", "cam", ANDROID),
    ("Android, `SessionCredentialProvider`", "GET /sts", "sdk", ANDROID),
    ("Android, `SessionCredentialProvider`, STS 3.0 mode", "GET /sts?format=sts", "sts", Reader::Models(android::sts_3)),
    ("Android, `STSScopeLimitCredentialProvider`", "POST /sts-scope", "sdk", ANDROID),
    ("Android, the transfer demo", "GET /sts", "sdk", Reader::Models(android::transfer_demo)),
    (IOS_DOCUMENTS, "GET /sts", "sdk", Reader::Models(ios::documented)),
    ("iOS, the scope sample", "POST /sts", "sdk", Reader::Models(ios::scope_sample)),
    ("browser, `cos-js-sdk-v5`", "GET /sts", "sdk", BROWSER),
    ("browser, `cos-js-sdk-v5`, `ScopeLimit`", "POST /sts-scope", "sdk", BROWSER),
    ("browser, `cos-js-sdk-v5`, the server names the object", "GET /getKeyAndCredentials?filename=a.jpg", "sdk", BROWSER),
    ("browser, `cos-js-sdk-v5`, the server names the object, the demo", "GET /getKeyAndCredentials?filename=a.jpg", "flat", BROWSER),
    ("browser, `cos-js-sdk-v5`, the server names the object", "GET /getKeyAndCredentials?ext=jpg&format=flat", "flat", BROWSER),
    ("mini-programs, `cos-wx-sdk-v5`", "GET /sts", "sdk", MINI_PROGRAM),
    ("mini-programs, `cos-wx-sdk-v5`, `ScopeLimit`", "POST /sts-scope", "sdk", MINI_PROGRAM),
    ("mini-programs, `cos-wx-sdk-v5`, the server names the object", "GET /getKeyAndCredentials?ext=jpg", "sdk", MINI_PROGRAM),
    ("mini-programs, `cos-wx-sdk-v5`, the server names the object", "GET /getKeyAndCredentials?ext=jpg&format=flat", "flat", MINI_PROGRAM),
    ("Node.js, `cos-nodejs-sdk-v5`", "GET /sts", "sdk", NODE),
    ("Node.js, `cos-nodejs-sdk-v5`, `ScopeLimit`", "POST /sts-scope", "sdk", NODE),
    ("Node.js, `cos-nodejs-sdk-v5`, the server names the object", "GET /getKeyAndCredentials?ext=jpg", "sdk", NODE),
    ("Flutter", "GET /sts", "sdk", FLUTTER),
    ("Flutter, scopes", "POST /sts/scope", "sdk", FLUTTER),
    ("React Native on Android", "GET /sts", "sdk", REACT_ON_ANDROID),
    ("React Native on Android, scopes", "POST /sts/scope", "sdk", REACT_ON_ANDROID),
    ("React Native on iOS", "GET /sts", "sdk", REACT_ON_IOS),
    ("React Native on iOS, scopes", "POST /sts/scope", "sdk", REACT_ON_IOS),
    ("HarmonyOS", "GET /sts", "sdk", Reader::Models(harmonyos::documented)),
    ("Java, `HttpCredentialsEndpointProvider`", "GET /sts?format=cvm", "cvm", Reader::Models(java::instance_credentials_fetcher)),
    ("Go, `CredentialIface` with `CredentialCompleteResult`", "GET /sts?format=sts", "sts", Reader::Models(go::complete_result)),
    ("Go, `CredentialIface` with `CVMSecurityCredentials`", "GET /sts?format=cvm", "cvm", Reader::Models(go::cvm_security_credentials)),
    ("coscli, CVM role mode", "GET /sts?format=cvm", "cvm", Reader::Models(coscli::cam_auth)),
];

#[test]
fn the_page_has_exactly_the_rows_that_are_tested() {
    let tested: Vec<String> = ROWS.iter().map(as_written).collect();
    let lines = PAGE.lines().filter(|line| line.starts_with('|'));
    let written: Vec<&str> = lines.skip(2).collect();
    assert_eq!(written, tested);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_of_the_page_signs_with_the_answer_to_its_request() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("EXTENSIONS", "jpg")]).await.unwrap();
    for (client, request, format, reader) in ROWS {
        let case = format!("{client}: {request}");
        match reader {
            Reader::Runs(package) => runs(&cloud, package, request, format).await,
            Reader::Models(model) => {
                let answer = send_as_written(&browser, request).await.unwrap();
                assert_eq!(answer.status, 200, "{case}: {answer:?}");
                assert_eq!(format_of(&answer.body), format, "{case}");
                let key =
                    read(model, &answer, now()).unwrap_or_else(|words| panic!("{case}: {words}"));
                assert!(key.signs(now()), "{case}");
                assert!(is_issued(&cloud, &key), "{case}: not the issued key");
                let (start, expiry) = validity(&answer.body);
                assert!(key.start.is_none_or(|read| Some(read) == start), "{case}");
                let read = key.expiry.unwrap();
                // Java is thirty seconds early; the documents' sample for iOS is decades late.
                let is_true = (expiry - 30..=expiry).contains(&read);
                assert!(is_true || client == IOS_DOCUMENTS, "{case}: {read}");
            }
        }
    }
}

/// What each refusal becomes: nobody takes it for a credential, and the one client that shows our
/// words shows them.
#[tokio::test(flavor = "multi_thread")]
async fn no_client_takes_a_refusal_for_a_credential() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("EXTENSIONS", "jpg")]).await.unwrap();
    for (client, request, _, reader) in ROWS {
        let Reader::Models(model) = reader else {
            continue;
        };
        let separator = if request.contains('?') { '&' } else { '?' };
        for (request, status) in [
            (format!("{request}{separator}prefix=users/1/"), 400),
            (request.replace("/s", "/nowhere/s"), 404),
            (request.replace("GET ", "PUT ").replace("POST ", "PUT "), 405),
        ] {
            let answer = send_as_written(&browser, &request).await.unwrap();
            assert_eq!(answer.status, status, "{client}: {request}");
            match read(model, &answer, now()) {
                Ok(key) => assert!(!key.signs(now()), "{client}: {request}"),
                Err(words) if client.starts_with("Java") && status == 400 => {
                    let is_shown = words.to_string().contains("4000: prefix: must not be");
                    assert!(is_shown, "{words}");
                }
                Err(_) => {}
            }
        }
        for text in ["", "null", "[]", "<html>"] {
            let answered = Answered { status: 200, text, now: now() };
            let is_taken = model(&answered).is_ok_and(|key| key.signs(now()));
            assert!(!is_taken, "{client} takes {text:?}");
        }
    }
    assert_eq!(cloud.sts().call_count(), 0);
}

/// What the vendor's samples ask of servers of theirs besides: signatures over what the caller
/// names, a key without its extension, credentials of another service, and parameters that would
/// narrow if they were understood.
#[tokio::test(flavor = "multi_thread")]
async fn what_samples_ask_of_other_servers_is_refused_in_words() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("EXTENSIONS", "jpg")]).await.unwrap();
    for (request, code) in [
        ("POST /auth", "RouteNotFound"),
        ("GET /put-sign-limit?ext=jpg", "RouteNotFound"),
        ("GET /put-sign?ext=jpg&method=DELETE&key=a", "QueryParameter"),
        ("GET /post-policy?ext=jpg&conditions=[]", "QueryParameter"),
        ("GET /download-sign?key=users/1/a&response-content-type=text/html", "QueryParameter"),
        ("GET /download-sign?key=users/1/*", "QueryParameter"),
        ("GET /sts-server-sign?httpMethod=PUT&host=h&cosKey=k", "RouteNotFound"),
        ("POST /uploadSign?filename=a.jpg&_=1", "RouteNotFound"),
        ("GET /sts-server-key", "RouteNotFound"),
        ("GET /sts/cls", "RouteNotFound"),
        ("POST /sign/string", "RouteNotFound"),
        ("POST /presign", "RouteNotFound"),
        ("GET /sts?stringToSign=x", "QueryParameter"),
        ("GET /sts?httpMethod=PUT&host=h&cosKey=k", "QueryParameter"),
        ("GET /getKeyAndCredentials?ext=jpg&policy=e30", "QueryParameter"),
        ("GET /sts?Bucket=examplebucket-1250000000", "QueryParameter"),
        ("GET /getKeyAndCredentials", "QueryParameter"),
    ] {
        let answer = send_as_written(&browser, request).await.unwrap();
        let name = format!("InvalidParameter.{code}");
        assert_eq!(answer.body["codeDesc"], name, "{request}: {answer:?}");
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert!(message.contains('`'), "{request} is told what to ask for");
    }
    assert_eq!(cloud.sts().call_count(), 0);
}

/// The README of the mini-program SDK sends both; they are what is granted, or refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_mini_program_names_its_bucket_and_region() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("EXTENSIONS", "jpg")]).await.unwrap();
    let own = "bucket=examplebucket-1250000000&region=ap-guangzhou";
    let answer = browser.get(&format!("/sts?{own}")).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    for other in [
        "bucket=other-1250000000&region=ap-guangzhou",
        "bucket=examplebucket-1250000000&region=ap-beijing",
        "bucket=&region=",
        "bucket=%2a",
    ] {
        let answer = browser.get(&format!("/sts?{other}")).await.unwrap();
        let name = &answer.body["codeDesc"];
        assert_eq!(name, "UnauthorizedOperation.Scope", "{other}: {answer:?}");
    }
    assert_eq!(cloud.sts().call_count(), 1);
}

/// What a client asks for GetService with: nothing has a bucket there. All are read; the grant does
/// not have it.
#[tokio::test(flavor = "multi_thread")]
async fn each_clients_way_to_leave_a_member_out_is_understood() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("EXTENSIONS", "jpg")]).await.unwrap();
    let action = "name/cos:GetService";
    for (client, mut scope) in [
        ("Android", json!({})),
        ("iOS", json!({"bucket": "", "region": "", "prefix": "*"})),
        ("browser", json!({"bucket": "", "region": "", "prefix": ""})),
        ("Flutter", json!({"bucket": null, "prefix": null, "region": ""})),
    ] {
        scope["action"] = json!(action);
        let request = browser.request("POST", "/sts-scope");
        let answer = browser.send(request.body(json!([scope]).to_string())).await.unwrap();
        assert_eq!(answer.status, 403, "{client}: {answer:?}");
        assert_eq!(answer.body["codeDesc"], "UnauthorizedOperation.Scope", "{client}");
    }
    assert_eq!(cloud.sts().call_count(), 0);
}

async fn runs(cloud: &Cloud, package: &str, request: &str, format: &str) {
    let (method, path) = request.split_once(' ').unwrap();
    let url = format!("{}{path}", cloud.gateway_url().unwrap());
    let mut settings = Variables::from([
        ("ISSUER_URL", url),
        ("BUCKET", "examplebucket-1250000000".to_owned()),
        ("REGION", "ap-guangzhou".to_owned()),
        ("PREFIX", "users/1/".to_owned()),
    ]);
    if method == "POST" {
        settings.insert("SCOPE_LIMIT", "1".to_owned());
    }
    if format == "flat" {
        settings.insert("SHAPE", "flat".to_owned());
    }
    let driver = Client::CosGetAuthorization;
    let line = driver.drive(&[package], &settings).await.unwrap();
    let case = format!("{package} {request}: {line}");
    assert_eq!(line["outcome"], "ok", "{case}");
    assert_eq!(line["uploads"], 2, "{case}");
    // A credential for one scope is not used for another.
    assert_eq!(line["issuer_calls"], if method == "POST" { 2 } else { 1 }, "{case}");
    for part in [
        "secret_id_is_q_ak",
        "token_is_session_token",
        "sign_time_is_validity",
        "signed_with_secret_key",
    ] {
        assert_eq!(line[part], true, "{part}: {case}");
    }
    if path.starts_with("/getKeyAndCredentials") {
        let named = line["key"].as_str().unwrap();
        assert!(named.starts_with("users/") && named.ends_with(".jpg"), "{case}");
        assert_eq!(line["keys"], json!([named, named]), "{case}");
    }
}

fn now() -> i64 {
    SystemClock.now().unix_seconds()
}

fn is_issued(cloud: &Cloud, key: &SessionKey) -> bool {
    let known = cloud.secrets();
    let is_known =
        |secret: &Option<String>| secret.as_ref().is_some_and(|secret| known.contains(secret));
    let id = key.secret_id.as_deref().unwrap_or_default();
    is_known(&key.secret_key) && is_known(&key.token) && id.starts_with("AKIDEMU")
}

/// The formats by the members that only they have.
fn format_of(body: &Value) -> &'static str {
    let has = |pointer| body.pointer(pointer).is_some();
    match () {
        () if has("/Response/Credentials") => "sts",
        () if has("/Code") => "cvm",
        () if has("/credentials") => "sdk",
        () if has("/codeDesc") => "cam",
        () => "none",
    }
}

fn validity(body: &Value) -> (Option<i64>, i64) {
    let first =
        |pointers: &[&str]| pointers.iter().find_map(|pointer| body.pointer(pointer)?.as_i64());
    let expiry = first(&["/data/expiredTime", "/Response/ExpiredTime", "/ExpiredTime"]);
    (first(&["/data/startTime"]), expiry.unwrap())
}

/// The row as the page has it.
fn as_written((client, request, format, reader): &Row) -> String {
    let reader = match reader {
        Reader::Runs(_) => "run",
        Reader::Models(_) => "model",
    };
    format!("| {client} | `{request}` | `{format}` | {reader} |")
}
