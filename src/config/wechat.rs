//! Which mini-program's users log in: the settings of `AUTH=wechat`.
//!
//! # Guarantees
//! AppID and AppSecret contain only characters that need no escape in a URL.

use tencent::secret::Secret;

use super::reader::{Reader, list};
use super::weak_secret::is_weak;
use crate::auth::{WechatApp, WechatSubject};
use crate::http_client::PlaintextHttp;
use crate::sts::Endpoint;

/// Which mini-program's users log in, and how WeChat is called.
#[expect(missing_debug_implementations, reason = "it contains the AppSecret")]
pub struct WechatSettings {
    /// The mini-program.
    pub app: WechatApp,
    /// Whether a host is a loopback address without TLS.
    pub plaintext_http: PlaintextHttp,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<WechatSettings> {
    let app_id = reader.required("WECHAT_APPID", "wx0123456789abcdef", |text| {
        let is_id = (1..=64).contains(&text.len()) && text.bytes().all(is_unreserved);
        is_id.then(|| text.to_owned()).ok_or("must be an AppID, for example `wx0123456789abcdef`")
    });
    let secret = reader.required("WECHAT_SECRET", "<the AppSecret>", secret);
    let subjects = [("openid", WechatSubject::OpenId), ("unionid", WechatSubject::UnionId)];
    let subject = reader.choice("WECHAT_SUBJECT", WechatSubject::OpenId, &subjects);
    let endpoints = endpoints(reader)?;
    let is_plain = endpoints.iter().any(Endpoint::is_plain);
    let endpoints = endpoints.iter().map(|endpoint| endpoint.url().clone()).collect();
    Some(WechatSettings {
        app: WechatApp { app_id: app_id?, secret: secret?, subject: subject?, endpoints },
        plaintext_http: if is_plain { PlaintextHttp::Loopback } else { PlaintextHttp::Never },
    })
}

fn secret(text: &str) -> Result<Secret, &'static str> {
    let is_secret = text.len() >= MIN_SECRET_LENGTH && !is_weak(text);
    let is_secret = is_secret && text.bytes().all(is_unreserved);
    let secret = is_secret.then(|| Secret::new(text.to_owned()));
    secret
        .flatten()
        .ok_or("must be the AppSecret of the mini-program: 32 random letters and digits")
}

/// The second one is called when the first cannot be reached.
fn endpoints(reader: &mut Reader<'_>) -> Option<Vec<Endpoint>> {
    let text = reader.optional("WECHAT_ENDPOINTS").unwrap_or(ENDPOINTS);
    let parsed: Result<Vec<Endpoint>, _> = list(text).map(Endpoint::parse).collect();
    match parsed {
        Ok(endpoints) if (1..=2).contains(&endpoints.len()) => return Some(endpoints),
        Ok(_) => reader.error("WECHAT_ENDPOINTS", ONE_OR_TWO),
        Err(error) => reader.error("WECHAT_ENDPOINTS", error.to_string()),
    }
    None
}

/// <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

const MIN_SECRET_LENGTH: usize = 32;

/// <https://developers.weixin.qq.com/doc/service/Basic_Information/Interface_field_description.html>
const ENDPOINTS: &str = "api.weixin.qq.com,api2.weixin.qq.com";

const ONE_OR_TWO: &str =
    "must name one or two hosts of WeChat, for example `api.weixin.qq.com,api2.weixin.qq.com`";
