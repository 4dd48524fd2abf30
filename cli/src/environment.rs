//! What the program reads from its environment, once.

use std::path::PathBuf;

use cos_emulator::{Cloud, CloudBuilder};

use crate::running::RuntimeDirectory;

pub(crate) struct Environment {
    /// The file to which every secret is appended, for a leak check.
    pub(crate) secrets_file: Option<PathBuf>,
    pub(crate) runtime_directory: RuntimeDirectory,
}

impl Environment {
    /// A cloud at its defaults.
    pub(crate) fn builder(&self) -> CloudBuilder {
        let builder = Cloud::builder();
        match &self.secrets_file {
            Some(file) => builder.secrets_file(file),
            None => builder,
        }
    }
}
