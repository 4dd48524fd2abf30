//! Clients that leave, do not finish, or do not read, and a log that nobody reads.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::process::Stdio;
use std::time::Duration;

use cos_emulator::{Cloud, Fault};
use cos_issuer_e2e::{Process, bootstrap, cloud, search_path, variables_for};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const ASK: &[u8] = b"GET /sign HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A server, its address, and the cloud that it calls.
async fn server() -> (Process, String, Cloud) {
    let cloud = cloud().start().await.unwrap();
    let mut process = Process::calling(&cloud, &[]).unwrap();
    let address = process.address().await.unwrap();
    (process, address, cloud)
}

/// Everything that the server sends until it closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer).unwrap()
}

async fn answer(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_is_recorded_and_one_who_half_closes_is_answered() {
    let (mut process, address, cloud) = server().await;
    cloud.sts().inject([Fault::Delay(Duration::from_millis(500))]);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    while cloud.sts().call_count() == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    stream.set_zero_linger().unwrap();
    drop(stream);
    let line = process.printed("\"decision\"").await.unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["outcome"], &line["status"]), (&"granted".into(), &200.into()));

    cloud.sts().inject([Fault::Delay(Duration::from_millis(500))]);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    process.printed("\"decision\"").await.unwrap();

    // A signal does not cut off a request whose caller is gone.
    cloud.sts().inject([Fault::Delay(Duration::from_millis(500))]);
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    while cloud.sts().call_count() < 3 {
        sleep(Duration::from_millis(10)).await;
    }
    drop(stream);
    process.terminate();
    let (code, printed) = process.ended().await.unwrap();
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(printed.matches("\"decision\"").count(), 1, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_arrives_while_the_client_is_still_sending() {
    let (_process, address, cloud) = server().await;
    let body = vec![b'x'; 3_000_000];
    for (head, status) in [
        ("POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3000000\r\n\r\n", "413"),
        ("POST /sts HTTP/1.1\r\nhost: attacker.example\r\ncontent-length: 3000000\r\n\r\n", "421"),
    ] {
        for _ in 0..10 {
            // As Python's http.client: everything is sent before anything is read.
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains("cache-control: no-store"), "{answer}");
        }
    }
    assert_eq!(cloud.sts().call_count(), 0);
}

/// They send the whole body before they read, or while they do.
#[tokio::test(flavor = "multi_thread")]
async fn common_clients_see_the_refusal_of_a_body_that_is_too_large() {
    const PYTHON: &str = "import http.client, sys; c = http.client.HTTPConnection(sys.argv[1]); \
        c.request('POST', '/sts', b'x' * 3000000); print(c.getresponse().status)";
    const NODE: &str = "const r = require('http').request('http://' + process.argv[1] + '/sts', {method: 'POST'}, \
        a => { console.log(a.statusCode); a.resume() }); r.end(Buffer.alloc(3000000))";
    let (_process, address, _cloud) = server().await;
    for (program, arguments) in [("python3", ["-c", PYTHON]), ("node", ["-e", NODE])] {
        for _ in 0..5 {
            let command = Command::new("env")
                .arg(program)
                .args(arguments)
                .arg(&address)
                .env_clear()
                .env("PATH", search_path().unwrap())
                .output();
            let output = timeout(Duration::from_secs(60), command).await.unwrap().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(printed.trim(), "413", "{program}: {errors}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_refused_without_a_body_and_logged() {
    let (mut process, address, _cloud) = server().await;
    // More than the server reads before it answers, so it closes lingering here, too.
    let long = [b"GET /".as_slice(), &[b'x'; 1_000_000], b" HTTP/1.1\r\n\r\n"].concat();
    // How much was read at once decides which limit is exceeded first.
    for (request, statuses) in [(b"no request\r\n\r\n".to_vec(), [400, 400]), (long, [414, 431])] {
        let answer = answer(&address, &request).await;
        let is_expected = |status| answer.starts_with(&format!("HTTP/1.1 {status} "));
        assert!(statuses.into_iter().any(is_expected), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        process.printed("is not a request of HTTP/1.1").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_stops_nothing_and_loses_nothing_in_silence() {
    let (process, address, _cloud) = server().await;
    // More than a pipe and what the server keeps.
    let refused = b"GET /sign?durationSeconds=1 HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(500);
    let last = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec();
    let requests = [refused, last].concat();
    for _ in 0..12 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let mut answers = String::new();
        let exchange = async {
            tokio::join!(writing.write_all(&requests), reading.read_to_string(&mut answers))
        };
        let (sent, read) = timeout(Duration::from_secs(60), exchange).await.unwrap();
        sent.unwrap();
        read.unwrap();
        assert_eq!(answers.matches("HTTP/1.1 400 ").count(), 500);
        assert!(answers.ends_with("{\"status\":\"alive\"}"));
    }
    process.terminate();
    let (code, printed) = process.ended().await.unwrap();
    assert_eq!(code, Some(0));
    let lines: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decisions = lines.iter().filter(|line| line["message"] == "decision").count();
    let lost: u64 = lines.iter().filter_map(|line| line["lost"].as_u64()).sum();
    // The lines of the end itself may be among those that are lost.
    let counted = u64::try_from(decisions).unwrap().saturating_add(lost);
    assert!((6000..6010).contains(&counted), "{decisions} lines, {lost} lost");
    assert!(lost > 0, "{decisions} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_output_is_reported_on_standard_error() {
    let cloud = cloud().start().await.unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" >&-"]).arg(bootstrap().unwrap());
    let mut child = spawned(&mut command, &cloud);
    assert!(reported(&mut child).await.contains("cannot be written to standard output"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_reader_ends_is_reported_on_standard_error_and_stops_nothing() {
    let cloud = cloud().start().await.unwrap();
    let mut command = Command::new(bootstrap().unwrap());
    let mut child = spawned(command.stdout(Stdio::piped()), &cloud);
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"listening\"") {
        line.clear();
        timeout(Duration::from_secs(60), log.read_line(&mut line)).await.unwrap().unwrap();
    }
    drop(log);
    let line: Value = serde_json::from_str(&line).unwrap();
    for _ in 0..2 {
        let answer = answer(line["address"].as_str().unwrap(), ASK).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    assert!(reported(&mut child).await.contains("cannot be written to standard output"));
}

fn spawned(command: &mut Command, cloud: &Cloud) -> Child {
    command.env_clear().envs(variables_for(cloud)).env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// The first line on standard error.
async fn reported(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap().unwrap()
}
