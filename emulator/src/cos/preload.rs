//! Objects that are stored at the start: the files of a folder.
//!
//! ```text
//! DIR/<bucket>/<key>     one folder for each bucket; the key is the path below it
//! ```
//!
//! # Guarantees
//!
//! What is not a file or a folder is an error, and so is a name that is not that of a bucket of the
//! account.

use std::fs;
use std::io;
use std::path::Path;

use tencent::names::Bucket as BucketName;
use tencent::time::Timestamp;
use tokio::io::AsyncReadExt as _;

use super::error::startup_error;
use super::http::metadata::ObjectHeaders;
use super::service::check_key;
use super::store::{Bucket, Object, Store};
use crate::account::Account;

/// Stores the files of `directory`, in buckets that are made where the account lacks them.
pub(crate) async fn preload(
    store: &Store,
    directory: &Path,
    account: &Account,
    now: Timestamp,
) -> io::Result<()> {
    for (name, folder) in entries(directory)? {
        if !is_bucket_of(account, &name) || !folder.is_dir() {
            return Err(io::Error::other(format!(
                "it must contain one folder for each bucket, for example {}; it contains `{name}`",
                account.bucket
            )));
        }
        let is_new = !store.read().buckets.contains_key(&name);
        if is_new {
            let bucket = Bucket::new(account.region.clone(), now);
            store.create_bucket(&name, &bucket, |_| Ok(())).map_err(startup_error)?;
        }
        let mut folders = vec![(String::new(), folder)];
        while let Some((prefix, folder)) = folders.pop() {
            for (entry, path) in entries(&folder)? {
                let key = format!("{prefix}{entry}");
                let kind = fs::symlink_metadata(&path)?.file_type();
                if kind.is_dir() {
                    folders.push((format!("{key}/"), path));
                } else if kind.is_file() {
                    put(store, &name, &key, &path, now).await?;
                } else {
                    let shown = path.display();
                    return Err(io::Error::other(format!("{shown} must be a file or a folder")));
                }
            }
        }
    }
    Ok(())
}

/// The names in a folder, in order, with their paths.
fn entries(folder: &Path) -> io::Result<Vec<(String, std::path::PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let not_text =
            |name| io::Error::other(format!("the name {name:?} must be UTF-8, as keys are"));
        found.push((entry.file_name().into_string().map_err(not_text)?, entry.path()));
    }
    found.sort_unstable();
    Ok(found)
}

fn is_bucket_of(account: &Account, name: &str) -> bool {
    let appid = account.appid.to_string();
    BucketName::parse(name).is_ok_and(|bucket| bucket.appid() == appid)
}

async fn put(
    store: &Store,
    bucket: &str,
    key: &str,
    path: &Path,
    now: Timestamp,
) -> io::Result<()> {
    check_key(key).map_err(startup_error)?;
    let mut file = tokio::fs::File::open(path).await?;
    let mut sink = store.sink();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        sink.write(bytes).await?;
    }
    let headers = ObjectHeaders::default().with_type_of(key);
    let object = Object::of(sink.finish().await?, headers, now);
    store.put_object(bucket, key, |_| Ok(object)).map(drop).map_err(startup_error)
}

const BUFFER_BYTES: usize = 256 * 1024;
