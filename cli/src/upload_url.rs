//! A URL that uploads one object with an issued credential: an example for people to paste.

use cos_emulator::Cloud;
use serde::Deserialize;
use tencent::percent::percent_encode;
use tencent::secret::Secret;
use tencent::sign::q_sign::{CosRequest, authorization, key_time};
use tencent::time::Clock as _;

const PATH: &str = "/users/hello.txt";
const SECONDS: u32 = 1800;

/// `data.credentials` in a response to `GET /sign`, or the names of the STS.
#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "tmpSecretId", alias = "TmpSecretId")]
    secret_id: String,
    #[serde(rename = "tmpSecretKey", alias = "TmpSecretKey")]
    secret_key: String,
    #[serde(rename = "sessionToken", alias = "Token")]
    token: String,
}

/// The URL of one object, presigned for PUT; `None` when `body` contains no credential.
pub(crate) fn upload_url(cloud: &Cloud, body: &[u8]) -> Option<String> {
    let mut response: serde_json::Value = serde_json::from_slice(body).ok()?;
    let credential = response.pointer_mut("/data/credentials")?.take();
    let credential: Credential = serde_json::from_value(credential).ok()?;
    let now = cloud.clock().now();
    let host = cloud.cos().http_url();
    let request = CosRequest {
        method: "PUT",
        path: PATH,
        parameters: &[],
        headers: &[("host", host.trim_start_matches("http://"))],
    };
    let signature = authorization(
        &request,
        &key_time(now, now.plus_seconds(SECONDS)),
        &credential.secret_id,
        &Secret::new(credential.secret_key)?,
    );
    let token = percent_encode(&credential.token);
    Some(format!("{host}{PATH}?{signature}&x-cos-security-token={token}"))
}
