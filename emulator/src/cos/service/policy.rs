//! The policy and the hotlink protection of a bucket. Authorization acts upon both.

use http::StatusCode;

use super::{BucketCall, CosService, Outcome};
use crate::cos::bucket_policy::{BucketPolicy, MAX_BYTES};
use crate::cos::error;
use crate::cos::http::body::RequestBody;
use crate::cos::http::response;
use crate::cos::referer::Referer;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/8282>
    pub(super) async fn put_policy(&self, call: &BucketCall<'_>, mut body: RequestBody) -> Outcome {
        let body = body.small(&call.request.headers, MAX_BYTES).await?;
        let text = std::str::from_utf8(&body).unwrap_or_default();
        self.set_policy(call, Some(BucketPolicy::parse(text)?)).await
    }

    /// <https://www.tencentcloud.com/document/product/436/8276>
    pub(super) fn policy(&self, call: &BucketCall<'_>) -> Outcome {
        let settings = self.settings(call.target)?;
        let policy = settings.policy.as_ref().ok_or_else(error::no_such_policy)?;
        // The type is that of the page's sample.
        Ok(response::xml(policy.to_document()))
    }

    /// <https://www.tencentcloud.com/document/product/436/8285>
    pub(super) async fn delete_policy(&self, call: &BucketCall<'_>) -> Outcome {
        self.set_policy(call, None).await
    }

    async fn set_policy(&self, call: &BucketCall<'_>, policy: Option<BucketPolicy>) -> Outcome {
        let name = call.target.name.to_string();
        self.change(move |store| {
            store.change_settings(&name, |settings| settings.with_policy(policy))
        })
        .await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// <https://www.tencentcloud.com/document/product/436/31423>
    pub(super) async fn put_referer(
        &self,
        call: &BucketCall<'_>,
        mut body: RequestBody,
    ) -> Outcome {
        let body = body.small(&call.request.headers, MAX_REFERER_BYTES).await?;
        let (name, referer) = (call.target.name.to_string(), Referer::parse(&body)?);
        self.change(move |store| {
            store.change_settings(&name, |settings| settings.with_referer(referer))
        })
        .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/30615>
    pub(super) fn referer(&self, call: &BucketCall<'_>) -> Outcome {
        let settings = self.settings(call.target)?;
        let referer = settings.referer.as_ref().ok_or_else(error::no_such_referer_configuration)?;
        Ok(response::xml(referer.document().to_owned()))
    }
}

const MAX_REFERER_BYTES: usize = 64 * 1024;
