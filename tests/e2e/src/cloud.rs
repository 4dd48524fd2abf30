//! The local cloud as every end-to-end test starts it.

use cos_emulator::{Cloud, CloudBuilder};

use crate::installed;

/// A cloud to be started. Where `COS_EMULATOR_SECRET_LEDGER` names a file, each secret that the
/// cloud issues is written there, so that all that the tests print can be searched for them.
pub fn cloud() -> CloudBuilder {
    let builder = Cloud::builder();
    match installed::secret_ledger() {
        Some(path) => builder.secrets_file(path),
        None => builder,
    }
}
