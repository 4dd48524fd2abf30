//! The errors of the STS: documented code and message, in English and, where it is known, in Chinese.
//!
//! Codes are documented; spelling errors among them are the real codes. A message is *observed* where a comment says so and
//! otherwise *inferred*: clients must go by the code.

use serde_json::{Value, json};

/// One API error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StsError {
    pub(crate) code: &'static str,
    message: String,
    chinese: Option<&'static str>,
}

impl StsError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            chinese: None,
        }
    }

    pub(crate) fn to_json(&self, chinese: bool) -> Value {
        let message = match self.chinese {
            Some(text) if chinese => text,
            _ => &self.message,
        };
        json!({ "Code": self.code, "Message": message })
    }

    // Authentication.

    pub(crate) fn invalid_authorization(detail: &str) -> Self {
        Self::new(
            "AuthFailure.InvalidAuthorization",
            format!("The Authorization header is invalid: {detail}."),
        )
    }

    pub(crate) fn secret_id_not_found() -> Self {
        // Both observed.
        Self {
            code: "AuthFailure.SecretIdNotFound",
            message: "The SecretId is not found, please ensure that your SecretId is correct."
                .to_owned(),
            chinese: Some("SecretId不存在，请输入正确的密钥。"),
        }
    }

    pub(crate) fn signature_expire() -> Self {
        Self::new(
            "AuthFailure.SignatureExpire",
            "The provided credentials could not be validated because the signature has expired: \
             the timestamp may differ from the server's time by at most five minutes.",
        )
    }

    pub(crate) fn signature_failure() -> Self {
        // Both observed.
        Self {
            code: "AuthFailure.SignatureFailure",
            message: "The provided credentials could not be validated. Please check your signature is correct."
                .to_owned(),
            chinese: Some("请求签名验证失败，请检查您的签名计算是否正确。"),
        }
    }

    pub(crate) fn body_too_large_for_v1() -> Self {
        // Observed, but for the very end.
        Self::new(
            "AuthFailure.SignatureFailure",
            "The provided credentials could not be validated because of exceeding request size limit, \
             please use new signature method `TC3-HMAC-SHA256`.",
        )
    }

    pub(crate) fn token_failure() -> Self {
        Self::new(
            "AuthFailure.TokenFailure",
            "The provided credentials could not be validated. Please check your token is correct.",
        )
    }

    pub(crate) fn temporary_key_not_allowed() -> Self {
        // Documented: permanent keys only. Inferred: that it is this code.
        Self::new(
            "FailedOperation.TempKeyNotAllowed",
            "A temporary key may not request for a federation token.",
        )
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(
            "UnauthorizedOperation",
            format!("You are not authorized to perform this operation: {detail}."),
        )
    }

    /// The form of CAM's own text (inferred), and the rule behind it, which only this cloud tells.
    pub(crate) fn no_permission(action: &str, resource: &str, rule: &str) -> Self {
        Self::new(
            "UnauthorizedOperation",
            format!(
                "you are not authorized to perform operation ({action}); resource ({resource}) has no permission; {rule}"
            ),
        )
    }

    // The request.

    pub(crate) fn invalid_action(action: &str) -> Self {
        Self::new(
            "InvalidAction",
            format!("The request parameter `Action`: `{action}` is invalid or does not exist."),
        )
    }

    pub(crate) fn no_such_version(version: &str) -> Self {
        Self::new(
            "NoSuchVersion",
            format!("The API version `{version}` does not exist."),
        )
    }

    pub(crate) fn invalid_request(detail: &str) -> Self {
        Self::new(
            "InvalidRequest",
            format!("The request is invalid: {detail}."),
        )
    }

    pub(crate) fn unsupported_protocol() -> Self {
        Self::new(
            "UnsupportedProtocol",
            "The HTTP(S) request is not supported: only GET and POST are.",
        )
    }

    pub(crate) fn request_too_large() -> Self {
        Self::new(
            "RequestSizeLimitExceeded",
            "The request exceeds the maximum size.",
        )
    }

    pub(crate) fn request_limit_exceeded(limit: u32) -> Self {
        Self::new(
            "RequestLimitExceeded",
            format!("Your current request times exceed the limit of {limit} times a second."),
        )
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::new(
            "MissingParameter",
            format!("The request is missing a required parameter `{name}`."),
        )
    }

    pub(crate) fn wrong_type(name: &str) -> Self {
        Self::new(
            "InvalidParameter",
            format!("The type of the parameter `{name}` is not valid."),
        )
    }

    pub(crate) fn invalid_value(name: &str) -> Self {
        Self::new(
            "InvalidParameterValue",
            format!("The value of the parameter `{name}` is not valid."),
        )
    }

    // The values, as the STS itself answers them.

    pub(crate) fn parameter(detail: &str) -> Self {
        Self::new(
            "InvalidParameter.ParamError",
            format!("[QC_STS] param error: {detail}"),
        )
    }

    pub(crate) fn over_time() -> Self {
        Self::new(
            "InvalidParameter.OverTimeError",
            "[QC_STS] the expiration time exceeds the threshold",
        )
    }

    pub(crate) fn policy_too_long() -> Self {
        Self::new("InvalidParameter.PolicyTooLong", "[QC_STS] policy too long")
    }

    pub(crate) fn policy_format(detail: &str) -> Self {
        Self::new(
            "InvalidParameter.StrategyFormatError",
            format!("[QC_STS] policy syntax error: {detail}"),
        )
    }

    pub(crate) fn policy_invalid(detail: &str) -> Self {
        Self::new(
            "InvalidParameter.StrategyInvalid",
            format!("[QC_STS] policy invalid: {detail}"),
        )
    }

    pub(crate) fn resource() -> Self {
        // Observed.
        Self::new("InvalidParameter.ResouceError", "[QC_STS] resource error")
    }

    pub(crate) fn grant_other_resource() -> Self {
        // Observed, with its trailing space.
        Self::new(
            "InvalidParameter.GrantOtherResource",
            "[QC_STS] cant grant other resource ",
        )
    }

    pub(crate) fn role_not_exist() -> Self {
        // Observed for a role that does not exist, although the code says otherwise.
        Self::new("InternalError.GetRoleError", "[QC_STS] role not exist")
    }

    pub(crate) fn internal() -> Self {
        Self::new("InternalError.SystemError", "[QC_STS] internal error")
    }
}
