//! An issued credential, as the SDKs read it (`format=sdk`).

use serde_json::Value;
use tencent::secret::Secret;
use tencent::time::Timestamp;

/// A credential and its time.
pub(crate) struct Credential {
    pub(crate) secret_id: String,
    pub(crate) secret_key: Secret,
    pub(crate) token: Secret,
    /// In seconds since 1970, as is the expiry.
    pub(crate) start: i64,
    pub(crate) expiry: i64,
}

impl Credential {
    /// Reads an answer; `None` if it lacks a member.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| {
            let text = json.get("credentials")?.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        Some(Self {
            secret_id: text("tmpSecretId")?,
            secret_key: Secret::new(text("tmpSecretKey")?)?,
            token: Secret::new(text("sessionToken")?)?,
            start: json.get("startTime")?.as_i64()?,
            expiry: json.get("expiredTime")?.as_i64()?,
        })
    }

    /// Whether enough of its life is left to begin something with it: five minutes, or half of a
    /// shorter life.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        let half = self.expiry.saturating_sub(self.start) / 2;
        let left = self.expiry.saturating_sub(now.unix_seconds());
        left > 0 && left >= half.min(ENOUGH_SECONDS)
    }
}

const ENOUGH_SECONDS: i64 = 300;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn credential(start: i64, expiry: i64) -> Credential {
        let body = json!({"startTime": start, "expiredTime": expiry, "credentials":
            {"tmpSecretId": "id", "tmpSecretKey": "key", "sessionToken": "token"}});
        Credential::parse(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_credential_is_used_until_it_is_about_to_end() {
        let start = Timestamp::from_unix_seconds(1_700_000_000).unwrap();
        let is_fresh = |seconds, lifetime| {
            let expiry = start.plus_seconds(lifetime).unix_seconds();
            credential(start.unix_seconds(), expiry).is_fresh(start.plus_seconds(seconds))
        };
        for (seconds, lifetime, expected) in [
            (0, 1800, true),
            (1500, 1800, true),
            (1501, 1800, false),
            (150, 300, true),
            (151, 300, false),
            (2000, 1800, false),
            (0, 0, false),
        ] {
            assert_eq!(is_fresh(seconds, lifetime), expected, "{seconds} of {lifetime}");
        }
    }

    #[test]
    fn an_answer_that_lacks_a_member_is_none() {
        for body in [
            "",
            "{}",
            r#"{"credentials":{"tmpSecretId":"a","tmpSecretKey":"b"},"startTime":1,"expiredTime":2}"#,
            r#"{"credentials":{"tmpSecretId":"","tmpSecretKey":"b","sessionToken":"c"},"startTime":1,"expiredTime":2}"#,
            r#"{"credentials":{"tmpSecretId":"a","tmpSecretKey":"b","sessionToken":"c"},"startTime":1}"#,
        ] {
            assert!(Credential::parse(body.as_bytes()).is_none(), "{body}");
        }
    }
}
