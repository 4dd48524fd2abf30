//! `Authorization: <scheme> <credentials>`. <https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2>

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The credentials of each `Authorization` header of that scheme.
pub(super) fn credentials<'r>(headers: &'r HeaderMap, scheme: &str) -> Vec<&'r str> {
    let values = headers.get_all(AUTHORIZATION).into_iter();
    values
        .filter_map(|value| {
            let (name, rest) = value.to_str().ok()?.split_once(' ')?;
            name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
        })
        .collect()
}
