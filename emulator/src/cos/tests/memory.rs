//! Memory that objects no longer need is given back to the system.

use super::child::{self, Served};
use super::{AUTHORIZED, HOST, noise};

const TEST: &str = "cos::tests::memory::what_is_deleted_takes_no_memory";
const OBJECTS: usize = 16;
const OBJECT_BYTES: usize = 8 * 1024 * 1024;
const MAX_LEFT_KIB: u64 = 32 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_takes_no_memory() {
    if child::serves().await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    child::keep_in_memory(directory.path());
    let served = Served::start(TEST, directory.path()).await;
    let client = super::client();
    let request = |method: &str, number: usize| {
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        let request = client.request(method, format!("http://{}/{number}", served.address));
        request.header("host", HOST).header(AUTHORIZED.0, AUTHORIZED.1)
    };
    let body = bytes::Bytes::from(noise(OBJECT_BYTES, 0));
    let put = async |number| {
        let answer = request("PUT", number).body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    };
    let delete = async |number| {
        assert_eq!(request("DELETE", number).send().await.unwrap().status(), 204);
    };
    // What is made once: connections, threads.
    put(0).await;
    delete(0).await;
    let before = served.memory_kib("VmRSS:");
    for number in 0..OBJECTS {
        put(number).await;
    }
    let stored = (OBJECTS * OBJECT_BYTES / 1024) as u64;
    assert!(served.memory_kib("VmRSS:") > before + stored / 2, "it is in memory");
    for number in 0..OBJECTS {
        delete(number).await;
    }
    let left = served.memory_kib("VmRSS:").saturating_sub(before);
    assert!(left < MAX_LEFT_KIB, "{left} KiB are left of {stored}");
}
