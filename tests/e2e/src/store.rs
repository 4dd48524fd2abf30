//! A real store that instances share: the Valkey server that the tests install.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Failure;
use crate::installed::client_file;

/// A running server on a loopback port.
#[derive(Debug)]
pub struct Store {
    address: SocketAddr,
    child: Option<Child>,
}

impl Store {
    /// Starts one that keeps everything in memory and requires [`Store::PASSWORD`].
    ///
    /// # Errors
    /// When it is not installed, or does not answer in time.
    pub async fn start() -> Result<Self, Failure> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let address = free.map_err(|fault| Failure::new(format!("no free port: {fault}")))?;
        let mut store = Self { address, child: None };
        store.restart().await?;
        Ok(store)
    }

    /// The password that it requires.
    pub const PASSWORD: &str = "CANARY-password-of-the-store";

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{}@{}/1", Self::PASSWORD, self.address)
    }

    /// Kills it, without a chance to say goodbye.
    ///
    /// # Errors
    /// When the system does not let it be killed.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.child.take() {
            let killed = child.kill().await;
            killed.map_err(|fault| Failure::new(format!("the store was not killed: {fault}")))?;
        }
        Ok(())
    }

    /// Starts it again at the same address, with nothing in it.
    ///
    /// # Errors
    /// As [`Store::start`].
    pub async fn restart(&mut self) -> Result<(), Failure> {
        self.kill().await?;
        let child = Command::new(client_file("bin/valkey-server")?)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &self.address.port().to_string()])
            .args(["--requirepass", Self::PASSWORD])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|fault| Failure::new(format!("the store could not be started: {fault}")))?;
        self.child = Some(child);
        for _ in 0..200 {
            if self.command("PING").await.is_ok_and(|answer| answer.contains("PONG")) {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(Failure::new("the store does not answer"))
    }

    /// Sends one command to database 1, as a person would type it, and returns what it answers.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn command(&self, command: &str) -> Result<String, Failure> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let text = format!("AUTH {}\r\nSELECT 1\r\n{command}\r\nQUIT\r\n", Self::PASSWORD);
            stream.write_all(text.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok(answer)
        };
        let answer: Result<std::io::Result<String>, _> =
            timeout(Duration::from_secs(10), exchange).await;
        let failed = |fault: String| Failure::new(format!("no answer of the store: {fault}"));
        answer
            .map_err(|fault| failed(fault.to_string()))?
            .map_err(|fault| failed(fault.to_string()))
    }
}
