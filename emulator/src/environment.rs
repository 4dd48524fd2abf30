//! The variables that each platform sets for the function, and nothing of the shell that started
//! the emulator.
//!
//! Documented: SCF's table of built-in variables and Lambda's reserved ones. Set to true values
//! where a local process has them (directories) and to this cloud's own elsewhere. Inferred: that
//! an execution role's keys in the environment are valid for 7200 s.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tencent::time::Clock;

use crate::account::{Directory, Identity, Issued};
use crate::platform::Platform;
use crate::random::secret_text;

const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ROLE_SECONDS: u32 = 7200;
pub(crate) const EXECUTION_ROLE: &str = "scf-execution";

/// Where the values come from.
pub(crate) struct Source {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory_mb: u32,
}

impl Source {
    /// Fresh keys of the execution role for one instance.
    pub(crate) fn credentials(&self) -> io::Result<Issued> {
        let role = self
            .directory
            .roles
            .iter()
            .find(|role| role.name == EXECUTION_ROLE)
            .ok_or_else(|| io::Error::other("the execution role is missing"))?;
        let identity = Identity::RoleSession {
            role: Arc::clone(role),
            session_name: "scf".to_owned(),
            caller_uin: self.directory.account.owner_uin,
            policy: None,
        };
        let expires = self.clock.now().plus_seconds(ROLE_SECONDS);
        self.directory.issue(identity, expires)
    }

    /// The variables of one instance. `port` is that of the runtime API, or the one a web function
    /// has to listen on.
    pub(crate) fn variables(
        &self,
        platform: Platform,
        port: u16,
        credentials: &Issued,
        program: &Path,
    ) -> BTreeMap<String, String> {
        let directory = program.parent().unwrap_or_else(|| Path::new("/"));
        let directory = directory.display().to_string();
        let pairs = match platform {
            Platform::Scf(_) => {
                let mut pairs = self.scf(credentials, &directory);
                pairs.push(("SCF_RUNTIME_API", "127.0.0.1".to_owned()));
                pairs.push(("SCF_RUNTIME_API_PORT", port.to_string()));
                pairs.push(("_HANDLER", "index.main_handler".to_owned()));
                pairs
            }
            Platform::ScfWeb => {
                let mut pairs = self.scf(credentials, &directory);
                // Not the platform's: on it every function has port 9000 to itself.
                pairs.push(("PORT", port.to_string()));
                pairs.push(("HOST", "127.0.0.1".to_owned()));
                pairs
            }
            Platform::Lambda(_) => self.lambda(port, directory),
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn scf(&self, credentials: &Issued, directory: &str) -> Vec<(&'static str, String)> {
        let account = &self.directory.account;
        vec![
            ("TENCENTCLOUD_SECRETID", credentials.secret_id.clone()),
            ("TENCENTCLOUD_SECRETKEY", credentials.secret_key.clone()),
            ("TENCENTCLOUD_SESSIONTOKEN", credentials.token.clone()),
            ("TENCENTCLOUD_RUNENV", "SCF".to_owned()),
            ("TENCENTCLOUD_REGION", account.region.clone()),
            ("TENCENTCLOUD_APPID", account.appid.to_string()),
            ("TENCENTCLOUD_UIN", account.owner_uin.to_string()),
            ("TENCENTCLOUD_TZ", "UTC".to_owned()),
            ("SCF_RUNTIME", "CustomRuntime".to_owned()),
            ("SCF_FUNCTIONNAME", "cos-issuer".to_owned()),
            ("SCF_FUNCTIONVERSION", "$LATEST".to_owned()),
            ("USER_CODE_ROOT", format!("{directory}/")),
            ("_SCF_SERVER_PORT", "28902".to_owned()),
            ("PWD", directory.to_owned()),
            ("HOME", "/home/qcloud".to_owned()),
            ("USER", "qcloud".to_owned()),
            ("LOGNAME", "qcloud".to_owned()),
            ("SHELL", "/bin/bash".to_owned()),
            ("SHLVL", "3".to_owned()),
            ("LANG", "en_US.UTF8".to_owned()),
            ("LC_ALL", "en_US.UTF8".to_owned()),
            ("PATH", SYSTEM_PATH.to_owned()),
        ]
    }

    fn lambda(&self, port: u16, directory: String) -> Vec<(&'static str, String)> {
        let stream = format!("2026/01/01/[$LATEST]{}", secret_text(32).to_lowercase());
        vec![
            ("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}")),
            ("AWS_LAMBDA_FUNCTION_NAME", "cos-issuer".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_mb.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/cos-issuer".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
            ("AWS_REGION", "ap-southeast-1".to_owned()),
            ("AWS_DEFAULT_REGION", "ap-southeast-1".to_owned()),
            ("LAMBDA_TASK_ROOT", directory),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("PATH", SYSTEM_PATH.to_owned()),
        ]
    }
}
