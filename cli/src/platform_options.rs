//! The platform of a function and its limits on the command line, the same flags for each command.

use std::time::Duration;

use clap::{Args, ValueEnum};
use cos_emulator::{CloudBuilder, FunctionOptions, LambdaEvent, Platform, ScfEvent};
use serde::Deserialize;

use crate::failure::Failure;

/// Which platform and trigger.
#[derive(Args, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct PlatformOptions {
    /// Platform to emulate [default: scf; for `run` without --trigger: scf-web]
    #[arg(long, value_enum)]
    pub(crate) platform: Option<PlatformName>,

    /// The trigger: function-url, api-gateway or clb on scf; function-url, http-api, rest or alb on
    /// lambda
    #[arg(long, value_enum)]
    pub(crate) trigger: Option<TriggerName>,
}

impl PlatformOptions {
    /// These options, each unless it was not given; then that of `other`.
    pub(crate) fn or(self, other: &Self) -> Self {
        // A trigger belongs to its platform.
        match self.platform.is_some() || self.trigger.is_some() {
            true => self,
            false => other.clone(),
        }
    }

    /// The platform with its trigger. `default` is the platform when neither was given.
    pub(crate) fn platform(&self, default: PlatformName) -> Result<Platform, Failure> {
        let name = match (self.platform, self.trigger) {
            (Some(name), _) => name,
            (None, Some(_)) => PlatformName::Scf,
            (None, None) => default,
        };
        name.with(self.trigger).map_err(|text| Failure::Usage(text.to_owned()))
    }
}

/// What an instance may take.
#[derive(Args, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Limits {
    /// Time limit of one request in seconds [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=900))]
    pub(crate) timeout: Option<u16>,

    /// Time limit of a start in seconds; Lambda's is never over 10 [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(3..=300))]
    pub(crate) init_timeout: Option<u16>,

    /// Memory limit of an instance in MB; an instance that exceeds it is killed [default: 128]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(64..=10240))]
    pub(crate) memory: Option<u32>,
}

impl Limits {
    /// These limits of a function.
    pub(crate) fn limit(&self, function: &mut FunctionOptions) {
        if let Some(seconds) = self.timeout {
            function.call_timeout = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = self.init_timeout {
            function.init_timeout = Duration::from_secs(seconds.into());
        }
        if let Some(megabytes) = self.memory {
            function.memory_mb = megabytes;
        }
    }

    pub(crate) fn apply(&self, mut builder: CloudBuilder) -> CloudBuilder {
        if let Some(seconds) = self.timeout {
            builder = builder.call_timeout(Duration::from_secs(seconds.into()));
        }
        if let Some(seconds) = self.init_timeout {
            builder = builder.init_timeout(Duration::from_secs(seconds.into()));
        }
        if let Some(megabytes) = self.memory {
            builder = builder.memory_mb(megabytes);
        }
        builder
    }
}

#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlatformName {
    /// Tencent SCF, event function on the custom runtime
    Scf,
    /// Tencent SCF, web function: plain HTTP
    ScfWeb,
    /// AWS Lambda
    Lambda,
}

#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TriggerName {
    /// scf, lambda: function URL (the default of both)
    FunctionUrl,
    /// scf: API gateway
    ApiGateway,
    /// scf: load balancer
    Clb,
    /// lambda: HTTP API, payload 2.0
    HttpApi,
    /// lambda: REST API, payload 1.0
    Rest,
    /// lambda: application load balancer
    Alb,
}

impl PlatformName {
    /// The platform with its trigger; the error lists the triggers.
    fn with(self, trigger: Option<TriggerName>) -> Result<Platform, &'static str> {
        use TriggerName as Trigger;
        Ok(match (self, trigger) {
            (Self::Scf, None | Some(Trigger::FunctionUrl)) => Platform::Scf(ScfEvent::FunctionUrl),
            (Self::Scf, Some(Trigger::ApiGateway)) => Platform::Scf(ScfEvent::ApiGateway),
            (Self::Scf, Some(Trigger::Clb)) => Platform::Scf(ScfEvent::Clb),
            (Self::Scf, Some(_)) => {
                return Err(
                    "--trigger: must be function-url, api-gateway or clb with --platform scf",
                );
            }
            (Self::ScfWeb, None) => Platform::ScfWeb,
            (Self::ScfWeb, Some(_)) => {
                return Err(
                    "--trigger: must be omitted with --platform scf-web, which receives plain HTTP",
                );
            }
            (Self::Lambda, None | Some(Trigger::FunctionUrl)) => {
                Platform::Lambda(LambdaEvent::FunctionUrl)
            }
            (Self::Lambda, Some(Trigger::HttpApi)) => Platform::Lambda(LambdaEvent::HttpApi),
            (Self::Lambda, Some(Trigger::Rest)) => Platform::Lambda(LambdaEvent::Rest),
            (Self::Lambda, Some(Trigger::Alb)) => Platform::Lambda(LambdaEvent::Alb),
            (Self::Lambda, Some(_)) => {
                return Err(
                    "--trigger: must be function-url, http-api, rest or alb with --platform lambda",
                );
            }
        })
    }
}

/// The platform and its trigger in words.
pub(crate) fn describe(platform: Platform) -> &'static str {
    match platform {
        Platform::Scf(ScfEvent::FunctionUrl) => "Tencent SCF event function, function URL",
        Platform::Scf(ScfEvent::ApiGateway) => "Tencent SCF event function, API gateway",
        Platform::Scf(ScfEvent::Clb) => "Tencent SCF event function, load balancer (CLB)",
        Platform::ScfWeb => "Tencent SCF web function, plain HTTP",
        Platform::Lambda(LambdaEvent::FunctionUrl) => "AWS Lambda, function URL",
        Platform::Lambda(LambdaEvent::HttpApi) => "AWS Lambda, HTTP API",
        Platform::Lambda(LambdaEvent::Rest) => "AWS Lambda, REST API",
        Platform::Lambda(LambdaEvent::Alb) => "AWS Lambda, application load balancer",
    }
}
