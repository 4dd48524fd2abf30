//! SCF's runtime API when it misbehaves: what the loop tries again, what it reports, and when it
//! ends.
//!
//! The runtime API is a scripted listener of this test, because the local cloud follows the
//! protocol.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_issuer_e2e::{ClosedPort, FlakyPort, Process, VARIABLES, cloud, variables_for};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Method, path and body of each call, in order.
type Calls = Arc<Mutex<Vec<(String, String, String)>>>;

const EVENT: &str = r#"{"httpMethod":"GET","path":"/healthz"}"#;

#[tokio::test]
async fn init_ready_carries_one_space_and_headers_of_next_are_read_in_any_case() {
    let (process, calls) = start(|path, number| match (path, number) {
        ("/runtime/init/ready", _) => ok("", ""),
        ("/runtime/invocation/next", 1) => ok("ReQuEsT_iD: 6add56fa-1111-4222-8333-444444444444\r\nTIME_LIMIT_IN_MS: 3000\r\nMemory_Limit_In_MB: 128\r\n", EVENT),
        ("/runtime/invocation/response", _) => ok("", ""),
        _ => None,
    })
    .await;
    let (code, _) = process.ended().await.unwrap();
    assert_eq!(code, Some(1));
    let calls = calls.lock().unwrap().clone();
    let [ready, next, response, ..] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(ready, &("POST".to_owned(), "/runtime/init/ready".to_owned(), " ".to_owned()));
    assert_eq!((next.0.as_str(), next.2.as_str()), ("GET", ""));
    let reply: serde_json::Value = serde_json::from_str(&response.2).unwrap();
    assert_eq!(reply["statusCode"], 200);
    assert_eq!(reply["headers"]["x-request-id"], "6add56fa-1111-4222-8333-444444444444");
    assert_eq!(reply["body"], "{\"status\":\"alive\"}");
}

#[tokio::test]
async fn a_fault_of_next_is_tried_again_and_then_ends_the_process() {
    for broken in [None, status(500, "")] {
        let (process, calls) = start(move |path, _| match path {
            "/runtime/init/ready" => ok("", ""),
            _ => broken.clone(),
        })
        .await;
        let (code, printed) = process.ended().await.unwrap();
        assert_eq!(code, Some(1), "{printed}");
        assert_eq!(count(&calls, "/runtime/invocation/next"), 4);
        assert!(printed.contains("the SCF runtime API failed"), "{printed}");
    }
}

#[tokio::test]
async fn a_passing_fault_of_next_costs_nothing() {
    let (process, calls) = start(|path, number| match (path, number) {
        ("/runtime/invocation/next", 1..=3) => None,
        ("/runtime/invocation/next", 4) => {
            ok("request_id: 6add56fa-1111-4222-8333-444444444444\r\n", EVENT)
        }
        ("/runtime/invocation/next", _) => None,
        _ => ok("", ""),
    })
    .await;
    process.ended().await.unwrap();
    assert_eq!(count(&calls, "/runtime/invocation/response"), 1);
    assert_eq!(
        count(&calls, "/runtime/invocation/next"),
        8,
        "the count starts anew after an event"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_reported_as_an_error() {
    let (process, calls) = start(|path, number| match (path, number) {
        ("/runtime/invocation/next", 1) => {
            ok("request_id: 6add56fa-1111-4222-8333-444444444444\r\n", EVENT)
        }
        ("/runtime/invocation/next", _) => None,
        ("/runtime/invocation/response", _) => status(500, "no"),
        _ => ok("", ""),
    })
    .await;
    process.ended().await.unwrap();
    let calls = calls.lock().unwrap().clone();
    let error = calls.iter().find(|(_, path, _)| path == "/runtime/invocation/error").unwrap();
    assert_eq!(error.2, "the response could not be delivered");
}

#[tokio::test]
async fn an_api_that_is_not_there_ends_the_process() {
    let closed = ClosedPort::take().unwrap();
    let port = closed.port().to_string();
    let (code, printed) = Process::start(variables(&port)).unwrap().ended().await.unwrap();
    assert_eq!(code, Some(1));
    assert!(printed.contains("init/ready"), "{printed}");
}

/// The platform has no event until the function is connected, and the call uses that connection.
#[tokio::test(flavor = "multi_thread")]
async fn the_connection_to_sts_is_made_before_the_event_comes_and_used_by_it() {
    const SIGN: &str = r#"{"httpMethod":"GET","path":"/sign"}"#;
    let cloud = cloud().start().await.unwrap();
    let sts = FlakyPort::start(0, cloud.sts().https_address()).await.unwrap();
    let connections = sts.connections();
    let (port, calls) = listen(move |path, number| match (path, number) {
        ("/runtime/invocation/next", 1..=2) => {
            tokio::task::block_in_place(|| {
                for _ in 0..3000 {
                    if connections.load(Ordering::SeqCst) > 0 {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
            ok("request_id: 6add56fa-1111-4222-8333-444444444444\r\n", SIGN)
        }
        ("/runtime/invocation/next", _) => None,
        _ => ok("", ""),
    })
    .await;
    let mut variables = variables_for(&cloud);
    variables.push(("STS_ENDPOINTS", sts.https_url()));
    variables.extend([("SCF_RUNTIME_API", "127.0.0.1".into()), ("SCF_RUNTIME_API_PORT", port)]);
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    Process::start(variables).unwrap().ended().await.unwrap();
    let calls = calls.lock().unwrap().clone();
    let answers = calls.iter().filter(|(_, path, _)| path == "/runtime/invocation/response");
    let is_granted = |(_, _, body): &(String, String, String)| body.contains("sessionToken");
    assert_eq!(answers.map(is_granted).collect::<Vec<_>>(), [true, true]);
    assert_eq!(sts.connections().load(Ordering::SeqCst), 1, "both used the first one");
    assert_eq!(cloud.sts().call_count(), 2, "to connect is not to call");
}

/// Starts the script and the binary. The script sees a path and how often it was called; `None`
/// closes the connection.
async fn start(
    script: impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (Process, Calls) {
    let (port, calls) = listen(script).await;
    (Process::start(variables(&port)).unwrap(), calls)
}

/// The port of the script, and what it hears.
async fn listen(
    script: impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (String, Calls) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let calls = Calls::default();
    let heard = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream, &heard, &script).await;
        }
    });
    (port, calls)
}

/// One connection at a time, each closed after one answer: the loop has to cope with that too.
async fn serve(
    stream: TcpStream,
    calls: &Calls,
    script: &(impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync),
) {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    if stream.read_line(&mut first).await.unwrap_or_default() == 0 {
        return;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    calls.lock().unwrap().push((method, path.clone(), String::from_utf8(body).unwrap()));
    let number = count(calls, &path);
    if let Some(answer) = script(&path, number) {
        stream.write_all(&answer).await.unwrap();
    }
}

fn ok(headers: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    Some(format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes())
}

fn status(status: u16, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    Some(format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes())
}

fn count(calls: &Calls, path: &str) -> usize {
    calls.lock().unwrap().iter().filter(|(_, called, _)| called == path).count()
}

fn variables(port: &str) -> Vec<(&str, &str)> {
    VARIABLES
        .into_iter()
        .chain([("SCF_RUNTIME_API", "127.0.0.1"), ("SCF_RUNTIME_API_PORT", port)])
        .collect()
}
