//! The audit log of a server: what it contains, which settings change it, and what happens while
//! nobody can read it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use cos_emulator::{Cloud, Fault, LambdaEvent, Platform};
use cos_issuer_e2e::{
    Answer, Browser, Process, bootstrap, cloud, issuer_on, printed, variables_for,
};
use serde_json::{Value, json};
use tencent::sign::digest::sha256_hex;
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

const KEY: &str = "CANARY-key-of-user-1-0123456789abcdef01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A server whose only caller has the key [`KEY`], and the cloud that it calls.
struct Server {
    process: Process,
    browser: Browser,
    cloud: Cloud,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let cloud = cloud().start().await.unwrap();
        let api_keys = format!("phone={} sub=user-1", sha256_hex(KEY.as_bytes()));
        let own = [("AUTH", "api-key"), ("API_KEYS", &*api_keys), ("PREFIX", "users/{sub}/")];
        let mut process = Process::calling(&cloud, &[&own, settings].concat()).unwrap();
        let address = process.address().await.unwrap();
        let browser = Browser::at(format!("http://{address}")).unwrap();
        Self { process, browser, cloud }
    }

    async fn ask(&self, path: &str) -> Answer {
        let request = self
            .browser
            .request("GET", path)
            .header("authorization", format!("Bearer {KEY}"))
            .header("user-agent", "phone/1")
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        self.browser.send(request).await.unwrap()
    }

    async fn decision(&mut self) -> Value {
        let line = self.process.printed("\"decision\"").await.unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_one_line_that_other_logs_can_be_joined_with() {
    let mut server = Server::start(&[]).await;
    server.cloud.sts().inject([Fault::Outage]);
    let answer = server.ask("/sts").await;
    let line = server.decision().await;
    let call = server.cloud.sts().calls().pop().unwrap();
    let policy = call.policy.unwrap();
    for (member, expected) in [
        ("request_id", json!(answer.header("x-request-id"))),
        ("outcome", json!("granted")),
        ("status", json!(200)),
        ("route", json!("/sts")),
        ("method", json!("GET")),
        ("auth_method", json!("api-key")),
        ("key_name", json!("phone")),
        ("client_address", json!("127.0.0.1")),
        ("client_address_source", json!("connection")),
        ("user_agent", json!("phone/1")),
        ("bucket", json!("examplebucket-1250000000")),
        ("prefix", json!("users/{sub}/")),
        ("duration_seconds", json!(1800)),
        ("expires_at", answer.body["expiredTime"].clone()),
        ("policy_sha256", json!(sha256_hex(policy.as_bytes()))),
        ("key_id_prefix", json!(call.issued_secret_id.unwrap().get(..12))),
        ("session_name", json!(call.name)),
        ("cache", json!("off")),
        ("attempts", json!(2)),
        ("sts_request_id", json!(call.request_id)),
        ("trace_id", json!(TRACE)),
    ] {
        assert_eq!(line[member], expected, "{member}: {line}");
    }
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let actions = policy["statement"][0]["action"].as_array().unwrap().iter();
    let actions: BTreeSet<&str> =
        actions.filter_map(|action| action.as_str()?.strip_prefix("name/cos:")).collect();
    assert_eq!(line["actions"].as_str().unwrap().split(',').collect::<BTreeSet<_>>(), actions);
    assert!(!line.to_string().contains("user-1"), "{line}");
    // A trace id is for the log only.
    assert!(!format!("{:?}", server.cloud.sts().calls()).contains(TRACE));

    let answer = server.ask("/sts?format=xml").await;
    assert_eq!(answer.status, 400);
    let mut line = server.decision().await;
    let refusal = line.as_object_mut().unwrap();
    for member in ["timestamp", "request_id", "elapsed_ms"] {
        assert!(refusal.remove(member).is_some(), "{member}");
    }
    let expected = json!({
        "level": "INFO",
        "message": "decision",
        "outcome": "refused",
        "code": "InvalidParameter.Format",
        "status": 400,
        "route": "/sts",
        "method": "GET",
        "client_address": "127.0.0.1",
        "client_address_source": "connection",
        "user_agent": "phone/1",
        "trace_id": TRACE,
    });
    assert_eq!(line, expected);
}

/// What was signed, and neither its signature nor its key.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_of_a_signed_request_has_its_operation() {
    let mut server = Server::start(&[("EXTENSIONS", "jpg"), ("ALLOW", "upload,download")]).await;
    for (path, route, action) in [
        ("/sts-direct-sign?ext=jpg", "/put-sign", "PutObject"),
        ("/post-policy?ext=jpg", "/post-policy", "PostObject"),
        ("/download-sign?key=users/user-1/a.jpg", "/download-sign", "GetObject"),
    ] {
        let answer = server.ask(path).await;
        let line = server.decision().await;
        for (member, expected) in [
            ("outcome", json!("granted")),
            ("route", json!(route)),
            ("grants", json!("variables")),
            ("prefix", json!("users/{sub}/")),
            ("actions", json!(action)),
            ("expires_at", answer.body["expiredTime"].clone()),
        ] {
            assert_eq!(line[member], expected, "{member}: {line}");
        }
        let text = line.to_string();
        for member in ["key", "securityToken", "qSignature", "authorization", "signedUrl"] {
            let value = answer.body[member].as_str();
            assert!(value.is_none_or(|value| !text.contains(value)), "{member}: {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_decide_what_is_recorded() {
    let settings = [("LOG", "info"), ("AUDIT_SUBJECT", "clear"), ("AUDIT_CLIENT", "off")];
    let mut server = Server::start(&settings).await;
    server.ask("/sts").await;
    let line = server.decision().await;
    assert_eq!(line["prefix"], "users/user-1/", "{line}");
    for member in ["client_address", "client_address_source", "user_agent"] {
        assert_eq!(line.get(member), None, "{line}");
    }

    let server = Server::start(&[("AUDIT", "off")]).await;
    assert_eq!(server.ask("/sts").await.status, 200);
    server.process.terminate();
    let (_, printed) = server.process.ended().await.unwrap();
    assert!(printed.contains("STS attempt") && !printed.contains("\"decision\""), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_the_log_does_not_switch_off_the_audit() {
    // Nothing reports the port, so it is reserved: a server can listen on it, nobody else gets it.
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let free = reserved.local_addr().unwrap();
    let cloud = cloud().start().await.unwrap();
    let port = free.port().to_string();
    let settings = [("LOG", "off"), ("AUDIT", "on"), ("PORT", &*port)];
    let mut process = Process::calling(&cloud, &settings).unwrap();
    let browser = Browser::at(format!("http://{free}")).unwrap();
    while browser.get("/sign").await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let line = process.printed("").await.unwrap();
    assert!(line.contains("\"decision\""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_names_what_runs() {
    let cloud = cloud().start().await.unwrap();
    let mut process = Process::calling(&cloud, &[]).unwrap();
    let line = process.printed("\"starting\"").await.unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    assert!(line["revision"].as_str().is_some_and(|revision| !revision.is_empty()), "{line}");
    assert_eq!((&line["platform"], &line["auth_methods"]), (&json!("server"), &json!("none")));
    assert_eq!((&line["grants"], &line["grant_count"]), (&json!("variables"), &json!(1)));
    let url = cloud.sts().https_url();
    assert!(url.contains(line["endpoints"].as_str().unwrap()), "{line}");
    let id = cloud.sub_account_key().secret_id.clone();
    assert_eq!(line["key_id"], format!("{}****", id.get(..8).unwrap()));
    assert!(!line.to_string().contains(&id), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_can_be_text() {
    let cloud = cloud().start().await.unwrap();
    let mut process = Process::calling(&cloud, &[("LOG_FORMAT", "text")]).unwrap();
    let line = process.printed(" listening ").await.unwrap();
    let (_, members) = line.split_once(" INFO  listening address=").unwrap();
    let address = members.split(' ').next().unwrap();
    let browser = Browser::at(format!("http://{address}")).unwrap();
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    let line = process.printed(" decision ").await.unwrap();
    assert!(line.contains(" INFO  decision request_id="), "{line}");
    assert!(line.contains(" outcome=granted status=200 route=/sign method=GET "), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_lambda_cloudwatch_finds_metrics_in_the_line() {
    let platform = Platform::Lambda(LambdaEvent::HttpApi);
    let cloud = issuer_on(platform).unwrap().env("METRICS", "emf").start().await.unwrap();
    assert_eq!(Browser::of(&cloud).unwrap().get("/sign").await.unwrap().status, 200);
    assert!(printed(&cloud, "\"decision\"").await);
    let output = cloud.function_output();
    let line = output.lines().find(|line| line.contains("\"decision\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Dimensions"], json!([["route", "outcome"]]));
    assert_eq!(directive["Metrics"][0]["Name"], "elapsed_ms");
    assert!(line["elapsed_ms"].is_u64() && line["route"] == "/sign", "{line}");
}

async fn assert_unavailable(browser: &Browser) {
    let answer = browser.get("/sign").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["codeDesc"], "InternalError.AuditUnavailable");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(browser.get("/readyz").await.unwrap().status, 503);
    assert_eq!(browser.get("/livez").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_audit_log_whose_reader_ends_stops_issuing() {
    let cloud = cloud().start().await.unwrap();
    let mut command = Command::new(bootstrap().unwrap());
    command.env_clear().envs(variables_for(&cloud)).env("AUDIT", "required").kill_on_drop(true);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = timeout(Duration::from_secs(60), log.next_line()).await.unwrap().unwrap();
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(address) = line["address"].as_str() {
            break address.to_owned();
        }
    };
    let browser = Browser::at(format!("http://{address}")).unwrap();
    assert_eq!(browser.get("/readyz").await.unwrap().status, 200);
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(cloud.sts().call_count(), 1);
    drop(log);
    for _ in 0..3 {
        assert_unavailable(&browser).await;
    }
    assert_eq!(cloud.sts().call_count(), 1, "a refusal calls nothing");
}

/// When STS answers, its line cannot be written any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_whose_line_cannot_be_written_is_not_handed_out() {
    let cloud = cloud().start().await.unwrap();
    // STS is reached when this test lets it.
    let sts = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", sts.local_addr().unwrap());
    let settings = [
        ("AUDIT", "required"),
        ("THREADS", "1"),
        ("STS_DEADLINE_MS", "60000"),
        ("STS_ENDPOINTS", &url),
    ];
    let mut process = Process::calling(&cloud, &settings).unwrap();
    let address = process.address().await.unwrap();
    let browser = Browser::at(format!("http://{address}")).unwrap();
    let request = tokio::spawn({
        let browser = browser.clone();
        async move { browser.get("/sts").await.unwrap() }
    });
    let (mut stream, _) = sts.accept().await.unwrap();
    assert_eq!(stream.peek(&mut [0]).await.unwrap(), 1);
    // More than a pipe takes.
    let mut refusals = 0;
    while browser.get("/sign?format=xml").await.unwrap().status == 400 {
        refusals += 1;
        assert!(refusals < 10_000, "the pipe takes everything");
    }
    // The last page of a pipe takes lines when the pipe is not ready for more.
    for _ in 0..40 {
        assert_eq!(browser.get("/sign").await.unwrap().status, 503);
    }
    let inside = cloud.sts().http_url();
    let mut inside = TcpStream::connect(inside.trim_start_matches("http://")).await.unwrap();
    tokio::spawn(async move { copy_bidirectional(&mut stream, &mut inside).await });
    let answer = request.await.unwrap();
    assert_eq!(cloud.sts().call_count(), 1);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["codeDesc"], "InternalError.AuditUnavailable");
    assert_eq!(answer.body.get("credentials"), None);

    process.terminate();
    let (code, printed) = process.ended().await.unwrap();
    assert_eq!(code, Some(0));
    assert!(!printed.contains("\"granted\""));
    let mut lines = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.find(|line| line["route"] == "/sts").unwrap();
    assert_eq!((&line["outcome"], &line["status"]), (&"failed".into(), &503.into()));
    assert_eq!((&line["attempts"], &line["expires_at"]), (&1.into(), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_audit_log_that_nobody_reads_stops_issuing_until_somebody_does() {
    let cloud = cloud().start().await.unwrap();
    let mut process = Process::calling(&cloud, &[("AUDIT", "required")]).unwrap();
    let address = process.address().await.unwrap();
    let browser = Browser::at(format!("http://{address}")).unwrap();
    // More than a pipe takes.
    let mut refusals = 0;
    while browser.get("/sign?format=xml").await.unwrap().status == 400 {
        refusals += 1;
        assert!(refusals < 10_000, "the pipe takes everything");
    }
    assert_unavailable(&browser).await;
    assert_eq!(cloud.sts().call_count(), 0);
    while browser.get("/readyz").await.unwrap().status == 503 {
        process.printed("\"decision\"").await.unwrap();
    }
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(cloud.sts().call_count(), 1);
}
