//! Whole files: what comes out, and hostile ones.

use super::codec::mean_colour;
use super::exif::tests::segment;
use super::failure::MAX_PIXELS;
use super::{Failure, Format, Header, Processed, Rule, process};

/// Pixels that differ, in three channels.
fn gradient(width: u32, height: u32) -> Vec<u8> {
    let pixels = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    pixels.flat_map(|(row, column)| [(column * 3) as u8, (row * 3) as u8, 128]).collect()
}

pub(in crate::cos) fn jpeg(width: u32, height: u32, quality: u8) -> Vec<u8> {
    jpeg_with(width, height, quality, |_| {})
}

fn jpeg_with(
    width: u32,
    height: u32,
    quality: u8,
    change: impl FnOnce(&mut jpeg_encoder::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    change(&mut encoder);
    let pixels = gradient(width, height);
    let colours = jpeg_encoder::ColorType::Rgb;
    encoder.encode(&pixels, width as u16, height as u16, colours).unwrap();
    bytes
}

pub(in crate::cos) fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(width, height, png::ColorType::Rgb, &gradient(width, height))
}

fn png_of(width: u32, height: u32, colours: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colours);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A PNG file with this header, whose pixels are missing.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = png(1, 1);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

fn made(file: &[u8], rule: &str) -> Result<Processed, Failure> {
    process(file, &Rule::parse(&format!("imageMogr2/{rule}")).unwrap())
}

/// Format, size and quality that the file of the result declares.
fn shown(file: &[u8], rule: &str) -> String {
    let made = made(file, rule).unwrap_or_else(|failure| panic!("{rule}: {failure:?}"));
    let header = Header::read(&made.bytes).unwrap();
    assert_eq!((header.format, header.size), (made.format, made.size), "{rule}");
    assert_eq!(header.quality, made.quality, "{rule}");
    format!("{} {} {}", header.format.name(), header.size, header.quality)
}

#[test]
fn a_result_has_the_format_the_size_and_the_quality_of_its_rule() {
    let (jpeg, png) = (jpeg(64, 40, 80), png(64, 40));
    for (rule, of_jpeg, of_png) in [
        ("thumbnail/32x", "jpeg 32x20 80", "png 32x20 100"),
        ("thumbnail/!200p", "jpeg 128x80 80", "png 128x80 100"),
        ("thumbnail/32x32!/format/png", "png 32x32 100", "png 32x32 100"),
        ("format/jpg", "jpeg 64x40 80", "jpeg 64x40 100"),
        ("format/jpg/quality/60", "jpeg 64x40 60", "jpeg 64x40 60"),
        ("quality/90", "jpeg 64x40 80", "png 64x40 100"),
        ("format/jpg/quality/90!", "jpeg 64x40 90", "jpeg 64x40 90"),
        ("format/jpg/rquality/80", "jpeg 64x40 64", "jpeg 64x40 80"),
        ("format/jpg/lquality/85", "jpeg 64x40 85", "jpeg 64x40 100"),
        ("interlace/1", "jpeg 64x40 80", "png 64x40 100"),
        ("rotate/90/thumbnail/20x", "jpeg 20x32 80", "png 20x32 100"),
        ("cut/10x20x5x5", "jpeg 10x20 80", "png 10x20 100"),
        ("thumbnail/32x|imageMogr2/rotate/270", "jpeg 20x32 80", "png 20x32 100"),
    ] {
        assert_eq!(shown(&jpeg, rule), of_jpeg, "{rule}");
        assert_eq!(shown(&png, rule), of_png, "{rule}");
    }
    let progressive = made(&jpeg, "interlace/1").unwrap().bytes;
    assert!(progressive.windows(2).any(|pair| pair == [0xff, 0xc2]));
    // Without a change of size, a PNG file keeps its pixels.
    let same = made(&png, "rotate/180/rotate/180").unwrap().bytes;
    assert_eq!(made(&same, "rotate/0").unwrap().bytes, same);
    assert_eq!(mean_colour(&same).unwrap(), mean_colour(&png).unwrap());
}

#[test]
fn transparency_stays_and_is_white_in_a_jpeg() {
    let half = [200, 0, 0, 0].repeat(8 * 8);
    let file = png_of(8, 8, png::ColorType::Rgba, &half);
    assert_eq!(mean_colour(&made(&file, "format/jpg").unwrap().bytes).unwrap(), [255; 3]);
    let kept = made(&file, "thumbnail/4x").unwrap().bytes;
    // Colour type 6: with transparency.
    assert_eq!(kept[25], 6);
    let grey = png_of(8, 8, png::ColorType::Grayscale, &[90; 64]);
    let grey = made(&grey, "format/jpg").unwrap().bytes;
    assert_eq!(mean_colour(&grey).unwrap(), [90; 3]);
    assert_eq!(mean_colour(&made(&grey, "thumbnail/4x").unwrap().bytes).unwrap(), [90; 3]);
}

#[test]
fn metadata_stays_unless_it_is_stripped() {
    let exif = segment(true, 6);
    let file = jpeg_with(64, 40, 80, |encoder| {
        encoder.add_app_segment(1, exif.clone()).unwrap();
    });
    assert_eq!(Header::read(&file).unwrap().orientation, 6);
    for (rule, orientation, size) in [
        ("thumbnail/32x", 6, "32x20"),
        ("auto-orient", 1, "40x64"),
        ("auto-orient/thumbnail/20x", 1, "20x32"),
        ("auto-orient/strip", 0, "40x64"),
        ("strip", 0, "64x40"),
        ("format/png", 0, "64x40"),
    ] {
        let made = made(&file, rule).unwrap().bytes;
        let header = Header::read(&made).unwrap();
        assert_eq!((header.orientation, header.size.to_string().as_str()), (orientation, size));
    }
}

#[test]
fn what_is_not_a_picture() {
    let broken = |file: &[u8]| match made(file, "rotate/90").unwrap_err() {
        Failure::Broken(reason) => assert!(!reason.is_empty()),
        failure => panic!("{failure:?}"),
    };
    for file in [
        b"text".as_slice(),
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
    ] {
        broken(file);
    }
    // A header of another picture, and none.
    for (width, height) in [(0, 1), (1, 0), (2, 2), (1, 4000), (6000, 6000)] {
        broken(&png_header(width, height));
    }
    for file in
        [jpeg(64, 40, 80), jpeg_with(64, 40, 80, |it| it.set_progressive(true)), png(64, 40)]
    {
        for end in 0..file.len() - 12 {
            let failure = made(&file[..end], "rotate/90").unwrap_err();
            let is_known = matches!(failure, Failure::Broken(_) | Failure::Empty);
            assert!(is_known, "{end} of {}: {failure:?}", file.len());
        }
    }
    for file in [b"GIF89a".as_slice(), b"BM", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0 ftypheic"] {
        let failure = made(file, "rotate/90").unwrap_err();
        assert!(matches!(failure, Failure::Unsupported(_)), "{failure:?}");
    }
    assert_eq!(made(b"", "rotate/90").unwrap_err(), Failure::Empty);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_decoded() {
    // Each file has less than 100 bytes.
    for (width, height) in
        [(30_001, 1), (1, 30_001), (30_000, 30_000), (u32::MAX, u32::MAX), (6_325, 6_325)]
    {
        let failure = made(&png_header(width, height), "thumbnail/8x").unwrap_err();
        assert!(matches!(failure, Failure::LargePicture(_)), "{width}x{height}: {failure:?}");
        assert!(failure.can_be_ignored());
    }
    let mut wide = jpeg(8, 8, 80);
    let frame = wide.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert!(matches!(made(&wide, "rotate/90").unwrap_err(), Failure::LargePicture(_)));
    let small = png(100, 100);
    for rule in [
        "thumbnail/10000x1!",
        "thumbnail/1x10000!",
        "thumbnail/9999x9999!",
        "thumbnail/99980001@",
        "thumbnail/9999x|imageMogr2/thumbnail/8x",
    ] {
        let failure = made(&small, rule).unwrap_err();
        assert!(matches!(failure, Failure::LargeResult(_)), "{rule}: {failure:?}");
    }
    const { assert!(6_325 * 6_325 > MAX_PIXELS) };
}

#[test]
fn an_animation_is_not_cut_to_its_first_picture() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0]).unwrap();
    writer.write_image_data(&[1]).unwrap();
    writer.finish().unwrap();
    assert_eq!(Header::read(&bytes).unwrap().frames, 2);
    assert!(matches!(made(&bytes, "rotate/90").unwrap_err(), Failure::Unsupported(_)));
}

/// The picture of the vendor's suite for Node.js lacks the last byte of its file.
#[test]
fn a_png_that_ends_after_its_picture_is_whole() {
    let mut file = png(24, 16);
    file.pop();
    assert_eq!(made(&file, "thumbnail/8x8!").unwrap().size.to_string(), "8x8");
    let half = &file[..file.len() / 2];
    assert!(matches!(made(half, "thumbnail/8x8!").unwrap_err(), Failure::Broken(_)));
}

/// Each byte of a file, changed in several ways: a result or a failure, and never more than the
/// limits.
#[test]
fn damaged_files_do_no_harm() {
    for file in
        [jpeg(24, 16, 60), jpeg_with(24, 16, 60, |it| it.set_progressive(true)), png(24, 16)]
    {
        for position in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[position] ^= change;
                if let Ok(made) = made(&damaged, "thumbnail/8x8!/format/png") {
                    assert_eq!((made.format, made.size.to_string().as_str()), (Format::Png, "8x8"));
                }
            }
        }
    }
}
