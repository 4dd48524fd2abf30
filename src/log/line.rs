//! One line, as JSON or as text.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::OnceLock;

use tencent::time::{Clock, Timestamp};
use tracing::field::{Field, Visit};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object, for programs.
    Json,
    /// Time, level, message, then `name=value`, for people.
    Text,
}

/// An unfinished line: its time and level, and the members so far.
pub(crate) struct Line {
    bytes: Vec<u8>,
    format: Format,
    unix_milliseconds: u64,
}

/// Members that many lines have. They are written once and copied from then on: format and settings
/// of a process do not change.
#[derive(Debug, Default)]
pub struct Members(OnceLock<Box<[u8]>>);

impl Line {
    /// A line of this moment.
    pub(super) fn new(format: Format, clock: &dyn Clock, level: &'static str) -> Self {
        let now = clock.unix_milliseconds();
        let mut line = Self { bytes: Vec::with_capacity(CAPACITY), format, unix_milliseconds: now };
        match format {
            Format::Json => {
                line.bytes.extend_from_slice(b"{\"timestamp\":\"");
                line.moment(now);
                line.bytes.push(b'"');
                line.word("level", level);
            }
            Format::Text => {
                line.moment(now);
                line.written(format_args!(" {level:5}"));
            }
        }
        line
    }

    /// When it was begun, in milliseconds since 1970.
    pub(crate) fn unix_milliseconds(&self) -> u64 {
        self.unix_milliseconds
    }

    pub(super) fn finished(mut self) -> Vec<u8> {
        if self.format == Format::Json {
            self.bytes.push(b'}');
        }
        self.bytes.push(b'\n');
        self.bytes
    }

    /// What `write` adds, or what it added to an earlier line.
    pub(crate) fn members(&mut self, known: &Members, write: impl FnOnce(&mut Self)) {
        if let Some(bytes) = known.0.get() {
            return self.bytes.extend_from_slice(bytes);
        }
        let start = self.bytes.len();
        write(self);
        let bytes = self.bytes.get(start..).unwrap_or_default();
        // Another thread may have been first.
        let _ = known.0.set(bytes.into());
    }

    /// A text of this program: it has nothing that a line of JSON must escape.
    pub(crate) fn word(&mut self, name: &str, value: &str) {
        debug_assert!(is_plain(value.as_bytes()), "{name} may need an escape");
        match self.format {
            Format::Json => {
                self.name(name);
                self.bytes.push(b'"');
                self.bytes.extend_from_slice(value.as_bytes());
                self.bytes.push(b'"');
            }
            Format::Text => self.text(name, value),
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.quoted(name, |line| line.escaped(value));
    }

    /// What a value displays.
    pub(crate) fn shown(&mut self, name: &str, value: impl fmt::Display) {
        // Writing to a vector always succeeds.
        self.quoted(name, |line| {
            let _ = write!(Escaped(line), "{value}");
        });
    }

    /// An address.
    pub(crate) fn address(&mut self, name: &str, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.quoted(name, |line| {
                let [first, others @ ..] = address.octets();
                line.decimal(first);
                for octet in others {
                    line.bytes.push(b'.');
                    line.decimal(octet);
                }
            }),
            IpAddr::V6(address) => self.shown(name, address),
        }
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &str, value: impl itoa::Integer) {
        self.name(name);
        self.decimal(value);
    }

    /// What is JSON already.
    pub(crate) fn json(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.name(name);
        self.written(value);
    }

    /// A server writes many lines in one second.
    fn moment(&mut self, unix_milliseconds: u64) {
        let second = unix_milliseconds / 1000;
        let (known, mut text) = LATEST_SECOND.get();
        if known != second {
            let moment = i64::try_from(second).ok().and_then(Timestamp::from_unix_seconds);
            let moment = moment.map(Timestamp::iso_8601).unwrap_or_default();
            // Up to its `Z`, where the milliseconds begin.
            for (place, byte) in text.iter_mut().zip(moment.trim_end_matches('Z').bytes()) {
                *place = byte;
            }
            LATEST_SECOND.set((second, text));
        }
        let milliseconds = unix_milliseconds % 1000;
        let digits = [milliseconds / 100, milliseconds / 10 % 10, milliseconds % 10];
        let [.., hundreds, tens, ones, _] = &mut text;
        for (place, digit) in [hundreds, tens, ones].into_iter().zip(digits) {
            *place = b'0'.wrapping_add(u8::try_from(digit).unwrap_or_default());
        }
        self.bytes.extend_from_slice(&text);
    }

    fn name(&mut self, name: &str) {
        match self.format {
            Format::Json => {
                // Not as texts: a call for each would take most of the time.
                self.bytes.push(b',');
                self.bytes.push(b'"');
                self.bytes.extend_from_slice(name.as_bytes());
                self.bytes.push(b'"');
                self.bytes.push(b':');
            }
            Format::Text => {
                self.bytes.push(b' ');
                self.bytes.extend_from_slice(name.as_bytes());
                self.bytes.push(b'=');
            }
        }
    }

    fn quoted(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        let is_message = self.format == Format::Text && name == "message";
        if is_message {
            self.bytes.push(b' ');
            return write(self);
        }
        self.name(name);
        self.bytes.push(b'"');
        let start = self.bytes.len();
        write(self);
        let is_word = |value: &[u8]| {
            let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"=\\".contains(byte);
            !value.is_empty() && value.iter().all(is_plain)
        };
        if self.format == Format::Text && self.bytes.get(start..).is_some_and(is_word) {
            self.bytes.remove(start.saturating_sub(1));
        } else {
            self.bytes.push(b'"');
        }
    }

    /// Control characters could break the line, or change a terminal.
    fn escaped(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            return self.bytes.extend_from_slice(text.as_bytes());
        }
        for character in text.chars() {
            match character {
                '"' => self.bytes.extend_from_slice(b"\\\""),
                '\\' => self.bytes.extend_from_slice(b"\\\\"),
                '\n' => self.bytes.extend_from_slice(b"\\n"),
                control if control.is_control() => {
                    self.written(format_args!("\\u{:04x}", u32::from(control)));
                }
                other => self.bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// Not by `fmt`, which takes several times as long.
    fn decimal(&mut self, value: impl itoa::Integer) {
        self.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn written(&mut self, text: fmt::Arguments<'_>) {
        // A vector takes everything.
        let _ = self.bytes.write_fmt(text);
    }
}

/// Whether a text consists of printable ASCII without quotes and backslashes. Eight bytes are
/// compared at once, since this reads every line of the log.
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return text.iter().all(|byte| is_plain_word([*byte; WORD_BYTES]));
    };
    let (words, _) = text.as_chunks();
    is_plain_word(*last) && words.iter().all(|word| is_plain_word(*word))
}

/// <https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>
fn is_plain_word(word: [u8; WORD_BYTES]) -> bool {
    let each = |byte| u64::from_ne_bytes([byte; WORD_BYTES]);
    let word = u64::from_ne_bytes(word);
    // The high bit of a byte, if it is less than `limit`; bytes without a high bit only.
    let less = |word: u64, limit| word.wrapping_sub(each(limit)) & !word;
    let is = |byte| less(word ^ each(byte), 1);
    let unusual = word | less(word, b' ') | is(b'"') | is(b'\\') | is(0x7f);
    unusual & each(0x80) == 0
}

const WORD_BYTES: usize = 8;

thread_local! {
    /// A second since 1970, and its first millisecond as text.
    static LATEST_SECOND: Cell<(u64, [u8; 24])> =
        const { Cell::new((0, *b"1970-01-01T00:00:00.000Z")) };
}

struct Escaped<'a>(&'a mut Line);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.escaped(text);
        Ok(())
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.shown(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field.name());
        self.bytes.extend_from_slice(if value { b"true".as_slice() } else { b"false" });
    }
}

/// Of a decision with all its members.
const CAPACITY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::{Format, Line};

    const NOW: fn() -> u64 = || 1_769_903_999_007;

    fn line(format: Format, value: &str) -> String {
        let mut line = Line::new(format, &NOW, "INFO");
        line.text("message", "a message");
        line.text("value", value);
        line.number("count", 3);
        String::from_utf8(line.finished()).unwrap()
    }

    #[test]
    fn a_text_line_is_read_by_people() {
        for (value, shown) in [
            ("word", "word"),
            ("users/{sub}/,b/", "users/{sub}/,b/"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("a=b", "\"a=b\""),
            ("\"", "\"\\\"\""),
            ("\u{1b}[31m\u{9b}\n", "\"\\u001b[31m\\u009b\\n\""),
            ("图片", "\"图片\""),
        ] {
            let expected =
                format!("2026-01-31T23:59:59.007Z INFO  a message value={shown} count=3\n");
            assert_eq!(line(Format::Text, value), expected);
        }
    }

    #[test]
    fn each_byte_that_breaks_a_line_is_found_at_each_place() {
        for byte in 0..=u8::MAX {
            let is_plain = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for length in 1..20 {
                for place in 0..length {
                    for other in *b" !z~#[]" {
                        let mut text = vec![other; length];
                        text[place] = byte;
                        assert_eq!(super::is_plain(&text), is_plain, "{byte} {length} {place}");
                    }
                }
            }
        }
        assert!(super::is_plain(b""));
    }

    #[test]
    fn numbers_and_addresses_are_what_they_display() {
        for format in [Format::Json, Format::Text] {
            for address in ["0.0.0.0", "192.0.2.255", "10.20.30.4", "2001:db8::1", "::ffff:1.2.3.4"]
            {
                for number in [0, 9, 10, i64::MAX, i64::MIN] {
                    let mut line = Line::new(format, &NOW, "INFO");
                    line.address("address", address.parse().unwrap());
                    line.number("number", number);
                    let text = String::from_utf8(line.finished()).unwrap();
                    let expected = match format {
                        Format::Json => {
                            format!(",\"address\":\"{address}\",\"number\":{number}}}\n")
                        }
                        Format::Text => format!(" address={address} number={number}\n"),
                    };
                    assert!(text.ends_with(&expected), "{text}");
                }
            }
        }
        for (milliseconds, shown) in [(0, ".000Z"), (1, ".001Z"), (20, ".020Z"), (999, ".999Z")] {
            let now = move || 1_769_903_999_000 + milliseconds;
            let line = Line::new(Format::Text, &now, "INFO").finished();
            assert!(String::from_utf8(line).unwrap().contains(shown), "{shown}");
        }
    }

    #[test]
    fn any_text_is_one_line_of_json() {
        for value in ["", "a \"b\"\\\r\n\t\0", "\u{7f}\u{85}\u{2028}图片😀"] {
            let line = line(Format::Json, value);
            assert_eq!(line.lines().count(), 1, "{line}");
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["value"], value);
            assert!(line.starts_with("{\"timestamp\":\"2026-01-31T23:59:59.007Z\",\"level\":"));
        }
    }
}
