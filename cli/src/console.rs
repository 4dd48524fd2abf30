//! The console: a page on loopback that shows what the local cloud does, and the API behind it. The
//! commands `token` and `request` use the same API.
//!
//! | Route | |
//! |---|---|
//! | `GET /`, `GET /<file>` | the page; without a secret, so without a token |
//! | `GET /api/cloud` | addresses, users, account |
//! | `GET /api/events` | the records of requests, as server-sent events |
//! | `POST /api/token` | a token of the local issuer |
//! | `POST /api/authorization` | the header with which a user sends a request |
//! | `GET /api/credentials/<id>` | what a key of this cloud may do |
//! | `POST /api/explain` | which grants apply to a request of a user, and why others do not |
//! | `POST /api/simulate` | what COS would answer to an operation |
//! | `POST /api/restart` | the local cloud ends and starts anew |
//! | `/api/admin/…` | the admin API of the local cloud |
//!
//! For a deployment elsewhere there are only `cloud` and `events`, which has no records.
//!
//! # Guarantees
//! A page of another origin reaches nothing (see `guard`). Nothing is served that the function
//! could serve: the console is part of this program only.

mod assets;
mod elsewhere;
mod events;
mod guard;
mod routes;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tencent::secret::Secret;

pub(crate) use self::elsewhere::Elsewhere;
use self::guard::Guard;
pub(crate) use self::routes::Routes;
use self::routes::Served;
use crate::loopback::{Port, Server};

/// A running console.
pub(crate) struct Console {
    url: String,
    #[expect(dead_code, reason = "serves the console for as long as it lives")]
    server: Server,
}

impl Console {
    /// `sdk` is the file of the SDK for browsers.
    pub(crate) fn start(
        port: Port,
        token: &str,
        sdk: PathBuf,
        served: impl Into<Served>,
    ) -> io::Result<Self> {
        let origin = port.origin();
        let url = format!("{origin}/#{token}");
        let token = Secret::new(token.to_owned()).ok_or(io::ErrorKind::InvalidData)?;
        let served = Arc::new((Guard { token }, served.into(), sdk));
        let server = port.serve(move |head, body| {
            let served = Arc::clone(&served);
            async move { routes::respond(&served.0, &served.1, &served.2, &head, &body).await }
        })?;
        Ok(Self { url, server })
    }

    /// The page, with the token in the fragment, which browsers do not send.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
