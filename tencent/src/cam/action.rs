//! Actions, for example `name/cos:PutObject`.
//! <https://www.tencentcloud.com/document/product/436/30580>
//!
//! # Guarantees
//! An [`Action`] is well formed. `*` is the only wildcard and may be anywhere; `name/cos:X` and
//! `cos:X` are the same; case matters. Feature sets (`permid/`, `actionName/`) are rejected.
//!
//! # Not covered
//! Whether COS has the action.

use serde::{Deserialize, Serialize, Serializer};

use super::wildcard::covers;

/// One action, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Action(String);

impl Action {
    /// The action of a COS operation, for example `PutObject`.
    pub fn cos(operation: &'static str) -> Self {
        Self(["name/cos:", operation].concat())
    }

    /// The service pattern: `cos` in `name/cos:PutObject`; `*` for every service.
    pub fn service(&self) -> &str {
        self.unprefixed().split_once(':').map_or("*", |(service, _)| service)
    }

    /// Whether it covers every action of a service.
    pub fn is_every_action(&self) -> bool {
        let operation = self.unprefixed().rsplit(':').next().unwrap_or_default();
        operation.chars().all(|c| c == '*')
    }

    /// The action as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers `action`, for example `cos:PutObject`.
    pub fn covers(&self, action: &str) -> bool {
        covers(self.unprefixed(), action)
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
        let shaped =
            unprefixed == "*" || unprefixed.split(':').filter(|part| !part.is_empty()).count() == 2;
        if shaped && unprefixed.matches(':').count() <= 1 && unprefixed.chars().all(known) {
            return Ok(action);
        }
        Err("an action must be `*` or have the form `name/cos:PutObject`")
    }
}

/// By reference: a conversion into a string would copy it.
impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
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
        assert!(parse("name/cos:*").unwrap().is_every_action());
        assert!(parse("name/*").unwrap().is_every_action());
        assert!(parse("cos:**").unwrap().is_every_action());
        assert!(!parse("name/cos:Get*").unwrap().is_every_action());
    }

    #[test]
    fn a_wildcard_may_be_anywhere_and_case_matters() {
        let words = "* name/* *:* cos:* name/cos:Put* *:PutObject cos:*Obj* c*s:P*t";
        for text in words.split(' ') {
            assert!(parse(text).unwrap().covers("cos:PutObject"), "{text}");
        }
        let words = "cos:putobject COS:PutObject cvm:* cos:Get* cos:PutObjectACL cos:Put";
        for text in words.split(' ') {
            assert!(!parse(text).unwrap().covers("cos:PutObject"), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_action_is_refused() {
        let texts = "cos cos: :PutObject cos:Put:Object name/ cos:${uin}";
        for text in texts.split(' ').chain(["", "cos:Put Object"]) {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
