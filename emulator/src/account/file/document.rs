//! The file as it is written: its members and their places. `check` validates them.

use serde::Deserialize;
use toml::Spanned;

use super::super::Account;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default = "default_appid")]
    pub(super) appid: u64,
    #[serde(default = "default_owner_uin")]
    pub(super) owner_uin: u64,
    pub(super) region: Option<Spanned<String>>,
    pub(super) buckets: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) vpc: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) root_key: Vec<Spanned<Key>>,
    #[serde(default)]
    pub(super) user: Vec<User>,
    #[serde(default)]
    pub(super) role: Vec<Role>,
    #[serde(default)]
    pub(super) oidc_provider: Vec<OidcProvider>,
}

/// A permanent key; what is left out is random.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) secret_id: Option<String>,
    pub(super) secret_key: Option<String>,
}

/// A user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    pub(super) name: Spanned<String>,
    pub(super) uin: Spanned<u64>,
    #[serde(default)]
    pub(super) policies: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) policy_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) key: Vec<Spanned<Key>>,
}

/// A role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) name: Spanned<String>,
    pub(super) id: Option<Spanned<u64>>,
    pub(super) trust: TrustKind,
    #[serde(default)]
    pub(super) trusted_users: Vec<Spanned<String>>,
    pub(super) trusted_provider: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) trusted_subjects: Vec<Spanned<String>>,
    pub(super) max_session_seconds: Option<Spanned<u32>>,
    pub(super) external_id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) policies: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) policy_files: Vec<Spanned<String>>,
}

/// An OIDC provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcProvider {
    pub(super) name: Spanned<String>,
    pub(super) issuer: String,
    pub(super) client_ids: Spanned<Vec<String>>,
    pub(super) jwks_file: Spanned<String>,
}

/// Who may assume a role.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum TrustKind {
    Account,
    Oidc,
    Service,
    Users,
}

impl Document {
    /// The error has a byte offset, when the parser knows one.
    pub(super) fn parse(text: &str) -> Result<Self, (Option<usize>, String)> {
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map(|span| span.start);
            (offset, without_value(error.message()))
        })
    }
}

/// The parser quotes a text that has the wrong type, and it may be a secret in a wrong place.
fn without_value(message: &str) -> String {
    match (message.split_once('"'), message.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}\"…\"{after}"),
        _ => message.to_owned(),
    }
}

fn default_appid() -> u64 {
    Account::default().appid
}

fn default_owner_uin() -> u64 {
    Account::default().owner_uin
}
