//! The platforms and triggers that you can name on the command line, and how they print.

use clap::ValueEnum;
use cos_emulator::{LambdaEvent, Platform, ScfEvent};
use serde::Deserialize;

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
    pub(crate) fn with(self, trigger: Option<TriggerName>) -> Result<Platform, String> {
        use TriggerName as Trigger;
        match (self, trigger) {
            (Self::Scf, None | Some(Trigger::FunctionUrl)) => {
                Ok(Platform::Scf(ScfEvent::FunctionUrl))
            }
            (Self::Scf, Some(Trigger::ApiGateway)) => Ok(Platform::Scf(ScfEvent::ApiGateway)),
            (Self::Scf, Some(Trigger::Clb)) => Ok(Platform::Scf(ScfEvent::Clb)),
            (Self::Scf, Some(_)) => {
                Err("--platform scf has the events function-url, api-gateway and clb".to_owned())
            }
            (Self::ScfWeb, None) => Ok(Platform::ScfWeb),
            (Self::ScfWeb, Some(_)) => {
                Err("--platform scf-web receives plain HTTP: omit the event".to_owned())
            }
            (Self::Lambda, None | Some(Trigger::FunctionUrl)) => {
                Ok(Platform::Lambda(LambdaEvent::FunctionUrl))
            }
            (Self::Lambda, Some(Trigger::HttpApi)) => Ok(Platform::Lambda(LambdaEvent::HttpApi)),
            (Self::Lambda, Some(Trigger::Rest)) => Ok(Platform::Lambda(LambdaEvent::Rest)),
            (Self::Lambda, Some(Trigger::Alb)) => Ok(Platform::Lambda(LambdaEvent::Alb)),
            (Self::Lambda, Some(_)) => Err(
                "--platform lambda has the events function-url, http-api, rest and alb".to_owned(),
            ),
        }
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
