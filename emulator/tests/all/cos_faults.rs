//! COS among the services: its operations meet faults, its calls are traced, and its decisions are
//! shown.

use cos_emulator::{Cloud, Fault, FaultRule, Service};
use serde_json::Value;

use crate::support::{plain_client, sts_only};

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

/// An unsigned request for one object, which the right answer refuses.
async fn request(cloud: &Cloud, method: reqwest::Method) -> (u16, String) {
    let url = format!("{}/users/1/a.txt", cloud.cos().http_url());
    let request = plain_client().request(method, url).header("host", HOST);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

fn rule(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Cos, fault).action("GetObject")
}

#[tokio::test]
async fn faults_affect_the_operation_that_they_name() {
    let cloud = sts_only().await;
    let error = Fault::ApiError { code: "InternalError".to_owned(), message: "<a & b>".to_owned() };
    let message = "<Message>&lt;a &amp; b&gt;</Message>";
    for (fault, status, expected) in [
        (Fault::Outage, 503, "503 Service Unavailable"),
        (error, 200, message),
        (Fault::Throttle { per_second: 0 }, 503, "<Code>SlowDown</Code>"),
    ] {
        let id = cloud.faults().add(rule(fault)).unwrap();
        let (received, body) = request(&cloud, reqwest::Method::GET).await;
        assert_eq!(received, status, "{body}");
        assert!(body.contains(expected), "{body}");
        assert_eq!(request(&cloud, reqwest::Method::PUT).await.0, 403);
        cloud.faults().remove(id);
        assert_eq!(request(&cloud, reqwest::Method::GET).await.0, 403);
    }
}

#[tokio::test]
async fn calls_are_traced_by_operation_and_reason_and_decisions_are_shown() {
    let cloud = Cloud::builder().admin_port(0).start().await.unwrap();
    request(&cloud, reqwest::Method::GET).await;
    let line: Value = serde_json::from_str(&cloud.trace()[0]).unwrap();
    assert_eq!(line["service"], "cos");
    assert_eq!(line["action"], "GetObject");
    assert_eq!(line["status"], 403);
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("AccessDenied"), "{reason}");
    let admin = cloud.admin().unwrap();
    let decisions =
        plain_client().get(format!("{}/decisions", admin.url())).bearer_auth(admin.token());
    let text = decisions.send().await.unwrap().text().await.unwrap();
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["decisions"].as_array().unwrap().len(), 1, "{log}");
}
