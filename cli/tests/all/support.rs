//! The program as another program runs it: started, read by its output, ended.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The misbehaving function of the emulator's tests, next to this package.
pub(crate) fn function() -> String {
    root("emulator/tests/functions/function.py").display().to_string()
}

/// A path from the root of the project.
pub(crate) fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// `cos-issuer` with these arguments.
pub(crate) fn cos_issuer(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cos-issuer"));
    command.env_remove("COS_EMULATOR_SECRET_LEDGER").args(arguments);
    command
}

/// `cos-issuer run` on free ports, with a function that asks the STS for a credential.
pub(crate) fn run(more: &[&str]) -> Command {
    let function = function();
    let usual = ["run", "--port", "0", "--env", "BEHAVIOUR=sign", "--function"];
    let mut command = cos_issuer(&usual);
    command.arg(function).args(more);
    command
}

/// Standard output and standard error of a command that ends with this exit code.
#[track_caller]
pub(crate) fn ends_with(command: &mut Command, code: i32) -> (String, String) {
    texts(command.output().unwrap(), code)
}

#[track_caller]
pub(crate) fn texts(output: Output, code: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let ended = output.status.code();
    assert_eq!(ended, Some(code), "stdout: {out}\nstderr: {err}");
    (out, err)
}

/// A directory with these files.
pub(crate) fn files(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// A client of a gateway and of the services' HTTP ports.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().tls_certs_only([]).no_proxy();
    builder.timeout(Duration::from_secs(30)).build().unwrap()
}

/// A running command and the JSON line that it printed. Dropping it kills the process.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) line: Value,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (mut running, mut lines) = Self::start_text(command);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        running.line = serde_json::from_str(&line).unwrap();
        running
    }

    /// The running command and its standard output, for one that prints text.
    pub(crate) fn start_text(
        command: &mut Command,
    ) -> (Self, BufReader<std::process::ChildStdout>) {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let line = Value::Null;
        (Self { child, line }, output)
    }

    /// A member of the JSON line.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.line[name].as_str().unwrap()
    }

    /// Sends `signal` and returns the exit code.
    pub(crate) fn end(self, signal: Signal) -> Option<i32> {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        self.exit_code()
    }

    /// The exit code of a process that ends.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        for _ in 0..2000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the process does not end")
    }
}

/// A running command whose standard output is read as text.
pub(crate) struct Console {
    pub(crate) running: Running,
    lines: BufReader<std::process::ChildStdout>,
}

impl Console {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (running, lines) = Running::start_text(command);
        Self { running, lines }
    }

    /// Everything printed up to the next line that contains `part`.
    pub(crate) fn until(&mut self, part: &str) -> String {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "no `{part}` in {text}");
            text.push_str(&line);
            if line.contains(part) {
                return text;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
