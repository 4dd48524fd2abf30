//! One HTTP request to the STS, parsed and not yet verified.
//!
//! The content type selects the signature (documented): POST with JSON is TC3, POST with a form is
//! v1, GET is either. Sizes (documented): GET 32 KB, POST with v1 1 MB, POST with TC3 10 MB.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;

use super::error::StsError;
use super::parameters::Parameters;
use crate::net;

const MAX_QUERY_BYTES: usize = 32 * 1024;
const MAX_V1_BODY_BYTES: usize = 1024 * 1024;
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// What is written in place of a signature that a call does not need.
pub(super) const SKIP: &str = "SKIP";

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// In the header `Authorization`.
    Tc3,
    /// Among the parameters.
    V1,
}

/// A parsed request that is not verified.
pub(crate) struct Inbound {
    pub(crate) method: Method,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) scheme: Scheme,
    pub(crate) parameters: Parameters,
}

impl Inbound {
    pub(crate) async fn read(request: Request<Incoming>) -> Result<Self, StsError> {
        let (head, body) = request.into_parts();
        each_once(&head.headers)?;
        let query = head.uri.query().unwrap_or_default().to_owned();
        if query.len() > MAX_QUERY_BYTES {
            return Err(StsError::request_too_large());
        }
        let body =
            net::read_body(body, MAX_BODY_BYTES).await.ok_or_else(StsError::request_too_large)?;
        let scheme = scheme(&head.method, &head.headers)?;
        if scheme == Scheme::V1 && body.len() > MAX_V1_BODY_BYTES {
            return Err(StsError::body_too_large_for_v1());
        }
        let parameters = if head.method == Method::GET {
            Parameters::from_flat(&query)?
        } else if scheme == Scheme::Tc3 {
            Parameters::from_json(&body)?
        } else {
            let form = str::from_utf8(&body)
                .map_err(|_| StsError::invalid_request("the form is not UTF-8"))?;
            Parameters::from_flat(form)?
        };
        Ok(Self { method: head.method, query, headers: head.headers, body, scheme, parameters })
    }

    /// A common parameter: a header with TC3, a parameter with v1.
    pub(crate) fn common(&self, name: &str) -> Result<Option<&str>, StsError> {
        match self.scheme {
            Scheme::Tc3 => Ok(self
                .header(&format!("x-tc-{}", name.to_ascii_lowercase()))
                .filter(|text| !text.is_empty())),
            Scheme::V1 => self.parameters.text(name),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn host(&self) -> &str {
        self.header(HOST.as_str()).unwrap_or_default()
    }

    pub(crate) fn wants_chinese(&self) -> bool {
        matches!(self.common("Language"), Ok(Some("zh-CN")))
    }

    /// The key that the request claims to be signed with.
    pub(crate) fn claimed_key(&self) -> Option<String> {
        match self.scheme {
            Scheme::Tc3 => {
                let (_, rest) = self.header(AUTHORIZATION.as_str())?.split_once("Credential=")?;
                rest.split('/').next().map(str::to_owned)
            }
            Scheme::V1 => self.parameters.text("SecretId").ok().flatten().map(str::to_owned),
        }
    }

    pub(super) fn signature_method(&self) -> &str {
        match self.scheme {
            Scheme::Tc3 if self.header(AUTHORIZATION.as_str()) == Some(SKIP) => SKIP,
            Scheme::Tc3 => tencent::sign::tc3::ALGORITHM,
            Scheme::V1 => match self.parameters.text("SignatureMethod") {
                Ok(Some(method)) => method,
                _ if matches!(self.parameters.text("Signature"), Ok(Some(_))) => "HmacSHA1",
                _ => "",
            },
        }
    }
}

/// Ours: which of two the service would take is not known, and here the one that was checked is the
/// one that counts.
fn each_once(headers: &HeaderMap) -> Result<(), StsError> {
    let deciding = |name: &str| {
        name.starts_with("x-tc-") || ["authorization", "content-type", "host"].contains(&name)
    };
    for name in headers.keys().map(http::HeaderName::as_str) {
        if deciding(name) && headers.get_all(name).iter().count() > 1 {
            return Err(StsError::invalid_request(&format!("the header `{name}` occurs twice")));
        }
    }
    Ok(())
}

fn scheme(method: &Method, headers: &HeaderMap) -> Result<Scheme, StsError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if method == Method::GET {
        let in_header = header(AUTHORIZATION.as_str()).is_some();
        return Ok(if in_header { Scheme::Tc3 } else { Scheme::V1 });
    }
    if method != Method::POST {
        return Err(StsError::unsupported_protocol());
    }
    let content_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Ok(Scheme::Tc3),
        "application/x-www-form-urlencoded" => Ok(Scheme::V1),
        // Inferred: the actions of this service take neither.
        _ => Err(StsError::invalid_request("unsupported content type")),
    }
}
