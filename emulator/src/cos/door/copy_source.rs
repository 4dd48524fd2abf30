//! The source of a copy: `x-cos-copy-source: <bucket>.cos.<region>.myqcloud.com/<percent-encoded key>`.
//! <https://www.tencentcloud.com/document/product/436/10881>
//!
//! Leaves out: sources by another host, which are refused.

use cos_issuer::cam::{Bucket, Region};
use percent_encoding::percent_decode_str;

use super::super::ask::Ask;
use super::super::error::CosError;
use super::refusal;

/// Bucket, region and key of the source.
pub(super) fn of(ask: &Ask) -> Result<(Bucket, Region, String), CosError> {
    let text = ask.header("x-cos-copy-source").unwrap_or_default();
    parse(text)
        .ok_or_else(|| refusal::copy_source("x-cos-copy-source is no host of a bucket and a key"))
}

fn parse(text: &str) -> Option<(Bucket, Region, String)> {
    let (host, key) = text.split_once('/')?;
    let (bucket, rest) = host.split_once(".cos.")?;
    let region = rest.strip_suffix(".myqcloud.com")?;
    let key = percent_decode_str(key).decode_utf8().ok()?.into_owned();
    if key.is_empty() || text.contains('?') {
        return None;
    }
    Some((
        Bucket::parse(bucket).ok()?,
        Region::parse(region).ok()?,
        key,
    ))
}
