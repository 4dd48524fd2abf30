//! Every secret that this cloud made or was given, so that a leak check can search all output for them.
//!
//! Promises: a secret is in the ledger (and in its file, if there is one) before anybody else sees it.
//! Leaves out: SecretIds, which are names and may appear in logs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use crate::sync::lock;

#[derive(Default)]
pub(crate) struct SecretRegistry {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    secrets: Vec<String>,
    file: Option<File>,
}

impl SecretRegistry {
    /// A ledger that also appends each secret to the file at `path`, one a line.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?;
        Ok(Self {
            inner: Mutex::new(Inner {
                secrets: Vec::new(),
                file,
            }),
        })
    }

    /// Notes a secret. A file that cannot be written is an error: a leak check that knows half of the secrets proves nothing.
    pub(crate) fn register(&self, secret: &str) -> io::Result<()> {
        let mut inner = lock(&self.inner);
        if let Some(file) = &mut inner.file {
            file.write_all(format!("{secret}\n").as_bytes())?;
        }
        inner.secrets.push(secret.to_owned());
        Ok(())
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        lock(&self.inner).secrets.clone()
    }

    /// All but the first `known`.
    pub(crate) fn secrets_from(&self, known: usize) -> Vec<String> {
        let inner = lock(&self.inner);
        inner
            .secrets
            .get(known..)
            .map(<[String]>::to_vec)
            .unwrap_or_default()
    }
}
