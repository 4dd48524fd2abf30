//! The external id of a role.

/// <https://www.tencentcloud.com/document/product/1150/49456>, parameter ExternalId.
pub(super) fn parse(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    let is_id = (2..=128).contains(&text.len()) && text.chars().all(known);
    let id = is_id.then(|| text.to_owned());
    id.ok_or("must have 2 to 128 letters, digits and characters of `_+=,.@:/-`")
}
