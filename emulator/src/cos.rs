//! COS: the object storage of this cloud.
//!
//! One request goes one way; each step is one file, and nothing is stored or shown before the door has admitted it:
//!
//! ```text
//! HTTP head -> Ask            ask, host   host, raw path and query, headers, source address; the bucket and key they mean
//!           -> Operation      operation   what is asked, or an answer that nothing here does that
//!           -> Admitted       door        whose signature it is, and that their policies allow all of it
//!           -> answer         service     the operation itself, on `store`
//! ```
//!
//! Promises: bodies stream both ways in bounded memory; what a 200 promised is stored whole, and with a directory survives a kill.
//! Leaves out: versions, tags, public access, encryption, lifecycles, archives, image processing. What is left out is refused.

mod admission;
mod answer;
mod ask;
mod condition;
mod copy_source;
mod cors;
mod date;
mod digest;
pub(crate) mod door;
mod error;
mod form;
pub mod fuzzing;
mod host;
mod ids;
mod list;
mod metadata;
mod names;
mod operation;
mod payload;
mod range;
mod service;
mod store;
#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "numbers and texts of the tests' own making"
)]
mod tests;
mod xml;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::request::Parts;
use tencent::time::Clock;

pub(crate) use self::admission::Admission;
use self::cors::Cors;
use self::error::CosError;
use self::host::Home;
use self::service::Service;
use self::store::Store;
use crate::account::Account;
use crate::ca::Ca;
use crate::control::{Control, Watched};
use crate::fault::Service as ServiceName;
use crate::net::{Server, Transport};

/// The running COS.
#[derive(Debug)]
pub struct Cos {
    http: Server,
    https: Server,
    store: Arc<Store>,
}

impl Drop for Cos {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// The choices for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The port for plain HTTP; 0 takes a free one.
    pub(crate) port: u16,
    /// Where objects are kept; in memory unless set.
    pub(crate) data: Option<PathBuf>,
    /// The origins whose pages may use the account's own bucket.
    pub(crate) origins: Vec<String>,
}

impl Cos {
    /// Where it answers plain HTTP, `http://127.0.0.1:<port>`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http.address)
    }

    /// Where it answers HTTPS, `https://127.0.0.1:<port>`.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.https.address)
    }

    /// The address of the HTTP listener, for clients that keep a bucket's host and redirect the address.
    pub fn address(&self) -> SocketAddr {
        self.http.address
    }

    /// The address of the HTTPS listener.
    pub fn https_address(&self) -> SocketAddr {
        self.https.address
    }

    pub(crate) fn start(
        port: u16,
        store: Arc<Store>,
        ca: &Ca,
        control: &Arc<Control>,
        door: Arc<dyn Admission>,
    ) -> io::Result<Self> {
        let service = Arc::new(Service {
            home: home(&control.directory.account)?,
            store: Arc::clone(&store),
            spelling: tokio::sync::OnceCell::new(),
            door,
            clock: Arc::clone(&control.clock) as Arc<dyn Clock>,
        });
        let watched = Watched {
            service: ServiceName::Cos,
            action: {
                let service = Arc::clone(&service);
                move |head: &Parts| service.action(head)
            },
            throttled: None,
        };
        let handler = control.watch(watched, move |request| {
            let service = Arc::clone(&service);
            async move { service.answer(request).await }
        });
        let tls = Transport::Tls(control.acceptor(ServiceName::Cos, &ca.server, &ca.stranger));
        Ok(Self {
            http: Server::start(port, Transport::Plain, handler.clone())?,
            https: Server::start(0, tls, handler)?,
            store,
        })
    }
}

/// The store with the account's buckets in it, and the CORS rule that was asked for.
pub(crate) fn open_store(
    options: &Options,
    account: &Account,
    clock: &dyn Clock,
) -> io::Result<Arc<Store>> {
    let store = match &options.data {
        Some(directory) => Store::open(directory)?,
        None => Store::in_memory(),
    };
    let home = home(account)?;
    let bucket = home.bucket.as_str();
    let names = account.more_buckets.iter().map(String::as_str);
    for bucket in std::iter::once(bucket).chain(names) {
        let is_new = !store.read().buckets.contains_key(bucket);
        if is_new {
            let region = home.region.as_str();
            store
                .create_bucket(bucket, region, clock.now(), |_| Ok(()))
                .map_err(told)?;
        }
    }
    if !options.origins.is_empty() {
        let cors = Cors::for_origins(options.origins.clone());
        store.set_cors(bucket, Some(cors)).map_err(told)?;
    }
    Ok(Arc::new(store))
}

/// What stands in for a bucket and region that a host leaves out.
pub(crate) fn home(account: &Account) -> io::Result<Home> {
    Home::of(account)
        .ok_or_else(|| io::Error::other("the account's bucket or region is not of COS's form"))
}

/// An error of the store, at the start.
fn told(error: CosError) -> io::Error {
    io::Error::other(error.reason.unwrap_or(error.message))
}
