//! The running cloud of this user, for `token` and `request`: one file in the user's runtime
//! directory.
//!
//! # Guarantees
//! Only the user can read the file and its directory; a directory of somebody else is refused. The
//! cloud removes its own file at its end, and no other.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where a running cloud is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunningCloud {
    pub(crate) console_url: String,
    /// Its COS, with the place `{Bucket}`.
    pub(crate) cos_url: String,
    pub(crate) token: String,
    pub(crate) process: u32,
}

/// The user's directory for the files of running programs.
#[derive(Clone)]
pub(crate) struct RuntimeDirectory(PathBuf);

impl RuntimeDirectory {
    /// Below `XDG_RUNTIME_DIR`, or in the directory for temporary files.
    pub(crate) fn new(given: Option<PathBuf>) -> Self {
        let user = rustix::process::getuid().as_raw();
        Self(match given {
            Some(directory) => directory.join("cos-issuer"),
            None => std::env::temp_dir().join(format!("cos-issuer-{user}")),
        })
    }

    /// Writes a file that only the user can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<PrivateFile> {
        self.prepare()?;
        let path = self.0.join(name);
        let new = self.0.join(format!("{name}.{}", std::process::id()));
        let _ = std::fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&new, &path)?;
        Ok(PrivateFile { path, text: text.to_owned() })
    }

    /// Announces this cloud as the one that runs.
    pub(crate) fn announce(&self, cloud: &RunningCloud) -> io::Result<PrivateFile> {
        self.write(FILE, &serde_json::to_string(cloud).map_err(io::Error::other)?)
    }

    /// The cloud that runs.
    pub(crate) fn running(&self) -> io::Result<RunningCloud> {
        self.check()?;
        let text = std::fs::read_to_string(self.0.join(FILE))?;
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    fn prepare(&self) -> io::Result<()> {
        let made = DirBuilder::new().recursive(false).mode(0o700).create(&self.0);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.check(),
        }
    }

    fn check(&self) -> io::Result<()> {
        let metadata = std::fs::symlink_metadata(&self.0)?;
        let is_ours = metadata.is_dir()
            && metadata.uid() == rustix::process::getuid().as_raw()
            && metadata.mode() & 0o077 == 0;
        is_ours.then_some(()).ok_or_else(|| {
            let path = self.0.display();
            io::Error::other(format!("`{path}` must be a directory that only you can read"))
        })
    }
}

/// A file that goes away when dropped, unless another cloud has replaced it.
pub(crate) struct PrivateFile {
    path: PathBuf,
    text: String,
}

impl PrivateFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

const FILE: &str = "cloud.json";
