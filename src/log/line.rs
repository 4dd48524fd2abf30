//! One line of JSON.

use std::fmt;

use serde::Serialize;
use tencent::time::Clock;
use tracing::field::{Field, Visit};

/// An unfinished line: an open JSON object with at least one member.
pub(super) struct Line(Vec<u8>);

impl Line {
    /// A line of this moment.
    pub(super) fn new(clock: &dyn Clock, level: &str) -> Self {
        let now = clock.unix_milliseconds();
        let seconds = clock.now().iso_8601();
        let seconds = seconds.trim_end_matches('Z');
        let mut line = Self(Vec::with_capacity(512));
        line.0.extend_from_slice(b"{\"timestamp\":");
        line.value(&format_args!("{seconds}.{:03}Z", now % 1000));
        line.member("level", level);
        line
    }

    pub(super) fn finished(mut self) -> Vec<u8> {
        self.0.extend_from_slice(b"}\n");
        self.0
    }

    pub(super) fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
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
