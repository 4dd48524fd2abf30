//! The one account of this cloud: its numbers, users, keys, roles, OIDC providers and policies.
//!
//! ```text
//! account.toml -> AccountFile file            the account at the start
//!              -> Directory   directory   valid, revoked, expired and issued keys
//!              -> Identity    identity    the identity of a key, and what its policies allow
//! ```
//!
//! # Guarantees
//! Keys are random (or given) and begin with `AKIDEMU`; a temporary key works only with its own
//! token and until its expiry; a key that looks like one of the real service (`AKID` not followed
//! by `EMU`) is refused; a user or role without a policy may do nothing.
//!
//! # Not covered
//! Groups, boundaries, bucket policies and ACLs that grant.

mod directory;
mod file;
mod identity;
mod key_pair;
mod numbers;
mod oidc_provider;
mod role;
mod user;

pub(crate) use self::directory::{Directory, Found, Issued, Key};
pub(crate) use self::file::AccountFile;
pub use self::file::AccountFileError;
pub(crate) use self::identity::{Identity, Permanent, Verdict};
pub(crate) use self::key_pair::looks_real;
pub use self::key_pair::{KeyOwner, KeyPair};
pub use self::numbers::Account;
pub use self::oidc_provider::{BadJwks, OidcProvider};
pub use self::role::{Role, Trust};
pub use self::user::User;
