//! Answers of STS to a request for half an hour, of which five minutes must be left.
//!
//! # Guarantees
//! No answer panics the reader. Credentials are members of an object, none empty, with a lifetime
//! that fits the request. An error in our words repeats nothing of the answer.

use cos_issuer::sts::{AnswerError, Credentials};
use serde_json::Value;
use tencent::time::Timestamp;

/// Tries one answer with status 200. Returns whether it was taken.
pub fn sts_answer(bytes: &[u8]) -> bool {
    let now = Timestamp::from_unix_seconds(NOON).expect("a moment");
    // Bytes that are not text may be in members that nobody reads.
    let text = String::from_utf8_lossy(bytes);
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let response = &answer["Response"];
    let members = &response["Credentials"];
    match Credentials::parse(200, bytes, now, 1800, 300, &[]) {
        Ok(credentials) => {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            assert!(response["Error"].is_null(), "an error is taken");
            assert_eq!(text(&members["TmpSecretId"]), credentials.tmp_secret_id.expose());
            assert_eq!(text(&members["TmpSecretKey"]), credentials.tmp_secret_key.expose());
            assert_eq!(text(&members["Token"]), credentials.session_token.expose());
            let id = &credentials.sts_request_id;
            assert!(text(&response["RequestId"]).starts_with(id) || id.starts_with("(dropped"));
            let secrets = [&members["TmpSecretId"], &members["TmpSecretKey"], &members["Token"]];
            assert!(secrets.iter().all(|member| !text(member).is_empty()));
            let expiry = credentials.expiry.unix_seconds();
            assert_eq!(response["ExpiredTime"], expiry);
            // A few minutes more are a clock that differs.
            assert!((NOON + 300..=NOON + 1800 + 300).contains(&expiry), "{expiry}");
            assert!(credentials.start <= now);
            true
        }
        Err(AnswerError::Api { message, .. }) => {
            assert!(message.chars().count() <= 256, "a message is cut");
            assert!(response["Error"].is_object(), "no error is taken for one");
            false
        }
        Err(error) => {
            let text = error.to_string();
            let secrets =
                ["TmpSecretId", "TmpSecretKey", "Token"].map(|name| members[name].as_str());
            let mut long = secrets.iter().flatten().filter(|secret| secret.len() > 24);
            assert!(long.all(|secret| !text.contains(secret)), "the error repeats a secret");
            false
        }
    }
}

const NOON: i64 = 1_700_000_000;
