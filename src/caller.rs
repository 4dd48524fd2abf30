//! Who is asking, proven, never assumed.
//!
//! Promises: a [`Caller`] exists only as the result of [`Authentication::prove`]. There is no default kind of proof: `AUTH` must be
//! written out, and `none` is a choice.
//! Leaves out: what a caller may get (`grant`).

use crate::error::Error;
use crate::request::Request;

/// How callers prove who they are: the setting `AUTH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Nobody is asked. Whoever reaches the address gets the one grant.
    None,
}

impl Authentication {
    /// The choices, as `AUTH` names them.
    pub const CHOICES: [(&'static str, Self); 1] = [("none", Self::None)];

    /// Proves who sent `request`.
    ///
    /// # Errors
    /// None with [`Authentication::None`]; other kinds refuse with status 401.
    pub fn prove(self, _request: &Request) -> Result<Caller, Error> {
        match self {
            Self::None => Ok(Caller { name: "anonymous" }),
        }
    }
}

/// A caller whose proof held.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    name: &'static str,
}

impl Caller {
    /// The name in the audit line.
    pub fn name(self) -> &'static str {
        self.name
    }
}

#[cfg(test)]
impl Caller {
    pub(crate) fn for_tests() -> Self {
        Self { name: "test" }
    }
}
