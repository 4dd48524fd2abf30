//! POST Object: an upload by a form.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! Inferred: the answer has no body, with status 201 too.

use http::{HeaderValue, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::list::Encoding;
use super::object::put_checksums;
use super::{MAX_BODY_BYTES, Outcome, Service, checked_key};
use crate::cos::auth::access::Admitted;
use crate::cos::error::CosError;
use crate::cos::http::body::{Payload, check_md5, content_md5, too_large};
use crate::cos::http::metadata::{Metadata, invalid_argument};
use crate::cos::http::post_form::{File, Form};
use crate::cos::http::precondition;
use crate::cos::http::request::Ask;
use crate::cos::http::response;
use crate::cos::store::{Facts, Object, Written, internal};

impl Service {
    pub(super) async fn post_object(&self, ask: &Ask, payload: Payload) -> Outcome {
        payload.check_length(MAX_BODY_BYTES)?;
        let (form, file) = Form::read(&ask.headers, payload.into_stream()).await?;
        let admitted = self.door.admit_form(ask, &form)?;
        let bucket = self.bucket(ask)?;
        let key = checked_key(&form.key)?;
        let headers = form.headers()?;
        let metadata = Metadata::of(&headers)?;
        let status = status(&form)?;
        let current = self.store.read().object(&bucket, &key);
        precondition::for_writing(&headers, current.as_deref().map(Object::version))?;
        let written = self.receive_file(file, &admitted).await?;
        let sums = written.checksums;
        check_md5(content_md5(&headers)?, &sums)?;
        let mut facts = Facts::new(sums.length, sums.etag(), sums.crc64, ask.now);
        facts.metadata = metadata;
        let object = Object {
            facts,
            content: written.content,
        };
        let location = location(&form, ask, &bucket, &key, &object.facts.etag)?;
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    precondition::for_writing(&headers, current.map(Object::version))?;
                    Ok(object)
                })
            })
            .await?;
        let mut answer = response::empty(status);
        put_checksums(answer.headers_mut(), &stored.facts);
        answer.headers_mut().insert(header::LOCATION, location);
        Ok(answer)
    }

    async fn receive_file(&self, mut file: File, admitted: &Admitted) -> Result<Written, CosError> {
        let (least, most) = admitted.file_bytes.unwrap_or((0, MAX_BODY_BYTES));
        let mut sink = self.store.sink();
        while let Some(bytes) = file.next().await? {
            sink.write(&bytes).await.map_err(|error| internal(&error))?;
            if sink.length() > most {
                return Err(outside_of(admitted));
            }
            if sink.length() > MAX_BODY_BYTES {
                return Err(too_large());
            }
        }
        if sink.length() < least {
            return Err(outside_of(admitted));
        }
        sink.finish().await.map_err(|error| internal(&error))
    }
}

/// Documented: 204 unless 200 or 201 is asked for; a redirect is 303.
fn status(form: &Form) -> Result<StatusCode, CosError> {
    if redirect(form).is_some() {
        return Ok(StatusCode::SEE_OTHER);
    }
    match form.field("success_action_status").unwrap_or("") {
        "" | "204" => Ok(StatusCode::NO_CONTENT),
        "200" => Ok(StatusCode::OK),
        "201" => Ok(StatusCode::CREATED),
        _ => Err(invalid_argument(
            "The success_action_status must be 200, 201 or 204.",
        )),
    }
}

fn location(
    form: &Form,
    ask: &Ask,
    bucket: &str,
    key: &str,
    etag: &str,
) -> Result<HeaderValue, CosError> {
    let text = match redirect(form) {
        Some(url) => {
            let joint = if url.contains('?') { '&' } else { '?' };
            let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
            format!("{url}{joint}bucket={bucket}&key={key}&etag=%22{etag}%22")
        }
        None => {
            let scheme = if ask.is_tls { "https" } else { "http" };
            format!("{scheme}://{}/{}", ask.host, Encoding::Url.text(key))
        }
    };
    HeaderValue::from_str(&text)
        .map_err(|_| invalid_argument("The success_action_redirect is not valid."))
}

/// Inferred: what is no web address is no redirect.
fn redirect(form: &Form) -> Option<&str> {
    let url = form.field("success_action_redirect")?;
    (url.starts_with("http://") || url.starts_with("https://")).then_some(url)
}

/// The text is documented.
fn outside_of(admitted: &Admitted) -> CosError {
    let reason = admitted.file_bytes.map_or_else(
        || "the file is too large".to_owned(),
        |(least, most)| format!("the policy takes files of {least} to {most} bytes"),
    );
    CosError::new(
        StatusCode::FORBIDDEN,
        "AccessDenied",
        "Condition key content-length-range doesn't match the value ",
    )
    .because(reason)
}
