//! The outbound HTTPS client, with one pool for each thread and the life of the instance.
//!
//! # Guarantees
//! - TLS is rustls with ring and compiled-in roots, plus configured ones. Nothing is read from the
//!   machine.
//! - HTTPS only, unless a loopback address is configured.
//! - No redirects. The environment's proxy variables are ignored, and a call to a loopback address
//!   uses no proxy. `localhost` is a loopback address, whatever the resolver returns.
//! - Every call has a connect timeout, a total timeout, and a limit on the response's size.
//! - A connection that is made ahead is the one that the first call would make.
//!
//! # Not covered
//! Retries, and what a response means.

mod ahead;
mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::DATE;
use reqwest::{Method, NoProxy, Request, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tencent::secret::Secret;
use tencent::time::Timestamp;
use url::Url;

use ahead::{ConnectAhead, ROLE, Role};
pub use tls::tls;

/// How to build a client.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "a proxy's URL may contain a password")]
pub struct ClientOptions {
    /// Certificates to trust in addition to the compiled-in roots.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The proxy for every call, except to loopback addresses.
    pub proxy: Option<Proxy>,
    /// Whether a URL may begin with `http://`.
    pub plaintext_http: PlaintextHttp,
    /// How many threads call; 0 is as 1.
    pub threads: usize,
    /// How many connections to a host are kept for later calls. Where there are more at once, later
    /// calls have to make new ones.
    pub max_idle_connections: usize,
}

/// Whether plaintext HTTP is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlaintextHttp {
    /// HTTPS only.
    #[default]
    Never,
    /// A configured loopback address begins with `http://`.
    Loopback,
}

/// Parses a PEM file of certificates that can be trusted.
///
/// # Errors
/// [`CertificatesError`].
pub fn parse_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificatesError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|_| CertificatesError)?;
    let mut roots = RootCertStore::empty();
    let can_be_trusted =
        |certificate: &CertificateDer<'_>| roots.add(certificate.clone().into_owned()).is_ok();
    if certificates.is_empty() || !certificates.iter().all(can_be_trusted) {
        return Err(CertificatesError);
    }
    Ok(certificates)
}

/// The file contains no certificate that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a PEM file of certificates that can be trusted")]
pub struct CertificatesError;

/// The URL of a proxy, perhaps with a password.
#[expect(missing_debug_implementations, reason = "it may contain a password")]
pub struct Proxy(Secret);

impl Proxy {
    /// Parses a proxy's URL.
    ///
    /// # Errors
    /// [`ProxyError`].
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let url = Url::parse(text).map_err(|_| ProxyError)?;
        let is_http = matches!(url.scheme(), "http" | "https");
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        // reqwest has rules of its own for what a URL is.
        if !is_http || !is_bare || reqwest::Proxy::all(text).is_err() {
            return Err(ProxyError);
        }
        Secret::new(text.to_owned()).map(Self).ok_or(ProxyError)
    }
}

/// The text is not the URL of a proxy. The cause would repeat the URL, and with it a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the URL of a proxy, for example `http://127.0.0.1:3128`")]
pub struct ProxyError;

/// The client.
///
/// Each thread has a pool of its own: a call over a connection that another thread drives has to
/// wake that thread, and then its own.
#[derive(Clone, Debug)]
pub struct Client {
    first: Arc<Pool>,
    others: Arc<[Pool]>,
}

/// The connections of one thread.
#[derive(Debug)]
struct Pool {
    client: reqwest::Client,
    /// Whether there may be a connection of a call.
    is_used: AtomicBool,
    /// Where a connection was made ahead to.
    ahead: OnceLock<Url>,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Numbers the threads that call.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// A complete response.
#[expect(missing_debug_implementations, reason = "a body may contain issued credentials")]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// When the server sent it, by its own clock.
    pub date: Option<Timestamp>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// Builds a client. No connection is made.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let tls = tls(options.extra_roots)?;
        let (proxy, plaintext_http) = (options.proxy.as_ref(), options.plaintext_http);
        let idle = options.max_idle_connections;
        let pool = |tls| Pool::new(tls, proxy, plaintext_http, idle);
        let others = (1..options.threads).map(|_| pool(tls.clone()));
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self { first: Arc::new(pool(tls)?), others })
    }

    /// Connects to the host of `url` before the first call of this thread, which then uses that
    /// connection. Nothing is called, and after a call nothing happens.
    pub async fn connect_ahead(&self, url: &Url) {
        let pool = self.pool();
        if pool.is_used.load(Ordering::Relaxed) || pool.ahead.set(url.clone()).is_err() {
            return;
        }
        let request = Request::new(Method::HEAD, url.clone());
        // It fails, also when the connection is made.
        let _failed = ROLE.scope(Role::Connects, pool.client.execute(request)).await;
    }

    fn pool(&self) -> &Pool {
        THREAD.with(|thread| self.others.get(*thread).unwrap_or(&self.first))
    }

    /// Sends one `POST` and reads the whole response within `timeout`.
    ///
    /// # Errors
    /// [`CallError`], which contains neither a header's value nor a body.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: String,
        timeout: Duration,
    ) -> Result<Response, CallError> {
        let mut request = Request::new(Method::POST, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        self.send(request, timeout, MAX_RESPONSE_BYTES).await
    }

    /// Sends one `GET` and reads the whole response of at most `max_bytes` within `timeout`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(
        &self,
        url: &str,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Response, CallError> {
        let request = self.pool().client.get(url).build().map_err(CallError::from_reqwest)?;
        self.send(request, timeout, max_bytes).await
    }

    async fn send(
        &self,
        mut request: Request,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<Response, CallError> {
        *request.timeout_mut() = Some(timeout);
        let pool = self.pool();
        pool.is_used.store(true, Ordering::Relaxed);
        let is_same = pool.ahead.get() == Some(request.url());
        let role = if is_same { Role::Takes } else { Role::Ignores };
        let sent = ROLE.scope(role, pool.client.execute(request)).await;
        let mut response = sent.map_err(CallError::from_reqwest)?;
        let status = response.status().as_u16();
        let date = date(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(CallError::from_reqwest)? {
            if body.len().saturating_add(chunk.len()) > max_bytes {
                return Err(CallError::AnswerTooLarge(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, date, body })
    }
}

impl Pool {
    fn new(
        tls: ClientConfig,
        proxy: Option<&Proxy>,
        plaintext_http: PlaintextHttp,
        max_idle_connections: usize,
    ) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(plaintext_http == PlaintextHttp::Never)
            .redirect(redirect::Policy::none())
            // Retries are the caller's. Without the limit, `never()` still clones each request.
            .retry(retry::never().max_retries_per_request(0))
            .connect_timeout(CONNECT_TIMEOUT)
            .connector_layer(ConnectAhead { max_age: IDLE_TIMEOUT })
            .pool_max_idle_per_host(max_idle_connections)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // Whatever the resolver returns: plaintext HTTP is possible to this name.
            .resolve_to_addrs("localhost", &LOCALHOST)
            .no_proxy();
        if let Some(Proxy(url)) = proxy {
            let proxy = reqwest::Proxy::all(url.expose()).map_err(ClientError::without_url)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(LOOPBACK)));
        }
        let client = builder.build().map_err(ClientError::without_url)?;
        Ok(Self { client, is_used: AtomicBool::new(false), ahead: OnceLock::new() })
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let since_1970 = date.duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_unix_seconds(i64::try_from(since_1970.as_secs()).ok()?)
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client itself.
    #[error("the HTTPS client cannot be built")]
    Client(#[source] reqwest::Error),
    /// The cryptography does not support the protocol versions, or not a certificate.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl ClientError {
    fn without_url(error: reqwest::Error) -> Self {
        Self::Client(error.without_url())
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The response has more than this many bytes.
    #[error("the response has more than {0} bytes")]
    AnswerTooLarge(usize),
    /// The host was not resolved, the connection was refused, or its certificate is not trusted.
    #[error("no connection")]
    Connect(#[source] reqwest::Error),
    /// The value is not possible in a header, for example a key with a line break.
    #[error("the value of the header `{0}` is not possible in a header")]
    Header(&'static str),
    /// There was no complete response in time.
    #[error("no response in time")]
    Timeout,
    /// The connection broke, or the response is not HTTP.
    #[error("the connection broke")]
    Transport(#[source] reqwest::Error),
}

impl CallError {
    fn from_reqwest(error: reqwest::Error) -> Self {
        let error = error.without_url();
        // A connection that was not made in time is one that was not made.
        if error.is_connect() {
            Self::Connect(error)
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Transport(error)
        }
    }
}

/// A client for the platform's runtime API, which is plaintext HTTP on this machine: without a
/// timeout and without a proxy.
///
/// # Errors
/// [`ClientError`].
pub(crate) fn runtime_api() -> Result<reqwest::Client, ClientError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(Vec::new())?)
        .redirect(redirect::Policy::none());
    builder.no_proxy().build().map_err(ClientError::without_url)
}

/// Where a proxy would see a plaintext call with its credentials.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The port is that of the URL.
const LOCALHOST: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

/// A response of STS has 1 to 5 KB.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// A connection inside the cloud takes a few milliseconds. After this long, try another endpoint.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Servers close idle connections after about a minute; a frozen instance does not see the FIN.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use http::HeaderMap;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use url::Url;

    use super::{Client, ClientOptions, PlaintextHttp, Proxy};

    fn client() -> Client {
        let plaintext_http = PlaintextHttp::Loopback;
        let options =
            ClientOptions { plaintext_http, max_idle_connections: 1, ..ClientOptions::default() };
        Client::new(options).unwrap()
    }

    /// Two servers, and a client that is connected to the first one.
    async fn connected_ahead() -> (Client, [TcpListener; 2], TcpStream) {
        let servers = [
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        ];
        let client = client();
        client.connect_ahead(&url(&servers[0])).await;
        let (stream, _) = servers[0].accept().await.unwrap();
        (client, servers, stream)
    }

    fn url(server: &TcpListener) -> Url {
        Url::parse(&format!("http://{}", server.local_addr().unwrap())).unwrap()
    }

    async fn post(client: &Client, server: &TcpListener) -> u16 {
        let timeout = Duration::from_secs(30);
        let url = url(server);
        let posted = client.post(&url, HeaderMap::new(), String::new(), timeout);
        posted.await.map_or(0, |response| response.status)
    }

    async fn answer(stream: &mut TcpStream) {
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }

    async fn is_not_connected(server: &TcpListener) -> bool {
        tokio::time::timeout(Duration::from_millis(50), server.accept()).await.is_err()
    }

    #[tokio::test]
    async fn the_first_call_uses_the_connection_that_was_made_ahead() {
        let (client, [server, _], mut stream) = connected_ahead().await;
        let nothing = stream.try_read(&mut [0; 1]);
        assert_eq!(nothing.unwrap_err().kind(), ErrorKind::WouldBlock, "nothing is sent ahead");
        for _ in 0..2 {
            assert_eq!(tokio::join!(post(&client, &server), answer(&mut stream)).0, 204);
            // After a call there may be a connection, so none is made ahead.
            client.connect_ahead(&url(&server)).await;
            assert!(is_not_connected(&server).await);
        }
    }

    #[tokio::test]
    async fn a_call_of_another_server_does_not_use_it() {
        let (client, [first, other], mut stream) = connected_ahead().await;
        for (server, is_ahead) in [(&other, false), (&first, true)] {
            let serve = async {
                if is_ahead {
                    answer(&mut stream).await;
                } else {
                    answer(&mut server.accept().await.unwrap().0).await;
                }
            };
            assert_eq!(tokio::join!(post(&client, server), serve).0, 204);
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
        let (client, [server, _], stream) = connected_ahead().await;
        drop(stream);
        assert!(is_not_connected(&server).await);
        let serve = async { answer(&mut server.accept().await.unwrap().0).await };
        assert_eq!(tokio::join!(post(&client, &server), serve).0, 204);
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_made_ahead_fails_no_call() {
        let (_, [server, _], _) = connected_ahead().await;
        let url = url(&server);
        drop(server);
        let client = client();
        client.connect_ahead(&url).await;
        let server = TcpListener::bind(url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
        let serve = async { answer(&mut server.accept().await.unwrap().0).await };
        assert_eq!(tokio::join!(post(&client, &server), serve).0, 204);
    }

    #[tokio::test]
    async fn it_is_made_through_the_proxy_and_a_call_waits_for_it() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::parse(url(&server).as_str()).unwrap();
        let options = ClientOptions { proxy: Some(proxy), ..ClientOptions::default() };
        let client = Client::new(options).unwrap();
        let far = Url::parse("https://192.0.2.1/").unwrap();
        let use_it = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut head = [0; 64];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            assert!(head.starts_with(b"CONNECT 192.0.2.1:443 "), "{head:?}");
            // A busy machine must not end it early.
            tokio::time::pause();
            let call = client.get(far.as_str(), 10, Duration::from_millis(200));
            assert!(call.await.is_err());
            assert!(is_not_connected(&server).await);
        };
        tokio::select! {
            () = client.connect_ahead(&far) => panic!("there is no connection"),
            () = use_it => {}
        }
    }

    #[tokio::test]
    async fn a_connection_that_is_old_is_closed() {
        let (_client, _servers, mut stream) = connected_ahead().await;
        tokio::time::pause();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_loopback_address_is_never_called_through_a_proxy() {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let serve = async {
            loop {
                let (mut stream, _) = server.accept().await.unwrap();
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                let response = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(response).await.unwrap();
            }
        };
        let url = format!("http://{}", proxy.local_addr().unwrap());
        let client = Client::new(ClientOptions {
            proxy: Some(Proxy::parse(&url).unwrap()),
            plaintext_http: PlaintextHttp::Loopback,
            ..ClientOptions::default()
        });
        let client = client.unwrap();
        let calls = async {
            for host in ["127.0.0.1", "127.8.9.1", "localhost"] {
                let url = format!("http://{host}:{port}/");
                let response = client.get(&url, 10, Duration::from_secs(5)).await;
                // Only 127.0.0.1 is listened on: the second call finds nobody.
                let is_served = response.is_ok_and(|response| response.status == 204);
                assert_eq!(is_served, host != "127.8.9.1", "{host}");
            }
            let far = client.get("http://192.0.2.1/", 10, Duration::from_millis(200)).await;
            assert!(far.is_err());
        };
        tokio::select! {
            () = serve => {}
            () = calls => {}
        }
        // The call to another machine is the only one that the proxy saw.
        let (mut seen, _) = proxy.accept().await.unwrap();
        let mut head = [0; 64];
        let count = seen.read(&mut head).await.unwrap();
        assert!(head[..count].starts_with(b"GET http://192.0.2.1/ "));
        let second = tokio::time::timeout(Duration::from_millis(50), proxy.accept()).await;
        assert!(second.is_err());
    }
}
