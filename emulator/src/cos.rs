//! COS: the object storage of the local cloud.
//!
//! A request takes one way; each step is one folder or file, and nothing is stored or shown before
//! it is authorized:
//!
//! ```text
//! HTTP head -> RequestHead   http        host, raw path and query, headers, source address; bucket and key
//!           -> Operation     operation   the operation and its target, or an error
//!           -> AuthContext   auth        the signature's owner, whose policies allow all of it
//!           -> Response      service     the operation, on `store`
//! ```
//!
//! # Guarantees
//!
//! Bodies stream both ways in bounded memory. A 200 means that the object is stored whole; with a
//! directory it survives a kill.
//!
//! # Not covered
//!
//! Encryption by own keys, processing of media: rejected.

mod acl;
mod archive;
mod attributes;
pub(crate) mod auth;
mod bucket_document;
mod bucket_policy;
mod checksum;
mod cors;
mod error;
pub mod fuzzing;
mod http;
mod ids;
mod image;
mod lifecycle;
mod listing;
mod operation;
mod preload;
mod referer;
mod service;
mod settings;
mod store;
mod tags;
#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "numbers and texts of the tests' own making"
)]
mod tests;
mod tiering;
mod upload_reply;
mod website;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ::http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tencent::time::Clock;
use tokio::sync::Semaphore;

use self::cors::Cors;
use self::error::startup_error;
pub use self::http::merge_order::MergeOrder;
use self::http::virtual_host::{DefaultBucket, PathStyle};
pub(crate) use self::preload::preload;
use self::service::CosService;
use self::store::Bucket;
pub use self::store::Durability;
pub(crate) use self::store::Store;
use crate::account::Account;
use crate::ca::Ca;
use crate::cos::auth::DecisionRecord;
pub(crate) use crate::cos::auth::access::AccessControl;
use crate::fault::{Fault, Service};
use crate::listener::Listener;
use crate::middleware::{Middleware, cos_key};
use crate::net::{Body, Server, Transport};
use crate::trace::{Head, Reason};

/// One request to COS and how it was answered.
#[derive(Clone, Debug)]
pub struct CosCall {
    /// The operation, as `PutObject`; empty when the request is not an operation.
    pub operation: String,
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The status of the response; `None` when a fault closed the connection.
    pub status: Option<StatusCode>,
    /// The kind of the injected fault.
    pub fault: Option<&'static str>,
    /// The error code and its reason; empty when it was served.
    pub reason: String,
    /// The decision about it; `None` for preflights and injected responses.
    pub decision: Option<DecisionRecord>,
}

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

/// Options of COS.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// The port for plain HTTP; 0 takes a free one.
    pub(crate) port: u16,
    /// The directory of the objects; in memory unless set.
    pub(crate) data: Option<PathBuf>,
    /// What the objects in that directory survive.
    pub(crate) durability: Durability,
    /// The most that objects in memory may have; half of the machine's unless set.
    pub(crate) memory_bytes: Option<u64>,
    /// Whether path-style is rejected on loopback too, as COS does.
    pub(crate) strict_hosts: bool,
    /// Whether S3 clients may send trailers after a body, which COS rejects.
    pub(crate) s3_trailers: bool,
    /// When `..`, `.` and `//` in keys are merged.
    pub(crate) merge_order: MergeOrder,
    /// The origins whose pages may use the account's own bucket.
    pub(crate) origins: Vec<String>,
    /// The origins whose pages may use everything, which COS does not offer.
    pub(crate) page_origins: Vec<String>,
    /// Receives each request, before its response goes out.
    pub(crate) on_call: Arc<Listener<CosCall>>,
}

impl Cos {
    /// The URL of plain HTTP, `http://127.0.0.1:<port>`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http.address)
    }

    /// The URL of HTTPS, `https://127.0.0.1:<port>`.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.https.address)
    }

    /// The address of the HTTP listener, for clients that send a bucket's host to another address.
    pub fn address(&self) -> SocketAddr {
        self.http.address
    }

    /// The address of the HTTPS listener.
    pub fn https_address(&self) -> SocketAddr {
        self.https.address
    }

    pub(crate) fn start(
        options: &Options,
        store: Arc<Store>,
        ca: &Ca,
        middleware: &Arc<Middleware>,
        access_control: Arc<dyn AccessControl>,
        account: &Account,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let on_call = Arc::clone(&options.on_call);
        let service = Arc::new(CosService {
            default_bucket: default_bucket(account)?,
            path_style: match options.strict_hosts {
                true => PathStyle::Never,
                false => PathStyle::OnLoopback,
            },
            s3_trailers: options.s3_trailers,
            merge_order: options.merge_order,
            pages: Cors::for_origins(options.page_origins.clone()),
            store: Arc::clone(&store),
            image_jobs: Arc::new(Semaphore::new(MAX_IMAGE_JOBS)),
            header_case: tokio::sync::OnceCell::new(),
            access_control,
            clock,
        });
        let tls = Transport::Tls(middleware.acceptor(Service::Cos, &ca.server, &ca.untrusted));
        let handler = {
            let middleware = Arc::clone(middleware);
            move |request: Request<Incoming>| {
                let (service, middleware) = (Arc::clone(&service), Arc::clone(&middleware));
                let on_call = Arc::clone(&on_call);
                async move { serve(&service, &middleware, &on_call, request).await }
            }
        };
        Ok(Self {
            http: Server::start(options.port, Transport::Plain, handler.clone())?,
            https: Server::start(0, tls, handler)?,
            store,
        })
    }
}

async fn serve(
    service: &CosService,
    middleware: &Arc<Middleware>,
    on_call: &Listener<CosCall>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let head = Head::of(&request);
    let (parts, body) = request.into_parts();
    let action = service.action(&parts);
    let key = cos_key(&parts.headers, &parts.uri);
    let call = middleware.begin(Service::Cos, &action, head, key);
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let response = match call.replacement() {
        Some(response) => response,
        None => service.answer(Request::from_parts(parts, body), call.now()).await,
    };
    let answered = response.as_ref().ok();
    let reason = answered.and_then(|response| response.extensions().get::<Reason>());
    let id = answered.and_then(|response| response.headers().get("x-cos-request-id"));
    let id = id.and_then(|value| value.to_str().ok());
    on_call.call(&CosCall {
        operation: action,
        method,
        path,
        status: answered.map(Response::status),
        fault: call.fault().map(Fault::kind),
        reason: reason.map(|Reason(text)| text.clone()).unwrap_or_default(),
        decision: id.and_then(|id| service.access_control.decision(id)),
    });
    call.finish(response).await
}

/// Opens the store, with the account's buckets and the CORS rule of the options.
pub(crate) fn open_store(
    options: &Options,
    account: &Account,
    clock: &dyn Clock,
) -> io::Result<Arc<Store>> {
    let store = match &options.data {
        Some(directory) => Store::open(directory, options.durability)?,
        None => Store::in_memory(options.memory_bytes.unwrap_or_else(half_of_memory)),
    };
    set_up(&store, options, account, clock)?;
    Ok(Arc::new(store))
}

/// Creates the account's buckets where they do not exist, and sets the CORS rule of the options.
pub(crate) fn set_up(
    store: &Store,
    options: &Options,
    account: &Account,
    clock: &dyn Clock,
) -> io::Result<()> {
    let default_bucket = default_bucket(account)?;
    let bucket = default_bucket.0.name.as_str();
    let names = account.more_buckets.iter().map(String::as_str);
    for bucket in std::iter::once(bucket).chain(names) {
        let is_new = !store.read().buckets.contains_key(bucket);
        if is_new {
            let region = default_bucket.0.region.as_str();
            let new = Bucket::new(region.to_owned(), clock.now());
            store.create_bucket(bucket, &new, |_| Ok(())).map_err(startup_error)?;
        }
    }
    if !options.origins.is_empty() {
        let cors = Cors::for_origins(options.origins.clone());
        store.set_cors(bucket, Some(cors)).map_err(startup_error)?;
    }
    Ok(())
}

/// Half of what this machine, or its container, has; 2 GB where that is not known.
fn half_of_memory() -> u64 {
    let read = |path| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    });
    // `max` without a limit.
    let container = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    let least = machine.into_iter().chain(container).min();
    least.map_or(DEFAULT_MEMORY_BYTES, |bytes| bytes / 2)
}

/// A picture may take half a gigabyte of memory while it is processed.
const MAX_IMAGE_JOBS: usize = 2;

const DEFAULT_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The bucket and region of requests whose host omits them.
pub(crate) fn default_bucket(account: &Account) -> io::Result<DefaultBucket> {
    DefaultBucket::of(account).ok_or_else(|| {
        io::Error::other("account: bucket must be <name>-<appid>, and region such as ap-guangzhou")
    })
}
