//! What counts now, and how it changes.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::decision::Access;
use crate::deny_list::DenyList;
use crate::grant::Grants;

/// What [`Access`] is made of, each part with a source of its own.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "the kill switch names people")]
pub struct AccessSources {
    /// The grants.
    pub grants: Grants,
    /// The kill switch of the settings and of `DENY_FILE`.
    pub deny_list: DenyList,
    /// The kill switch in the shared store.
    pub shared_deny_list: DenyList,
}

impl AccessSources {
    fn access(&self) -> Access {
        Access::new(self.grants.clone(), self.deny_list.clone().and(&self.shared_deny_list))
    }
}

/// The access that counts now.
#[expect(missing_debug_implementations, reason = "the kill switch names people")]
pub struct CurrentAccess {
    sources: Mutex<AccessSources>,
    access: RwLock<Arc<Access>>,
}

impl CurrentAccess {
    /// Begins with these grants and this kill switch.
    pub fn new(grants: Grants, deny_list: DenyList) -> Self {
        let sources = AccessSources { grants, deny_list, shared_deny_list: DenyList::default() };
        Self { access: RwLock::new(Arc::new(sources.access())), sources: Mutex::new(sources) }
    }

    /// What counts now.
    pub fn load(&self) -> Arc<Access> {
        Arc::clone(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what counts for the requests to come. `change` returns whether it changed anything.
    pub fn update(&self, change: impl FnOnce(&mut AccessSources) -> bool) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut sources) {
            let access = Arc::new(sources.access());
            *self.access.write().unwrap_or_else(PoisonError::into_inner) = access;
        }
    }
}
