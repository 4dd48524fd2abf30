//! What an upload answers instead of nothing: a body of the app's choice (`x-cos-return-body`), or
//! what the app's own server answers (`x-cos-callback`).
//! <https://cloud.tencent.com/document/product/436/97529>,
//! <https://cloud.tencent.com/document/product/436/106770>
//!
//! Documented: the headers are base64 of JSON; the members of a callback; up to five addresses,
//! divided by `;`, HTTP without a scheme; variables of the form `${name}`, and `${x:name}` of
//! `x-cos-callback-var`. From SDK source (cos-js-sdk-v5): the ordinary alphabet of base64; the
//! practice page has that of URLs, so both are read. From SDK source (the suite of
//! qcloud-sdk-android): a callback without an address fails. Inferred: a variable that is not
//! documented is refused, and `${etag}` has quotes, as in every other answer.
//!
//! # Guarantees
//!
//! Only servers of this machine are called, and everything that can be refused is refused before
//! the upload is stored.
//!
//! # Not covered
//!
//! HTTPS; `exif` and `videoInfo`, which need data processing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue, Uri};
use serde::Deserialize;
use serde_json::{Map, Value};
use tencent::json_object::JsonObject;

use super::error::{self, CosError};
use super::http::request::text;
use super::image::PIC_OPERATIONS;

pub(crate) const RETURN_BODY: &str = "x-cos-return-body";
pub(crate) const CALLBACK: &str = "x-cos-callback";
pub(crate) const CALLBACK_VARIABLES: &str = "x-cos-callback-var";

/// What an upload answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UploadReply {
    ReturnBody(Map<String, Value>),
    Callback(Callback),
}

/// A request to a server of the app.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Callback {
    /// Asked in this order, until one answers.
    pub(crate) servers: Vec<AppServer>,
    pub(crate) host: Option<HeaderValue>,
    pub(crate) content_type: ContentType,
    body: String,
    variables: BTreeMap<String, String>,
}

/// An address on this machine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AppServer {
    pub(crate) address: SocketAddr,
    pub(crate) uri: Uri,
}

/// How variables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Form,
    Json,
}

impl ContentType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

/// The members of `x-cos-callback`. Others are ignored, as the SDK's suites send some.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallbackMembers {
    callback_url: Option<String>,
    callback_host: Option<String>,
    callback_body: String,
    callback_body_type: Option<String>,
}

/// What is known of an object that was uploaded.
pub(crate) struct Uploaded<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) region: &'a str,
    pub(crate) key: &'a str,
    pub(crate) etag: &'a str,
    pub(crate) length: u64,
    pub(crate) content_type: &'a str,
    /// The description of the picture, if a variable is about it and the object is one.
    pub(crate) image_info: Option<Map<String, Value>>,
}

impl UploadReply {
    /// What the headers of an upload ask for; `None` without them.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, CosError> {
        let header = |name| text(headers, name).filter(|text| !text.is_empty());
        let (callback, variables) = (header(CALLBACK), header(CALLBACK_VARIABLES));
        let reply = match (header(RETURN_BODY), callback) {
            (None, None) if variables.is_none() => return Ok(None),
            (Some(body), None) if variables.is_none() => Self::ReturnBody(json(RETURN_BODY, body)?),
            (None, Some(callback)) => Self::Callback(Callback::of(callback, variables)?),
            _ => {
                return Err(error::invalid_argument(format!(
                    "The {RETURN_BODY} must be sent without {CALLBACK}, and {CALLBACK_VARIABLES} \
                     with it."
                )));
            }
        };
        if headers.contains_key(PIC_OPERATIONS) {
            return Err(error::not_implemented("A header").because(format!(
                "{PIC_OPERATIONS}: must be sent without {CALLBACK} and {RETURN_BODY}"
            )));
        }
        for name in reply.variables() {
            reply.check_variable(&name)?;
        }
        Ok(Some(reply))
    }

    /// Checks that the variables do not need processing of a kind of file that is not supported.
    pub(crate) fn check_processing(&self, content_type: &str) -> Result<(), CosError> {
        for name in self.variables() {
            let kinds: &[&str] = match family(&name) {
                "exif" => &["image/"],
                "videoInfo" => &["video/", "audio/"],
                _ => &[],
            };
            if kinds.iter().any(|kind| content_type.starts_with(kind)) {
                return Err(error::not_implemented("A header")
                    .because(format!("${{{name}}}: must be omitted for {content_type}")));
            }
        }
        Ok(())
    }

    /// Whether a variable is about a picture.
    pub(crate) fn wants_image_info(&self) -> bool {
        self.variables().iter().any(|name| family(name) == IMAGE_INFO)
    }

    /// The body with the values of an upload. It fails if a variable has none.
    pub(crate) fn body(&self, uploaded: &Uploaded<'_>) -> Result<String, String> {
        match self {
            Self::ReturnBody(members) => {
                let mut value = Value::Object(members.clone());
                for text in texts_mut(&mut value) {
                    *text = filled(text, |name| self.value(name, uploaded).map(as_text))?;
                }
                Ok(value.to_string())
            }
            Self::Callback(callback) => filled(&callback.body, |name| {
                let value = self.value(name, uploaded)?;
                Ok(match callback.content_type {
                    ContentType::Form => as_text(value),
                    ContentType::Json => value.to_string(),
                })
            }),
        }
    }

    /// The names of the variables.
    fn variables(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut note = |text: &str| {
            let noted: Result<String, String> = filled(text, |name| {
                names.push(name.to_owned());
                Ok(String::new())
            });
            drop(noted);
        };
        match self {
            Self::ReturnBody(members) => {
                let mut value = Value::Object(members.clone());
                texts_mut(&mut value).into_iter().for_each(|text| note(text));
            }
            Self::Callback(callback) => note(&callback.body),
        }
        names
    }

    fn check_variable(&self, name: &str) -> Result<(), CosError> {
        let is_known = match self {
            Self::Callback(callback) if name.starts_with(OWN) => {
                callback.variables.contains_key(name)
            }
            Self::Callback(_) if name == ETAG => true,
            Self::Callback(_) | Self::ReturnBody(_) => VARIABLES.contains(&family(name)),
        };
        match is_known {
            true => Ok(()),
            false => Err(error::invalid_argument("A variable of the reply is not valid.")
                .because(format!("${{{name}}}: must be one of {}", VARIABLES.join(", ")))),
        }
    }

    fn value(&self, name: &str, uploaded: &Uploaded<'_>) -> Result<Value, String> {
        if let (Self::Callback(callback), true) = (self, name.starts_with(OWN)) {
            return Ok(callback.variables.get(name).cloned().unwrap_or_default().into());
        }
        Ok(match name {
            "bucket" => uploaded.bucket.into(),
            "object" => uploaded.key.into(),
            "region" => uploaded.region.into(),
            "size" => uploaded.length.into(),
            "mimeType" => uploaded.content_type.into(),
            ETAG => format!("\"{}\"", uploaded.etag).into(),
            name if family(name) == IMAGE_INFO => {
                let info = uploaded.image_info.as_ref();
                let info =
                    info.ok_or_else(|| format!("${{{name}}}: the object is not a picture"))?;
                match name.split_once('.') {
                    None => Value::Object(info.clone()),
                    Some((_, member)) => info
                        .get(member)
                        .cloned()
                        .ok_or_else(|| format!("${{{name}}}: pictures have no `{member}`"))?,
                }
            }
            name => return Err(format!("${{{name}}}: the object is not of a kind that has it")),
        })
    }
}

impl Callback {
    fn of(header: &str, variables: Option<&str>) -> Result<Self, CosError> {
        let JsonObject::<CallbackMembers>(members) = json(CALLBACK, header)?;
        let variables = match variables {
            Some(text) => json(CALLBACK_VARIABLES, text)?,
            None => BTreeMap::new(),
        };
        let content_type = match members.callback_body_type.as_deref().unwrap_or_default() {
            "" => ContentType::Form,
            name if name == ContentType::Form.name() => ContentType::Form,
            name if name == ContentType::Json.name() => ContentType::Json,
            _ => return Err(invalid(CALLBACK, "callbackBodyType: must be a documented type")),
        };
        if members.callback_body.is_empty() {
            return Err(invalid(CALLBACK, "callbackBody: must not be empty"));
        }
        let urls = members.callback_url.unwrap_or_default();
        let urls = urls.split(';').map(str::trim).filter(|url| !url.is_empty());
        let servers = urls.map(AppServer::of).collect::<Result<Vec<_>, _>>()?;
        if servers.len() > MAX_SERVERS {
            return Err(invalid(CALLBACK, "callbackUrl: must have at most 5 addresses"));
        }
        let host = match members.callback_host.filter(|host| !host.is_empty()) {
            None => None,
            Some(host) if host.bytes().all(is_host_byte) => HeaderValue::from_str(&host).ok(),
            Some(_) => return Err(invalid(CALLBACK, "callbackHost: must be a name or an address")),
        };
        Ok(Self { servers, host, content_type, body: members.callback_body, variables })
    }
}

impl AppServer {
    fn of(url: &str) -> Result<Self, CosError> {
        let url = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let malformed = || invalid(CALLBACK, "callbackUrl: must be a percent-encoded address");
        let uri: Uri = match url.is_ascii() {
            true => url.parse().map_err(|_| malformed())?,
            false => return Err(malformed()),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let ip = match host {
            "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            host => host.parse().ok(),
        };
        let Some(ip) = ip.filter(IpAddr::is_loopback) else {
            return Err(error::not_implemented("A header").because(format!(
                "{CALLBACK}: callbackUrl: must be on this machine, for example \
                 http://127.0.0.1:8080/: the local cloud calls no other, and `{host}` is another"
            )));
        };
        if uri.scheme_str() != Some("http") {
            return Err(error::not_implemented("A header").because(format!(
                "{CALLBACK}: callbackUrl: must be http://: HTTPS is not supported"
            )));
        }
        if authority.as_str().contains('@') {
            return Err(malformed());
        }
        let address = SocketAddr::new(ip, authority.port_u16().unwrap_or(80));
        Ok(Self { address, uri })
    }
}

/// The first part of a variable's name, as of `imageInfo.width`.
fn family(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)
}

/// The texts among the members, at any depth.
fn texts_mut(value: &mut Value) -> Vec<&mut String> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter_mut().flat_map(texts_mut).collect(),
        Value::Object(members) => members.values_mut().flat_map(texts_mut).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// The text with each `${name}` replaced, in one pass: what a value contains is never a variable.
fn filled(
    mut text: &str,
    mut value: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut whole = String::new();
    while let Some((before, (name, after))) =
        text.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        whole.push_str(before);
        whole.push_str(&value(name)?);
        text = after;
    }
    whole.push_str(text);
    Ok(whole)
}

/// The JSON in a header.
fn json<T: for<'a> Deserialize<'a>>(header: &str, text: &str) -> Result<T, CosError> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let bytes = GeneralPurpose::new(alphabet, config).decode(text);
    let bytes = bytes.map_err(|_| invalid(header, "must be base64"))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| invalid(header, &format!("must be a JSON object: {error}")))
}

fn invalid(header: &str, reason: &str) -> CosError {
    error::invalid_argument(format!("The {header} is not valid."))
        .because(format!("{header}: {reason}"))
}

const VARIABLES: [&str; 8] =
    ["bucket", "object", "size", "region", "mimeType", IMAGE_INFO, "exif", "videoInfo"];
const IMAGE_INFO: &str = "imageInfo";
const ETAG: &str = "etag";

/// The variables of the app.
const OWN: &str = "x:";
const MAX_SERVERS: usize = 5;
