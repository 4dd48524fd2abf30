//! Headers that callers send credentials in, other than `Authorization`.

use http::HeaderName;

/// A header whose meaning is not taken already, neither by HTTP nor by SCF.
pub(super) fn parse(text: &str) -> Result<HeaderName, &'static str> {
    let name: Option<HeaderName> = text.parse().ok();
    let is_free = |name: &str| name.starts_with("x-") && !name.starts_with("x-scf-");
    name.filter(|name| is_free(name.as_str()))
        .ok_or("must be a header that begins with `x-` and not `x-scf-`, for example `x-api-key`")
}
