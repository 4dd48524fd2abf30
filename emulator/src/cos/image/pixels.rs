//! A decoded picture.

use super::geometry::Size;

/// What each pixel consists of, one byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// Pixels in rows, from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) size: Size,
    pub(super) channels: Channels,
    pub(super) bytes: Vec<u8>,
}

impl Pixels {
    /// The rows from `first` on.
    pub(super) fn rows_from(&self, first: usize) -> impl Iterator<Item = &[u8]> {
        let width = usize::try_from(self.size.width).unwrap_or(usize::MAX);
        let stride = width.saturating_mul(self.channels.count()).max(1);
        self.bytes.chunks_exact(stride).skip(first)
    }

    /// Another picture, each of whose pixels, by column and row, is one of this one.
    pub(super) fn rearranged(&self, size: Size, source: impl Fn(u32, u32) -> (u32, u32)) -> Self {
        let count = self.channels.count();
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for row in 0..size.height {
            for column in 0..size.width {
                let (column, row) = source(column, row);
                let row = u64::from(row).saturating_mul(u64::from(self.size.width));
                let position = usize::try_from(row.saturating_add(u64::from(column)));
                let start = position.unwrap_or(usize::MAX).saturating_mul(count);
                let pixel = self.bytes.get(start..start.saturating_add(count));
                bytes.extend_from_slice(pixel.unwrap_or_default());
            }
        }
        Self { size, channels: self.channels, bytes }
    }

    /// Without transparency: on white (inferred).
    pub(super) fn opaque(self) -> Self {
        let channels = match self.channels {
            Channels::GreyAlpha => Channels::Grey,
            Channels::Rgba => Channels::Rgb,
            Channels::Grey | Channels::Rgb => return self,
        };
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for pixel in self.bytes.chunks_exact(self.channels.count()) {
            let Some((alpha, colours)) = pixel.split_last() else {
                continue;
            };
            let alpha = u16::from(*alpha);
            let white = u16::from(u8::MAX).saturating_sub(alpha).saturating_mul(255);
            bytes.extend(colours.iter().map(|colour| {
                let sum = u16::from(*colour).saturating_mul(alpha).saturating_add(white);
                u8::try_from(sum.saturating_add(127) / 255).unwrap_or(u8::MAX)
            }));
        }
        Self { channels, bytes, ..self }
    }

    /// The mean of all pixels: red, green, blue.
    pub(super) fn mean(&self) -> [u8; 3] {
        let mut sums = [0_u64; 4];
        for pixel in self.bytes.chunks_exact(self.channels.count()) {
            for (sum, channel) in sums.iter_mut().zip(pixel) {
                *sum = sum.saturating_add(u64::from(*channel));
            }
        }
        let [first, second, third, _] = sums.map(|sum| {
            let mean = sum.checked_div(self.size.pixels()).unwrap_or_default();
            u8::try_from(mean).unwrap_or(u8::MAX)
        });
        match self.channels {
            Channels::Grey | Channels::GreyAlpha => [first; 3],
            Channels::Rgb | Channels::Rgba => [first, second, third],
        }
    }
}
