//! The account at the start: the default account, or the one of a file (`account.toml`).
//!
//! ```toml
//! appid = 1250000000
//! owner_uin = 100000000001
//! region = "ap-guangzhou"
//! buckets = ["examplebucket-1250000000"]
//! vpc = "vpc-aqp5jrc1"                # where requests to COS come from; optional
//!
//! [[root_key]]                        # optional, as is each member of a key
//! secret_id = "AKIDEMUroot"
//!
//! [[user]]
//! name = "issuer"
//! uin = 100000000002
//! policies = ['{"version":"2.0","statement":[…]}']
//! policy_files = ["issuer.json"]      # relative to this file
//! [[user.key]]
//! secret_id = "AKIDEMUissuer"
//! secret_key = "…"
//!
//! [[role]]
//! name = "uploader"
//! trust = "account"                   # or "service", or "users" with trusted_users = ["issuer"]
//! max_session_seconds = 7200
//! external_id = "partner"
//! policies = ['…']
//!
//! [[oidc_provider]]
//! name = "cls-a1b2c3d4"
//! issuer = "https://kubernetes.example.com"
//! client_ids = ["sts.cloud.tencent.com"]
//! jwks_file = "jwks.json"             # relative to this file
//!
//! [[role]]
//! name = "workload"
//! trust = "oidc"
//! trusted_provider = "cls-a1b2c3d4"
//! trusted_subjects = ["system:serviceaccount:uploads:cos-issuer"]   # any unless it is there
//! ```
//!
//! # Guarantees
//! An unknown member is an error; each error names file, line and member, never the value of a
//! secret; a user or role without a policy may do nothing.
//!
//! # Not covered
//! Groups.

mod check;
mod document;
mod read;

use std::path::PathBuf;

use super::{Account, KeyPair, OidcProvider, Role, User};

/// The account at the start.
#[derive(Clone, Debug)]
pub(crate) struct AccountFile {
    pub(crate) account: Account,
    pub(crate) root_keys: Vec<KeyPair>,
    /// At least one.
    pub(crate) users: Vec<User>,
    pub(crate) roles: Vec<Role>,
    pub(crate) oidc_providers: Vec<OidcProvider>,
}

/// Why an account file is invalid.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {message}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct AccountFileError {
    path: PathBuf,
    line: Option<usize>,
    message: String,
}

impl Default for AccountFile {
    fn default() -> Self {
        let account = Account::default();
        Self {
            root_keys: Vec::new(),
            users: vec![User::new("issuer", account.user_uin)],
            roles: vec![Role::new("issuer")],
            oidc_providers: Vec::new(),
            account,
        }
    }
}

#[cfg(test)]
mod tests;
