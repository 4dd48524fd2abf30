//! Attempts to get more than was granted, in every part of a request and every encoding, on the
//! deployed binary. None reaches STS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::{Cloud, LambdaEvent, Outcome, Platform};
use cos_issuer_e2e::{issuer_on, start};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Texts that a policy, a path or a careless decoder would expand.
const HOSTILE: &str = "* ? $ { } \\ %2a %2A %252a ＊ ？ ＄ ｛ ｝ ＼ ${uin} f*.t1 *.* .. ../u-2 %2e%2e u-2/../u-1 \0 a\n";

/// Those that CAM does not expand, so that users' files may have such names: `issuing` tests them.
const ALLOWED_IN_KEYS: &str = "? $ { } ＊ ？ ＄ ｛ ｝ ＼";

const BUCKET: &str = "examplebucket-1250000000";

const REGION: &str = "ap-guangzhou";

#[tokio::test(flavor = "multi_thread")]
async fn wildcard_in_claim_key_prefix_ext_is_refused() {
    for platform in [Platform::ScfWeb, Platform::Lambda(LambdaEvent::HttpApi)] {
        let (cloud, browser) = start(platform, &[("EXTENSIONS", "jpg")]).await.unwrap();
        for hostile in HOSTILE.split(' ') {
            let once = utf8_percent_encode(hostile, NON_ALPHANUMERIC).to_string();
            let twice = utf8_percent_encode(&once, NON_ALPHANUMERIC).to_string();
            for written in [&once, &twice] {
                let paths = "/sts?bucket=X /sts?region=X /sts?prefix=X /sts?durationSeconds=X /sts?format=X /sts?X=1 /sts/X \
                             /getKeyAndCredentials?ext=X /getKeyAndCredentials?filename=a.X \
                             /getKeyAndCredentials?filename=X /getKeyAndCredentials?ext=jpg&key=X";
                for path in paths.split(' ') {
                    let path = path.replace('X', written);
                    let answer = browser.get(&path).await.unwrap();
                    // The client itself shortens `/sts/..` to `/`, which lists the routes.
                    let is_index = answer.status == 200 && answer.body.get("routes").is_some();
                    assert!(
                        (400..405).contains(&answer.status) || is_index,
                        "{platform:?} {path}: {answer:?}"
                    );
                }
            }
            let nested = format!("users/{hostile}/a");
            let action = format!("name/cos:{hostile}");
            for (member, value) in [
                ("action", action.as_str()),
                ("bucket", hostile),
                ("region", hostile),
                ("prefix", hostile),
                ("prefix", &nested),
                (hostile, "1"),
            ] {
                if value == nested && ALLOWED_IN_KEYS.split(' ').any(|each| each == hostile) {
                    continue;
                }
                let mut scope = json!({"action": "name/cos:PutObject", "bucket": BUCKET, "region": REGION, "prefix": "users/a"});
                scope[member] = json!(value);
                let request = browser.request("POST", "/sts").body(json!([scope]).to_string());
                let answer = browser.send(request).await.unwrap();
                assert!((400..405).contains(&answer.status), "{platform:?} {scope}: {answer:?}");
            }
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// The gateway authenticates these claims, but people choose them.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_claim_is_nobodys_prefix() {
    let builder = issuer_on(Platform::Lambda(LambdaEvent::HttpApi)).unwrap();
    let builder = builder.env("AUTH", "gateway").env("PREFIX", "users/{sub}/");
    let cloud = builder.start().await.unwrap();
    for hostile in HOSTILE.split(' ').chain(["a/b", "/", " ", "u-1/", "u.1"]) {
        let (status, body) = of_subject(&cloud, hostile).await;
        assert_eq!(
            (status, &body["codeDesc"]),
            (403, &json!("UnauthorizedOperation.CallerNotAllowed")),
            "{hostile:?}"
        );
        assert!(!body["message"].as_str().unwrap().contains("u-2"), "{body}");
    }
    assert_eq!(cloud.sts().call_count(), 0);
    let (status, _) = of_subject(&cloud, "u-1").await;
    assert_eq!(status, 200);
    let sent = cloud.sts().calls()[0].policy.clone().unwrap();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let below = format!("qcs::cos:{REGION}:uid/1250000000:{BUCKET}/users/u-1/*");
    assert_eq!(sent["statement"][0]["resource"], json!([below]));
}

/// No route signs a text, a method or a key that the caller chooses.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_here_is_a_signing_oracle() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let paths = "/auth /put-sign /post-policy /uploadSign /sts-direct-sign /sts-server-sign /sign/string /presign";
    for path in paths.split(' ') {
        for method in ["GET", "POST"] {
            let body = json!({"method": "PUT", "pathname": "/other/a", "stringToSign": "x", "host": "h", "key": "other/a"});
            let answer =
                browser.send(browser.request(method, path).body(body.to_string())).await.unwrap();
            assert_eq!(
                answer.body["codeDesc"], "InvalidParameter.RouteNotFound",
                "{method} {path}: {answer:?}"
            );
        }
    }
    let queries = "stringToSign=x method=PUT httpMethod=PUT&host=h&cosKey=k policy=e30 key=users/a";
    for query in queries.split(' ') {
        for route in ["/sts", "/getKeyAndCredentials"] {
            let answer = browser.get(&format!("{route}?{query}")).await.unwrap();
            assert_eq!(
                answer.body["codeDesc"], "InvalidParameter.QueryParameter",
                "{route} {query}: {answer:?}"
            );
        }
    }
    assert_eq!(cloud.sts().call_count(), 0);
}

/// Status and body of the response to a principal of a Lambda authorizer.
async fn of_subject(cloud: &Cloud, subject: &str) -> (u64, Value) {
    let event = json!({"version": "2.0", "rawPath": "/sign", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"accountId": "1", "apiId": "a", "stage": "$default", "authorizer": {"lambda": {"sub": subject}},
        "http": {"method": "GET", "path": "/sign", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"}}});
    let reply = match cloud.invoke(event.to_string()).await.outcome {
        Outcome::Response(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let body = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    (reply["statusCode"].as_u64().unwrap(), body)
}
