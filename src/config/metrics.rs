//! Metrics: `METRICS`, `METRICS_ADDRESS`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::reader::Reader;
use crate::runtime::Platform;

/// Where metrics go (`METRICS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsSettings {
    /// Nowhere.
    Off,
    /// Into the audit line, where CloudWatch finds them: on Lambda.
    Emf,
    /// To Prometheus, which fetches them from the server's `metrics_address`.
    Prometheus,
}

/// The server that Prometheus scrapes gets its address.
pub(super) fn read(
    reader: &mut Reader<'_>,
    platform: Option<&mut Platform>,
) -> Option<MetricsSettings> {
    let address = reader.parsed_or("METRICS_ADDRESS", ADDRESS, |text| {
        text.parse().map_err(|_| "must be an IP address and a port, for example `127.0.0.1:9464`")
    });
    let words = [
        ("off", MetricsSettings::Off),
        ("prometheus", MetricsSettings::Prometheus),
        ("emf", MetricsSettings::Emf),
    ];
    let metrics = reader.choice("METRICS", MetricsSettings::Off, &words)?;
    if metrics != MetricsSettings::Prometheus && reader.is_set("METRICS_ADDRESS") {
        reader.error("METRICS_ADDRESS", "has no effect: set METRICS=prometheus, or remove it");
    }
    let (platform, address) = (platform?, address?);
    if let Some(text) = unsupported(metrics, platform) {
        reader.error("METRICS", text);
    }
    if let (MetricsSettings::Prometheus, Platform::Server(server)) = (metrics, platform) {
        if leaves_no_place(server.address, address) {
            reader.error("METRICS_ADDRESS", "must not be where callers connect (HOST, PORT)");
        }
        server.metrics_address = Some(address);
    }
    Some(metrics)
}

fn unsupported(metrics: MetricsSettings, platform: &Platform) -> Option<&'static str> {
    match (metrics, *platform == Platform::Lambda, platform.is_scf()) {
        (MetricsSettings::Prometheus, true, _) => Some(
            "must not be `prometheus` on Lambda, where nothing can scrape an instance: write `emf`",
        ),
        (MetricsSettings::Prometheus, _, true) => Some(
            "must not be `prometheus` on SCF, where nothing can scrape an instance: the audit log \
             has the numbers (docs/log.md)",
        ),
        (MetricsSettings::Emf, _, true) => Some(
            "must not be `emf` on SCF, where CloudWatch does not read the log: the audit log has \
             the numbers (docs/log.md)",
        ),
        (MetricsSettings::Emf, false, false) => Some(
            "must not be `emf` on a server, where CloudWatch does not read the log: write \
             `prometheus`",
        ),
        _ => None,
    }
}

/// Whether a server at `address` leaves no place for one at `other`.
fn leaves_no_place(address: SocketAddr, other: SocketAddr) -> bool {
    let is_everywhere = address.ip().is_unspecified() || other.ip().is_unspecified();
    let is_same_port = address.port() == other.port() && address.port() != 0;
    is_same_port && (is_everywhere || address.ip() == other.ip())
}

/// The port that OpenTelemetry gives to exporters for Prometheus.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
