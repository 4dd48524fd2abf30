//! `x-cos-copy-source`: which object a copy is made of.
//! <https://www.tencentcloud.com/document/product/436/10881>

use http::{HeaderMap, StatusCode};
use tencent::names::{Bucket, Region};

use super::ask::Address;
use super::error::CosError;
use super::host::{self, Home};

/// The source of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopySource {
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
    pub(crate) key: String,
}

impl CopySource {
    /// The source that the headers name: `<bucket>.cos.<region>.myqcloud.com/<percent-encoded key>`, or any other host of a bucket.
    /// `None` when there is no such header.
    pub(crate) fn of(headers: &HeaderMap, home: &Home) -> Option<Result<Self, CosError>> {
        let header = headers.get("x-cos-copy-source")?;
        Some(
            header
                .to_str()
                .map_err(|_| invalid("it is not ASCII: percent-encode the key"))
                .and_then(|text| Self::parse(text, home)),
        )
    }

    fn parse(text: &str, home: &Home) -> Result<Self, CosError> {
        let text = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"))
            .unwrap_or(text);
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if !query.is_empty() {
            return Err(invalid("this cloud keeps no versions"));
        }
        let host_end = path
            .find('/')
            .ok_or_else(|| invalid("a host and a key belong in it"))?;
        let (host, path) = path
            .split_at_checked(host_end)
            .ok_or_else(|| invalid("a host and a key belong in it"))?;
        match host::address(host, path, home).map_err(|_| invalid("it names no bucket"))? {
            Address::Bucket {
                bucket,
                region,
                key,
            } if !key.is_empty() => Ok(Self {
                bucket,
                region,
                key,
            }),
            Address::Bucket { .. } | Address::Service => Err(invalid("it names no object")),
        }
    }
}

fn invalid(reason: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "InvalidCopySource",
        "The x-cos-copy-source is invalid.",
    )
    .because(format!("x-cos-copy-source: {reason}"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use tencent::names::{Bucket, Region};

    use super::{CopySource, Home};

    fn source(text: &'static str) -> Result<CopySource, &'static str> {
        let home = Home {
            bucket: Bucket::parse("home-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-cos-copy-source", HeaderValue::from_static(text));
        CopySource::of(&headers, &home)
            .unwrap()
            .map_err(|error| error.code)
    }

    #[test]
    fn hosts_with_a_key() {
        for text in [
            "b-1250000000.cos.ap-beijing.myqcloud.com/a%20b/%E4%B8%AD",
            "https://b-1250000000.cos.ap-beijing.myqcloud.com/a%20b/%E4%B8%AD",
        ] {
            let found = source(text).unwrap();
            assert_eq!(found.bucket.as_str(), "b-1250000000");
            assert_eq!(found.region.as_str(), "ap-beijing");
            assert_eq!(found.key, "a b/中");
        }
        assert_eq!(source("127.0.0.1:80/b-1250000000/k").unwrap().key, "k");
    }

    #[test]
    fn refusals() {
        for text in [
            "",
            "key",
            "/key",
            "/b-1250000000/key",
            "b-1250000000.cos.ap-beijing.myqcloud.com",
            "b-1250000000.cos.ap-beijing.myqcloud.com/",
            "b-1250000000.cos.ap-beijing.myqcloud.com/%zz",
            "b-1250000000.cos.ap-beijing.myqcloud.com/k?versionId=1",
            "example.com/key",
            "service.cos.myqcloud.com/",
        ] {
            assert_eq!(source(text), Err("InvalidCopySource"), "{text}");
        }
    }
}
