//! Which build this is: its version, the revision of its sources, the system it was built for.

use std::env::consts::{ARCH, OS};

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The git revision of the sources, which `make build` passes to the compiler.
pub const REVISION: &str = match option_env!("COS_ISSUER_REVISION") {
    Some(revision) if !revision.is_empty() => revision,
    Some(_) | None => "unknown",
};

/// One line, for example `cos-issuer 0.1.0 (revision 0123456789ab, x86_64-linux-gnu)`.
pub fn line() -> String {
    let library = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    let target = [ARCH, OS, library].join("-");
    ["cos-issuer ", VERSION, " (revision ", REVISION, ", ", &target, ")"].concat()
}
