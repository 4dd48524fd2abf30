//! What `run` prints about the cloud that it started.

use cos_emulator::{Cloud, FunctionAddress, Platform};
use serde::Deserialize;
use serde_json::{Value, json};

use super::options::RunOptions;
use crate::activity::Activity;
use crate::callers::{Method, USERS};
use crate::platform_options::describe;
use crate::report::{add_controls, print_controls};
use crate::terminal::Terminal;

pub(super) struct Introduction<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) platform: Platform,
    pub(super) cloud: &'a Cloud,
    pub(super) console_url: Option<&'a str>,
    pub(super) terminal: Terminal,
}

/// The id and the end of an issued credential.
#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "tmpSecretId", alias = "TmpSecretId")]
    secret_id: String,
}

impl Introduction<'_> {
    pub(super) fn addresses(&self) {
        let (terminal, cloud, account) = (self.terminal, self.cloud, self.cloud.account());
        terminal.title("A local cloud, on this machine only");
        terminal.pair("platform", describe(self.platform));
        if let Some(function) = &self.options.function {
            terminal.pair("function", function.display());
        }
        if !self.options.functions.is_empty() {
            for FunctionAddress { name, url, platform } in cloud.functions() {
                terminal.pair("function", format_args!("{name}: {url} ({})", describe(platform)));
            }
        }
        let gateway = self.gateway();
        terminal.pair("gateway", &gateway);
        if let Some(callers) = cloud.second_gateway_url() {
            terminal.pair("callers", format_args!("{callers} ({})", USERS.join(", ")));
        }
        terminal.pair("COS", cloud.cos().http_url());
        terminal.pair("bucket", format_args!("{} in {}", account.bucket, account.region));
        if self.options.verbose || self.options.once {
            terminal.pair("STS", cloud.sts().https_url());
            terminal.pair("CA file", cloud.sts().ca_file().display());
            print_controls(cloud, terminal);
        } else {
            terminal.pair("seed", cloud.seed());
        }
        terminal.line("");
    }

    /// The credential as clients get it.
    pub(super) fn whole_credential(&self, body: &[u8]) {
        self.terminal.title("A credential of this cloud, worthless elsewhere");
        self.terminal.line(pretty(body));
    }

    /// The credential in a line.
    pub(super) fn credential(&self, body: &[u8], activity: &Activity) {
        let response: Value = serde_json::from_slice(body).unwrap_or_default();
        let credential = response.pointer("/data/credentials").cloned().unwrap_or_default();
        let Ok(Credential { secret_id }) = serde_json::from_value(credential) else {
            return;
        };
        let words = activity.issued(&secret_id).map(|issued| issued.in_words());
        let text = format!("{secret_id}  {}", words.unwrap_or_default());
        self.terminal.pair("credential", text);
        self.terminal.line("");
    }

    pub(super) fn try_it(&self, has_keys: bool) {
        let (terminal, gateway) = (self.terminal, self.gateway());
        let program = std::env::args().next().unwrap_or_default();
        terminal.title("Try it");
        if let Some(url) = self.console_url {
            terminal.pair("page", url);
        }
        terminal.pair("a user", format_args!("{program} request --as user-1 /sts"));
        if self.options.auth.is_empty() {
            terminal.pair("curl", format_args!("curl '{gateway}/sts?durationSeconds=900'"));
            self.sdk_snippet(&gateway);
        } else if self.options.auth.contains(&Method::Jwt) {
            let token = format!("$({program} token --sub user-1)");
            terminal.pair(
                "curl",
                format_args!("curl -H \"Authorization: Bearer {token}\" {gateway}/sts"),
            );
        }
        terminal.line("");
        if has_keys {
            self.keys();
        } else {
            terminal.line("Ctrl-C stops everything.");
        }
    }

    fn sdk_snippet(&self, gateway: &str) {
        let port = self.cloud.cos().address().port();
        self.terminal.pair("SDK", "cos-nodejs-sdk-v5 or cos-js-sdk-v5, with what GET /sts answers");
        self.terminal.line(format_args!(
            "    new COS({{ Protocol: \"http:\", Domain: \"{{Bucket}}.cos.localhost:{port}\",
      getAuthorization: async (_, use) => {{
        const {{ credentials: key, startTime, expiredTime }} = await (await fetch(\"{gateway}/sts\")).json();
        use({{ TmpSecretId: key.tmpSecretId, TmpSecretKey: key.tmpSecretKey, SecurityToken: key.sessionToken,
          StartTime: startTime, ExpiredTime: expiredTime }});
      }} }})"
        ));
    }

    pub(super) fn keys(&self) {
        self.terminal
            .line("o opens the page, r restarts, q or Ctrl-C stops everything, ? this help");
    }

    /// The line of `--json`.
    pub(super) fn json(&self) -> Value {
        let (cloud, account) = (self.cloud, self.cloud.account());
        let mut addresses = json!({
            "platform": describe(self.platform),
            "gatewayUrl": self.gateway(),
            "functions": cloud.functions().map(|function| json!({
                "name": function.name,
                "url": function.url,
                "platform": describe(function.platform),
            })).collect::<Vec<_>>(),
            "stsUrl": cloud.sts().https_url(),
            "stsHttpUrl": cloud.sts().http_url(),
            "cosUrl": cloud.cos().http_url(),
            "cosHttpsUrl": cloud.cos().https_url(),
            "caFile": cloud.sts().ca_file(),
            "bucket": account.bucket,
            "region": account.region,
            "appid": account.appid,
            "processes": cloud.function_processes(),
        });
        if let (Some(members), Some(url)) = (addresses.as_object_mut(), self.console_url) {
            members.insert("consoleUrl".to_owned(), url.into());
            let callers = cloud.second_gateway_url().unwrap_or_else(|| self.gateway());
            members.insert("callersUrl".to_owned(), callers.into());
        }
        add_controls(cloud, addresses)
    }

    fn gateway(&self) -> String {
        self.cloud.gateway_url().unwrap_or_default()
    }
}

/// JSON with line breaks and its members in their order; any other text as it is.
pub(super) fn pretty(body: &[u8]) -> String {
    let mut text = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut writer = serde_json::Serializer::pretty(&mut text);
    let shown = match serde_transcode::transcode(&mut reader, &mut writer) {
        Ok(()) => text,
        Err(_) => body.to_vec(),
    };
    String::from_utf8_lossy(&shown).into_owned()
}
