//! A signed request of the caller `backend`.

use cos_issuer::auth::hmac::signature::{ALGORITHM, SignedRequest};
use tencent::secret::Secret;
use tencent::time::{Clock as _, SystemClock};

/// A key that a caller signs with.
pub const HMAC_KEY: &str = "CANARY-hmac-key-of-a-caller-0123456789";

/// The `Authorization` of `GET /sts`, signed now with [`HMAC_KEY`].
pub fn signed(nonce: &str) -> String {
    let timestamp = SystemClock.now().unix_seconds();
    let request =
        SignedRequest { timestamp, nonce, method: "GET", path: "/sts", query: &[], body: "" };
    let key = Secret::new(HMAC_KEY.to_owned());
    let signature = key.map(|key| request.sign(&key)).unwrap_or_default();
    format!(
        "{ALGORITHM} KeyId=backend, Timestamp={timestamp}, Nonce={nonce}, Signature={signature}"
    )
}
