//! The metrics of a server, as Prometheus reads them: what is counted, that every metric is
//! documented and nothing else, and that they are answered whatever callers do.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cos_emulator::{Cloud, Fault};
use cos_issuer::auth::AuthMethod;
use cos_issuer::error::ErrorCode;
use cos_issuer_e2e::{
    API_KEY, Browser, Client, KeyServer, Process, Signer, Store, TokenIssuer, VARIABLES, Variables,
    cloud,
};
use serde_json::{Value, json};
use tencent::sign::digest::sha256_hex;
use tencent::time::{Clock, SystemClock};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PAGE: &str = include_str!("../../../docs/metrics.md");
const ISSUER: &str = "https://issuer.example.com";
const SCRAPED: [(&str, &str); 2] = [("METRICS", "prometheus"), ("METRICS_ADDRESS", "127.0.0.1:0")];

/// A server with metrics, and the cloud that it calls.
struct Server {
    process: Process,
    address: String,
    browser: Browser,
    metrics: String,
    cloud: Cloud,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let cloud = cloud().start().await.unwrap();
        let mut process = Process::calling(&cloud, &[&SCRAPED, settings].concat()).unwrap();
        let address = process.address().await.unwrap();
        let line = process.printed("\"metrics_address\"").await.unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let metrics = format!("http://{}/metrics", line["metrics_address"].as_str().unwrap());
        let browser = Browser::at(format!("http://{address}")).unwrap();
        Self { process, address, browser, metrics, cloud }
    }

    /// `GET /sts` with this key or token.
    async fn ask(&self, bearer: &str) -> u16 {
        let request = self.browser.request("GET", "/sts");
        let request = request.header("authorization", format!("Bearer {bearer}"));
        self.browser.send(request).await.unwrap().status
    }

    async fn scrape(&self) -> Scrape {
        Scrape::of(&self.metrics).await
    }
}

/// What the parser of Prometheus read.
struct Scrape {
    content_type: String,
    /// Type, help and samples by name.
    families: BTreeMap<String, Value>,
}

impl Scrape {
    async fn of(url: &str) -> Self {
        let read = Client::Prometheus.drive(&[url], &Variables::new()).await.unwrap();
        let families = read["families"].as_array().unwrap().iter();
        let families: BTreeMap<String, Value> = families
            .map(|family| (family["name"].as_str().unwrap().to_owned(), family.clone()))
            .collect();
        assert_eq!(families.len(), read["families"].as_array().unwrap().len(), "a name twice");
        Self { content_type: read["content_type"].as_str().unwrap().to_owned(), families }
    }

    /// Name, labels and value of each sample of each family.
    fn samples(&self) -> impl Iterator<Item = (&str, &Value, f64)> {
        let samples = self.families.values().flat_map(|family| family["samples"].as_array());
        samples
            .flatten()
            .map(|sample| (sample[0].as_str().unwrap(), &sample[1], sample[2].as_f64().unwrap()))
    }

    /// The sum of the samples of this name with these labels among theirs.
    #[track_caller]
    fn sum(&self, name: &str, labels: &Value) -> f64 {
        let labels = labels.as_object().unwrap();
        let has = |found: &Value| labels.iter().all(|(label, value)| found[label] == *value);
        let found: Vec<f64> = self
            .samples()
            .filter(|(found, with, _)| *found == name && has(with))
            .map(|(_, _, value)| value)
            .collect();
        assert!(!found.is_empty(), "no {name} {labels:?}");
        found.iter().sum()
    }

    #[track_caller]
    fn assert_sums(&self, expected: &[(&str, Value, u32)]) {
        for (name, labels, count) in expected {
            let sum = self.sum(name, labels);
            assert!((sum - f64::from(*count)).abs() < 1e-9, "{name} {labels}: {sum}");
        }
    }

    /// Each histogram by itself: buckets grow with their bound, the last one is the count.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
        for (name, labels, value) in self.samples() {
            if let (Some(name), Some(bound)) = (name.strip_suffix("_bucket"), labels["le"].as_str())
            {
                let mut others = labels.clone();
                others.as_object_mut().unwrap().remove("le");
                let key = (name.to_owned(), others.to_string());
                buckets.entry(key).or_default().push((bound.parse().unwrap(), value));
            }
        }
        assert!(buckets.len() > 3, "only {} histograms", buckets.len());
        for ((name, labels), buckets) in buckets {
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {buckets:?}");
            let (bound, last) = buckets.last().copied().unwrap();
            let labels: Value = serde_json::from_str(&labels).unwrap();
            let count = self.sum(&format!("{name}_count"), &labels);
            assert!(bound.is_infinite() && (last - count).abs() < 1e-9, "{name} {buckets:?}");
            assert!(self.sum(&format!("{name}_sum"), &labels) >= 0.0);
        }
    }
}

/// The rows of the page: type and labels by name.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = PAGE.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.len() == 7 && cells[1].starts_with('`'));
    let rows = rows.map(|cells| {
        let labels = quoted(cells[3]).into_iter().collect();
        (quoted(cells[1]).concat(), (cells[2].to_owned(), labels))
    });
    rows.collect()
}

/// The values of a label, by the label and the metric: an empty one where all metrics share them.
fn documented_values() -> BTreeMap<(String, String), Vec<String>> {
    let rows = PAGE.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.len() == 5 && cells[1].starts_with('`'));
    let key = |cells: &[&str]| (quoted(cells[1]).concat(), quoted(cells[2]).concat());
    rows.map(|cells| (key(&cells), quoted(cells[3]))).collect()
}

fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_answers_is_counted_and_each_metric_is_documented() {
    let issuer = TokenIssuer::new().await.unwrap();
    let (keys, store) = (KeyServer::start(&issuer.jwks()).await.unwrap(), Store::start().await);
    let (jwks_url, store) = (keys.url(), store.unwrap());
    let other_key = "CANARY-key-of-user-2-0123456789abcdef01";
    let [one, two] = [API_KEY, other_key].map(|key| sha256_hex(key.as_bytes()));
    let api_keys = format!("phone={one} sub=user-1; tablet={two} sub=user-2");
    let server = Server::start(&[
        ("AUTH", "api-key,jwt"),
        ("API_KEYS", &api_keys),
        ("JWT_ISSUER", ISSUER),
        ("JWT_AUDIENCE", "uploads"),
        ("JWT_JWKS_URL", &jwks_url),
        ("JWT_ALGORITHMS", "ES256"),
        ("SHARED_STORE", &store.url()),
        ("RATE_LIMIT", "4/1h"),
        ("CACHE", "on"),
    ])
    .await;

    send_without_sts(&server).await;
    send_requests(&server, &issuer).await;

    let scrape = server.scrape().await;
    assert_eq!(scrape.content_type, "text/plain; version=0.0.4; charset=utf-8");
    check_requests(&scrape);
    check_calls(&scrape);
    check_process(&scrape);
    scrape.check_histograms();
    check_page(&scrape);
}

async fn send_without_sts(server: &Server) {
    // STS gives nothing: two attempts of one request, and one that is final.
    let gone = |code: &str| Fault::ApiError { code: code.to_owned(), message: String::new() };
    server.cloud.sts().inject([gone("InternalError.DbError"), gone("AuthFailure.TokenFailure")]);
    assert_eq!(server.ask(API_KEY).await, 502);
    let scrape = server.scrape().await;
    scrape.assert_sums(&[
        ("cos_issuer_upstream_healthy", json!({}), 0),
        ("cos_issuer_upstream_attempts_total", json!({"outcome": "answer"}), 1),
        ("cos_issuer_upstream_attempts_total", json!({"outcome": "refused"}), 1),
    ]);
}

async fn send_requests(server: &Server, issuer: &TokenIssuer) {
    // One call, two answers from the cache, and the fifth request is over the limit.
    for status in [200, 200, 200, 429] {
        assert_eq!(server.ask(API_KEY).await, status);
    }
    let now = SystemClock.now().unix_seconds();
    let claims = json!({"iss": ISSUER, "aud": "uploads", "sub": "u", "iat": now, "exp": now.saturating_add(60)});
    let token = issuer.token(Signer::EdDsa, "ed25519", &claims).unwrap();
    assert_eq!(server.ask(&token).await, 401, "EdDSA is not in JWT_ALGORITHMS");
    let token = issuer.token(Signer::Es256, "p256", &claims).unwrap();
    assert_eq!(server.ask(&token).await, 200);
    assert_eq!(server.ask("CANARY-key-of-nobody-0123456789abcdef01").await, 401);
    for (method, path, status) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/", 200),
        ("OPTIONS", "/sts", 204),
        ("GET", "/nowhere", 404),
        ("DELETE", "/sign", 405),
    ] {
        let answer = server.browser.send(server.browser.request(method, path)).await.unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let body = server.browser.request("POST", "/sts").body(vec![b' '; 200_000]);
    assert_eq!(server.browser.send(body).await.unwrap().status, 413);
}

fn check_requests(scrape: &Scrape) {
    let requests = "cos_issuer_requests_total";
    let durations = "cos_issuer_request_duration_seconds_count";
    let ok = json!({"route": "/sts", "code": "ok", "auth_method": "api-key"});
    scrape.assert_sums(&[
        (requests, json!({}), 11),
        (requests, ok, 3),
        (requests, json!({"code": "ok", "auth_method": "jwt"}), 1),
        (requests, json!({"code": "RequestLimitExceeded.RateLimit"}), 1),
        (requests, json!({"code": "AuthFailure.Token", "auth_method": "unauthenticated"}), 1),
        (requests, json!({"code": "AuthFailure.ApiKey"}), 1),
        (requests, json!({"code": "InternalError.UpstreamRefused"}), 1),
        (requests, json!({"route": "none", "code": "InvalidParameter.RouteNotFound"}), 1),
        (requests, json!({"route": "/sign", "code": "InvalidParameter.MethodNotAllowed"}), 1),
        (requests, json!({"route": "none", "code": "InvalidParameter.BodyTooLarge"}), 1),
        // The request that was too large has no duration.
        (durations, json!({}), 10),
        (durations, json!({"outcome": "granted"}), 4),
        (durations, json!({"outcome": "refused"}), 5),
        (durations, json!({"outcome": "failed"}), 1),
        ("cos_issuer_limited_total", json!({}), 1),
        ("cos_issuer_limited_total", json!({"limit": "caller"}), 1),
    ]);
}

fn check_calls(scrape: &Scrape) {
    let attempts = "cos_issuer_upstream_attempts_total";
    scrape.assert_sums(&[
        ("cos_issuer_cache_requests_total", json!({"result": "hit"}), 2),
        ("cos_issuer_cache_requests_total", json!({"result": "miss"}), 3),
        ("cos_issuer_cache_entries", json!({}), 2),
        ("cos_issuer_credential_remaining_seconds_count", json!({}), 4),
        ("cos_issuer_credential_remaining_seconds_bucket", json!({"le": "1200"}), 0),
        ("cos_issuer_credential_remaining_seconds_bucket", json!({"le": "1800"}), 4),
        (attempts, json!({"endpoint": "0", "outcome": "ok"}), 2),
        (attempts, json!({}), 4),
        ("cos_issuer_upstream_duration_seconds_count", json!({}), 4),
        ("cos_issuer_upstream_healthy", json!({}), 1),
        ("cos_issuer_clock_offset_seconds", json!({}), 0),
        ("cos_issuer_jwks_fetches_total", json!({"issuer": "0", "outcome": "ok"}), 1),
        ("cos_issuer_jwks_fetches_total", json!({"issuer": "0", "outcome": "failed"}), 0),
        ("cos_issuer_log_lines_lost_total", json!({}), 0),
        ("cos_issuer_rate_limit_evictions_total", json!({}), 0),
        ("cos_issuer_shared_store_failures_total", json!({}), 0),
        ("cos_issuer_build_info", json!({"version": env!("CARGO_PKG_VERSION")}), 1),
    ]);
    let lifetimes = scrape.sum("cos_issuer_credential_remaining_seconds_sum", &json!({}));
    assert!((4.0 * 1700.0..=4.0 * 1800.0).contains(&lifetimes), "{lifetimes}");
}

fn check_process(scrape: &Scrape) {
    let now = f64::from(u32::try_from(SystemClock.now().unix_seconds()).unwrap());
    for (name, least, most) in [
        ("cos_issuer_connections_open", 0.0, 100.0),
        ("cos_issuer_jwks_age_seconds", 0.0, 300.0),
        ("process_start_time_seconds", now - 600.0, now + 60.0),
        ("process_cpu_seconds_total", 0.0, 600.0),
        ("process_resident_memory_bytes", 1e6, 1e9),
        ("process_virtual_memory_bytes", 1e6, 1e12),
        ("process_threads", 1.0, 100.0),
        ("process_open_fds", 5.0, 1000.0),
        ("process_max_fds", 5.0, 1e10),
    ] {
        let value = scrape.sum(name, &json!({}));
        assert!((least..=most).contains(&value), "{name}: {value}");
    }
}

/// Both ways: every metric has its row with its type and labels, and every value its place.
fn check_page(scrape: &Scrape) {
    let found = scrape.families.iter().map(|(name, family)| {
        let samples = family["samples"].as_array().unwrap();
        let labels = samples.iter().flat_map(|sample| sample[1].as_object().unwrap().keys());
        let labels: BTreeSet<String> = labels.filter(|name| *name != "le").cloned().collect();
        assert!(!family["help"].as_str().unwrap().is_empty(), "{name} has no help");
        (name.clone(), (family["type"].as_str().unwrap().to_owned(), labels))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), documented());

    let values = documented_values();
    for (name, family) in &scrape.families {
        for sample in family["samples"].as_array().unwrap() {
            for (label, value) in sample[1].as_object().unwrap() {
                let own = values.get(&(label.clone(), name.clone()));
                let shared = || values.get(&(label.clone(), String::new()));
                let value = value.as_str().unwrap();
                let is_known = match label.as_str() {
                    "le" | "version" | "revision" => true,
                    "code" => value == "ok" || is_code(value),
                    _ => own.or_else(shared).unwrap().iter().any(|known| known == value),
                };
                assert!(is_known, "{name}: {label}=\"{value}\" is not in the page");
            }
        }
    }
    // What the rules use.
    let names: Vec<&String> = scrape.families.keys().collect();
    let (_, rules) = PAGE.split_once("## Rules").unwrap();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let used = rules.split(|c| !is_word(c)).filter(|word| word.starts_with("cos_issuer_"));
    for word in used {
        let ends = ["", "_count", "_bucket"];
        let is_known =
            names.iter().any(|name| ends.iter().any(|end| format!("{name}{end}") == word));
        assert!(is_known, "the rules use {word}");
    }
    let methods = &values[&("auth_method".to_owned(), String::new())];
    let missing = AuthMethod::ALL.into_iter().map(AuthMethod::name);
    let missing: Vec<_> =
        missing.filter(|name| !methods.iter().any(|known| known == name)).collect();
    assert!(missing.is_empty(), "not in the page: {missing:?}");
}

fn is_code(value: &str) -> bool {
    ErrorCode::ALL.iter().any(|code| code.info().name == value)
}

/// What a client may write, with a number in all of it; then how many samples there are.
async fn hostile(server: &Server, number: u32) -> usize {
    for path in ["/metrics", "/metrics/", "//metrics", "/METRICS", "/sts%0a", "/\"}{le=\"1\""] {
        for path in [path.to_owned(), format!("{path}CANARY-{number}")] {
            let request = server.browser.request("GET", &path);
            let request = request.header("authorization", format!("Bearer CANARY-{number}"));
            let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
            let answer = server.browser.send(request).await.unwrap();
            assert_eq!(answer.status, 404, "{path}");
        }
    }
    let path = format!("/sts?format=CANARY-{number}");
    let status = server.browser.get(&path).await.unwrap().status;
    assert!(matches!(status, 400 | 429), "{status}");
    let scrape = server.scrape().await;
    for (name, labels, _) in scrape.samples() {
        let labels = labels.to_string();
        assert!(!labels.contains("CANARY") && !labels.contains("192.0.2"), "{name} {labels}");
    }
    scrape.samples().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_reach_no_metrics_and_cannot_make_more_of_them() {
    let server = Server::start(&[("RATE_LIMIT", "2/1h")]).await;
    // The third is over the limit, which is the last combination that is new.
    for number in 0..2 {
        hostile(&server, number).await;
    }
    let before = hostile(&server, 3).await;
    for number in 4..6 {
        assert_eq!(hostile(&server, number).await, before);
    }

    // There is nothing else at the address for metrics.
    let elsewhere = Browser::at(server.metrics.replace("/metrics", "")).unwrap();
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/sign", 404),
        ("GET", "/healthz", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/metrics", 405),
        ("OPTIONS", "/metrics", 405),
        ("HEAD", "/metrics", 200),
        ("GET", "/metrics?name=x", 200),
    ] {
        let answer = elsewhere.send(elsewhere.request(method, path)).await.unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
    }
    assert_eq!(server.cloud.sts().call_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_answered_while_requests_are_saturated_and_while_the_server_drains() {
    let mut server = Server::start(&[
        ("CONNECTIONS_MAX", "1"),
        ("STS_CONCURRENCY_MAX", "1"),
        ("STS_DEADLINE_MS", "60000"),
        ("SHUTDOWN_DELAY_MS", "0"),
        ("SHUTDOWN_GRACE_MS", "3600000"),
    ])
    .await;
    // More than there may be, and none of them sends anything.
    let address = server.metrics.split('/').nth(2).unwrap().to_owned();
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(&address).await.unwrap());
    }
    // The only connection of a caller waits for STS.
    server.cloud.sts().inject([Fault::Delay(Duration::from_secs(30))]);
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(b"GET /sign HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    while server.cloud.sts().call_count() == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let open = ("cos_issuer_connections_open", json!({}), 1);
    server.scrape().await.assert_sums(std::slice::from_ref(&open));

    server.process.terminate();
    server.process.printed("stopping").await.unwrap();
    server.scrape().await.assert_sums(&[open]);
    server.process.terminate();
    let (code, printed) = server.process.ended().await.unwrap();
    assert_eq!(code, Some(1), "{printed}");
}

/// Both addresses, since each has its own way to its answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_while_it_is_used_and_closed_when_it_sends_no_head() {
    let server = Server::start(&[]).await;
    let (own, metrics) = (&*server.address, server.metrics.split('/').nth(2).unwrap());
    let used = |address, path| async move {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        for seconds in [16, 16, 0] {
            let request = format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{path}: {head}");
            }
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
            sleep(Duration::from_secs(seconds)).await;
        }
    };
    let stalled = |address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").await.unwrap();
        let open = timeout(Duration::from_secs(25), stream.read_u8()).await;
        assert!(open.is_err(), "{open:?}");
        // A busy machine may be late.
        let end = timeout(Duration::from_secs(60), stream.read_u8()).await.unwrap();
        assert!(end.is_err(), "it is answered: {end:?}");
    };
    tokio::join!(used(own, "/healthz"), used(metrics, "/metrics"), stalled(own), stalled(metrics));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_for_metrics_that_is_taken_ends_the_process() {
    let server = Server::start(&[]).await;
    let taken = server.metrics.split('/').nth(2).unwrap();
    let own = [("METRICS", "prometheus"), ("METRICS_ADDRESS", taken)];
    let second = Process::start(VARIABLES.into_iter().chain(own)).unwrap();
    let (code, printed) = second.ended().await.unwrap();
    assert_eq!(code, Some(1));
    assert!(printed.contains("METRICS_ADDRESS cannot be listened on"), "{printed}");
    assert!(!printed.contains("\"listening\""), "it served for a moment: {printed}");
}
