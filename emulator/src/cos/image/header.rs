//! What the header of a JPEG or PNG file declares, without decoding its pixels.
//!
//! <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>, <https://www.w3.org/TR/png-3/>
//!
//! # Guarantees
//!
//! Takes no memory for what a file declares. Every read is inside the file.

use super::exif;
use super::failure::Failure;
use super::geometry::Size;
use super::quality;

/// A format that is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
}

impl Format {
    /// As in `imageInfo`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// What a file declares about its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) format: Format,
    pub(crate) size: Size,
    pub(crate) bit_depth: u8,
    /// Horizontal and vertical resolution in the unit of the file, per centimetre in PNG files; 0
    /// without one.
    pub(crate) density: [u32; 2],
    pub(crate) frames: u32,
    /// 1 to 8 as in Exif, or 0 without it.
    pub(crate) orientation: u8,
    /// 1 to 100.
    pub(crate) quality: u8,
    /// Exif and colour profile of a JPEG file, as application segments.
    pub(super) metadata: Vec<(u8, &'a [u8])>,
}

impl<'a> Header<'a> {
    pub(crate) fn read(file: &'a [u8]) -> Result<Self, Failure> {
        let header = if file.starts_with(JPEG) {
            Self::read_jpeg(file)
        } else if file.starts_with(PNG) {
            Self::read_png(file)
        } else if file.is_empty() {
            return Err(Failure::Empty);
        } else {
            return Err(other_format(file));
        };
        header
            .filter(|header| header.size.pixels() > 0)
            .ok_or_else(|| Failure::Broken("the header of the picture is damaged".to_owned()))
    }

    fn new(format: Format) -> Self {
        Self {
            format,
            size: Size { width: 0, height: 0 },
            bit_depth: 8,
            density: [0; 2],
            frames: 1,
            orientation: 0,
            quality: 100,
            metadata: Vec::new(),
        }
    }

    /// `None` without a frame header before the first scan.
    fn read_jpeg(file: &'a [u8]) -> Option<Self> {
        let mut header = Self::new(Format::Jpeg);
        let mut rest = file.get(2..)?;
        loop {
            let (marker, segment, after) = segment(rest)?;
            rest = after;
            match marker {
                SCAN => return Some(header),
                0xe0 => {
                    if let Some([_, _, unit, x0, x1, y0, y1]) =
                        segment.strip_prefix(b"JFIF\0").and_then(|rest| rest.first_chunk())
                    {
                        let density = [[*x0, *x1], [*y0, *y1]].map(u16::from_be_bytes);
                        header.density = if *unit == 0 { [0; 2] } else { density.map(u32::from) };
                    }
                }
                0xe1 if segment.starts_with(exif::START) => {
                    header.orientation = exif::orientation(segment);
                    header.metadata.push((1, segment));
                }
                0xe2 if segment.starts_with(b"ICC_PROFILE\0") => {
                    header.metadata.push((2, segment));
                }
                0xdb => {
                    if let Some(quality) = quality::of_tables(segment) {
                        header.quality = quality;
                    }
                }
                // Start of frame: all of 0xc0 to 0xcf but three.
                0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                    let [precision, h0, h1, w0, w1] = segment.first_chunk()?;
                    header.bit_depth = *precision;
                    header.size = Size {
                        width: u16::from_be_bytes([*w0, *w1]).into(),
                        height: u16::from_be_bytes([*h0, *h1]).into(),
                    };
                }
                _ => {}
            }
        }
    }

    /// `None` without a header chunk, or without pixels after it.
    fn read_png(file: &'a [u8]) -> Option<Self> {
        let mut header = Self::new(Format::Png);
        let mut rest = file.get(PNG.len()..)?;
        loop {
            let (name, chunk, after) = chunk(rest)?;
            rest = after;
            match name {
                b"IHDR" => {
                    let (width, chunk) = chunk.split_first_chunk()?;
                    let (height, chunk) = chunk.split_first_chunk()?;
                    header.size = Size {
                        width: u32::from_be_bytes(*width),
                        height: u32::from_be_bytes(*height),
                    };
                    header.bit_depth = *chunk.first()?;
                }
                b"pHYs" => {
                    let (x, chunk) = chunk.split_first_chunk()?;
                    let (y, chunk) = chunk.split_first_chunk()?;
                    let per_metre = [*x, *y].map(u32::from_be_bytes);
                    let is_known = chunk.first() == Some(&1);
                    header.density = if is_known { per_metre.map(|it| it / 100) } else { [0; 2] };
                }
                b"acTL" => header.frames = u32::from_be_bytes(*chunk.first_chunk()?),
                b"IDAT" => return Some(header),
                _ => {}
            }
        }
    }
}

/// The first segment of a JPEG file, with its marker, and what follows it.
fn segment(file: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    // Any number of 0xff fills up.
    let filled = file.iter().take_while(|byte| **byte == 0xff).count();
    let (marker, rest) = file.get(filled..)?.split_first()?;
    if filled == 0 {
        return None;
    }
    if *marker == SCAN {
        return Some((SCAN, &[], rest));
    }
    let (length, _) = rest.split_first_chunk()?;
    let (segment, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((*marker, segment.get(2..)?, rest))
}

/// The first chunk of a PNG file, with its name, and what follows it.
fn chunk(file: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = file.split_first_chunk()?;
    let (name, rest) = rest.split_first_chunk()?;
    if name == b"IDAT" {
        return Some((name, &[], rest));
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (chunk, rest) = rest.split_at_checked(length)?;
    // After a checksum.
    Some((name, chunk, rest.get(4..)?))
}

/// The failure for a file of another format: the service processes some of them.
fn other_format(file: &[u8]) -> Failure {
    let brand = file.get(4..12).unwrap_or_default();
    let is_other = OTHER_FORMATS.iter().any(|start| file.starts_with(start))
        || (file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP".as_slice()))
        || OTHER_BRANDS.contains(&brand);
    if is_other {
        let reason = "the picture must be JPEG or PNG: other formats are not supported here";
        return Failure::Unsupported(reason.to_owned());
    }
    Failure::Broken("the object must be a picture".to_owned())
}

const JPEG: &[u8] = &[0xff, 0xd8];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const SCAN: u8 = 0xda;

/// GIF, BMP, TIFF, PSD and SVG.
const OTHER_FORMATS: [&[u8]; 7] =
    [b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"<svg"];

/// HEIF and AVIF.
const OTHER_BRANDS: [&[u8]; 4] = [b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"];
