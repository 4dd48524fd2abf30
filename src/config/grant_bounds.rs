//! What every grant must keep to, wherever it is written.

use std::ops::RangeInclusive;

use crate::grant::Lifetime;

/// What every grant must keep to.
pub(super) struct GrantBounds {
    /// Whether callers are anonymous (`AUTH=none`), so that no claim is known.
    pub(super) is_anonymous: bool,
    /// The lifetime of a grant that names none; `None` when its variables have an error.
    pub(super) default_lifetime: Option<Lifetime>,
    /// The seconds that a lifetime may have.
    pub(super) duration_seconds: RangeInclusive<u32>,
}

impl GrantBounds {
    /// The seconds that a lifetime may have, where a role is assumed.
    pub(super) fn of_role(&self) -> RangeInclusive<u32> {
        *self.duration_seconds.start()..=ROLE_MAX_SECONDS
    }

    /// What the seconds of a lifetime must be.
    pub(super) fn duration_form(&self) -> String {
        let (least, most) = (self.duration_seconds.start(), self.duration_seconds.end());
        format!(
            "whole numbers from {least} (MIN_REMAINING_SECONDS and a minute) to {most} (7200 for \
             a root account's key, 129600 with KEY_OWNER=sub-account, 43200 for a role)"
        )
    }
}

/// The longest lifetime of a role's credential, whichever key assumes the role.
pub(super) const ROLE_MAX_SECONDS: u32 = 43_200;

/// The error of a prefix with placeholders for callers without claims.
pub(super) const NO_CLAIMS: &str =
    "must not have a placeholder with AUTH=none: anonymous callers have no claims";
