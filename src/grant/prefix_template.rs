//! Prefixes with slots, as `users/{sub}/`: each slot is filled with a claim of the caller.
//!
//! Promises: a slot has a type, and what does not fit it is refused, never cut or escaped, since CAM has no escape. There is at the most
//! one slot between two `/`, so that two callers never meet in one prefix (`{a}{b}` would: `x`+`yz`, `xy`+`z`). `proof`, which is no claim,
//! fills none. What comes out is an
//! [`ObjectPrefix`], so it ends in `/`. Leaves out: who the caller is (`who`).

use crate::auth::{Claim, Claims};
use tencent::names::{ObjectPrefix, ObjectPrefixError};

use super::principal_match::PrincipalMatch;

/// What a slot takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// 1 to 64 letters, digits, `-` and `_`.
    Id,
    /// A whole number, not negative, without leading zeros.
    Number,
    /// One of these words.
    OneOf(Vec<String>),
}

/// A prefix that may have slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixTemplate {
    written: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Placeholder { claim: String, takes: Placeholder },
    Text(String),
}

impl PrefixTemplate {
    /// Reads a prefix. `slots` says what a claim's slot takes; it is an id where nothing is said.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str, slots: &[(String, Placeholder)]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or(TemplateError::Placeholder)?;
            let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
            if claim.is_empty() || claim.len() > CLAIM_CHARACTERS_MAX || !claim.bytes().all(known) {
                return Err(TemplateError::Placeholder);
            }
            // A token's own claim of that name would fill it.
            if claim == PrincipalMatch::PROOF {
                return Err(TemplateError::Proof);
            }
            if !before.contains('/') && matches!(pieces.last(), Some(Piece::Placeholder { .. })) {
                return Err(TemplateError::Neighbours);
            }
            let said = slots.iter().find(|(name, _)| name == claim);
            let takes = said.map_or(Placeholder::Id, |(_, slot)| slot.clone());
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Placeholder {
                claim: claim.to_owned(),
                takes,
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self {
            written: text.to_owned(),
            pieces,
        };
        template.longest().map_err(TemplateError::Prefix)?;
        Ok(template)
    }

    /// The prefix as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The claims that it has slots for.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder { claim, .. } => Some(claim.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The prefix of the caller with these claims.
    ///
    /// # Errors
    /// [`PlaceholderError`], with what the caller can be told.
    pub fn fill(&self, claims: &Claims) -> Result<ObjectPrefix, PlaceholderError> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Placeholder { claim, takes } => {
                    let text = takes.text_of(claims.claim(claim));
                    filled.push_str(&text.ok_or_else(|| PlaceholderError::new(claim, takes))?);
                }
                Piece::Text(text) => filled.push_str(text),
            }
        }
        // `/` alone is the whole bucket, which is granted by that word and never by an empty slot.
        if filled == "/" && self.written != filled {
            return Err(PlaceholderError(OUTSIDE.to_owned()));
        }
        // Nothing that a slot takes can fail here; if it did, it would be refused.
        ObjectPrefix::parse(&filled).map_err(|_| PlaceholderError(OUTSIDE.to_owned()))
    }

    /// The longest prefix that can come out, for what has to fit wherever it is used.
    pub(super) fn longest(&self) -> Result<ObjectPrefix, ObjectPrefixError> {
        let longest = self.pieces.iter().map(|piece| match piece {
            Piece::Placeholder { takes, .. } => takes.longest(),
            Piece::Text(text) => text.clone(),
        });
        ObjectPrefix::parse(&longest.collect::<String>())
    }
}

impl Placeholder {
    /// Words that a slot may be one of.
    ///
    /// # Errors
    /// When there is none, or one could not be in a prefix.
    pub fn one_of(words: Vec<String>) -> Result<Self, TemplateError> {
        let fits = |word: &String| {
            !word.chars().all(|c| c == '.')
                && !word.contains('/')
                && word.len() <= ID_CHARACTERS_MAX
                && ObjectPrefix::parse(&format!("{word}/")).is_ok()
        };
        if words.is_empty() || !words.iter().all(fits) {
            return Err(TemplateError::Word);
        }
        Ok(Self::OneOf(words))
    }

    /// The text of a claim, if it fits.
    fn text_of(&self, claim: Option<&Claim>) -> Option<String> {
        match (self, claim?) {
            (Self::Id, Claim::Text(text)) => is_id(text).then(|| text.clone()),
            (Self::Number, Claim::Number(number)) => (*number >= 0).then(|| number.to_string()),
            (Self::Number, Claim::Text(text)) => is_number(text).then(|| text.clone()),
            (Self::OneOf(words), Claim::Text(text)) => {
                words.iter().find(|word| *word == text).cloned()
            }
            (_, _) => None,
        }
    }

    fn longest(&self) -> String {
        match self {
            Self::Id => "i".repeat(ID_CHARACTERS_MAX),
            Self::Number => "9".repeat(NUMBER_DIGITS_MAX),
            Self::OneOf(words) => {
                let longest = words.iter().max_by_key(|word| word.len());
                longest.cloned().unwrap_or_default()
            }
        }
    }

    fn form(&self) -> &'static str {
        match self {
            Self::Id => "1 to 64 letters, digits, `-` and `_`",
            Self::Number => "a whole number",
            Self::OneOf(_) => "one of a few words",
        }
    }
}

fn is_id(text: &str) -> bool {
    let known = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (1..=ID_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(known)
}

/// One way to write each number, or one caller would have several prefixes.
fn is_number(text: &str) -> bool {
    let is_canonical = text == "0" || !text.starts_with('0');
    (1..=NUMBER_DIGITS_MAX).contains(&text.len())
        && is_canonical
        && text.bytes().all(|c| c.is_ascii_digit())
}

/// Why a text is no prefix with slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two slots share a segment.
    #[error("has two slots between two `/`, where one caller's prefix could be another's")]
    Neighbours,
    /// Not even a prefix.
    #[error(transparent)]
    Prefix(ObjectPrefixError),
    /// The name that stands for how the caller was proven.
    #[error(
        "has the slot `{{proof}}`, which is no claim: use `match` to tell kinds of proof apart"
    )]
    Proof,
    /// Not a slot.
    #[error("has a slot that is not the name of a claim in braces, as `{{sub}}`")]
    Placeholder,
    /// A word that a slot may be one of.
    #[error(
        "takes one word or more, each of up to 64 bytes and without `/`, wildcards and braces; not `.` or `..`"
    )]
    Word,
}

/// Why a caller's claims do not fit: what is asked of which claim, never what the claim holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlaceholderError(String);

impl PlaceholderError {
    fn new(claim: &str, takes: &Placeholder) -> Self {
        let form = takes.form();
        Self(format!("the claim `{claim}` has to be {form}"))
    }
}

const OUTSIDE: &str = "the claims make no prefix";

const ID_CHARACTERS_MAX: usize = 64;

/// Of the largest 64-bit number with a sign.
const NUMBER_DIGITS_MAX: usize = 19;

const CLAIM_CHARACTERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Placeholder, PrefixTemplate, TemplateError};
    use crate::auth::{Claim, Claims};
    use tencent::names::ObjectPrefixError;

    fn filled(
        template: &str,
        slots: &[(String, Placeholder)],
        claim: Claim,
    ) -> Result<String, String> {
        let mut claims = Claims::default();
        claims.add("sub", claim);
        let template = PrefixTemplate::parse(template, slots).unwrap();
        let filled = template.fill(&claims);
        filled
            .map(|prefix| prefix.as_str().to_owned())
            .map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Claim {
        Claim::Text(text.to_owned())
    }

    #[test]
    fn an_id_is_strict() {
        assert_eq!(
            filled("users/{sub}/", &[], text("a-B_9")).unwrap(),
            "users/a-B_9/"
        );
        assert!(filled("users/{sub}/", &[], text(&"a".repeat(64))).is_ok());
        for hostile in [
            "",
            "*",
            "a*",
            "?",
            "${uin}",
            "{sub}",
            "a/b",
            "/",
            "..",
            ".",
            "a.b",
            "a b",
            " a",
            "a\n",
            "a\0",
            "a\\b",
            "%2a",
            "%2e%2e",
            "%252a",
            "＊",
            "‥",
            "ａ",
            "a\u{200b}",
            "é",
            &"a".repeat(65),
        ] {
            let told = filled("users/{sub}/", &[], text(hostile)).unwrap_err();
            assert_eq!(
                told,
                "the claim `sub` has to be 1 to 64 letters, digits, `-` and `_`"
            );
        }
        for other in [
            Claim::Number(7),
            Claim::Flag(true),
            Claim::Texts(vec!["a".to_owned()]),
        ] {
            assert!(filled("users/{sub}/", &[], other).is_err());
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        let slots = [("sub".to_owned(), Placeholder::Number)];
        for good in [
            Claim::Number(0),
            Claim::Number(i64::MAX),
            text("0"),
            text("7"),
        ] {
            assert!(filled("{sub}/", &slots, good).is_ok());
        }
        for bad in [
            "",
            "07",
            "00",
            "+7",
            "-7",
            "7.0",
            "1e3",
            "٧",
            " 7",
            &"9".repeat(20),
        ] {
            assert!(filled("{sub}/", &slots, text(bad)).is_err(), "{bad}");
        }
        assert!(filled("{sub}/", &slots, Claim::Number(-1)).is_err());
    }

    #[test]
    fn one_of_takes_these_words_alone() {
        let words = |words: &[&str]| {
            Placeholder::one_of(words.iter().map(|word| (*word).to_owned()).collect())
        };
        let slots = [("sub".to_owned(), words(&["gold", "public site"]).unwrap())];
        assert_eq!(
            filled("t/{sub}/", &slots, text("public site")).unwrap(),
            "t/public site/"
        );
        for bad in ["Gold", "gol", "goldd", "", "gold|silver"] {
            assert!(filled("t/{sub}/", &slots, text(bad)).is_err(), "{bad}");
        }
        for bad in [
            &[][..],
            &[""],
            &["a/b"],
            &["*"],
            &[".."],
            &["."],
            &["${uin}"],
            &["a", "b?"],
        ] {
            assert_eq!(words(bad), Err(TemplateError::Word), "{bad:?}");
        }
    }

    /// The whole bucket is written `/`; no claim can say it.
    #[test]
    fn an_empty_slot_is_not_the_whole_bucket() {
        let slots = [("sub".to_owned(), Placeholder::OneOf(vec![String::new()]))];
        assert!(filled("{sub}/", &slots, text("")).is_err());
        assert_eq!(filled("/", &[], text("")).unwrap(), "");
    }

    #[test]
    fn a_template_is_a_prefix_with_names_in_braces() {
        for good in [
            "/",
            "users/",
            "users/{sub}/",
            "{sub}/",
            "a/u-{sub}.d/{team}/x/",
        ] {
            assert!(PrefixTemplate::parse(good, &[]).is_ok(), "{good}");
        }
        for (bad, error) in [
            (
                "users/{sub}",
                TemplateError::Prefix(ObjectPrefixError::NotClosed),
            ),
            (
                "users/${sub}/",
                TemplateError::Prefix(ObjectPrefixError::Character),
            ),
            (
                "users/{sub}}/",
                TemplateError::Prefix(ObjectPrefixError::Character),
            ),
            (
                "users/*/{sub}/",
                TemplateError::Prefix(ObjectPrefixError::Character),
            ),
            (
                "../{sub}/",
                TemplateError::Prefix(ObjectPrefixError::Segment),
            ),
            ("/{sub}/", TemplateError::Prefix(ObjectPrefixError::Segment)),
            ("{sub}{team}/", TemplateError::Neighbours),
            ("{sub}-{team}/", TemplateError::Neighbours),
            ("users/{}/", TemplateError::Placeholder),
            ("users/{sub/", TemplateError::Placeholder),
            ("users/{a b}/", TemplateError::Placeholder),
            ("users/{{sub}}/", TemplateError::Placeholder),
            ("{proof}/{sub}/", TemplateError::Proof),
        ] {
            assert_eq!(PrefixTemplate::parse(bad, &[]), Err(error), "{bad}");
        }
    }
}
