//! What is asked: one internal HTTP request, whatever platform it came through, and the credential request inside it.
//!
//! Promises: a [`Request`] is within its limits and its body is text; a [`CredentialRequest`] holds nothing but values that were
//! understood. A parameter that is not known is refused, never ignored: a caller who believes they narrowed something must
//! be told. Leaves out: who asks (`caller`) and whether they may (`grant`).

mod identity;
mod scope;

pub use identity::{Identity, IdentitySource};
pub use scope::{Keys, Scope, Scopes};

use std::time::Duration;

use http::{HeaderMap, Method};

use crate::error::{Error, ErrorCode};

/// One HTTP request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path without stage prefix, as sent.
    pub path: String,
    /// The query, decoded, in the order it came in.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
    /// PrincipalMatch the platform says is asking; no header is ever this.
    pub identity: Option<Identity>,
    /// The id that the answer and the audit line carry.
    pub id: RequestId,
    /// What the platform leaves us for the answer, when it says so.
    pub time_left: Option<Duration>,
}

/// What a platform delivered, before it is known to be a request.
#[derive(Debug)]
pub struct Unverified {
    /// The method.
    pub method: Method,
    /// The path without stage prefix, as sent.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as bytes, base64 already taken off.
    pub body: Vec<u8>,
    /// PrincipalMatch the platform says is asking.
    pub identity: Option<Identity>,
}

impl Request {
    /// Checks the limits and the encoding.
    ///
    /// # Errors
    /// [`ErrorCode::HeadersTooLarge`], [`ErrorCode::BodyTooLarge`], [`ErrorCode::BodyEncoding`].
    pub fn new(
        unverified: Unverified,
        id: RequestId,
        time_left: Option<Duration>,
    ) -> Result<Self, Error> {
        let Unverified {
            method,
            path,
            query,
            mut headers,
            body,
            identity,
        } = unverified;
        for name in PLATFORM_HEADERS {
            headers.remove(name);
        }
        let header_bytes = headers
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()));
        if headers.len() > HEADERS_MAX || header_bytes.sum::<usize>() > HEADER_BYTES_MAX {
            let message = format!(
                "the headers have more than {HEADER_BYTES_MAX} bytes or {HEADERS_MAX} fields"
            );
            return Err(Error::new(ErrorCode::HeadersTooLarge, message));
        }
        // A header may be a caller's key: `Debug` shows none.
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(body_too_large());
        }
        let body = String::from_utf8(body)
            .map_err(|_| Error::new(ErrorCode::BodyEncoding, "the body is not UTF-8"))?;
        Ok(Self {
            method,
            path,
            query,
            headers,
            body,
            identity,
            id,
            time_left,
        })
    }
}

/// The refusal of a body over the limit, for edges that stop reading early.
pub fn body_too_large() -> Error {
    Error::new(
        ErrorCode::BodyTooLarge,
        format!("the body has more than {BODY_BYTES_MAX} bytes"),
    )
}

/// The id of one request: the platform's own where it has one, else random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The platform's id, if it looks like one; else a random one.
    pub fn from_platform(text: Option<&str>) -> Self {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '.');
        match text {
            Some(text) if (8..=64).contains(&text.len()) && text.chars().all(known) => {
                Self(text.to_owned())
            }
            _ => Self::random(),
        }
    }

    /// A random id in the form of a version 4 UUID.
    pub fn random() -> Self {
        let mut bytes = [0_u8; 16];
        // Without randomness the id is zero: it names a request, it guards nothing.
        if getrandom::fill(&mut bytes).is_err() {
            bytes = [0; 16];
        }
        let number =
            u128::from_be_bytes(bytes) & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
        let part = |shift: u32, digits: usize| {
            format!(
                "{:0digits$x}",
                (number >> shift) & ((1_u128 << (digits.saturating_mul(4))).wrapping_sub(1))
            )
        };
        Self(
            [
                part(96, 8),
                part(80, 4),
                part(64, 4),
                part(48, 4),
                part(0, 12),
            ]
            .join("-"),
        )
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz`: is the process alive?
    Health,
    /// A route that issues credentials.
    IssueRoute(IssueRoute),
    /// `/readyz`: is it configured and able to answer?
    Ready,
}

impl Route {
    /// The route of a path, or `None`. `base_path` (`""` or `/prefix`) is taken off if it is there.
    pub fn of(path: &str, base_path: &str) -> Option<Self> {
        match strip_base_path(path, base_path) {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/getKeyAndCredentials" => Some(Self::IssueRoute(IssueRoute::NewObject)),
            "/sign" => Some(Self::IssueRoute(IssueRoute::Sign)),
            "/sts" | "/sts-scope" | "/sts/scope" => Some(Self::IssueRoute(IssueRoute::Sts)),
            _ => None,
        }
    }

    /// The path that leads to it, for the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::IssueRoute(IssueRoute::NewObject) => "/getKeyAndCredentials",
            Self::IssueRoute(IssueRoute::Sign) => "/sign",
            Self::IssueRoute(IssueRoute::Sts) => "/sts",
        }
    }

    /// The methods it takes, as the `Allow` header has them.
    pub fn methods(self) -> &'static [Method] {
        match self {
            Self::Health | Self::Ready => &[Method::GET, Method::OPTIONS],
            Self::IssueRoute(_) => &[Method::GET, Method::POST, Method::OPTIONS],
        }
    }
}

/// A path with `base_path` (`""` or `/prefix`) taken off, if it is there.
pub fn strip_base_path<'p>(path: &'p str, base_path: &str) -> &'p str {
    match path.strip_prefix(base_path) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The routes that issue credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueRoute {
    /// `/getKeyAndCredentials`: the upload of one object that the function names.
    NewObject,
    /// `/sign`, the route of the samples: always all of the grant.
    Sign,
    /// `/sts`, `/sts-scope` and `/sts/scope`, as the SDKs' documents call it: all of the grant, or the scopes of the body.
    Sts,
}

impl IssueRoute {
    fn default_format(self) -> Format {
        match self {
            Self::Sign => Format::Cam,
            Self::NewObject | Self::Sts => Format::Sdk,
        }
    }

    /// The formats that have a place for everything this route answers.
    fn formats(self) -> &'static [Format] {
        match self {
            Self::NewObject => &[Format::Flat, Format::Sdk],
            Self::Sign | Self::Sts => &[Format::Cam, Format::Cvm, Format::Sdk, Format::Sts],
        }
    }

    fn parameters(self) -> &'static str {
        match self {
            Self::NewObject => {
                "this route takes `filename` or `ext`, and `format`, `durationSeconds`, `bucket`, `region`"
            }
            Self::Sign | Self::Sts => {
                "a query parameter is not known; this route takes `format`, `durationSeconds`, `bucket`, `region`"
            }
        }
    }
}

/// A representation of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The CAM JSON of API 2.0, what the two samples answered.
    Cam,
    /// Flat, upper camel case: what a CVM's metadata service answers, for the Java and Go SDKs and coscli.
    Cvm,
    /// Flat, upper camel case, with the object that the function named: the browser samples' `getKeyAndCredentials`.
    Flat,
    /// Lower camel case at the root and again under `data`: browser, mini-program, Node, mobile.
    Sdk,
    /// The API 3.0 answer: `Response.Credentials`.
    Sts,
}

impl Format {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "cam" => Some(Self::Cam),
            "cvm" => Some(Self::Cvm),
            "flat" => Some(Self::Flat),
            "sdk" => Some(Self::Sdk),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }
}

/// What a caller asks for, parsed; nothing in it is trusted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRequest {
    /// The representation to answer in.
    pub format: Format,
    /// The asked lifetime; the grant's own when absent.
    pub duration_seconds: Option<u32>,
    /// The bucket that the client says it is about; mini-programs send it.
    pub bucket: Option<String>,
    /// The region that the client says it is about.
    pub region: Option<String>,
    /// What it is for.
    pub wanted: RequestedScope,
}

/// What a credential is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedScope {
    /// All of the grant.
    Grant,
    /// The upload of one object that the function names.
    NewObject {
        /// The extension of its name, without the dot, as asked.
        extension: String,
    },
    /// Exactly these.
    Scopes(Scopes),
}

impl CredentialRequest {
    /// Reads query and body of a minting route.
    ///
    /// # Errors
    /// [`ErrorCode::QueryParameter`], [`ErrorCode::Format`], [`ErrorCode::DurationSeconds`], [`ErrorCode::Scope`], [`ErrorCode::UnexpectedBody`].
    pub fn parse(request: &Request, mint: IssueRoute) -> Result<Self, Error> {
        let (mut format, mut duration_seconds, mut extension) = (None, None, None);
        let (mut bucket, mut region) = (None, None);
        for (name, value) in &request.query {
            let repeated = match (name.as_str(), mint) {
                ("format", _) => format.replace(parse_format(value)?).is_some(),
                ("durationSeconds", _) => {
                    duration_seconds.replace(parse_duration(value)?).is_some()
                }
                ("bucket", _) => bucket.replace(value.clone()).is_some(),
                ("region", _) => region.replace(value.clone()).is_some(),
                ("ext", IssueRoute::NewObject) => extension.replace(value.as_str()).is_some(),
                ("filename", IssueRoute::NewObject) => {
                    extension.replace(extension_of(value)).is_some()
                }
                _ => return Err(Error::new(ErrorCode::QueryParameter, mint.parameters())),
            };
            if repeated {
                let message = format!("`{name}`, or what says the same, is given twice");
                return Err(Error::new(ErrorCode::QueryParameter, message));
            }
        }
        let wanted = match (mint, request.body.as_str()) {
            (IssueRoute::NewObject, "") => {
                let extension = extension
                    .ok_or_else(|| Error::new(ErrorCode::QueryParameter, mint.parameters()))?;
                RequestedScope::NewObject {
                    extension: extension.to_owned(),
                }
            }
            (_, "") => RequestedScope::Grant,
            (IssueRoute::Sts, body) => RequestedScope::Scopes(Scopes::parse(body)?),
            (IssueRoute::NewObject | IssueRoute::Sign, _) => {
                let message =
                    "this route takes no body; scopes that narrow the credential go to `/sts`";
                return Err(Error::new(ErrorCode::UnexpectedBody, message));
            }
        };
        let format = format.unwrap_or_else(|| mint.default_format());
        if !mint.formats().contains(&format) {
            let message = "this format has no place for the object's key: take `sdk` or `flat` here, and `flat` nowhere else";
            return Err(Error::new(ErrorCode::Format, message));
        }
        Ok(Self {
            format,
            duration_seconds,
            bucket,
            region,
            wanted,
        })
    }
}

/// What stands behind the last dot of a name; nothing when there is no dot, or nothing before it.
fn extension_of(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

fn parse_format(text: &str) -> Result<Format, Error> {
    Format::parse(text).ok_or_else(|| {
        Error::new(
            ErrorCode::Format,
            "`format` is one of `cam`, `sdk`, `sts`, `cvm`, `flat`",
        )
    })
}

fn parse_duration(text: &str) -> Result<u32, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    seconds.ok_or_else(|| {
        Error::new(
            ErrorCode::DurationSeconds,
            "`durationSeconds` is a whole number of seconds",
        )
    })
}

/// What a platform tells the function alone. A client can write them too, so nothing behind this edge may see them.
/// <https://www.tencentcloud.com/document/product/583/40688>
const PLATFORM_HEADERS: [&str; 12] = [
    "x-scf-appid",
    "x-scf-memory",
    "x-scf-name",
    "x-scf-namespace",
    "x-scf-region",
    "x-scf-request-id",
    "x-scf-secret-id",
    "x-scf-secret-key",
    "x-scf-session-token",
    "x-scf-timeout",
    "x-scf-uin",
    "x-scf-version",
];

/// More than any client of these routes sends; a scope array of 100 items fits.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Gateways add a kilobyte or two to the caller's own headers; a token takes up to eight.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Gateways add up to thirty.
const HEADERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::{
        HEADER_BYTES_MAX, HEADERS_MAX, IssueRoute, PLATFORM_HEADERS, Request, RequestId, Route,
        Unverified, extension_of,
    };
    use crate::error::{Error, ErrorCode};

    fn with(headers: HeaderMap) -> Result<Request, Error> {
        let unverified = Unverified {
            method: Method::GET,
            path: "/sign".to_owned(),
            query: Vec::new(),
            headers,
            body: Vec::new(),
            identity: None,
        };
        Request::new(unverified, RequestId::random(), None)
    }

    #[test]
    fn what_a_platform_tells_in_headers_goes_no_further() {
        let value = HeaderValue::from_static("CANARY");
        let mut headers = HeaderMap::new();
        for name in PLATFORM_HEADERS {
            headers.append(name, value.clone());
            headers.append(name, value.clone());
        }
        headers.insert("x-own", value.clone());
        let request = with(headers).unwrap();
        let left: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-own"]);
        assert!(!format!("{request:?}").contains("CANARY"));
    }

    #[test]
    fn headers_are_bounded_in_number_and_size() {
        let of = |count: usize, length: usize| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&"x".repeat(length)).unwrap();
            for _ in 0..count {
                headers.append("x-a", value.clone());
            }
            with(headers).map(drop).map_err(|error| error.code())
        };
        let refused = Err(ErrorCode::HeadersTooLarge);
        assert_eq!(of(HEADERS_MAX, 1), Ok(()));
        assert_eq!(of(HEADERS_MAX + 1, 1), refused);
        assert_eq!(of(1, HEADER_BYTES_MAX - 3), Ok(()));
        assert_eq!(of(1, HEADER_BYTES_MAX - 2), refused);
        assert_eq!(of(2, HEADER_BYTES_MAX / 2), refused);
    }

    #[test]
    fn a_random_id_is_a_version_4_uuid() {
        let id = RequestId::random();
        let parts: Vec<usize> = id.as_str().split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        let digit = |place: usize| id.as_str().as_bytes()[place];
        assert_eq!(digit(14), b'4');
        assert!(matches!(digit(19), b'8' | b'9' | b'a' | b'b'));
        assert_ne!(id, RequestId::random());
    }

    #[test]
    fn an_id_that_could_break_a_log_line_is_replaced() {
        for text in [
            "short",
            "with space in it",
            "line\nbreak-12345",
            "\"quoted-1234567\"",
            &"x".repeat(65),
        ] {
            assert_ne!(RequestId::from_platform(Some(text)).as_str(), text);
        }
        let own = "6add56fa-1111-4222-8333-444444444444";
        assert_eq!(RequestId::from_platform(Some(own)).as_str(), own);
    }

    #[test]
    fn an_extension_is_what_stands_behind_the_last_dot() {
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

    #[test]
    fn the_base_path_is_taken_off_where_it_is() {
        let mint = Some(Route::IssueRoute(IssueRoute::Sign));
        assert_eq!(Route::of("/sign", ""), mint);
        assert_eq!(Route::of("/api/sign", "/api"), mint);
        assert_eq!(Route::of("/sign", "/api"), mint);
        for path in [
            "/api",
            "/apisign",
            "/api/api/sign",
            "sign",
            "/sign/",
            "/SIGN",
            "//sign",
            "/sign%2f",
            "",
        ] {
            assert_eq!(Route::of(path, "/api"), None, "{path}");
        }
    }
}
