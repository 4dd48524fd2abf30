//! Pictures that the local COS processes.
//!
//! # Guarantees tested
//!
//! No file and no rule crashes a decoder or takes memory without end. A result is a whole file of
//! its format, within the limits, and has the size that its rule names.
//!
//! An input is a rule, a line end, and a file.

use cos_emulator::fuzzing::processed_image;

/// Tries one input. Returns whether there is a result.
pub fn cos_image(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let Ok(rule) = std::str::from_utf8(&bytes[..end]) else {
        return false;
    };
    let Ok(result) = processed_image(rule, &bytes[end + 1..]) else {
        return false;
    };
    let (width, height) = size(&result);
    assert!(width > 0 && height > 0, "{rule}: {width}x{height}");
    assert!(width <= 30_000 && height <= 30_000, "{rule}: {width}x{height}");
    assert!(u64::from(width) * u64::from(height) <= 40_000_000, "{rule}: {width}x{height}");
    if let Some(expected) = exact_size(rule) {
        assert_eq!((width, height), expected, "{rule}");
    }
    if rule.ends_with("/format/png") {
        assert!(result.starts_with(PNG), "{rule}");
    }
    true
}

/// The size in a rule of one step that names it.
fn exact_size(rule: &str) -> Option<(u32, u32)> {
    let size = rule.strip_prefix("imageMogr2/thumbnail/")?.strip_suffix("!/format/png")?;
    let (width, height) = size.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// The size in the header of a file, as these encoders write it.
fn size(file: &[u8]) -> (u32, u32) {
    if file.starts_with(PNG) {
        let number =
            |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"));
        assert!(file.ends_with(b"IEND\xaeB`\x82"), "a whole file");
        return (number(16), number(20));
    }
    assert!(file.starts_with(b"\xff\xd8") && file.ends_with(b"\xff\xd9"), "a whole file");
    let mut at = 2;
    loop {
        assert_eq!(file[at], 0xff);
        let number = |at: usize| u32::from(u16::from_be_bytes([file[at], file[at + 1]]));
        if [0xc0, 0xc2].contains(&file[at + 1]) {
            return (number(at + 7), number(at + 5));
        }
        at += 2 + number(at + 2) as usize;
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
