//! Metrics for Prometheus (`METRICS=prometheus`): counted in memory, written as text when it asks.
//!
//! The types are our own: `prometheus-client` does not escape the values of labels, writes empty
//! sets of labels wrongly, and keeps every set of labels that it has ever seen.
//!
//! # Guarantees
//! - Recording is a few additions without a lock and without an allocation.
//! - Each label has a fixed set of values, whatever a request contains: codes, routes and methods
//!   of ours, and numbers in place of names that a setting or a caller chose.
//!
//! # Not covered
//! Serving the text (`runtime`), and when requests are recorded (`handler`, `issuer`).

mod exposition;
mod family;
mod histogram;
mod labels;
mod process;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::auth::{AuthMethod, JwksCounts};
use crate::error::ErrorCode;
use crate::request::Route;
use crate::version::VERSION;
use exposition::{Exposition, Kind, Milliseconds};
use family::{Counter, Family};
use histogram::{Histogram, LIFETIMES, TIMES};
pub use labels::{AttemptOutcome, CacheResult};
use labels::{Outcome, auth_methods, codes, index_of_auth_method, index_of_code, index_of_route};

/// What is counted while requests are served.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<Counter, 3>,
    request_durations: Family<Histogram, 2>,
    cache_requests: Family<Counter, 1>,
    credential_lifetimes: Family<Histogram, 0>,
    attempts: Family<Counter, 2>,
    attempt_durations: Family<Histogram, 1>,
    revision: &'static str,
    /// No fetch has failed for a reason that concerns everyone since the last one that succeeded.
    is_upstream_healthy: AtomicBool,
}

/// What is known of a request, for labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestLabels {
    /// The route; `None` when it is not one of ours.
    pub route: Option<Route>,
    /// How the caller was authenticated; `None` when that failed or was not tried.
    pub auth_method: Option<AuthMethod>,
    /// Why there is no credential.
    pub code: Option<ErrorCode>,
}

/// What is not counted here but read when Prometheus asks.
#[derive(Clone, Debug)]
pub struct Readings {
    /// Credentials in the cache.
    pub cache_entries: usize,
    /// How far STS is ahead of this machine's clock, in milliseconds.
    pub clock_offset_ms: i64,
    /// Open connections of callers.
    pub connections: usize,
    /// The JWKS of each token issuer that publishes one, by its name.
    pub jwks: Vec<(String, JwksCounts)>,
    /// Lines that were lost because nobody read the log.
    pub lost_log_lines: u64,
    /// Callers that the rate limiter has forgotten, where there is one.
    pub rate_limit_evictions: Option<u64>,
    /// Operations of the shared store that failed, where there is one.
    pub shared_store_failures: Option<u64>,
}

impl Metrics {
    /// Nothing is counted yet. There are so many STS endpoints; `revision` is what was built.
    pub fn new(endpoints: usize, revision: &'static str) -> Self {
        let routes = || {
            let names = Route::ALL.into_iter().map(Route::name);
            ("route", names.chain([labels::NO_ROUTE]).map(Into::into).collect())
        };
        let endpoint =
            || ("endpoint", (0..endpoints).map(|index| index.to_string().into()).collect());
        let outcomes = ("outcome", labels::values(&Outcome::ALL.map(Outcome::name)));
        let attempt_outcomes = AttemptOutcome::ALL.map(AttemptOutcome::name);
        let attempt_outcomes = ("outcome", labels::values(&attempt_outcomes));
        let results = ("result", labels::values(&CacheResult::ALL.map(CacheResult::name)));
        Self {
            requests: Family::sparse(
                "cos_issuer_requests_total",
                "Requests that were answered, without probes and preflights.",
                [routes(), ("code", codes()), ("auth_method", auth_methods())],
                Counter::default,
            ),
            request_durations: Family::sparse(
                "cos_issuer_request_duration_seconds",
                "The time from a request that was read to its answer.",
                [routes(), outcomes],
                || Histogram::new(&TIMES),
            ),
            cache_requests: Family::dense(
                "cos_issuer_cache_requests_total",
                "Authorized requests, by what the cache had.",
                [results],
                Counter::default,
            ),
            credential_lifetimes: Family::dense(
                "cos_issuer_credential_remaining_seconds",
                "The lifetime that was left when a credential was handed out.",
                [],
                || Histogram::new(&LIFETIMES),
            ),
            attempts: Family::dense(
                "cos_issuer_upstream_attempts_total",
                "Calls to STS, by their endpoint's place in STS_ENDPOINTS.",
                [endpoint(), attempt_outcomes],
                Counter::default,
            ),
            attempt_durations: Family::dense(
                "cos_issuer_upstream_duration_seconds",
                "The time of a call to STS.",
                [endpoint()],
                || Histogram::new(&TIMES),
            ),
            revision,
            is_upstream_healthy: AtomicBool::new(true),
        }
    }

    /// A request was answered.
    pub fn request(&self, labels: RequestLabels, elapsed: Duration) {
        self.count(labels);
        let outcome = Outcome::of(labels.code);
        if let Some(histogram) =
            self.request_durations.cell([index_of_route(labels.route), outcome as usize])
        {
            histogram.record(elapsed);
        }
    }

    /// A request was refused before it was read as a whole, so it has no duration.
    pub fn unreadable_request(&self, code: ErrorCode) {
        self.count(RequestLabels { code: Some(code), ..RequestLabels::default() });
    }

    fn count(&self, RequestLabels { route, auth_method, code }: RequestLabels) {
        let indices =
            [index_of_route(route), index_of_code(code), index_of_auth_method(auth_method)];
        self.requests.count(indices);
    }

    /// The cache was asked.
    pub fn cache_request(&self, result: CacheResult) {
        self.cache_requests.count([result as usize]);
    }

    /// A credential was handed out that has so many seconds left.
    pub fn handed_out(&self, remaining_seconds: u64) {
        if let Some(histogram) = self.credential_lifetimes.cell([]) {
            histogram.record(Duration::from_secs(remaining_seconds));
        }
    }

    /// STS was called at an endpoint.
    pub fn attempt(&self, endpoint: usize, outcome: AttemptOutcome, elapsed: Duration) {
        self.attempts.count([endpoint, outcome as usize]);
        if let Some(histogram) = self.attempt_durations.cell([endpoint]) {
            histogram.record(elapsed);
        }
        if outcome == AttemptOutcome::Ok {
            self.is_upstream_healthy.store(true, Ordering::Relaxed);
        }
    }

    /// No attempt of a request succeeded, and those of other requests would not either.
    pub fn fetch_failed(&self) {
        self.is_upstream_healthy.store(false, Ordering::Relaxed);
    }

    /// Everything in the text format of Prometheus:
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    pub fn text(&self, readings: &Readings) -> String {
        let mut text = Exposition::default();
        self.requests.write(&mut text);
        self.request_durations.write(&mut text);
        self.write_limits(&mut text);
        self.cache_requests.write(&mut text);
        self.credential_lifetimes.write(&mut text);
        self.attempts.write(&mut text);
        self.attempt_durations.write(&mut text);
        text.gauge(
            "cos_issuer_upstream_healthy",
            "0 while STS cannot be reached or refuses the calling key or its role.",
            &u8::from(self.is_upstream_healthy.load(Ordering::Relaxed)),
        );
        write_readings(readings, &mut text);
        process::write(&mut text);
        write_build(self.revision, &mut text);
        text.finished()
    }

    fn write_limits(&self, text: &mut Exposition) {
        let name = "cos_issuer_limited_total";
        text.family(name, Kind::Counter, "Requests that a limit or the kill switch refused.");
        for (limit, code) in labels::LIMITS {
            let count = self.requests.sum(1, index_of_code(Some(code)));
            text.sample(name, &[("limit", limit)], &count);
        }
    }
}

fn write_readings(readings: &Readings, text: &mut Exposition) {
    text.gauge("cos_issuer_cache_entries", "Credentials in the cache.", &readings.cache_entries);
    text.gauge(
        "cos_issuer_clock_offset_seconds",
        "How far STS is ahead of this machine's clock.",
        &Milliseconds(readings.clock_offset_ms),
    );
    text.gauge(
        "cos_issuer_connections_open",
        "Open connections of callers.",
        &readings.connections,
    );
    text.counter(
        "cos_issuer_log_lines_lost_total",
        "Log lines that were lost because nobody read standard output.",
        &readings.lost_log_lines,
    );
    if let Some(evictions) = &readings.rate_limit_evictions {
        let help = "Callers that the rate limiter forgot because its memory is bounded.";
        text.counter("cos_issuer_rate_limit_evictions_total", help, evictions);
    }
    if let Some(failures) = &readings.shared_store_failures {
        let help = "Operations of the shared store that failed.";
        text.counter("cos_issuer_shared_store_failures_total", help, failures);
    }
    if readings.jwks.is_empty() {
        return;
    }
    let name = "cos_issuer_jwks_fetches_total";
    text.family(name, Kind::Counter, "Fetches of a token issuer's JWKS.");
    for (issuer, jwks) in &readings.jwks {
        for (outcome, count) in [("ok", jwks.fetched), ("failed", jwks.failed)] {
            text.sample(name, &[("issuer", issuer), ("outcome", outcome)], &count);
        }
    }
    let name = "cos_issuer_jwks_age_seconds";
    text.family(name, Kind::Gauge, "The time since the JWKS in use was fetched.");
    for (issuer, jwks) in &readings.jwks {
        if let Some(age) = jwks.age_seconds {
            text.sample(name, &[("issuer", issuer)], &age);
        }
    }
}

fn write_build(revision: &str, text: &mut Exposition) {
    let name = "cos_issuer_build_info";
    text.family(name, Kind::Gauge, "1, with what runs as labels.");
    text.sample(name, &[("version", VERSION), ("revision", revision)], &1);
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::{AttemptOutcome, CacheResult, Metrics, Readings, RequestLabels};
    use crate::auth::{AuthMethod, JwksCounts};
    use crate::error::ErrorCode;
    use crate::request::{IssueRoute, Route};

    const READINGS: Readings = Readings {
        cache_entries: 7,
        clock_offset_ms: -1500,
        connections: 3,
        jwks: Vec::new(),
        lost_log_lines: 2,
        rate_limit_evictions: None,
        shared_store_failures: None,
    };

    #[track_caller]
    fn assert_lines(text: &str, expected: &[&str]) {
        for line in expected {
            assert!(text.lines().any(|found| found == *line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn what_many_threads_count_is_not_lost() {
        let metrics = Metrics::new(2, "unknown");
        let (route, auth_method) = (Some(Route::Issue(IssueRoute::Sts)), Some(AuthMethod::Jwt));
        let labels = RequestLabels { route, auth_method, code: None };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        metrics.request(labels, Duration::from_millis(1));
                        metrics.cache_request(CacheResult::Hit);
                        metrics.handed_out(600);
                        metrics.attempt(1, AttemptOutcome::Timeout, Duration::from_secs(60));
                    }
                });
            }
        });
        let text = metrics.text(&READINGS);
        assert_lines(
            &text,
            &[
                r#"cos_issuer_requests_total{route="/sts",code="ok",auth_method="jwt"} 4000"#,
                r#"cos_issuer_request_duration_seconds_sum{route="/sts",outcome="granted"} 4"#,
                r#"cos_issuer_cache_requests_total{result="hit"} 4000"#,
                r#"cos_issuer_cache_requests_total{result="miss"} 0"#,
                "cos_issuer_credential_remaining_seconds_sum 2400000",
                r#"cos_issuer_upstream_attempts_total{endpoint="1",outcome="timeout"} 4000"#,
                r#"cos_issuer_upstream_attempts_total{endpoint="0",outcome="timeout"} 0"#,
                r#"cos_issuer_upstream_duration_seconds_bucket{endpoint="1",le="10"} 0"#,
                r#"cos_issuer_upstream_duration_seconds_bucket{endpoint="1",le="+Inf"} 4000"#,
            ],
        );
    }

    #[test]
    fn a_refusal_of_a_limit_counts_for_the_limit_whatever_else_is_known() {
        let metrics = Metrics::new(1, "unknown");
        for auth_method in [None, Some(AuthMethod::ApiKey)] {
            for code in [ErrorCode::Busy, ErrorCode::SwitchedOff, ErrorCode::Token] {
                let labels = RequestLabels { auth_method, code: Some(code), route: None };
                metrics.request(labels, Duration::ZERO);
            }
        }
        assert_lines(
            &metrics.text(&READINGS),
            &[
                r#"cos_issuer_limited_total{limit="concurrency"} 2"#,
                r#"cos_issuer_limited_total{limit="kill"} 2"#,
                r#"cos_issuer_limited_total{limit="caller"} 0"#,
                r#"cos_issuer_request_duration_seconds_count{route="none",outcome="failed"} 2"#,
                r#"cos_issuer_request_duration_seconds_count{route="none",outcome="refused"} 4"#,
            ],
        );
    }

    #[test]
    fn sts_is_healthy_until_a_request_gets_nothing_and_again_from_the_next_credential() {
        let metrics = Metrics::new(1, "unknown");
        let gauge = |expected| {
            assert_lines(&metrics.text(&READINGS), &[expected]);
        };
        gauge("cos_issuer_upstream_healthy 1");
        metrics.attempt(0, AttemptOutcome::Refused, Duration::ZERO);
        gauge("cos_issuer_upstream_healthy 1");
        metrics.fetch_failed();
        gauge("cos_issuer_upstream_healthy 0");
        metrics.attempt(0, AttemptOutcome::Ok, Duration::ZERO);
        gauge("cos_issuer_upstream_healthy 1");
    }

    #[test]
    fn what_is_not_set_up_is_left_out() {
        let metrics = Metrics::new(1, "unknown");
        let text = metrics.text(&READINGS);
        for part in ["jwks", "evictions", "shared_store"] {
            assert!(!text.contains(part), "{part} in\n{text}");
        }
        assert_lines(&text, &["cos_issuer_clock_offset_seconds -1.5"]);
        let jwks = JwksCounts { fetched: 1, failed: 2, age_seconds: Some(60) };
        let jwks =
            vec![("0".to_owned(), jwks), ("ci".to_owned(), JwksCounts { fetched: 7, ..jwks })];
        let jwks = Readings { jwks, rate_limit_evictions: Some(4), ..READINGS };
        assert_lines(
            &metrics.text(&jwks),
            &[
                r#"cos_issuer_jwks_fetches_total{issuer="0",outcome="ok"} 1"#,
                r#"cos_issuer_jwks_fetches_total{issuer="0",outcome="failed"} 2"#,
                r#"cos_issuer_jwks_age_seconds{issuer="0"} 60"#,
                r#"cos_issuer_jwks_fetches_total{issuer="ci",outcome="ok"} 7"#,
                "cos_issuer_rate_limit_evictions_total 4",
            ],
        );
    }
}
