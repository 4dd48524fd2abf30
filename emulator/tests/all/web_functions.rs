//! Web functions: native HTTP in and out, the platform's headers, its limits, and its errors.

use std::time::Duration;

use base64::Engine as _;
use cos_emulator::{Cloud, CloudBuilder, FunctionOptions, Outcome, Platform, PlatformError};
use reqwest::Response;
use serde_json::Value;

use crate::support::{builder, function, plain_client};

fn web() -> CloudBuilder {
    builder(Platform::ScfWeb)
}

async fn get(cloud: &Cloud, target: &str) -> Response {
    let url = format!("{}{target}", cloud.gateway_url().unwrap());
    plain_client().get(url).send().await.unwrap()
}

async fn reply(response: Response) -> Value {
    assert_eq!(response.status(), 201);
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn requests_pass_through_as_they_are() {
    let cloud = web().start().await.unwrap();
    let response = plain_client()
        .put(format!("{}/a%20b?x=1&x=2", cloud.gateway_url().unwrap()))
        .header("X-Custom", "one")
        .header("X-Scf-Secret-Id", "forged")
        .header("X-Scf-Anything", "forged")
        .body(vec![0xff, 0x00])
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-function"], "yes");
    let request_id = response.headers()["x-scf-request-id"].to_str().unwrap().to_owned();
    let reply = reply(response).await;
    assert_eq!(reply["method"], "PUT");
    assert_eq!(reply["target"], "/a%20b?x=1&x=2");
    let body = reply["body"].as_str().unwrap();
    let body = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    assert_eq!(body, [0xff, 0x00]);
    let headers = &reply["headers"];
    assert_eq!(headers["x-custom"], "one");
    assert_eq!(headers["x-scf-request-id"], request_id.as_str());
    assert_eq!(headers["x-scf-appid"], "1250000000");
    assert_eq!(headers["x-scf-region"], "ap-guangzhou");
    let secret_id = headers["x-scf-secret-id"].as_str().unwrap();
    assert!(secret_id.starts_with("AKIDEMU"), "not the client's");
    assert_eq!(headers.get("x-scf-anything"), None);
    let token = headers["x-scf-session-token"].as_str().unwrap();
    assert!(cloud.secrets().iter().any(|secret| secret == token));

    let head = plain_client().head(cloud.gateway_url().unwrap()).send().await.unwrap();
    assert_eq!(head.status(), 201);
}

#[tokio::test]
async fn the_environment_of_a_web_function() {
    let cloud = web().start().await.unwrap();
    let environment = reply(get(&cloud, "/?behave=environment").await).await;
    assert_eq!(environment["HOST"], "127.0.0.1");
    assert_ne!(environment["PORT"], "9000");
    assert_eq!(environment["TENCENTCLOUD_RUNENV"], "SCF");
    for absent in ["SCF_RUNTIME_API", "AWS_LAMBDA_RUNTIME_API", "CARGO"] {
        assert_eq!(environment.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn failures_end_with_the_platforms_error_and_a_fresh_instance_serves_the_next() {
    let cloud = web().call_timeout(Duration::from_secs(1)).start().await.unwrap();
    for (behave, code) in [
        ("crash-busy", 439),
        ("hang-busy", 433),
        ("garbage", 443),
        ("big-headers", 407),
        ("too-large", 407),
    ] {
        let response = get(&cloud, &format!("/?behave={behave}")).await;
        assert_eq!(response.status(), code, "{behave}");
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(body["statusCode"], code, "{behave}");
        reply(get(&cloud, "/").await).await;
    }
}

#[tokio::test]
async fn failures_of_the_start() {
    for (behaviour, code) in [("crash-init", 405), ("hang-init", 446), ("never-listen", 446)] {
        let directory = tempfile::tempdir().unwrap();
        let cloud = web()
            .env("BEHAVIOUR", behaviour)
            .env("ONCE_FILE", directory.path().join("once").display().to_string())
            .init_timeout(Duration::from_secs(2))
            .start()
            .await
            .unwrap();
        assert_eq!(get(&cloud, "/").await.status(), code, "{behaviour}");
        reply(get(&cloud, "/").await).await;
    }
}

#[tokio::test]
async fn parallel_requests_up_to_the_limit() {
    let cloud = web().max_instances(1).call_timeout(Duration::from_secs(1)).start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    let (one, two) = tokio::join!(get(&cloud, "/?behave=hang-busy"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        get(&cloud, "/").await
    });
    assert_eq!(one.status(), 433);
    assert_eq!(two.status(), 432);
}

#[tokio::test]
async fn an_instance_serves_as_many_requests_at_once_as_its_concurrency() {
    let limit = Duration::from_secs(1);
    let cloud = web().max_instances(1).concurrency(2).call_timeout(limit).start().await.unwrap();
    let process = |reply: Value| reply["pid"].as_u64().unwrap();
    // Both wait for one start.
    let (one, two) = tokio::join!(get(&cloud, "/"), get(&cloud, "/"));
    assert_eq!(process(reply(one).await), process(reply(two).await));
    let hang = || get(&cloud, "/?behave=hang-busy");
    let later = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        get(&cloud, "/").await.status()
    };
    let (hung, served) = tokio::join!(hang(), later());
    assert_eq!((hung.status().as_u16(), served.as_u16()), (433, 201));
    cloud.wait_ready().await.unwrap();
    let (_, _, refused) = tokio::join!(hang(), hang(), later());
    assert_eq!(refused.as_u16(), 432);
}

/// Two functions of one cloud: what one is limited to does not limit the other.
#[tokio::test]
async fn each_of_several_functions_has_its_own_limits() {
    let mut second = FunctionOptions::new("second", function());
    (second.platform, second.max_instances) = (Platform::ScfWeb, 1);
    (second.call_timeout, second.concurrency) = (Duration::from_secs(1), 2);
    let cloud = web().max_instances(1).add_function(second.clone()).start().await.unwrap();
    cloud.wait_each_ready().await.unwrap();
    let [first, second_url] = [0, 1].map(|index| cloud.functions().nth(index).unwrap().url);
    let status = |url: &str, target: &str, milliseconds| {
        let request = plain_client().get(format!("{url}{target}"));
        async move {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            request.send().await.unwrap().status().as_u16()
        }
    };
    let (_, _, refused, served) = tokio::join!(
        status(&second_url, "/?behave=hang-busy", 0),
        status(&second_url, "/?behave=hang-busy", 0),
        status(&second_url, "/", 300),
        status(&first, "/", 300),
    );
    assert_eq!((refused, served), (432, 201));
    // The start of one is limited as its own.
    second.init_timeout = Duration::from_secs(1);
    for (name, value) in [("BEHAVIOUR", "slow-init"), ("SLOW", "30")] {
        second.variables.insert(name.to_owned(), value.to_owned());
    }
    let cloud = web().add_function(second.clone()).start().await.unwrap();
    let not_ready = cloud.wait_each_ready().await.unwrap_err();
    assert!(not_ready.to_string().starts_with("the function `second` did not"), "{not_ready}");
    // A key that looks real is refused for every function.
    let real = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".to_owned();
    second.variables.insert("SECRET_ID".to_owned(), real);
    let error = web().add_function(second).start().await.unwrap_err();
    assert!(error.to_string().contains("`SECRET_ID` looks like a real"), "{error}");
}

#[tokio::test]
async fn web_functions_take_no_events() {
    let cloud = web().start().await.unwrap();
    let outcome = cloud.invoke("{}").await.outcome;
    assert_eq!(outcome, Outcome::PlatformError(PlatformError::NoEvents));
}
