//! A client of the running cloud's console.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use serde_json::Value;

use crate::failure::Failure;
use crate::http_client;
use crate::running::{RunningCloud, RuntimeDirectory};

pub(crate) struct RunningClient(RunningCloud);

impl RunningClient {
    /// The cloud that runs.
    pub(crate) fn find(directory: &RuntimeDirectory) -> Result<Self, Failure> {
        directory.running().map(Self).map_err(|error| {
            Failure::Failed(format!(
                "no local cloud runs ({error}); start one with `make run`, and leave it running"
            ))
        })
    }

    /// Where its COS is, with the place `{Bucket}`.
    pub(crate) fn cos_url(&self) -> &str {
        &self.0.cos_url
    }

    /// The token of its console.
    pub(crate) fn token(&self) -> &str {
        &self.0.token
    }

    /// The answer to `POST /api/<route>`.
    pub(crate) async fn post(&self, route: &str, order: &Value) -> Result<Value, Failure> {
        let url = &self.0.console_url;
        let request = http::Request::post(format!("/api/{route}"))
            .header(HOST, url.trim_start_matches("http://"))
            .header(AUTHORIZATION, format!("Bearer {}", self.0.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(order.to_string()))?;
        let response = http_client::send(url, request).await.map_err(|error| {
            Failure::Failed(format!(
                "the local cloud at {url} does not answer ({error}); start one with `make run`"
            ))
        })?;
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status().is_success() {
            return Ok(answer);
        }
        let message = answer.pointer("/error/message").and_then(Value::as_str);
        Err(Failure::Failed(message.unwrap_or("the local cloud refused it").to_owned()))
    }
}
