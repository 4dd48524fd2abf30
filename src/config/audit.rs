//! The audit log: `AUDIT`, `AUDIT_SUBJECT`, `AUDIT_CLIENT`.

use super::metrics::MetricsSettings;
use super::reader::Reader;
use crate::audit::{AuditMode, AuditOptions};
use crate::log::{FORMATS, Format};

pub(super) fn read(
    reader: &mut Reader<'_>,
    metrics: Option<MetricsSettings>,
) -> Option<AuditOptions> {
    let modes = [("on", AuditMode::On), ("required", AuditMode::Required), ("off", AuditMode::Off)];
    let mode = reader.choice("AUDIT", AuditMode::On, &modes);
    let shows_subject = reader.choice("AUDIT_SUBJECT", false, &[("hash", false), ("clear", true)]);
    let shows_client = reader.choice("AUDIT_CLIENT", true, &[("full", true), ("off", false)]);
    let carries_metrics = metrics == Some(MetricsSettings::Emf);
    if mode == Some(AuditMode::Off) {
        for variable in ["AUDIT_CLIENT", "AUDIT_SUBJECT"] {
            if reader.is_set(variable) {
                reader.error(variable, "has no effect with AUDIT=off: remove one of them");
            }
        }
        if carries_metrics {
            reader.error("METRICS", "must not be `emf` with AUDIT=off: the audit lines carry it");
        }
        reader.warn(NOT_RECORDED);
    }
    if carries_metrics && reader.choice("LOG_FORMAT", Format::Json, &FORMATS) == Some(Format::Text)
    {
        reader.error("LOG_FORMAT", "must not be `text` with METRICS=emf, which is JSON");
    }
    Some(AuditOptions {
        mode: mode?,
        shows_subject: shows_subject?,
        shows_client: shows_client?,
        carries_metrics,
    })
}

const NOT_RECORDED: &str = "AUDIT=off: nothing records who got which credential; set AUDIT=on, or \
     AUDIT=required to issue only what is recorded";
