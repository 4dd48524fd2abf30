//! A credential as the programs read it that use it.
//!
//! `coscmd` and `coscli` are the vendor's: <https://github.com/tencentyun/coscmd>,
//! <https://github.com/tencentyun/coscli>. A `credential_process` is a program that tools of the S3
//! interface start: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
//!
//! # Guarantees
//! No member can end a quote or a line: what has other characters than keys have is refused.

use clap::ValueEnum;
use serde_json::json;
use tencent::names::{Bucket, Region};
use tencent::time::Timestamp;

use super::issued::Credential;
use crate::deployment_url::DeploymentUrl;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Representation {
    /// Lines for a shell's eval: `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY`,
    /// `TENCENTCLOUD_TOKEN`
    Env,
    /// One line of JSON, as the SDKs read it
    Json,
    /// For tools of the S3 interface that ask a program
    #[value(name = "credential_process")]
    CredentialProcess,
    /// A configuration file of coscli
    Coscli,
    /// A configuration file of coscmd
    Coscmd,
}

/// Where a configuration file points.
pub(crate) struct Place {
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    /// Where COS is, without the bucket.
    pub(crate) cos: DeploymentUrl,
}

impl Representation {
    /// Whether it names a bucket.
    pub(crate) fn needs_place(self) -> bool {
        matches!(self, Self::Coscli | Self::Coscmd)
    }

    pub(crate) fn text(
        self,
        credential: &Credential,
        place: Option<&Place>,
    ) -> Result<String, String> {
        let Credential { secret_id: id, start, expiry, .. } = credential;
        let (key, token) = (credential.secret_key.expose(), credential.token.expose());
        if ![id, key, token].into_iter().all(is_plain) {
            return Err("the credential has characters that no key has".to_owned());
        }
        let place = || place.ok_or("it needs --bucket and --region");
        Ok(match self {
            Self::Env => format!(
                "export TENCENTCLOUD_SECRET_ID='{id}'\nexport TENCENTCLOUD_SECRET_KEY='{key}'\n\
                 export TENCENTCLOUD_TOKEN='{token}'\n"
            ),
            Self::Json => line(&json!({
                "credentials": { "tmpSecretId": id, "tmpSecretKey": key, "sessionToken": token },
                "startTime": start,
                "expiredTime": expiry,
            })),
            Self::CredentialProcess => line(&json!({
                "Version": 1,
                "AccessKeyId": id,
                "SecretAccessKey": key,
                "SessionToken": token,
                "Expiration": Timestamp::from_unix_seconds(*expiry).map(Timestamp::iso_8601),
            })),
            Self::Coscli => {
                let place = place()?;
                let (bucket, region) = (place.bucket.as_str(), place.region.as_str());
                format!(
                    "cos:\n  base:\n    mode: SecretKey\n    protocol: {}\n    secretid: {id}\n    \
                     secretkey: {key}\n    sessiontoken: {token}\n  buckets:\n  - name: {bucket}\n    \
                     alias: \"\"\n    region: {region}\n    endpoint: {}\n    ofs: false\n",
                    protocol(&place.cos),
                    place.cos.authority(),
                )
            }
            Self::Coscmd => {
                let place = place()?;
                let (bucket, region) = (place.bucket.as_str(), place.region.as_str());
                format!(
                    "[common]\nsecret_id = {id}\nsecret_key = {key}\ntoken = {token}\nbucket = {bucket}\n\
                     region = {region}\nendpoint = {}\nschema = {}\nauto_switch_domain = False\n",
                    place.cos.authority(),
                    protocol(&place.cos),
                )
            }
        })
    }
}

fn line(json: &serde_json::Value) -> String {
    format!("{json}\n")
}

fn protocol(url: &DeploymentUrl) -> &'static str {
    if url.is_https { "https" } else { "http" }
}

/// Letters, digits and the signs of base64: nothing that a shell, YAML or an INI file reads.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use tencent::secret::Secret;

    use super::*;

    fn credential(token: &str) -> Credential {
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        let (secret_key, token) = (secret("key"), secret(token));
        Credential {
            secret_id: "id".to_owned(),
            secret_key,
            token,
            start: 1,
            expiry: 1_700_001_800,
        }
    }

    #[test]
    fn each_program_gets_what_it_reads() {
        let place = Place {
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            cos: DeploymentUrl::parse("https://cos.ap-guangzhou.myqcloud.com").unwrap(),
        };
        for (representation, expected) in [
            (
                Representation::Env,
                "export TENCENTCLOUD_SECRET_ID='id'\nexport TENCENTCLOUD_SECRET_KEY='key'\nexport TENCENTCLOUD_TOKEN='a+/=_-.'\n",
            ),
            (
                Representation::Json,
                "{\"credentials\":{\"sessionToken\":\"a+/=_-.\",\"tmpSecretId\":\"id\",\"tmpSecretKey\":\"key\"},\"expiredTime\":1700001800,\"startTime\":1}\n",
            ),
            (
                Representation::CredentialProcess,
                "{\"AccessKeyId\":\"id\",\"Expiration\":\"2023-11-14T22:43:20Z\",\"SecretAccessKey\":\"key\",\"SessionToken\":\"a+/=_-.\",\"Version\":1}\n",
            ),
            (
                Representation::Coscli,
                "cos:\n  base:\n    mode: SecretKey\n    protocol: https\n    secretid: id\n    secretkey: key\n    sessiontoken: a+/=_-.\n  buckets:\n  - name: examplebucket-1250000000\n    alias: \"\"\n    region: ap-guangzhou\n    endpoint: cos.ap-guangzhou.myqcloud.com\n    ofs: false\n",
            ),
            (
                Representation::Coscmd,
                "[common]\nsecret_id = id\nsecret_key = key\ntoken = a+/=_-.\nbucket = examplebucket-1250000000\nregion = ap-guangzhou\nendpoint = cos.ap-guangzhou.myqcloud.com\nschema = https\nauto_switch_domain = False\n",
            ),
        ] {
            let text = representation.text(&credential("a+/=_-."), Some(&place)).unwrap();
            assert_eq!(text, expected, "{representation:?}");
            let is_text = representation.text(&credential("a+/=_-."), None).is_ok();
            assert_eq!(is_text, !representation.needs_place(), "{representation:?}");
        }
    }

    #[test]
    fn what_could_end_a_quote_or_a_line_is_refused() {
        for token in ["a'b", "a\"b", "a\nb", "a b", "$a", "`a`", "a\\b", "a%b", "a:b", "a#b", "ä"]
        {
            assert!(Representation::Env.text(&credential(token), None).is_err(), "{token}");
        }
    }
}
