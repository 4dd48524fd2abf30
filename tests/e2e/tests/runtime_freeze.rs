//! The deployed binary in an instance that is frozen between two requests: it serves on, also when
//! the connection that it kept to the STS was closed meanwhile.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cos_emulator::{Cloud, LambdaEvent, Platform, ScfEvent};
use cos_issuer_e2e::{Browser, issuer_on};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[tokio::test]
async fn requests_before_and_after_a_freeze_work() {
    for platform in platforms() {
        let cut = Cut::start().await;
        let cloud = cloud_behind(&cut, platform).await;
        let browser = Browser::of(&cloud).unwrap();
        for (number, seconds) in [900, 1000, 1100].into_iter().enumerate() {
            let path = format!("/sts?durationSeconds={seconds}");
            let answer = browser.get(&path).await.unwrap();
            assert_eq!(answer.status, 200, "{platform:?}, request {number}: {answer:?}");
            frozen(&cloud).await;
        }
        assert_eq!(cloud.function_processes().len(), 1);
        assert_eq!(cut.connections(), 1, "{platform:?} keeps its connection over a freeze");
    }
}

#[tokio::test]
async fn a_connection_to_the_sts_that_was_closed_while_frozen_is_not_an_error() {
    for platform in platforms() {
        let cut = Cut::start().await;
        let cloud = cloud_behind(&cut, platform).await;
        let browser = Browser::of(&cloud).unwrap();
        assert_eq!(browser.get("/sts?durationSeconds=900").await.unwrap().status, 200);
        let process = frozen(&cloud).await;
        cut.close_all();
        let answer = browser.get("/sts?durationSeconds=1000").await.unwrap();
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        assert_eq!(cloud.function_processes(), [process], "the same instance");
        assert_eq!(cloud.sts().call_count(), 2);
        assert_eq!(cut.connections(), 2);
    }
}

fn platforms() -> [Platform; 3] {
    [
        Platform::ScfWeb,
        Platform::Scf(ScfEvent::FunctionUrl),
        Platform::Lambda(LambdaEvent::FunctionUrl),
    ]
}

async fn cloud_behind(cut: &Cut, platform: Platform) -> Cloud {
    let builder = issuer_on(platform).unwrap().env("STS_ENDPOINTS", cut.url());
    let cloud = builder.start().await.unwrap();
    let sts = cloud.sts().http_url();
    let address = sts.trim_start_matches("http://").parse().unwrap();
    cut.target.set(address).unwrap();
    cloud
}

/// Waits until the only instance is stopped.
async fn frozen(cloud: &Cloud) -> i32 {
    for _ in 0..500 {
        let processes = cloud.function_processes();
        let [process] = processes[..] else { panic!("{processes:?}") };
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        if stat.rsplit(')').next().unwrap().starts_with(" T") {
            return process;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is not frozen within five seconds")
}

/// A way to the STS that can be cut.
struct Cut {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Cut {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let cut = Self {
            address: listener.local_addr().unwrap(),
            target: Arc::default(),
            connections: Arc::default(),
        };
        let (target, connections) = (Arc::clone(&cut.target), Arc::clone(&cut.connections));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let target = *target.get().unwrap();
                let connection = tokio::spawn(async move {
                    let mut sts = TcpStream::connect(target).await.unwrap();
                    let _whichever_end_closed = copy_bidirectional(&mut client, &mut sts).await;
                });
                connections.lock().unwrap().push(connection);
            }
        });
        cut
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.lock().unwrap().len()
    }

    fn close_all(&self) {
        for connection in self.connections.lock().unwrap().iter() {
            connection.abort();
        }
    }
}
