//! The tags of an object.

use http::StatusCode;

use super::{CosService, ObjectCall, Outcome, requested_version};
use crate::cos::error::CosError;
use crate::cos::http::body::RequestBody;
use crate::cos::http::response;
use crate::cos::tags::{MAX_OBJECT_TAGS, Tags};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/35709>
    pub(super) async fn put_tags(&self, call: &ObjectCall<'_>, mut body: RequestBody) -> Outcome {
        let body = body.small(&call.request.headers, MAX_TAGS_BYTES).await?;
        let tags = Tags::of_xml(&body, MAX_OBJECT_TAGS)?;
        self.set_tags(call, tags).await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/35710>
    pub(super) fn tags(&self, call: &ObjectCall<'_>) -> Outcome {
        let object = self.object(call)?;
        Ok(response::xml(object.metadata.attributes.tags.to_xml()))
    }

    /// <https://www.tencentcloud.com/document/product/436/35711>
    pub(super) async fn delete_tags(&self, call: &ObjectCall<'_>) -> Outcome {
        self.set_tags(call, Tags::default()).await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    async fn set_tags(&self, call: &ObjectCall<'_>, tags: Tags) -> Result<(), CosError> {
        let version_id = requested_version(call.request);
        let (bucket, key) = (call.target.bucket.name.to_string(), call.target.key.clone());
        self.change(move |store| {
            store.change_object(&bucket, &key, version_id.as_deref(), |metadata| {
                metadata.attributes.tags = tags;
            })
        })
        .await
    }
}

const MAX_TAGS_BYTES: usize = 64 * 1024;
