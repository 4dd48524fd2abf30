//! One call of WeChat: a login code in, a user or a refusal out.
//!
//! API: <https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session.html>.
//!
//! # Guarantees
//! - The second host is called only when no connection to the first could be made. Nothing that
//!   was sent is sent again.
//! - `session_key` is skipped unparsed. WeChat's own words never leave; the log gets its number and
//!   its request id.

use std::time::Duration;

use serde::Deserialize;
use tencent::secret::Secret;
use tracing::warn;
use url::Url;

use super::app::{WechatApp, WechatSubject};
use super::refusal::{later, unavailable};
use crate::auth::claims::{Claim, Claims};
use crate::auth::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode, chain};
use crate::http_client::{CallError, Client};

pub(super) struct CodeExchange {
    client: Client,
    app: WechatApp,
}

impl CodeExchange {
    /// For both hosts together, a caller waits so long. Leaves time for STS.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

    pub(super) fn new(client: Client, app: WechatApp) -> Self {
        Self { client, app }
    }

    /// The user who logged in with `code`.
    pub(super) async fn principal(&self, code: &Secret) -> Result<Principal, Error> {
        let answer = self.call(code).await.map_err(|error| unavailable().caused_by(error))?;
        let subject = subject(&answer, self.app.subject)?;
        Ok(principal(&self.app.app_id, subject))
    }

    async fn call(&self, code: &Secret) -> Result<Vec<u8>, ExchangeError> {
        let mut endpoints = self.app.endpoints.iter().take(2).peekable();
        while let Some(endpoint) = endpoints.next() {
            let url = self.url(endpoint, code).ok_or(ExchangeError::Answer)?;
            match self.client.get(url.expose(), MAX_ANSWER_BYTES, Self::TIMEOUT).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.body),
                Ok(answer) => return Err(ExchangeError::Status(answer.status)),
                Err(error @ CallError::Connect(_)) if endpoints.peek().is_some() => {
                    warn!(cause = chain(&error), "WeChat's first host could not be reached");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ExchangeError::Answer)
    }

    /// The AppSecret and the code are in the query: the URL is never logged.
    fn url(&self, endpoint: &Url, code: &Secret) -> Option<Secret> {
        // Settings and codes contain only characters that need no escape in a query.
        Secret::new(format!(
            "{endpoint}sns/jscode2session?appid={}&secret={}&js_code={}\
             &grant_type=authorization_code",
            self.app.app_id,
            self.app.secret.expose(),
            code.expose(),
        ))
    }
}

/// The subject that an answer names. The answer is JSON, whatever its `Content-Type`.
fn subject(answer: &[u8], wanted: WechatSubject) -> Result<String, Error> {
    let unusable = || unavailable().caused_by(ExchangeError::Answer);
    let session: Session = serde_json::from_slice(answer).map_err(|_| unusable())?;
    match session.errcode {
        None | Some(0) => {}
        Some(errcode) => return Err(refusal(errcode, session.errmsg.as_deref())),
    }
    let is_usable = |id: &String| (1..=MAX_ID_BYTES).contains(&id.len());
    let open_id = session.openid.filter(is_usable).ok_or_else(unusable)?;
    match wanted {
        WechatSubject::OpenId => Ok(open_id),
        // Never the other id in its place: one person would have two folders.
        WechatSubject::UnionId => {
            let union_id = session.unionid.filter(is_usable);
            union_id.ok_or_else(|| misconfigured(NO_UNION_ID).caused_by(ExchangeError::NoUnionId))
        }
    }
}

/// What counts of an answer.
#[derive(Deserialize)]
struct Session {
    errcode: Option<i64>,
    errmsg: Option<String>,
    openid: Option<String>,
    unionid: Option<String>,
}

fn principal(app_id: &str, subject: String) -> Principal {
    let mut claims = Claims::of_subject(subject);
    claims.add(APP_ID_CLAIM, Claim::Text(app_id.to_owned()));
    Principal::authenticated(AuthMethod::Wechat, AuthMethod::Wechat.name(), claims)
}

/// The refusal of a documented number.
/// <https://developers.weixin.qq.com/doc/oplatform/developers/troubleshooting>
fn refusal(errcode: i64, errmsg: Option<&str>) -> Error {
    let rid = errmsg.and_then(request_id).unwrap_or_default().to_owned();
    warn!(errcode, rid, "WeChat refused a login code");
    let error = match errcode {
        40029 | 40163 => {
            let message = "the login code is wrong, expired or spent: call `wx.login` again and \
                 send the new code once";
            Error::new(ErrorCode::WechatCode, message)
        }
        40226 => Error::new(
            ErrorCode::WechatUserBlocked,
            "WeChat has blocked the login of this user as a risk",
        ),
        41008 => Error::new(ErrorCode::WechatCodeForm, "the login code is missing"),
        45011 => {
            let message = "WeChat's limit of logins of this user is exceeded: wait a minute";
            later(ErrorCode::WechatRateLimited, message, "60")
        }
        40013 | 40125 | 41002 | 41004 => misconfigured("check WECHAT_APPID and WECHAT_SECRET"),
        40164 | 45035 | 61004 => {
            misconfigured("the address of this machine is not on the mini-program's IP allow-list")
        }
        50002 => misconfigured("WeChat has limited the account of the mini-program"),
        _ => unavailable(),
    };
    error.caused_by(ExchangeError::Refused { errcode, rid })
}

/// WeChat's own id of the call, which its support asks for: `invalid code, rid: 5f…`.
fn request_id(errmsg: &str) -> Option<&str> {
    let (_, rest) = errmsg.rsplit_once("rid: ")?;
    let known = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    ((1..=64).contains(&rest.len()) && rest.bytes().all(known)).then_some(rest)
}

fn misconfigured(hint: &'static str) -> Error {
    let message = "logins of this mini-program are not set up correctly: its operator has to act";
    later(ErrorCode::WechatConfiguration, message, "60").with_hint(Some(hint))
}

/// Why there is no user. Contains nothing of the code and nothing of the user.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error("the answer of WeChat is not usable")]
    Answer,
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("the answer of WeChat has no unionid")]
    NoUnionId,
    #[error("WeChat's errcode is {errcode}, rid `{rid}`")]
    Refused { errcode: i64, rid: String },
    #[error("WeChat answered with status {0}")]
    Status(u16),
}

const NO_UNION_ID: &str = "WeChat returned no unionid: bind the mini-program to an Open Platform \
     account, or set WECHAT_SUBJECT=openid";

/// The mini-program of a user, for grants.
const APP_ID_CLAIM: &str = "appid";

/// Ids have 28 characters.
const MAX_ID_BYTES: usize = 128;

/// An answer has some hundred bytes.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{WechatSubject, subject};
    use crate::error::{Error, ErrorCode};

    fn read(answer: &Value, wanted: WechatSubject) -> Result<String, Error> {
        subject(answer.to_string().as_bytes(), wanted)
    }

    #[test]
    fn a_user_is_who_the_settings_ask_for_and_nobody_else() {
        use WechatSubject::{OpenId, UnionId};
        let both = json!({"openid": "o-1", "unionid": "u-1", "session_key": "CANARY", "new": {}});
        let old = json!({"openid": "o-1", "errcode": 0, "errmsg": "ok", "expires_in": 7200});
        assert_eq!(read(&both, OpenId).ok().as_deref(), Some("o-1"));
        assert_eq!(read(&both, UnionId).ok().as_deref(), Some("u-1"));
        assert_eq!(read(&old, OpenId).ok().as_deref(), Some("o-1"));
        let error = read(&old, UnionId).err().unwrap();
        assert_eq!(error.code(), ErrorCode::WechatConfiguration);
        assert!(error.hint().unwrap().contains("WECHAT_SUBJECT"));
    }

    proptest::proptest! {
        /// Whatever an answer contains, the user is the text in its one member, and only without
        /// an errcode.
        #[test]
        fn a_user_is_only_what_an_answer_names(
            members in proptest::collection::vec((
                proptest::sample::select(vec!["openid", "unionid", "errcode", "errmsg", "session_key", "x"]),
                proptest::sample::select(vec![
                    "\"o-1\"", "\"\"", "null", "0", "40029", "-1", "0.0", "[]", "{\"openid\":\"o-2\"}", "true", "\"\\u0000\"", "1e99",
                ]),
            ), 0..6),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..9),
            is_cut in proptest::prelude::any::<bool>(),
        ) {
            let written = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            let mut answer = format!("{{{}}}", written.collect::<Vec<_>>().join(",")).into_bytes();
            if is_cut {
                answer.truncate(answer.len().saturating_sub(bytes.len()));
                answer.extend(&bytes);
            }
            for (wanted, member) in [(WechatSubject::OpenId, "openid"), (WechatSubject::UnionId, "unionid")] {
                let Ok(user) = subject(&answer, wanted) else { continue };
                let read: Value = serde_json::from_slice(&answer).unwrap();
                proptest::prop_assert_eq!(read[member].as_str(), Some(user.as_str()));
                proptest::prop_assert!(read["errcode"].is_null() || read["errcode"] == 0);
                proptest::prop_assert!(!user.is_empty() && read["openid"].is_string());
            }
        }
    }

    #[test]
    fn an_answer_without_a_user_is_refused() {
        let long = "o".repeat(129);
        for answer in [
            json!({}),
            json!([]),
            json!({"openid": ""}),
            json!({"openid": null}),
            json!({"openid": 7}),
            json!({"openid": long}),
            json!({"unionid": "u-1"}),
            json!({"errcode": "40029", "openid": "o-1"}),
            json!({"errcode": -1, "errmsg": "system error", "openid": "o-1"}),
            json!({"errcode": 99999, "openid": "o-1"}),
        ] {
            let error = read(&answer, WechatSubject::OpenId).err().unwrap();
            assert_eq!(error.code(), ErrorCode::WechatUnavailable, "{answer}");
        }
        assert!(subject(b"<html>", WechatSubject::OpenId).is_err());
    }

    /// <https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session.html>
    #[test]
    fn each_documented_number_has_its_refusal() {
        use ErrorCode::{
            WechatCode, WechatCodeForm, WechatConfiguration, WechatRateLimited, WechatUserBlocked,
        };
        for (errcode, code, status) in [
            (40029, WechatCode, 401),
            (40163, WechatCode, 401),
            (40226, WechatUserBlocked, 403),
            (41008, WechatCodeForm, 400),
            (45011, WechatRateLimited, 429),
            (40013, WechatConfiguration, 503),
            (40125, WechatConfiguration, 503),
            (40164, WechatConfiguration, 503),
            (41002, WechatConfiguration, 503),
            (41004, WechatConfiguration, 503),
            (45035, WechatConfiguration, 503),
            (50002, WechatConfiguration, 503),
            (61004, WechatConfiguration, 503),
        ] {
            let answer = json!({"errcode": errcode, "errmsg": "CANARY words, rid: 5f-1a"});
            let error = read(&answer, WechatSubject::OpenId).err().unwrap();
            assert_eq!((error.code(), code.info().status.as_u16()), (code, status), "{errcode}");
            assert!(!error.message().contains("CANARY"));
            let cause = error.cause_text().unwrap();
            assert!(cause.contains("`5f-1a`") && !cause.contains("CANARY"), "{cause}");
            assert_eq!(error.hint().is_some(), code == WechatConfiguration, "{errcode}");
            assert_eq!(error.header().is_some(), matches!(status, 429 | 503), "{errcode}");
        }
    }
}
