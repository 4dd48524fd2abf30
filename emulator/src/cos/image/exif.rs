//! The orientation in an Exif segment.
//! <https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E>

/// How an Exif segment begins.
pub(super) const START: &[u8] = b"Exif\0\0";

/// 1 to 8; 0 without one.
pub(super) fn orientation(segment: &[u8]) -> u8 {
    let value = position(segment).and_then(|(position, order)| {
        let bytes = segment.get(position..)?.first_chunk()?;
        u8::try_from(order.short(*bytes)).ok()
    });
    value.filter(|value| (1..=8).contains(value)).unwrap_or_default()
}

/// The segment of an upright picture.
pub(super) fn upright(segment: &[u8]) -> Vec<u8> {
    let mut segment = segment.to_vec();
    if let Some((position, order)) = position(&segment) {
        let one = order.bytes_of(1);
        let value = segment.get_mut(position..position.saturating_add(one.len()));
        if let Some(value) = value {
            value.copy_from_slice(&one);
        }
    }
    segment
}

/// Where the value is, and in which order its bytes are.
fn position(segment: &[u8]) -> Option<(usize, ByteOrder)> {
    let tiff = segment.strip_prefix(START)?;
    let order = match tiff.first_chunk()? {
        b"MM\0*" => ByteOrder::Big,
        b"II*\0" => ByteOrder::Little,
        _ => return None,
    };
    let directory = usize::try_from(order.long(*tiff.get(4..)?.first_chunk()?)).ok()?;
    let entries = order.short(*tiff.get(directory..)?.first_chunk()?);
    let mut entry = directory.checked_add(2)?;
    for _ in 0..entries {
        let bytes = tiff.get(entry..)?;
        if order.short(*bytes.first_chunk()?) == ORIENTATION {
            return Some((entry.checked_add(VALUE)?.checked_add(START.len())?, order));
        }
        entry = entry.checked_add(ENTRY_BYTES)?;
    }
    None
}

#[derive(Clone, Copy)]
enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    fn short(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    fn long(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    fn bytes_of(self, short: u16) -> [u8; 2] {
        match self {
            Self::Big => short.to_be_bytes(),
            Self::Little => short.to_le_bytes(),
        }
    }
}

const ORIENTATION: u16 = 0x0112;
const ENTRY_BYTES: usize = 12;

/// Where the value of an entry is.
const VALUE: usize = 8;

#[cfg(test)]
pub(super) mod tests {
    use super::{START, orientation, upright};

    /// A segment with another entry, and this orientation.
    pub(in crate::cos::image) fn segment(is_big_endian: bool, value: u8) -> Vec<u8> {
        let tiff: &[u8] = if is_big_endian {
            b"MM\0*\0\0\0\x08\0\x02\x01\0\0\x03\0\0\0\x01\0\x07\0\0\x01\x12\0\x03\0\0\0\x01\0?\0\0"
        } else {
            b"II*\0\x08\0\0\0\x02\0\0\x01\x03\0\x01\0\0\0\x07\0\0\0\x12\x01\x03\0\x01\0\0\0?\0\0\0"
        };
        let tiff = tiff.iter().map(|byte| if *byte == b'?' { value } else { *byte });
        START.iter().copied().chain(tiff).collect()
    }

    #[test]
    fn an_orientation_is_read_and_reset() {
        for is_big_endian in [true, false] {
            for value in 0..=9 {
                let segment = segment(is_big_endian, value);
                let expected = if value > 8 { 0 } else { value };
                assert_eq!(orientation(&segment), expected, "{is_big_endian}");
                assert_eq!(orientation(&upright(&segment)), 1);
                assert_eq!(upright(&segment).len(), segment.len());
                for end in 0..segment.len() {
                    let cut = &segment[..end];
                    let _ = orientation(cut);
                    assert_eq!(upright(cut).len(), end);
                }
            }
        }
        for other in [b"".as_slice(), b"Exif\0\0", b"Exif\0\0XX*\0", b"http://ns.adobe.com/"] {
            assert_eq!((orientation(other), upright(other).as_slice()), (0, other));
        }
    }
}
