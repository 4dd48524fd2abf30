//! The error that ends a run.

/// Why nothing could be measured.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
