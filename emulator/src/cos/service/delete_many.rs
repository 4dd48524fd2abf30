//! Deletion of several objects.
//! <https://www.tencentcloud.com/document/product/436/8289>
//!
//! Documented: `Content-MD5` is required, at most 1000 keys, a missing key counts as deleted.
//! Inferred: a key that the caller may not delete is an `Error` in the response, and the others are
//! deleted.

use super::{CosService, MAX_XML_BYTES, Outcome, check_key};
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
        let (keys, is_quiet) = requested_keys(&body)?;
        let decisions = self.access_control.authorize_each(request, bucket, &keys)?;
        if decisions.len() != keys.len() {
            return Err(error::internal(
                &"the number of decisions differs from the number of keys",
            ));
        }
        self.check_bucket(bucket)?;
        let name = bucket.name.as_str();
        let mut outcomes = Vec::with_capacity(keys.len());
        for (key, decision) in keys.into_iter().zip(decisions) {
            let outcome = match decision.and_then(|()| check_key(&key)) {
                Ok(()) => {
                    let (name, key) = (name.to_owned(), self.merge_order.stored(&key).into_owned());
                    self.change(move |store| store.delete_object(&name, &key)).await
                }
                Err(error) => Err(error),
            };
            outcomes.push((key, outcome));
        }
        Ok(response::xml(xml::document("DeleteResult", |root| {
            for (key, outcome) in &outcomes {
                match outcome {
                    Ok(()) if is_quiet => {}
                    Ok(()) => root.element("Deleted", |item| item.text("Key", key)),
                    Err(error) => root.element("Error", |item| {
                        item.text("Key", key);
                        item.text("Code", error.code);
                        item.text("Message", error.explained());
                    }),
                }
            }
        })))
    }
}

/// The keys, and whether the response lists errors only.
pub(in crate::cos) fn requested_keys(body: &[u8]) -> Result<(Vec<String>, bool), CosError> {
    let root = xml::parse(body)
        .filter(|root| root.name == "Delete")
        .ok_or_else(|| error::malformed_xml("root: must be Delete"))?;
    let is_quiet = match root.text_of("Quiet").map(str::trim) {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(error::malformed_xml("Quiet: must be true or false")),
    };
    let mut keys = Vec::new();
    for object in root.all("Object") {
        if object.text_of("VersionId").is_some_and(|id| !id.trim().is_empty()) {
            return Err(error::not_implemented("A parameter")
                .because("VersionId: must be omitted: the emulator keeps no versions"));
        }
        let key = object.text_of("Key").filter(|key| !key.is_empty());
        keys.push(key.ok_or_else(|| error::malformed_xml("Object: must have a Key"))?.to_owned());
    }
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(error::malformed_xml("Delete: must have 1 to 1000 objects"));
    }
    Ok((keys, is_quiet))
}

const MAX_KEYS: usize = 1000;
