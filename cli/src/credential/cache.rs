//! Credentials on disk, for the next call of the program.
//!
//! # Guarantees
//! A file has mode 0600, in a directory with mode 0700. One that others could read or write is not
//! used. Its name is a hash of everything that the credential depends on, the caller's secret
//! included.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use tencent::sign::digest::sha256_hex;
use tencent::time::Timestamp;

use super::formats::Representation;
use super::issued::Credential;
use super::private_file::write_private;

pub(crate) struct Cache(PathBuf);

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The credential that was kept under this name, if it is fresh.
    pub(crate) fn find(&self, name: &str, now: Timestamp) -> Option<Credential> {
        let path = self.path(name);
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        let is_ours = metadata.is_file()
            && metadata.uid() == rustix::process::getuid().as_raw()
            && metadata.mode() & 0o077 == 0;
        let text = is_ours.then(|| std::fs::read(&path).ok()).flatten()?;
        Credential::parse(&text).filter(|credential| credential.is_fresh(now))
    }

    pub(crate) fn keep(&self, name: &str, credential: &Credential) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let text = Representation::Json.text(credential, None).map_err(io::Error::other)?;
        write_private(&self.path(name), &text)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{}.json", sha256_hex(name.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use tencent::secret::Secret;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn a_credential_is_kept_for_its_user_and_its_name_until_it_is_about_to_end() {
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        let credential = Credential {
            secret_id: "id".to_owned(),
            secret_key: secret("key"),
            token: secret("token"),
            start: 1_700_000_000,
            expiry: 1_700_001_800,
        };
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("a/b");
        let cache = Cache::new(folder.clone());
        assert!(cache.find("one", at(1_700_000_000)).is_none());
        cache.keep("one", &credential).unwrap();
        let found = cache.find("one", at(1_700_000_100)).unwrap();
        assert_eq!((found.secret_id.as_str(), found.token.expose()), ("id", "token"));
        assert!(cache.find("other", at(1_700_000_100)).is_none());
        assert!(cache.find("one", at(1_700_001_700)).is_none());

        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        let file = cache.path("one");
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(cache.find("one", at(1_700_000_100)).is_none(), "others may read it");
        cache.keep("one", &credential).unwrap();
        assert_eq!(mode(&file), 0o600);
    }
}
