//! What the program reads from its environment, once, and the files that a package installs with
//! it.

use std::path::{Path, PathBuf};

use cos_emulator::{Cloud, CloudBuilder};

use crate::running::RuntimeDirectory;

/// Below the folder in which `bin/` with the program is, in every package.
const PACKAGE_FILES: &str = "lib/cos-issuer";

/// The SDK of the console's view of files. It is the vendor's, so it is not part of this program.
const SDK: &str = "cos-js-sdk-v5.min.js";

/// Where `make clients` installs it, below the working directory.
const SDK_OF_TESTS: &str = "target/clients/node_modules/cos-js-sdk-v5/dist";

pub(crate) struct Environment {
    /// The program itself, without links, so that a link in another folder starts it as well.
    pub(crate) program: Option<PathBuf>,
    /// The file to which every secret is appended, for a leak check.
    pub(crate) secrets_file: Option<PathBuf>,
    pub(crate) runtime_directory: RuntimeDirectory,
    /// A variable that an option names.
    pub(crate) variable: fn(&str) -> Option<String>,
}

impl Environment {
    /// The function that the package of this program contains.
    pub(crate) fn function(&self) -> Option<PathBuf> {
        self.package_file("bootstrap")
    }

    /// The vendor's SDK for browsers.
    pub(crate) fn sdk(&self) -> PathBuf {
        self.package_file(SDK).unwrap_or_else(|| Path::new(SDK_OF_TESTS).join(SDK))
    }

    fn package_file(&self, name: &str) -> Option<PathBuf> {
        let root = self.program.as_deref()?.parent()?.parent()?;
        Some(root.join(PACKAGE_FILES).join(name)).filter(|path| path.is_file())
    }

    /// A cloud at its defaults.
    pub(crate) fn builder(&self) -> CloudBuilder {
        let builder = Cloud::builder();
        match &self.secrets_file {
            Some(file) => builder.secrets_file(file),
            None => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_contains_is_found_next_to_the_program() {
        let root = tempfile::tempdir().unwrap();
        let environment = Environment {
            program: Some(root.path().join("bin/cos-issuer")),
            secrets_file: None,
            runtime_directory: RuntimeDirectory::new(None),
            variable: |_| None,
        };
        assert!(environment.function().is_none(), "no package installed this program");
        assert!(environment.sdk().starts_with("target/clients"));

        let files = root.path().join(PACKAGE_FILES);
        std::fs::create_dir_all(&files).unwrap();
        for name in ["bootstrap", SDK] {
            std::fs::write(files.join(name), "").unwrap();
        }
        assert_eq!(environment.function(), Some(files.join("bootstrap")));
        assert_eq!(environment.sdk(), files.join(SDK));
    }
}
