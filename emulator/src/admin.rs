//! The admin API: the faults, the clock, the trace and the keys of a running cloud, over HTTP on a port of its own.
//!
//! | Route | |
//! |---|---|
//! | `GET /_emulator` | every service and its address |
//! | `GET, POST, DELETE /_emulator/faults`, `DELETE /_emulator/faults/<id>` | the rules in force |
//! | `GET, POST /_emulator/clock` | `{"advance":"31m"}`, `{"set":"2026-01-01T00:00:00Z"}`, `{"frozen":true}`, `{"reset":true}` |
//! | `GET /_emulator/trace` | the last calls, a line of JSON each |
//! | `GET /_emulator/decisions` | the last decisions about access, and why |
//! | `DELETE /_emulator/keys/<id>` | the key works no more |
//!
//! Promises: a page in a browser can do nothing here (see `guard`); no answer holds a secret.
//! Leaves out: everything that issues or reads keys.

mod guard;
mod routes;

use std::fmt;
use std::io;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tencent::secret::Secret;

use self::guard::Guard;
use self::routes::Routes;
use crate::account::random_text;
use crate::control::Control;
use crate::ledger::Ledger;
use crate::net::{self, Body, Server, Transport};

/// The running admin API.
pub struct Admin {
    server: Server,
    token: String,
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

    pub(crate) fn start(
        port: u16,
        services: Vec<(&'static str, String)>,
        control: &Arc<Control>,
        ledger: &Ledger,
    ) -> io::Result<Self> {
        let token = random_text(40);
        ledger.note(&token)?;
        let guard = Guard {
            token: Secret::new(token.clone()).ok_or(io::ErrorKind::InvalidData)?,
        };
        let routes = Routes {
            services,
            control: Arc::clone(control),
        };
        let api = Arc::new((guard, routes));
        let server = Server::start(port, Transport::Plain, move |request| {
            let api = Arc::clone(&api);
            async move { Ok(answer(&api.0, &api.1, request).await) }
        })?;
        Ok(Self { server, token })
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Admin")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

async fn answer(guard: &Guard, routes: &Routes, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Err(refusal) = guard.admit(&head) {
        return refusal.answer();
    }
    let Some(body) = net::read_body(body, MAX_BODY_BYTES).await else {
        return Refusal::new(413, "TooLarge", "the body has at most 64 KB").answer();
    };
    match routes.answer(&head.method, head.uri.path(), &body) {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(),
    }
}

/// Why a request was refused: the emulator's own word, never that of a service.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    fn answer(&self) -> Response<Body> {
        let body: Value = json!({ "error": { "code": self.code, "message": self.message } });
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = net::json(status, &body);
        let headers = answer.headers_mut();
        if let Ok(code) = http::HeaderValue::from_str(self.code) {
            headers.insert("x-emulator-error", code);
        }
        answer
    }
}

const MAX_BODY_BYTES: usize = 64 * 1024;
