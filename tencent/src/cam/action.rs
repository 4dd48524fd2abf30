//! Actions: what a statement is about, as `name/cos:PutObject`.
//!
//! Promises: an [`Action`] has the shape of one, with `*` as the only wildcard, anywhere in it; `name/cos:X` and `cos:X` are the same;
//! case matters. <https://www.tencentcloud.com/document/product/436/30580>
//! Leaves out: whether COS knows it, and feature sets (`permid/`, `actionName/`), which are refused.

use serde::{Deserialize, Serialize};

use super::wildcard::covers;

/// One action, in the spelling that it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Action(String);

impl Action {
    /// A COS operation, as `PutObject`.
    pub fn cos(operation: &'static str) -> Self {
        Self(format!("name/cos:{operation}"))
    }

    /// The service it belongs to: `cos` of `name/cos:PutObject`; `*` when every service is meant.
    pub fn service(&self) -> &str {
        self.unprefixed()
            .split_once(':')
            .map_or("*", |(service, _)| service)
    }

    /// Whether it covers every COS operation.
    pub fn is_every_cos_action(&self) -> bool {
        let stars = |text: &str| !text.is_empty() && text.chars().all(|c| c == '*');
        match self.unprefixed().split_once(':') {
            None => true,
            Some((service, operation)) => (service == "cos" || stars(service)) && stars(operation),
        }
    }

    /// The action as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers the action `asked`, as `cos:PutObject`.
    pub(super) fn covers(&self, asked: &str) -> bool {
        covers(self.unprefixed(), asked)
    }

    /// `name/cos:X` and `cos:X` are the same action.
    fn unprefixed(&self) -> &str {
        self.0.strip_prefix("name/").unwrap_or(&self.0)
    }
}

impl TryFrom<String> for Action {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let action = Self(text);
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | ':' | '_' | '-');
        let unprefixed = action.unprefixed();
        let shaped = unprefixed == "*"
            || unprefixed
                .split(':')
                .filter(|part| !part.is_empty())
                .count()
                == 2;
        if shaped && unprefixed.matches(':').count() <= 1 && unprefixed.chars().all(known) {
            return Ok(action);
        }
        Err("an action is `*` or has the form `name/cos:PutObject`")
    }
}

impl From<Action> for String {
    fn from(action: Action) -> Self {
        action.0
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[track_caller]
    fn parse(text: &str) -> Result<Action, &'static str> {
        Action::try_from(text.to_owned())
    }

    #[test]
    fn the_prefix_name_changes_nothing() {
        assert_eq!(parse("name/cos:*").unwrap().service(), "cos");
        assert_eq!(parse("cos:*").unwrap().service(), "cos");
        assert!(parse("name/cos:*").unwrap().is_every_cos_action());
        assert!(parse("name/*").unwrap().is_every_cos_action());
        assert!(parse("cos:**").unwrap().is_every_cos_action());
        assert!(!parse("name/cos:Get*").unwrap().is_every_cos_action());
    }

    #[test]
    fn a_wildcard_may_stand_anywhere_and_case_matters() {
        for text in [
            "*",
            "name/*",
            "*:*",
            "cos:*",
            "name/cos:Put*",
            "*:PutObject",
            "cos:*Obj*",
            "c*s:P*t",
        ] {
            assert!(parse(text).unwrap().covers("cos:PutObject"), "{text}");
        }
        for text in [
            "cos:putobject",
            "COS:PutObject",
            "cvm:*",
            "cos:Get*",
            "cos:PutObjectACL",
            "cos:Put",
        ] {
            assert!(!parse(text).unwrap().covers("cos:PutObject"), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_action_is_refused() {
        for text in [
            "",
            "cos",
            "cos:",
            ":PutObject",
            "cos:Put:Object",
            "name/",
            "cos:Put Object",
            "cos:${uin}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
