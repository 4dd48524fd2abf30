//! WeChat's login service of a local cloud: codes of this run, and `code2Session` on loopback.
//!
//! API: <https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session.html>.
//!
//! # Guarantees
//! A code counts once and for five minutes. Failures have status 200, as WeChat's do.
//!
//! # Not covered
//! The limit of logins a minute, and any other API of WeChat.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tencent::secret::Secret;
use tencent::time::{Clock as _, SystemClock, Timestamp};

use crate::loopback::{Port, Server, json_response, refusal};

/// `WECHAT_APPID` of the function, unless it has another one.
pub(crate) const APP_ID: &str = "wx0123456789abcdef";

pub(crate) struct WechatService {
    codes: Arc<Codes>,
    url: String,
    #[expect(dead_code, reason = "serves for as long as the service lives")]
    server: Server,
}

struct Codes {
    app_id: String,
    app_secret: Secret,
    logins: Mutex<HashMap<String, Login>>,
}

/// Who logged in, and until when the code counts.
struct Login {
    open_id: String,
    expires_at: Timestamp,
    is_spent: bool,
}

impl WechatService {
    pub(crate) fn start(app_id: &str, app_secret: Secret) -> io::Result<Self> {
        let app_id = app_id.to_owned();
        let codes = Arc::new(Codes { app_id, app_secret, logins: Mutex::default() });
        let port = Port::bind(0)?;
        let url = port.origin();
        let served = Arc::clone(&codes);
        let server = port.serve(move |head, _| {
            let response = match (&head.method, head.uri.path()) {
                (&Method::GET, PATH) => {
                    let query = head.uri.query().unwrap_or_default();
                    json_response(&served.session(query, SystemClock.now()))
                }
                _ => refusal(
                    StatusCode::NOT_FOUND,
                    "NotFound",
                    "codes are exchanged at /sns/jscode2session",
                ),
            };
            std::future::ready(response)
        })?;
        Ok(Self { codes, url, server })
    }

    /// The variables by which a function accepts these codes.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("WECHAT_APPID", self.codes.app_id.clone()),
            ("WECHAT_SECRET", self.codes.app_secret.expose().to_owned()),
            ("WECHAT_ENDPOINTS", self.url.clone()),
        ]
    }

    /// Where codes are exchanged.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on `code` is one that `wx.login` returned to the mini-program of this user.
    pub(crate) fn login(&self, open_id: &str, code: String) {
        let expires_at = SystemClock.now().plus_seconds(CODE_SECONDS);
        let login = Login { open_id: open_id.to_owned(), expires_at, is_spent: false };
        let mut logins = self.codes.logins();
        logins.retain(|_, login| login.expires_at > SystemClock.now());
        logins.insert(code, login);
    }
}

impl Codes {
    fn session(&self, query: &str, now: Timestamp) -> Value {
        // The function sends no character that needs an escape.
        let query: HashMap<&str, &str> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let sent = |name: &str| query.get(name).copied().unwrap_or_default();
        let failure = |errcode: i32, words: &str| json!({ "errcode": errcode, "errmsg": format!("{words}, rid: local-{errcode}") });
        match (sent("appid"), sent("secret"), sent("js_code"), sent("grant_type")) {
            ("", _, _, _) => return failure(41002, "appid missing"),
            (_, "", _, _) => return failure(41004, "appsecret missing"),
            (_, _, "", _) => return failure(41008, "missing code"),
            (_, _, _, grant_type) if grant_type != "authorization_code" => {
                return failure(40002, "invalid grant_type");
            }
            (app_id, _, _, _) if app_id != self.app_id => return failure(40013, "invalid appid"),
            (_, secret, _, _) if secret != self.app_secret.expose() => {
                return failure(40125, "invalid appsecret");
            }
            _ => {}
        }
        let mut logins = self.logins();
        match logins.get_mut(sent("js_code")).filter(|login| login.expires_at > now) {
            None => failure(40029, "invalid code"),
            Some(login) if login.is_spent => failure(40163, "code been used"),
            Some(login) => {
                login.is_spent = true;
                json!({ "openid": login.open_id, "session_key": "bm90LWEtc2Vzc2lvbi1rZXk=" })
            }
        }
    }

    fn logins(&self) -> MutexGuard<'_, HashMap<String, Login>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const PATH: &str = "/sns/jscode2session";

const CODE_SECONDS: u32 = 300;

#[cfg(test)]
mod tests {
    use tencent::time::Clock as _;

    use super::{APP_ID, CODE_SECONDS, Codes, Login, Secret, SystemClock};

    #[test]
    fn a_code_counts_once_for_five_minutes_and_only_for_its_app() {
        let now = SystemClock.now();
        let codes = Codes {
            app_id: APP_ID.to_owned(),
            app_secret: Secret::new("secret".to_owned()).unwrap(),
            logins: std::sync::Mutex::default(),
        };
        for code in ["one", "two"] {
            let login = Login {
                open_id: "o-1".to_owned(),
                expires_at: now.plus_seconds(CODE_SECONDS),
                is_spent: false,
            };
            codes.logins().insert(code.to_owned(), login);
        }
        let ask = |app_id: &str, secret: &str, code: &str, seconds| {
            let query = format!(
                "appid={app_id}&secret={secret}&js_code={code}&grant_type=authorization_code"
            );
            codes.session(&query, now.plus_seconds(seconds))
        };
        for (app_id, secret, code, errcode) in [
            ("", "secret", "one", 41002),
            (APP_ID, "", "one", 41004),
            (APP_ID, "secret", "", 41008),
            ("other", "secret", "one", 40013),
            (APP_ID, "other", "one", 40125),
            (APP_ID, "secret", "three", 40029),
        ] {
            assert_eq!(ask(app_id, secret, code, 0)["errcode"], errcode);
        }
        assert_eq!(codes.session("appid=a&secret=b&js_code=c", now)["errcode"], 40002);
        assert_eq!(ask(APP_ID, "secret", "one", 0)["openid"], "o-1");
        assert_eq!(ask(APP_ID, "secret", "one", 0)["errcode"], 40163);
        assert_eq!(ask(APP_ID, "secret", "two", CODE_SECONDS)["errcode"], 40029);
    }
}
