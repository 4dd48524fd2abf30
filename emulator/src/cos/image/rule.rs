//! A rule: what to make of a picture, as in `imageMogr2/thumbnail/300x/format/png`.
//! <https://www.tencentcloud.com/document/product/1045/33716>,
//! <https://www.tencentcloud.com/document/product/1045/33717>,
//! <https://www.tencentcloud.com/document/product/1045/33727>
//!
//! Documented: the parameters and their values; up to 10 operations, with `|` between them.
//! Inferred: parameters of one operation work in their order, and the picture is encoded once, at
//! the end; a `/` at the end changes nothing (the demos of the SDKs).
//!
//! # Not covered
//!
//! Every other parameter, and every angle but quarter turns: rejected.

use super::failure::Failure;
use super::geometry::{Geometry, Size, number};
use super::header::Format;

/// One change of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Upright, by the orientation that the file declares.
    AutoOrient,
    Thumbnail(Geometry),
    /// Clockwise, by so many quarters.
    Turn(u8),
    FlipVertically,
    FlipHorizontally,
    Cut {
        size: Size,
        left: u32,
        top: u32,
    },
}

/// The quality of a JPEG result. The original's is that of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    Original,
    /// `quality/60`: the original's, or this one if that is less.
    AtMost(u8),
    /// `quality/60!`
    Exactly(u8),
    /// `rquality/60`: per cent of the original's.
    Relative(u8),
    /// `lquality/60`: the original's, or this one if that is more.
    AtLeast(u8),
}

/// What to make of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(super) steps: Vec<Step>,
    /// The format of the result; `None` for that of the original.
    pub(super) format: Option<Format>,
    pub(super) quality: Quality,
    /// Whether a JPEG result is progressive.
    pub(super) is_progressive: bool,
    /// Whether the result has no metadata.
    pub(super) is_stripped: bool,
    /// Whether a picture beyond the limits is returned as it is.
    pub(crate) ignores_errors: bool,
}

impl Rule {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let operations: Vec<&str> = text.split('|').collect();
        if operations.len() > MAX_OPERATIONS {
            let reason = format!("{MOGRIFY}: must be at most {MAX_OPERATIONS} operations");
            return Err(Failure::Argument(reason));
        }
        let mut rule = Self {
            steps: Vec::new(),
            format: None,
            quality: Quality::Original,
            is_progressive: false,
            is_stripped: false,
            ignores_errors: false,
        };
        for operation in operations {
            rule.add(operation)?;
        }
        Ok(rule)
    }

    fn add(&mut self, operation: &str) -> Result<(), Failure> {
        let (name, parameters) = operation.split_once('/').unwrap_or((operation, ""));
        if name != MOGRIFY {
            return Err(unsupported(name));
        }
        let parameters = parameters.strip_suffix('/').unwrap_or(parameters);
        if parameters.is_empty() {
            let reason = format!("{MOGRIFY}: must have a parameter, for example thumbnail/300x");
            return Err(Failure::Argument(reason));
        }
        let mut words = parameters.split('/');
        while let Some(name) = words.next() {
            match name {
                "auto-orient" => self.steps.push(Step::AutoOrient),
                "strip" => self.is_stripped = true,
                _ => self.add_parameter(name, words.next())?,
            }
        }
        Ok(())
    }

    /// A parameter with a value.
    fn add_parameter(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        let Some((_, form)) = FORMS.iter().find(|(known, _)| *known == name) else {
            return Err(unsupported(&format!("{MOGRIFY}/{name}")));
        };
        let value = value.unwrap_or_default();
        let added = match name {
            "thumbnail" => Geometry::parse(value).map(|geometry| {
                self.steps.push(Step::Thumbnail(geometry));
            }),
            "rotate" => self.rotate(value)?,
            "flip" => flip(value).map(|step| self.steps.push(step)),
            "cut" => cut(value).map(|step| self.steps.push(step)),
            "format" => self.set_format(value)?,
            "quality" => match value.strip_suffix('!') {
                Some(value) => percent(value).map(Quality::Exactly),
                None => percent(value).map(Quality::AtMost),
            }
            .map(|quality| self.quality = quality),
            "rquality" => percent(value).map(|value| self.quality = Quality::Relative(value)),
            "lquality" => percent(value).map(|value| self.quality = Quality::AtLeast(value)),
            "interlace" => flag(value).map(|value| self.is_progressive = value),
            _ => flag(value).map(|value| self.ignores_errors = value),
        };
        added.ok_or_else(|| Failure::Argument(format!("{name}: must be {form}")))
    }

    fn rotate(&mut self, value: &str) -> Result<Option<()>, Failure> {
        let degrees = value.parse::<u16>().ok().filter(|degrees| *degrees <= 360);
        let turns = match degrees {
            None => return Ok(None),
            Some(0 | 360) => 0,
            Some(90) => 1,
            Some(180) => 2,
            Some(270) => 3,
            Some(_) => {
                let reason = "rotate: must be 0, 90, 180, 270 or 360 here: other angles are not \
                              supported";
                return Err(Failure::Unsupported(reason.to_owned()));
            }
        };
        self.steps.push(Step::Turn(turns));
        Ok(Some(()))
    }

    fn set_format(&mut self, value: &str) -> Result<Option<()>, Failure> {
        self.format = match value {
            "jpg" | "jpeg" => Some(Format::Jpeg),
            "png" => Some(Format::Png),
            "" => return Ok(None),
            _ => return Err(unsupported(&format!("{MOGRIFY}/format/{value}"))),
        };
        Ok(Some(()))
    }
}

fn flip(value: &str) -> Option<Step> {
    match value {
        "vertical" => Some(Step::FlipVertically),
        "horizontal" => Some(Step::FlipHorizontally),
        _ => None,
    }
}

/// `<width>x<height>x<dx>x<dy>`
fn cut(value: &str) -> Option<Step> {
    let mut numbers = value.split('x');
    let (width, height) = (number(numbers.next()?)?, number(numbers.next()?)?);
    let (left, top) = (offset(numbers.next()?)?, offset(numbers.next()?)?);
    let size = Size { width, height };
    numbers.next().is_none().then_some(Step::Cut { size, left, top })
}

fn offset(text: &str) -> Option<u32> {
    if text == "0" { Some(0) } else { number(text) }
}

fn percent(value: &str) -> Option<u8> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|percent| is_number && *percent <= 100)
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn unsupported(name: &str) -> Failure {
    let name: String = name.chars().take(60).collect();
    Failure::Unsupported(format!(
        "`{name}` is not supported here; supported are {INFO}, and {MOGRIFY} with auto-orient, \
         strip, {}",
        FORMS.map(|(name, _)| name).join(", ")
    ))
}

/// The request parameter that processes a picture.
pub(super) const MOGRIFY: &str = "imageMogr2";

/// The request parameter that describes a picture.
pub(super) const INFO: &str = "imageInfo";

/// The parameters with a value, and its form.
const FORMS: [(&str, &str); 10] = [
    (
        "thumbnail",
        "300x, x300, 300x200, 300x200>, 300x200<, 300x200!, !300x200r, !50p, !50px, !x50p or 60000@",
    ),
    ("rotate", "0 to 360"),
    ("flip", "vertical or horizontal"),
    ("cut", "<width>x<height>x<left>x<top>, for example 600x400x100x0"),
    ("format", "jpg or png"),
    ("quality", "0 to 100, or 0! to 100!"),
    ("rquality", "0 to 100"),
    ("lquality", "0 to 100"),
    ("interlace", "0 or 1"),
    ("ignore-error", "0 or 1"),
];

/// Documented.
const MAX_OPERATIONS: usize = 10;

#[cfg(test)]
mod tests {
    use super::{Failure, Format, Quality, Rule, Step};
    use crate::cos::image::geometry::{Geometry, Size};

    fn rule(text: &str) -> Rule {
        Rule::parse(text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"))
    }

    #[test]
    fn parameters_in_their_order() {
        let all = rule(
            "imageMogr2/auto-orient/thumbnail/300x/rotate/90/flip/vertical/cut/60x40x10x0/format/png/\
             quality/60!/interlace/1/strip/ignore-error/1",
        );
        let size = Size { width: 60, height: 40 };
        assert_eq!(
            all,
            Rule {
                steps: vec![
                    Step::AutoOrient,
                    Step::Thumbnail(Geometry::Width(300)),
                    Step::Turn(1),
                    Step::FlipVertically,
                    Step::Cut { size, left: 10, top: 0 },
                ],
                format: Some(Format::Png),
                quality: Quality::Exactly(60),
                is_progressive: true,
                is_stripped: true,
                ignores_errors: true,
            }
        );
        let piped = rule("imageMogr2/rotate/180|imageMogr2/thumbnail/200x/|imageMogr2/format/jpg");
        assert_eq!(piped.steps, [Step::Turn(2), Step::Thumbnail(Geometry::Width(200))]);
        assert_eq!(piped.format, Some(Format::Jpeg));
        for (text, quality) in [
            ("quality/60", Quality::AtMost(60)),
            ("quality/0!", Quality::Exactly(0)),
            ("rquality/100", Quality::Relative(100)),
            ("lquality/80", Quality::AtLeast(80)),
            ("strip", Quality::Original),
        ] {
            assert_eq!(rule(&format!("imageMogr2/{text}")).quality, quality, "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed() {
        for text in [
            "imageMogr2",
            "imageMogr2/",
            "imageMogr2//",
            "imageMogr2/thumbnail",
            "imageMogr2/thumbnail/",
            "imageMogr2/thumbnail/300",
            "imageMogr2/thumbnail//300x",
            "imageMogr2/thumbnail/300x|imageMogr2",
            "imageMogr2/rotate/-90",
            "imageMogr2/rotate/361",
            "imageMogr2/rotate/90.0",
            "imageMogr2/flip/diagonal",
            "imageMogr2/cut/1x1",
            "imageMogr2/cut/0x1x0x0",
            "imageMogr2/cut/1x1x-1x0",
            "imageMogr2/cut/1x1x0x0x0",
            "imageMogr2/format/",
            "imageMogr2/quality/101",
            "imageMogr2/quality/!",
            "imageMogr2/quality/+1",
            "imageMogr2/rquality/60!",
            "imageMogr2/interlace/2",
            "imageMogr2/ignore-error/yes",
            &["imageMogr2/strip"; 11].join("|"),
        ] {
            let failure = Rule::parse(text).unwrap_err();
            assert!(matches!(failure, Failure::Argument(_)), "{text}: {failure:?}");
        }
    }

    #[test]
    fn what_nothing_here_does() {
        for text in [
            "",
            "|",
            "watermark/2/text/YQ",
            "imageView2/1/w/100",
            "imageMogr2/thumbnail/!50p|watermark/2/text/YQ",
            "imageMogr2/rotate/45",
            "imageMogr2/crop/300x400",
            "imageMogr2/thumbnail/300x/gravity/center",
            "imageMogr2/thumbnail/600x600/pad/1",
            "imageMogr2/format/webp",
            "imageMogr2/format/JPG",
            "imageMogr2/Thumbnail/300x",
            "imagemogr2/thumbnail/300x",
            "imageMogr2/blur/1x1",
            "imageInfo",
            "style/test",
        ] {
            let failure = Rule::parse(text).unwrap_err();
            assert!(matches!(failure, Failure::Unsupported(_)), "{text}: {failure:?}");
        }
    }
}
