//! Why policies cannot be compared.

/// Why two sets of policies cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// A comparison of texts that is not exact here.
    #[error("the conditions on `{0}` cannot be compared exactly: {1}")]
    Inexact(String, &'static str),
    /// More steps than the limit.
    #[error(
        "the policies are too large to be compared: compare fewer statements at once, or statements \
         with fewer wildcards and conditions"
    )]
    TooLarge,
}
