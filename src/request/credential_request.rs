//! What a caller requests, parsed from query and body; nothing in it is trusted yet.
//!
//! # Guarantees
//! A parameter that could be a misspelled one of ours, or that comes twice, is rejected, so a typo
//! can never widen what the caller gets.

use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::format::Format;
use super::inbound::Request;
use super::parameters;
use super::route::IssueRoute;
use super::scope::{self, Scopes};
use crate::error::{Error, ErrorCode};

/// A request for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRequest {
    /// The representation to answer in.
    pub format: Format,
    /// The requested lifetime; without one the grant's own.
    pub duration_seconds: Option<u32>,
    /// The bucket that the client names; mini-programs send it.
    pub bucket: Option<String>,
    /// The region that the client names.
    pub region: Option<String>,
    /// What the credentials are for.
    pub scope: RequestedScope,
}

/// What credentials are requested for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedScope {
    /// All of the grant.
    Grant,
    /// The upload of one object that the function names.
    NewObject {
        /// The extension of its name, without the dot, as sent.
        extension: String,
    },
    /// Exactly these.
    Scopes(Scopes),
    /// One signed request.
    Signed(SignedRequest),
}

/// A request that the caller wants signed. It names no method, host, path or header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedRequest {
    /// The download of one object.
    Download {
        /// The key of the object.
        key: String,
        /// The type to show it as; without one it is saved as a file.
        content_type: Option<&'static str>,
    },
    /// The upload of one object that the function names.
    Upload {
        /// The extension of its name, without the dot, as sent.
        extension: String,
        /// Whether it is a form; otherwise it is a PUT.
        is_form: bool,
    },
}

impl CredentialRequest {
    /// Reads query and body of a route that issues credentials.
    ///
    /// # Errors
    /// [`ErrorCode::QueryParameter`], [`ErrorCode::Format`], [`ErrorCode::DurationSeconds`],
    /// [`ErrorCode::Scope`], [`ErrorCode::UnexpectedBody`].
    pub fn parse(request: &Request, route: IssueRoute) -> Result<Self, Error> {
        let (mut format, mut duration_seconds, mut extension) = (None, None, None);
        let (mut bucket, mut region) = (None, None);
        let (mut key, mut content_type) = (None, None);
        for (name, value) in &request.query {
            let is_repeated = match (name.as_str(), route) {
                ("format", _) => format.replace(Format::parse(value)?).is_some(),
                ("durationSeconds", _) => {
                    duration_seconds.replace(parse_duration(value)?).is_some()
                }
                ("bucket", _) => bucket.replace(value.clone()).is_some(),
                ("region", _) => region.replace(value.clone()).is_some(),
                ("ext", route) if route.names_object() => {
                    extension.replace(value.as_str()).is_some()
                }
                ("filename", route) if route.names_object() => {
                    extension.replace(extension_of(value)).is_some()
                }
                ("key", IssueRoute::DownloadSign) => key.replace(value.as_str()).is_some(),
                ("response-content-type", IssueRoute::DownloadSign) => {
                    content_type.replace(shown_type(value)?).is_some()
                }
                (unknown, _) => {
                    parameters::check_unknown(unknown, route)?;
                    false
                }
            };
            if is_repeated {
                let message = format!("{name}: must be given once (`ext` and `filename` are one)");
                return Err(Error::new(ErrorCode::QueryParameter, message));
            }
        }
        let extension = || {
            let message = "filename: must be set, for example `a.jpg`; or set `ext`";
            let missing = || Error::new(ErrorCode::QueryParameter, message);
            extension.map(str::to_owned).ok_or_else(missing)
        };
        let scope = match (route, request.body.as_str()) {
            (IssueRoute::NewObject, "") => RequestedScope::NewObject { extension: extension()? },
            (IssueRoute::DownloadSign, "") => {
                let key = scope::object_key(key.unwrap_or_default())?;
                RequestedScope::Signed(SignedRequest::Download { key, content_type })
            }
            (IssueRoute::PostPolicy | IssueRoute::PutSign, "") => {
                let is_form = route == IssueRoute::PostPolicy;
                RequestedScope::Signed(SignedRequest::Upload { extension: extension()?, is_form })
            }
            (_, "") => RequestedScope::Grant,
            (IssueRoute::Sign, _) if is_ignored_by_samples(request) => RequestedScope::Grant,
            (IssueRoute::Sts, body) => RequestedScope::Scopes(Scopes::parse(body)?),
            (_, _) => {
                let message = "body: must be empty on this route; send scopes to `/sts`";
                return Err(Error::new(ErrorCode::UnexpectedBody, message));
            }
        };
        let format = format.unwrap_or_else(|| route.default_format());
        if !route.formats().contains(&format) {
            let message = "format: must be `sdk` or `flat` where an object is named, `sdk` where a \
                           request is signed, and must not be `flat` elsewhere";
            return Err(Error::new(ErrorCode::Format, message));
        }
        Ok(Self { format, duration_seconds, bucket, region, scope })
    }
}

/// Whether a body is one that apps of the samples send to `/sign`: a form or a JSON object, and
/// never a scope array.
fn is_ignored_by_samples(request: &Request) -> bool {
    let content_type = request.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|content_type| {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        FORMS.iter().any(|form| media_type.eq_ignore_ascii_case(form))
    });
    match serde_json::from_str(&request.body) {
        Ok(value) => matches!(value, Value::Object(_)),
        Err(_) => is_form,
    }
}

const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// The text after the last dot of a name; empty when there is no dot, or nothing before it.
fn extension_of(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// A type that a browser shows without running anything in it.
fn shown_type(text: &str) -> Result<&'static str, Error> {
    SHOWN_TYPES.into_iter().find(|known| *known == text).ok_or_else(|| {
        let message =
            format!("response-content-type: must be one of `{}`", SHOWN_TYPES.join("`, `"));
        Error::new(ErrorCode::QueryParameter, message)
    })
}

/// No HTML, SVG or XML: an uploaded file must not become a page of the bucket's host.
const SHOWN_TYPES: [&str; 9] = [
    "application/pdf",
    "audio/mpeg",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/plain;charset=utf-8",
    "video/mp4",
];

fn parse_duration(text: &str) -> Result<u32, Error> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number { text.parse().ok() } else { None };
    seconds.ok_or_else(|| {
        let message = "durationSeconds: must be a whole number of seconds, for example `900`";
        Error::new(ErrorCode::DurationSeconds, message)
    })
}

#[cfg(test)]
mod tests {
    use super::{extension_of, shown_type};

    #[test]
    fn a_type_is_shown_only_when_nothing_runs_in_it() {
        assert_eq!(shown_type("image/png").unwrap(), "image/png");
        for text in [
            "",
            "image/*",
            "image/svg+xml",
            "text/html",
            "text/xml",
            "text/plain",
            "IMAGE/PNG",
            "image/png,text/html",
        ] {
            let error = shown_type(text).unwrap_err();
            assert!(error.message().starts_with("response-content-type: must be one of "));
        }
    }

    #[test]
    fn an_extension_follows_the_last_dot() {
        for (name, extension) in [
            ("a.jpg", "jpg"),
            ("a.php.JPG", "JPG"),
            ("archive", ""),
            (".jpg", ""),
            ("a.", ""),
            ("", ""),
            ("a/b.c/d", "c/d"),
        ] {
            assert_eq!(extension_of(name), extension, "{name}");
        }
    }
}
