//! Records as server-sent events.
//!
//! The page reads them with `fetch`, because `EventSource` cannot send the token.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};

use crate::activity::Activity;
use crate::loopback::Body;

/// The records after number `since`, and those to come.
pub(super) fn response(activity: &Arc<Activity>, since: u64) -> Response<Body> {
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(send(sender, Arc::clone(activity), since));
    let mut response = Response::new(body.boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Ends when the reader leaves: a comment every few seconds shows whether it is there.
async fn send(mut sender: Sender<Bytes, Infallible>, activity: Arc<Activity>, mut since: u64) {
    let mut changes = activity.changes();
    loop {
        changes.mark_unchanged();
        let mut text = String::new();
        for record in activity.since(since) {
            since = record.number;
            let data = serde_json::to_string(&*record).unwrap_or_default();
            text.push_str(&format!("id: {since}\ndata: {data}\n\n"));
        }
        if text.is_empty() {
            text.push_str(": waiting\n\n");
        }
        if sender.send_data(Bytes::from(text)).await.is_err() {
            return;
        }
        let _ = tokio::time::timeout(PING, changes.changed()).await;
    }
}

const PING: Duration = Duration::from_secs(10);
