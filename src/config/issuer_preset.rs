//! Token issuers that are known: those of CI systems, whose tokens anyone in the world can get.
//!
//! GitHub Actions: <https://docs.github.com/en/actions/reference/security/oidc>. GitLab:
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>.
//!
//! # Guarantees
//! A grant names the repository or project by the number that never changes. A name can be given
//! up, and then belongs to somebody else.
//!
//! # Not covered
//! Which branches and events a grant is for.

use crate::grant::{Match, PrincipalMatch, Value};

/// A known issuer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IssuerPreset {
    GithubActions,
    Gitlab,
}

impl IssuerPreset {
    /// All presets, by name.
    pub(super) const CHOICES: [(&'static str, Self); 2] =
        [("github-actions", Self::GithubActions), ("gitlab", Self::Gitlab)];

    /// The `iss` of its tokens, unless the operator runs it.
    pub(super) const fn issuer(self) -> &'static str {
        match self {
            Self::GithubActions => "https://token.actions.githubusercontent.com",
            Self::Gitlab => "https://gitlab.com",
        }
    }

    /// Where `issuer` publishes its keys.
    pub(super) fn jwks_url(self, issuer: &str) -> String {
        let path = match self {
            Self::GithubActions => ".well-known/jwks",
            Self::Gitlab => "oauth/discovery/keys",
        };
        format!("{}/{path}", issuer.trim_end_matches('/'))
    }

    /// Whether tokens for this audience are also made for other services.
    pub(super) fn is_shared_audience(self, audience: &str, issuer: &str) -> bool {
        let is_of_owner = audience.starts_with("https://github.com/");
        audience == issuer || (self == Self::GithubActions && is_of_owner)
    }

    /// Checks whom a grant for this issuer is for.
    ///
    /// # Errors
    /// What to write in its `match`.
    pub(super) fn check(self, principal_match: &PrincipalMatch) -> Result<(), String> {
        let claims = match principal_match {
            PrincipalMatch::Claims(claims) => claims.as_slice(),
            PrincipalMatch::Everyone => &[],
        };
        for (name, wanted) in claims {
            if let Some(form) = self.other_form(name, wanted) {
                return Err(format!("`{name}` of this issuer is {form}"));
            }
        }
        let ids = match self {
            Self::GithubActions => &["repository_id", "repository_owner_id"][..],
            Self::Gitlab => &["project_id"],
        };
        let is_named = claims.iter().any(|(name, wanted)| {
            ids.contains(&name.as_str()) && matches!(wanted, Match::OneOf(_))
        });
        is_named.then_some(()).ok_or_else(|| {
            format!(
                "must contain `{}`, for example {} = \"456789\": names can change hands, and \
                 without either, jobs of any repository would get the grant",
                ids.join("` or `"),
                ids.first().unwrap_or(&"id"),
            )
        })
    }

    /// What a claim is, where `wanted` cannot match it.
    fn other_form(self, name: &str, wanted: &Match) -> Option<&'static str> {
        let values = match wanted {
            Match::OneOf(values) => values.as_slice(),
            Match::Contains(_) | Match::Prefix(_) => &[],
        };
        let is_number = |value: &Value| matches!(value, Value::Number(_));
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        let is_digits = |value: &Value| match value {
            Value::Text(text) => text.bytes().all(|byte| byte.is_ascii_digit()),
            Value::Flag(_) | Value::Number(_) => false,
        };
        let is_one_of = matches!(wanted, Match::OneOf(_));
        let is_contains = matches!(wanted, Match::Contains(_));
        match (self, name) {
            (Self::Gitlab, "runner_id") => {
                (!is_one_of || !values.iter().all(is_number)).then_some("a number")
            }
            (Self::Gitlab, "groups_direct") => {
                (!values.iter().all(is_text)).then_some("a list of texts")
            }
            (_, "project_id" | "repository_id" | "repository_owner_id") => {
                let text = "a text of digits, for example \"456789\"";
                (!is_one_of || !values.iter().all(is_digits)).then_some(text)
            }
            _ => (is_contains || !values.iter().all(is_text))
                .then_some("a text, also where it looks like a number or like true and false"),
        }
    }
}
