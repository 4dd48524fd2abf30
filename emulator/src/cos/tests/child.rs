//! COS in a process of its own, which a test may kill or measure: this same test binary, started
//! with a variable to serve.
//!
//! # Guarantees
//!
//! The child ends with its parent.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::World;

const DIRECTORY: &str = "COS_EMULATOR_TEST_DIRECTORY";

/// What a test that has a child does first: in the child it serves until its parent is gone, and
/// then there is nothing left to test.
pub(super) async fn serves() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the variable makes the process a child")]
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return false;
    };
    let directory = Path::new(&directory);
    let world = match directory.join(IN_MEMORY).exists() {
        true => World::new(),
        false => World::in_directory(directory),
    };
    let address_file = directory.join("address.unfinished");
    std::fs::write(&address_file, world.cos.address().to_string()).unwrap();
    std::fs::rename(&address_file, directory.join("address")).unwrap();
    let until_parent_ends = || std::io::stdin().read(&mut [0]);
    let _ = tokio::task::spawn_blocking(until_parent_ends).await;
    true
}

/// A child that serves `directory` keeps its objects in memory.
pub(super) fn keep_in_memory(directory: &Path) {
    std::fs::write(directory.join(IN_MEMORY), "").unwrap();
}

const IN_MEMORY: &str = "in-memory";

/// A child and where it listens.
pub(super) struct Served {
    child: Child,
    pub(super) address: String,
}

impl Served {
    /// Runs `test` of this binary as a child that serves `directory`.
    pub(super) async fn start(test: &str, directory: &Path) -> Self {
        let address_file = directory.join("address");
        let _ = std::fs::remove_file(&address_file);
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads", "1"])
            .env(DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut served = Self { child: child.unwrap(), address: String::new() };
        for _ in 0..2000 {
            if let Ok(address) = std::fs::read_to_string(&address_file) {
                served.address = address;
                return served;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the child does not serve");
    }

    /// The most memory that it ever had.
    pub(super) fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    /// A size of its memory, as the kernel names it.
    pub(super) fn memory_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }

    /// SIGKILL.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
