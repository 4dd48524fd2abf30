//! The vendor's COS SDKs take the issuer's `/sts` answer in their `getAuthorization` callback without a complaint.
//!
//! The whole path is real: the SDK's callback asks the gateway, the deployed binary answers, and the SDK signs uploads with what
//! it got. Leaves out: whether COS would allow those uploads.
#![expect(
    clippy::unwrap_used,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, LambdaEvent, Platform, ScfEvent};
use cos_issuer_e2e::{Client, Variables, bootstrap, cloud};
use serde_json::Value;

const SDKS: [&str; 2] = ["cos-nodejs-sdk-v5", "cos-js-sdk-v5"];

#[tokio::test(flavor = "multi_thread")]
async fn sdks_accept_the_answer_on_every_platform() {
    let platforms = [
        Platform::Scf(ScfEvent::FunctionUrl),
        Platform::ScfWeb,
        Platform::Lambda(LambdaEvent::FunctionUrl),
    ];
    for platform in platforms {
        let cloud = issuer_on(platform).await;
        for sdk in SDKS {
            let line = upload(&cloud, sdk, None).await;
            let case = format!("{platform:?} {sdk}: {line}");
            assert_eq!(line["outcome"], "ok", "{case}");
            assert_eq!(line["tmpSecretId_prefix"], "AKIDEMU", "{case}");
            assert_eq!(line["uploads"], 2, "{case}");
            assert_eq!(
                line["issuer_calls"], 1,
                "the second upload reuses the credential: {case}"
            );
            for part in [
                "secret_id_is_q_ak",
                "token_is_session_token",
                "sign_time_is_validity",
                "signed_with_secret_key",
            ] {
                assert_eq!(line[part], true, "{part}: {case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sdks_complain_when_a_member_is_missing() {
    let cloud = issuer_on(Platform::ScfWeb).await;
    let members = [
        ("credentials.tmpSecretId", "TmpSecretId"),
        ("credentials.tmpSecretKey", "TmpSecretKey"),
        ("credentials.sessionToken", "SecurityToken"),
        ("expiredTime", "ExpiredTime"),
    ];
    for sdk in SDKS {
        for (member, name) in members {
            let line = upload(&cloud, sdk, Some(member)).await;
            assert_eq!(line["outcome"], "error", "{sdk} without {member}: {line}");
            assert_eq!(
                line["message"],
                format!("getAuthorization callback params missing \"{name}\"")
            );
        }
        // Without a start the SDK makes up the validity that it signs.
        let line = upload(&cloud, sdk, Some("startTime")).await;
        assert_eq!(
            line["sign_time_is_validity"], false,
            "{sdk} without startTime: {line}"
        );
    }
}

async fn issuer_on(platform: Platform) -> Cloud {
    cloud()
        .function(bootstrap().unwrap())
        .platform(platform)
        .start()
        .await
        .unwrap()
}

async fn upload(cloud: &Cloud, sdk: &str, omit: Option<&str>) -> Value {
    let mut settings = Variables::from([
        (
            "ISSUER_URL",
            format!("{}/sts", cloud.gateway_url().unwrap()),
        ),
        ("BUCKET", "examplebucket-1250000000".to_owned()),
        ("REGION", "ap-guangzhou".to_owned()),
        // Needs encoding, so that a signature over the wrong form of the path shows.
        ("PREFIX", "users/a b/é(1)/".to_owned()),
    ]);
    if let Some(member) = omit {
        settings.insert("OMIT", member.to_owned());
    }
    Client::CosGetAuthorization
        .drive(&[sdk], &settings)
        .await
        .unwrap()
}
