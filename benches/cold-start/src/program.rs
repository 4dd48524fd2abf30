//! The programs that are compared: their environment, and what a right answer of each is.

use crate::cli::Options;
use base64::Engine as _;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::{self, Sts};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A program to start.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// The whole environment, but for the address of the runtime API.
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) answer: Answer,
}

impl Program {
    /// The function, configured to ask `sts`.
    pub(crate) fn function(options: &Options, sts: &Sts) -> Result<Self, Fault> {
        let mut environment = lambda_environment();
        environment.extend([
            ("SECRET_ID", "AKIDEMUbenchmark00000000000000000000".to_owned()),
            ("SECRET_KEY", "emulatorbenchmark000000000000000".to_owned()),
            ("BUCKET", sts::BUCKET.to_owned()),
            ("REGION", "ap-guangzhou".to_owned()),
            ("PREFIX", "users/".to_owned()),
            ("ALLOW", "upload".to_owned()),
            ("AUTH", "none".to_owned()),
            // A warm request is measured with its STS call.
            ("CACHE", "off".to_owned()),
            ("LOG", "info".to_owned()),
            ("STS_ENDPOINTS", sts.endpoint()),
            ("STS_CA_FILE", ca_file(sts)?),
        ]);
        Ok(Self { path: absolute(&options.function)?, environment, answer: Answer::Credentials })
    }

    /// The smallest issuer, which asks `sts` too.
    pub(crate) fn minimal(options: &Options, sts: &Sts) -> Result<Self, Fault> {
        let mut environment = lambda_environment();
        environment.extend([("STS_URL", sts.endpoint()), ("STS_CA_FILE", ca_file(sts)?)]);
        Ok(Self { path: absolute(&options.minimal)?, environment, answer: Answer::StsCredentials })
    }

    /// Hello-world.
    pub(crate) fn hello(options: &Options) -> Result<Self, Fault> {
        Ok(Self {
            path: absolute(&options.hello)?,
            environment: lambda_environment(),
            answer: Answer::Hello,
        })
    }

    pub(crate) fn size_bytes(&self) -> Result<u64, Fault> {
        Ok(std::fs::metadata(&self.path)?.len())
    }
}

fn ca_file(sts: &Sts) -> Result<String, Fault> {
    let path = sts.ca_file().to_str();
    Ok(path.ok_or("the temporary directory has a name that is not text")?.to_owned())
}

fn absolute(path: &Path) -> Result<PathBuf, Fault> {
    path.canonicalize().map_err(|fault| format!("{}: {fault}", path.display()).into())
}

fn lambda_environment() -> Vec<(&'static str, String)> {
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "example"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/example"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[$LATEST]00000000000000000000000000000000"),
        ("AWS_REGION", "ap-southeast-1"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// What a right answer contains.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// The text `hello`.
    Hello,
    /// CAM JSON with the credentials that our STS issues, not expired.
    Credentials,
    /// The same credentials, in the answer of STS.
    StsCredentials,
}

impl Answer {
    /// Takes the bytes posted to the runtime API; the fault of a wrong answer never repeats a
    /// secret.
    pub(crate) fn check(self, posted: &[u8]) -> Result<(), Fault> {
        let reply: Value = serde_json::from_slice(posted).map_err(|_| "the answer is not JSON")?;
        let text = reply.get("body").and_then(Value::as_str).unwrap_or_default();
        let body = match reply.get("isBase64Encoded").and_then(Value::as_bool) {
            Some(true) => base64::engine::general_purpose::STANDARD.decode(text)?,
            _ => text.as_bytes().to_vec(),
        };
        match reply.get("statusCode").and_then(Value::as_u64) {
            Some(200) => {}
            // An error's body has no credentials.
            status => {
                return Err(format!("status {status:?}: {}", String::from_utf8_lossy(&body)).into());
            }
        }
        match self {
            Self::Hello if body == b"hello" => Ok(()),
            Self::Hello => Err("hello-world did not say hello".into()),
            Self::Credentials => check_credentials(&body, CAM_POINTERS),
            Self::StsCredentials => check_credentials(&body, STS_POINTERS),
        }
    }
}

/// Where the id, the key, the token and the expiry are.
type Pointers = [&'static str; 4];

const CAM_POINTERS: Pointers = [
    "/data/credentials/tmpSecretId",
    "/data/credentials/tmpSecretKey",
    "/data/credentials/sessionToken",
    "/data/expiredTime",
];

const STS_POINTERS: Pointers = [
    "/Response/Credentials/TmpSecretId",
    "/Response/Credentials/TmpSecretKey",
    "/Response/Credentials/Token",
    "/Response/ExpiredTime",
];

fn check_credentials(body: &[u8], [id, key, token, expiry]: Pointers) -> Result<(), Fault> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    for (pointer, issued) in
        [(id, sts::TMP_SECRET_ID), (key, sts::TMP_SECRET_KEY), (token, sts::token())]
    {
        if body.pointer(pointer).and_then(Value::as_str) != Some(issued) {
            return Err(format!("the answer's {pointer} is not the one issued").into());
        }
    }
    match body.pointer(expiry).and_then(Value::as_i64) {
        Some(time) if time > clock::unix_seconds() => Ok(()),
        _ => Err(format!("the answer's {expiry} is missing or past").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use cos_issuer_bench_sts::sts;
    use serde_json::{Value, json};

    fn reply(status: u16, body: &Value) -> Vec<u8> {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({"statusCode": status, "headers": {}, "body": text, "isBase64Encoded": false})
            .to_string()
            .into_bytes()
    }

    fn cam() -> Value {
        let credentials = json!({
            "tmpSecretId": sts::TMP_SECRET_ID, "tmpSecretKey": sts::TMP_SECRET_KEY, "sessionToken": sts::token(),
        });
        json!({"code": 0, "data": {"credentials": credentials, "expiredTime": i64::MAX}})
    }

    #[test]
    fn right_answers_pass() {
        Answer::Hello.check(&reply(200, &json!("hello"))).unwrap();
        Answer::Hello
            .check(br#"{"statusCode":200,"body":"aGVsbG8=","isBase64Encoded":true}"#)
            .unwrap();
        Answer::Credentials.check(&reply(200, &cam())).unwrap();
    }

    #[test]
    fn an_error_is_not_counted_as_an_answer() {
        let fault =
            Answer::Credentials.check(&reply(502, &json!({"codeDesc": "Upstream"}))).unwrap_err();
        assert!(fault.to_string().contains("Upstream"));
        assert!(Answer::Hello.check(&reply(500, &json!("hello"))).is_err());
        assert!(Answer::Hello.check(b"hello").is_err());
    }

    #[test]
    fn each_member_of_the_credentials_is_checked() {
        for pointer in [
            "/credentials/tmpSecretId",
            "/credentials/tmpSecretKey",
            "/credentials/sessionToken",
            "/expiredTime",
        ] {
            for wrong in [Value::Null, json!("other"), json!(1)] {
                let mut answer = cam();
                *answer["data"].pointer_mut(pointer).unwrap() = wrong;
                let fault = Answer::Credentials.check(&reply(200, &answer)).unwrap_err();
                assert!(fault.to_string().contains(pointer), "{pointer}: {fault}");
                assert!(!fault.to_string().contains(sts::TMP_SECRET_KEY));
            }
        }
    }
}
