//! An answer of STS, read strictly.
//!
//! Shape: <https://www.tencentcloud.com/document/product/1150/49452> (Output parameters). HTTP
//! status 200 also carries errors.
//!
//! # Guarantees
//! - A [`Credentials`] has all its members, none empty, and a lifetime that fits the request: an
//!   answer that has expired, or that outlives the request, is an error.
//! - No error repeats a part of the answer's credentials; what STS writes is cut.

use std::sync::OnceLock;

use serde::{Deserialize, Deserializer};

use crate::log;
use tencent::json_object::JsonObject;
use tencent::secret::Secret;
use tencent::time::Timestamp;

/// Temporary credentials.
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub struct Credentials {
    /// The public half of the key.
    pub tmp_secret_id: Secret,
    /// The secret half.
    pub tmp_secret_key: Secret,
    /// The token that goes with both.
    pub session_token: Secret,
    /// When they become valid; never ahead of our clock, since clients drop credentials from the
    /// future.
    pub start: Timestamp,
    /// When they expire.
    pub expiry: Timestamp,
    /// The id under which STS knows the call.
    pub sts_request_id: String,
    /// What every answer with them contains, once one was written.
    pub members: OnceLock<Option<Secret>>,
    /// What every audit line of them contains.
    pub logged: log::Members,
}

/// Why an answer is unusable.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// STS refused.
    #[error("STS answered `{code}` (request {request_id}): {message}")]
    Api {
        /// The documented code.
        code: String,
        /// The vendor's text, for the log only.
        message: String,
        /// The id under which STS knows the call.
        request_id: String,
    },
    /// The credentials have expired, or nearly.
    #[error("the answer's `ExpiredTime` is {0} seconds away, less than MIN_REMAINING_SECONDS")]
    Expired(i64),
    /// The credentials live longer than requested.
    #[error("the answer's `ExpiredTime` is {0} seconds away, later than requested")]
    Overlong(i64),
    /// A member is missing or empty.
    #[error("the answer has no `{0}`")]
    Missing(&'static str),
    /// Not JSON of the documented shape.
    #[error("the answer is not the documented JSON ({category} at byte {position})")]
    Shape {
        /// What kind of fault.
        category: &'static str,
        /// Where, in its line.
        position: usize,
    },
    /// Not HTTP 200.
    #[error("the answer has HTTP status {0}")]
    Status(u16),
}

impl Credentials {
    /// The beginning of the public half of the key, which is enough to find it in other logs.
    pub fn key_id_prefix(&self) -> &str {
        let id = self.tmp_secret_id.expose();
        id.get(..KEY_ID_PREFIX_BYTES).unwrap_or_default()
    }

    /// Reads an answer to a request for `duration_seconds`, of which at least
    /// `remaining_seconds_min` must be left. Of STS's own words, which go to the log, the first
    /// characters are kept, and none that repeat one of `secrets` or of the answer's.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn parse(
        status: u16,
        body: &[u8],
        now: Timestamp,
        duration_seconds: u32,
        remaining_seconds_min: u32,
        secrets: &[&Secret],
    ) -> Result<Self, AnswerError> {
        if status != 200 {
            return Err(AnswerError::Status(status));
        }
        let JsonObject(Envelope { response }) =
            serde_json::from_slice(body).map_err(|error| shape(&error))?;
        let JsonObject(response) = response;
        let members = response.credentials.map(|JsonObject(members)| members);
        // Before the cut, which could leave the larger part of a secret.
        let quoted = |mut text: String, max_characters| {
            let issued = members.iter().flat_map(Members::secrets);
            if secrets.iter().copied().chain(issued).any(|secret| secret.is_in(&text)) {
                return "(dropped: it repeats a secret)".to_owned();
            }
            if let Some((end, _)) = text.char_indices().nth(max_characters) {
                text.truncate(end);
                // It may be kept as long as the credential.
                text.shrink_to_fit();
            }
            text
        };
        let request_id = quoted(response.request_id.unwrap_or_default(), MAX_ID_CHARACTERS);
        if let Some(JsonObject(ApiError { code, message })) = response.error {
            return Err(AnswerError::Api {
                code: quoted(code, MAX_ID_CHARACTERS),
                message: quoted(message, MAX_MESSAGE_CHARACTERS),
                request_id,
            });
        }
        let members = members.ok_or(AnswerError::Missing("Credentials"))?;
        let expiry = response.expired_time.and_then(Timestamp::from_unix_seconds);
        let expiry = expiry.ok_or(AnswerError::Missing("ExpiredTime"))?;
        let remaining = expiry.unix_seconds().saturating_sub(now.unix_seconds());
        if remaining < i64::from(remaining_seconds_min) {
            return Err(AnswerError::Expired(remaining));
        }
        if remaining > i64::from(duration_seconds.saturating_add(MAX_CLOCK_SKEW_SECONDS)) {
            return Err(AnswerError::Overlong(remaining));
        }
        if request_id.is_empty() {
            return Err(AnswerError::Missing("RequestId"));
        }
        Ok(Self {
            tmp_secret_id: members
                .tmp_secret_id
                .ok_or(AnswerError::Missing("Credentials.TmpSecretId"))?,
            tmp_secret_key: members
                .tmp_secret_key
                .ok_or(AnswerError::Missing("Credentials.TmpSecretKey"))?,
            session_token: members.token.ok_or(AnswerError::Missing("Credentials.Token"))?,
            start: expiry.minus_seconds(duration_seconds).min(now),
            expiry,
            sts_request_id: request_id,
            members: OnceLock::new(),
            logged: log::Members::default(),
        })
    }
}

/// `AKID`, and 8 of at least 32 characters.
const KEY_ID_PREFIX_BYTES: usize = 12;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Response")]
    response: JsonObject<Response>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    error: Option<JsonObject<ApiError>>,
    credentials: Option<JsonObject<Members>>,
    expired_time: Option<i64>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ApiError {
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    #[serde(default, deserialize_with = "secret_unless_empty")]
    token: Option<Secret>,
    #[serde(default, deserialize_with = "secret_unless_empty")]
    tmp_secret_id: Option<Secret>,
    #[serde(default, deserialize_with = "secret_unless_empty")]
    tmp_secret_key: Option<Secret>,
}

impl Members {
    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.token.iter().chain(&self.tmp_secret_key)
    }
}

fn secret_unless_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(Secret::new))
}

/// The parser's own text can repeat a value, so only its kind and place are kept.
fn shape(error: &serde_json::Error) -> AnswerError {
    let category = match error.classify() {
        serde_json::error::Category::Io => "reading",
        serde_json::error::Category::Syntax => "no JSON",
        serde_json::error::Category::Data => "another shape",
        serde_json::error::Category::Eof => "cut short",
    };
    AnswerError::Shape { category, position: error.column() }
}

/// Codes and ids have fewer than 50.
const MAX_ID_CHARACTERS: usize = 64;

/// The part of a message that is worth a log line.
const MAX_MESSAGE_CHARACTERS: usize = 256;

/// STS accepts signatures five minutes off, so its clock and ours may differ by as much.
const MAX_CLOCK_SKEW_SECONDS: u32 = 300;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AnswerError, Credentials};
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn answer() -> Value {
        json!({"Response": {
            "Credentials": {"Token": "CANARY-token", "TmpSecretId": "AKIDEMUx", "TmpSecretKey": "CANARY-key"},
            "ExpiredTime": NOW + 1800, "Expiration": null, "RequestId": "r-1",
        }})
    }

    fn parse(body: &str) -> Result<Credentials, AnswerError> {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let secret = Secret::new("CANARY-secret-of-the-call".to_owned()).unwrap();
        Credentials::parse(200, body.as_bytes(), now, 1800, 300, &[&secret])
    }

    #[track_caller]
    fn refused(body: &str) -> AnswerError {
        let error = parse(body).err().unwrap_or_else(|| panic!("accepted: {body}"));
        assert!(!error.to_string().contains("CANARY"), "{error}");
        error
    }

    #[test]
    fn a_whole_answer_is_read() {
        let credentials = parse(&answer().to_string()).ok().unwrap();
        assert_eq!(credentials.session_token.expose(), "CANARY-token");
        assert_eq!(credentials.start.unix_seconds(), NOW);
        assert_eq!(credentials.expiry.unix_seconds(), NOW + 1800);
    }

    #[test]
    fn the_start_is_never_ahead_of_our_clock() {
        let mut ahead = answer();
        ahead["Response"]["ExpiredTime"] = json!(NOW + 1800 + 200);
        assert_eq!(parse(&ahead.to_string()).ok().unwrap().start.unix_seconds(), NOW);
        let mut behind = answer();
        behind["Response"]["ExpiredTime"] = json!(NOW + 1800 - 200);
        assert_eq!(parse(&behind.to_string()).ok().unwrap().start.unix_seconds(), NOW - 200);
    }

    #[test]
    fn a_missing_or_empty_member_is_an_error_and_never_an_empty_string() {
        for member in ["Token", "TmpSecretId", "TmpSecretKey"] {
            let mut missing = answer();
            missing["Response"]["Credentials"].as_object_mut().unwrap().remove(member);
            let mut empty = answer();
            empty["Response"]["Credentials"][member] = json!("");
            let mut null = answer();
            null["Response"]["Credentials"][member] = Value::Null;
            for body in [missing, empty, null] {
                assert!(
                    matches!(refused(&body.to_string()), AnswerError::Missing(name) if name.ends_with(member))
                );
            }
        }
        for member in ["Credentials", "ExpiredTime", "RequestId"] {
            let mut missing = answer();
            missing["Response"].as_object_mut().unwrap().remove(member);
            assert!(
                matches!(refused(&missing.to_string()), AnswerError::Missing(name) if name == member)
            );
        }
    }

    #[test]
    fn an_answer_that_is_over_or_outlives_the_request_is_refused() {
        for (seconds, overlong) in
            [(-1, false), (0, false), (299, false), (2101, true), (i64::MAX - NOW, true)]
        {
            let mut body = answer();
            body["Response"]["ExpiredTime"] = json!(NOW + seconds);
            match refused(&body.to_string()) {
                AnswerError::Expired(_) => assert!(!overlong, "{seconds}"),
                AnswerError::Overlong(_) | AnswerError::Missing("ExpiredTime") => {
                    assert!(overlong, "{seconds}")
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn what_is_not_the_documented_json_is_refused() {
        let mut cut_short = answer().to_string();
        cut_short.truncate(cut_short.len() - 9);
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "<html>CANARY</html>",
            "{\"Response\":null}",
            r#"{"Response":[null,{"Token":"CANARY","TmpSecretId":"CANARY","TmpSecretKey":"CANARY"},1700001800,"r-1"]}"#,
            r#"{"Response":{"Credentials":["CANARY","CANARY","CANARY"],"ExpiredTime":1700001800,"RequestId":"r-1"}}"#,
            &cut_short,
        ] {
            assert!(matches!(refused(body), AnswerError::Shape { .. }), "{body}");
        }
        let mut wrong_type = answer();
        wrong_type["Response"]["ExpiredTime"] = json!("CANARY");
        refused(&wrong_type.to_string());
        let mut wrong_type = answer();
        wrong_type["Response"]["Credentials"] = json!("CANARY");
        refused(&wrong_type.to_string());
    }

    #[test]
    fn an_error_under_status_200_is_an_error() {
        let body = json!({"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "m"}, "RequestId": "r"}});
        assert!(
            matches!(refused(&body.to_string()), AnswerError::Api { code, .. } if code == "AuthFailure.SignatureFailure")
        );
        let mut both = answer();
        both["Response"]["Error"] = json!({"Code": "X", "Message": "m"});
        assert!(matches!(refused(&both.to_string()), AnswerError::Api { .. }));
    }

    #[test]
    fn what_sts_writes_is_cut_and_never_repeats_a_secret() {
        let words = |code: &str, message: &str, id: &str| {
            let mut body = answer();
            body["Response"]["Error"] = json!({"Code": code, "Message": message});
            body["Response"]["RequestId"] = json!(id);
            match refused(&body.to_string()) {
                AnswerError::Api { code, message, request_id } => [code, message, request_id],
                other => panic!("{other}"),
            }
        };
        let long = "长".repeat(126_000);
        let cut = words(&long, &long, &long);
        assert_eq!(cut.map(|text| text.chars().count()), [64, 256, 64]);
        for secret in ["CANARY-secret-of-the-call", "CANARY-token", "CANARY-key"] {
            let hidden = format!("{}{secret}", "x".repeat(250));
            assert!(words("C", &hidden, "r")[1].starts_with("(dropped"));
            assert!(words(&hidden, "m", &hidden)[0].starts_with("(dropped"));
        }
    }

    #[test]
    fn a_status_other_than_200_is_an_error_whatever_the_body() {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        for status in [201, 302, 403, 500, 503] {
            let outcome =
                Credentials::parse(status, answer().to_string().as_bytes(), now, 1800, 300, &[]);
            assert!(matches!(outcome, Err(AnswerError::Status(found)) if found == status));
        }
    }
}
