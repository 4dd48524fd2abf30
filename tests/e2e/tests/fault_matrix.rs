//! Every fault of STS in the local cloud, on every platform, for the first request of an instance,
//! for a later one, and for one whose credential is cached: what the caller gets.
//!
//! # Not covered
//! The faults of COS, which the function never calls.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cos_emulator::{
    Cloud, Fault, FaultRule, LambdaEvent, Member, Platform, ScfEvent, Service, WhichKey,
};
use cos_issuer_e2e::{Answer, Browser, Process, cloud, issuer_on};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What a caller gets: the status, and the code of a refusal.
type Outcome = (u16, &'static str);

const OK: Outcome = (200, "");
const REFUSED: Outcome = (502, "InternalError.UpstreamRefused");
const THROTTLED: Outcome = (503, "RequestLimitExceeded.Upstream");
const TIMEOUT: Outcome = (504, "InternalError.UpstreamTimeout");
const UNAVAILABLE: Outcome = (502, "InternalError.UpstreamUnavailable");
const UNUSABLE: Outcome = (502, "InternalError.UpstreamAnswer");

/// A fault, and what requests get while it lasts.
#[derive(Clone)]
struct Row {
    fault: Fault,
    cold: Outcome,
    warm: Outcome,
    /// Whether it can end, so that a credential can be cached before it begins again.
    ends: bool,
    /// Whether a credential that is cached is still served. Time that has jumped ends it.
    is_kept: bool,
}

fn rows() -> Vec<Row> {
    let row = |fault, cold, warm| Row { fault, cold, warm, ends: true, is_kept: true };
    let api = |code: &str| Fault::ApiError { code: code.to_owned(), message: String::new() };
    let http = |status, content_type: &str, body: &str| Fault::Http {
        status,
        content_type: content_type.to_owned(),
        body: body.as_bytes().to_vec(),
    };
    let late = Duration::from_secs(20);
    let mut rows = vec![
        row(api("InternalError"), UNAVAILABLE, UNAVAILABLE),
        row(api("RequestLimitExceeded"), THROTTLED, THROTTLED),
        row(api("UnauthorizedOperation"), REFUSED, REFUSED),
        row(Fault::CloseAfter { bytes: 5 }, UNAVAILABLE, UNAVAILABLE),
        row(Fault::CloseBefore, UNAVAILABLE, UNAVAILABLE),
        row(Fault::Delay(late), TIMEOUT, TIMEOUT),
        row(Fault::Empty(Member::Token), UNUSABLE, UNUSABLE),
        row(Fault::Expired { seconds_ago: 60 }, UNUSABLE, UNUSABLE),
        row(Fault::ExpiredNow, UNUSABLE, UNUSABLE),
        row(http(500, "text/plain", "no"), UNAVAILABLE, UNAVAILABLE),
        row(http(302, "text/plain", ""), UNAVAILABLE, UNAVAILABLE),
        row(http(200, "text/html", "<html></html>"), UNUSABLE, UNUSABLE),
        row(http(200, "application/json", &" ".repeat(70 * 1024)), UNUSABLE, UNUSABLE),
        row(Fault::Malformed, UNUSABLE, UNUSABLE),
        row(Fault::Outage, UNAVAILABLE, UNAVAILABLE),
        row(Fault::SlowBody { bytes: 1, pause: Duration::from_secs(1) }, TIMEOUT, TIMEOUT),
        // Only COS finds that out.
        row(Fault::StalePair, OK, OK),
        row(Fault::Throttle { per_second: 0 }, THROTTLED, THROTTLED),
        // The connection was made before.
        row(Fault::TlsFailure, UNAVAILABLE, OK),
        row(Fault::Without(Member::TmpSecretKey), UNUSABLE, UNUSABLE),
    ];
    for fault in [Fault::DnsFailure, Fault::RevokeKey(WhichKey::Calling)] {
        let told = if matches!(fault, Fault::DnsFailure) { UNAVAILABLE } else { REFUSED };
        rows.push(Row { ends: false, ..row(fault, told, told) });
    }
    // The right time is learned from the refusal, and the request signed again.
    rows.push(Row { is_kept: false, ..row(Fault::WrongClock { seconds: 3600 }, OK, OK) });
    rows
}

/// Where the function runs.
#[derive(Clone, Copy, Debug)]
enum On {
    Cloud(Platform),
    Server,
}

const ON: [On; 4] = [
    On::Cloud(Platform::ScfWeb),
    On::Cloud(Platform::Scf(ScfEvent::FunctionUrl)),
    On::Cloud(Platform::Lambda(LambdaEvent::FunctionUrl)),
    On::Server,
];

/// Kinds of faults that the local cloud has.
const KINDS: usize = 18;

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_gives_what_the_table_says_cold_warm_and_cached() {
    let rows = rows();
    let kinds: HashSet<&str> = rows.iter().map(|row| row.fault.kind()).collect();
    assert_eq!(kinds.len(), KINDS, "{kinds:?}");
    let at_once = Arc::new(Semaphore::new(6));
    let mut cases = JoinSet::new();
    for row in rows {
        for on in ON {
            // A server reads the address of STS from its settings, not from the cloud.
            if matches!((on, &row.fault), (On::Server, Fault::DnsFailure)) {
                continue;
            }
            let (row, at_once) = (row.clone(), Arc::clone(&at_once));
            cases.spawn(async move {
                let _permit = at_once.acquire_owned().await.unwrap();
                case(&row, on).await;
            });
        }
    }
    while let Some(ended) = cases.join_next().await {
        ended.unwrap();
    }
}

async fn case(row: &Row, on: On) {
    let name = |state: &str| format!("{:?} on {on:?}, {state}", row.fault);
    let rule = FaultRule::new(Service::Sts, row.fault.clone());
    let (cloud, browser, _process) = start(on, rule.clone()).await;
    let ask =
        async |seconds: u32| browser.get(&format!("/sts?durationSeconds={seconds}")).await.unwrap();
    assert_outcome(&ask(900).await, row.cold, &name("cold"));
    if !row.ends {
        assert_outcome(&ask(900).await, row.warm, &name("warm"));
        return;
    }
    cloud.faults().clear();
    let cached = ask(1000).await;
    assert_outcome(&cached, OK, &name("after the fault"));
    cloud.faults().add(rule).unwrap();
    let calls = cloud.sts().call_count();
    let again = ask(1000).await;
    assert_outcome(&again, OK, &name("cached"));
    if row.is_kept {
        assert_eq!(again.body["credentials"], cached.body["credentials"], "{}", name("cached"));
        assert_eq!(cloud.sts().call_count(), calls, "{}", name("cached"));
    }
    assert_outcome(&ask(1100).await, row.warm, &name("warm"));
    cloud.faults().clear();
    assert_outcome(&ask(1200).await, OK, &name("at the end"));
}

async fn start(on: On, rule: FaultRule) -> (Cloud, Browser, Option<Process>) {
    match on {
        On::Cloud(platform) => {
            let builder = issuer_on(platform).unwrap().env("CACHE", "on").fault(rule);
            let cloud = builder.start().await.unwrap();
            let browser = Browser::of(&cloud).unwrap();
            (cloud, browser, None)
        }
        On::Server => {
            let cloud = cloud().fault(rule).start().await.unwrap();
            let mut process = Process::calling(&cloud, &[("CACHE", "on")]).unwrap();
            let address = process.address().await.unwrap();
            let browser = Browser::at(format!("http://{address}")).unwrap();
            (cloud, browser, Some(process))
        }
    }
}

#[track_caller]
fn assert_outcome(answer: &Answer, (status, code): Outcome, case: &str) {
    let told = answer.body["codeDesc"].as_str().unwrap_or_default();
    assert_eq!((answer.status, told), (status, code), "{case}: {answer:?}");
    let has_credentials = answer.body.get("credentials").is_some();
    assert_eq!(has_credentials, status == 200, "{case}");
}
