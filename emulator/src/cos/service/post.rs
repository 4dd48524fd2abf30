//! POST Object: an upload by a form.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! Inferred: the response has no body, also with status 201.

use http::{HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::list::Encoding;
use super::object::{VERSION_ID, put_checksums};
use super::{CosService, MAX_BODY_BYTES, Outcome, check_key};
use crate::cos::attributes::ObjectAttributes;
use crate::cos::auth::access::AuthContext;
use crate::cos::error::{self, CosError};
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::body::{RequestBody, check_md5, content_md5};
use crate::cos::http::post_form::{File, Form};
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::store::{Object, Written};

impl CosService {
    pub(super) async fn post_object(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        body: RequestBody,
    ) -> Outcome {
        body.check_length(MAX_BODY_BYTES)?;
        let (form, file) = Form::read(&request.headers, body.into_stream()).await?;
        let context = self.access_control.authorize_form(request, bucket, &form)?;
        self.check_bucket(bucket)?;
        let target = self.stored(&ObjectAddress { bucket: bucket.clone(), key: form.key.clone() });
        check_key(&target.key)?;
        let headers = form.headers()?;
        let object_headers = self.upload_headers(&target, &headers)?;
        let attributes = ObjectAttributes::of(&headers)?;
        let (status, limit) = (status(&form)?, TrafficLimit::of_headers(&headers)?);
        self.check_overwrite(&target, &headers)?;
        let written = self.receive_file(file, &context, limit).await?;
        check_md5(content_md5(&headers)?, &written.checksums)?;
        let object = Object::of(written, object_headers, request.now).with(attributes);
        let location = location(&form, request, &target, &object.metadata.etag)?;
        let stored = self.store_object(&target, &headers, object).await?;
        let mut response = response::empty(status);
        put_checksums(response.headers_mut(), &stored.metadata);
        stored.metadata.headers.put_encryption_on(response.headers_mut());
        if let Some(id) = stored.metadata.version.own_id() {
            response::put(response.headers_mut(), VERSION_ID, &id);
        }
        response.headers_mut().insert(header::LOCATION, location);
        Ok(response)
    }

    async fn receive_file(
        &self,
        mut file: File,
        context: &AuthContext,
        limit: Option<TrafficLimit>,
    ) -> Result<Written, CosError> {
        let (least, most) = context.file_bytes.unwrap_or((0, MAX_BODY_BYTES));
        let mut sink = self.store.sink();
        while let Some(bytes) = file.next().await? {
            sink.write(&bytes).await.map_err(|error| error::storage(&error))?;
            if let Some(limit) = limit {
                limit.wait(bytes.len()).await;
            }
            if sink.length() > most {
                return Err(wrong_size(context));
            }
            if sink.length() > MAX_BODY_BYTES {
                return Err(error::entity_too_large());
            }
        }
        if sink.length() < least {
            return Err(wrong_size(context));
        }
        sink.finish().await.map_err(|error| error::storage(&error))
    }
}

/// Documented: 204 unless the form requests 200 or 201; a redirect is 303.
fn status(form: &Form) -> Result<StatusCode, CosError> {
    if redirect(form).is_some() {
        return Ok(StatusCode::SEE_OTHER);
    }
    match form.field("success_action_status").unwrap_or("") {
        "" | "204" => Ok(StatusCode::NO_CONTENT),
        "200" => Ok(StatusCode::OK),
        "201" => Ok(StatusCode::CREATED),
        _ => Err(error::invalid_argument("The success_action_status must be 200, 201 or 204.")),
    }
}

fn location(
    form: &Form,
    request: &RequestHead,
    target: &ObjectAddress,
    etag: &str,
) -> Result<HeaderValue, CosError> {
    let text = match redirect(form) {
        Some(url) => {
            let joint = if url.contains('?') { '&' } else { '?' };
            let bucket = &target.bucket.name;
            let key = utf8_percent_encode(&target.key, NON_ALPHANUMERIC);
            format!("{url}{joint}bucket={bucket}&key={key}&etag=%22{etag}%22")
        }
        None => {
            let scheme = if request.is_tls { "https" } else { "http" };
            format!("{scheme}://{}/{}", request.host, Encoding::Url.text(&target.key))
        }
    };
    HeaderValue::from_str(&text)
        .map_err(|_| error::invalid_argument("The success_action_redirect is not valid."))
}

/// Inferred: a text that is not a web address is not a redirect.
fn redirect(form: &Form) -> Option<&str> {
    let url = form.field("success_action_redirect")?;
    (url.starts_with("http://") || url.starts_with("https://")).then_some(url)
}

/// The text is documented.
fn wrong_size(context: &AuthContext) -> CosError {
    let reason = context.file_bytes.map_or_else(
        || "file: too large".to_owned(),
        |(least, most)| format!("file: must have {least} to {most} bytes by its policy"),
    );
    CosError::new(
        StatusCode::FORBIDDEN,
        "AccessDenied",
        "Condition key content-length-range doesn't match the value ",
    )
    .because(reason)
}
