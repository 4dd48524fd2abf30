//! The ACLs of buckets and objects.

use http::{HeaderMap, StatusCode};

use super::{BucketCall, CosService, ObjectCall, Outcome, requested_version};
use crate::cos::acl::{ACL_HEADER, Acl, GRANT_HEADERS, Level};
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::response;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/7737>
    pub(super) async fn put_bucket_acl(&self, call: &BucketCall<'_>, body: RequestBody) -> Outcome {
        let acl = requested_acl(&call.request.headers, body, Level::Bucket).await?;
        let name = call.target.name.to_string();
        self.change(move |store| store.change_settings(&name, |settings| settings.with_acl(acl)))
            .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/7733>
    pub(super) fn bucket_acl(&self, call: &BucketCall<'_>) -> Outcome {
        let settings = self.settings(call.target)?;
        Ok(response::xml(Acl::to_xml(settings.acl.as_ref(), call.context.owner_uin)))
    }

    /// <https://www.tencentcloud.com/document/product/436/7748>
    pub(super) async fn put_object_acl(&self, call: &ObjectCall<'_>, body: RequestBody) -> Outcome {
        let acl = requested_acl(&call.request.headers, body, Level::Object).await?;
        let version_id = requested_version(call.request);
        let (bucket, key) = (call.target.bucket.name.to_string(), call.target.key.clone());
        self.change(move |store| {
            store.change_object(&bucket, &key, version_id.as_deref(), |metadata| {
                metadata.attributes.acl = acl;
            })
        })
        .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/7744>
    pub(super) fn object_acl(&self, call: &ObjectCall<'_>) -> Outcome {
        let object = self.object(call)?;
        let acl = object.metadata.attributes.acl.as_ref();
        Ok(response::xml(Acl::to_xml(acl, call.context.owner_uin)))
    }
}

/// The ACL in the headers, else that in the body (documented: headers win).
async fn requested_acl(
    headers: &HeaderMap,
    mut body: RequestBody,
    level: Level,
) -> Result<Option<Acl>, CosError> {
    let in_headers =
        headers.keys().any(|name| name == ACL_HEADER || name.as_str().starts_with(GRANT_HEADERS));
    if in_headers {
        return Acl::of_headers(headers, level);
    }
    let body = body.small(headers, MAX_ACL_BYTES).await?;
    if body.is_empty() {
        return Err(error::missing_request_body());
    }
    Acl::of_xml(&body, level).map(Some)
}

const MAX_ACL_BYTES: usize = 64 * 1024;
