//! The platforms that the cloud emulates; below this, what each does on its own: errors, limits,
//! log lines.

mod error;
mod lambda;
pub(crate) mod limits;
pub(crate) mod log;

pub use self::error::PlatformError;

/// The platform to emulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Tencent SCF, event function on the custom runtime.
    Scf(ScfEvent),
    /// Tencent SCF, web function: plain HTTP to the child's own port.
    ScfWeb,
    /// AWS Lambda, OS-only runtime.
    Lambda(LambdaEvent),
}

impl Default for Platform {
    fn default() -> Self {
        Self::Scf(ScfEvent::default())
    }
}

/// The trigger of an SCF event function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScfEvent {
    /// Function URL.
    #[default]
    FunctionUrl,
    /// API gateway, integrated request and response.
    ApiGateway,
    /// Load balancer.
    Clb,
}

/// The trigger of a Lambda function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LambdaEvent {
    /// Function URL (payload 2.0).
    #[default]
    FunctionUrl,
    /// API gateway, HTTP API (payload 2.0).
    HttpApi,
    /// API gateway, REST API (payload 1.0).
    Rest,
    /// Application load balancer.
    Alb,
}
