//! A credential is issued: on every platform, through every shape of event, in every format.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, Platform, ScfEvent};
use cos_issuer_e2e::{Answer, Browser, PLATFORMS, issuer_on, printed, start};
use serde_json::{Value, json};

const POLICY: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:PutObject","name/cos:PostObject","name/cos:InitiateMultipartUpload","name/cos:UploadPart","name/cos:CompleteMultipartUpload","name/cos:AbortMultipartUpload","name/cos:ListParts","name/cos:ListMultipartUploads"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"]}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn sign_answers_an_old_client_of_the_samples_on_every_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        let answer = browser.get("/sign").await.unwrap();
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        let body = &answer.body;
        assert_eq!(
            (&body["code"], &body["message"], &body["codeDesc"]),
            (&json!(0), &json!(""), &json!("Success"))
        );
        assert!(body["data"]["expiredTime"].is_i64(), "{platform:?}");
        assert_issued(&cloud, &body["data"]["credentials"]);
        assert_headers(&answer);

        let [call] = &cloud.sts().calls()[..] else { panic!("{platform:?}: not one call") };
        assert_eq!(
            (call.action.as_str(), call.outcome.as_str()),
            ("GetFederationToken", "Success")
        );
        assert_eq!(call.signature_method, "TC3-HMAC-SHA256");
        assert_eq!(call.duration_seconds, Some(1800));
        let policy: Value = serde_json::from_str(call.policy.as_deref().unwrap()).unwrap();
        assert_eq!(
            policy,
            serde_json::from_str::<Value>(POLICY).unwrap(),
            "decoded once, it is the grant"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_served_on_both_routes_and_methods() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (method, path, place) in [
        ("GET", "/sign", "/data/credentials"),
        ("POST", "/sign", "/data/credentials"),
        ("GET", "/sts", "/credentials"),
        ("POST", "/sts", "/data/credentials"),
        ("GET", "/sign?format=sdk", "/credentials"),
        ("GET", "/sts?format=cam", "/data/credentials"),
    ] {
        let answer = browser.send(browser.request(method, path)).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        assert_issued(&cloud, answer.body.pointer(place).unwrap());
    }
    let sts = browser.get("/sign?format=sts").await.unwrap().body;
    assert!(
        sts["Response"]["ExpiredTime"].is_i64()
            && sts["Response"]["Credentials"]["Token"].is_string()
    );
    let cvm = browser.get("/sts?format=cvm").await.unwrap().body;
    assert_eq!(cvm["Code"], "Success");
    assert!(cvm["ExpiredTime"].is_i64() && cvm["Token"].is_string() && cvm.get("code").is_none());
    assert_eq!(cloud.sts().call_count(), 8);
}

/// Apps of the samples add cache busters, and post forms and objects that the samples never read.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ignores_what_the_samples_ignored() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    for (path, content_type, body) in [
        ("/sign/", "", ""),
        ("/sign?t=1767225600&uid=7", "", ""),
        ("/sts?_=1767225600123", "", ""),
        ("/sts?_t=1&bucket=examplebucket-1250000000&region=ap-guangzhou", "", ""),
        ("/sign", form, "uid=7&bucket=b"),
        ("/sign", json, r#"{"uid":7}"#),
        ("/sign", "", "{}"),
    ] {
        let request = browser.request("POST", path).header("content-type", content_type);
        let answer = browser.send(request.body(body)).await.unwrap();
        assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
    }
    assert_eq!(cloud.sts().call_count(), 7);
}

/// What users call their files: each is one key, in the policy as it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_of_an_unusual_key_is_that_key() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (name, is_taken) in [
        ("中文文件.txt", true),
        ("Screenshot 2026-04-28 at 13.12.14.png", true),
        ("a+b (1).png", true),
        ("a=b&c.txt", true),
        ("【结案报告-更新2】.pptx", true),
        ("为什么？.docx", true),
        ("50%25.txt", true),
        ("a?b#c.txt", true),
        ("{id}.txt", true),
        ("$100.pdf", true),
        ("quote\"s;b,c@d😀.txt", true),
        ("it's!~*.txt", false),
        ("${uin}.txt", false),
    ] {
        let scope = json!([{"action": "name/cos:PutObject", "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": format!("users/{name}")}]);
        let request = browser.request("POST", "/sts").body(scope.to_string());
        let answer = browser.send(request).await.unwrap();
        if is_taken {
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
            let call = cloud.sts().calls().pop().unwrap();
            let policy: Value = serde_json::from_str(call.policy.as_deref().unwrap()).unwrap();
            let resource = policy["statement"][0]["resource"][0].as_str().unwrap().to_owned();
            assert!(resource.ends_with(&format!("/users/{name}")), "{resource}");
        } else {
            let named = if name.contains('*') { "`*`" } else { "`${`" };
            let message = answer.body["message"].as_str().unwrap();
            assert!(answer.status == 400 && message.contains(named), "{name}: {message}");
        }
    }
}

/// What Android sends for an upload in parts, with one leading `/` that other clients leave on.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_array_narrows_the_credential_to_what_was_asked_on_every_platform() {
    let operations = [
        "InitiateMultipartUpload",
        "ListParts",
        "UploadPart",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
    ];
    let scopes = operations.map(|operation| {
        json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": "/users/1/a.mp4"})
    });
    let policy = json!({"version": "2.0", "statement": [{
        "effect": "allow",
        "action": operations.map(|operation| format!("name/cos:{operation}")),
        "resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/a.mp4"],
    }]});
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        for path in ["/sts", "/sts-scope", "/sts/scope"] {
            let request = browser
                .request("POST", path)
                .header("content-type", "application/json")
                .body(json!(scopes).to_string());
            let answer = browser.send(request).await.unwrap();
            assert_eq!(answer.status, 200, "{platform:?} {path}: {answer:?}");
            assert_issued(&cloud, &answer.body["credentials"]);
        }
        for call in cloud.sts().calls() {
            let sent: Value = serde_json::from_str(call.policy.as_deref().unwrap()).unwrap();
            assert_eq!(sent, policy, "{platform:?}");
        }
        assert_eq!(cloud.sts().call_count(), 3, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_the_function_names_is_all_its_credential_covers() {
    let prefix = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[("EXTENSIONS", "jpg,png")]).await.unwrap();
        let nested = browser.get("/getKeyAndCredentials?filename=Holiday.JPG").await.unwrap();
        assert_eq!(nested.status, 200, "{platform:?}: {nested:?}");
        assert_issued(&cloud, &nested.body["credentials"]);
        let flat = browser.get("/getKeyAndCredentials?ext=png&format=flat").await.unwrap();
        assert_eq!(flat.status, 200, "{platform:?}: {flat:?}");
        assert_issued(
            &cloud,
            &json!({"tmpSecretId": flat.body["TmpSecretId"], "tmpSecretKey": flat.body["TmpSecretKey"], "sessionToken": flat.body["SessionToken"]}),
        );
        assert_eq!(nested.body["key"], nested.body["data"]["key"], "{platform:?}");
        let keys =
            [&nested.body["key"], &flat.body["Key"]].map(|key| key.as_str().unwrap().to_owned());
        assert!(
            keys[0].starts_with("users/") && keys[0].ends_with(".jpg") && keys[1].ends_with(".png"),
            "{keys:?}"
        );
        for (call, key) in cloud.sts().calls().iter().zip(&keys) {
            let policy: Value = serde_json::from_str(call.policy.as_deref().unwrap()).unwrap();
            assert_eq!(
                policy["statement"][0]["resource"],
                json!([format!("{prefix}{key}")]),
                "{platform:?}"
            );
        }
        assert_eq!(
            (&flat.body["Bucket"], &flat.body["Region"]),
            (&json!("examplebucket-1250000000"), &json!("ap-guangzhou"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_life_is_asked_for_on_every_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        let answer = browser.get("/sts?durationSeconds=900&format=cam").await.unwrap();
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        let data = &answer.body["data"];
        let life = data["expiredTime"].as_i64().unwrap() - data["startTime"].as_i64().unwrap();
        assert!((900..=902).contains(&life), "{platform:?}: {life}");
        assert_eq!(cloud.sts().calls().first().and_then(|call| call.duration_seconds), Some(900));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_preflights_answer_without_a_call() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        for (method, path, status) in [
            ("GET", "/healthz", 200),
            ("GET", "/readyz", 200),
            ("OPTIONS", "/sign", 204),
            ("OPTIONS", "/anything", 204),
        ] {
            let answer = browser.send(browser.request(method, path)).await.unwrap();
            assert_eq!(answer.status, status, "{platform:?} {method} {path}: {answer:?}");
            assert_headers(&answer);
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_assumed_when_one_is_named() {
    let builder = issuer_on(Platform::ScfWeb).unwrap();
    let cloud = builder
        .env("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/issuer")
        .start()
        .await
        .unwrap();
    assert_eq!(cloud.account().role_arn("issuer"), "qcs::cam::uin/100000000001:roleName/issuer");
    assert_one_call(&cloud, "AssumeRole").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_role_assumes_the_role_with_its_temporary_key() {
    for platform in [Platform::ScfWeb, Platform::Scf(ScfEvent::FunctionUrl)] {
        let builder =
            issuer_on(platform).unwrap().without_env("SECRET_ID").without_env("SECRET_KEY");
        let cloud = builder
            .env("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/issuer")
            .start()
            .await
            .unwrap();
        assert_one_call(&cloud, "AssumeRole").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_path_is_taken_off() {
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("BASE_PATH", "/credentials");
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    assert_eq!(browser.get("/credentials/sign").await.unwrap().status, 200);
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(browser.get("/other/sign").await.unwrap().status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_share_one_instance_and_one_process() {
    let (cloud, browser) = start(Platform::Scf(ScfEvent::FunctionUrl), &[]).await.unwrap();
    browser.get("/sign").await.unwrap();
    let processes = cloud.function_processes();
    for _ in 0..5 {
        assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    }
    assert_eq!(cloud.function_processes(), processes);
    assert_eq!(cloud.sts().call_count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_function_warns_that_its_answers_are_logged() {
    let (cloud, browser) = start(Platform::Scf(ScfEvent::FunctionUrl), &[]).await.unwrap();
    browser.get("/healthz").await.unwrap();
    assert!(printed(&cloud, "SCF writes what an event function returns").await);
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    browser.get("/healthz").await.unwrap();
    assert!(printed(&cloud, "listening").await);
    assert!(!cloud.function_output().contains("SCF writes what an event function returns"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_is_one_audit_line() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let granted = browser.get("/sign").await.unwrap();
    let refused = browser.get("/sign?format=xml").await.unwrap();
    let sts_request_id = cloud.sts().calls().first().map(|call| call.request_id.clone()).unwrap();
    assert!(printed(&cloud, "InvalidParameter.Format").await);
    let lines: Vec<Value> = cloud
        .function_output()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["message"] == "decision")
        .collect();
    let id =
        |answer: &Answer| answer.headers.get("x-request-id").unwrap().to_str().unwrap().to_owned();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["request_id"], json!(id(&granted)));
    assert_eq!(lines[0]["outcome"], "granted");
    assert_eq!(lines[0]["sts_request_id"], json!(sts_request_id));
    assert_eq!(lines[0]["expires_at"], granted.body["data"]["expiredTime"]);
    assert_eq!(lines[1]["request_id"], json!(id(&refused)));
    assert_eq!(
        (&lines[1]["outcome"], &lines[1]["code"]),
        (&"refused".into(), &"InvalidParameter.Format".into())
    );
}

async fn assert_one_call(cloud: &Cloud, action: &str) {
    let answer = Browser::of(cloud).unwrap().get("/sign").await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_issued(cloud, &answer.body["data"]["credentials"]);
    let calls: Vec<(String, String)> =
        cloud.sts().calls().into_iter().map(|call| (call.action, call.outcome)).collect();
    assert_eq!(calls, [(action.to_owned(), "Success".to_owned())]);
}

/// The keys are the ones that this STS issued; the message of a failure contains none of them.
#[track_caller]
fn assert_issued(cloud: &Cloud, credentials: &Value) {
    let known = cloud.secrets();
    for member in ["tmpSecretKey", "sessionToken"] {
        let secret = credentials[member].as_str().unwrap_or_default();
        assert!(known.iter().any(|known| known == secret), "`{member}` was not issued by the STS");
    }
    assert!(credentials["tmpSecretId"].as_str().unwrap_or_default().starts_with("AKIDEMU"));
}

#[track_caller]
fn assert_headers(answer: &Answer) {
    let header = |name: &str| answer.header(name);
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("vary"), "Origin, Authorization");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(!header("x-request-id").is_empty());
}
