//! The deployed binary as a process: how it starts, what it bounds, how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::time::Duration;

use cos_emulator::{Fault, Platform};
use cos_issuer_e2e::{Browser, Process, VARIABLES, cloud, issuer_on, printed};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_configuration_with_faults_ends_the_process_and_names_them_all() {
    let (code, printed) = Process::start([]).unwrap().ended().await.unwrap();
    assert_eq!(code, Some(1));
    for variable in [
        "AUTH",
        "SECRET_ID",
        "SECRET_KEY",
        "BUCKET",
        "REGION",
        "PREFIX",
        "ALLOW",
    ] {
        assert!(
            printed.contains(&format!("\"variable\":\"{variable}\"")),
            "{variable} in {printed}"
        );
    }

    let faults = [
        ("AUTH", "CANARY"),
        ("BUCKET", "CANARY"),
        ("PREFIX", "CANARY"),
        ("STS_ENDPOINTS", "http://canary.CANARY"),
    ];
    let (code, printed) = Process::start(with(&faults))
        .unwrap()
        .ended()
        .await
        .unwrap();
    assert_eq!(code, Some(1));
    assert!(!printed.contains("CANARY"), "a value is told: {printed}");
    for (variable, _) in faults {
        assert!(printed.contains(variable), "{variable} in {printed}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_process() {
    let mut first = Process::start(VARIABLES).unwrap();
    let address = first.address().await.unwrap();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    let (code, printed) = Process::start(with(&[("PORT", &port)]))
        .unwrap()
        .ended()
        .await
        .unwrap();
    assert_eq!(code, Some(1));
    assert!(printed.contains("cannot be listened on"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_running_request_finish_and_exits_with_0() {
    let cloud = cloud().start().await.unwrap();
    let key = cloud.sub_account_key().clone();
    let (url, ca) = (
        cloud.sts().https_url(),
        cloud.sts().ca_file().display().to_string(),
    );
    let variables = [
        ("SECRET_ID", key.secret_id.as_str()),
        ("SECRET_KEY", &key.secret_key),
        ("STS_ENDPOINTS", &url),
        ("STS_CA_FILE", &ca),
    ];
    let mut process = Process::start(with(&variables)).unwrap();
    let address = process.address().await.unwrap();
    cloud
        .sts()
        .inject([Fault::Delay(Duration::from_millis(1500))]);

    let request = tokio::spawn(exchange(
        address.clone(),
        b"GET /sign HTTP/1.1\r\nhost: h\r\n\r\n".to_vec(),
    ));
    while cloud.sts().call_count() == 0 && !request.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.terminate();
    let answer = request.await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 "),
        "{}",
        answer.lines().next().unwrap_or_default()
    );
    let (code, printed) = process.ended().await.unwrap();
    println!("function: {printed}");
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        TcpStream::connect(&address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn connections_are_kept_and_bounded_in_time_and_size() {
    let mut process = Process::start(VARIABLES).unwrap();
    let address = process.address().await.unwrap();

    // Two requests over one connection.
    let two = b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\nGET /readyz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n".to_vec();
    let answer = exchange(address.clone(), two).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");

    // A head that never ends, a body that never comes, a head that is too large, what is not HTTP,
    // and answers that nobody reads.
    let slow_head = exchange(
        address.clone(),
        b"GET /sign HTTP/1.1\r\nhost: h\r\nx-slow: ".to_vec(),
    );
    let slow_body = exchange(
        address.clone(),
        b"POST /sts HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc".to_vec(),
    );
    let huge = [
        b"GET /sign HTTP/1.1\r\nhost: h\r\nx-huge: ".to_vec(),
        vec![b'x'; 100 * 1024],
        b"\r\n\r\n".to_vec(),
    ]
    .concat();
    let huge_head = exchange(address.clone(), huge);
    let claimed = exchange(
        address.clone(),
        b"POST /sts HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n".to_vec(),
    );
    let noise = exchange(
        address.clone(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
    );
    let unread = ask_and_never_read(address.clone());
    let (slow_head, slow_body, huge_head, claimed, noise, ()) =
        tokio::join!(slow_head, slow_body, huge_head, claimed, noise, unread);
    assert!(!slow_head.contains("HTTP/1.1 200"), "{slow_head}");
    assert_refused(&slow_body, "408", "InvalidParameter.RequestTimeout");
    assert!(huge_head.starts_with("HTTP/1.1 431 "), "{huge_head}");
    assert_refused(&claimed, "413", "InvalidParameter.BodyTooLarge");
    assert!(noise.starts_with("HTTP/1.1 400 "), "{noise}");

    let answer = exchange(
        address,
        b"GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n".to_vec(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_refuses_to_start_is_the_platforms_error_and_a_mended_one_serves() {
    for platform in [
        Platform::ScfWeb,
        Platform::Scf(Default::default()),
        Platform::Lambda(Default::default()),
    ] {
        let cloud = issuer_on(platform)
            .unwrap()
            .without_env("AUTH")
            .start()
            .await
            .unwrap();
        let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
        assert!(
            answer.status >= 400 && answer.body.get("data").is_none(),
            "{platform:?}: {answer:?}"
        );
        assert!(printed(&cloud, "AUTH").await, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 0);
    }
}

/// Sends bytes as they are and reads until the server closes, or a minute is over.
async fn exchange(address: String, bytes: Vec<u8>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _may_be_refused = stream.write_all(&bytes).await;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut part)).await;
        match read {
            Ok(Ok(count)) if count > 0 => answer.extend(part.iter().take(count)),
            Ok(_) => break,
            Err(_) => panic!("the connection was not closed within a minute"),
        }
        let text = String::from_utf8_lossy(&answer);
        if bytes.starts_with(b"GET /sign HTTP/1.1\r\nhost: h\r\n\r\n") && text.contains("\r\n\r\n{")
        {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends requests until no more are taken, and reads none of the answers; panics when the other
/// side puts up with it for a minute.
async fn ask_and_never_read(address: String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let requests = b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n".repeat(1000);
    let until_refused = async {
        loop {
            match stream.try_write(&requests) {
                Ok(_) => {}
                Err(full) if full.kind() == std::io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(_) => break,
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(60), until_refused).await;
    assert!(
        refused.is_ok(),
        "the connection was not closed within a minute"
    );
}

#[track_caller]
fn assert_refused(answer: &str, status: &str, name: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    let body: Value =
        serde_json::from_str(answer.rsplit("\r\n\r\n").next().unwrap_or_default()).unwrap();
    assert_eq!(body["codeDesc"], name);
}

fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    VARIABLES
        .into_iter()
        .chain(changes.iter().copied())
        .collect()
}
