//! Restoring an archived object.

use http::StatusCode;

use super::{CosService, ObjectCall, Outcome, requested_version};
use crate::cos::archive::RestoreRequest;
use crate::cos::http::body::RequestBody;
use crate::cos::http::response;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/12633>
    pub(super) async fn restore(&self, call: &ObjectCall<'_>, mut body: RequestBody) -> Outcome {
        let object = self.object(call)?;
        let body = body.small(&call.request.headers, MAX_RESTORE_BYTES).await?;
        let current = object.metadata.attributes.restoration.as_ref();
        let class = object.metadata.headers.storage_class();
        let restoration = RestoreRequest::parse(&body)?.begin(class, current, call.request.now)?;
        let version_id = requested_version(call.request);
        let (bucket, key) = (call.target.bucket.name.to_string(), call.target.key.clone());
        self.change(move |store| {
            store.change_object(&bucket, &key, version_id.as_deref(), |metadata| {
                metadata.attributes.restoration = Some(restoration);
            })
        })
        .await?;
        Ok(response::empty(StatusCode::ACCEPTED))
    }
}

const MAX_RESTORE_BYTES: usize = 64 * 1024;
