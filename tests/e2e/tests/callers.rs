//! `AUTH=api-key` and `AUTH=gateway` on the deployed binary. A refusal makes no call to STS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::io::Write as _;

use cos_emulator::{Cloud, LambdaEvent, Outcome, Platform, ScfEvent};
use cos_issuer_e2e::{API_KEY, Answer, Browser, EACH_KIND, PLATFORMS, printed, start};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

/// `printf %s KEY | openssl dgst -sha256` of [`API_KEY`], and a second key that is still accepted.
const API_KEYS: &str = "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8 sub=backend team=media; \
     last=60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 sub=backend";

const BY_API_KEY: [(&str, &str); 2] = [("AUTH", "api-key"), ("API_KEYS", API_KEYS)];

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_accepted_as_a_bearer_token() {
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform, &BY_API_KEY).await.unwrap();
        let answer = ask(&browser, &[("authorization", &bearer(API_KEY))]).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        assert_eq!(cloud.sts().call_count(), 1, "{platform:?}");
        for part in [
            "\"auth_method\":\"api-key\"",
            "\"key_name\":\"next\"",
            "\"subject\":\"3991708fa7add2f9ced02e52a0b8b308\"",
        ] {
            assert!(printed(&cloud, part).await, "{platform:?}: {part}");
        }
        assert!(!cloud.function_output().contains(API_KEY), "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_wrong_credential_makes_no_call() {
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform, &BY_API_KEY).await.unwrap();
        let (missing, wrong) = ("AuthFailure.ProofMissing", "AuthFailure.ApiKey");
        let digest = API_KEYS.get(5..69).unwrap();
        for (value, name) in [
            ("Basic YTpi", missing),
            (API_KEY, missing),
            (&bearer(digest), wrong),
            (&bearer(&format!("{API_KEY}0")), wrong),
        ] {
            refused(&ask(&browser, &[("authorization", value)]).await, name);
        }
        refused(&ask(&browser, &[("x-api-key", API_KEY)]).await, missing);
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_may_have_a_header_of_its_own() {
    let settings = [
        BY_API_KEY[0],
        BY_API_KEY[1],
        ("API_KEY_HEADER", "X-Api-Key"),
        ("ALLOWED_ORIGINS", "https://app.example.com"),
    ];
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform, &settings).await.unwrap();
        let answer = ask(&browser, &[("authorization", &bearer(API_KEY))]).await;
        assert_eq!(answer.body["codeDesc"], "AuthFailure.ProofMissing");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains("header=\"x-api-key\""));
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
        let answer = ask(&browser, &[("x-api-key", API_KEY)]).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");

        let preflight = browser
            .request("OPTIONS", "/sign")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "x-api-key");
        let preflight = browser.send(preflight).await.unwrap();
        let allowed = preflight.header("access-control-allow-headers");
        assert!(allowed.contains("x-api-key"), "{platform:?}: {allowed}");
    }
}

/// Nothing that a client sends is an identity of the platform.
#[tokio::test(flavor = "multi_thread")]
async fn spoofed_gateway_identity_is_ignored() {
    for platform in PLATFORMS {
        if platform == Platform::ScfWeb {
            continue;
        }
        let (cloud, browser) = start(platform, &[("AUTH", "gateway")]).await.unwrap();
        let context = json!({"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "u"}}}, "identity": {"secretId": "u"}}});
        let spoofed = [
            ("x-amzn-oidc-identity", "u"),
            ("x-amzn-oidc-data", "e30.e30.e30"),
            ("x-amz-user-arn", "arn:aws:iam::1:user/u"),
            ("x-forwarded-user", "u"),
            ("x-scf-uin", "1"),
            ("secretid", "u"),
            ("requestcontext", "{\"identity\":{\"secretId\":\"u\"}}"),
            ("authorization", "Bearer e30.eyJzdWIiOiJ1In0.e30"),
        ];
        let answer = ask(&browser, &spoofed).await;
        refused(&answer, "AuthFailure.ProofMissing");
        let body = browser.request("POST", "/sts").body(context.to_string());
        assert_ne!(browser.send(body).await.unwrap().status, 200);
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_the_gateway_is_accepted_where_auth_names_it() {
    let lambda = http_api_event(&json!({"sub": "person-1"}));
    let mut without_subject = lambda.clone();
    without_subject["requestContext"]["authorizer"] = json!({"jwt": {"claims": {"email": "a"}}});
    let scf = json!({"httpMethod": "GET", "path": "/sign", "headers": {}, "queryString": {},
        "requestContext": {"serviceId": "service-a", "stage": "release", "identity": {"secretId": "person-1"}}});
    let mut empty_subject = scf.clone();
    empty_subject["requestContext"]["identity"] = json!({"secretId": ""});
    let lambda = (Platform::Lambda(LambdaEvent::HttpApi), lambda, without_subject);
    let scf = (Platform::Scf(ScfEvent::ApiGateway), scf, empty_subject);
    for ((platform, event, bad), method) in [(lambda, "gateway-jwt"), (scf, "gateway-key-pair")] {
        let (cloud, _) = start(platform, &[("AUTH", "gateway")]).await.unwrap();
        let refusal = invoke(&cloud, &bad).await;
        assert_eq!(refusal, (401, json!("AuthFailure.GatewayIdentity")));
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");

        assert_eq!(invoke(&cloud, &event).await.0, 200, "{platform:?}");
        assert!(printed(&cloud, &format!("\"auth_method\":\"{method}\"")).await);
        let output = cloud.function_output();
        assert!(!output.contains("person-1"), "{platform:?}");

        // `AUTH` does not name the method.
        let (cloud, _) = start(platform, &BY_API_KEY).await.unwrap();
        let refusal = invoke(&cloud, &event).await;
        assert_eq!(refusal, (401, json!("AuthFailure.ProofMissing")));
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// HTTP APIs of AWS send every claim of a token as a string: a list in brackets, a boolean and a
/// number in words.
#[tokio::test(flavor = "multi_thread")]
async fn groups_behind_a_gateway_match_where_the_grant_asks_for_a_list() {
    let claims = json!({"sub": "person-1", "admin": "true", "level": "42", "cognito:groups": "[media press]"});
    let event = http_api_event(&claims);
    for (wanted, is_granted) in [
        (r#""cognito:groups" = { contains = "media" }"#, true),
        ("admin = true, level = 42", true),
        (r#""cognito:groups" = ["media"]"#, false),
    ] {
        let grant = "bucket = \"examplebucket-1250000000\"\nregion = \"ap-guangzhou\"\nprefix = \"media/\"\nallow = [\"upload\"]";
        let grant = format!("[[grant]]\nname = \"media\"\nmatch = {{ {wanted} }}\n{grant}\n");
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(grant.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let platform = Platform::Lambda(LambdaEvent::HttpApi);
        let settings = [("AUTH", "gateway"), ("GRANTS_FILE", path)];
        let (cloud, _) = start(platform, &settings).await.unwrap();
        let status = invoke(&cloud, &event).await.0;
        assert_eq!(status, if is_granted { 200 } else { 403 }, "{wanted}");
        assert_eq!(cloud.sts().call_count(), usize::from(is_granted), "{wanted}");
        if wanted.ends_with("[\"media\"]") {
            let named = "\"wrong_type_claims\":\"cognito:groups\"";
            assert!(printed(&cloud, named).await);
        }
        assert!(!cloud.function_output().contains("press"), "{wanted}");
    }
}

/// `GET /sign` through an HTTP API whose JWT authorizer accepted these claims.
fn http_api_event(claims: &Value) -> Value {
    json!({"version": "2.0", "rawPath": "/sign", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"accountId": "1", "apiId": "a", "stage": "$default", "authorizer": {"jwt": {"claims": claims, "scopes": null}},
        "http": {"method": "GET", "path": "/sign", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"}}})
}

/// Status and `codeDesc` of the reply to a raw event.
async fn invoke(cloud: &Cloud, event: &Value) -> (u64, Value) {
    let reply = match cloud.invoke(event.to_string()).await.outcome {
        Outcome::Response(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let status = reply["statusCode"].as_u64().unwrap();
    (status, body["codeDesc"].clone())
}

async fn ask(browser: &Browser, headers: &[(&str, &str)]) -> Answer {
    let mut request = browser.request("GET", "/sign");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request).await.unwrap()
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Refused with status 401 and this code, with a challenge and without a credential.
#[track_caller]
fn refused(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.body["codeDesc"], name);
    assert_eq!(answer.body["code"], 4100);
    assert!(answer.body.get("data").is_none());
    assert!(answer.headers.contains_key("www-authenticate"));
}
