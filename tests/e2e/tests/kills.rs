//! `kill -9` in the middle of a request: of the function, of a server and its store, and of the
//! local cloud.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_emulator::{Cloud, Fault, FaultRule, LambdaEvent, Platform, ScfEvent, Service};
use cos_issuer_e2e::{
    Browser, HMAC_KEY, Process, Store, bootstrap, cloud, issuer_on, program, signed,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tencent::secret::Secret;
use tencent::sign::q_sign::{CosRequest, authorization, key_time};
use tencent::time::{Clock as _, SystemClock};
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

fn kill(id: i32) {
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_function_answers_with_the_platforms_error_and_a_new_instance_serves() {
    for platform in [
        Platform::ScfWeb,
        Platform::Scf(ScfEvent::FunctionUrl),
        Platform::Lambda(LambdaEvent::FunctionUrl),
    ] {
        let slow = FaultRule::new(Service::Sts, Fault::Delay(Duration::from_secs(20))).times(1);
        let cloud = issuer_on(platform).unwrap().fault(slow).start().await.unwrap();
        let browser = Browser::of(&cloud).unwrap();
        let request = tokio::spawn({
            let browser = browser.clone();
            async move { browser.get("/sts").await }
        });
        while cloud.sts().call_count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let killed = cloud.function_processes();
        killed.iter().copied().for_each(kill);
        let answer = request.await.unwrap().unwrap();
        assert!(answer.status >= 400, "{platform:?}: {answer:?}");
        assert_eq!(answer.body.get("credentials"), None, "{platform:?}");
        let answer = browser.get("/sts").await.unwrap();
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        assert_ne!(cloud.function_processes(), killed, "{platform:?}");
    }
}

/// What a killed server has accepted stays accepted once, since the store remembers it.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_of_a_killed_server_is_not_accepted_by_the_next_one() {
    let (cloud, mut store) = (cloud().start().await.unwrap(), Store::start().await.unwrap());
    let (hmac_keys, url) = (format!("backend={HMAC_KEY}"), store.url());
    let settings = [("AUTH", "hmac"), ("HMAC_KEYS", hmac_keys.as_str()), ("SHARED_STORE", &url)];
    let start = async || {
        let mut process = Process::calling(&cloud, &settings).unwrap();
        let address = process.address().await.unwrap();
        (process, Browser::at(format!("http://{address}")).unwrap())
    };
    let send = async |browser: &Browser, authorization: &str| {
        let request = browser.request("GET", "/sts").header("authorization", authorization);
        browser.send(request).await
    };
    let (process, browser) = start().await;
    let authorization = signed("nonce-of-a-killed-server");
    assert_eq!(send(&browser, &authorization).await.unwrap().status, 200);

    // One request waits for STS when the server is killed: no answer, and no second use either.
    let slow = FaultRule::new(Service::Sts, Fault::Delay(Duration::from_secs(20))).times(1);
    cloud.faults().add(slow).unwrap();
    let unanswered = signed("nonce-of-an-unanswered-request");
    let request = tokio::spawn({
        let (browser, unanswered) = (browser.clone(), unanswered.clone());
        async move {
            let request = browser.request("GET", "/sts").header("authorization", unanswered);
            browser.send(request).await
        }
    });
    while cloud.sts().call_count() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    kill(i32::try_from(process.id()).unwrap());
    assert!(request.await.unwrap().is_err());

    let (_process, browser) = start().await;
    for replayed in [&authorization, &unanswered] {
        let answer = send(&browser, replayed).await.unwrap();
        assert_eq!(answer.body["codeDesc"], "AuthFailure.SignatureReplayed", "{answer:?}");
    }
    // Without its memory, the promise cannot be kept: nothing is accepted until it is back.
    store.kill().await.unwrap();
    let answer = send(&browser, &signed("nonce-without-a-store")).await.unwrap();
    assert_eq!(answer.body["codeDesc"], "InternalError.SharedStoreUnavailable", "{answer:?}");
}

/// STS and its connections are gone in the middle of a call, and come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_that_is_gone_is_an_error_until_it_is_back() {
    let slow = FaultRule::new(Service::Sts, Fault::Delay(Duration::from_secs(20))).times(1);
    let first = cloud().fault(slow).start().await.unwrap();
    let key = first.sub_account_key().clone();
    let (url, target) = relay(&first).await;
    let mut process = Process::calling(&first, &[("STS_ENDPOINTS", &url)]).unwrap();
    let address = process.address().await.unwrap();
    let browser = Browser::at(format!("http://{address}")).unwrap();
    let request = tokio::spawn({
        let browser = browser.clone();
        async move { browser.get("/sts").await.unwrap() }
    });
    while first.sts().call_count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(first);
    let answer = request.await.unwrap();
    assert!([502, 504].contains(&answer.status), "{answer:?}");
    assert_eq!(answer.body.get("credentials"), None);

    let owner = cos_emulator::KeyOwner::SubAccount;
    let again = cloud().key(owner, key).start().await.unwrap();
    *target.lock().unwrap() = address_of(&again);
    let mut last = None;
    for _ in 0..60 {
        let answer = browser.get("/sts").await.unwrap();
        if answer.status == 200 {
            assert!(again.sts().call_count() > 0);
            return;
        }
        last = Some(answer);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(last.is_none(), "{last:?}");
}

/// Nothing is left of it but the objects, and the same ports serve again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_local_cloud_leaves_no_function_and_no_port_and_keeps_the_objects() {
    let directory = tempfile::tempdir().unwrap();
    let (mut cloud, first) = run_cloud(directory.path(), ["0", "0"]).await;
    let credential = credential_of(&first).await;
    assert_eq!(object(&first, &credential, "PUT", "kept").await, (200, String::new()));
    let functions = processes_of(&first);
    assert!(!functions.is_empty(), "{first}");
    // The second call of STS waits.
    let request = tokio::spawn({
        let browser = Browser::at(text(&first, "gatewayUrl")).unwrap();
        async move { browser.get("/sts").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    kill(i32::try_from(cloud.id().unwrap()).unwrap());
    cloud.wait().await.unwrap();
    assert!(request.await.unwrap().is_err());
    for function in functions {
        let is_gone = || {
            let status = std::fs::read_to_string(format!("/proc/{function}/stat"));
            status.map_or(true, |status| status.contains(") Z "))
        };
        for _ in 0..600 {
            if is_gone() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(is_gone(), "the function {function} still runs");
    }

    let port = |name| text(&first, name).rsplit(':').next().unwrap().to_owned();
    let (gateway_port, cos_port) = (port("gatewayUrl"), port("cosUrl"));
    let ports = [gateway_port.as_str(), &cos_port];
    let (_cloud, again) = run_cloud(directory.path(), ports).await;
    assert_eq!(text(&again, "gatewayUrl"), text(&first, "gatewayUrl"));
    let credential = credential_of(&again).await;
    assert_eq!(object(&again, &credential, "GET", "").await, (200, "kept".to_owned()));
}

/// `cos-issuer run` with its objects in `directory`, and the line that it printed.
async fn run_cloud(directory: &Path, [gateway_port, cos_port]: [&str; 2]) -> (Child, Value) {
    let faults = directory.join("faults.toml");
    let slow = "[[fault]]\nservice = \"sts\"\nnth = 2\nkind = \"latency\"\ndelay_ms = 20000\n";
    std::fs::write(&faults, slow).unwrap();
    let mut cloud = Command::new(program().unwrap())
        .args(["run", "--json", "--port", gateway_port, "--cos-port", cos_port])
        .arg("--faults")
        .arg(&faults)
        .args([
            "--env",
            "AUTH=none",
            "--env",
            "CACHE=off",
            "--env",
            "STS_DEADLINE_MS=60000",
            "--env",
            "PREFIX=kept/",
            "--env",
            "ALLOW=upload,download",
        ])
        .arg("--function")
        .arg(bootstrap().unwrap())
        .arg("--data")
        .arg(directory.join("objects"))
        .env("XDG_RUNTIME_DIR", directory)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(cloud.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
    let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (cloud, line)
}

fn text(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap().to_owned()
}

fn processes_of(line: &Value) -> Vec<i32> {
    serde_json::from_value(line["processes"].clone()).unwrap()
}

async fn credential_of(line: &Value) -> Value {
    let answer = Browser::at(text(line, "gatewayUrl")).unwrap().get("/sts").await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["credentials"].clone()
}

/// Uploads or downloads `kept/a.jpg` with a credential: the status and the body.
async fn object(line: &Value, credential: &Value, method: &str, body: &str) -> (u16, String) {
    const PATH: &str = "/kept/a.jpg";
    let host = format!("{}.cos.{}.myqcloud.com", text(line, "bucket"), text(line, "region"));
    let signed = CosRequest { method, path: PATH, parameters: &[], headers: &[("host", &host)] };
    let now = SystemClock.now();
    let period = key_time(now, now.plus_seconds(600));
    let member = |name: &str| credential[name].as_str().unwrap().to_owned();
    let secret_key = Secret::new(member("tmpSecretKey")).unwrap();
    let proof = authorization(&signed, &period, &member("tmpSecretId"), &secret_key);
    let browser = Browser::at(text(line, "cosUrl")).unwrap();
    let request = browser.request(method, PATH).header("host", host);
    let request = request.header("authorization", proof);
    let request = request.header("x-cos-security-token", member("sessionToken"));
    let response = request.body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// An address of STS that outlives a cloud: its URL, and what is behind it.
async fn relay(cloud: &Cloud) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = Arc::new(Mutex::new(address_of(cloud)));
    let behind = Arc::clone(&target);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let address = behind.lock().unwrap().clone();
            tokio::spawn(async move {
                let mut sts = TcpStream::connect(address).await?;
                copy_bidirectional(&mut client, &mut sts).await
            });
        }
    });
    (url, target)
}

fn address_of(cloud: &Cloud) -> String {
    cloud.sts().http_url().trim_start_matches("http://").to_owned()
}
