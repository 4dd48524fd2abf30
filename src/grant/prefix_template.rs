//! Prefix templates, for example `users/{sub}/`: a claim of the principal fills each placeholder.
//!
//! # Guarantees
//! A placeholder has a type. A value of another form is refused and never cut or escaped, because
//! CAM has no escape. Between two `/` there is at most one placeholder, so two principals never
//! share a prefix (`{a}{b}` would allow `x`+`yz` and `xy`+`z`). `proof` is not a claim and fills no
//! placeholder. The result is an [`ObjectPrefix`], so it ends in `/`.
//!
//! # Not covered
//! Who the principal is (`principal_match`).

use crate::auth::{Claim, Claims};
use tencent::names::{ObjectPrefix, ObjectPrefixError};

use super::principal_match::PrincipalMatch;

/// The values that a placeholder accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// 1 to 64 letters, digits, `-` and `_`.
    Id,
    /// A non-negative whole number without leading zeros.
    Number,
    /// One of these words.
    OneOf(Vec<String>),
}

/// A prefix that may contain placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixTemplate {
    written: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Placeholder { claim: String, accepts: Placeholder },
    Text(String),
}

impl PrefixTemplate {
    /// Parses a template. `placeholders` maps claims to the values that they accept; the default is
    /// an id.
    ///
    /// # Errors
    /// [`TemplateError`] for any other text.
    pub fn parse(
        text: &str,
        placeholders: &[(String, Placeholder)],
    ) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}').ok_or(TemplateError::Placeholder)?;
            let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
            if claim.is_empty() || claim.len() > MAX_CLAIM_CHARACTERS || !claim.bytes().all(known) {
                return Err(TemplateError::Placeholder);
            }
            // A token's claim of that name would fill it.
            if claim == PrincipalMatch::PROOF {
                return Err(TemplateError::Proof);
            }
            if !before.contains('/') && matches!(pieces.last(), Some(Piece::Placeholder { .. })) {
                return Err(TemplateError::Neighbours);
            }
            let typed = placeholders.iter().find(|(name, _)| name == claim);
            let accepts = typed.map_or(Placeholder::Id, |(_, placeholder)| placeholder.clone());
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Placeholder { claim: claim.to_owned(), accepts });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self { written: text.to_owned(), pieces };
        template.longest().map_err(TemplateError::Prefix)?;
        Ok(template)
    }

    /// The prefix as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The claims of its placeholders.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Placeholder { claim, .. } => Some(claim.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The prefix for these claims.
    ///
    /// # Errors
    /// [`PlaceholderError`] when a claim is missing or has another form.
    pub fn fill(&self, claims: &Claims) -> Result<ObjectPrefix, PlaceholderError> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Placeholder { claim, accepts } => {
                    let text = accepts.text_of(claims.claim(claim));
                    filled.push_str(&text.ok_or_else(|| PlaceholderError::new(claim, accepts))?);
                }
                Piece::Text(text) => filled.push_str(text),
            }
        }
        // A template of only `/` grants the whole bucket; an empty placeholder never does.
        if filled == "/" && self.written != filled {
            return Err(PlaceholderError(NOT_A_PREFIX.to_owned()));
        }
        // No accepted value can fail here.
        ObjectPrefix::parse(&filled).map_err(|_| PlaceholderError(NOT_A_PREFIX.to_owned()))
    }

    /// The longest prefix that the template can produce.
    pub(super) fn longest(&self) -> Result<ObjectPrefix, ObjectPrefixError> {
        let longest = self.pieces.iter().map(|piece| match piece {
            Piece::Placeholder { accepts, .. } => accepts.longest(),
            Piece::Text(text) => text.clone(),
        });
        ObjectPrefix::parse(&longest.collect::<String>())
    }
}

impl Placeholder {
    /// A placeholder that accepts one of these words.
    ///
    /// # Errors
    /// [`TemplateError::Word`] for an empty list, or a word that a prefix cannot contain.
    pub fn one_of(words: Vec<String>) -> Result<Self, TemplateError> {
        let fits = |word: &String| {
            !word.chars().all(|c| c == '.')
                && !word.contains('/')
                && word.len() <= MAX_ID_CHARACTERS
                && ObjectPrefix::parse(&format!("{word}/")).is_ok()
        };
        if words.is_empty() || !words.iter().all(fits) {
            return Err(TemplateError::Word);
        }
        Ok(Self::OneOf(words))
    }

    /// The text of a claim, if it is accepted.
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
            Self::Id => "i".repeat(MAX_ID_CHARACTERS),
            Self::Number => "9".repeat(MAX_NUMBER_DIGITS),
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
    (1..=MAX_ID_CHARACTERS).contains(&text.len()) && text.bytes().all(known)
}

/// One spelling for each number; otherwise one principal would have several prefixes.
fn is_number(text: &str) -> bool {
    let is_canonical = text == "0" || !text.starts_with('0');
    (1..=MAX_NUMBER_DIGITS).contains(&text.len())
        && is_canonical
        && text.bytes().all(|c| c.is_ascii_digit())
}

/// Why a text is not a prefix template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two placeholders share a segment.
    #[error(
        "has two placeholders between two `/`, so two callers could share a prefix: put a `/` between them"
    )]
    Neighbours,
    /// Not a prefix.
    #[error(transparent)]
    Prefix(ObjectPrefixError),
    /// The name of the authentication method.
    #[error(
        "has the placeholder `{{proof}}`, which is not a claim: use `match` to distinguish authentication methods"
    )]
    Proof,
    /// Not a placeholder.
    #[error("has a placeholder that is not a claim name in braces, for example `{{sub}}`")]
    Placeholder,
    /// An unusable list of words.
    #[error(
        "must be one or more words, each of up to 64 bytes and without `/`, wildcards and braces; not `.` or `..`"
    )]
    Word,
}

/// Why claims do not fit: the claim's name and the required form, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlaceholderError(String);

impl PlaceholderError {
    fn new(claim: &str, accepts: &Placeholder) -> Self {
        let form = accepts.form();
        Self(format!("the claim `{claim}` must be {form}"))
    }
}

const NOT_A_PREFIX: &str = "the claims do not form a prefix";

const MAX_ID_CHARACTERS: usize = 64;

/// The largest signed 64-bit number has 19 digits.
const MAX_NUMBER_DIGITS: usize = 19;

const MAX_CLAIM_CHARACTERS: usize = 64;

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
        filled.map(|prefix| prefix.as_str().to_owned()).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Claim {
        Claim::Text(text.to_owned())
    }

    #[test]
    fn an_id_is_strict() {
        assert_eq!(filled("users/{sub}/", &[], text("a-B_9")).unwrap(), "users/a-B_9/");
        assert!(filled("users/{sub}/", &[], text(&"a".repeat(64))).is_ok());
        let hostile_texts = "* a* ? ${uin} {sub} a/b / .. . a.b a\n a\0 a\\b %2a %2e%2e %252a ＊ \
            ‥ ａ a\u{200b} é";
        for hostile in hostile_texts.split(' ').chain(["", "a b", " a", &"a".repeat(65)]) {
            let told = filled("users/{sub}/", &[], text(hostile)).unwrap_err();
            assert_eq!(told, "the claim `sub` must be 1 to 64 letters, digits, `-` and `_`");
        }
        for other in [Claim::Number(7), Claim::Flag(true), Claim::Texts(vec!["a".to_owned()])] {
            assert!(filled("users/{sub}/", &[], other).is_err());
        }
    }

    #[test]
    fn a_number_has_one_spelling() {
        let slots = [("sub".to_owned(), Placeholder::Number)];
        for good in [Claim::Number(0), Claim::Number(i64::MAX), text("0"), text("7")] {
            assert!(filled("{sub}/", &slots, good).is_ok());
        }
        for bad in ["", "07", "00", "+7", "-7", "7.0", "1e3", "٧", " 7", &"9".repeat(20)] {
            assert!(filled("{sub}/", &slots, text(bad)).is_err(), "{bad}");
        }
        assert!(filled("{sub}/", &slots, Claim::Number(-1)).is_err());
    }

    #[test]
    fn one_of_takes_only_these_words() {
        let words = |words: &[&str]| {
            Placeholder::one_of(words.iter().map(|word| (*word).to_owned()).collect())
        };
        let slots = [("sub".to_owned(), words(&["gold", "public site"]).unwrap())];
        assert_eq!(filled("t/{sub}/", &slots, text("public site")).unwrap(), "t/public site/");
        for bad in ["Gold", "gol", "goldd", "", "gold|silver"] {
            assert!(filled("t/{sub}/", &slots, text(bad)).is_err(), "{bad}");
        }
        for bad in [&[][..], &[""], &["a/b"], &["*"], &[".."], &["."], &["${uin}"], &["a", "b?"]] {
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
        for good in "/ users/ users/{sub}/ {sub}/ a/u-{sub}.d/{team}/x/".split(' ') {
            assert!(PrefixTemplate::parse(good, &[]).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("users/{sub}", TemplateError::Prefix(ObjectPrefixError::NotClosed)),
            ("users/${sub}/", TemplateError::Prefix(ObjectPrefixError::Character)),
            ("users/{sub}}/", TemplateError::Prefix(ObjectPrefixError::Character)),
            ("users/*/{sub}/", TemplateError::Prefix(ObjectPrefixError::Character)),
            ("../{sub}/", TemplateError::Prefix(ObjectPrefixError::Segment)),
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
