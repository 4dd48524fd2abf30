//! The log: `LOG`, `LOG_FORMAT`.

use tracing::level_filters::LevelFilter;

use super::environment::Environment;
use super::reader::Reader;
use crate::log::{FORMATS, Format, LEVELS};

/// The level of `LOG`.
///
/// It is read first, so that configuration errors can be logged. An unknown word means `info`;
/// [`Settings::read`](super::Settings::read) reports it.
pub fn log_level(environment: &Environment) -> LevelFilter {
    early(environment, "LOG", &LEVELS).unwrap_or(LevelFilter::INFO)
}

/// The format of `LOG_FORMAT`, read first as the level; `None` where standard output decides.
pub fn log_format(environment: &Environment) -> Option<Format> {
    early(environment, "LOG_FORMAT", &FORMATS)
}

fn early<T: Copy>(environment: &Environment, name: &str, choices: &[(&str, T)]) -> Option<T> {
    let word = environment.text(name).ok().flatten()?;
    choices.iter().find(|(choice, _)| *choice == word).map(|(_, value)| *value)
}

/// Checks what was read early. The errors name the variables.
pub(super) fn check(reader: &mut Reader<'_>) {
    reader.choice("LOG", LevelFilter::INFO, &LEVELS);
    reader.choice("LOG_FORMAT", Format::Json, &FORMATS);
}
