//! Who gets a grant: everyone, or principals whose claims match.
//!
//! # Guarantees
//! Only whole values and closed prefixes are compared. There are no patterns, so none can be too loose. Types count: the
//! text `7` is not the number 7. Every named claim must match; a list of texts matches when one of them
//! does. `proof` is the authentication method, and no claim of a token can replace it.
//!
//! # Not covered
//! What the grant allows (`permissions`).

use crate::auth::{Claim, Principal};

/// Who gets a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalMatch {
    /// Principals all of whose named claims match.
    Claims(Vec<(String, Match)>),
    /// Every principal that [`Authenticator`](crate::auth::Authenticator) authenticates.
    Everyone,
}

/// The values that a claim may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// One of these values.
    OneOf(Vec<Value>),
    /// A text that begins with this prefix, which ends in `/` or `:`.
    Prefix(String),
}

/// A value that a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl PrincipalMatch {
    /// The name under which a match refers to the authentication method.
    pub const PROOF: &'static str = "proof";

    /// Whether `principal` gets the grant.
    pub(super) fn matches(&self, principal: &Principal) -> bool {
        let Self::Claims(claims) = self else {
            return true;
        };
        // An empty list matches nobody: a grant for everyone is written `everyone`.
        !claims.is_empty()
            && claims.iter().all(|(name, wanted)| {
                if name == Self::PROOF {
                    return wanted.is_met_by(&Claim::Text(principal.method().name().to_owned()));
                }
                let claim = principal.claims().claim(name);
                claim.is_some_and(|claim| wanted.is_met_by(claim))
            })
    }
}

impl Match {
    /// A prefix to match.
    ///
    /// # Errors
    /// [`MatchError`] when it does not end in `/` or `:`, because `repo:a` would match `repo:ab`.
    pub fn prefix(text: &str) -> Result<Self, MatchError> {
        let name = text.trim_end_matches(['/', ':']);
        if name.is_empty() || name.len() == text.len() {
            return Err(MatchError);
        }
        Ok(Self::Prefix(text.to_owned()))
    }

    fn is_met_by(&self, claim: &Claim) -> bool {
        match self {
            Self::OneOf(values) => values.iter().any(|value| value.equals(claim)),
            Self::Prefix(prefix) => match claim {
                Claim::Text(text) => text.starts_with(prefix.as_str()),
                Claim::Texts(texts) => texts.iter().any(|text| text.starts_with(prefix.as_str())),
                Claim::Flag(_) | Claim::Number(_) => false,
            },
        }
    }
}

impl Value {
    fn equals(&self, claim: &Claim) -> bool {
        match (self, claim) {
            (Self::Flag(wanted), Claim::Flag(flag)) => wanted == flag,
            (Self::Number(wanted), Claim::Number(number)) => wanted == number,
            (Self::Text(wanted), Claim::Text(text)) => wanted == text,
            (Self::Text(wanted), Claim::Texts(texts)) => texts.contains(wanted),
            (Self::Flag(_) | Self::Number(_) | Self::Text(_), _) => false,
        }
    }
}

/// The prefix does not end in `/` or `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix must end in `/` or `:`, because `repo:a` would match `repo:ab`")]
pub struct MatchError;

#[cfg(test)]
mod tests {
    use super::{Match, MatchError, PrincipalMatch, Value};
    use crate::auth::{Claim, Claims, Principal};

    fn matches(name: &str, wanted: Match, claims: &[(&str, Claim)]) -> bool {
        let mut all = Claims::of_subject("u-1");
        for (name, claim) in claims {
            all.add(*name, claim.clone());
        }
        PrincipalMatch::Claims(vec![(name.to_owned(), wanted)])
            .matches(&Principal::with_claims(all))
    }

    fn text(text: &str) -> Claim {
        Claim::Text(text.to_owned())
    }

    fn one_of(values: &[&str]) -> Match {
        let value = |value: &&str| Value::Text((*value).to_owned());
        Match::OneOf(values.iter().map(value).collect())
    }

    #[test]
    fn values_are_whole_and_of_their_type() {
        assert!(matches("team", one_of(&["a", "b"]), &[("team", text("b"))]));
        for other in [
            text("bb"),
            text("B"),
            text(""),
            text("b "),
            Claim::Number(1),
            Claim::Flag(true),
        ] {
            assert!(!matches("team", one_of(&["a", "b"]), &[("team", other)]));
        }
        assert!(!matches("team", one_of(&["a"]), &[]));
        let seven = || Match::OneOf(vec![Value::Number(7)]);
        assert!(matches("level", seven(), &[("level", Claim::Number(7))]));
        assert!(!matches("level", seven(), &[("level", text("7"))]));
        let yes = Match::OneOf(vec![Value::Flag(true)]);
        assert!(!matches("admin", yes, &[("admin", text("true"))]));
        assert!(!matches(
            "team",
            Match::OneOf(Vec::new()),
            &[("team", text("a"))]
        ));
    }

    #[test]
    fn one_text_of_a_list_is_enough() {
        let teams = |texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned());
            [("teams", Claim::Texts(texts.collect()))]
        };
        assert!(matches("teams", one_of(&["b"]), &teams(&["a", "b"])));
        assert!(!matches(
            "teams",
            one_of(&["b"]),
            &teams(&["a", "bb", "a b"])
        ));
        assert!(!matches("teams", one_of(&["b"]), &teams(&[])));
        let prefix = Match::prefix("org/").unwrap();
        assert!(matches("teams", prefix.clone(), &teams(&["a", "org/b"])));
        assert!(!matches("teams", prefix, &teams(&["a", "org"])));
    }

    /// There are no patterns: what looks like one is a text.
    #[test]
    fn alternation_is_anchored() {
        let either = || one_of(&["repo:a|repo:b"]);
        for other in ["repo:a", "repo:b", "repo:a-EVIL", "xrepo:b"] {
            assert!(!matches("sub", either(), &[]));
            assert!(
                !matches("repo", either(), &[("repo", text(other))]),
                "{other}"
            );
        }
        assert!(matches(
            "repo",
            either(),
            &[("repo", text("repo:a|repo:b"))]
        ));
        assert!(!matches(
            "repo",
            one_of(&[".*"]),
            &[("repo", text("anything"))]
        ));
    }

    #[test]
    fn a_prefix_is_closed() {
        let prefix = Match::prefix("org/team/").unwrap();
        assert!(matches(
            "repo",
            prefix.clone(),
            &[("repo", text("org/team/x"))]
        ));
        for other in ["org/team", "org/team2/x", "xorg/team/x", "ORG/team/x"] {
            assert!(
                !matches("repo", prefix.clone(), &[("repo", text(other))]),
                "{other}"
            );
        }
        for open in ["", "/", "org/team", "org:", "*", "::"] {
            assert_eq!(Match::prefix(open).is_ok(), open == "org:", "{open}");
        }
        assert_eq!(Match::prefix("a"), Err(MatchError));
    }

    #[test]
    fn the_kind_of_proof_is_no_claim_that_a_caller_could_bring() {
        assert!(matches(
            "proof",
            one_of(&["none"]),
            &[("proof", text("hmac"))]
        ));
        assert!(!matches(
            "proof",
            one_of(&["hmac"]),
            &[("proof", text("hmac"))]
        ));
    }

    #[test]
    fn no_claim_at_all_is_nobody() {
        assert!(!PrincipalMatch::Claims(Vec::new()).matches(&Principal::for_tests()));
        assert!(PrincipalMatch::Everyone.matches(&Principal::for_tests()));
    }
}
