//! The headers that an object is stored with, and that each read returns.
//! <https://www.tencentcloud.com/document/product/436/7749>
//!
//! # Guarantees
//!
//! A header for something that the emulator does not offer (encryption by own keys) is
//! rejected, never ignored.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::response::put;
use super::traffic_limit::TrafficLimit;
use crate::cos::archive::is_archive;
use crate::cos::error::{self, CosError};
use crate::cos::image::PIC_OPERATIONS;
use crate::cos::upload_reply::{CALLBACK, CALLBACK_VARIABLES, RETURN_BODY};

/// Headers by lower-case name; values are text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectHeaders(BTreeMap<String, String>);

impl ObjectHeaders {
    /// The headers among `headers` that an object keeps.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, CosError> {
        refuse_unsupported(headers)?;
        let mut kept = BTreeMap::new();
        let mut bytes = 0_usize;
        for name in headers.keys() {
            let custom = name.as_str().strip_prefix(CUSTOM);
            if custom.is_none() && !KEPT.contains(&name.as_str()) {
                continue;
            }
            let Some(value) = joined(headers, name)? else {
                continue;
            };
            if let Some(custom) = custom {
                bytes = bytes.saturating_add(custom.len().saturating_add(value.len()));
            }
            kept.insert(name.as_str().to_owned(), value);
        }
        if bytes > MAX_CUSTOM_BYTES {
            return Err(error::invalid_argument(
                "The metadata headers exceed the maximum allowed size of 2 KB.",
            ));
        }
        match kept.get(ENCRYPTION).map(String::as_str) {
            None | Some("AES256") => {}
            Some("cos/kms") => return Err(unsupported(ENCRYPTION, "KMS is not supported")),
            Some(_) => {
                return Err(error::encryption_not_supported()
                    .because(format!("{ENCRYPTION}: must be AES256")));
            }
        }
        match kept.get(STORAGE_CLASS).map(String::as_str) {
            Some(class) if !CLASSES.contains(&class) && !is_archive(class) => {
                let classes = CLASSES.join(", ");
                return Err(error::not_supported_storage_class()
                    .because(format!("{STORAGE_CLASS}: must be one of {classes}")));
            }
            Some(_) | None => {}
        }
        Ok(Self(kept))
    }

    /// The headers of an upload to `key`: without a type, the type of the key's extension (known
    /// from the suites of the SDKs).
    pub(crate) fn with_type_of(mut self, key: &str) -> Self {
        if let Some(guessed) = mime_guess::from_path(key).first_raw() {
            let content_type = header::CONTENT_TYPE.as_str().to_owned();
            self.0.entry(content_type).or_insert_with(|| guessed.to_owned());
        }
        self
    }

    /// The type of the object.
    pub(crate) fn content_type(&self) -> &str {
        self.0.get(header::CONTENT_TYPE.as_str()).map_or(OCTETS, String::as_str)
    }

    /// Checks that a bucket of one zone stores nothing in several. Inferred: the code, and that a
    /// bucket of several zones takes every class.
    pub(crate) fn check_zones(&self, is_multi_az: bool) -> Result<(), CosError> {
        match self.storage_class().starts_with("MAZ_") && !is_multi_az {
            true => Err(error::not_supported_storage_class().because(format!(
                "{STORAGE_CLASS}: must be a class of one zone in a bucket of one zone"
            ))),
            false => Ok(()),
        }
    }

    /// Moves the object to another storage class.
    pub(crate) fn set_storage_class(&mut self, class: String) {
        self.0.insert(STORAGE_CLASS.to_owned(), class);
    }

    /// With the default encryption of the bucket, unless the upload has one.
    #[must_use]
    pub(crate) fn encrypted_by(mut self, default: Option<&str>) -> Self {
        if let Some(algorithm) = default {
            self.0.entry(ENCRYPTION.to_owned()).or_insert_with(|| algorithm.to_owned());
        }
        self
    }

    /// Adds the encryption to the response to an upload (documented).
    pub(crate) fn put_encryption_on(&self, headers: &mut HeaderMap) {
        if let Some(algorithm) = self.0.get(ENCRYPTION) {
            put(headers, HeaderName::from_static(ENCRYPTION), algorithm);
        }
    }

    /// The headers of a copy: kept, but for the storage class and the encryption of `own`.
    pub(crate) fn copied_with(mut self, own: &Self) -> Self {
        for name in [STORAGE_CLASS, ENCRYPTION] {
            self.0.remove(name);
            if let Some(value) = own.0.get(name) {
                self.0.insert(name.to_owned(), value.clone());
            }
        }
        self
    }

    /// The storage class; STANDARD by default.
    pub(crate) fn storage_class(&self) -> &str {
        self.0.get(STORAGE_CLASS).map_or(STANDARD, String::as_str)
    }

    /// Adds the headers to a response; the storage class only when it is not STANDARD (documented).
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
        for (name, value) in &self.0 {
            let is_sent = name != STORAGE_CLASS || value != STANDARD;
            if let (true, Ok(name), Ok(value)) =
                (is_sent, HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
    }
}

/// All values of one header; `None` when they are empty, as some clients send them.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, CosError> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        let text = std::str::from_utf8(value.as_bytes())
            .map_err(|_| error::invalid_argument("A header value is not UTF-8."))?;
        values.push(text);
    }
    let value = values.join(",");
    Ok((!value.is_empty()).then_some(value))
}

fn refuse_unsupported(headers: &HeaderMap) -> Result<(), CosError> {
    TrafficLimit::of_headers(headers)?;
    for name in headers.keys() {
        let name = name.as_str();
        if UNSUPPORTED.iter().any(|start| name.starts_with(start))
            || PROCESSING_HEADERS.contains(&name)
        {
            return Err(unsupported(name, "it is not supported"));
        }
    }
    Ok(())
}

fn unsupported(header: &str, because: &str) -> CosError {
    error::not_implemented("A header").because(format!("{header}: must be omitted: {because}"))
}

const CUSTOM: &str = "x-cos-meta-";
const STORAGE_CLASS: &str = "x-cos-storage-class";
const STANDARD: &str = "STANDARD";
const OCTETS: &str = "application/octet-stream";

/// Documented: 2 KB in total.
const MAX_CUSTOM_BYTES: usize = 2 * 1024;

/// Encryption by the service, which is transparent: kept, and sent with each read (documented).
const ENCRYPTION: &str = "x-cos-server-side-encryption";

const KEPT: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    ENCRYPTION,
    STORAGE_CLASS,
];

/// <https://www.tencentcloud.com/document/product/436/30925>
const CLASSES: [&str; 6] = [
    STANDARD,
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "MAZ_STANDARD",
    "MAZ_STANDARD_IA",
    "MAZ_INTELLIGENT_TIERING",
];

/// Headers that let COS process an upload, call the app's server, or return a body of the app's
/// choice: <https://www.tencentcloud.com/document/product/436/40592>. An operation that has them
/// takes them away first; every other one rejects them.
pub(crate) const PROCESSING_HEADERS: [&str; 4] =
    [PIC_OPERATIONS, CALLBACK, CALLBACK_VARIABLES, RETURN_BODY];

const UNSUPPORTED: [&str; 3] = [
    "x-cos-server-side-encryption-",
    "x-cos-copy-source-server-side-encryption",
    "x-cos-object-lock",
];

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::ObjectHeaders;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn kept_headers_come_back_and_others_do_not() {
        let object_headers = ObjectHeaders::of(&headers(&[
            ("content-type", "text/plain"),
            ("cache-control", ""),
            ("x-cos-meta-a", "1"),
            ("x-cos-storage-class", "STANDARD"),
            ("x-cos-acl", "private"),
            ("authorization", "no"),
            ("host", "no"),
        ]))
        .unwrap();
        let mut response = HeaderMap::new();
        object_headers.put_on(&mut response);
        assert_eq!(response, headers(&[("content-type", "text/plain"), ("x-cos-meta-a", "1")]));
        let mut bare = HeaderMap::new();
        ObjectHeaders::default().put_on(&mut bare);
        assert_eq!(bare["content-type"], "application/octet-stream");
    }

    #[test]
    fn an_upload_without_a_type_has_that_of_its_extension() {
        for (sent, key, expected) in [
            ("", "1.zip", "application/zip"),
            ("", "a/1.txt", "text/plain"),
            ("", "a.b/photo.JPG", "image/jpeg"),
            ("", "1", "application/octet-stream"),
            ("", "a.zip/1", "application/octet-stream"),
            ("", "a.unheard-of", "application/octet-stream"),
            ("text/csv", "1.zip", "text/csv"),
        ] {
            let object_headers = ObjectHeaders::of(&headers(&[("content-type", sent)])).unwrap();
            let mut response = HeaderMap::new();
            object_headers.with_type_of(key).put_on(&mut response);
            assert_eq!(response["content-type"], expected, "{key}");
        }
    }

    #[test]
    fn refusals() {
        let long = "a".repeat(2 * 1024);
        for (name, value, code) in [
            ("x-cos-server-side-encryption", "cos/kms", "NotImplemented"),
            ("x-cos-server-side-encryption", "aes", "SSEContentNotSupported"),
            ("x-cos-server-side-encryption-customer-algorithm", "AES256", "NotImplemented"),
            ("x-cos-traffic-limit", "1", "InvalidArgument"),
            ("x-cos-traffic-limit", "fast", "InvalidArgument"),
            ("x-cos-storage-class", "GLACIER", "NotSupportedStorageClass"),
            ("x-cos-storage-class", "archive", "NotSupportedStorageClass"),
            ("x-cos-callback", "e30=", "NotImplemented"),
            ("x-cos-callback-var", "e30=", "NotImplemented"),
            ("x-cos-return-body", "e30=", "NotImplemented"),
            ("pic-operations", "{}", "NotImplemented"),
            ("x-cos-meta-a", long.as_str(), "InvalidArgument"),
        ] {
            let error = ObjectHeaders::of(&headers(&[(name, value)])).unwrap_err();
            assert_eq!(error.code, code, "{name}: {error:?}");
        }
    }
}
