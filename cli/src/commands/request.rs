//! One HTTP request, told on the command line.
//!
//! Promises: nothing is added that was not told, except `Host`; what cannot be a request is refused, and says which part.

use std::io::Read as _;

use clap::Args;
use http::{HeaderName, HeaderValue, Method, Request, header};

use super::Failure;

/// More than any platform takes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Args, Debug)]
pub(crate) struct RequestFlags {
    /// GET unless given, or POST if there is a body
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<String>,

    /// The path, percent-encoded as a client sends it
    #[arg(long, value_name = "PATH", default_value = "/sign")]
    pub(crate) path: String,

    /// The query, percent-encoded, without the question mark
    #[arg(long, value_name = "QUERY")]
    pub(crate) query: Option<String>,

    /// A header; may be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = header_field)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// The body, or @FILE to read it from a file, @- from standard input
    #[arg(long, value_name = "TEXT|@FILE")]
    pub(crate) body: Option<String>,
}

impl RequestFlags {
    /// The names of all of them, for a command that has another way to be told its event.
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
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::Usage(format!("--method: `{method}` is no HTTP method")))?;
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            let text =
                "--path has to begin with / and to end before the ?; the rest belongs into --query";
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
                    "`{target}` is no target of a request: percent-encode it"
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

/// The content of a file; `-` is standard input.
pub(crate) fn read(place: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot read `{place}`: {error}"));
    let mut content = Vec::new();
    let mut source: Box<dyn std::io::Read> = if place == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(place).map_err(failed)?)
    };
    let limit = MAX_BYTES.saturating_add(1);
    source
        .by_ref()
        .take(limit)
        .read_to_end(&mut content)
        .map_err(failed)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(Failure::Failed(format!(
            "`{place}` is over 16 MB, more than any platform takes"
        )));
    }
    Ok(content)
}

fn header_field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("it has to be `Name: value`")?;
    let name = name
        .trim()
        .parse()
        .map_err(|_| "that is no name of a header")?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| "that is no value of a header")?;
    Ok((name, value))
}
