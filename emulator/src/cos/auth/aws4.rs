//! The signature version 4 of S3 clients: parsed, and verified before anything else is decided.
//! What follows it (key, token, policies) is the same as for a signature of COS.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>
//!
//! Documented for S3: the header `Authorization`, or six parameters; a signature in a query is
//! valid for at most seven days. Observed: COS takes any region in the credential scope.
//!
//! # Guarantees
//!
//! Each field once, each well-formed, in one place only. Every `x-amz-…` and `x-cos-…` header, the
//! host and the whole query are signed. Comparisons take constant time.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use percent_encoding::percent_decode_str;
use tencent::percent::percent_encode;
use tencent::sign::aws4::{
    ALGORITHM, CanonicalRequest, SERVICE, Signer, TERMINATOR, canonical_path, canonical_query,
};
use tencent::time::Timestamp;

use super::authenticate::{self, Authenticated, Caller, SKEW_SECONDS};
use super::authorization::{self, Malformed, malformed, secret_id_of};
use super::errors;
use super::signature::same;
use crate::account::{Directory, Found, Key};
use crate::cos::error::{self, CosError};
use crate::cos::http::aws_chunked::{ChunkDecoder, ChunkSignatures};
use crate::cos::http::payload::Payload;
use crate::cos::http::request::RequestHead;
use crate::cos::http::s3::{CONTENT_SHA256, DECODED_LENGTH, SIGNATURE_PARAMETERS, STREAMING};

/// The fields of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authorization {
    secret_id: String,
    /// As `20130524`.
    date: String,
    region: String,
    /// Lower-case names, in order.
    signed_headers: Vec<String>,
    signature: String,
    /// As `20130524T000000Z`.
    time: String,
    signed_at: Timestamp,
    /// How long a signature in a query is valid.
    lifetime_seconds: Option<u32>,
}

/// Authenticates a request of an S3 client.
pub(super) fn caller(request: &RequestHead, directory: &Directory) -> Result<Caller, CosError> {
    authenticate::unambiguous(request)?;
    let authorization =
        Authorization::of(request).map_err(|malformed| errors::unreadable(request, &malformed))?;
    let token = authenticate::token(request)?;
    let key =
        authenticate::key(&authorization.secret_id, token.as_deref(), directory, request.now)?;
    authorization.check_time(request.now)?;
    authorization.check(request, &key)?;
    Ok(Caller::Key(Authenticated { secret_id: authorization.secret_id, key }))
}

/// What the body of a request must be. It does not authenticate the request: that the declaration
/// is signed is checked with everything else in the head.
pub(super) fn payload(request: &RequestHead, directory: &Directory) -> Result<Payload, CosError> {
    let authorization =
        Authorization::of(request).map_err(|malformed| errors::unreadable(request, &malformed))?;
    let declared = authorization.payload(request)?;
    let trailers = trailers(request);
    let payload = match declared.as_str() {
        UNSIGNED => Payload::default(),
        SIGNED_CHUNKS => {
            let signatures = authorization.chunk_signatures(directory)?;
            Payload::in_chunks(ChunkDecoder::new(decoded_length(request)?, Some(signatures), None))
        }
        SIGNED_CHUNKS_AND_TRAILERS => {
            let signatures = authorization.chunk_signatures(directory)?;
            let length = decoded_length(request)?;
            Payload::in_chunks(ChunkDecoder::new(length, Some(signatures), Some(trailers.clone())))
        }
        UNSIGNED_CHUNKS => {
            let length = decoded_length(request)?;
            Payload::in_chunks(ChunkDecoder::new(length, None, Some(trailers.clone())))
        }
        hashed => {
            let mut sha256 = [0; 32];
            let is_hash = !hashed.contains(|c: char| c.is_ascii_uppercase())
                && hex::decode_to_slice(hashed, &mut sha256).is_ok();
            if !is_hash {
                return Err(invalid_payload());
            }
            Payload::hashed(sha256)
        }
    };
    let has_trailers = [SIGNED_CHUNKS_AND_TRAILERS, UNSIGNED_CHUNKS].contains(&declared.as_str());
    // Of a completed upload they are those of the whole object, not of this body.
    if request.method == http::Method::POST && request.parameter("uploadId").is_some() {
        return Ok(payload);
    }
    payload.with_checksums(&request.sent_headers, if has_trailers { &trailers } else { &[] })
}

impl Authorization {
    fn of(request: &RequestHead) -> Result<Self, Malformed> {
        let header = request.headers.get(AUTHORIZATION);
        let in_query: Vec<(String, String)> = request
            .parameters()
            .filter(|(name, _)| SIGNATURE_PARAMETERS.contains(&name.as_str()))
            .collect();
        let is_also_of_cos = request.parameters().any(|(name, _)| authorization::is_field(&name));
        match (header, in_query.is_empty()) {
            _ if is_also_of_cos => Err(malformed("the request has more than one signature")),
            (Some(_), false) => Err(malformed("the request has more than one signature")),
            (Some(header), true) => Self::of_header(header, request),
            (None, _) => Self::of_query(&in_query),
        }
    }

    fn of_header(header: &HeaderValue, request: &RequestHead) -> Result<Self, Malformed> {
        let text = header.to_str().map_err(|_| malformed("Authorization: must be ASCII"))?;
        let fields = text.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let fields = fields.ok_or_else(|| {
            malformed("Authorization: must be of the form AWS4-HMAC-SHA256 Credential=…")
        })?;
        let pairs = fields.split(',').map(|field| field.trim().split_once('='));
        let pairs: Option<Vec<(&str, &str)>> = pairs.collect();
        let pairs = pairs.ok_or_else(|| malformed("Authorization: must be fields with `=`"))?;
        let [credential, signed_headers, signature] =
            fields_of(["Credential", "SignedHeaders", "Signature"], pairs.into_iter())?;
        let time = request
            .sent_headers
            .get("x-amz-date")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| malformed("x-amz-date: must be sent"))?;
        Self::new(credential, signed_headers, signature, time, None)
    }

    fn of_query(pairs: &[(String, String)]) -> Result<Self, Malformed> {
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let [algorithm, credential, time, expires, signed_headers, signature] =
            fields_of(SIGNATURE_PARAMETERS, pairs)?;
        if algorithm != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm: must be AWS4-HMAC-SHA256"));
        }
        let is_number =
            (1..=6).contains(&expires.len()) && expires.bytes().all(|c| c.is_ascii_digit());
        let lifetime =
            expires.parse().ok().filter(|seconds| is_number && LIFETIME.contains(seconds));
        let lifetime = lifetime.ok_or_else(|| {
            malformed("X-Amz-Expires: must be 1 to 604800 seconds, which is a week")
        })?;
        Self::new(credential, signed_headers, signature, time, Some(lifetime))
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        time: &str,
        lifetime_seconds: Option<u32>,
    ) -> Result<Self, Malformed> {
        let parts: Vec<&str> = credential.split('/').collect();
        let &[secret_id, date, region, service, terminator] = parts.as_slice() else {
            return Err(malformed(
                "Credential: must be <SecretId>/<date>/<region>/s3/aws4_request",
            ));
        };
        if (service, terminator) != (SERVICE, TERMINATOR) {
            return Err(malformed("Credential: must end in /s3/aws4_request"));
        }
        let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || region.len() > 64 || !region.chars().all(is_region) {
            return Err(malformed("Credential: must have a region such as ap-guangzhou"));
        }
        let signed_at = moment(time)
            .ok_or_else(|| malformed("the date must be of the form 20130524T000000Z"))?;
        if !time.starts_with(date) || date.len() != DATE_LENGTH {
            return Err(malformed("Credential: must have the day of the date"));
        }
        let names: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let is_name = |name: &String| {
            !name.is_empty()
                && !name.contains(|c: char| c.is_ascii_uppercase() || !c.is_ascii_graphic())
        };
        let is_in_order = names.is_sorted_by(|one, next| one < next);
        if !names.iter().all(is_name) || !is_in_order {
            return Err(malformed(
                "SignedHeaders: must be in lower case, in order, each name once",
            ));
        }
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if signature.len() != 64 || !signature.chars().all(is_hex) {
            return Err(malformed("Signature: must be 64 lower-case hex digits"));
        }
        Ok(Self {
            secret_id: secret_id_of(secret_id)
                .map_err(|_| malformed("Credential: must begin with a SecretId"))?,
            date: date.to_owned(),
            region: region.to_owned(),
            signed_headers: names,
            signature: signature.to_owned(),
            time: time.to_owned(),
            signed_at,
            lifetime_seconds,
        })
    }

    fn check_time(&self, now: Timestamp) -> Result<(), CosError> {
        let Some(lifetime) = self.lifetime_seconds else {
            let seconds = self.signed_at.unix_seconds().abs_diff(now.unix_seconds());
            if seconds > u64::from(SKEW_SECONDS) {
                return Err(errors::skewed(now, "x-amz-date: must be at most 15 minutes off"));
            }
            return Ok(());
        };
        if self.signed_at > now.plus_seconds(SKEW_SECONDS) {
            let reason = "the signature is not valid yet: the clock of the client is ahead";
            return Err(errors::skewed(now, reason));
        }
        let end = self.signed_at.plus_seconds(lifetime);
        if end < now {
            let (end, now_text) = (end.iso_8601(), now.iso_8601());
            let reason = format!("the signature is valid until {end}, it is {now_text}");
            return Err(errors::expired_signature(now, &reason));
        }
        Ok(())
    }

    fn check(&self, request: &RequestHead, key: &Key) -> Result<(), CosError> {
        self.check_signed_headers(request)?;
        let mut headers = Vec::with_capacity(self.signed_headers.len());
        for name in &self.signed_headers {
            let value = signed_value(request, name).ok_or_else(|| {
                let reason = format!("the header `{name}` is signed: it must be sent, as text");
                error::signature_does_not_match().because(reason)
            })?;
            headers.push((name.as_str(), value));
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = percent_decode_str(&request.path).decode_utf8();
        let path = canonical_path(&path.map_err(|_| errors::not_utf8("the path"))?);
        let mut parameters = Vec::new();
        for (name, value) in request.encoded_parameters() {
            let decoded = |text: &str| {
                let text = percent_decode_str(text).decode_utf8().ok()?;
                Some(text.into_owned())
            };
            let pair = decoded(&name).zip(decoded(&value));
            parameters.push(pair.ok_or_else(|| errors::not_utf8("the query"))?);
        }
        let parameters = parameters.iter().filter(|(name, _)| name != "X-Amz-Signature");
        let query =
            canonical_query(parameters.map(|(name, value)| (name.as_str(), value.as_str())));
        let payload = self.payload(request)?;
        let canonical = CanonicalRequest {
            method: request.method.as_str(),
            path: &path,
            query: &query,
            headers: &headers,
            payload: &payload,
        };
        let signer = self.signer(key);
        // Some clients sign the path as they send it, with `/` in a key encoded.
        let as_sent = CanonicalRequest { path: &request.path, ..canonical };
        let string_to_sign = signer.string_to_sign(&canonical.to_text());
        let is_right = [canonical, as_sent].iter().any(|canonical| {
            let text = signer.string_to_sign(&canonical.to_text());
            same(&signer.sign(&text), &self.signature)
        });
        if is_right {
            return Ok(());
        }
        let canonical = without_token(canonical.to_text(), request);
        Err(error::signature_does_not_match()
            .with("StringToSign", string_to_sign)
            .with("CanonicalRequest", canonical)
            .because(
                "the signature is not the one of this key over this request: compare \
                 CanonicalRequest with what the client signed",
            ))
    }

    /// Checks that everything is signed that decides anything (documented for S3).
    fn check_signed_headers(&self, request: &RequestHead) -> Result<(), CosError> {
        let decides = |name: &&str| name.starts_with("x-amz-") || name.starts_with("x-cos-");
        let sent = request.sent_headers.keys().map(http::HeaderName::as_str).filter(decides);
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        match std::iter::once("host").chain(sent).find(|name| !is_signed(name)) {
            Some(name) => Err(error::access_denied()
                .because(format!("denied: the header `{name}` must be among SignedHeaders"))),
            None => Ok(()),
        }
    }

    /// The last line of what is signed: the hash of the body, or the way it is signed.
    fn payload(&self, request: &RequestHead) -> Result<String, CosError> {
        let header = request.sent_headers.get(CONTENT_SHA256);
        let header = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let in_query = self.lifetime_seconds.is_some();
        let parameter = request.parameter("X-Amz-Content-Sha256").filter(|_| in_query);
        match header.or(parameter) {
            // A body in chunks is declared in headers, which also contain its length.
            Some(payload) if payload.starts_with(STREAMING) && in_query => Err(invalid_payload()),
            Some(payload) => Ok(payload),
            None if in_query => Ok(UNSIGNED.to_owned()),
            None => Err(error::invalid_request(
                "Missing required header for this request: x-amz-content-sha256",
            )),
        }
    }

    fn signer(&self, key: &Key) -> Signer {
        Signer::new(&key.secret_key, &self.time, &self.date, &self.region)
    }

    fn chunk_signatures(&self, directory: &Directory) -> Result<ChunkSignatures, CosError> {
        let Found::Key(key) = directory.look_up(&self.secret_id) else {
            return Err(errors::access_key("the emulator did not issue this key"));
        };
        Ok(ChunkSignatures { signer: self.signer(&key), previous: self.signature.clone() })
    }
}

/// The value of each of `names` among `pairs`, each once and no other.
fn fields_of<'a, const N: usize>(
    names: [&'static str; N],
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<[&'a str; N], Malformed> {
    let mut values: [Option<&str>; N] = [None; N];
    for (name, value) in pairs {
        let known = names.iter().zip(&mut values).find(|(field, _)| **field == name);
        let (_, place) = known.ok_or_else(|| malformed("Authorization: has an unknown field"))?;
        if place.replace(value).is_some() {
            return Err(malformed(format!("`{name}` is repeated")));
        }
    }
    for (name, value) in names.iter().zip(&values) {
        if value.is_none() {
            return Err(malformed(format!("`{name}` is missing")));
        }
    }
    Ok(values.map(Option::unwrap_or_default))
}

/// The value of a signed header: all of its values, with a comma between.
fn signed_value(request: &RequestHead, name: &str) -> Option<String> {
    if name == "host" {
        return Some(request.host.clone());
    }
    let values = request.sent_headers.get_all(name).iter();
    let values: Option<Vec<&str>> =
        values.map(|value| str::from_utf8(value.as_bytes()).ok().map(str::trim)).collect();
    values.filter(|values| !values.is_empty()).map(|values| values.join(","))
}

/// A canonical request that may be shown.
fn without_token(canonical: String, request: &RequestHead) -> String {
    match authenticate::token(request) {
        Ok(Some(token)) => [percent_encode(&token).to_string(), token]
            .iter()
            .fold(canonical, |text, token| text.replace(token.as_str(), "<session token>")),
        Ok(None) | Err(_) => canonical,
    }
}

/// The names in `x-amz-trailer`.
fn trailers(request: &RequestHead) -> Vec<String> {
    let header = request.sent_headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let names = header.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// The length of the object, which the header was checked to be.
fn decoded_length(request: &RequestHead) -> Result<u64, CosError> {
    let length = request.sent_headers.get(DECODED_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse().ok());
    length.ok_or_else(error::missing_content_length)
}

/// `20130524T000000Z`.
fn moment(text: &str) -> Option<Timestamp> {
    if text.len() != "20130524T000000Z".len() || !text.is_ascii() {
        return None;
    }
    let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    let seconds = Offset::UTC.to_timestamp(civil).ok()?.as_second();
    Timestamp::from_unix_seconds(seconds).filter(|_| {
        // The library also reads signs and blanks.
        text.bytes().filter(u8::is_ascii_digit).count() == text.len().saturating_sub(2)
    })
}

fn invalid_payload() -> CosError {
    error::invalid_argument(format!(
        "x-amz-content-sha256 must be {UNSIGNED}, {STREAMING}…, or a valid sha256 value."
    ))
}

const DATE_LENGTH: usize = "20130524".len();

/// Documented: a week.
const LIFETIME: std::ops::RangeInclusive<u32> = 1..=604_800;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_CHUNKS_AND_TRAILERS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
