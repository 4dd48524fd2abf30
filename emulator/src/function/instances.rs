//! The live instances as the admin API shows them, and their replacement by fresh ones.

use std::sync::Arc;

use serde::Serialize;

use super::{Function, Instance};
use crate::sync::lock;

/// A live instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InstanceRecord {
    process: i32,
    is_busy: bool,
    is_frozen: bool,
    peak_memory_bytes: Option<u64>,
}

impl Function {
    /// The live instances, oldest first.
    pub(crate) fn instances(&self) -> Vec<InstanceRecord> {
        self.live().iter().map(InstanceRecord::of).collect()
    }

    /// Ends the instance with this process id, or each, once it is free. Returns how many.
    pub(crate) fn recycle(&self, process: Option<i32>) -> usize {
        let mut instances = self.live();
        instances.retain(|one| process.is_none_or(|process| process == one.process.id()));
        instances.iter().for_each(Instance::recycle);
        instances.len()
    }

    fn live(&self) -> Vec<Arc<Instance>> {
        let mut instances = lock(&self.instances).clone();
        instances.retain(|instance| !instance.state.is_dead());
        instances
    }
}

impl InstanceRecord {
    fn of(instance: &Arc<Instance>) -> Self {
        let (is_busy, is_frozen) = {
            let freezer = lock(&instance.freezer);
            (freezer.leases > 0, freezer.frozen)
        };
        Self {
            process: instance.process.id(),
            is_busy,
            is_frozen,
            peak_memory_bytes: instance.process.peak_memory_bytes(),
        }
    }
}
