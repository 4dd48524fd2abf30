//! The deployed binary as a process: how it starts, what it bounds, how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::time::Duration;

use cos_emulator::{Cloud, Fault, Platform};
use cos_issuer_e2e::{Browser, Process, VARIABLES, bootstrap, cloud, issuer_on, printed};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

#[tokio::test]
async fn a_configuration_with_faults_ends_the_process_and_names_them_all() {
    let (code, printed) = Process::start([]).unwrap().ended().await.unwrap();
    assert_eq!(code, Some(1));
    for variable in ["AUTH", "SECRET_ID", "SECRET_KEY", "BUCKET", "REGION", "PREFIX", "ALLOW"] {
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
    let (code, printed) = Process::start(with(&faults)).unwrap().ended().await.unwrap();
    assert_eq!(code, Some(1));
    assert!(!printed.contains("CANARY"), "a value is printed: {printed}");
    for (variable, _) in faults {
        assert!(printed.contains(variable), "{variable} in {printed}");
    }

    let missing = with(&[("GRANTS_FILE", "missing.toml")]);
    let (_, printed) = Process::start(missing).unwrap().ended().await.unwrap();
    let here = std::env::current_dir().unwrap();
    let binary = bootstrap().unwrap().canonicalize().unwrap();
    let next = binary.parent().unwrap();
    let expected = format!("no such file in {} or {}", here.display(), next.display());
    assert!(printed.contains(&expected), "{expected} in {printed}");
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_process() {
    let mut first = Process::start(VARIABLES).unwrap();
    let address = first.address().await.unwrap();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    let (code, printed) = Process::start(with(&[("PORT", &port)])).unwrap().ended().await.unwrap();
    assert_eq!(code, Some(1));
    assert!(printed.contains("cannot be listened on"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_running_request_finish_and_exits_with_0() {
    let (process, address, request, _cloud) = running_request(&[]).await;
    process.terminate();
    let answer = request.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{}", answer.lines().next().unwrap_or_default());
    let (code, printed) = process.ended().await.unwrap();
    println!("function: {printed}");
    assert_eq!(code, Some(0), "{printed}");
    assert!(TcpStream::connect(&address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_cut_off_is_recorded_and_the_process_exits_with_1() {
    let never = ("SHUTDOWN_GRACE_MS", "3600000");
    let at_once = [("SHUTDOWN_DELAY_MS", "0"), ("SHUTDOWN_GRACE_MS", "0")];
    for (variables, signals) in [(&[never][..], 2), (&at_once, 1)] {
        let (mut process, _, request, _cloud) = running_request(variables).await;
        process.terminate();
        process.printed("stopping").await.unwrap();
        if signals == 2 {
            process.terminate();
        }
        let (code, printed) = process.ended().await.unwrap();
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains("\"abandoned\"") && printed.contains("cut off: 1"), "{printed}");
        assert_eq!(request.await.unwrap(), "");
    }
}

#[tokio::test]
async fn after_a_signal_a_server_is_not_ready_and_serves_until_the_delay_is_over() {
    let forever = [("SHUTDOWN_DELAY_MS", "3600000"), ("SHUTDOWN_GRACE_MS", "3600000")];
    let mut process = Process::start(with(&forever)).unwrap();
    let address = process.address().await.unwrap();
    process.terminate();
    process.printed("stopping").await.unwrap();
    for (path, status) in [("readyz", "503"), ("livez", "200"), ("healthz", "200"), ("sign", "502")]
    {
        let request =
            format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = exchange(address.clone(), request.into_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
    // Nothing is running that a second signal could cut off.
    process.terminate();
    let (code, printed) = process.ended().await.unwrap();
    assert_eq!(code, Some(0), "{printed}");
}

/// A server with a request that waits for STS.
async fn running_request(
    variables: &[(&str, &str)],
) -> (Process, String, JoinHandle<String>, Cloud) {
    let cloud = cloud().start().await.unwrap();
    let mut process = Process::calling(&cloud, variables).unwrap();
    let address = process.address().await.unwrap();
    cloud.sts().inject([Fault::Delay(Duration::from_millis(1500))]);
    let asked = b"GET /sign HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let request = tokio::spawn(exchange(address.clone(), asked));
    while cloud.sts().call_count() == 0 && !request.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (process, address, request, cloud)
}

#[tokio::test]
async fn connections_are_kept_and_bounded_in_time_and_size() {
    let mut process = Process::start(VARIABLES).unwrap();
    let address = process.address().await.unwrap();

    // Two requests over one connection.
    let two = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec();
    let answer = exchange(address.clone(), two).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");

    // A head that never ends, a body that never comes, a head that is too large, what is not HTTP,
    // and answers that nobody reads.
    let slow_head =
        exchange(address.clone(), b"GET /sign HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_vec());
    let slow_body = exchange(
        address.clone(),
        b"POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nabc".to_vec(),
    );
    let huge = [
        b"GET /sign HTTP/1.1\r\nhost: localhost\r\nx-huge: ".to_vec(),
        vec![b'x'; 100 * 1024],
        b"\r\n\r\n".to_vec(),
    ]
    .concat();
    let huge_head = exchange(address.clone(), huge);
    let claimed = exchange(
        address.clone(),
        b"POST /sts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n".to_vec(),
    );
    let noise =
        exchange(address.clone(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec());
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
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_start_is_the_platforms_error_and_a_repaired_one_serves() {
    for platform in
        [Platform::ScfWeb, Platform::Scf(Default::default()), Platform::Lambda(Default::default())]
    {
        let cloud = issuer_on(platform).unwrap().without_env("AUTH").start().await.unwrap();
        let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
        assert!(
            answer.status >= 400 && answer.body.get("data").is_none(),
            "{platform:?}: {answer:?}"
        );
        assert!(printed(&cloud, "AUTH").await, "{platform:?}");
        assert_eq!(cloud.sts().call_count(), 0);
    }
}

/// What shells, systemd, Kubernetes, SCF and Lambda set, with a service of Kubernetes named after a
/// setting. A server starts with each; an event function finds no runtime API, but reports no
/// setting.
#[tokio::test]
async fn the_variables_of_platforms_are_never_errors() {
    const ENVIRONMENTS: [&str; 5] = [
        "PATH=/bin PWD=/ OLDPWD=/tmp HOME=/root USER=u LOGNAME=u SHELL=/bin/bash SHLVL=1 TERM=xterm LANG=C.UTF-8 LC_ALL=C \
         HOSTNAME=h HOSTTYPE=x86_64 OSTYPE=linux-gnu COLUMNS=80 LINES=24 EDITOR=vi PAGER=less MAIL=/m TZ=UTC NAME=h \
         LS_COLORS=a PS1=$ IFS=, _=/usr/bin/env DISPLAY=:0 XDG_SESSION_ID=1 SSH_AUTH_SOCK=/s SUDO_USER=u",
        "INVOCATION_ID=0 JOURNAL_STREAM=8:1 LISTEN_FDS=0 LISTEN_PID=1 NOTIFY_SOCKET=/n WATCHDOG_USEC=1 WATCHDOG_PID=1 \
         MAINPID=1 MANAGERPID=1 SYSTEMD_EXEC_PID=1 CREDENTIALS_DIRECTORY=/c STATE_DIRECTORY=/s CACHE_DIRECTORY=/c \
         RUNTIME_DIRECTORY=/r LOGS_DIRECTORY=/l CONFIGURATION_DIRECTORY=/e MEMORY_PRESSURE_WATCH=/m",
        "KUBERNETES_SERVICE_HOST=10.0.0.1 KUBERNETES_SERVICE_PORT=443 KUBERNETES_SERVICE_PORT_HTTPS=443 \
         KUBERNETES_PORT=tcp://10.0.0.1:443 KUBERNETES_PORT_443_TCP=tcp://10.0.0.1:443 \
         KUBERNETES_PORT_443_TCP_PROTO=tcp KUBERNETES_PORT_443_TCP_PORT=443 KUBERNETES_PORT_443_TCP_ADDR=10.0.0.1 \
         POLICY_SERVICE_HOST=10.0.0.2 POLICY_SERVICE_PORT=80 POLICY_PORT=tcp://10.0.0.2:80 STS_PORT=tcp://10.0.0.3:80 \
         API_KEYS_PORT=tcp://10.0.0.4:80 HOSTNAME=pod container=docker",
        "TENCENTCLOUD_RUNENV=SCF TENCENTCLOUD_REGION=ap-guangzhou TENCENTCLOUD_APPID=1250000000 TENCENTCLOUD_UIN=1 \
         TENCENTCLOUD_TZ=UTC TENCENTCLOUD_SECRETID=a TENCENTCLOUD_SECRETKEY=b TENCENTCLOUD_SESSIONTOKEN=c \
         SCF_RUNTIME=CustomRuntime SCF_FUNCTIONNAME=f SCF_FUNCTIONVERSION=$LATEST SCF_NAMESPACE=default \
         USER_CODE_ROOT=/var/user/ _SCF_SERVER_PORT=28902 TRIGGER_SRC=timer _HANDLER=bootstrap PYTHONPATH=/p \
         PYTHONDONTWRITEBYTECODE=x CLASSPATH=/c NODE_PATH=/n PHP_INI_SCAN_DIR=/p LD_LIBRARY_PATH=/l",
        "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_SESSION_TOKEN=c \
         AWS_EXECUTION_ENV=x AWS_LAMBDA_LOG_GROUP_NAME=g AWS_LAMBDA_LOG_STREAM_NAME=s \
         AWS_LAMBDA_INITIALIZATION_TYPE=on-demand AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000 AWS_XRAY_CONTEXT_MISSING=LOG_ERROR \
         _X_AMZN_TRACE_ID=r LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime LANG=en_US.UTF-8 TZ=:UTC \
         PATH=/bin LD_LIBRARY_PATH=/lib64 _HANDLER=bootstrap",
    ];
    for environment in ENVIRONMENTS {
        let platform = environment.split_ascii_whitespace().filter_map(|pair| pair.split_once('='));
        let mut process = Process::start(VARIABLES.into_iter().chain(platform)).unwrap();
        process.address().await.unwrap();
    }
    let scf = [("SCF_RUNTIME_API", "127.0.0.1"), ("SCF_RUNTIME_API_PORT", "9")];
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ];
    for (environment, protocol) in [(ENVIRONMENTS[3], &scf[..]), (ENVIRONMENTS[4], &lambda[..])] {
        let platform = environment.split_ascii_whitespace().filter_map(|pair| pair.split_once('='));
        let variables = VARIABLES.into_iter().chain(platform);
        let process = Process::start(variables.chain(protocol.iter().copied())).unwrap();
        let (code, printed) = process.ended().await.unwrap();
        assert_eq!(code, Some(1));
        assert!(
            printed.contains("the function ends") && !printed.contains("\"variable\""),
            "{printed}"
        );
    }
}

/// Each of them would hold its connection until a time limit: before its head, in its head, in its
/// body.
#[tokio::test]
async fn silent_connections_of_one_peer_stop_no_other() {
    let health = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let closed = async |stream: &mut TcpStream| stream.read(&mut [0]).await.unwrap_or_default();
    for begun in ["", "GET /si", "POST /sts HTTP/1.1\r\ncontent-length: 9\r\n\r\n["] {
        let mut process = Process::start(with(&[("CONNECTIONS_MAX", "50")])).unwrap();
        let address = process.address().await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..60 {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            silent.push(stream);
        }
        let answer = exchange(address.clone(), health.to_vec());
        let answer = tokio::time::timeout(Duration::from_secs(3), answer).await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 200 OK"), "{begun}");
        // The first one was replaced.
        assert_eq!(closed(&mut silent.remove(0)).await, 0);
        if begun.is_empty() {
            // Given up after a few seconds, long before a client that was served is.
            let last = closed(silent.last_mut().unwrap());
            let last = tokio::time::timeout(Duration::from_secs(15), last).await;
            assert_eq!(last.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_on_a_loopback_server_without_authentication() {
    let ask = async |address: &str, host: &str| {
        let request = format!("GET /healthz HTTP/1.1\r\n{host}connection: close\r\n\r\n");
        exchange(address.to_owned(), request.into_bytes()).await
    };
    let mut process = Process::start(VARIABLES).unwrap();
    let address = process.address().await.unwrap();
    for host in ["localhost", "LOCALHOST:9000", "127.0.0.1:1", "192.0.2.1", "[::1]:9000"] {
        let answer = ask(&address, &format!("host: {host}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{host}: {answer}");
    }
    assert!(ask(&address, "").await.starts_with("HTTP/1.1 200 OK"));
    for host in
        ["attacker.example.com", "localhost.example.com:9000", "127.0.0.1.example.com", "a b", ""]
    {
        let answer = ask(&address, &format!("host: {host}\r\n")).await;
        assert_refused(&answer, "421", "InvalidParameter.Host");
    }
    let two = ask(&address, "host: localhost\r\nhost: attacker.example.com\r\n").await;
    assert!(!two.starts_with("HTTP/1.1 200"), "{two}");
    // What a connection sent before proves nothing for another name.
    let requests = ["localhost", "localhost", "attacker.example.com"]
        .map(|host| format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    let answers = exchange(address, requests.concat().into_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 421").count(), 1, "{answers}");

    let listed = with(&[("ALLOWED_HOSTS", "sts.example.com")]);
    let mut process = Process::start(listed).unwrap();
    let address = process.address().await.unwrap();
    assert!(ask(&address, "host: sts.example.com\r\n").await.starts_with("HTTP/1.1 200 OK"));
    assert_refused(&ask(&address, "host: localhost\r\n").await, "421", "InvalidParameter.Host");
}

#[tokio::test]
async fn the_request_id_of_a_client_is_believed_only_behind_scf() {
    const SENT: &str = "11111111-2222-4333-8444-555555555555";
    let request = format!(
        "GET /sign?unknown=1 HTTP/1.1\r\nhost: localhost\r\nx-scf-request-id: {SENT}\r\nconnection: close\r\n\r\n"
    );
    for (runenv, is_believed) in [("", false), ("SCF", true)] {
        let mut process = Process::start(with(&[("TENCENTCLOUD_RUNENV", runenv)])).unwrap();
        let address = process.address().await.unwrap();
        let answer = exchange(address, request.clone().into_bytes()).await;
        assert_eq!(answer.contains(SENT), is_believed, "{answer}");
        let line = process.printed("\"decision\"").await.unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["request_id"] == SENT, is_believed, "{line}");
        assert_eq!(line["client_request_id"] == SENT, !is_believed, "{line}");
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
        if bytes.starts_with(b"GET /sign HTTP/1.1\r\nhost: localhost\r\n\r\n")
            && text.contains("\r\n\r\n{")
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
    let requests = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
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
    assert!(refused.is_ok(), "the connection was not closed within a minute");
}

#[track_caller]
fn assert_refused(answer: &str, status: &str, name: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let body: Value =
        serde_json::from_str(answer.rsplit("\r\n\r\n").next().unwrap_or_default()).unwrap();
    assert_eq!(body["codeDesc"], name);
}

fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    VARIABLES.into_iter().chain(changes.iter().copied()).collect()
}
