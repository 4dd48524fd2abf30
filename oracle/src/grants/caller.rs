//! Who asks, and by what.

use serde_json::{Map, Value};

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The claims.
    pub claims: Map<String, Value>,
    /// The name of the `[[issuer]]` whose token it is; `None` for an identity of the gateway.
    pub token_issuer: Option<&'static str>,
}

impl Caller {
    /// The authentication method.
    pub(super) fn proof(&self) -> &'static str {
        if self.token_issuer.is_some() { "jwt" } else { "gateway-lambda" }
    }

    /// The text of a claim that a gateway wrote as a string, whatever its type was.
    pub(super) fn written<'c>(&self, name: &str, claim: &'c Value) -> Option<&'c str> {
        let is_gateways = self.token_issuer.is_none() && !["sub", "proof"].contains(&name);
        claim.as_str().filter(|_| is_gateways)
    }
}
