//! The server of an app's page: its files, the SDK, the page's task, and a route for its outcome.
//!
//! # Guarantees
//!
//! It listens on loopback, serves only the listed files, and accepts one outcome of bounded size.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Failure, installed};

const OUTCOME_BYTES_MAX: usize = 1024 * 1024;

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct PageServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    files: Vec<File>,
    settings: Mutex<Value>,
    outcome: Mutex<Option<Value>>,
    told: Notify,
}

/// Path, type and text.
type File = (String, &'static str, String);

impl PageServer {
    /// Starts it with the page of `tests/clients`.
    ///
    /// # Errors
    /// When the system gives no port, or a file is missing.
    pub async fn start() -> Result<Self, Failure> {
        Self::with(story_page()?).await
    }

    /// Starts it with the page of `examples/NAME`. The member `settings` of what the page is to do
    /// takes the place of the example's own settings.
    ///
    /// # Errors
    /// Those of [`PageServer::start`].
    pub async fn of_example(name: &str) -> Result<Self, Failure> {
        Self::with(example_page(name)?).await
    }

    async fn with(files: Vec<File>) -> Result<Self, Failure> {
        let failed = |fault: std::io::Error| Failure::new(format!("no server for a page: {fault}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let shared = Arc::new(Shared { files, ..Shared::default() });
        let address = listener.local_addr().map_err(failed)?;
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _serving: serving })
    }

    /// The page's origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the page is to do.
    pub fn give(&self, settings: Value) {
        *lock(&self.shared.settings) = settings;
    }

    /// Waits for the outcome of the page.
    ///
    /// # Errors
    /// When it sends nothing within `limit`.
    pub async fn outcome(&self, limit: Duration) -> Result<Value, Failure> {
        let told = async {
            loop {
                let told = self.shared.told.notified();
                if let Some(outcome) = lock(&self.shared.outcome).take() {
                    return outcome;
                }
                told.await;
            }
        };
        let told = timeout(limit, told).await;
        told.map_err(|_| Failure::new(format!("the page said nothing within {limit:?}")))
    }
}

fn story_page() -> Result<Vec<File>, Failure> {
    let sdk = "target/clients/node_modules/cos-js-sdk-v5/dist/cos-js-sdk-v5.js";
    Ok(vec![
        file("/", "tests/clients/cos_page.html")?,
        file("/cos_page.js", "tests/clients/cos_page.js")?,
        file("/cos_story.js", "tests/clients/cos_story.js")?,
        file("/cos-js-sdk-v5.js", sdk)?,
    ])
}

fn example_page(name: &str) -> Result<Vec<File>, Failure> {
    let folder = format!("examples/{name}");
    let mut files = Vec::new();
    for path in installed::files_below(&folder)? {
        files.push(file(&format!("/{path}"), &format!("{folder}/{path}"))?);
    }
    for path in PACKAGES {
        files.push(file(
            &format!("/node_modules/{path}"),
            &format!("target/clients/node_modules/{path}"),
        )?);
    }
    for (path, _, text) in &mut files {
        if path == "/index.html" {
            *path = "/".to_owned();
            *text = text.replace("</body>", "<script src=\"/visitor.js\"></script></body>");
        }
    }
    files.push(file("/visitor.js", "tests/clients/example_page.js")?);
    Ok(files)
}

fn file(path: &str, source: &str) -> Result<File, Failure> {
    let kind = if source.ends_with(".html") { "text/html" } else { "text/javascript" };
    Ok((path.to_owned(), kind, installed::text(source)?))
}

/// What the examples include of their packages.
const PACKAGES: [&str; 2] =
    ["cos-js-sdk-v5/dist/cos-js-sdk-v5.min.js", "vue/dist/vue.esm-browser.prod.js"];

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Ends with the task that owns it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let answer = |request| answer(request, Arc::clone(&shared));
            // A browser may leave.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if head.method == Method::POST && path == "/outcome" {
        let body = Limited::new(body, OUTCOME_BYTES_MAX).collect().await;
        let outcome = body.map(|body| serde_json::from_slice(&body.to_bytes()));
        *lock(&shared.outcome) = Some(outcome.ok().and_then(Result::ok).unwrap_or_default());
        shared.told.notify_one();
        return Ok(told("text/plain", "thanks".to_owned()));
    }
    let settings = lock(&shared.settings).clone();
    match path {
        "/settings" => return Ok(told("application/json", settings.to_string())),
        "/settings.js" => {
            let settings = settings.get("settings").unwrap_or(&Value::Null);
            let script = format!("export const settings = {settings};");
            return Ok(told("text/javascript", script));
        }
        _ => {}
    }
    let found = shared.files.iter().find(|(name, ..)| name == path);
    Ok(found.map_or_else(not_found, |(_, kind, text)| told(kind, text.clone())))
}

fn told(kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn not_found() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
