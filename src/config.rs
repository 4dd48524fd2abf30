//! The configuration: environment variables in, one valid [`Config`] out, or every problem at once.
//!
//! Promises: the environment is an argument; a [`ConfigError`] names the variable and what to write, never the value; a combination
//! that cannot work refuses to start and says why. There are no defaults for who may ask (`AUTH`) and what they get.
//! Leaves out: reading files, which `main` does and passes in.
//!
//! Reserved names (`SCF_`, `QCLOUD_`, `TENCENTCLOUD_`) and the limit of 4 KB on all variables together:
//! <https://www.tencentcloud.com/document/product/583/32748>.

mod auth;
mod environment;
mod grant;
mod grants_file;
mod reader;
mod runtime;
mod sts;
mod tokens;

pub use environment::Environment;
pub use reader::ConfigError;
pub use runtime::{LogLevel, Platform};

use std::sync::Arc;

use crate::auth::Authenticator;
use crate::entropy::SystemEntropy;
use crate::handler::Handler;
use crate::issuer::Issuer;
use reader::Reader;
use tencent::time::Clock;

/// Everything the function needs to start.
#[expect(missing_debug_implementations, reason = "it holds the calling key")]
pub struct Config {
    /// Where requests come from.
    pub platform: Platform,
    /// What answers them.
    pub handler: Handler,
    /// What the operator should know although it is allowed.
    pub warnings: Vec<&'static str>,
}

impl Config {
    /// Reads the environment. `file` reads a file that a variable names.
    ///
    /// # Errors
    /// Every [`ConfigError`] found.
    pub fn read(
        environment: &Environment,
        file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader::new(environment);
        let platform = runtime::platform(&mut reader);
        let authentication = auth::read(&mut reader, platform.as_ref(), file);
        let sts = sts::read(&mut reader, file);
        let is_anonymous = matches!(authentication, Some(Authenticator::None));
        let grant = grant::read(&mut reader, file, sts.duration_seconds_max, is_anonymous);
        let allowed_origins = runtime::allowed_origins(&mut reader);
        let base_path = runtime::base_path(&mut reader);
        if matches!(platform, Some(Platform::ScfEvent(_))) {
            reader.warn(RETURN_VALUES_ARE_LOGGED);
        }
        let warnings = reader.finish()?;
        // Each part is there when there was no problem; one that is not, without a problem, is a defect and refuses too.
        let parts = (
            platform,
            authentication,
            sts.settings,
            grant,
            allowed_origins,
            base_path,
        );
        let (
            Some(platform),
            Some(authentication),
            Some(sts),
            Some(grant),
            Some(allowed_origins),
            Some(base_path),
        ) = parts
        else {
            return Err(vec![ConfigError::new(
                "AUTH",
                "the configuration is incomplete",
            )]);
        };
        let issuer = Issuer {
            sts: crate::sts::Client {
                http: sts.http,
                identity: sts.identity,
                region: grant.region,
                remaining_seconds_min: grant.remaining_seconds_min,
            },
            endpoints: sts.endpoints,
            deadline: sts.deadline,
        };
        let handler = Handler {
            authentication,
            grants: grant.grants,
            issuer,
            allowed_origins,
            base_path,
            clock,
            entropy: Arc::new(SystemEntropy),
        };
        Ok(Self {
            platform,
            handler,
            warnings,
        })
    }
}

/// Tencent SCF writes what an event function returns to its log (`RetMsg`), and that cannot be switched off.
const RETURN_VALUES_ARE_LOGGED: &str = "this is an event function: SCF writes its return values, issued credentials included, to \
     the platform log; deploy it as a web function instead";
