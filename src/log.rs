//! The log: JSON lines on standard output, from this crate only.
//!
//! ```text
//! {"timestamp":"2026-01-31T23:59:59.123Z","level":"INFO","message":"decision","status":200}
//! ```
//!
//! # Guarantees
//! - One event is one line, written at once.
//! - What dependencies log is dropped: at their trace level some print whole events and bodies.
//!
//! # Not covered
//! Spans, which this crate does not use, and log files: each platform collects standard output.
//!
//! This subscriber exists because `tracing-subscriber` adds 64 KB to the binary and a measurable
//! part to each cold start.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;

use serde::Serialize;
use tencent::time::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata};

/// The levels, by the words that `LOG` accepts.
pub const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Starts logging. A second call has no effect.
pub fn start(level: LevelFilter) {
    let lines = Lines { level, clock: SystemClock, output: Mutex::new(std::io::stdout()) };
    drop(set_global_default(lines));
}

struct Lines<C, W> {
    level: LevelFilter,
    clock: C,
    output: Mutex<W>,
}

impl<C: Clock + 'static, W: Write + Send + 'static> Lines<C, W> {
    fn write(&self, event: &Event<'_>) {
        let now = self.clock.unix_milliseconds();
        let seconds = self.clock.now().iso_8601();
        let seconds = seconds.trim_end_matches('Z');
        let mut line = Line(Vec::with_capacity(512));
        line.0.extend_from_slice(b"{\"timestamp\":");
        line.value(&format_args!("{seconds}.{:03}Z", now % 1000));
        line.member("level", event.metadata().level().as_str());
        event.record(&mut line);
        line.0.extend_from_slice(b"}\n");
        // One write, so that the lines of several threads do not mix. A log that cannot be written
        // has nowhere to report it.
        if let Ok(mut output) = self.output.lock() {
            let _ = output.write_all(&line.0).and_then(|()| output.flush());
        }
    }
}

impl<C: Clock + 'static, W: Write + Send + 'static> Subscriber for Lines<C, W> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target().split("::").next();
        metadata.is_event()
            && *metadata.level() <= self.level
            && matches!(target, Some("cos_issuer" | "bootstrap"))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        self.write(event);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// An unfinished line: an open JSON object with at least one member.
struct Line(Vec<u8>);

impl Line {
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.0.push(b',');
        self.value(name);
        self.0.push(b':');
        self.value(value);
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Texts, numbers and booleans always serialise, and a vector always takes them.
        let _ = serde_json::to_writer(&mut self.0, value);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field.name(), &format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), &value);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tencent::time::Clock;
    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::with_default;

    use super::Lines;

    struct Fixed;

    impl Clock for Fixed {
        fn unix_milliseconds(&self) -> u64 {
            1_769_903_999_007
        }
    }

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let shared = Shared::default();
        let lines = Lines { level, clock: Fixed, output: Mutex::new(shared.clone()) };
        with_default(lines, log);
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let lines = logged(LevelFilter::INFO, || {
            let nobody: Option<&str> = None;
            tracing::info!(
                text = "a \"quoted\"\nline",
                count = 3_u64,
                offset = -1_i64,
                is_cached = true,
                nobody,
                shown = %"x\ty",
                "a {}", "message"
            );
        });
        let expected = json!({
            "timestamp": "2026-01-31T23:59:59.007Z",
            "level": "INFO",
            "message": "a message",
            "text": "a \"quoted\"\nline",
            "count": 3,
            "offset": -1,
            "is_cached": true,
            "shown": "x\ty",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn events_below_the_level_and_of_other_crates_are_dropped() {
        let lines = logged(LevelFilter::WARN, || {
            tracing::info!("too low");
            tracing::error!(target: "reqwest::connect", "not ours");
            tracing::error!(target: "cos_issuer_of_another", "not ours either");
            let _span = tracing::error_span!("a span is not a line").entered();
            tracing::warn!("ours");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "ours");
        assert!(logged(LevelFilter::OFF, || tracing::error!("off")).is_empty());
    }
}
