//! CAM users: a name, a number, policies, keys.

use tencent::cam::Policy;

use super::KeyPair;

/// A CAM user of the account.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) name: String,
    pub(crate) uin: u64,
    pub(crate) policies: Vec<Policy>,
    pub(crate) keys: Vec<KeyPair>,
}

impl User {
    /// A user that may do everything in COS and ask the STS for keys; one random key unless others
    /// are given.
    pub fn new(name: impl Into<String>, uin: u64) -> Self {
        Self { name: name.into(), uin, policies: vec![everything()], keys: Vec::new() }
    }

    /// What the user may do, in place of everything; without a policy nothing.
    #[must_use]
    pub fn policies(mut self, policies: Vec<Policy>) -> Self {
        self.policies = policies;
        self
    }

    /// One more key; its id has to begin with `AKIDEMU`.
    #[must_use]
    pub fn key(mut self, key: KeyPair) -> Self {
        self.keys.push(key);
        self
    }
}

/// The default policy of users and roles: all of COS, and the STS actions.
pub(super) fn everything() -> Policy {
    const EVERYTHING: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:*","name/sts:*"],"resource":"*"}]}"#;
    #[expect(clippy::expect_used, reason = "a constant, parsed by each test")]
    Policy::parse(EVERYTHING).expect("a policy")
}
