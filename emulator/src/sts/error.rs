//! The errors of the STS: documented code and message, in English and, where it is known, in
//! Chinese.
//!
//! Codes are documented; spelling errors among them are the real codes. A message is *observed*
//! where a comment states it, otherwise *inferred*: clients must rely on the code.

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
        Self { code, message: message.into(), chinese: None }
    }

    pub(crate) fn to_json(&self, chinese: bool) -> Value {
        let message = match self.chinese {
            Some(text) if chinese => text,
            _ => &self.message,
        };
        json!({ "Code": self.code, "Message": message })
    }
}

/// The errors: a constructor, its code and its message, and the message in Chinese where it is
/// known.
macro_rules! errors {
    ($(
        $(#[$documentation:meta])*
        $name:ident($($argument:ident: $type:ty),*) => $code:literal, $message:literal
        $(, $chinese:literal)?;
    )*) => {
        impl StsError {
            $(
                $(#[$documentation])*
                pub(crate) fn $name($($argument: $type),*) -> Self {
                    let chinese: &[&'static str] = &[$($chinese)?];
                    Self {
                        chinese: chinese.first().copied(),
                        ..Self::new($code, format!($message))
                    }
                }
            )*
        }
    };
}

errors! {
    // Authentication.

    invalid_authorization(detail: &str) => "AuthFailure.InvalidAuthorization",
        "The Authorization header is invalid: {detail}.";
    // Both observed.
    secret_id_not_found() => "AuthFailure.SecretIdNotFound",
        "The SecretId is not found, please ensure that your SecretId is correct.",
        "SecretId不存在，请输入正确的密钥。";
    signature_expire() => "AuthFailure.SignatureExpire",
        "The provided credentials could not be validated because the signature has expired: \
             the timestamp may differ from the server's time by at most five minutes.";
    // Both observed.
    signature_failure() => "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated. Please check your signature is correct.",
        "请求签名验证失败，请检查您的签名计算是否正确。";
    // Observed, but for the very end.
    body_too_large_for_v1() => "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated because of exceeding request size limit, \
             please use new signature method `TC3-HMAC-SHA256`.";
    token_failure() => "AuthFailure.TokenFailure",
        "The provided credentials could not be validated. Please check your token is correct.";
    // Documented: permanent keys only. Inferred: that it is this code.
    temporary_key_not_allowed() => "FailedOperation.TempKeyNotAllowed",
        "A temporary key may not request a federation token.";
    unauthorized(detail: &str) => "UnauthorizedOperation",
        "You are not authorized to perform this operation: {detail}.";
    /// The form of CAM's own text (inferred), and the rule behind it, which only this cloud
    /// reports.
    no_permission(action: &str, resource: &str, rule: &str) => "UnauthorizedOperation",
        "you are not authorized to perform operation ({action}); resource ({resource}) has no permission; {rule}";

    // The request.

    invalid_action(action: &str) => "InvalidAction",
        "The request parameter `Action`: `{action}` is invalid or does not exist.";
    no_such_version(version: &str) => "NoSuchVersion",
        "The API version `{version}` does not exist.";
    invalid_request(detail: &str) => "InvalidRequest",
        "The request is invalid: {detail}.";
    unsupported_protocol() => "UnsupportedProtocol",
        "The HTTP(S) request is not supported: only GET and POST are.";
    request_too_large() => "RequestSizeLimitExceeded",
        "The request exceeds the maximum size.";
    request_limit_exceeded(limit: u32) => "RequestLimitExceeded",
        "Your current request times exceed the limit of {limit} times a second.";
    missing_parameter(name: &str) => "MissingParameter",
        "The request is missing a required parameter `{name}`.";
    wrong_type(name: &str) => "InvalidParameter",
        "The type of the parameter `{name}` is not valid.";
    invalid_value(name: &str) => "InvalidParameterValue",
        "The value of the parameter `{name}` is not valid.";

    // The values, as the STS itself answers them.

    parameter(detail: &str) => "InvalidParameter.ParamError",
        "[QC_STS] param error: {detail}";
    web_identity_token(detail: &str) => "InvalidParameter.WebIdentityTokenError",
        "[QC_STS] web identity token error: {detail}";
    over_time() => "InvalidParameter.OverTimeError",
        "[QC_STS] the expiration time exceeds the threshold";
    policy_too_long() => "InvalidParameter.PolicyTooLong",
        "[QC_STS] policy too long";
    policy_format(detail: &str) => "InvalidParameter.StrategyFormatError",
        "[QC_STS] policy syntax error: {detail}";
    policy_invalid(detail: &str) => "InvalidParameter.StrategyInvalid",
        "[QC_STS] policy invalid: {detail}";
    // Observed.
    resource() => "InvalidParameter.ResouceError",
        "[QC_STS] resource error";
    // Observed, with its trailing space.
    grant_other_resource() => "InvalidParameter.GrantOtherResource",
        "[QC_STS] cant grant other resource ";
    // Observed for a role that does not exist, although the code means something else.
    role_not_exist() => "InternalError.GetRoleError",
        "[QC_STS] role not exist";
    internal() => "InternalError.SystemError",
        "[QC_STS] internal error";
}
