//! The deployed binary while faults are injected into the whole cloud: what its caller receives,
//! and that it serves again once the faults end.

use std::time::Duration;

use cos_emulator::{Fault, FaultRule, Platform, Service, WhichKey};
use cos_issuer_e2e::{Answer, Browser, issuer_on, start};

const REFUSED: (u16, &str) = (502, "InternalError.UpstreamRefused");
const THROTTLED: (u16, &str) = (503, "RequestLimitExceeded.Upstream");
const TIMEOUT: (u16, &str) = (504, "InternalError.UpstreamTimeout");
const UNAVAILABLE: (u16, &str) = (502, "InternalError.UpstreamUnavailable");
const UNUSABLE: (u16, &str) = (502, "InternalError.UpstreamAnswer");

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_sts_has_its_code_for_as_long_as_it_lasts() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("STS_DEADLINE_MS", "500")]).await.unwrap();
    let pause = Duration::from_millis(100);
    for (fault, told) in [
        (Fault::CloseBefore, UNAVAILABLE),
        (Fault::CloseAfter { bytes: 5 }, UNAVAILABLE),
        (Fault::Delay(Duration::from_secs(20)), TIMEOUT),
        (Fault::ExpiredNow, UNUSABLE),
        (Fault::Malformed, UNUSABLE),
        (Fault::Outage, UNAVAILABLE),
        (Fault::SlowBody { bytes: 10, pause }, TIMEOUT),
        (Fault::Throttle { per_second: 0 }, THROTTLED),
    ] {
        let case = fault.kind();
        let id = cloud.faults().add(sts(fault)).unwrap();
        for _ in 0..2 {
            failed(&browser.get("/sign").await.unwrap(), told, case);
        }
        assert!(cloud.faults().remove(id), "{case}");
        let after = browser.get("/sign").await.unwrap();
        assert_eq!(after.status, 200, "after {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_does_not_resolve_and_an_untrusted_certificate_fail() {
    for fault in [Fault::DnsFailure, Fault::TlsFailure] {
        let case = fault.kind();
        let builder = issuer_on(Platform::ScfWeb).unwrap().fault(sts(fault));
        let cloud = builder.start().await.unwrap();
        let browser = Browser::of(&cloud).unwrap();
        failed(&browser.get("/sign").await.unwrap(), UNAVAILABLE, case);
        assert_eq!(cloud.sts().call_count(), 0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_calling_key_is_the_operators_affair() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let revoke = Fault::RevokeKey(WhichKey::Calling);
    cloud.faults().add(sts(revoke).nth(1)).unwrap();
    for _ in 0..2 {
        failed(&browser.get("/sign").await.unwrap(), REFUSED, "revoked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_down_asks_nobody() {
    for platform in [Platform::Scf(Default::default()), Platform::Lambda(Default::default())] {
        let (cloud, browser) = start(platform, &[]).await.unwrap();
        let down = FaultRule::new(Service::Gateway, Fault::Outage).action("/sign");
        cloud.faults().add(down.times(2)).unwrap();
        for _ in 0..2 {
            assert_eq!(browser.get("/sign").await.unwrap().status, 503);
        }
        assert_eq!(cloud.sts().call_count(), 0);
        assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    }
}

fn sts(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Sts, fault)
}

#[track_caller]
fn failed(answer: &Answer, (status, name): (u16, &str), case: &str) {
    assert_eq!(answer.status, status, "{case}: {answer:?}");
    assert_eq!(answer.body.get("codeDesc"), Some(&name.into()), "{case}");
    assert_eq!(answer.body.get("data"), None, "{case}");
}
