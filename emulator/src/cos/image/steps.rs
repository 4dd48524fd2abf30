//! What each step makes of a picture.

use super::failure::{Failure, MAX_PIXELS, MAX_RESULT_LENGTH};
use super::geometry::Size;
use super::pixels::Pixels;
use super::resize::resized;
use super::rule::Step;

/// The picture after `step`; `orientation` is the one that its file declares.
pub(super) fn applied(pixels: Pixels, step: Step, orientation: u8) -> Result<Pixels, Failure> {
    let size = size_after(pixels.size, step, orientation)?;
    Ok(match step {
        Step::Thumbnail(_) if size == pixels.size => pixels,
        Step::Thumbnail(_) => resized(&pixels, size),
        Step::AutoOrient => upright(pixels, orientation),
        Step::Turn(1) => upright(pixels, RIGHT),
        Step::Turn(2) => upright(pixels, UPSIDE_DOWN),
        Step::Turn(3) => upright(pixels, LEFT),
        Step::Turn(_) => pixels,
        Step::FlipHorizontally => upright(pixels, MIRRORED),
        Step::FlipVertically => upright(pixels, MIRRORED_UPSIDE_DOWN),
        Step::Cut { left, top, .. } => pixels
            .rearranged(size, |column, row| (column.saturating_add(left), row.saturating_add(top))),
    })
}

/// The size after `step`, once it is known to be within the limits.
pub(super) fn size_after(from: Size, step: Step, orientation: u8) -> Result<Size, Failure> {
    let size = match step {
        Step::Thumbnail(geometry) => geometry.apply(from),
        Step::Turn(1 | 3) => from.turned(),
        Step::AutoOrient if orientation >= MIRRORED_LEFT => from.turned(),
        Step::AutoOrient | Step::Turn(_) | Step::FlipHorizontally | Step::FlipVertically => from,
        Step::Cut { size, left, top } => {
            let is_inside = left.saturating_add(size.width) <= from.width
                && top.saturating_add(size.height) <= from.height;
            if !is_inside {
                let reason = format!("cut: must be inside the picture, which has {from} pixels");
                return Err(Failure::OutOfBounds(reason));
            }
            size
        }
    };
    let is_changed = size != from && size != from.turned();
    let is_large = size.width > MAX_RESULT_LENGTH
        || size.height > MAX_RESULT_LENGTH
        || size.pixels() > MAX_PIXELS;
    if is_changed && is_large {
        return Err(Failure::LargeResult(size));
    }
    Ok(size)
}

/// A picture with this orientation, as it should be seen.
fn upright(pixels: Pixels, orientation: u8) -> Pixels {
    let size = pixels.size;
    let (last_column, last_row) = (size.width.saturating_sub(1), size.height.saturating_sub(1));
    let (mirrored, flipped) =
        (|column| last_column.saturating_sub(column), |row| last_row.saturating_sub(row));
    let turned = size.turned();
    match orientation {
        MIRRORED => pixels.rearranged(size, |column, row| (mirrored(column), row)),
        UPSIDE_DOWN => pixels.rearranged(size, |column, row| (mirrored(column), flipped(row))),
        MIRRORED_UPSIDE_DOWN => pixels.rearranged(size, |column, row| (column, flipped(row))),
        MIRRORED_LEFT => pixels.rearranged(turned, |column, row| (row, column)),
        RIGHT => pixels.rearranged(turned, |column, row| (row, flipped(column))),
        MIRRORED_RIGHT => pixels.rearranged(turned, |column, row| (mirrored(row), flipped(column))),
        LEFT => pixels.rearranged(turned, |column, row| (mirrored(row), column)),
        _ => pixels,
    }
}

/// The orientations of Exif: what makes the picture upright.
const MIRRORED: u8 = 2;
const UPSIDE_DOWN: u8 = 3;
const MIRRORED_UPSIDE_DOWN: u8 = 4;
const MIRRORED_LEFT: u8 = 5;
const RIGHT: u8 = 6;
const MIRRORED_RIGHT: u8 = 7;
const LEFT: u8 = 8;

#[cfg(test)]
mod tests {
    use super::super::geometry::Size;
    use super::super::pixels::{Channels, Pixels};
    use super::super::rule::Step;
    use super::{Failure, applied};

    /// Three columns, two rows: `abc` over `def`.
    fn picture() -> Pixels {
        let size = Size { width: 3, height: 2 };
        Pixels { size, channels: Channels::Grey, bytes: b"abcdef".to_vec() }
    }

    fn rows(step: Step, orientation: u8) -> String {
        let made = applied(picture(), step, orientation).unwrap();
        let rows: Vec<&str> =
            made.rows_from(0).map(|row| std::str::from_utf8(row).unwrap()).collect();
        assert_eq!(rows.len(), usize::try_from(made.size.height).unwrap());
        rows.join("/")
    }

    #[test]
    fn turned_flipped_and_cut() {
        for (step, orientation, expected) in [
            (Step::Turn(0), 0, "abc/def"),
            (Step::Turn(1), 0, "da/eb/fc"),
            (Step::Turn(2), 0, "fed/cba"),
            (Step::Turn(3), 0, "cf/be/ad"),
            (Step::FlipHorizontally, 0, "cba/fed"),
            (Step::FlipVertically, 0, "def/abc"),
            (Step::AutoOrient, 0, "abc/def"),
            (Step::AutoOrient, 1, "abc/def"),
            (Step::AutoOrient, 2, "cba/fed"),
            (Step::AutoOrient, 3, "fed/cba"),
            (Step::AutoOrient, 4, "def/abc"),
            (Step::AutoOrient, 5, "ad/be/cf"),
            (Step::AutoOrient, 6, "da/eb/fc"),
            (Step::AutoOrient, 7, "fc/eb/da"),
            (Step::AutoOrient, 8, "cf/be/ad"),
        ] {
            assert_eq!(rows(step, orientation), expected, "{step:?} {orientation}");
        }
        let cut = |width, height, left, top| {
            let step = Step::Cut { size: Size { width, height }, left, top };
            applied(picture(), step, 0).map(|made| made.bytes)
        };
        assert_eq!(cut(2, 1, 1, 1).unwrap(), b"ef");
        assert_eq!(cut(3, 2, 0, 0).unwrap(), b"abcdef");
        for (width, height, left, top) in [
            (4, 1, 0, 0),
            (1, 3, 0, 0),
            (1, 1, 3, 0),
            (1, 1, 0, 2),
            (2, 2, 0, 1),
            (1, 1, u32::MAX, 0),
        ] {
            let failure = cut(width, height, left, top).unwrap_err();
            assert!(matches!(failure, Failure::OutOfBounds(_)), "{failure:?}");
        }
    }
}
