//! The official Lambda emulator (RIE) drives the deployed binary through Lambda's runtime API.
//!
//! Events are those of a function URL.
//!
//! # Not covered
//!
//! The other shapes of events, which the local cloud covers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a fault in a helper of these tests is a failed test"
)]

use cos_emulator::Cloud;
use cos_issuer_e2e::{Rie, Variables, bootstrap, cloud};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn function_url_event_is_answered_with_credentials_that_the_sts_issued() {
    let cloud = cloud().start().await.unwrap();
    let mut rie = issuer_in_rie(&cloud).await;

    let answer = request(&mut rie, "GET", "/sign").await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["isBase64Encoded"], false);
    assert_eq!(answer["headers"]["content-type"], "application/json");
    let body = body(&answer);
    assert_eq!(body["code"], 0);
    assert_eq!(body["codeDesc"], "Success");
    let credentials = &body["data"]["credentials"];
    assert!(credentials["tmpSecretId"].as_str().unwrap().starts_with("AKIDEMU"));
    let issued = cloud.secrets();
    for member in ["tmpSecretKey", "sessionToken"] {
        let secret = credentials[member].as_str().unwrap();
        // Not assert_eq: a failure would print the secret.
        assert!(
            issued.iter().any(|known| known == secret),
            "{member} is not one that the STS issued"
        );
    }
    let [call] = &cloud.sts().calls()[..] else {
        panic!("not one call: {:?}", cloud.sts().calls())
    };
    assert_eq!((call.action.as_str(), call.outcome.as_str()), ("GetFederationToken", "Success"));
    assert_eq!(call.signature_method, "TC3-HMAC-SHA256");
    // Part of what the leak check reads.
    println!("function: {}", rie.stop().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_route_is_refused_and_the_function_lives_on() {
    let cloud = cloud().start().await.unwrap();
    let mut rie = issuer_in_rie(&cloud).await;

    let answer = request(&mut rie, "GET", "/no-such-route").await;
    assert_eq!(answer["statusCode"], 404);
    assert!(body(&answer)["code"].as_i64() > Some(0));
    assert_eq!(body(&answer).get("data"), None);
    assert_eq!(request(&mut rie, "DELETE", "/sign").await["statusCode"], 405);
    assert_eq!(cloud.sts().call_count(), 0, "a refusal calls no STS");

    assert_eq!(request(&mut rie, "GET", "/sts").await["statusCode"], 200);
    assert_eq!(cloud.sts().call_count(), 1);
    // Part of what the leak check reads.
    println!("function: {}", rie.stop().await.unwrap());
}

async fn issuer_in_rie(cloud: &Cloud) -> Rie {
    let key = cloud.sub_account_key();
    let variables = Variables::from([
        ("SECRET_ID", key.secret_id.clone()),
        ("SECRET_KEY", key.secret_key.clone()),
        ("KEY_OWNER", "sub-account".to_owned()),
        ("STS_ENDPOINTS", cloud.sts().https_url()),
        ("STS_CA_FILE", cloud.sts().ca_file().display().to_string()),
        ("BUCKET", "examplebucket-1250000000".to_owned()),
        ("REGION", "ap-guangzhou".to_owned()),
        ("PREFIX", "users/".to_owned()),
        ("ALLOW", "upload".to_owned()),
        ("AUTH", "none".to_owned()),
    ]);
    Rie::start(&bootstrap().unwrap(), &variables).await.unwrap()
}

/// The function's reply to a function URL's event; the emulator itself must have answered well.
async fn request(rie: &mut Rie, method: &str, path: &str) -> Value {
    let invocation = rie.invoke(&function_url_event(method, path)).await.unwrap();
    assert_eq!(invocation.status, 200, "{method} {path}");
    invocation.payload
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

/// Every member that AWS documents for a function URL with `AuthType` `NONE`.
fn function_url_event(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"accept": "*/*", "host": "abcdefghij.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "a test",
            },
            "requestId": "6f4a1a35-6b2f-4b5f-9d6b-0f3c3f0b9f11",
            "routeKey": "$default",
            "stage": "$default",
            "time": "11/Jan/2023:10:38:54 +0000",
            "timeEpoch": 1_673_433_534_837_i64,
        },
        "isBase64Encoded": false,
    })
}
