//! What is known of a caller, by name and type.
//!
//! Promises: a claim comes from a proof or from the operator's own settings, never from an unproven request.
//! Leaves out: what claims permit (`grant`), and their `Debug`, since they are about people.

/// The value of one claim.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "it is about a person")]
pub enum Claim {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
}

/// Claims by name; they are few.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "they are about a person")]
pub struct Claims(Vec<(String, Claim)>);

impl Claims {
    /// The claim that says who it is.
    pub const SUBJECT: &'static str = "sub";

    /// Claims of a subject and nothing else.
    pub fn of_subject(subject: impl Into<String>) -> Self {
        let subject = Claim::Text(subject.into());
        Self(vec![(Self::SUBJECT.to_owned(), subject)])
    }

    /// Adds a claim; false when there is one of that name, which then stays.
    pub fn add(&mut self, name: impl Into<String>, claim: Claim) -> bool {
        let name = name.into();
        let is_new = self.claim(&name).is_none();
        if is_new {
            self.0.push((name, claim));
        }
        is_new
    }

    /// The claim of that name.
    pub fn claim(&self, name: &str) -> Option<&Claim> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, claim)| claim)
    }

    /// PrincipalMatch it is.
    pub fn subject(&self) -> Option<&str> {
        match self.claim(Self::SUBJECT) {
            Some(Claim::Text(subject)) => Some(subject),
            Some(Claim::Flag(_) | Claim::Number(_) | Claim::Texts(_)) | None => None,
        }
    }
}

/// What a token's subject may have is 255 characters; an ARN has fewer than this.
/// <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
pub(super) const SUBJECT_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::{Claim, Claims};

    #[test]
    fn a_claim_is_said_once() {
        let mut claims = Claims::of_subject("a");
        assert!(!claims.add("sub", Claim::Text("b".to_owned())));
        assert!(claims.add("tier", Claim::Number(2)));
        assert_eq!(claims.subject(), Some("a"));
        assert!(claims.claim("tier") == Some(&Claim::Number(2)));
        assert!(claims.claim("team").is_none());
    }

    #[test]
    fn a_subject_is_a_text() {
        let mut claims = Claims::default();
        claims.add("sub", Claim::Number(7));
        assert_eq!(claims.subject(), None);
    }
}
