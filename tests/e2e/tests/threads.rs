//! A server with two threads: what counts once for both, how the work is spread, how it ends.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::fs;
use std::time::Duration;

use cos_emulator::{Cloud, Fault, FaultRule, Service};
use cos_issuer_e2e::{Answer, Browser, HMAC_KEY, Process, cloud, signed};
use tokio::net::TcpStream;

/// A server with two threads, and for each of them a client with one connection.
struct Server {
    process: Process,
    clients: [Browser; 2],
    cloud: Cloud,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let cloud = cloud().start().await.unwrap();
        let own = [("THREADS", "2"), ("STS_DEADLINE_MS", "60000")];
        let mut process = Process::calling(&cloud, &[&own, settings].concat()).unwrap();
        let address = process.address().await.unwrap();
        let client = || Browser::at(format!("http://{address}")).unwrap();
        let clients = [client(), client()];
        for client in &clients {
            // The connection stays open, so the next one goes to the other thread.
            assert_eq!(client.get("/healthz").await.unwrap().status, 200);
        }
        Self { process, clients, cloud }
    }

    /// The processor time of each thread so far, in nanoseconds.
    fn processor_time(&self) -> Vec<u64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let time = |task: std::io::Result<fs::DirEntry>| {
            let statistics = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            statistics.split(' ').next().unwrap().parse().unwrap()
        };
        tasks.map(time).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_counts_once_for_all_threads() {
    let hmac_keys = format!("backend={HMAC_KEY}");
    let server = Server::start(&[("AUTH", "hmac"), ("HMAC_KEYS", &hmac_keys)]).await;
    for (nonce, order) in [("nonce-of-the-first-thread", [0, 1]), ("nonce-of-the-other", [1, 0])] {
        let authorization = signed(nonce);
        let mut answers = Vec::new();
        for client in order {
            let client = &server.clients[client];
            let request = client.request("GET", "/sts").header("authorization", &authorization);
            answers.push(client.send(request).await.unwrap());
        }
        assert_eq!(answers[0].status, 200, "{answers:?}");
        assert_eq!(answers[1].body["codeDesc"], "AuthFailure.SignatureReplayed", "{nonce}");
    }
    // Both at the same moment.
    for number in 0..20 {
        let authorization = signed(&format!("nonce-of-both-at-once-{number}"));
        let [one, other] = &server.clients;
        let send = |client: &Browser| {
            let request = client.request("GET", "/sts").header("authorization", &authorization);
            let client = client.clone();
            async move { client.send(request).await.unwrap().status }
        };
        let (one, other) = tokio::join!(send(one), send(other));
        assert!([[200, 401], [401, 200]].contains(&[one, other]), "{one} {other}");
    }
    assert_eq!(server.cloud.sts().call_count(), 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_cached_credentials_are_one_for_all_threads() {
    let server = Server::start(&[("RATE_LIMIT", "4/1h"), ("CACHE", "on")]).await;
    for client in [0, 1, 1, 0] {
        let answer = server.clients[client].get("/sign").await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    for client in &server.clients {
        assert_eq!(client.get("/sign").await.unwrap().status, 429);
    }
    assert_eq!(server.cloud.sts().call_count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kill_switch_counts_on_all_threads_at_the_next_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deny.txt");
    fs::write(&path, "").unwrap();
    let mut server = Server::start(&[("DENY_FILE", path.to_str().unwrap())]).await;
    for (entries, status) in [("all\n", 403), ("# nobody\n", 200)] {
        fs::write(&path, entries).unwrap();
        server.process.hang_up();
        server.process.printed("the kill switch has changed").await.unwrap();
        for client in &server.clients {
            assert_eq!(client.get("/sign").await.unwrap().status, status);
        }
    }
}

/// Whatever else the machine does: each of these requests costs its thread about the same.
#[tokio::test(flavor = "multi_thread")]
async fn each_thread_serves_its_share() {
    let server = Server::start(&[("CACHE", "on")]).await;
    let before = server.processor_time();
    let clients = server.clients.clone();
    let callers: Vec<_> = (0..8_usize)
        .map(|caller| {
            // Two clients are connected; six new ones are spread.
            let client =
                clients.get(caller).cloned().unwrap_or_else(|| clients[0].another().unwrap());
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(client.get("/sign").await.unwrap().status, 200);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let spent =
        server.processor_time().into_iter().zip(before).map(|(after, before)| after - before);
    let mut spent: Vec<u64> = spent.collect();
    spent.sort_unstable();
    let busiest: u64 = spent.iter().rev().take(2).sum();
    let second = spent[spent.len() - 2];
    assert!(second * 10 >= busiest * 3, "{spent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_the_requests_of_all_threads_finish() {
    let server = Server::start(&[("SHUTDOWN_DELAY_MS", "0")]).await;
    let requests = running(&server, Duration::from_secs(2)).await;
    server.process.terminate();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status, 200);
    }
    let (code, printed) = server.process.ended().await.unwrap();
    assert_eq!(code, Some(0), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_off_and_records_the_requests_of_all_threads() {
    let mut server = Server::start(&[("SHUTDOWN_GRACE_MS", "3600000")]).await;
    let requests = running(&server, Duration::from_secs(20)).await;
    server.process.terminate();
    server.process.printed("stopping").await.unwrap();
    server.process.terminate();
    let (code, printed) = server.process.ended().await.unwrap();
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("cut off: 2"), "{printed}");
    assert_eq!(printed.matches("\"abandoned\"").count(), 2, "{printed}");
    for request in requests {
        assert!(request.await.unwrap().is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_connections_is_one_for_all_threads() {
    let server = Server::start(&[("CONNECTIONS_MAX", "2")]).await;
    let sockets = || {
        let entries = fs::read_dir(format!("/proc/{}/fd", server.process.id())).unwrap();
        let target = |entry: std::io::Result<fs::DirEntry>| fs::read_link(entry.unwrap().path());
        let is_socket =
            |target: &std::path::PathBuf| target.to_string_lossy().starts_with("socket:");
        entries.filter_map(|entry| target(entry).ok()).filter(is_socket).count()
    };
    let of_two = sockets();
    let third = server.clients[0].another().unwrap();
    for _ in 0..3 {
        for client in server.clients.iter().chain([&third]) {
            // The connection may be replaced at this moment.
            let answer = match client.get("/healthz").await {
                Err(_) => client.get("/healthz").await,
                answer => answer,
            };
            assert_eq!(answer.unwrap().status, 200);
        }
    }
    // What was replaced is closed by its own thread, a moment later.
    for _ in 0..100 {
        if sockets() == of_two {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(sockets(), of_two);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_all_calls_to_sts_are_in_use() {
    let server = Server::start(&[("STS_CONCURRENCY_MAX", "2")]).await;
    let requests = running(&server, Duration::from_secs(20)).await;
    for _ in 0..4 {
        let client = server.clients[0].another().unwrap();
        assert_eq!(client.get("/healthz").await.unwrap().status, 200);
        assert_eq!(client.get("/readyz").await.unwrap().status, 200);
        let answer = client.get("/sign").await.unwrap();
        assert_eq!(answer.body["codeDesc"], "RequestLimitExceeded.Concurrency", "{answer:?}");
    }
    assert!(requests.iter().all(|request| !request.is_finished()));
}

/// Callers who wait for a slow STS do not make the server look dead.
#[tokio::test(flavor = "multi_thread")]
async fn health_is_answered_while_every_connection_handles_a_request() {
    let server = Server::start(&[("CONNECTIONS_MAX", "2")]).await;
    let requests = running(&server, Duration::from_secs(600)).await;
    // More than there are over the limit, and none of them sends anything.
    let address = server.clients[0].address().to_owned();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    for (method, path) in
        [("GET", "/healthz"), ("GET", "/livez"), ("GET", "/readyz"), ("HEAD", "/healthz")]
    {
        let client = server.clients[0].another().unwrap();
        for _ in 0..2 {
            let answer = client.send(client.request(method, path)).await.unwrap();
            assert_eq!(answer.status, 200, "{method} {path}");
        }
    }
    let client = server.clients[0].another().unwrap();
    for (method, path) in [("GET", "/sign"), ("POST", "/sts"), ("GET", "/"), ("GET", "/nowhere")] {
        let answer = client.send(client.request(method, path)).await.unwrap();
        assert_eq!(answer.status, 503, "{method} {path}");
        assert_eq!(answer.body["codeDesc"], "RequestLimitExceeded.Concurrency", "{answer:?}");
        assert!(["1", "2"].contains(&answer.header("retry-after")), "{answer:?}");
        assert_eq!(answer.header("connection"), "close");
    }
    assert_eq!(server.cloud.sts().call_count(), 2);
    assert!(requests.iter().all(|request| !request.is_finished()));
}

type Running = tokio::task::JoinHandle<Result<Answer, cos_issuer_e2e::Failure>>;

/// A request on each thread, which waits so long for STS.
async fn running(server: &Server, duration: Duration) -> Vec<Running> {
    let slow = FaultRule::new(Service::Sts, Fault::Delay(duration));
    server.cloud.faults().add(slow).unwrap();
    let ask = |client: &Browser| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/sign").await })
    };
    let requests = server.clients.iter().map(ask).collect();
    while server.cloud.sts().call_count() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    requests
}
