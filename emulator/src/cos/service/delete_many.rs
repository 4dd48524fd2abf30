//! Deletion of several objects.
//! <https://www.tencentcloud.com/document/product/436/8289>
//!
//! Documented: `Content-MD5` is required, at most 1000 keys, a missing key counts as deleted.
//! Inferred: a key that the caller may not delete is an `Error` in the response, and the others are
//! deleted.

use super::{CosService, MAX_XML_BYTES, Outcome, check_key};
use crate::cos::auth::access::Deletion;
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::http::xml;

impl CosService {
    pub(super) async fn delete_many(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        mut body: RequestBody,
    ) -> Outcome {
        if !request.headers.contains_key("content-md5") {
            return Err(error::invalid_request(
                "Missing required header for this request: Content-MD5",
            ));
        }
        let body = body.small(&request.headers, MAX_XML_BYTES).await?;
        let (deletions, is_quiet) = requested_deletions(&body)?;
        let decisions = self.access_control.authorize_each(request, bucket, &deletions)?;
        if decisions.len() != deletions.len() {
            return Err(error::internal(
                &"the number of decisions differs from the number of keys",
            ));
        }
        self.check_bucket(bucket)?;
        let (name, now) = (bucket.name.as_str(), request.now);
        let mut outcomes = Vec::with_capacity(deletions.len());
        for (deletion, decision) in deletions.into_iter().zip(decisions) {
            let outcome = match decision.and_then(|()| check_key(&deletion.key)) {
                Ok(()) => {
                    let key = self.merge_order.stored(&deletion.key).into_owned();
                    let (name, id) = (name.to_owned(), deletion.version_id.clone());
                    self.change(move |store| store.delete_object(&name, &key, id.as_deref(), now))
                        .await
                }
                Err(error) => Err(error),
            };
            outcomes.push((deletion, outcome));
        }
        Ok(response::xml(xml::document("DeleteResult", |root| {
            for (deletion, outcome) in &outcomes {
                match outcome {
                    Ok(_) if is_quiet => {}
                    Ok(deleted) => root.element("Deleted", |item| {
                        item.text("Key", &deletion.key);
                        if deleted.is_marker {
                            item.text("DeleteMarker", true);
                            item.optional("DeleteMarkerVersionId", deleted.version_id.as_ref());
                        }
                        item.optional("VersionId", deletion.version_id.as_ref());
                    }),
                    Err(error) => root.element("Error", |item| {
                        item.text("Key", &deletion.key);
                        item.optional("VersionId", deletion.version_id.as_ref());
                        item.text("Code", error.code);
                        item.text("Message", error.explained());
                    }),
                }
            }
        })))
    }
}

/// The objects, and whether the response lists errors only.
pub(in crate::cos) fn requested_deletions(body: &[u8]) -> Result<(Vec<Deletion>, bool), CosError> {
    let root = xml::parse(body)
        .filter(|root| root.name == "Delete")
        .ok_or_else(|| error::malformed_xml("root: must be Delete"))?;
    let is_quiet = match root.text_of("Quiet").map(str::trim) {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(error::malformed_xml("Quiet: must be true or false")),
    };
    let mut deletions = Vec::new();
    for object in root.all("Object") {
        let version_id = object.text_of("VersionId").map(str::trim).filter(|id| !id.is_empty());
        let key = object.text_of("Key").filter(|key| !key.is_empty());
        deletions.push(Deletion {
            key: key.ok_or_else(|| error::malformed_xml("Object: must have a Key"))?.to_owned(),
            version_id: version_id.map(str::to_owned),
        });
    }
    if deletions.is_empty() || deletions.len() > MAX_KEYS {
        return Err(error::malformed_xml("Delete: must have 1 to 1000 objects"));
    }
    Ok((deletions, is_quiet))
}

const MAX_KEYS: usize = 1000;
