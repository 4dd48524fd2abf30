//! Resizing: each pixel is the mean of those near its centre, weighted by a triangle.
//!
//! Whole numbers only, so that every machine makes the same bytes. Row by row, so that it takes no
//! more memory than the result: a crate for this would keep the whole picture in floating-point
//! numbers.

use super::geometry::Size;
use super::pixels::{Channels, Pixels};

/// The source pixels that make one pixel, along one side.
struct Window {
    first: usize,
    weights: Vec<u64>,
    total: u64,
}

pub(super) fn resized(from: &Pixels, size: Size) -> Pixels {
    let columns = windows(from.size.width, size.width);
    let count = from.channels.count();
    let mut sums = vec![0_u64; columns.len().saturating_mul(count)];
    let mut bytes = Vec::with_capacity(sums.len().saturating_mul(columns.len()));
    for window in windows(from.size.height, size.height) {
        sums.fill(0);
        for (row, weight) in from.rows_from(window.first).zip(&window.weights) {
            add_row(row, from.channels, &columns, *weight, &mut sums);
        }
        for pixel in sums.chunks_exact(count) {
            push_pixel(pixel, from.channels, window.total, &mut bytes);
        }
    }
    Pixels { size, channels: from.channels, bytes }
}

/// One window for each of `to` pixels out of `from`. In units of half a pixel divided by `to`, the
/// centre of source pixel `i` is at `(2 * i + 1) * to`, that of the result `p` at
/// `(2 * p + 1) * from`.
fn windows(from: u32, to: u32) -> Vec<Window> {
    let (from, to) = (u64::from(from), u64::from(to));
    let odd = |index: u64| index.saturating_mul(2).saturating_add(1);
    let radius = from.max(to).saturating_mul(2);
    let window = |index: u64| {
        let centre = odd(index).saturating_mul(from);
        let step = to.saturating_mul(2);
        let source = |at: u64| at.checked_div(step).unwrap_or_default();
        let first = source(centre.saturating_sub(radius));
        let last = source(centre.saturating_add(radius)).min(from.saturating_sub(1));
        let weights: Vec<u64> = (first..=last)
            .map(|source| {
                let distance = odd(source).saturating_mul(to).abs_diff(centre);
                radius.saturating_sub(distance)
            })
            .collect();
        let total = weights.iter().sum::<u64>().max(1);
        Window { first: usize::try_from(first).unwrap_or(usize::MAX), weights, total }
    };
    (0..to).map(window).collect()
}

/// Adds a row of the source, narrowed to the result's width.
fn add_row(row: &[u8], channels: Channels, columns: &[Window], weight: u64, sums: &mut [u64]) {
    let count = channels.count();
    for (window, sums) in columns.iter().zip(sums.chunks_exact_mut(count)) {
        let mut means = [0_u64; 4];
        for (pixel, weight) in row.chunks_exact(count).skip(window.first).zip(&window.weights) {
            let alpha = match pixel.last() {
                Some(alpha) if channels.has_alpha() => u64::from(*alpha),
                _ => u64::from(u8::MAX),
            };
            let last = count.saturating_sub(usize::from(channels.has_alpha()));
            for (position, (mean, channel)) in means.iter_mut().zip(pixel).enumerate() {
                // A transparent pixel adds nothing to the colour.
                let by = if position < last { alpha } else { u64::from(u8::MAX) };
                let value = u64::from(*channel).saturating_mul(by);
                *mean = mean.saturating_add(value.saturating_mul(*weight));
            }
        }
        for (sum, mean) in sums.iter_mut().zip(means) {
            let rounded = mean.saturating_add(window.total / 2);
            let mean = rounded.checked_div(window.total).unwrap_or_default();
            *sum = sum.saturating_add(mean.saturating_mul(weight));
        }
    }
}

/// Appends the pixel of these sums.
fn push_pixel(sums: &[u64], channels: Channels, total: u64, bytes: &mut Vec<u8>) {
    let full = u64::from(u8::MAX);
    let opaque = total.saturating_mul(full).saturating_mul(full);
    let (colours, alpha) = match sums.split_last() {
        Some((alpha, colours)) if channels.has_alpha() => (colours, *alpha),
        _ => (sums, opaque),
    };
    let ratio = |sum: u64, whole: u64| {
        let rounded = sum.saturating_mul(full).saturating_add(whole / 2);
        let value = rounded.checked_div(whole).unwrap_or_default();
        u8::try_from(value).unwrap_or(u8::MAX)
    };
    bytes.extend(colours.iter().map(|colour| ratio(*colour, alpha)));
    if channels.has_alpha() {
        bytes.push(ratio(alpha, opaque));
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Size;
    use super::super::pixels::{Channels, Pixels};
    use super::resized;

    fn pixels(width: u32, height: u32, channels: Channels, bytes: &[u8]) -> Pixels {
        Pixels { size: Size { width, height }, channels, bytes: bytes.to_vec() }
    }

    fn bytes(from: &Pixels, width: u32, height: u32) -> Vec<u8> {
        resized(from, Size { width, height }).bytes
    }

    #[test]
    fn the_mean_of_what_is_near() {
        let pair = pixels(2, 1, Channels::Grey, &[0, 100]);
        assert_eq!(bytes(&pair, 1, 1), [50]);
        assert_eq!(bytes(&pair, 2, 1), [0, 100], "the same size is the same picture");
        assert_eq!(bytes(&pair, 4, 1), [0, 25, 75, 100]);
        assert_eq!(bytes(&pair, 2, 2), [0, 100, 0, 100]);
        let column = pixels(1, 4, Channels::Grey, &[0, 0, 200, 200]);
        assert_eq!(bytes(&column, 1, 2), [29, 171]);
        let rgb = pixels(2, 1, Channels::Rgb, &[255, 0, 10, 0, 255, 10]);
        assert_eq!(bytes(&rgb, 1, 1), [128, 128, 10]);
    }

    #[test]
    fn one_colour_stays_that_colour() {
        for colour in [0, 1, 127, 254, 255] {
            for (channels, alpha) in [(Channels::Rgb, None), (Channels::Rgba, Some(200))] {
                let pixel: Vec<u8> = [colour; 3].into_iter().chain(alpha).collect();
                let from = pixels(31, 17, channels, &pixel.repeat(31 * 17));
                for (width, height) in [(1, 1), (7, 5), (31, 17), (50, 1), (100, 90)] {
                    let made = bytes(&from, width, height);
                    let expected = pixel.repeat(usize::try_from(width * height).unwrap());
                    assert_eq!(made, expected, "{colour} {width}x{height}");
                }
            }
        }
    }

    #[test]
    fn what_is_transparent_adds_no_colour() {
        let from = pixels(2, 1, Channels::Rgba, &[200, 100, 0, 255, 0, 255, 255, 0]);
        assert_eq!(bytes(&from, 1, 1), [200, 100, 0, 128]);
        let nothing = pixels(2, 1, Channels::GreyAlpha, &[9, 0, 9, 0]);
        assert_eq!(bytes(&nothing, 1, 1), [0, 0]);
    }
}
