//! Two hundred callers of one server, with faults, freezes and restarts of the store: every answer
//! is right or a clear refusal, nothing hangs, and nothing grows. `make soak` runs it for ten
//! minutes, `make test` for twenty seconds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a fault in a helper of these tests is a failed test, and the result is printed"
)]
#![expect(clippy::disallowed_methods, reason = "what takes long is measured in real time")]
#![expect(clippy::too_many_lines, reason = "one story from the first request to the last look")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cos_emulator::{Cloud, Fault, FaultRule, Service};
use cos_issuer_e2e::{
    Answer, Browser, Failure, HMAC_KEY, HS_SECRET, Process, Signer, Store, TokenIssuer, cloud,
    signed, soak_seconds,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tencent::sign::digest::sha256_hex;
use tencent::time::{Clock, SystemClock};
use tokio::time::{sleep, timeout};

const CALLERS: usize = 200;

/// What a request may get besides a credential.
const REFUSALS: [(u16, &str); 6] = [
    (502, "InternalError.UpstreamAnswer"),
    (502, "InternalError.UpstreamUnavailable"),
    (503, "InternalError.SharedStoreUnavailable"),
    (503, "RequestLimitExceeded.Concurrency"),
    (503, "RequestLimitExceeded.Upstream"),
    (504, "InternalError.UpstreamTimeout"),
];

/// Longer than a freeze, the deadline, and what a busy machine adds.
const HUNG: Duration = Duration::from_secs(30);

/// What the callers have seen.
#[derive(Default)]
struct Seen {
    outcomes: Mutex<BTreeMap<String, usize>>,
    wrong: Mutex<Vec<String>>,
    /// The subject that each credential was issued to.
    issued: Mutex<HashMap<String, String>>,
    is_over: AtomicBool,
}

impl Seen {
    fn record(&self, subject: &str, answer: Result<Result<Answer, Failure>, impl Sized>) {
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => return self.wrong(format!("{subject}: {failure}")),
            Err(_) => return self.wrong(format!("{subject}: no answer in {HUNG:?}")),
        };
        let code = answer.body["codeDesc"].as_str().unwrap_or_default();
        let secret_id = answer.body.pointer("/credentials/tmpSecretId");
        let outcome = format!("{} {code}", answer.status);
        *self.outcomes.lock().unwrap().entry(outcome).or_default() += 1;
        match secret_id.and_then(serde_json::Value::as_str) {
            Some(secret_id) if answer.status == 200 => {
                let mut issued = self.issued.lock().unwrap();
                let other = issued.insert(secret_id.to_owned(), subject.to_owned());
                if other.is_some_and(|other| other != subject) {
                    self.wrong(format!("{subject} got the credential of another caller"));
                }
            }
            None if REFUSALS.contains(&(answer.status, code)) => {}
            _ => self.wrong(format!("{subject}: {answer:?}")),
        }
    }

    fn wrong(&self, text: String) {
        self.wrong.lock().unwrap().push(text);
    }
}

/// What the server uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    memory_kb: u64,
    threads: u64,
    descriptors: u64,
}

impl Usage {
    fn now(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_ascii_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
        Self {
            memory_kb: number("VmRSS:"),
            threads: number("Threads:"),
            descriptors: descriptors.try_into().unwrap(),
        }
    }

    fn most(usages: &[Self]) -> Self {
        let most = |of: fn(&Self) -> u64| usages.iter().map(of).max().unwrap_or_default();
        Self {
            memory_kb: most(|usage| usage.memory_kb),
            threads: most(|usage| usage.threads),
            descriptors: most(|usage| usage.descriptors),
        }
    }

    /// Whether nothing grew between the second and the last third.
    fn is_flat(self, later: Self) -> bool {
        later.memory_kb <= self.memory_kb + self.memory_kb / 8 + 2048
            && later.threads <= self.threads + 1
            && later.descriptors <= self.descriptors + self.descriptors / 10 + 8
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_faults_every_answer_is_right_nothing_hangs_and_nothing_grows() {
    let duration = Duration::from_secs(soak_seconds().unwrap_or(20));
    let cloud = faulty_cloud().await;
    let mut store = Store::start().await.unwrap();
    let issuer = TokenIssuer::new().await.unwrap();
    let (hmac_keys, url) = (format!("backend={HMAC_KEY}"), store.url());
    let mut process = Process::calling(
        &cloud,
        &[
            ("THREADS", "2"),
            ("AUTH", "jwt,hmac"),
            ("JWT_ISSUER", "https://login.example.com/"),
            ("JWT_AUDIENCE", "uploads"),
            ("JWT_HS_SECRET", HS_SECRET),
            ("HMAC_KEYS", &hmac_keys),
            ("PREFIX", "users/{sub}/"),
            ("CACHE", "on"),
            // Fewer than the callers have, so that STS is called all the time.
            ("CACHE_ENTRIES_MAX", "300"),
            ("RATE_LIMIT", "1000000/1m"),
            ("SHARED_STORE", &url),
        ],
    )
    .unwrap();
    let address = process.address().await.unwrap();
    let id = process.id();
    let printed = tokio::spawn(async move {
        let mut leaks = 0;
        let is_short = soak_seconds().is_none();
        let reading = process.each_line(|line| {
            leaks += usize::from(line.contains("CANARY"));
            // Here the leak check of all tests reads it.
            if is_short {
                println!("function: {line}");
            }
        });
        reading.await;
        (leaks, process.ended().await.unwrap().0)
    });

    let seen = Arc::new(Seen::default());
    let now = SystemClock.now().unix_seconds();
    // One client with a connection for each request that runs.
    let browser = Browser::at(format!("http://{address}")).unwrap();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (seen, subject) = (Arc::clone(&seen), format!("person-{number}"));
            let claims = json!({"iss": "https://login.example.com/", "aud": "uploads",
                "sub": subject, "iat": now, "exp": now + 7200});
            let token = issuer.token(Signer::Hs256(HS_SECRET.as_bytes()), "any", &claims).unwrap();
            let browser = browser.clone();
            // Each tenth caller signs its requests.
            let token = (number % 10 != 0).then_some(token);
            tokio::spawn(call(browser, seen, subject, number, token))
        })
        .collect();

    let began = Instant::now();
    let mut usages = Vec::new();
    for tick in 1_u32.. {
        sleep(Duration::from_millis(500)).await;
        usages.push(Usage::now(id));
        match tick % 14 {
            4 => freeze(id).await,
            9 => store.kill().await.unwrap(),
            12 => store.restart().await.unwrap(),
            _ => {}
        }
        if began.elapsed() >= duration {
            break;
        }
    }
    seen.is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    kill_process(pid(id), Signal::TERM).unwrap();
    let (leaks, code) = printed.await.unwrap();

    let third = usages.len() / 3;
    let middle = Usage::most(usages.get(third..2 * third).unwrap());
    let last = Usage::most(usages.get(2 * third..).unwrap());
    let outcomes = seen.outcomes.lock().unwrap();
    println!("soak: {outcomes:?}, {} calls of STS", cloud.sts().call_count());
    println!("soak: {middle:?}, then {last:?}");
    check_owners(&cloud, &seen);
    let wrong = seen.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} wrong: {:?}", wrong.len(), wrong.first());
    assert_eq!((leaks, code), (0, Some(0)));
    assert!(middle.is_flat(last), "{middle:?}, then {last:?}");
    assert!(outcomes.get("200 ").is_some_and(|count| *count > CALLERS), "{outcomes:?}");
    assert!(outcomes.len() > 1, "no fault was met: {outcomes:?}");
}

/// Asks until it is over.
async fn call(
    browser: Browser,
    seen: Arc<Seen>,
    subject: String,
    number: usize,
    token: Option<String>,
) {
    for count in 0_usize.. {
        if seen.is_over.load(Ordering::Relaxed) {
            break;
        }
        let (path, authorization, subject) = match &token {
            Some(token) => {
                let seconds = 900 + 100 * (count % 3);
                let path = format!("/sts?durationSeconds={seconds}");
                (path, format!("Bearer {token}"), subject.as_str())
            }
            None => {
                let nonce = format!("nonce-of-soak-{number}-{count:08}");
                ("/sts".to_owned(), signed(&nonce), "backend")
            }
        };
        let request = browser.request("GET", &path).header("authorization", authorization);
        seen.record(subject, timeout(HUNG, browser.send(request)).await);
        sleep(Duration::from_millis(100)).await;
    }
}

async fn faulty_cloud() -> Cloud {
    let code = "InternalError".to_owned();
    let faults = [
        Fault::ApiError { code, message: String::new() },
        Fault::CloseAfter { bytes: 20 },
        Fault::CloseBefore,
        Fault::Delay(Duration::from_secs(2)),
        Fault::Malformed,
        Fault::Outage,
    ];
    let rule = |fault| FaultRule::new(Service::Sts, fault).probability(0.04);
    let builder = cloud().sts_calls_per_second(1_000_000);
    let builder = faults.into_iter().fold(builder, |builder, fault| builder.fault(rule(fault)));
    builder.start().await.unwrap()
}

/// Each credential has the policy of the caller who got it.
fn check_owners(cloud: &Cloud, seen: &Seen) {
    let calls = cloud.sts().calls();
    let policies: HashMap<&str, &str> = calls
        .iter()
        .filter_map(|call| Some((call.issued_secret_id.as_deref()?, call.policy.as_deref()?)))
        .collect();
    for (secret_id, subject) in seen.issued.lock().unwrap().iter() {
        // The record of calls may be bounded.
        let policy = policies.get(secret_id.as_str());
        if policy.is_some_and(|policy| !policy.contains(&format!("/users/{subject}/*"))) {
            seen.wrong(format!("{subject} got another policy"));
        }
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.try_into().unwrap()).unwrap()
}

async fn freeze(id: u32) {
    kill_process(pid(id), Signal::STOP).unwrap();
    sleep(Duration::from_secs(1)).await;
    kill_process(pid(id), Signal::CONT).unwrap();
}

/// A ratio needs a quiet machine: `make test` runs it, only `make soak` requires the aim.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_far_over_the_limit_leaves_the_time_of_another_within_twice() {
    const KEYS: [&str; 2] =
        ["CANARY-key-of-the-many-0123456789abcdef", "CANARY-key-of-the-other-0123456789abcdef"];
    let cloud = cloud().start().await.unwrap();
    let [many, other] = KEYS.map(|key| sha256_hex(key.as_bytes()));
    let api_keys = format!("many={many}; other={other}");
    let limit = [("RATE_LIMIT", "600/1m"), ("THREADS", "2"), ("CACHE", "on")];
    let own = [("AUTH", "api-key"), ("API_KEYS", api_keys.as_str())];
    let mut process = Process::calling(&cloud, &[&own[..], &limit].concat()).unwrap();
    let address = process.address().await.unwrap();
    tokio::spawn(async move { process.each_line(|_| {}).await });
    let browser = || Browser::at(format!("http://{address}")).unwrap();
    let send = async |browser: &Browser, key: &str| {
        let request =
            browser.request("GET", "/sts").header("authorization", format!("Bearer {key}"));
        browser.send(request).await.unwrap().status
    };
    let (other, count) = (browser(), if soak_seconds().is_some() { 250 } else { 50 });
    let p99 = async || {
        let mut times = Vec::new();
        for _ in 0..count {
            let began = Instant::now();
            assert_eq!(send(&other, KEYS[1]).await, 200);
            times.push(began.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
        times.sort_unstable();
        times[times.len() * 99 / 100]
    };
    let alone = p99().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(Mutex::new(0_u32));
    // A hundred times ten requests a second.
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (browser, is_over, refused) =
                (browser(), Arc::clone(&is_over), Arc::clone(&refused));
            tokio::spawn(async move {
                let mut next = tokio::time::interval(Duration::from_millis(10));
                while !is_over.load(Ordering::Relaxed) {
                    next.tick().await;
                    let request = browser.request("GET", "/sts");
                    let request = request.header("authorization", format!("Bearer {}", KEYS[0]));
                    let status = browser.send(request).await.unwrap().status;
                    *refused.lock().unwrap() += u32::from(status == 429);
                }
            })
        })
        .collect();
    // Its burst first.
    while *refused.lock().unwrap() < 100 {
        sleep(Duration::from_millis(50)).await;
    }
    let together = p99().await;
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let ratio = together.as_secs_f64() / alone.as_secs_f64();
    let refused = refused.lock().unwrap();
    println!("soak: p99 of another caller is {ratio:.2} times that without the {refused} refused");
    if soak_seconds().is_some() {
        assert!(ratio <= 2.0, "{ratio:.2}");
    }
}
