//! The admin API: the faults, the clock, the trace and the keys of a running cloud, over HTTP on a
//! port of its own.
//!
//! | Route | |
//! |---|---|
//! | `GET /_emulator` | every service and its address |
//! | `GET, POST, DELETE /_emulator/faults`, `DELETE /_emulator/faults/<id>` | the rules in force |
//! | `GET, POST /_emulator/clock` | `{"advance":"31m"}`, `{"set":"2026-01-01T00:00:00Z"}`, `{"frozen":true}`, `{"reset":true}` |
//! | `GET /_emulator/trace` | the last calls, a line of JSON each |
//! | `GET /_emulator/decisions` | the last decisions about access, and why |
//! | `GET, DELETE /_emulator/instances`, `DELETE /_emulator/instances/<process>` | the live instances; one that is deleted ends after its request |
//! | `DELETE /_emulator/keys/<id>` | the key works no more |
//! | `GET, PUT, DELETE /_emulator/state` | what COS stores, and the clock: a copy, put back, reset |
//!
//! # Guarantees
//! A page in a browser can do nothing here (see `guard`); no response contains a secret.
//!
//! # Not covered
//! Everything that issues or reads keys.

mod guard;
mod refusal;
mod routes;

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Incoming;
use tencent::secret::Secret;

use self::guard::Guard;
use self::refusal::Refusal;
pub(crate) use self::routes::Routes;
use crate::net::{self, Body, Server, Transport};
use crate::random::secret_text;
use crate::secrets::SecretRegistry;

/// The running admin API.
pub struct Admin {
    server: Server,
    token: String,
    api: Arc<(Guard, Routes)>,
}

impl Admin {
    /// Where it is, `http://127.0.0.1:<port>/_emulator`.
    pub fn url(&self) -> String {
        format!("http://{}/_emulator", self.server.address)
    }

    /// What each request has to carry: `Authorization: Bearer <token>`. Made anew for each run.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The response to a request of a program that is part of this process: without the checks of
    /// who sent it.
    pub async fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response<Bytes> {
        let response = self.api.1.respond(method, path, body);
        let (head, body) = response.unwrap_or_else(|refusal| refusal.response()).into_parts();
        let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
        Response::from_parts(head, body)
    }

    pub(crate) fn start(port: u16, routes: Routes, secrets: &SecretRegistry) -> io::Result<Self> {
        let token = secret_text(40);
        secrets.register(&token)?;
        let guard = Guard { token: Secret::new(token.clone()).ok_or(io::ErrorKind::InvalidData)? };
        let api = Arc::new((guard, routes));
        let served = Arc::clone(&api);
        let server = Server::start(port, Transport::Plain, move |request| {
            let api = Arc::clone(&served);
            async move { Ok(respond(&api.0, &api.1, request).await) }
        })?;
        Ok(Self { server, token, api })
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Admin").field("server", &self.server).finish_non_exhaustive()
    }
}

async fn respond(guard: &Guard, routes: &Routes, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refusal) = guard.admit(&head) {
        return refusal.response();
    }
    if Routes::is_state(&head.method, head.uri.path()) {
        let outcome = routes.load_state(body).await;
        return outcome.unwrap_or_else(|refusal| refusal.response());
    }
    let Some(body) = net::read_body(body, MAX_BODY_BYTES).await else {
        return Refusal::new(413, "TooLarge", "the body has at most 64 KB").response();
    };
    match routes.respond(&head.method, head.uri.path(), &body) {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    }
}

const MAX_BODY_BYTES: usize = 64 * 1024;
