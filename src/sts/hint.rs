//! What an operator can do about an error of STS, in terms of this function's settings.
//!
//! Codes: <https://www.tencentcloud.com/document/product/1150/49458> (their misspellings are the
//! real codes).
//!
//! # Guarantees
//! Every code that STS documents for GetFederationToken, AssumeRole and AssumeRoleWithWebIdentity
//! has a hint, unless it is a fault inside STS.
//!
//! # Not covered
//! The caller's view of the error (`issuer`).

/// What to look at, for the log; `None` for transient faults and for undocumented codes.
pub(crate) fn hint(code: &str) -> Option<&'static str> {
    let hint = match code {
        "AuthFailure.InvalidSecretId" | "AuthFailure.SecretIdNotFound" => {
            "SECRET_ID does not exist, or it was deleted or disabled"
        }
        "AuthFailure.SignatureFailure" => "SECRET_KEY does not belong to SECRET_ID",
        "AuthFailure.SignatureExpire" => "the clock of this machine is more than five minutes off",
        "AuthFailure.TokenFailure" => {
            "SESSION_TOKEN does not belong to the key, or the key has expired: a new instance renews a role's key"
        }
        "FailedOperation.TempKeyNotAllowed" | "InvalidParameter.AccessKeyNotSupport" => {
            "the calling key is temporary: set ROLE_ARN, so that AssumeRole is called"
        }
        "AuthFailure.UnauthorizedOperation" | "UnauthorizedOperation" => {
            "the calling key's own policy must allow sts:GetFederationToken or sts:AssumeRole, and the role must trust it; the role in \
             TKE_ROLE_ARN must trust the OIDC provider"
        }
        "InvalidParameter.GrantOtherResource" => {
            "the appid in BUCKET, or in a resource of POLICY, is not that of the calling key's account"
        }
        "InvalidParameter.ResouceError" => {
            "a resource of POLICY must have six segments, for example qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"
        }
        "InvalidParameter.StrategyFormatError" | "InvalidParameter.StrategyInvalid" => {
            "CAM does not understand POLICY: check its actions, resources and condition keys"
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
        | "InternalError.IllegalRole" => {
            "the account has no role of the name in ROLE_ARN or TKE_ROLE_ARN, or in `role` of the grant"
        }
        "InvalidParameter.AccountNotAvaliable" => {
            "the calling key's account does not exist or is closed"
        }
        "InvalidParameter.ParamError" | "InvalidParameter" | "InvalidParameterValue" => {
            "a setting is rejected: check ROLE_ARN, EXTERNAL_ID and DURATION_SECONDS, `role` and `external_id` of the grant, or TKE_PROVIDER_ID \
             and TKE_ROLE_ARN"
        }
        "InvalidParameter.TempCodeNotAvaliable"
        | "FailedOperation.CheckMFAError"
        | "FailedOperation.MFATypeNotSupported" => {
            "the role or the calling key requires MFA, which a function cannot do: use one without it"
        }
        "InvalidParameter.WebIdentityTokenError" => {
            "the token in TKE_WEB_IDENTITY_TOKEN_FILE has expired, or it is not one that the OIDC provider in TKE_PROVIDER_ID accepts: check \
             its issuer, its audience and the provider's keys"
        }
        "IpInBlacklist" | "IpNotInWhitelist" => {
            "the account allows only calls from other addresses"
        }
        "UnsupportedOperation" => "the account may not use this action of STS",
        "UnsupportedRegion" => "STS does not serve REGION",
        _ => return None,
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn every_documented_refusal_has_a_hint() {
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
            "InvalidParameter.WebIdentityTokenError",
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
