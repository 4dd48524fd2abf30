//! What is refused, on every platform: the status, the stable code, and not one call to STS.

use cos_emulator::{LambdaEvent, Outcome, Platform, ScfEvent};
use cos_issuer_e2e::{Answer, PLATFORMS, start};
use serde_json::{Value, json};

/// Method, path, status, code, body. The grant is `upload` below `users/`. The unit tests have the
/// tables of each code.
const REFUSED: &str = r#"
GET /signs 404 InvalidParameter.RouteNotFound
GET /sign%2f..%2fsts 404 InvalidParameter.RouteNotFound
POST /auth 404 InvalidParameter.RouteNotFound
PUT /sign 405 InvalidParameter.MethodNotAllowed
POST /healthz 405 InvalidParameter.MethodNotAllowed
POST / 405 InvalidParameter.MethodNotAllowed
GET /sign?bucket=other-1250000000 403 UnauthorizedOperation.Scope
GET /sign?prefix=users/1/ 400 InvalidParameter.QueryParameter
GET /sts?t=1767225600 400 InvalidParameter.QueryParameter
GET /sign?format=xml 400 InvalidParameter.Format
GET /sign?format 400 InvalidParameter.Format
GET /sign?durationSeconds=359 400 InvalidParameter.DurationSeconds
GET /sign?durationSeconds=1801 400 InvalidParameter.DurationSeconds
GET /sign?durationSeconds=99999999999999999999 400 InvalidParameter.DurationSeconds
GET /sign?format=flat 400 InvalidParameter.Format
GET /getKeyAndCredentials 400 InvalidParameter.QueryParameter
GET /getKeyAndCredentials?ext=jpg&filename=a.jpg 400 InvalidParameter.QueryParameter
GET /getKeyAndCredentials?ext=jpg&format=cam 400 InvalidParameter.Format
GET /getKeyAndCredentials?ext=jpg 403 UnauthorizedOperation.Extension
GET /getKeyAndCredentials?filename=x.%24%7Buin%7D 403 UnauthorizedOperation.Extension
POST /getKeyAndCredentials?ext=jpg 400 InvalidParameter.UnexpectedBody {}
GET /put-sign?ext=jpg 403 UnauthorizedOperation.Extension
POST /put-sign?ext=jpg 405 InvalidParameter.MethodNotAllowed
GET /post-policy?ext=jpg&key=users/1/a.jpg 400 InvalidParameter.QueryParameter
GET /download-sign?key=users/1/a.jpg 403 UnauthorizedOperation.Scope
GET /download-sign?key=users/1/%2a 400 InvalidParameter.QueryParameter
POST /sign 400 InvalidParameter.UnexpectedBody []
POST /sts 400 InvalidParameter.Scope []
POST /sts-scope 400 InvalidParameter.Scope [{}]
POST /sts 403 UnauthorizedOperation.Scope [{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"*"}]
POST /sts/scope 403 UnauthorizedOperation.Scope [{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users/1/a"},{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users2/a"}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_makes_no_call_on_any_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        for row in REFUSED.trim().lines() {
            let [method, path, status, name, body] = columns(row);
            let mut request = browser.request(method, path);
            if !body.is_empty() {
                request = request.header("content-type", "application/json").body(body);
            }
            let answer = browser.send(request).await.unwrap();
            let case = format!("{platform:?} {row}");
            assert_refusal(&answer, status.parse().unwrap(), name, &case);
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// The last column may be missing, and may have blanks.
fn columns(row: &str) -> [&str; 5] {
    let mut columns = row.splitn(5, ' ');
    std::array::from_fn(|_| columns.next().unwrap_or_default())
}

/// Load balancers probe with HEAD, of ours and of others.
#[tokio::test(flavor = "multi_thread")]
async fn head_is_a_probe_and_never_issues() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        for (path, status) in [
            ("/healthz", 200),
            ("/livez", 200),
            ("/readyz", 200),
            ("/", 200),
            ("/sign", 405),
            ("/sts", 405),
        ] {
            let answer = browser.send(browser.request("HEAD", path)).await.unwrap();
            assert_eq!(answer.status, status, "{platform:?} {path}");
            assert!(answer.body.is_null(), "{platform:?} {path}: {answer:?}");
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_lists_the_routes() {
    let (_cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let answer = browser.get("/").await.unwrap();
    let routes = "/sign /sts /getKeyAndCredentials /put-sign /post-policy /download-sign /healthz \
        /livez /readyz";
    let routes = json!(routes.split_whitespace().collect::<Vec<_>>());
    assert_eq!((answer.status, &answer.body["routes"]), (200, &routes));
}

/// What looks like a mistake, or could have narrowed something, is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_parameter_or_member_that_decides() {
    let (_cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (path, named) in [
        ("/sts?timestamp=1", "timestamp"),
        ("/sign?fromat=sdk", "fromat"),
        ("/sign?format=xml", "format"),
        ("/sign?durationSeconds=1", "durationSeconds"),
        ("/sign?region=ap-beijing", "region"),
        ("/getKeyAndCredentials", "filename"),
    ] {
        let answer = browser.get(path).await.unwrap();
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(named), "{path}: {message}");
    }
    let answer = browser.send(browser.request("PUT", "/sign")).await.unwrap();
    assert_eq!(answer.header("allow"), "GET, POST, OPTIONS");
    let answer = browser.send(browser.request("POST", "/sts").body("a=b")).await.unwrap();
    assert!(answer.body["message"].to_string().contains("body: must be a JSON array"));
}

/// A load balancer passes on only the last value, so there is nothing to refuse.
#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_given_twice_makes_no_call() {
    for platform in PLATFORMS {
        if platform == Platform::Lambda(LambdaEvent::Alb) {
            continue;
        }
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        for query in ["durationSeconds=900&durationSeconds=1800", "format=sdk&format=sdk"] {
            let answer = browser.get(&format!("/sign?{query}")).await.unwrap();
            let case = format!("{platform:?} {query}");
            assert_refusal(&answer, 400, "InvalidParameter.QueryParameter", &case);
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_headers_over_the_limit_make_no_call() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        let body = browser.request("POST", "/sts").body("x".repeat(64 * 1024 + 1));
        let headers = browser.request("GET", "/sign").header("x-large", "x".repeat(20 * 1024));
        for (request, status, name) in [
            (body, 413, "InvalidParameter.BodyTooLarge"),
            (headers, 431, "InvalidParameter.HeadersTooLarge"),
        ] {
            let answer = browser.send(request).await.unwrap();
            assert_refusal(&answer, status, name, &format!("{platform:?}"));
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
        assert_eq!(browser.get("/sign").await.unwrap().status, 200, "{platform:?} lives on");
    }
}

/// Where bytes reach the function as they are, or as base64.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_utf_8_makes_no_call() {
    for platform in [
        Platform::ScfWeb,
        Platform::Lambda(LambdaEvent::FunctionUrl),
        Platform::Lambda(LambdaEvent::Rest),
    ] {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        let request =
            browser.request("POST", "/sts").header("content-type", "application/octet-stream");
        let answer = browser.send(request.body(vec![0xff, 0xfe, 0x00, 0x80])).await.unwrap();
        assert_refusal(&answer, 400, "InvalidParameter.BodyEncoding", &format!("{platform:?}"));
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_answered_and_the_process_lives_on() {
    let scf = Platform::Scf(ScfEvent::FunctionUrl);
    let lambda = Platform::Lambda(LambdaEvent::FunctionUrl);
    let of_scf = json!({"httpMethod": "GET", "path": "/sign", "headers": {}, "queryString": {}, "requestContext": {"serviceId": "service-a", "stage": "release"}});
    let of_lambda = json!({"version": "2.0", "rawPath": "/sign", "rawQueryString": "", "headers": {}, "requestContext": {"accountId": "1", "apiId": "a",
        "http": {"method": "GET", "path": "/sign", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"}, "stage": "$default"}, "isBase64Encoded": false});
    let bad_base64 = |event: &Value, flag: Value| {
        let mut event = event.clone();
        event["isBase64Encoded"] = flag;
        event["body"] = json!("***");
        event.to_string()
    };
    let mut deep = of_scf.to_string();
    deep.pop();
    deep.push_str(&format!(",\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000)));

    for (platform, foreign, bad_base64) in [
        (scf, of_lambda.to_string(), bad_base64(&of_scf, json!("true"))),
        (lambda, of_scf.to_string(), bad_base64(&of_lambda, json!(true))),
    ] {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        cloud.wait_ready().await.unwrap();
        let processes = cloud.function_processes();
        let timer = json!({"Type": "Timer", "TriggerName": "t", "Time": "2026-01-01T00:00:00Z", "Message": ""}).to_string();
        let plain = ["", "null", "[]", "[[[]]]", "{", "{}", "\"text\"", &*foreign, &*deep, &*timer];
        let cases = plain.map(|raw| (raw, "InvalidParameter.Event")).into_iter();
        let cases = cases.chain([(&*bad_base64, "InvalidParameter.BodyEncoding")]);
        for (raw, name) in cases {
            let shown: String = raw.chars().take(60).collect();
            let reply = match cloud.invoke(raw).await.outcome {
                Outcome::Response(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap(),
                other => panic!("{platform:?} {shown}: {other:?}"),
            };
            assert_eq!(reply["statusCode"], 400, "{platform:?} {shown}");
            let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["codeDesc"], name, "{platform:?} {shown}");
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
        assert_eq!(browser.get("/sign").await.unwrap().status, 200);
        assert_eq!(cloud.function_processes(), processes, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn platform_headers_that_a_client_writes_change_nothing() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let request = browser
        .request("GET", "/sign")
        .header("x-scf-secret-id", "AKIDEMUforged")
        .header("x-scf-secret-key", "forged")
        .header("x-scf-session-token", "forged");
    assert_eq!(browser.send(request).await.unwrap().status, 200);
    assert_eq!(cloud.sts().calls()[0].outcome, "Success");
}

#[track_caller]
fn assert_refusal(answer: &Answer, status: u16, name: &str, case: &str) {
    let body = &answer.body;
    assert_eq!(answer.status, status, "{case}: {answer:?}");
    assert_eq!(body["codeDesc"], name, "{case}");
    assert!(body["code"].as_i64() > Some(0), "{case}");
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{case}");
    let id = answer.headers.get("x-request-id");
    let id = id.and_then(|id| id.to_str().ok());
    assert_eq!(body["requestId"].as_str(), id, "{case}");
    assert!(body.get("data").is_none() && body.get("credentials").is_none(), "{case}");
}
