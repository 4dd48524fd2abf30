//! The mini-program whose users log in.

use tencent::secret::Secret;
use url::Url;

/// Which id of a user is the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WechatSubject {
    /// The id in this mini-program.
    OpenId,
    /// The id in all apps of one Open Platform account.
    UnionId,
}

/// The mini-program whose users log in.
#[expect(missing_debug_implementations, reason = "it contains the AppSecret")]
pub struct WechatApp {
    /// The AppID.
    pub app_id: String,
    /// The AppSecret.
    pub secret: Secret,
    /// Which id is the subject.
    pub subject: WechatSubject,
    /// WeChat's hosts, in order. The second one is called only when no connection to the first can
    /// be made.
    pub endpoints: Vec<Url>,
}
