//! The quality of a JPEG file, by its quantisation table.
//!
//! Encoders scale the table of the standard by a quality; the nearest one counts. The file itself
//! does not contain the number.

/// The quality of a segment with quantisation tables; `None` without that of the brightness.
pub(super) fn of_tables(segment: &[u8]) -> Option<u8> {
    let (kind, table) = segment.split_first()?;
    // 0: a table of bytes, for the brightness.
    let table: &[u8; 64] = if *kind == 0 { table.first_chunk()? } else { return None };
    (1..=100).min_by_key(|quality| difference(table, *quality))
}

fn difference(table: &[u8; 64], quality: u8) -> u32 {
    let distances = STANDARD
        .iter()
        .zip(table)
        .map(|(standard, value)| u32::from(scaled(*standard, quality).abs_diff(*value)));
    distances.sum()
}

/// As the Independent JPEG Group scales a table.
fn scaled(standard: u8, quality: u8) -> u8 {
    let quality = u32::from(quality.max(1));
    let scale = match quality {
        0..50 => 5000_u32.checked_div(quality).unwrap_or_default(),
        _ => 200_u32.saturating_sub(quality.saturating_mul(2)),
    };
    let value = u32::from(standard).saturating_mul(scale).saturating_add(50) / 100;
    u8::try_from(value.clamp(1, 255)).unwrap_or(u8::MAX)
}

/// The table of the standard for the brightness (annex K), in zigzag order.
const STANDARD: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

#[cfg(test)]
mod tests {
    use super::{STANDARD, of_tables, scaled};

    #[test]
    fn the_quality_that_made_a_table_is_found() {
        for quality in 1..=100 {
            let table = STANDARD.map(|value| scaled(value, quality));
            let segment: Vec<u8> = [0].into_iter().chain(table).collect();
            let found = of_tables(&segment).unwrap();
            let same = STANDARD.map(|value| scaled(value, found)) == table;
            assert!(same, "{quality}: {found}");
            assert!(quality > 1 || found == 1);
        }
        for segment in [&[][..], &[0], &[0; 64], &[1; 65], &[0x10; 129]] {
            assert_eq!(of_tables(segment), None, "{segment:?}");
        }
    }
}
