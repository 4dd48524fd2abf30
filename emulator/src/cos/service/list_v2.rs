//! The second form of object lists, `list-type=2`, which S3 clients request. Inferred: it answers
//! as in the S3 API, since no page of COS describes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bucket::put_region;
use super::list::{Encoding, contents, prefixes, query};
use super::{BucketCall, CosService, Outcome};
use crate::cos::error::{self, CosError};
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::listing::Entry;

impl CosService {
    pub(super) fn list_objects_v2(&self, call: &BucketCall<'_>) -> Outcome {
        let encoding = Encoding::of(call.request)?;
        let mut query = query(call.request, "start-after", "max-keys")?;
        let start_after = query.marker.clone();
        let token = call.request.parameter("continuation-token").filter(|token| !token.is_empty());
        if let Some(token) = &token {
            query.marker = key_of(token)?;
        }
        let page = self.page_of_objects(call, &query)?;
        let appid = self.default_bucket.0.name.appid();
        let owner = fetches_owner(call.request)?.then_some(appid);
        let last = page.entries.last().filter(|_| page.is_truncated);
        let next = last.map(|entry| match entry {
            Entry::Item((key, _)) => STANDARD.encode(key),
            Entry::Prefix(prefix) => STANDARD.encode(prefix),
        });
        let mut response = response::xml(xml::document("ListBucketResult", |root| {
            root.text("Name", &call.target.name);
            root.optional("EncodingType", encoding.name());
            root.text("Prefix", encoding.text(&query.prefix));
            root.optional("ContinuationToken", token);
            root.optional("NextContinuationToken", next);
            root.text("StartAfter", encoding.text(&start_after));
            root.text("KeyCount", page.entries.len());
            root.text("MaxKeys", query.limit);
            root.optional("Delimiter", encoding.delimiter(&query));
            root.text("IsTruncated", page.is_truncated);
            prefixes(root, &page.entries, encoding);
            contents(root, &page.entries, encoding, owner);
        }));
        put_region(&mut response, call.target);
        Ok(response)
    }
}

/// The key after which a page begins: a token is its base64.
fn key_of(token: &str) -> Result<String, CosError> {
    let key = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| {
        error::invalid_argument("The continuation token provided is incorrect.")
            .because("continuation-token: must be a NextContinuationToken, percent-encoded")
    })
}

fn fetches_owner(request: &RequestHead) -> Result<bool, CosError> {
    match request.parameter("fetch-owner").as_deref() {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(error::invalid_argument("The fetch-owner must be true or false.")),
    }
}
