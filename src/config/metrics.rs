//! The numbers that a monitoring system reads: `METRICS`.

use super::reader::Reader;
use crate::log::{FORMATS, Format};
use crate::runtime::Platform;

/// How numbers leave the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metrics {
    /// In no other way than in the log.
    Off,
    /// As CloudWatch's embedded metric format, in the audit lines.
    Emf,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    platform: Option<&Platform>,
    has_audit: bool,
) -> Option<Metrics> {
    let metrics =
        reader.choice("METRICS", Metrics::Off, &[("off", Metrics::Off), ("emf", Metrics::Emf)])?;
    if metrics == Metrics::Emf {
        if platform.is_some_and(|platform| *platform != Platform::Lambda) {
            let text = "must not be `emf` here: only CloudWatch reads it, from the log of Lambda";
            reader.error("METRICS", text);
        }
        if !has_audit {
            reader.error("METRICS", "must not be `emf` with AUDIT=off: the audit lines carry it");
        }
        if reader.choice("LOG_FORMAT", Format::Json, &FORMATS) == Some(Format::Text) {
            reader.error("LOG_FORMAT", "must not be `text` with METRICS=emf, which is JSON");
        }
    }
    Some(metrics)
}
