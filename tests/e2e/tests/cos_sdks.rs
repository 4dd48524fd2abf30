//! What the vendor's COS SDKs complain about in their `getAuthorization` callback. `client_shapes`
//! has the answers that they take.
//!
//! The whole path is real: the SDK's callback asks the gateway, the deployed binary answers, and
//! the SDK signs uploads with what it got; the mini-program SDK asks through a small host of `wx`.
//!
//! # Not covered
//!
//! Whether COS would allow those uploads.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{Client, Variables, bootstrap, cloud};
use serde_json::{Value, json};

const SDKS: [&str; 3] = ["cos-nodejs-sdk-v5", "cos-js-sdk-v5", "cos-wx-sdk-v5"];

/// The route of an object that the function names, in both shapes of its answer.
const NESTED: &str = "/getKeyAndCredentials?ext=jpg";
const FLAT: &str = "/getKeyAndCredentials?ext=jpg&format=flat";

#[tokio::test(flavor = "multi_thread")]
async fn mini_programs_upload_a_small_file_as_a_form() {
    let cloud = issuer().await;
    let line = upload(&cloud, "cos-wx-sdk-v5", "/sts", &[]).await;
    assert_eq!(line["methods"], json!(["POST", "PUT"]), "{line}");
    let keys = ["users/a b/é(1)/first.txt", "users/a b/é(1)/second.txt"];
    assert_eq!(line["keys"], json!(keys));
}

#[tokio::test(flavor = "multi_thread")]
async fn sdks_complain_when_a_member_is_missing() {
    let cloud = issuer().await;
    let nested = [
        ("credentials.tmpSecretId", "TmpSecretId"),
        ("credentials.tmpSecretKey", "TmpSecretKey"),
        ("credentials.sessionToken", "SecurityToken"),
        ("expiredTime", "ExpiredTime"),
    ];
    let flat = [
        ("TmpSecretId", "TmpSecretId"),
        ("TmpSecretKey", "TmpSecretKey"),
        ("SessionToken", "SecurityToken"),
        ("ExpiredTime", "ExpiredTime"),
    ];
    for sdk in SDKS {
        for (path, members) in [("/sts", nested), (NESTED, nested), (FLAT, flat)] {
            for (member, name) in members {
                let line = upload(&cloud, sdk, path, &[("OMIT", member)]).await;
                let case = format!("{sdk} {path} without {member}: {line}");
                assert_eq!(line["outcome"], "error", "{case}");
                let message = format!("getAuthorization callback params missing \"{name}\"");
                assert_eq!(line["message"], message, "{case}");
            }
        }
        // Without a start the SDK makes up the validity that it signs.
        let line = upload(&cloud, sdk, "/sts", &[("OMIT", "startTime")]).await;
        assert_eq!(line["sign_time_is_validity"], false, "{sdk} without startTime: {line}");
    }
}

/// Why all times are seconds, and whole numbers of ten digits.
#[tokio::test(flavor = "multi_thread")]
async fn sdks_complain_of_times_that_are_not_seconds() {
    let cloud = issuer().await;
    for sdk in SDKS {
        for with in ["1795330501000", "\"2026-11-22T06:55:01Z\""] {
            let change = [("REPLACE", "expiredTime"), ("WITH", with)];
            let line = upload(&cloud, sdk, "/sts", &change).await;
            assert_eq!(line["outcome"], "error", "{sdk} {with}: {line}");
            let message = "getAuthorization callback params \"ExpiredTime\" should be 10 digits";
            assert_eq!(line["message"], message, "{sdk} {with}");
        }
    }
}

async fn issuer() -> Cloud {
    let function = cloud().function(bootstrap().unwrap()).platform(Platform::ScfWeb);
    function.env("EXTENSIONS", "jpg").start().await.unwrap()
}

async fn upload(cloud: &Cloud, sdk: &str, path: &str, change: &[(&'static str, &str)]) -> Value {
    let mut settings = Variables::from([
        ("ISSUER_URL", format!("{}{path}", cloud.gateway_url().unwrap())),
        ("BUCKET", "examplebucket-1250000000".to_owned()),
        ("REGION", "ap-guangzhou".to_owned()),
        // Needs encoding, so that a signature over the wrong form of the path shows.
        ("PREFIX", "users/a b/é(1)/".to_owned()),
    ]);
    if path == FLAT {
        settings.insert("SHAPE", "flat".to_owned());
    }
    settings.extend(change.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Client::CosGetAuthorization.drive(&[sdk], &settings).await.unwrap()
}
