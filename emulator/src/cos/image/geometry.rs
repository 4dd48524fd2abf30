//! The size that `thumbnail` gives a picture.
//! <https://www.tencentcloud.com/document/product/436/36366>
//!
//! Documented: the forms; a scale outside 1 to 1000 changes nothing. Inferred: a side is rounded to
//! the nearest pixel and has at least one; an area is never exceeded; of a form with two sides, `>`
//! changes only pictures that are larger on one, and `<` only those that are smaller on both.

use std::fmt;

/// Width and height in pixels; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width).saturating_mul(u64::from(self.height))
    }

    pub(super) fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

/// `<imageSizeAndOffsetGeometry>` of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Geometry {
    /// `!50p`, `!50px`, `!x50p`: per cent of each side.
    Scale { width: u32, height: u32 },
    /// `300x`
    Width(u32),
    /// `x300`
    Height(u32),
    /// `300x200`
    Within(Size),
    /// `300x200>`
    Shrink(Size),
    /// `300x200<`
    Enlarge(Size),
    /// `!300x200r`
    AtLeast(Size),
    /// `300x200!`
    Exactly(Size),
    /// `60000@`
    Area(u64),
}

impl Geometry {
    /// `None` for a text of another form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(text) = text.strip_prefix('!') {
            return Self::parse_scale(text);
        }
        let (text, last) = match text.char_indices().last()? {
            (end, last) if "@!><".contains(last) => (text.get(..end)?, Some(last)),
            _ => (text, None),
        };
        match last {
            Some('@') => number(text).map(u64::from).map(Self::Area),
            Some('!') => sides(text).map(Self::Exactly),
            Some('>') => sides(text).map(Self::Shrink),
            Some('<') => sides(text).map(Self::Enlarge),
            _ => match text.split_once('x')? {
                (width, "") => number(width).map(Self::Width),
                ("", height) => number(height).map(Self::Height),
                _ => sides(text).map(Self::Within),
            },
        }
    }

    /// What follows a `!` at the beginning.
    fn parse_scale(text: &str) -> Option<Self> {
        if let Some(text) = text.strip_suffix('r') {
            return sides(text).map(Self::AtLeast);
        }
        if let Some(text) = text.strip_suffix("px") {
            return Some(Self::Scale { width: scale(text)?, height: 100 });
        }
        let text = text.strip_suffix('p')?;
        match text.strip_prefix('x') {
            Some(text) => Some(Self::Scale { width: 100, height: scale(text)? }),
            None => scale(text).map(|scale| Self::Scale { width: scale, height: scale }),
        }
    }

    /// The size that a picture of the size `from` gets.
    pub(super) fn apply(self, from: Size) -> Size {
        match self {
            Self::Scale { width, height } => Size {
                width: scaled(from.width, width, 100),
                height: scaled(from.height, height, 100),
            },
            Self::Width(width) => Size { width, height: scaled(from.height, width, from.width) },
            Self::Height(height) => Size { width: scaled(from.width, height, from.height), height },
            Self::Exactly(size) => size,
            Self::Within(limit) => within(from, limit),
            Self::AtLeast(limit) => at_least(from, limit),
            Self::Shrink(limit) if limit.width < from.width || limit.height < from.height => {
                within(from, limit)
            }
            Self::Enlarge(limit) if limit.width > from.width && limit.height > from.height => {
                within(from, limit)
            }
            Self::Shrink(_) | Self::Enlarge(_) => from,
            Self::Area(area) => of_area(from, area),
        }
    }
}

/// The largest size of the same shape inside `limit`.
fn within(from: Size, limit: Size) -> Size {
    if is_wider(from, limit) {
        Geometry::Width(limit.width).apply(from)
    } else {
        Geometry::Height(limit.height).apply(from)
    }
}

/// The smallest size of the same shape around `limit`.
fn at_least(from: Size, limit: Size) -> Size {
    if is_wider(from, limit) {
        Geometry::Height(limit.height).apply(from)
    } else {
        Geometry::Width(limit.width).apply(from)
    }
}

/// Whether `from` has the wider shape.
fn is_wider(from: Size, limit: Size) -> bool {
    let product = |width, height| u64::from(width).saturating_mul(u64::from(height));
    product(from.width, limit.height) >= product(limit.width, from.height)
}

/// The largest size of the same shape with at most `area` pixels.
fn of_area(from: Size, area: u64) -> Size {
    // width * width = area * from.width / from.height
    let side = |one: u32, other: u32| {
        let square = area.saturating_mul(u64::from(one)).checked_div(u64::from(other));
        square.unwrap_or_default().isqrt().clamp(1, area)
    };
    let width = side(from.width, from.height);
    let height = side(from.height, from.width).min(area.checked_div(width).unwrap_or_default());
    let side = |length| u32::try_from(length).unwrap_or(u32::MAX).max(1);
    Size { width: side(width), height: side(height) }
}

/// `length * numerator / denominator`, to the nearest pixel.
fn scaled(length: u32, numerator: u32, denominator: u32) -> u32 {
    let denominator = u64::from(denominator);
    let product = u64::from(length).saturating_mul(u64::from(numerator));
    // Half of the denominator rounds up.
    let rounded = product.saturating_mul(2).saturating_add(denominator);
    let length = rounded.checked_div(denominator.saturating_mul(2)).unwrap_or_default();
    u32::try_from(length).unwrap_or(u32::MAX).max(1)
}

fn sides(text: &str) -> Option<Size> {
    let (width, height) = text.split_once('x')?;
    Some(Size { width: number(width)?, height: number(height)? })
}

/// Per cent. Documented: what is not within 1 to 1000 is not processed.
fn scale(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let scale = number(text).filter(|scale| *scale <= MAX_SCALE);
    is_number.then(|| scale.unwrap_or(100))
}

/// Digits that are more than 0.
pub(super) fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number > 0)
}

const MAX_SCALE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::{Geometry, Size};

    /// The size of a picture of 640x427, or another one, after each form.
    #[test]
    fn the_forms_of_the_documents() {
        for (from, form, to) in [
            ("640x427", "!50p", "320x214"),
            ("640x427", "!50px", "320x427"),
            ("640x427", "!x50p", "640x214"),
            ("640x427", "!100p", "640x427"),
            ("640x427", "!1000p", "6400x4270"),
            ("640x427", "!1001p", "640x427"),
            ("640x427", "!0p", "640x427"),
            ("640x427", "!99999999999p", "640x427"),
            ("10x10", "!1p", "1x1"),
            ("640x427", "300x", "300x200"),
            ("640x427", "x300", "450x300"),
            ("640x427", "1280x", "1280x854"),
            ("1000x1", "10x", "10x1"),
            ("640x427", "300x300", "300x200"),
            ("427x640", "300x300", "200x300"),
            ("640x427", "1000x1000", "1000x667"),
            ("640x427", "640x427", "640x427"),
            ("640x427", "300x300>", "300x200"),
            ("640x427", "1000x300>", "450x300"),
            ("640x427", "1000x1000>", "640x427"),
            ("640x427", "640x427>", "640x427"),
            ("640x427", "1000x1000<", "1000x667"),
            ("640x427", "300x300<", "640x427"),
            ("640x427", "1000x300<", "640x427"),
            ("640x427", "!300x300r", "450x300"),
            ("427x640", "!300x300r", "300x450"),
            ("640x427", "!1000x1000r", "1499x1000"),
            ("640x427", "300x300!", "300x300"),
            ("640x427", "1x9999!", "1x9999"),
            ("1000x500", "125000@", "500x250"),
            ("1000x500", "500000@", "1000x500"),
            ("640x427", "60000@", "299x200"),
            ("640x427", "1@", "1x1"),
            ("1000x1", "10@", "10x1"),
            ("1x30000", "10@", "1x10"),
        ] {
            let (width, height) = from.split_once('x').unwrap();
            let from_size = Size { width: width.parse().unwrap(), height: height.parse().unwrap() };
            let geometry = Geometry::parse(form).unwrap_or_else(|| panic!("{form}"));
            assert_eq!(geometry.apply(from_size).to_string(), to, "{from} {form}");
        }
    }

    #[test]
    fn an_area_is_never_exceeded() {
        for width in [1, 2, 3, 7, 640, 29_999] {
            for height in [1, 2, 5, 427, 30_000] {
                for area in [1, 2, 3, 10, 99, 60_000, 1_000_000, 4_294_967_295] {
                    let size = Geometry::Area(area).apply(Size { width, height });
                    assert!(size.pixels() <= area, "{width}x{height} {area}@: {size}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_form() {
        let words = "x 300 0x x0 0x0 300x0 0x300 300x300x300 -1x +1x 1.5x ax xa 300X 300*300 \
            !p !xp !px !x50 !50 !50pp !-50p !50xp !300xr !x300r !300r !0x0r !300x300 300x300r \
            @ 0@ -1@ 1.5@ a@ 300x300@ 300x! x300! ! !! > < 300x> x300< 300x300>< 300x300!> \
            4294967296x 99999999999999999999@ ３００x 300x　";
        for text in words.split(' ').chain(["", " ", " 300x", "300x ", "300 x 300"]) {
            assert_eq!(Geometry::parse(text), None, "`{text}`");
        }
    }
}
