//! Starts that fail on Lambda: tried once more within the invocation, logged, and not billed
//! to another invocation.

use std::time::Duration;

use cos_emulator::{Platform, PlatformError};

use crate::lifecycle::{LAMBDA, behaving, once, outcome, refused, reply};

#[tokio::test]
async fn a_start_that_fails_once_costs_no_request() {
    for behaviour in ["crash-init", "init-error"] {
        let (cloud, _directory) = once(LAMBDA, behaviour).await;
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
        let output = cloud.function_output();
        let report = output.lines().find(|line| line.starts_with("INIT_REPORT")).unwrap();
        assert!(report.contains("\tPhase: init\tStatus: error\tError Type: Runtime."), "{report}");
        let line = output.lines().find(|line| line.starts_with("REPORT")).unwrap();
        assert!(!line.contains("Init Duration"), "part of the duration: {line}");
        assert!(!line.contains("Status"), "{line}");
    }
}

#[tokio::test]
async fn a_start_that_fails_twice_is_the_end_of_the_request() {
    let cloud = behaving(LAMBDA, "crash-init").start().await.unwrap();
    let ended = outcome(&cloud, "echo").await;
    assert!(matches!(refused(&ended), PlatformError::ExitedInInit { .. }));
    let output = cloud.function_output();
    let starts = output.matches("function started as crash-init").count();
    assert_eq!(starts, 2, "{output}");
    assert!(output.contains("\tPhase: init\tStatus: error"), "{output}");
    assert!(output.contains("\tPhase: invoke\tStatus: error"), "{output}");
    assert!(
        output.contains("Error: Runtime exited with error: exit status 3\nRuntime.ExitError\nEND"),
        "{output}"
    );
}

#[tokio::test]
async fn a_slow_start_gets_the_time_of_the_invocation() {
    // Too slow for the start, fast enough for the invocation.
    let cloud = behaving(LAMBDA, "slow-init")
        .env("SLOW", "1")
        .init_timeout(Duration::from_millis(500))
        .call_timeout(Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
    let output = cloud.function_output();
    assert!(output.contains("\tPhase: init\tStatus: timeout"), "{output}");
    // Too slow for both.
    let cloud = behaving(LAMBDA, "hang-init")
        .init_timeout(Duration::from_millis(500))
        .call_timeout(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let ended = outcome(&cloud, "echo").await;
    assert_eq!(refused(&ended), &PlatformError::CallTimeout { limit: Duration::from_secs(1) });
    let output = cloud.function_output();
    assert!(output.contains("\tPhase: invoke\tStatus: timeout"), "{output}");
    assert!(output.contains(" Task timed out after 1.00 seconds\nEND"), "{output}");
}

#[tokio::test]
async fn scf_tries_a_start_once() {
    for platform in [crate::lifecycle::SCF, Platform::ScfWeb] {
        let cloud = behaving(platform, "crash-init").start().await.unwrap();
        cloud.wait_ready().await.unwrap_err();
        let output = cloud.function_output();
        assert_eq!(output.matches("started as").count(), 1, "{output}");
    }
}
