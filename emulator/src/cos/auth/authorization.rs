//! The signature fields of a request: `q-sign-algorithm=sha1&q-ak=…`, parsed and not yet verified.
//! <https://www.tencentcloud.com/document/product/436/7778>
//!
//! Documented: the header `Authorization`, or the seven fields as query parameters. From SDK
//! source: the same text in one parameter `sign`, or in the field `Signature` of a form
//! (cos-go-sdk-v5, cos-wx-sdk-v5).
//!
//! # Guarantees
//!
//! Each field once, each well-formed, no other field, and in one place only.

use http::header::AUTHORIZATION;
use tencent::sign::q_sign::ALGORITHM;
use tencent::time::Timestamp;

use crate::cos::http::request::RequestHead;

/// The header, parameter and form field of a session token.
pub(super) const TOKEN: &str = "x-cos-security-token";

/// The parameters of the query form; they are never in `q-url-param-list`.
const FIELDS: [&str; 7] = [
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
];

/// Why an old S3 client is rejected.
const AWS: &str = "version 2 of AWS signatures is not supported here, though COS accepts it: sign \
                   with version 4";

/// Whether a parameter of this name signs a request.
pub(super) fn is_field(name: &str) -> bool {
    name == "sign" || FIELDS.contains(&name)
}

/// The fields of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) secret_id: String,
    pub(super) sign_time: Period,
    pub(super) key_time: Period,
    /// Names, lower-case and joined by `;`.
    pub(super) header_list: String,
    pub(super) parameter_list: String,
    pub(super) signature: String,
}

/// `start;end`, as text and parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) text: String,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// Why a text is not a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl Authorization {
    /// The signature of `request`; `None` without one.
    pub(super) fn of(request: &RequestHead) -> Result<Option<Self>, Malformed> {
        let mut found = Vec::new();
        if let Some(header) = request.headers.get(AUTHORIZATION) {
            let text = header.to_str().map_err(|_| malformed("Authorization: must be ASCII"))?;
            found.push(Self::parse(text)?);
        }
        let in_query: Vec<(String, String)> =
            request.parameters().filter(|(name, _)| FIELDS.contains(&name.as_str())).collect();
        if !in_query.is_empty() {
            found.push(Self::from_pairs(
                in_query.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            )?);
        }
        if let Some(text) = request.parameter("sign") {
            found.push(Self::parse(&text)?);
        }
        if found.len() > 1 {
            return Err(malformed("the request has more than one signature"));
        }
        Ok(found.pop())
    }

    /// Reads the header form; values are not encoded in it.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.starts_with("AWS") {
            return Err(malformed(AWS));
        }
        let pairs = text.split('&').map(|pair| pair.split_once('='));
        let pairs: Option<Vec<(&str, &str)>> = pairs.collect();
        let pairs = pairs.ok_or_else(|| {
            malformed("Authorization: must be of the form q-sign-algorithm=sha1&q-ak=…")
        })?;
        Self::from_pairs(pairs.into_iter())
    }

    fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, Malformed> {
        let mut values: [Option<&str>; 7] = [None; 7];
        for (name, value) in pairs {
            let known = FIELDS.iter().zip(&mut values).find(|(field, _)| **field == name);
            let (_, place) = known.ok_or_else(|| {
                malformed(format!("`{}` is not a field of a signature", shortened(name)))
            })?;
            if place.replace(value).is_some() {
                return Err(malformed(format!("`{name}` is repeated")));
            }
        }
        let [algorithm, secret_id, sign_time, key_time, headers, parameters, signature] = values;
        let required = |name: &str, value: Option<&'a str>| {
            value.ok_or_else(|| malformed(format!("`{name}` is missing")))
        };
        if required("q-sign-algorithm", algorithm)? != ALGORITHM {
            return Err(malformed("q-sign-algorithm: must be sha1"));
        }
        Ok(Self {
            secret_id: secret_id_of(required("q-ak", secret_id)?)?,
            sign_time: Period::parse("q-sign-time", required("q-sign-time", sign_time)?)?,
            key_time: Period::parse("q-key-time", required("q-key-time", key_time)?)?,
            header_list: required("q-header-list", headers)?.to_owned(),
            parameter_list: required("q-url-param-list", parameters)?.to_owned(),
            signature: signature_of(required("q-signature", signature)?)?,
        })
    }
}

impl Period {
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Malformed> {
        let moment = |text: &str| {
            let digits = (1..=12).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
            let seconds = digits.then(|| text.parse().ok()).flatten();
            seconds.and_then(Timestamp::from_unix_seconds)
        };
        let (start, end) = text.split_once(';').unwrap_or((text, ""));
        match (moment(start), moment(end)) {
            (Some(start), Some(end)) if start <= end => {
                Ok(Self { text: text.to_owned(), start, end })
            }
            _ => Err(malformed(format!(
                "{name}: must be start;end in Unix seconds, the start first"
            ))),
        }
    }
}

/// Letters, digits and the other characters of SecretIds in the vendor's examples.
pub(super) fn secret_id_of(text: &str) -> Result<String, Malformed> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 128 || !text.chars().all(known) {
        return Err(malformed("q-ak: must be a SecretId"));
    }
    Ok(text.to_owned())
}

/// 40 lower-case hex digits.
pub(super) fn signature_of(text: &str) -> Result<String, Malformed> {
    let known = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    if text.len() != 40 || !text.chars().all(known) {
        return Err(malformed("q-signature: must be 40 lower-case hex digits"));
    }
    Ok(text.to_owned())
}

pub(super) fn malformed(reason: impl Into<String>) -> Malformed {
    Malformed(reason.into())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::Authorization;

    const RIGHT: &str = "q-sign-algorithm=sha1&q-ak=AKIDEMU1&q-sign-time=100;200&q-key-time=100;200\
                         &q-header-list=host&q-url-param-list=&q-signature=0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn seven_fields_each_once_each_well_formed() {
        let authorization = Authorization::parse(RIGHT).unwrap();
        assert_eq!(authorization.secret_id, "AKIDEMU1");
        assert_eq!(authorization.sign_time.end.unix_seconds(), 200);
        for (from, to) in [
            ("sha1", "sha256"),
            ("sha1", "SHA1"),
            ("AKIDEMU1", ""),
            ("AKIDEMU1", "a b"),
            ("q-sign-time=100;200", "q-sign-time=200;100"),
            ("q-sign-time=100;200", "q-sign-time=100"),
            ("q-sign-time=100;200", "q-sign-time=;200"),
            ("q-sign-time=100;200", "q-sign-time=+100;200"),
            ("q-sign-time=100;200", "q-sign-time=100;200;300"),
            ("q-key-time=100;200", "q-key-time=-1;200"),
            ("q-key-time=100;200", "q-key-time=1;99999999999999999999"),
            ("4567", "456"),
            ("4567", "456G"),
            ("abcdef01", "ABCDEF01"),
            ("&q-url-param-list=", ""),
            ("q-url-param-list=", "q-url-param-list"),
            ("&q-header-list=host", "&q-header-list=host&q-header-list=host"),
            ("q-ak=", "x=y&q-ak="),
            ("q-ak", "Q-AK"),
        ] {
            assert!(RIGHT.contains(from), "{from}");
            assert!(Authorization::parse(&RIGHT.replacen(from, to, 1)).is_err(), "{to}");
        }
        for text in ["", "&", "Bearer x", "AWS AKIDEMU1:c2lnbmF0dXJl", "q"] {
            assert!(Authorization::parse(text).is_err(), "{text}");
        }
    }
}
