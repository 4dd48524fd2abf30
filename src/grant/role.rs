//! Roles of CAM that are assumed to issue a credential.

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its resource name.
    pub arn: RoleArn,
    /// The external id agreed with its owner, against confused deputies.
    pub external_id: Option<String>,
}

/// A role's resource name: `qcs::cam::uin/<owner>:roleName/<name>` or `…:role/<id>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

impl RoleArn {
    /// Reads a role's resource name.
    ///
    /// # Errors
    /// [`RoleArnError`].
    pub fn parse(text: &str) -> Result<Self, RoleArnError> {
        let (owner, role) = text
            .strip_prefix("qcs::cam::uin/")
            .and_then(|rest| rest.split_once(':'))
            .ok_or(RoleArnError)?;
        let name = role
            .strip_prefix("roleName/")
            .or_else(|| role.strip_prefix("role/"))
            .ok_or(RoleArnError)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
        let owned = !owner.is_empty() && owner.chars().all(|c| c.is_ascii_digit());
        if owned && !name.is_empty() && name.chars().all(known) {
            return Ok(Self(text.to_owned()));
        }
        Err(RoleArnError)
    }

    /// The resource name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a role, for example `qcs::cam::uin/100000000001:roleName/name`")]
pub struct RoleArnError;

#[cfg(test)]
mod tests {
    use super::RoleArn;

    #[test]
    fn a_role_is_named_in_full() {
        for text in [
            "qcs::cam::uin/100000000001:roleName/n",
            "qcs::cam::uin/1:role/4611686018427397919",
            "qcs::cam::uin/1:role/tencentcloudServiceRoleName/n",
        ] {
            assert!(RoleArn::parse(text).is_ok(), "{text}");
        }
        let texts = "role qcs::cam::uin/:roleName/n qcs::cam::uin/1:roleName/ \
            qcs::cam::uin/x:roleName/n qcs::cam::uin/1:user/n qcs::cam::uin/1:roleName/a*";
        for text in texts.split(' ').chain([""]) {
            assert!(RoleArn::parse(text).is_err(), "{text}");
        }
    }
}
