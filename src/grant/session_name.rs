//! Session names connect COS access logs to the audit log.
//!
//! # Guarantees
//! A name has only letters, as GetFederationToken's `Name` requires
//! (<https://www.tencentcloud.com/document/product/1150/49452>), and 37 of them; `RoleSessionName`
//! accepts 2 to 128 (<https://www.tencentcloud.com/document/product/1150/49456>). It contains
//! nothing about a person but a hash: 128 bits over the authentication method and the subject, the
//! same for each request of the same subject.

use crate::auth::Principal;

/// The session name of a principal; without a subject, only the name of the function.
pub(super) fn name(principal: &Principal) -> String {
    let hash = principal.subject_hash();
    let hash = hash.and_then(|hex| u128::from_str_radix(hex, 16).ok());
    let mut name = FUNCTION_NAME.to_owned();
    if let Some(hash) = hash {
        name.extend(letters(hash));
    }
    name
}

/// A number as 28 letters, the last digit first; different numbers have different letters.
fn letters(number: u128) -> impl Iterator<Item = char> {
    let quotients = std::iter::successors(Some(number), |rest| rest.checked_div(26));
    let letter = |rest: u128| {
        let digit = u8::try_from(rest.checked_rem(26).unwrap_or(0)).unwrap_or(0);
        char::from(b'a'.saturating_add(digit))
    };
    quotients.take(LETTERS).map(letter)
}

const FUNCTION_NAME: &str = "cosissuer";

/// 26 to the power of 28 is more than 2 to the power of 128.
const LETTERS: usize = 28;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{letters, name};
    use crate::auth::{Claims, Principal};

    fn of(subject: &str) -> String {
        name(&Principal::with_claims(Claims::of_subject(subject)))
    }

    #[test]
    fn a_session_is_named_by_a_hash_in_letters() {
        assert_eq!(of("u-1"), of("u-1"));
        assert_eq!(name(&Principal::for_tests()), "cosissuer");
        for subject in ["u-1", "person@example.com", "*", "${uin}", &"x".repeat(10_000), "图片"] {
            let name = of(subject);
            assert!(name.bytes().all(|c| c.is_ascii_lowercase()) && name.len() == 37, "{name}");
            assert!(!name.contains(subject));
        }
    }

    #[test]
    fn no_two_numbers_have_the_same_letters() {
        let near = (0..26_u128 * 26 * 26).chain((0..128).map(|bit| u128::MAX ^ (1 << bit)));
        let mut seen = HashSet::new();
        for number in near {
            assert!(seen.insert(letters(number).collect::<String>()), "{number}");
        }
    }

    /// A million subjects that differ only at their ends.
    #[test]
    fn session_names_of_a_million_subjects_differ() {
        let common =
            "https://login.example.com/tenants/0123456789/users/with/a/long/common/prefix/";
        let names: HashSet<String> =
            (0..1_000_000).map(|number| of(&format!("{common}{number}"))).collect();
        assert_eq!(names.len(), 1_000_000);
    }
}
