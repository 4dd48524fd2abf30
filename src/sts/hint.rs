//! What an operator can do about an error of STS, in terms of this function's own settings.
//!
//! Codes: <https://www.tencentcloud.com/document/product/1150/49458> (their misspellings are the
//! real codes).
//!
//! Promises: every code that STS documents for GetFederationToken and AssumeRole, and that is not a
//! fault inside STS, has a remedy. Leaves out: what a caller is told (`issuer`).

/// What to look at, for the log; `None` for faults that pass by themselves, and for codes that
/// nobody has documented.
pub(crate) fn hint(code: &str) -> Option<&'static str> {
    let remedy = match code {
        "AuthFailure.InvalidSecretId" | "AuthFailure.SecretIdNotFound" => {
            "SECRET_ID is no key of any account, or it was deleted or disabled"
        }
        "AuthFailure.SignatureFailure" => "SECRET_KEY does not belong to SECRET_ID",
        "AuthFailure.SignatureExpire" => "the clock of this machine is more than five minutes off",
        "AuthFailure.TokenFailure" => {
            "SESSION_TOKEN does not belong to the key, or the key has expired: a role's key is renewed by a new instance"
        }
        "FailedOperation.TempKeyNotAllowed" | "InvalidParameter.AccessKeyNotSupport" => {
            "the calling key is temporary: set ROLE_ARN, so that AssumeRole is called"
        }
        "AuthFailure.UnauthorizedOperation" | "UnauthorizedOperation" => {
            "the calling key's own policy must allow sts:GetFederationToken or sts:AssumeRole, and the role must trust it"
        }
        "InvalidParameter.GrantOtherResource" => {
            "the appid in BUCKET, or in a resource of POLICY, is not that of the calling key's account"
        }
        "InvalidParameter.ResouceError" => {
            "a resource of POLICY is malformed; it has six segments, as qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"
        }
        "InvalidParameter.StrategyFormatError" | "InvalidParameter.StrategyInvalid" => {
            "POLICY is no policy that CAM understands: check its actions, resources and condition keys"
        }
        "InvalidParameter.PolicyTooLong" | "InvalidParameter.ExtendStrategyOverSize" => {
            "POLICY is too long"
        }
        "InvalidParameter.OverTimeError" => {
            "DURATION_SECONDS is more than the key or the role allows: 7200 for a root account's key (set KEY_OWNER), or the role's own \
             maximum"
        }
        "ResourceNotFound.RoleNotFound"
        | "InternalError.GetRoleError"
        | "InternalError.IllegalRole" => "ROLE_ARN names no role of the account",
        "InvalidParameter.AccountNotAvaliable" => {
            "the calling key's account does not exist or is closed"
        }
        "InvalidParameter.ParamError" | "InvalidParameter" | "InvalidParameterValue" => {
            "a setting is refused: look at ROLE_ARN, EXTERNAL_ID and DURATION_SECONDS"
        }
        "InvalidParameter.TempCodeNotAvaliable"
        | "FailedOperation.CheckMFAError"
        | "FailedOperation.MFATypeNotSupported" => {
            "the role or the calling key demands a second factor, which a function cannot give: use one that does not"
        }
        "IpInBlacklist" | "IpNotInWhitelist" => {
            "the account admits calls from other addresses only"
        }
        "UnsupportedOperation" => "the account may not use this action of STS",
        "UnsupportedRegion" => "REGION is not one that STS serves",
        _ => return None,
    };
    Some(remedy)
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn every_documented_refusal_has_a_remedy() {
        for code in [
            "AuthFailure.InvalidSecretId",
            "AuthFailure.SecretIdNotFound",
            "AuthFailure.SignatureExpire",
            "AuthFailure.SignatureFailure",
            "AuthFailure.TokenFailure",
            "AuthFailure.UnauthorizedOperation",
            "FailedOperation.CheckMFAError",
            "FailedOperation.MFATypeNotSupported",
            "FailedOperation.TempKeyNotAllowed",
            "InternalError.GetRoleError",
            "InternalError.IllegalRole",
            "InvalidParameter.AccountNotAvaliable",
            "InvalidParameter.ExtendStrategyOverSize",
            "InvalidParameter.GrantOtherResource",
            "InvalidParameter.OverTimeError",
            "InvalidParameter.ParamError",
            "InvalidParameter.PolicyTooLong",
            "InvalidParameter.ResouceError",
            "InvalidParameter.StrategyFormatError",
            "InvalidParameter.StrategyInvalid",
            "InvalidParameter.TempCodeNotAvaliable",
            "ResourceNotFound.RoleNotFound",
            "UnauthorizedOperation",
            "UnsupportedOperation",
        ] {
            assert!(hint(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_fault_inside_sts_has_none() {
        for code in [
            "InternalError.DbError",
            "InternalError.SystemError",
            "RequestLimitExceeded",
            "InvalidParameter.OverLimit",
        ] {
            assert_eq!(hint(code), None, "{code}");
        }
    }
}
