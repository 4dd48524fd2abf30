//! The documents of a bucket, and its list of inventories.

use bytes::Bytes;
use http::StatusCode;

use super::{Authorized, BucketCall, CosService, Outcome};
use crate::cos::bucket_document::{BucketDocument, Verb};
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::http::xml;
use crate::cos::tags::{MAX_BUCKET_TAGS, Tags};
use crate::cos::tiering::RuleName;

impl CosService {
    pub(super) async fn document(
        &self,
        verb: Verb,
        document: BucketDocument,
        call: &BucketCall<'_>,
        mut body: RequestBody,
    ) -> Outcome {
        self.check_bucket(call.target)?;
        let id = requested_id(call.request)?;
        let body = match verb {
            Verb::Put => body.small(&call.request.headers, MAX_DOCUMENT_BYTES).await?,
            Verb::Get | Verb::Delete => Bytes::new(),
        };
        if document == BucketDocument::IntelligentTiering {
            return self.tiering(verb, call, RuleName::of(id.as_deref()), &body).await;
        }
        let id = id.unwrap_or_default();
        match verb {
            Verb::Put => self.put_document(call.target, document, id, &body).await,
            Verb::Get => {
                let settings = self.settings(call.target)?;
                let text = match settings.document(document, &id) {
                    Some(text) => text.to_owned(),
                    None => document.absent()?,
                };
                Ok(response::xml(text))
            }
            Verb::Delete => {
                let name = call.target.name.to_string();
                self.change(move |store| {
                    store.change_settings(&name, |settings| {
                        settings.with_document(document, &id, None)
                    })
                })
                .await?;
                Ok(response::empty(StatusCode::NO_CONTENT))
            }
        }
    }

    /// The tags of a bucket: policies can depend on them, so they are read before they are
    /// authorized. <https://www.tencentcloud.com/document/product/436/8281>
    pub(super) async fn put_bucket_tags(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        mut body: RequestBody,
    ) -> Outcome {
        let body = body.small(&request.headers, MAX_DOCUMENT_BYTES).await?;
        let tags = Tags::of_xml(&body, MAX_BUCKET_TAGS)?;
        let context = self.access_control.authorize_tags(request, bucket, &tags)?;
        let call = Authorized { request, target: bucket, context };
        self.check_bucket(call.target)?;
        self.put_document(call.target, BucketDocument::Tagging, String::new(), &body).await
    }

    async fn put_document(
        &self,
        bucket: &BucketAddress,
        document: BucketDocument,
        id: String,
        body: &[u8],
    ) -> Outcome {
        let text = document.parse(body)?;
        check_id(document, &id, &text)?;
        let name = bucket.name.to_string();
        self.change(move |store| {
            store.change_settings(&name, |settings| {
                settings.with_document(document, &id, Some(text))
            })
        })
        .await?;
        // Documented in the samples.
        Ok(response::empty(match document {
            BucketDocument::Tagging => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }))
    }

    /// A one-time inventory. Inferred: the status of a duplicate. No report is written, as for the
    /// others. <https://www.tencentcloud.com/document/product/436/46869>
    pub(super) async fn post_inventory(
        &self,
        call: &BucketCall<'_>,
        mut body: RequestBody,
    ) -> Outcome {
        let id = requested_id(call.request)?.unwrap_or_default();
        let body = body.small(&call.request.headers, MAX_DOCUMENT_BYTES).await?;
        let text = BucketDocument::Inventory.parse(&body)?;
        check_id(BucketDocument::Inventory, &id, &text)?;
        match self.settings(call.target)?.document(BucketDocument::Inventory, &id) {
            Some(_) => Err(error::duplicate_inventory_id()),
            None => Ok(response::empty(StatusCode::OK)),
        }
    }

    /// A page has 100 of them (documented). Inferred: the token is the number of those before it.
    /// <https://www.tencentcloud.com/document/product/436/30627>
    pub(super) fn list_inventories(&self, call: &BucketCall<'_>) -> Outcome {
        let settings = self.settings(call.target)?;
        let token = call.request.parameter("continuation-token").unwrap_or_default();
        let first: usize = match token.as_str() {
            "" => 0,
            number => number.parse().map_err(|_| {
                error::invalid_argument("The continuation token provided is incorrect.")
            })?,
        };
        let mut rest = settings.documents(BucketDocument::Inventory).skip(first);
        let mut page = Vec::new();
        for text in rest.by_ref().take(INVENTORIES_IN_A_PAGE) {
            let broken = || error::internal(&"an inventory is not XML");
            page.push(xml::parse(text.as_bytes()).ok_or_else(broken)?);
        }
        let is_truncated = rest.next().is_some();
        Ok(response::xml(xml::document("ListInventoryConfigurationResult", |root| {
            for inventory in &page {
                root.copy(inventory);
            }
            root.text("IsTruncated", is_truncated);
            root.text("ContinuationToken", &token);
            let next = is_truncated.then(|| first.saturating_add(page.len()));
            root.optional("NextContinuationToken", next);
        })))
    }
}

/// The id of the document that a request is about.
fn requested_id(request: &RequestHead) -> Result<Option<String>, CosError> {
    match request.parameter("id") {
        Some(id) if id.is_empty() => Err(error::invalid_argument("The id must not be empty.")),
        id => Ok(id),
    }
}

/// Inferred: the id of an inventory in the query is that in its body.
fn check_id(document: BucketDocument, id: &str, text: &str) -> Result<(), CosError> {
    if document != BucketDocument::Inventory {
        return Ok(());
    }
    let root = xml::parse(text.as_bytes());
    let own = root.as_ref().and_then(|root| root.text_of("Id"));
    if own.map(str::trim) != Some(id) {
        return Err(error::malformed_xml("Id: must be the parameter `id`"));
    }
    Ok(())
}

const INVENTORIES_IN_A_PAGE: usize = 100;

/// As documented for CORS rules; inferred for the others.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
