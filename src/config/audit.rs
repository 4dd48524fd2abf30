//! The audit log: `AUDIT`, `AUDIT_SUBJECT`, `AUDIT_CLIENT`.

use super::metrics::{self, Metrics};
use super::reader::Reader;
use crate::audit::{AuditMode, AuditOptions};
use crate::runtime::Platform;

pub(super) fn read(reader: &mut Reader<'_>, platform: Option<&Platform>) -> Option<AuditOptions> {
    let modes = [("on", AuditMode::On), ("required", AuditMode::Required), ("off", AuditMode::Off)];
    let mode = reader.choice("AUDIT", AuditMode::On, &modes);
    let shows_subject = reader.choice("AUDIT_SUBJECT", false, &[("hash", false), ("clear", true)]);
    let shows_client = reader.choice("AUDIT_CLIENT", true, &[("full", true), ("off", false)]);
    if mode == Some(AuditMode::Off) {
        for variable in ["AUDIT_CLIENT", "AUDIT_SUBJECT"] {
            if reader.is_set(variable) {
                reader.error(variable, "has no effect with AUDIT=off: remove one of them");
            }
        }
        reader.warn(NOT_RECORDED);
    }
    let metrics = metrics::read(reader, platform, mode != Some(AuditMode::Off));
    Some(AuditOptions {
        mode: mode?,
        shows_subject: shows_subject?,
        shows_client: shows_client?,
        carries_metrics: metrics? == Metrics::Emf,
    })
}

const NOT_RECORDED: &str = "AUDIT=off: nothing records who got which credential; set AUDIT=on, or \
     AUDIT=required to issue only what is recorded";
