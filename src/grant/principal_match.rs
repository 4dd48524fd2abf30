//! Who gets a grant: everyone, or principals whose claims match.
//!
//! # Guarantees
//! Only whole values and closed prefixes are compared. There are no patterns, so none can be too
//! loose. Types count: the text `7` is not the number 7. Every named claim must match; a list of
//! texts matches when one of them does. `proof` is the authentication method, and no claim of a
//! token can replace it. API gateways send lists, booleans and numbers as strings: such a string
//! matches as what the grant asks for, only with `AUTH=gateway`, and never for `sub`.
//!
//! # Not covered
//! What the grant allows (`permissions`).

use crate::auth::{AuthMethod, Claim, Claims, Principal};

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
    /// A list that contains one of these strings.
    Contains(Vec<String>),
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

    /// Whether a principal with these claims, authenticated by `method`, gets the grant.
    pub(super) fn matches(&self, method: AuthMethod, claims: &Claims) -> bool {
        let Self::Claims(wanted) = self else {
            return true;
        };
        // An empty list matches nobody: a grant for everyone is written `everyone`.
        !wanted.is_empty()
            && wanted.iter().all(|(name, wanted)| {
                if name == Self::PROOF {
                    return wanted.is_met_by(&Claim::Text(method.name().to_owned()));
                }
                claims.claim(name).is_some_and(|claim| {
                    wanted.is_met_by_either(claim, sent_as_string(name, claim, method))
                })
            })
    }

    /// The claims that it names.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        let claims = match self {
            Self::Claims(claims) => claims.as_slice(),
            Self::Everyone => &[],
        };
        claims.iter().map(|(name, _)| name.as_str()).filter(|name| *name != Self::PROOF)
    }

    /// The claims of `principal` that have a type which cannot match.
    pub(super) fn wrong_types(&self, principal: &Principal) -> Vec<&str> {
        let Self::Claims(claims) = self else {
            return Vec::new();
        };
        let is_wrong = |(name, wanted): &&(String, Match)| {
            principal.claims().claim(name).is_some_and(|claim| {
                let text = sent_as_string(name, claim, principal.method());
                !wanted.is_met_by_either(claim, text) && !wanted.takes_type_of(claim, text)
            })
        };
        let wrong = claims.iter().filter(is_wrong);
        wrong.map(|(name, _)| name.as_str()).collect()
    }
}

/// The string of a claim that may have had another type before a gateway sent it.
fn sent_as_string<'c>(name: &str, claim: &'c Claim, method: AuthMethod) -> Option<&'c str> {
    match (method, claim) {
        (AuthMethod::Gateway(_), Claim::Text(text)) if name != Claims::SUBJECT => Some(text),
        _ => None,
    }
}

/// The items of `[a b]` (HTTP APIs of AWS) and `a,b` (REST APIs with Cognito).
fn items(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inside.unwrap_or(text).split([' ', ','])
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
            Self::Contains(wanted) => match claim {
                Claim::Texts(texts) => texts.iter().any(|text| wanted.contains(text)),
                Claim::Flag(_) | Claim::Number(_) | Claim::Text(_) => false,
            },
            Self::OneOf(values) => values.iter().any(|value| value.equals(claim)),
            Self::Prefix(prefix) => match claim {
                Claim::Text(text) => text.starts_with(prefix.as_str()),
                Claim::Texts(texts) => texts.iter().any(|text| text.starts_with(prefix.as_str())),
                Claim::Flag(_) | Claim::Number(_) => false,
            },
        }
    }
}

impl Match {
    fn is_met_by_either(&self, claim: &Claim, sent: Option<&str>) -> bool {
        self.is_met_by(claim) || sent.is_some_and(|text| self.is_met_by_string(text))
    }

    fn is_met_by_string(&self, text: &str) -> bool {
        match self {
            Self::Contains(wanted) => {
                items(text).any(|item| wanted.iter().any(|wanted| wanted == item))
            }
            Self::OneOf(values) => values.iter().any(|value| match value {
                Value::Flag(flag) => flag.to_string() == text,
                Value::Number(number) => number.to_string() == text,
                Value::Text(_) => false,
            }),
            Self::Prefix(_) => false,
        }
    }

    /// Whether some claim of this type could match; `sent` is the string of one that a gateway
    /// sent.
    fn takes_type_of(&self, claim: &Claim, sent: Option<&str>) -> bool {
        let has = |is: fn(&Value) -> bool| matches!(self, Self::OneOf(all) if all.iter().any(is));
        let takes_text = matches!(self, Self::Prefix(_)) || has(|v| matches!(v, Value::Text(_)));
        let is_contains = matches!(self, Self::Contains(_));
        match claim {
            Claim::Flag(_) => has(|value| matches!(value, Value::Flag(_))),
            Claim::Number(_) => has(|value| matches!(value, Value::Number(_))),
            Claim::Text(_) if is_contains => sent.is_some(),
            Claim::Text(_) => takes_text && sent.is_none_or(|text| !text.starts_with('[')),
            Claim::Texts(_) => is_contains || takes_text,
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
    use crate::auth::{AuthMethod, Claim, Claims, Principal};
    use crate::request::IdentitySource;

    fn matches(name: &str, wanted: Match, claims: &[(&str, Claim)]) -> bool {
        let mut all = Claims::of_subject("u-1");
        for (name, claim) in claims {
            all.add(*name, claim.clone());
        }
        PrincipalMatch::Claims(vec![(name.to_owned(), wanted)]).matches(AuthMethod::None, &all)
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
        for other in
            [text("bb"), text("B"), text(""), text("b "), Claim::Number(1), Claim::Flag(true)]
        {
            assert!(!matches("team", one_of(&["a", "b"]), &[("team", other)]));
        }
        assert!(!matches("team", one_of(&["a"]), &[]));
        let seven = || Match::OneOf(vec![Value::Number(7)]);
        assert!(matches("level", seven(), &[("level", Claim::Number(7))]));
        assert!(!matches("level", seven(), &[("level", text("7"))]));
        let yes = Match::OneOf(vec![Value::Flag(true)]);
        assert!(!matches("admin", yes, &[("admin", text("true"))]));
        assert!(!matches("team", Match::OneOf(Vec::new()), &[("team", text("a"))]));
    }

    #[test]
    fn one_text_of_a_list_is_enough() {
        let teams = |texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned());
            [("teams", Claim::Texts(texts.collect()))]
        };
        assert!(matches("teams", one_of(&["b"]), &teams(&["a", "b"])));
        assert!(!matches("teams", one_of(&["b"]), &teams(&["a", "bb", "a b"])));
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
            assert!(!matches("repo", either(), &[("repo", text(other))]), "{other}");
        }
        assert!(matches("repo", either(), &[("repo", text("repo:a|repo:b"))]));
        assert!(!matches("repo", one_of(&[".*"]), &[("repo", text("anything"))]));
    }

    #[test]
    fn a_prefix_is_closed() {
        let prefix = Match::prefix("org/team/").unwrap();
        assert!(matches("repo", prefix.clone(), &[("repo", text("org/team/x"))]));
        for other in ["org/team", "org/team2/x", "xorg/team/x", "ORG/team/x"] {
            assert!(!matches("repo", prefix.clone(), &[("repo", text(other))]), "{other}");
        }
        for open in ["", "/", "org/team", "org:", "*", "::"] {
            assert_eq!(Match::prefix(open).is_ok(), open == "org:", "{open}");
        }
        assert_eq!(Match::prefix("a"), Err(MatchError));
    }

    #[test]
    fn the_authentication_method_is_not_a_claim_of_a_caller() {
        assert!(matches("proof", one_of(&["none"]), &[("proof", text("hmac"))]));
        assert!(!matches("proof", one_of(&["hmac"]), &[("proof", text("hmac"))]));
    }

    fn contains(texts: &[&str]) -> Match {
        Match::Contains(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn principal(method: AuthMethod, name: &str, claim: Claim) -> Principal {
        let mut claims = Claims::default();
        claims.add(name, claim);
        Principal::with_method(method, claims)
    }

    #[test]
    fn a_string_of_a_gateway_matches_as_what_the_grant_asks_for() {
        let gateway = AuthMethod::Gateway(IdentitySource::Jwt);
        let (yes, seven) = (Value::Flag(true), Value::Number(7));
        let yes = Match::OneOf(vec![yes]);
        let seven = Match::OneOf(vec![seven]);
        for (wanted, text, is_met) in [
            (contains(&["media"]), "[media press]", true),
            (contains(&["press"]), "[media press]", true),
            (contains(&["media"]), "[media]", true),
            (contains(&["press", "x"]), "media,press", true),
            (contains(&["media"]), "media", true),
            (contains(&["media"]), "[media-2 press]", false),
            (contains(&["media press"]), "[media press]", false),
            (contains(&["med"]), "media,press", false),
            (contains(&["media"]), "", false),
            (one_of(&["media"]), "[media press]", false),
            (one_of(&["media"]), "media,press", false),
            (one_of(&["[media]"]), "[media]", true),
            (Match::prefix("media:").unwrap(), "[media:a]", false),
            (yes.clone(), "true", true),
            (yes.clone(), "True", false),
            (yes.clone(), "1", false),
            (seven.clone(), "7", true),
            (seven.clone(), "07", false),
            (seven.clone(), "+7", false),
            (seven.clone(), "7.0", false),
        ] {
            let grant =
                |name: &str| PrincipalMatch::Claims(vec![(name.to_owned(), wanted.clone())]);
            let matches = |method, name: &str| {
                let principal = principal(method, name, self::text(text));
                grant(name).matches(method, principal.claims())
            };
            assert_eq!(matches(gateway, "groups"), is_met, "{wanted:?} {text}");
            // Other methods send types, and `sub` is a string.
            let is_same = wanted == one_of(&["[media]"]);
            for other in [AuthMethod::Jwt, AuthMethod::ApiKey, AuthMethod::Hmac] {
                assert_eq!(matches(other, "groups"), is_same, "{wanted:?} {text}");
            }
            assert_eq!(matches(gateway, "sub"), is_same, "{wanted:?} {text}");
        }
        let list = Claim::Texts(vec!["media press".to_owned(), "b".to_owned()]);
        assert!(matches("groups", contains(&["b"]), &[("groups", list.clone())]));
        assert!(!matches("groups", contains(&["media"]), &[("groups", list)]));
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_named() {
        let gateway = AuthMethod::Gateway(IdentitySource::Jwt);
        let yes = || Match::OneOf(vec![Value::Flag(true)]);
        for (method, wanted, claim, is_wrong) in [
            (gateway, one_of(&["media"]), text("[media press]"), true),
            (gateway, one_of(&["media"]), text("press"), false),
            (gateway, one_of(&["media"]), text("media"), false),
            (gateway, one_of(&["7"]), Claim::Number(7), true),
            (gateway, yes(), text("maybe"), true),
            (gateway, yes(), text("true"), false),
            (gateway, contains(&["media"]), text("[press]"), false),
            (gateway, contains(&["media"]), Claim::Flag(true), true),
            (AuthMethod::Jwt, contains(&["media"]), text("media"), true),
            (AuthMethod::Jwt, one_of(&["a"]), text("[b]"), false),
        ] {
            let caller = principal(method, "groups", claim);
            let grant = PrincipalMatch::Claims(vec![("groups".to_owned(), wanted.clone())]);
            let expected: &[&str] = if is_wrong { &["groups"] } else { &[] };
            assert_eq!(grant.wrong_types(&caller), expected, "{wanted:?}");
        }
    }

    #[test]
    fn an_empty_list_of_claims_matches_nobody() {
        let (method, nobody) = (AuthMethod::None, Claims::default());
        assert!(!PrincipalMatch::Claims(Vec::new()).matches(method, &nobody));
        assert!(PrincipalMatch::Everyone.matches(method, &nobody));
    }
}
