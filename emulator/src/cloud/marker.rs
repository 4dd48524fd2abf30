//! A text by which a binary that contains the local cloud is recognized.

/// A text that only the emulator contains: a check searches the deployed binary for it.
pub const MARKER: &str = "cos-emulator-marker-3f9c1e57a2d84b06";
