//! What a caller requests, parsed from query and body; nothing in it is trusted yet.
//!
//! # Guarantees
//! A parameter that is not known, or that comes twice, is rejected, so a typo can never widen what the caller gets.

use super::format::Format;
use super::inbound::Request;
use super::route::IssueRoute;
use super::scope::Scopes;
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
}

impl CredentialRequest {
    /// Reads query and body of a route that issues credentials.
    ///
    /// # Errors
    /// [`ErrorCode::QueryParameter`], [`ErrorCode::Format`], [`ErrorCode::DurationSeconds`], [`ErrorCode::Scope`],
    /// [`ErrorCode::UnexpectedBody`].
    pub fn parse(request: &Request, route: IssueRoute) -> Result<Self, Error> {
        let (mut format, mut duration_seconds, mut extension) = (None, None, None);
        let (mut bucket, mut region) = (None, None);
        for (name, value) in &request.query {
            let is_repeated = match (name.as_str(), route) {
                ("format", _) => format.replace(Format::parse(value)?).is_some(),
                ("durationSeconds", _) => {
                    duration_seconds.replace(parse_duration(value)?).is_some()
                }
                ("bucket", _) => bucket.replace(value.clone()).is_some(),
                ("region", _) => region.replace(value.clone()).is_some(),
                ("ext", IssueRoute::NewObject) => extension.replace(value.as_str()).is_some(),
                ("filename", IssueRoute::NewObject) => {
                    extension.replace(extension_of(value)).is_some()
                }
                _ => return Err(unknown_parameter(route)),
            };
            if is_repeated {
                let message = format!("{name}: must be given once (`ext` and `filename` are one)");
                return Err(Error::new(ErrorCode::QueryParameter, message));
            }
        }
        let scope = match (route, request.body.as_str()) {
            (IssueRoute::NewObject, "") => {
                let extension = extension
                    .ok_or_else(|| unknown_parameter(route))?
                    .to_owned();
                RequestedScope::NewObject { extension }
            }
            (_, "") => RequestedScope::Grant,
            (IssueRoute::Sts, body) => RequestedScope::Scopes(Scopes::parse(body)?),
            (IssueRoute::NewObject | IssueRoute::Sign, _) => {
                let message = "body: must be empty on this route; send scopes to `/sts`";
                return Err(Error::new(ErrorCode::UnexpectedBody, message));
            }
        };
        let format = format.unwrap_or_else(|| route.default_format());
        if !route.formats().contains(&format) {
            let message = "format: must be `sdk` or `flat` on `/getKeyAndCredentials`, and cannot be `flat` elsewhere";
            return Err(Error::new(ErrorCode::Format, message));
        }
        Ok(Self {
            format,
            duration_seconds,
            bucket,
            region,
            scope,
        })
    }
}

fn unknown_parameter(route: IssueRoute) -> Error {
    let message = match route {
        IssueRoute::NewObject => {
            "this route takes `filename` or `ext`, and `format`, `durationSeconds`, `bucket`, `region`"
        }
        IssueRoute::Sign | IssueRoute::Sts => {
            "a query parameter is not known; this route takes `format`, `durationSeconds`, `bucket`, `region`"
        }
    };
    Error::new(ErrorCode::QueryParameter, message)
}

/// The text after the last dot of a name; empty when there is no dot, or nothing before it.
fn extension_of(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

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
    use super::extension_of;

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
