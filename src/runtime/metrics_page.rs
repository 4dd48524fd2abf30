//! `/metrics`: what Prometheus gets at `METRICS_ADDRESS`, and nothing else.
//!
//! # Not covered
//! Authentication and TLS. The numbers contain no secret, and nothing about a caller.

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::connections::Connections;
use crate::handler::Handler;
use crate::response::Response;

/// What answers requests for metrics.
pub(super) struct MetricsPage {
    pub(super) handler: Arc<Handler>,
    /// The connections of callers.
    pub(super) connections: Arc<Connections>,
}

impl MetricsPage {
    pub(super) fn respond(&self, method: &Method, path: &str) -> Response {
        if path != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "only /metrics is here\n".to_owned());
        }
        if method != Method::GET && method != Method::HEAD {
            let text = "method: must be GET or HEAD\n".to_owned();
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
            response.headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let text = self.handler.metrics_text(self.connections.count());
        plain(StatusCode::OK, text.unwrap_or_default())
    }
}

fn plain(status: StatusCode, body: String) -> Response {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT))]);
    Response { status, headers, body }
}

/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
