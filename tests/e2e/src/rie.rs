//! The official Lambda emulator (RIE) around the deployed binary: start, invoke, stop.
//!
//! The emulator crashes when two invocations overlap, so [`Rie::invoke`] takes it exclusively.
//! Stopping is a request, because only the emulator can end the function that it started.
//!
//! # Not covered
//!
//! The contents of events and answers.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::child::ask_to_end;
use crate::{Failure, Variables, http_client, installed};

/// Bounds each wait; the function's own limit is shorter, so that the emulator's answer is what a
/// test sees.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const FUNCTION_TIMEOUT_SECONDS: &str = "10";
/// The path is fixed by the emulator, the function's name included.
const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";

/// A running Lambda emulator with one function in it.
#[derive(Debug)]
pub struct Rie {
    child: Child,
    address: SocketAddr,
    printed: [JoinHandle<String>; 2],
}

/// What came back from one invocation. Its `Debug` leaves out the payload, which contains
/// credentials.
#[derive(Clone, PartialEq)]
pub struct Invocation {
    /// The emulator's own HTTP status: 200 means that it answered, not that the function succeeded.
    pub status: u16,
    /// The function's answer, or the emulator's error.
    pub payload: Value,
}

impl Rie {
    /// Starts the emulator; the function starts with the first invocation, with these variables and
    /// the platform's.
    ///
    /// # Errors
    /// When the emulator is not installed or does not listen in time.
    pub async fn start(function: &Path, variables: &Variables) -> Result<Self, Failure> {
        let [runtime_api, address] =
            free_addresses().await.map_err(|fault| went_wrong("find free ports", &fault))?;
        let mut child = Command::new(installed::client_file("aws-lambda-rie")?)
            .args(["--runtime-api-address", &runtime_api.to_string()])
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--log-level", "error"])
            .arg(function)
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", FUNCTION_TIMEOUT_SECONDS)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|fault| went_wrong("start", &fault))?;
        let printed = [collect(child.stdout.take()), collect(child.stderr.take())];
        let rie = Self { child, address, printed };
        timeout(TIME_LIMIT, rie.listening())
            .await
            .map_err(|_elapsed| Failure::new("the Lambda emulator did not listen in time"))?;
        Ok(rie)
    }

    /// Invokes the function with one event.
    ///
    /// # Errors
    /// When the emulator does not answer JSON in time.
    pub async fn invoke(&mut self, event: &Value) -> Result<Invocation, Failure> {
        let request = http_client()?
            .post(format!("http://{}{INVOCATIONS}", self.address))
            .body(event.to_string());
        let answer = request.send().await.map_err(|fault| went_wrong("invoke", &fault))?;
        let status = answer.status().as_u16();
        let body =
            answer.bytes().await.map_err(|fault| went_wrong("read the answer of", &fault))?;
        let payload = serde_json::from_slice(&body).map_err(|_not_json| {
            Failure::new(format!(
                "the Lambda emulator answered {status} and no JSON: did the function end?"
            ))
        })?;
        Ok(Invocation { status, payload })
    }

    /// Ends the emulator and its function and hands back all that they printed.
    ///
    /// # Errors
    /// When they do not end in time.
    pub async fn stop(mut self) -> Result<String, Failure> {
        ask_to_end(&self.child);
        timeout(TIME_LIMIT, async {
            self.child.wait().await.map_err(|fault| went_wrong("wait for", &fault))?;
            let [stdout, stderr] = &mut self.printed;
            let mut text =
                stdout.await.map_err(|fault| went_wrong("read the output of", &fault))?;
            text.push_str(&stderr.await.map_err(|fault| went_wrong("read the output of", &fault))?);
            Ok(text)
        })
        .await
        .map_err(|_elapsed| Failure::new("the Lambda emulator did not end in time"))?
    }

    async fn listening(&self) {
        while TcpStream::connect(self.address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Rie {
    fn drop(&mut self) {
        ask_to_end(&self.child);
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Two free ports on a loopback address of this emulator's own. The emulator takes no ready socket,
/// so the ports have to be given up before it binds them; on the address that everybody uses,
/// somebody else could get them first.
async fn free_addresses() -> io::Result<[SocketAddr; 2]> {
    static STARTED: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, STARTED.fetch_add(1, Ordering::Relaxed), high, low);
    let first = TcpListener::bind((own, 0)).await?;
    let second = TcpListener::bind((own, 0)).await?;
    Ok([first.local_addr()?, second.local_addr()?])
}

/// Read all the time, since a full pipe would stop the writer.
fn collect(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before a fault is still worth showing.
            let _until_fault = stream.read_to_end(&mut bytes).await;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn went_wrong(what: &str, fault: &dyn fmt::Display) -> Failure {
    Failure::new(format!("could not {what} the Lambda emulator: {fault}"))
}
