//! A credential is issued: on every platform, through every shape of event, in every format.

use std::io::Write as _;

use cos_emulator::{Cloud, FunctionOptions, LambdaEvent, Platform, ScfEvent};
use cos_issuer_e2e::{Browser, PLATFORMS, bootstrap, issuer_on, printed, start};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tencent::cam::Context;

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
        assert_eq!(answer.lacks(), None, "{platform:?}");

        let [call] = &cloud.sts().calls()[..] else { panic!("{platform:?}: not one call") };
        assert_eq!(
            (call.action.as_str(), call.outcome.as_str()),
            ("GetFederationToken", "Success")
        );
        assert_eq!(call.signature_method, "TC3-HMAC-SHA256");
        assert_eq!(call.duration_seconds, Some(1800));
        let policy: Value = serde_json::from_str(call.policy.as_deref().unwrap()).unwrap();
        let granted: Value = serde_json::from_str(POLICY).unwrap();
        assert_eq!(policy, granted, "decoded once, it is the grant");
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
    let process = browser.get("/sts?format=credential_process").await.unwrap().body;
    assert!(process["Version"] == 1 && process["SessionToken"].is_string());
    assert_eq!(cloud.sts().call_count(), 9);
}

/// Two functions in front of one STS and one COS.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_functions_gives_only_what_it_grants() {
    let mut downloads = FunctionOptions::new("downloads", bootstrap().unwrap());
    downloads.platform = Platform::Lambda(LambdaEvent::FunctionUrl);
    for (name, value) in [("PREFIX", "public/"), ("ALLOW", "download")] {
        downloads.variables.insert(name.to_owned(), value.to_owned());
    }
    let uploads = issuer_on(Platform::ScfWeb).unwrap().function_name("uploads");
    let uploads = uploads.env("PREFIX", "inbox/").add_function(downloads);
    let cloud = uploads.start().await.unwrap();
    cloud.wait_each_ready().await.unwrap();
    let names: Vec<String> = cloud.functions().map(|function| function.name).collect();
    assert_eq!(names, ["uploads", "downloads"]);
    for (function, operation, key) in cloud
        .functions()
        .zip([("PutObject", "inbox/a"), ("GetObject", "public/a")])
        .map(|(function, (operation, key))| (function, operation, key))
    {
        let answer = Browser::at(function.url).unwrap().get("/sts").await.unwrap();
        let credentials = &answer.body["credentials"];
        let id = credentials["tmpSecretId"].as_str().unwrap();
        let allowed = |operation: &str, key: &str| {
            let context = Context::new();
            cloud.simulate(id, operation, key, context).unwrap().is_allowed
        };
        assert!(allowed(operation, key), "{}", function.name);
        for (other, other_key) in [
            ("PutObject", "inbox/a"),
            ("PutObject", "public/a"),
            ("GetObject", "inbox/a"),
            ("GetObject", "public/a"),
        ] {
            let is_own = (other, other_key) == (operation, key);
            assert_eq!(allowed(other, other_key), is_own, "{}: {other} {other_key}", function.name);
        }
    }
    let output = cloud.function_output();
    for name in names {
        assert!(output.contains(&format!("{name} | ")), "{output}");
    }
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

/// What users call their files.
const KEY: &str = "users/1/为什么？ a+b=c (50%25) {id} $1 \"é\";😀.mp4";

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
        json!({"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": format!("/{KEY}")})
    });
    let policy = json!({"version": "2.0", "statement": [{
        "effect": "allow",
        "action": operations.map(|operation| format!("name/cos:{operation}")),
        "resource": [format!("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/{KEY}")],
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

/// With the key of the settings, and with the execution role's temporary one.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_assumed_when_one_is_named() {
    for (platform, without) in [
        (Platform::ScfWeb, &[][..]),
        (Platform::ScfWeb, &["SECRET_ID", "SECRET_KEY"]),
        (Platform::Scf(ScfEvent::FunctionUrl), &["SECRET_ID", "SECRET_KEY"]),
    ] {
        let role = "qcs::cam::uin/100000000001:roleName/issuer";
        let builder = issuer_on(platform).unwrap().env("ROLE_ARN", role);
        let builder = without.iter().fold(builder, |builder, name| builder.without_env(*name));
        let cloud = builder.start().await.unwrap();
        let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_issued(&cloud, &answer.body["data"]["credentials"]);
        let [call] = &cloud.sts().calls()[..] else { panic!("{platform:?}: not one call") };
        assert_eq!((call.action.as_str(), call.outcome.as_str()), ("AssumeRole", "Success"));
    }
}

/// Each twice: the second time, the credential is cached.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_names_the_role_that_is_assumed_for_it() {
    let role = "role = \"qcs::cam::uin/100000000001:roleName/issuer\"\n";
    let grant = |name: &str, bucket: &str, role: &str| {
        format!(
            "[[grant]]\nname = \"{name}\"\nmatch = \"everyone\"\nbucket = \"{bucket}\"\n\
             region = \"ap-guangzhou\"\nprefix = \"a/\"\nallow = [\"upload\"]\n{role}"
        )
    };
    let missing = role.replace("roleName/issuer", "roleName/missing");
    let mut file = NamedTempFile::new().unwrap();
    let grants = [
        grant("own", "own-1250000000", ""),
        grant("other", "other-1250000000", role),
        grant("missing", "missing-1250000000", &missing),
    ];
    file.write_all(grants.concat().as_bytes()).unwrap();
    let settings = [("GRANTS_FILE", file.path().to_str().unwrap()), ("CACHE", "on")];
    let (cloud, browser) = start(Platform::ScfWeb, &settings).await.unwrap();
    for _ in 0..2 {
        let all = browser.get("/sts").await.unwrap();
        assert_eq!(all.status, 403, "{all:?}");
        let message = all.body["message"].as_str().unwrap();
        assert!(message.contains("different roles"), "{message}");
        for bucket in ["own-1250000000", "other-1250000000"] {
            let answer = browser.get(&format!("/sts?bucket={bucket}")).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    let calls = cloud.sts().calls();
    let actions: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(actions, ["GetFederationToken", "AssumeRole"]);
    let named = "\"role\":\"qcs::cam::uin/100000000001:roleName/issuer\"";
    assert!(printed(&cloud, named).await);
    let answer = browser.get("/sts?bucket=missing-1250000000").await.unwrap();
    assert_eq!(answer.body["codeDesc"], "InternalError.UpstreamRefused", "{answer:?}");
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
