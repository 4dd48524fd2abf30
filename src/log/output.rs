//! Lines on their way out, which are kept or counted when they cannot be written.

use std::collections::VecDeque;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tencent::time::Clock;

use super::line::{Format, Line};

/// Takes bytes without waiting.
pub(super) trait Sink: Send + 'static {
    /// Writes some of `bytes`; [`io::ErrorKind::WouldBlock`] when nobody reads at the moment.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether a line could be written now; else the error is that of [`write`](Self::write).
    fn check(&mut self) -> io::Result<()>;
}

/// Lines in their order, the bytes of one never between those of another.
pub(super) struct Output<O, E> {
    format: Format,
    state: Mutex<State<O, E>>,
    /// Whether something is kept. It changes under the lock, and is read without it.
    has_kept: AtomicBool,
}

/// The state while it is locked. Only when it is given back does a line count as written, so that
/// no thread takes it for written while another one writes it.
struct Locked<'o, O, E> {
    state: MutexGuard<'o, State<O, E>>,
    has_kept: &'o AtomicBool,
}

impl<O, E> Deref for Locked<'_, O, E> {
    type Target = State<O, E>;

    fn deref(&self) -> &State<O, E> {
        &self.state
    }
}

impl<O, E> DerefMut for Locked<'_, O, E> {
    fn deref_mut(&mut self) -> &mut State<O, E> {
        &mut self.state
    }
}

impl<O, E> Drop for Locked<'_, O, E> {
    fn drop(&mut self) {
        self.has_kept.store(!self.state.kept.is_empty(), Ordering::Release);
    }
}

struct State<O, E> {
    format: Format,
    sink: O,
    /// Where a loss is reported while the sink is closed.
    alarm: E,
    /// What is not written yet: lines that wait for others, and what nobody read. The first line
    /// may have been begun.
    kept: VecDeque<u8>,
    /// Lines that were lost since the last report.
    lost: u64,
    /// Lines that were lost since the process started.
    lost_total: u64,
    /// The time of the last alarm, in milliseconds since 1970.
    alarmed_at_ms: Option<u64>,
}

impl<O: Sink, E: Sink> Output<O, E> {
    pub(super) fn new(format: Format, sink: O, alarm: E) -> Self {
        let kept = VecDeque::new();
        let state =
            State { format, sink, alarm, kept, lost: 0, lost_total: 0, alarmed_at_ms: None };
        Self { format, state: Mutex::new(state), has_kept: AtomicBool::new(false) }
    }

    /// Begins a line.
    pub(super) fn line(&self, clock: &dyn Clock, level: &'static str) -> Line {
        Line::new(self.format, clock, level)
    }

    /// Writes a line, or keeps it for later, or counts it as lost.
    pub(super) fn write(&self, line: Line, clock: &dyn Clock) {
        self.write_bytes(&line.finished(), clock);
    }

    /// Keeps a line for the next flush or line.
    pub(super) fn write_later(&self, line: Line) {
        let line = line.finished();
        let mut state = self.state();
        let room = state.kept.capacity();
        if state.kept.is_empty() && room < line.len().saturating_mul(2) {
            // Its buffer is as good, so that nothing is copied while requests come one by one.
            state.kept = line.into();
        } else {
            state.keep(&line);
        }
    }

    /// Writes a line, or drops it. Returns whether it is written as a whole; one that was only
    /// begun is ended later.
    pub(super) fn write_now(&self, line: Line, clock: &dyn Clock) -> bool {
        self.write_bytes_now(&line.finished(), clock)
    }

    fn write_bytes_now(&self, line: &[u8], clock: &dyn Clock) -> bool {
        let mut state = self.state();
        if state.flush(clock).is_err() {
            return false;
        }
        state.kept.extend(line);
        let is_written = state.flush(clock).is_ok();
        if state.kept.len() == line.len() {
            state.kept.clear();
        }
        is_written
    }

    fn write_bytes(&self, line: &[u8], clock: &dyn Clock) {
        let mut state = self.state();
        if state.lost > 0 {
            // The count of lost lines belongs before this line.
            drop(state.flush(clock));
        }
        // Usually nothing waits, and the reader takes all of it, so that nothing is copied.
        let rest = state.write_begin(line);
        if !rest.is_empty() {
            state.keep(rest);
            drop(state.flush(clock));
        }
    }

    /// Whether something is kept: lines that wait for others, or that nobody read.
    pub(super) fn has_kept_lines(&self) -> bool {
        self.has_kept.load(Ordering::Acquire)
    }

    /// Writes what is kept.
    pub(super) fn flush(&self, clock: &dyn Clock) -> io::Result<()> {
        self.state().flush(clock)
    }

    /// Whether a line could be written now, with nothing in front of it.
    pub(super) fn check(&self, clock: &dyn Clock) -> io::Result<()> {
        let mut state = self.state();
        state.flush(clock)?;
        state.sink.check()
    }

    /// How many lines were lost since the process started.
    pub(super) fn lost_lines(&self) -> u64 {
        self.state().lost_total
    }

    /// Reports what is still not written, since the process ends.
    pub(super) fn give_up(&self, clock: &dyn Clock) {
        let mut state = self.state();
        if !state.kept.is_empty() || state.lost > 0 {
            let kept = state.kept.iter().filter(|byte| **byte == b'\n').count();
            let kept = u64::try_from(kept).unwrap_or(u64::MAX);
            state.lose(kept);
            state.kept.clear();
            state.alarm("the process ends and nobody reads it", clock);
        }
    }

    fn state(&self) -> Locked<'_, O, E> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { state, has_kept: &self.has_kept }
    }
}

impl<O: Sink, E: Sink> State<O, E> {
    fn lose(&mut self, lines: u64) {
        self.lost = self.lost.saturating_add(lines);
        self.lost_total = self.lost_total.saturating_add(lines);
    }

    /// Writes as much of a line as the sink takes at once, if no other waits. Returns the rest.
    fn write_begin<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let is_next = self.kept.is_empty() && self.lost == 0;
        let count = if is_next { self.sink.write(line).unwrap_or(0) } else { 0 };
        line.get(count..).unwrap_or_default()
    }

    fn keep(&mut self, line: &[u8]) {
        if self.kept.len().saturating_add(line.len()) > MAX_KEPT_BYTES {
            self.lose(1);
        } else {
            self.kept.extend(line);
        }
    }

    fn flush(&mut self, clock: &dyn Clock) -> io::Result<()> {
        let written = self.write_all(clock);
        if let Err(error) = &written {
            self.report(error, clock);
        }
        written
    }

    fn write_all(&mut self, clock: &dyn Clock) -> io::Result<()> {
        self.write_kept()?;
        if self.lost > 0 {
            let mut line = Line::new(self.format, clock, "WARN");
            line.text("message", "log lines were lost: standard output was not read");
            line.number("lost", self.lost);
            self.lost = 0;
            self.keep(&line.finished());
        }
        self.write_kept()
    }

    fn write_kept(&mut self) -> io::Result<()> {
        while !self.kept.is_empty() {
            let (first, _) = self.kept.as_slices();
            match self.sink.write(first)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => drop(self.kept.drain(..count)),
            }
        }
        Ok(())
    }

    /// While nobody can read the log, standard error has one line a minute.
    fn report(&mut self, error: &io::Error, clock: &dyn Clock) {
        if error.kind() == io::ErrorKind::WouldBlock {
            return;
        }
        let now = clock.unix_milliseconds();
        let is_recent = |at: u64| (at..at.saturating_add(ALARM_INTERVAL_MS)).contains(&now);
        if !self.alarmed_at_ms.is_some_and(is_recent) {
            self.alarmed_at_ms = Some(now);
            self.alarm(&error.to_string(), clock);
        }
    }

    fn alarm(&mut self, cause: &str, clock: &dyn Clock) {
        let mut line = Line::new(self.format, clock, "ERROR");
        line.text("message", "the log cannot be written to standard output");
        line.text("cause", cause);
        line.number("lost", self.lost);
        // There is no other place to report to.
        let _ = self.alarm.write(&line.finished());
    }
}

/// Some thousand lines.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

const ALARM_INTERVAL_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};
    use std::{io, thread};

    use serde_json::Value;

    use super::{Format, MAX_KEPT_BYTES, Output, Sink};

    #[derive(Clone, Default)]
    struct Reader(Arc<Mutex<Taken>>);

    #[derive(Default)]
    struct Taken {
        bytes: Vec<u8>,
        calls: usize,
        /// Takes so many bytes more, then fails so; `None` takes everything.
        limit: Option<(usize, io::ErrorKind)>,
    }

    impl Reader {
        fn takes(&self, bytes: usize, then: io::ErrorKind) {
            self.0.lock().unwrap().limit = Some((bytes, then));
        }

        fn calls(&self) -> usize {
            self.0.lock().unwrap().calls
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
        }
    }

    impl Sink for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.0.lock().unwrap();
            taken.calls = taken.calls.saturating_add(1);
            let (limit, error) = taken.limit.unwrap_or((usize::MAX, io::ErrorKind::Other));
            let count = bytes.len().min(limit);
            if count == 0 {
                return Err(error.into());
            }
            taken.bytes.extend_from_slice(&bytes[..count]);
            taken.limit = Some((limit.saturating_sub(count), error));
            Ok(count)
        }

        fn check(&mut self) -> io::Result<()> {
            match self.0.lock().unwrap().limit {
                Some((0, error)) => Err(error.into()),
                _ => Ok(()),
            }
        }
    }

    const CLOCK: fn() -> u64 = || 0;

    fn output() -> (Output<Reader, Reader>, Reader, Reader) {
        let (reader, alarm) = (Reader::default(), Reader::default());
        (Output::new(Format::Json, reader.clone(), alarm.clone()), reader, alarm)
    }

    #[test]
    fn lines_that_nobody_reads_are_kept_in_order_and_whole() {
        let (output, reader, alarm) = output();
        reader.takes(7, io::ErrorKind::WouldBlock);
        for line in ["one\n", "two\n", "three\n"] {
            output.write_bytes(line.as_bytes(), &CLOCK);
        }
        assert_eq!(reader.text(), "one\ntwo");
        assert!(output.flush(&CLOCK).is_err());
        reader.takes(1000, io::ErrorKind::WouldBlock);
        output.write_bytes(b"four\n", &CLOCK);
        assert_eq!(reader.text(), "one\ntwo\nthree\nfour\n");
        assert!(output.flush(&CLOCK).is_ok());
        assert_eq!(alarm.text(), "");
    }

    #[test]
    fn lines_that_may_wait_are_written_with_the_next_one() {
        let (output, reader, _) = output();
        for (waiting, next) in [("one\n", "two\n"), ("three\n", "four\n")] {
            output.state().keep(waiting.as_bytes());
            let before = reader.calls();
            output.write_bytes(next.as_bytes(), &CLOCK);
            assert_eq!(reader.calls(), before + 1);
            assert_eq!(output.state().kept.len(), 0);
        }
        assert_eq!(reader.text(), "one\ntwo\nthree\nfour\n");
    }

    /// Sends when it begins to write, and writes when it may.
    struct Slow(Sender<()>, Receiver<()>);

    impl Sink for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
            Ok(bytes.len())
        }

        fn check(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_waits_until_it_is_written_by_whichever_thread() {
        let ((begun, has_begun), (go, may_go)) = (channel(), channel());
        let output = Output::new(Format::Json, Slow(begun, may_go), Reader::default());
        assert!(!output.has_kept_lines());
        output.write_later(output.line(&CLOCK, "INFO"));
        assert!(output.has_kept_lines());
        thread::scope(|scope| {
            let other = scope.spawn(|| output.flush(&CLOCK));
            has_begun.recv().unwrap();
            let is_kept = output.has_kept_lines();
            go.send(()).unwrap();
            other.join().unwrap().unwrap();
            assert!(is_kept, "an answer could be sent before its line is written");
        });
        assert!(!output.has_kept_lines());
    }

    #[test]
    fn a_line_that_nobody_read_waits_for_any_request() {
        let (output, reader, _) = output();
        reader.takes(0, io::ErrorKind::WouldBlock);
        output.write_bytes(b"one\n", &CLOCK);
        assert!(output.flush(&CLOCK).is_err());
        assert!(output.has_kept_lines());
        reader.takes(4, io::ErrorKind::WouldBlock);
        output.flush(&CLOCK).unwrap();
        assert!(!output.has_kept_lines());
        assert_eq!(reader.text(), "one\n");
    }

    #[test]
    fn lines_over_the_limit_are_counted_and_the_count_is_a_line() {
        let (output, reader, _) = output();
        reader.takes(0, io::ErrorKind::WouldBlock);
        let line = [vec![b'x'; 1023], b"\n".to_vec()].concat();
        let fit = MAX_KEPT_BYTES / line.len();
        for _ in 0..fit + 3 {
            output.write_bytes(&line, &CLOCK);
        }
        reader.takes(usize::MAX, io::ErrorKind::WouldBlock);
        assert!(output.flush(&CLOCK).is_ok());
        let text = reader.text();
        assert_eq!(text.lines().count(), fit + 1);
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((&last["level"], &last["lost"]), (&"WARN".into(), &3.into()));
        assert_eq!(output.lost_lines(), 3);
        output.write_bytes(b"next\n", &CLOCK);
        assert!(reader.text().ends_with("}\nnext\n"));
    }

    #[test]
    fn a_line_can_be_written_when_somebody_reads_and_nothing_waits() {
        let (output, reader, _) = output();
        assert!(output.check(&CLOCK).is_ok());
        for (left, then, is_ok) in [
            (0, io::ErrorKind::BrokenPipe, false),
            (0, io::ErrorKind::WouldBlock, false),
            (3, io::ErrorKind::WouldBlock, true),
        ] {
            reader.takes(left, then);
            assert_eq!(output.check(&CLOCK).is_ok(), is_ok, "{left} {then}");
        }
        output.write_bytes(b"longer\n", &CLOCK);
        assert!(output.check(&CLOCK).is_err());
        reader.takes(100, io::ErrorKind::WouldBlock);
        assert!(output.check(&CLOCK).is_ok());
        assert_eq!(reader.text(), "longer\n");
    }

    #[test]
    fn a_line_that_must_be_written_now_is_written_or_dropped() {
        let (output, reader, _) = output();
        assert!(output.write_bytes_now(b"one\n", &CLOCK));
        reader.takes(0, io::ErrorKind::WouldBlock);
        assert!(!output.write_bytes_now(b"dropped\n", &CLOCK));
        output.write_bytes(b"kept\n", &CLOCK);
        assert!(!output.write_bytes_now(b"dropped\n", &CLOCK));
        // It cannot be taken back any more.
        reader.takes(7, io::ErrorKind::WouldBlock);
        assert!(!output.write_bytes_now(b"begun\n", &CLOCK));
        reader.takes(100, io::ErrorKind::WouldBlock);
        assert!(output.write_bytes_now(b"two\n", &CLOCK));
        assert_eq!(reader.text(), "one\nkept\nbegun\ntwo\n");
        assert_eq!(output.lost_lines(), 0);
    }

    #[test]
    fn lines_that_are_kept_at_the_end_are_reported_as_lost() {
        let (output, reader, alarm) = output();
        output.write_bytes(b"one\n", &CLOCK);
        output.give_up(&CLOCK);
        assert_eq!(alarm.text(), "");
        reader.takes(1, io::ErrorKind::WouldBlock);
        output.write_bytes(b"two\n", &CLOCK);
        output.write_bytes(b"three\n", &CLOCK);
        output.give_up(&CLOCK);
        let alarm: Value = serde_json::from_str(&alarm.text()).unwrap();
        assert_eq!(alarm["lost"], 2);
    }

    #[test]
    fn a_closed_output_is_reported_on_standard_error_once_a_minute() {
        let (output, reader, alarm) = output();
        reader.takes(0, io::ErrorKind::BrokenPipe);
        for (at_ms, alarms) in [(0, 1), (1, 1), (59_999, 1), (60_000, 2), (60_001, 2), (5, 3)] {
            output.write_bytes(b"line\n", &move || at_ms);
            assert_eq!(alarm.text().lines().count(), alarms, "{at_ms}");
        }
        assert!(alarm.text().contains("cannot be written"));
    }
}
