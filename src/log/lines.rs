//! Events as lines.
//!
//! This subscriber exists because `tracing-subscriber` adds 64 KB to the binary and a measurable
//! part to each cold start.

use std::sync::Arc;

use tencent::time::Clock;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Metadata};

use super::output::{Output, Sink};

pub(super) struct Lines<C, O, E> {
    pub(super) level: LevelFilter,
    pub(super) clock: C,
    pub(super) output: Arc<Output<O, E>>,
}

impl<C: Clock + 'static, O: Sink, E: Sink> Lines<C, O, E> {
    fn write(&self, event: &Event<'_>) {
        let mut line = self.output.line(&self.clock, event.metadata().level().as_str());
        event.record(&mut line);
        self.output.write(line, &self.clock);
    }
}

impl<C: Clock + 'static, O: Sink, E: Sink> Subscriber for Lines<C, O, E> {
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::with_default;

    use super::super::line::Format;
    use super::{Lines, Output, Sink};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Sink for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn check(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let shared = Shared::default();
        let output = Arc::new(Output::new(Format::Json, shared.clone(), Shared::default()));
        let lines = Lines { level, clock: || 1_769_903_999_007, output };
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
