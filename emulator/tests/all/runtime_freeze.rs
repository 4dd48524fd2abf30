//! Frozen instances: nothing runs between two requests, everything runs in one, and a frozen
//! process can be ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_emulator::{Cloud, Platform};
use serde_json::Value;

use crate::lifecycle::{LAMBDA, SCF, behaving, outcome, reply, runs, until};
use crate::support::plain_client;

const ALL: [Platform; 3] = [SCF, LAMBDA, Platform::ScfWeb];

async fn ticks(cloud: &Cloud) -> i64 {
    let url = format!("{}/?behave=ticks", cloud.gateway_url().unwrap());
    let response = plain_client().get(url).send().await.unwrap();
    let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    reply["ticks"].as_i64().unwrap()
}

/// `T` in the third field of `/proc/<pid>/stat`.
fn is_stopped(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().starts_with('T')
}

async fn frozen(cloud: &Cloud) -> i32 {
    let process = cloud.function_processes()[0];
    until(|| is_stopped(process)).await;
    process
}

#[tokio::test]
async fn a_background_thread_is_frozen_between_requests() {
    for platform in ALL {
        let cloud = behaving(platform, "ticks").start().await.unwrap();
        let before = ticks(&cloud).await;
        frozen(&cloud).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = ticks(&cloud).await;
        // Two seconds are 200 ticks; the few are from around the two requests.
        assert!(after - before < 100, "{platform:?}: {before}, {after}");
    }
}

#[tokio::test]
async fn without_freezing_it_runs_on() {
    for platform in ALL {
        let cloud = behaving(platform, "ticks").freeze(false).start().await.unwrap();
        let before = ticks(&cloud).await;
        assert!(!is_stopped(cloud.function_processes()[0]));
        until_more(&cloud, before + 10).await;
    }
}

async fn until_more(cloud: &Cloud, than: i64) {
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if ticks(cloud).await > than {
            return;
        }
    }
    panic!("the background does not run");
}

#[tokio::test]
async fn the_same_instance_serves_on_after_each_freeze() {
    for platform in [SCF, LAMBDA] {
        let cloud = behaving(platform, "echo").start().await.unwrap();
        for served in 1..=5 {
            assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], served);
            frozen(&cloud).await;
        }
    }
}

#[tokio::test]
async fn an_instance_that_served_nothing_yet_freezes_once_it_waits() {
    for platform in [SCF, LAMBDA] {
        let cloud = behaving(platform, "echo").start().await.unwrap();
        cloud.wait_ready().await.unwrap();
        frozen(&cloud).await;
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
    }
}

#[tokio::test]
async fn a_frozen_process_can_be_stopped_with_all_its_descendants() {
    for platform in ALL {
        // It receives the signal, so it exits long before it would be killed.
        let cloud = behaving(platform, "ticks").start().await.unwrap();
        ticks(&cloud).await;
        let process = frozen(&cloud).await;
        let ending = cloud.shut_down(Duration::from_secs(60));
        let ended = tokio::time::timeout(Duration::from_secs(20), ending).await;
        assert!(ended.is_ok(), "{platform:?}: it did not receive the signal");
        assert!(!runs(process), "{platform:?}");
        // And the other.
        let cloud = behaving(platform, "ticks").start().await.unwrap();
        ticks(&cloud).await;
        let process = frozen(&cloud).await;
        drop(cloud);
        until(|| !runs(process)).await;
    }
}

#[tokio::test]
async fn a_frozen_process_that_somebody_kills_is_replaced() {
    let cloud = behaving(SCF, "echo").start().await.unwrap();
    outcome(&cloud, "echo").await;
    let process = frozen(&cloud).await;
    let id = rustix::process::Pid::from_raw(process).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    until(|| cloud.function_processes().is_empty()).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
}

#[tokio::test]
async fn each_freeze_is_reported() {
    let (count, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(0)));
    let (hook_count, hook_seen) = (Arc::clone(&count), Arc::clone(&seen));
    let cloud = behaving(SCF, "echo")
        .on_freeze(move |process| {
            *hook_seen.lock().unwrap() = process;
            hook_count.fetch_add(1, Ordering::SeqCst);
        })
        .start()
        .await
        .unwrap();
    outcome(&cloud, "echo").await;
    let process = frozen(&cloud).await;
    until(|| count.load(Ordering::SeqCst) == 1).await;
    outcome(&cloud, "echo").await;
    until(|| count.load(Ordering::SeqCst) == 2).await;
    assert_eq!(*seen.lock().unwrap(), process);
}

#[tokio::test]
async fn no_request_is_lost_between_freezing_and_the_next_one() {
    for platform in ALL {
        let cloud = behaving(platform, "ticks").max_instances(4).start().await.unwrap();
        // As many at a time as there may be instances: none is throttled, each takes a frozen or a
        // freezing one.
        let many = || async {
            for _ in 0..40 {
                ticks(&cloud).await;
            }
        };
        tokio::join!(many(), many(), many(), many());
        assert!(cloud.function_processes().len() <= 4);
    }
}
