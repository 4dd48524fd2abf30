//! Query parameters that are not ours: which are ignored, and which look like a mistake.
//!
//! # Guarantees
//! A parameter whose sender could believe that it narrows the credential is rejected, by its name.

use super::route::IssueRoute;
use crate::error::{Error, ErrorCode};

/// Accepts an unknown parameter, or rejects it.
///
/// A name that begins with `_` is a cache buster and is ignored. `/sign` ignores others too, as the
/// samples did, unless they look like a parameter of ours or like something that narrows.
///
/// # Errors
/// [`ErrorCode::QueryParameter`].
pub(super) fn check_unknown(name: &str, route: IssueRoute) -> Result<(), Error> {
    let is_mistake = || OURS.iter().chain(&NARROWING).any(|known| is_near(name, known));
    if name.starts_with('_') || (route == IssueRoute::Sign && !is_mistake()) {
        return Ok(());
    }
    let shown: String = name.chars().take(MAX_SHOWN_CHARACTERS).collect();
    let own = match route {
        IssueRoute::DownloadSign => "`key`, `response-content-type`, ",
        IssueRoute::NewObject | IssueRoute::PostPolicy | IssueRoute::PutSign => {
            "`filename` or `ext`, "
        }
        IssueRoute::Sign | IssueRoute::Sts => "",
    };
    let message = format!(
        "{shown}: must not be in the query; {} takes {own}`format`, `durationSeconds`, \
         `bucket`, `region`",
        route.name()
    );
    Err(Error::new(ErrorCode::QueryParameter, message))
}

/// Whether `name` is `known` in another spelling, or one typing mistake away from it.
fn is_near(name: &str, known: &str) -> bool {
    let fold = |text: &str| -> Vec<char> {
        let letters = text.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' '));
        letters.flat_map(char::to_lowercase).collect()
    };
    let (name, known) = (fold(name), fold(known));
    // A short name is one mistake away from too many words.
    name == known || (known.len() >= MIN_LETTERS && is_one_edit(&name, &known))
}

/// One insertion, deletion, substitution or swap of neighbours.
fn is_one_edit(a: &[char], b: &[char]) -> bool {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let [a, b] = [a, b].map(|text| text.get(start..).unwrap_or_default());
    match (a, b) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([a1, a2, a @ ..], [b1, b2, b @ ..]) if a1 == b2 && a2 == b1 && a == b => true,
        _ => a.get(1..) == Some(b) || b.get(1..) == Some(a),
    }
}

const OURS: [&str; 6] = ["bucket", "durationSeconds", "ext", "filename", "format", "region"];

/// What other servers of the SDKs' samples take to narrow a credential, and shorter names for ours.
const NARROWING: [&str; 9] = [
    "action",
    "allowActions",
    "allowPrefix",
    "duration",
    "key",
    "policy",
    "prefix",
    "resource",
    "scope",
];

const MIN_LETTERS: usize = 6;

/// Long enough for any name that somebody mistyped.
const MAX_SHOWN_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::check_unknown;
    use crate::request::IssueRoute;

    #[test]
    fn a_misspelled_parameter_is_named_and_others_are_ignored_where_the_samples_did() {
        let mistakes = "Format fromat formats duration_seconds durationSecond buckt prefix Key ext allow-prefix";
        for name in mistakes.split(' ') {
            for route in [IssueRoute::Sign, IssueRoute::Sts] {
                let error = check_unknown(name, route).unwrap_err();
                assert!(error.message().starts_with(&format!("{name}: ")), "{name}");
            }
        }
        for name in ["t", "uid", "appId", "v", "text", "next", ""] {
            assert!(check_unknown(name, IssueRoute::Sign).is_ok(), "{name}");
            assert!(check_unknown(name, IssueRoute::Sts).is_err(), "{name}");
        }
        for name in ["_", "_t", "_format"] {
            assert!(check_unknown(name, IssueRoute::NewObject).is_ok(), "{name}");
        }
    }
}
