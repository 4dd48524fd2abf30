//! The kill switch: who gets no credential, whatever the grants permit.
//!
//! # Guarantees
//! An entry that cannot be parsed is an error, so a misspelled switch never does nothing in
//! silence. A denied caller is refused before STS is called, and a credential that is cached for
//! them is not served.
//!
//! # Not covered
//! Credentials that were issued before: they work until they expire, or until their calling key
//! is disabled.

use std::collections::HashSet;

use crate::auth::{AuthMethod, Claim, Principal};
use crate::error::{Error, ErrorCode};

/// Entries of `DENY` and `DENY_FILE`.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "it contains subjects, which are about people")]
pub struct DenyList {
    is_for_all: bool,
    entries: HashSet<Entry>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Entry {
    /// A claim `sub`, of any authentication method.
    Subject(String),
    /// A subject as the audit log shows it.
    SubjectHash(String),
    /// A claim `iss`.
    Issuer(String),
    /// The name of an entry of `API_KEYS` or `HMAC_KEYS`.
    Key(String),
    /// The name of a grant.
    Grant(String),
}

/// Why an entry is not one. It never contains the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `sub:TEXT`, `subject:HASH`, `issuer:TEXT`, `key:NAME`, `grant:NAME` or `all`, with \
     `%2C` for a comma and `%25` for a percent sign, for example `sub:user-7`"
)]
pub struct DenyEntryError;

impl DenyList {
    /// Parses comma-separated entries: the setting `DENY`.
    ///
    /// # Errors
    /// [`DenyEntryError`].
    pub fn parse(text: &str) -> Result<Self, DenyEntryError> {
        let mut list = Self::default();
        for entry in text.split(',') {
            list.add(entry)?;
        }
        Ok(list)
    }

    /// Parses one entry a line. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    /// The number of the first line that is not an entry, and [`DenyEntryError`].
    pub fn parse_lines(text: &str) -> Result<Self, (usize, DenyEntryError)> {
        let mut list = Self::default();
        for (number, line) in (1_usize..).zip(text.lines()) {
            if !line.trim_start().starts_with('#') {
                list.add(line).map_err(|error| (number, error))?;
            }
        }
        Ok(list)
    }

    /// The entries that can be parsed, and how many cannot.
    pub fn of_entries(entries: &[String]) -> (Self, usize) {
        let mut list = Self::default();
        let invalid = entries.iter().filter(|entry| list.add(entry).is_err()).count();
        (list, invalid)
    }

    /// Both lists.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.is_for_all |= other.is_for_all;
        self.entries.extend(other.entries.iter().cloned());
        self
    }

    fn add(&mut self, entry: &str) -> Result<(), DenyEntryError> {
        let entry = entry.trim();
        if entry == "all" {
            self.is_for_all = true;
            return Ok(());
        }
        if entry.is_empty() {
            return Ok(());
        }
        let (kind, text) = entry.split_once(':').ok_or(DenyEntryError)?;
        let text = unescape(text).filter(|text| !text.is_empty()).ok_or(DenyEntryError)?;
        self.entries.insert(match kind {
            "sub" => Entry::Subject(text),
            "subject" if is_subject_hash(&text) => Entry::SubjectHash(text),
            "issuer" => Entry::Issuer(text),
            "key" => Entry::Key(text),
            "grant" => Entry::Grant(text),
            _ => return Err(DenyEntryError),
        });
        Ok(())
    }

    /// Refuses everyone when the list contains `all`: before a token's issuer is called.
    ///
    /// # Errors
    /// [`ErrorCode::SwitchedOff`].
    pub fn check_all(&self) -> Result<(), Error> {
        if self.is_for_all { Err(switched_off()) } else { Ok(()) }
    }

    /// Refuses a principal that an entry names, or everyone.
    ///
    /// # Errors
    /// [`ErrorCode::SwitchedOff`].
    pub fn check(&self, principal: &Principal) -> Result<(), Error> {
        self.check_all()?;
        if self.entries.is_empty() {
            return Ok(());
        }
        let claims = principal.claims();
        let has_key = matches!(principal.method(), AuthMethod::ApiKey | AuthMethod::Hmac);
        let issuer = claims.claim("iss").and_then(Claim::text);
        let entries = [
            claims.subject().map(|text| Entry::Subject(text.to_owned())),
            principal.subject_hash().map(|hash| Entry::SubjectHash(hash.to_owned())),
            issuer.map(|text| Entry::Issuer(text.to_owned())),
            has_key.then(|| Entry::Key(principal.name().to_owned())),
        ];
        if entries.into_iter().flatten().any(|entry| self.entries.contains(&entry)) {
            return Err(switched_off());
        }
        Ok(())
    }

    /// Whether the grant of this name is switched off.
    pub fn has_grant(&self, name: &str) -> bool {
        !self.entries.is_empty() && self.entries.contains(&Entry::Grant(name.to_owned()))
    }
}

/// The refusal of a caller who is switched off.
pub fn switched_off() -> Error {
    let message = "the operator of this function has switched this off: do not retry";
    Error::new(ErrorCode::SwitchedOff, message)
}

/// Only what an entry must escape can be escaped.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match part.split_at_checked(2)? {
            ("2C" | "2c", rest) => (',', rest),
            ("25", rest) => ('%', rest),
            _ => return None,
        };
        unescaped.push(sign);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}

fn is_subject_hash(text: &str) -> bool {
    text.len() == Principal::SUBJECT_HASH_DIGITS
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{DenyEntryError, DenyList};
    use crate::auth::{AuthMethod, Claim, Claims, Principal};

    fn principal(method: AuthMethod, subject: &str, issuer: &str) -> Principal {
        let mut claims = Claims::of_subject(subject);
        claims.add("iss", Claim::Text(issuer.to_owned()));
        Principal::with_method(method, claims)
    }

    #[test]
    fn an_entry_denies_whom_it_names_and_nobody_else() {
        let token = principal(AuthMethod::Jwt, "u,1", "https://issuer.example");
        let key = principal(AuthMethod::ApiKey, "u-2", "");
        let hash = key.subject_hash().unwrap();
        for (entry, denies_token, denies_key) in [
            ("sub:u%2C1", true, false),
            ("sub:u-2", false, true),
            ("sub:u", false, false),
            ("sub:U-2", false, false),
            (&format!("subject:{hash}"), false, true),
            ("issuer:https://issuer.example", true, false),
            ("issuer:https://issuer.example/", false, false),
            // The name of a token's principal is not the name of a key.
            ("key:principal", false, true),
            ("key:u-2", false, false),
            ("grant:u-2", false, false),
            ("sub:x, sub:u%2C1,sub:u-2,", true, true),
        ] {
            let list = DenyList::parse(entry).ok().unwrap();
            assert_eq!(list.check(&token).is_err(), denies_token, "{entry}");
            assert_eq!(list.check(&key).is_err(), denies_key, "{entry}");
            assert!(list.check_all().is_ok(), "{entry}");
        }
        assert!(DenyList::parse("all").ok().unwrap().check_all().is_err());
        assert!(DenyList::parse("grant:media").ok().unwrap().has_grant("media"));
    }

    #[test]
    fn what_is_not_an_entry_is_an_error() {
        let entries = "user-7 sub sub: sub:% sub:%zz user:7 subject:7 All sub:a,b \
            subject:ABCDEF0123456789ABCDEF0123456789";
        for entry in entries.split(' ') {
            assert!(DenyList::parse(entry).err() == Some(DenyEntryError), "{entry}");
        }
        let lines = "# who left\n\nsub:u-1\r\n  key:old\nsub\n";
        assert!(DenyList::parse_lines(lines).err() == Some((5, DenyEntryError)));
        assert!(DenyList::parse_lines("# who left\n\nsub:u-1\r\n").is_ok());
    }
}
