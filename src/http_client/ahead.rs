//! A connection that is made before a request needs it.
//!
//! reqwest connects for a request only. This layer of its connector fails a request as soon as its
//! connection is made, keeps that connection, and gives it to the next request. A cheap request in
//! advance would instead call the server, and the connection would be busy until its answer.
//!
//! # Guarantees
//! - Nothing is sent ahead but what a connection needs: the proxy's `CONNECT` and the TLS handshake.
//! - A request that is sent meanwhile waits for this connection and makes no other.
//! - A connection that the server has closed, or that is old, is not used.
//!
//! # Not covered
//! To which origin it leads: the caller allows a request to take it ([`Role`]).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf};
use tokio::sync::Mutex;
use tokio::task_local;
use tokio::time::sleep;
use tower::util::{BoxCloneSyncService, Oneshot};
use tower::{BoxError, Layer, Service};

task_local! {
    /// That of the request that is polled.
    pub(super) static ROLE: Role;
}

/// What a request does with the connection that is made ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It makes one and fails.
    Connects,
    /// It has nothing to do with one.
    Ignores,
    /// It takes one.
    Takes,
}

/// The layer; it keeps at most one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectAhead {
    pub(super) max_age: Duration,
}

type Inner<R, C> = BoxCloneSyncService<R, C, BoxError>;

impl<R, C> Layer<Inner<R, C>> for ConnectAhead {
    type Service = Connector<R, C>;

    fn layer(&self, inner: Inner<R, C>) -> Connector<R, C> {
        Connector { inner: Arc::new(inner), kept: Arc::default(), max_age: self.max_age }
    }
}

/// The connector below, cloned with each request, and the connection that is kept.
pub(super) struct Connector<R, C> {
    inner: Arc<Inner<R, C>>,
    /// Locked while the connection is being made.
    kept: Arc<Mutex<Option<C>>>,
    max_age: Duration,
}

impl<R, C> Clone for Connector<R, C> {
    fn clone(&self) -> Self {
        let (inner, kept) = (Arc::clone(&self.inner), Arc::clone(&self.kept));
        Self { inner, kept, max_age: self.max_age }
    }
}

impl<R, C> Service<R> for Connector<R, C>
where
    R: Send + 'static,
    C: Read + Unpin + Send + 'static,
{
    type Response = C;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = Oneshot::new((*self.inner).clone(), target);
        match ROLE.try_with(|role| *role) {
            Ok(Role::Connects) => {
                let (kept, max_age) = (Arc::clone(&self.kept), self.max_age);
                Box::pin(async move {
                    let mut slot = kept.lock().await;
                    *slot = Some(connecting.await?);
                    drop(slot);
                    tokio::spawn(async move {
                        sleep(max_age).await;
                        drop(kept.lock().await.take());
                    });
                    Err("the connection is kept for the next request".into())
                })
            }
            Ok(Role::Takes) => {
                let kept = Arc::clone(&self.kept);
                Box::pin(async move {
                    let taken = kept.lock().await.take_if(is_open);
                    match taken {
                        Some(connection) => Ok(connection),
                        None => connecting.await,
                    }
                })
            }
            Ok(Role::Ignores) | Err(_) => Box::pin(connecting),
        }
    }
}

/// Whether the server has neither closed it nor sent anything: it was not asked.
fn is_open<C: Read + Unpin>(connection: &mut C) -> bool {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    let reading =
        Pin::new(connection).poll_read(&mut Context::from_waker(Waker::noop()), buffer.unfilled());
    reading.is_pending()
}
