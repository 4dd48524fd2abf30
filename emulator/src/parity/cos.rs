//! What object storage accepts, refuses and answers.

use super::Entry;

pub(super) const ENTRIES: [Entry; 0] = [];
