//! Names of grants and issuers.

/// The audit log separates names by commas.
pub(super) fn parse(text: &str) -> Result<String, &'static str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(known);
    let name = is_name.then(|| text.to_owned());
    name.ok_or("must have 1 to 64 letters, digits and characters of `-._`")
}
