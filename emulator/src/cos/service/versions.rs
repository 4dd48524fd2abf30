//! Versioning of a bucket, and the list of all versions.

use http::StatusCode;

use super::bucket::put_region;
use super::list::{Encoding, prefixes, query};
use super::{BucketCall, CosService, Outcome};
use crate::cos::error;
use crate::cos::http::body::RequestBody;
use crate::cos::http::date;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::listing::Entry;
use crate::cos::settings::Versioning;
use crate::cos::store::Version;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/19889>
    pub(super) async fn put_versioning(
        &self,
        call: &BucketCall<'_>,
        mut body: RequestBody,
    ) -> Outcome {
        let body = body.small(&call.request.headers, MAX_VERSIONING_BYTES).await?;
        let root = xml::parse(&body)
            .filter(|root| root.name == ROOT)
            .ok_or_else(|| error::malformed_xml("root: must be VersioningConfiguration"))?;
        let versioning = match root.text_of("Status").map(str::trim) {
            Some(ENABLED) => Versioning::Enabled,
            Some(SUSPENDED) => Versioning::Suspended,
            _ => return Err(error::malformed_xml("Status: must be Enabled or Suspended")),
        };
        let name = call.target.name.to_string();
        self.change(move |store| {
            store.change_settings(&name, |settings| settings.with_versioning(versioning))
        })
        .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/19888>
    pub(super) fn versioning(&self, call: &BucketCall<'_>) -> Outcome {
        let status = self.settings(call.target)?.versioning.map(|versioning| match versioning {
            Versioning::Enabled => ENABLED,
            Versioning::Suspended => SUSPENDED,
        });
        Ok(response::xml(xml::document(ROOT, |root| root.optional("Status", status))))
    }

    /// <https://www.tencentcloud.com/document/product/436/31551>
    pub(super) fn list_versions(&self, call: &BucketCall<'_>) -> Outcome {
        let encoding = Encoding::of(call.request)?;
        let query = query(call.request, "key-marker", "max-keys")?;
        let id_marker = call.request.parameter("version-id-marker").unwrap_or_default();
        let (page, has_versions) = {
            let index = self.store.read();
            let bucket = index.buckets.get(call.target.name.as_str());
            let bucket = bucket.ok_or_else(error::no_such_bucket)?;
            (bucket.list_versions(&query, &id_marker), bucket.settings.versioning.is_some())
        };
        // Documented: without versioning, ids are empty.
        let id = |version: &Version| match has_versions {
            true => version.mark().id(),
            false => String::new(),
        };
        let appid = self.default_bucket.0.name.appid();
        let mut response = response::xml(xml::document("ListVersionsResult", |root| {
            root.optional("EncodingType", encoding.name());
            root.text("Name", &call.target.name);
            root.text("Prefix", encoding.text(&query.prefix));
            root.text("KeyMarker", encoding.text(&query.marker));
            root.text("VersionIdMarker", &id_marker);
            root.text("MaxKeys", query.limit);
            root.optional("Delimiter", encoding.delimiter(&query));
            root.text("IsTruncated", page.is_truncated);
            match page.entries.last().filter(|_| page.is_truncated) {
                Some(Entry::Item((key, version, _))) => {
                    root.text("NextKeyMarker", encoding.text(key));
                    root.text("NextVersionIdMarker", id(version));
                }
                Some(Entry::Prefix(prefix)) => {
                    root.text("NextKeyMarker", encoding.text(prefix));
                    root.text("NextVersionIdMarker", "");
                }
                None => {}
            }
            prefixes(root, &page.entries, encoding);
            for entry in &page.entries {
                let Entry::Item((key, version, is_latest)) = entry else {
                    continue;
                };
                let (name, modified) = match version {
                    Version::Object(object) => ("Version", object.metadata.modified),
                    Version::DeleteMarker(marker) => ("DeleteMarker", marker.modified),
                };
                root.element(name, |item| {
                    item.text("Key", encoding.text(key));
                    item.text("VersionId", id(version));
                    item.text("IsLatest", is_latest);
                    item.text("LastModified", date::with_milliseconds(modified));
                    if let Version::Object(object) = version {
                        let metadata = &object.metadata;
                        item.text("ETag", format_args!("\"{}\"", metadata.etag));
                        item.text("Size", metadata.length);
                        item.text("StorageClass", metadata.headers.storage_class());
                    }
                    item.element("Owner", |owner| {
                        owner.text("ID", appid);
                        owner.text("DisplayName", appid);
                    });
                });
            }
        }));
        put_region(&mut response, call.target);
        Ok(response)
    }
}

const ROOT: &str = "VersioningConfiguration";
const ENABLED: &str = "Enabled";
const SUSPENDED: &str = "Suspended";
const MAX_VERSIONING_BYTES: usize = 64 * 1024;
