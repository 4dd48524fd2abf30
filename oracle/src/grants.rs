//! What is sent to STS, checked against what the grants mean.
//!
//! The meaning of a grant is written a second time, naively, over plain texts. [`World`] makes
//! grants, callers and a request from arbitrary bytes; [`Issued::allowed`] panics when the policy
//! allows an access that nobody granted or requested.
//!
//! # Not covered
//!
//! Whether everything that is granted is allowed.

mod accesses;
mod caller;
mod grant;
mod sent_policy;
mod world;

use serde_json::Value;

use crate::cam;

pub use self::caller::Caller;
pub use self::grant::Role;
pub use self::world::{Requested, Scope, World};

/// What would be sent to STS for a caller of a [`World`].
#[derive(Debug)]
pub struct Issued<'a> {
    /// The session policy.
    pub policy: &'a str,
    /// The session name.
    pub session_name: &'a str,
    /// The lifetime.
    pub duration_seconds: u64,
    /// The key of the new object, if the request was for one.
    pub new_key: Option<&'a str>,
    /// The role that would be assumed; `None` for that of the calling key.
    pub role: Option<&'a Role>,
}

impl Issued<'_> {
    /// How many of the tried accesses the policy allows.
    ///
    /// # Panics
    /// When it allows one that is outside the grants or the request, or does not have the form that
    /// is meant to be sent.
    #[must_use]
    pub fn allowed(&self, world: &World, caller: &Caller) -> usize {
        let policy: Value = serde_json::from_str(self.policy).expect("a policy is JSON");
        let explained = || format!("{policy} for {caller:?}\n{}\n{world:?}", world.grants_file());
        sent_policy::assert_plain(&policy, &explained);
        let name = self.session_name;
        let is_name = (2..=128).contains(&name.len());
        assert!(is_name && name.bytes().all(|c| c.is_ascii_lowercase()), "{name}");
        let accesses = accesses::near(world, &policy);
        let layers = [vec![policy.clone()]];
        let allowed = accesses.iter().filter(|access| cam::allows(&layers, &access.for_cam()));
        let mut count = 0;
        for access in allowed {
            let mut grants = world.grants.iter();
            let is_granted = grants.any(|grant| {
                grant.means(caller, access)
                    && grant.lifetime.contains(&self.duration_seconds)
                    && world.is_of(grant, self.role)
            });
            assert!(is_granted, "nobody granted {access:?}\n{}", explained());
            let is_requested = world.requested.covers(access, self.new_key);
            assert!(is_requested, "nobody requested {access:?}\n{}", explained());
            count += 1;
        }
        count
    }
}
