//! Metrics: `METRICS`.

use super::reader::Reader;
use crate::runtime::Platform;

/// Where metrics go (`METRICS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsSettings {
    /// Nowhere.
    Off,
    /// Into the audit line, where CloudWatch finds them: on Lambda.
    Emf,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    platform: Option<&mut Platform>,
) -> Option<MetricsSettings> {
    let words = [("off", MetricsSettings::Off), ("emf", MetricsSettings::Emf)];
    let metrics = reader.choice("METRICS", MetricsSettings::Off, &words)?;
    if metrics == MetricsSettings::Emf && *platform? != Platform::Lambda {
        let text = "must not be `emf` here: CloudWatch reads only the log of Lambda";
        reader.error("METRICS", text);
    }
    Some(metrics)
}
