//! Decoding and encoding, and a whole picture from its file to the file of the result.

use std::io::Cursor;

use jpeg_encoder::{ColorType as JpegColours, Encoder as JpegEncoder};
use png::{BitDepth, ColorType, Compression, Limits, Transformations};
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::exif;
use super::failure::{Failure, MAX_LENGTH, MAX_PIXELS};
use super::geometry::Size;
use super::header::{Format, Header};
use super::pixels::{Channels, Pixels};
use super::rule::{Quality, Rule, Step};
use super::steps::{applied, size_after};

/// The file of a result.
#[derive(Debug)]
pub(crate) struct Processed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) format: Format,
    pub(crate) size: Size,
    pub(crate) quality: u8,
}

impl Processed {
    /// The file of the original.
    pub(crate) fn unchanged(file: &[u8], header: &Header<'_>) -> Self {
        let Header { format, size, quality, .. } = *header;
        Self { bytes: file.to_vec(), format, size, quality }
    }
}

/// What `rule` makes of the picture in `file`.
pub(crate) fn process(file: &[u8], rule: &Rule) -> Result<Processed, Failure> {
    let header = Header::read(file)?;
    check(&header)?;
    let mut size = header.size;
    for step in &rule.steps {
        size = size_after(size, *step, header.orientation)?;
    }
    let mut pixels = decoded(file, &header)?;
    for step in &rule.steps {
        pixels = applied(pixels, *step, header.orientation)?;
    }
    let format = rule.format.unwrap_or(header.format);
    let quality = match format {
        Format::Jpeg => quality(rule.quality, header.quality),
        Format::Png => 100,
    };
    let bytes = match format {
        Format::Jpeg => jpeg(pixels, quality, rule, &header),
        Format::Png => png(&pixels),
    };
    let bytes = bytes.ok_or_else(|| Failure::Broken("the result cannot be encoded".to_owned()))?;
    Ok(Processed { bytes, format, size, quality })
}

/// The mean colour of the picture in `file`: red, green, blue.
pub(crate) fn mean_colour(file: &[u8]) -> Result<[u8; 3], Failure> {
    let header = Header::read(file)?;
    check(&header)?;
    decoded(file, &header).map(|pixels| pixels.mean())
}

/// Checks what the header declares, before memory is taken for it.
fn check(header: &Header<'_>) -> Result<(), Failure> {
    let size = header.size;
    if size.width > MAX_LENGTH || size.height > MAX_LENGTH || size.pixels() > MAX_PIXELS {
        return Err(Failure::LargePicture(size));
    }
    if header.frames > 1 {
        return Err(Failure::Unsupported("animations are not supported here".to_owned()));
    }
    Ok(())
}

fn decoded(file: &[u8], header: &Header<'_>) -> Result<Pixels, Failure> {
    match header.format {
        Format::Jpeg => decoded_jpeg(file, header.size),
        Format::Png => decoded_png(file, header.size),
    }
}

fn decoded_jpeg(file: &[u8], size: Size) -> Result<Pixels, Failure> {
    let limit = usize::try_from(MAX_LENGTH).unwrap_or(usize::MAX);
    let options =
        DecoderOptions::default().set_max_width(limit).set_max_height(limit).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(file), options);
    decoder.decode_headers().map_err(|error| broken_jpeg(&error))?;
    let (channels, colours) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (Channels::Grey, ColorSpace::Luma),
        _ => (Channels::Rgb, ColorSpace::RGB),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let bytes = decoder.decode().map_err(|error| broken_jpeg(&error))?;
    pixels(size, channels, bytes)
}

fn broken_jpeg(error: &DecodeErrors) -> Failure {
    match error {
        DecodeErrors::Unsupported(_) => {
            Failure::Unsupported("this kind of JPEG file is not supported here".to_owned())
        }
        _ => Failure::Broken(format!("the picture is damaged: {error:?}")),
    }
}

fn decoded_png(file: &[u8], size: Size) -> Result<Pixels, Failure> {
    let broken =
        |error: png::DecodingError| Failure::Broken(format!("the picture is damaged: {error}"));
    let mut decoder =
        png::Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MAX_PNG_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(broken)?;
    let channels = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => Channels::Grey,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Channels::GreyAlpha,
        (ColorType::Rgb, BitDepth::Eight) => Channels::Rgb,
        (ColorType::Rgba, BitDepth::Eight) => Channels::Rgba,
        _ => return Err(Failure::Unsupported("this kind of PNG file is not supported".to_owned())),
    };
    let mut bytes = vec![0; reader.output_buffer_size().unwrap_or_default()];
    // What follows is not read: some files end within it, and show the whole picture.
    reader.next_frame(&mut bytes).map_err(broken)?;
    pixels(size, channels, bytes)
}

/// The pixels, if the decoder made as many as the header declares.
fn pixels(size: Size, channels: Channels, bytes: Vec<u8>) -> Result<Pixels, Failure> {
    let count = u64::try_from(channels.count()).unwrap_or(u64::MAX);
    let expected = size.pixels().saturating_mul(count);
    if u64::try_from(bytes.len()).ok() != Some(expected) {
        return Err(Failure::Broken("the picture has two sizes".to_owned()));
    }
    Ok(Pixels { size, channels, bytes })
}

fn quality(quality: Quality, original: u8) -> u8 {
    let quality = match quality {
        Quality::Original => original,
        Quality::AtMost(limit) => original.min(limit),
        Quality::Exactly(quality) => quality,
        Quality::Relative(percent) => {
            let product = u16::from(original).saturating_mul(percent.into());
            u8::try_from(product / 100).unwrap_or(original)
        }
        Quality::AtLeast(limit) => original.max(limit),
    };
    // An encoder has no quality 0.
    quality.max(1)
}

fn jpeg(pixels: Pixels, quality: u8, rule: &Rule, header: &Header<'_>) -> Option<Vec<u8>> {
    let pixels = pixels.opaque();
    let colours = match pixels.channels {
        Channels::Grey => JpegColours::Luma,
        _ => JpegColours::Rgb,
    };
    let (width, height) =
        (u16::try_from(pixels.size.width).ok()?, u16::try_from(pixels.size.height).ok()?);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes, quality);
    encoder.set_progressive(rule.is_progressive);
    let is_upright = rule.steps.contains(&Step::AutoOrient);
    for (number, segment) in header.metadata.iter().filter(|_| !rule.is_stripped) {
        let segment = match is_upright {
            true => exif::upright(segment),
            false => segment.to_vec(),
        };
        encoder.add_app_segment(*number, segment).ok()?;
    }
    encoder.encode(&pixels.bytes, width, height, colours).ok()?;
    Some(bytes)
}

fn png(pixels: &Pixels) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.size.width, pixels.size.height);
    encoder.set_color(match pixels.channels {
        Channels::Grey => ColorType::Grayscale,
        Channels::GreyAlpha => ColorType::GrayscaleAlpha,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels.bytes).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

/// What the decoder may take besides the pixels, whose number is checked before.
const MAX_PNG_BYTES: usize = 512 * 1024 * 1024;
