//! One HTTP request, from flags.
//!
//! # Guarantees
//! Only `Host` is added. An invalid part is refused by name.

use std::io::Read as _;

use clap::Args;
use http::{HeaderName, HeaderValue, Method, Request, header};

use crate::failure::Failure;

/// More than any platform accepts.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Args)]
pub(crate) struct RequestOptions {
    /// The method [default: GET, or POST with a body]
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,

    /// The path, percent-encoded as a client sends it
    #[arg(long, value_name = "PATH", default_value = "/sign")]
    path: String,

    /// The query, percent-encoded, without the question mark
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,

    /// A header; repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header_field)]
    header: Vec<(HeaderName, HeaderValue)>,

    /// The body, or @FILE to read it from a file, @- from standard input
    #[arg(long, value_name = "TEXT|@FILE")]
    body: Option<String>,
}

impl RequestOptions {
    /// The flags without a default, which contradict an event from a file.
    pub(crate) const NAMES: [&'static str; 4] = ["method", "query", "header", "body"];

    pub(crate) fn request(&self) -> Result<Request<Vec<u8>>, Failure> {
        let body = match self.body.as_deref() {
            None => Vec::new(),
            Some(text) => match text.strip_prefix('@') {
                Some(place) => read(place)?,
                None => text.as_bytes().to_vec(),
            },
        };
        let usual = if self.body.is_some() { "POST" } else { "GET" };
        let method = self.method.as_deref().unwrap_or(usual);
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| {
            Failure::Usage(format!(
                "--method: must be an HTTP method, for example POST; it is `{method}`"
            ))
        })?;
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            let text = "--path: must begin with / and end before the ?, for example /sign; put the rest into --query";
            return Err(Failure::Usage(text.to_owned()));
        }
        let target = match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(&target)
            .body(body)
            .map_err(|_| {
                Failure::Usage(format!(
                    "--path and --query: must be percent-encoded, for example /a%20b; they are `{target}`"
                ))
            })?;
        for (name, value) in &self.header {
            request.headers_mut().append(name.clone(), value.clone());
        }
        if !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::from_static("localhost");
            request.headers_mut().insert(header::HOST, host);
        }
        Ok(request)
    }
}

/// The content of a file, or of standard input for `-`.
pub(crate) fn read(place: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot read `{place}`: {error}"));
    let mut content = Vec::new();
    let mut source: Box<dyn std::io::Read> = if place == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(place).map_err(failed)?)
    };
    let limit = MAX_BYTES.saturating_add(1);
    source.by_ref().take(limit).read_to_end(&mut content).map_err(failed)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(Failure::Failed(format!(
            "`{place}` is over 16 MB, more than any platform accepts"
        )));
    }
    Ok(content)
}

fn header_field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("must be `Name: value`, for example `Origin: http://localhost`")?;
    let name = name.trim().parse().map_err(|_| "must begin with a valid header name")?;
    let value = value.trim().parse().map_err(|_| "must end with a valid header value")?;
    Ok((name, value))
}
