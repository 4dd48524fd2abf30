//! The page: one table for each condition, and where a peer is at least as good.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cell::Cell;
use crate::figures::Figures;
use crate::load::CONNECTIONS;
use crate::service::Service;

/// The whole page, from the text around the figures in `page.md`.
pub(crate) fn markdown(services: &[Service], cells: &[Cell], measured: Duration) -> String {
    let mut rest = cells;
    let (mut tables, mut not_ahead) = (String::new(), String::new());
    while let Some(first) = rest.first() {
        let same =
            |cell: &&Cell| cell.latency_ms == first.latency_ms && cell.has_cache == first.has_cache;
        let (table, others) = rest.split_at(rest.iter().take_while(same).count());
        tables += &table_of(first, table);
        not_ahead += &not_ahead_in(table);
        rest = others;
    }
    if not_ahead.is_empty() {
        not_ahead = "It is ahead in every cell.\n".to_owned();
    } else {
        not_ahead.insert_str(0, "| STS | Figure | cos-issuer | Best peer |\n|---|---|---|---|\n");
    }
    include_str!("page.md")
        .replace("{connections}", &CONNECTIONS.to_string())
        .replace("{seconds}", &measured.as_secs().to_string())
        .replace("{services}", &services.iter().map(row).collect::<String>())
        .replace("{tables}", &tables)
        .replace("{not_ahead}", &not_ahead)
}

fn row(service: &Service) -> String {
    format!("| {} | {} |\n", service.name, service.description)
}

fn condition(cell: &Cell) -> String {
    let cache = if cell.has_cache { "with" } else { "without" };
    format!("{} ms, {cache} cache", cell.latency_ms)
}

/// The first row has the factor 1.
fn table_of(first: &Cell, cells: &[Cell]) -> String {
    let mut table = format!(
        "### STS answers after {}\n\n\
         | Service | Requests/s | p50 ms | p99 ms | CPU µs/request | × | Memory MB | STS calls / requests |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
        condition(first)
    );
    for Cell { name, figures, .. } in cells {
        let Figures { requests_per_second, p50_ms, p99_ms, cpu_us, memory_mb, .. } = figures;
        let factor = cpu_us / first.figures.cpu_us;
        let (calls, requests) = (figures.sts_calls, figures.requests);
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {name} | {requests_per_second:.0} | {p50_ms:.1} | {p99_ms:.1} | {cpu_us:.0} | {factor:.1} | {memory_mb:.1} | {calls} / {requests} |",
        );
    }
    table + "\n"
}

/// One figure that is compared.
struct Metric {
    name: &'static str,
    value: fn(&Figures) -> f64,
    /// Whether more is better.
    is_gain: bool,
}

const METRICS: [Metric; 6] = [
    Metric { name: "requests/s", value: |figures| figures.requests_per_second, is_gain: true },
    Metric { name: "p50 ms", value: |figures| figures.p50_ms, is_gain: false },
    Metric { name: "p99 ms", value: |figures| figures.p99_ms, is_gain: false },
    Metric { name: "CPU µs/request", value: |figures| figures.cpu_us, is_gain: false },
    Metric { name: "memory MB", value: |figures| figures.memory_mb, is_gain: false },
    Metric { name: "STS calls per request", value: Figures::sts_calls_per_request, is_gain: false },
];

/// A row for each figure in which a peer reaches one of our builds.
fn not_ahead_in(cells: &[Cell]) -> String {
    let mut rows = String::new();
    for Metric { name, value, is_gain } in &METRICS {
        let cost = |cell: &&Cell| {
            let value = value(&cell.figures);
            if *is_gain { -value } else { value }
        };
        let by_cost = |one: &&Cell, other: &&Cell| cost(one).total_cmp(&cost(other));
        let Some(best) = cells.iter().filter(|cell| !cell.is_ours).min_by(by_cost) else {
            continue;
        };
        for ours in cells.iter().filter(|cell| cell.is_ours && cost(cell) >= cost(&best)) {
            let (mine, theirs) = (value(&ours.figures), value(&best.figures));
            let _ = writeln!(
                rows,
                "| {} | {name} | {mine:.4} ({}) | {theirs:.4} ({}) |",
                condition(ours),
                ours.name,
                best.name
            );
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::cell::Cell;
    use crate::figures::Figures;
    use crate::service::Service;
    use std::path::Path;
    use std::time::Duration;

    fn cell(name: &'static str, latency_ms: u64, seconds: f64, sts_calls: usize) -> Cell {
        let (elapsed, is_ours) = (Duration::from_secs(1), name == "ours");
        let figures = Figures::new(vec![seconds; 10], elapsed, seconds, 1024, sts_calls, 10);
        Cell { name, is_ours, latency_ms, has_cache: false, figures: figures.unwrap() }
    }

    #[test]
    fn each_condition_has_a_table_and_each_figure_that_is_not_ahead_a_row() {
        let cells = [
            cell("ours", 0, 1.0, 1),
            cell("peer", 0, 2.0, 10),
            cell("ours", 20, 3.0, 10),
            cell("peer", 20, 2.0, 10),
        ];
        let services = Service::all(Path::new("bootstrap"), None).unwrap();
        let page = markdown(&services, &cells, Duration::from_secs(5));
        assert_eq!(page.matches("### STS answers after").count(), 2);
        assert!(page.contains("| Express, qcloud-cos-sts | one Node.js process"));
        assert!(page.contains("| peer | 10 | 2000.0 | 2000.0 | 200000 | 2.0 | 1.0 | 10 / 10 |"));
        assert!(
            page.contains(
                "| 20 ms, without cache | p99 ms | 3000.0000 (ours) | 2000.0000 (peer) |"
            )
        );
        assert!(page.contains(
            "| 20 ms, without cache | STS calls per request | 1.0000 (ours) | 1.0000 (peer) |"
        ));
        assert!(!page.contains("| 0 ms, without cache | p99"), "{page}");
        assert!(!page.contains('{'), "a figure is missing: {page}");
    }
}
