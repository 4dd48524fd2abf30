//! `x-cos-copy-source`: the object that a copy reads.
//! <https://www.tencentcloud.com/document/product/436/10881>

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::address::{Address, ObjectAddress};
use super::virtual_host::{DefaultBucket, PathStyle};
use crate::cos::error::{self, CosError};

/// The object that a copy reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopySource {
    pub(crate) object: ObjectAddress,
    /// `None` for the object itself.
    pub(crate) version_id: Option<String>,
}

/// The header that makes an upload a copy.
pub(crate) const COPY_SOURCE: &str = "x-cos-copy-source";

/// The source that the headers name: `<bucket>.cos.<region>.myqcloud.com/<percent-encoded key>`, or
/// any other host of a bucket, and `?versionId=` after it. `None` without the header.
pub(crate) fn copy_source(
    headers: &HeaderMap,
    default_bucket: &DefaultBucket,
) -> Option<Result<CopySource, CosError>> {
    let header = headers.get(COPY_SOURCE)?;
    let text = header.to_str().map_err(|_| invalid("must be ASCII: percent-encode the key"));
    Some(text.and_then(|text| parse(text, default_bucket)))
}

fn parse(text: &str, default_bucket: &DefaultBucket) -> Result<CopySource, CosError> {
    let text =
        text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let version_id = match query.strip_prefix("versionId=") {
        None if query.is_empty() => None,
        Some(id) if !id.contains('&') => {
            Some(percent_decode_str(id).decode_utf8_lossy().into_owned())
                .filter(|id| !id.is_empty())
        }
        Some(_) | None => return Err(invalid("must have no parameter but versionId")),
    };
    let (host, path) = path
        .find('/')
        .and_then(|host_end| path.split_at_checked(host_end))
        .ok_or_else(|| invalid("must be a host and a key"))?;
    match Address::parse(host, path, default_bucket, PathStyle::OnLoopback) {
        Ok(Address::Object(object)) => Ok(CopySource { object, version_id }),
        Ok(Address::Bucket(_) | Address::Website(..) | Address::Service) => {
            Err(invalid("must name an object"))
        }
        Err(_) => Err(invalid("must begin with the host of a bucket")),
    }
}

fn invalid(reason: &str) -> CosError {
    error::invalid_copy_source().because(format!("x-cos-copy-source: {reason}"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use tencent::names::{Bucket, Region};

    use super::{CopySource, DefaultBucket, copy_source};
    use crate::cos::http::virtual_host::BucketAddress;

    fn source(text: &'static str) -> Result<CopySource, &'static str> {
        let default_bucket = DefaultBucket(BucketAddress {
            name: Bucket::parse("home-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
        });
        let mut headers = HeaderMap::new();
        headers.insert("x-cos-copy-source", HeaderValue::from_static(text));
        copy_source(&headers, &default_bucket).unwrap().map_err(|error| error.code)
    }

    #[test]
    fn hosts_with_a_key() {
        for text in [
            "b-1250000000.cos.ap-beijing.myqcloud.com/a%20b/%E4%B8%AD",
            "https://b-1250000000.cos.ap-beijing.myqcloud.com/a%20b/%E4%B8%AD",
        ] {
            let found = source(text).unwrap().object;
            assert_eq!(found.bucket.name.as_str(), "b-1250000000");
            assert_eq!(found.bucket.region.as_str(), "ap-beijing");
            assert_eq!(found.key, "a b/中");
        }
        assert_eq!(source("127.0.0.1:80/b-1250000000/k").unwrap().object.key, "k");
        for (query, id) in
            [("?versionId=MTg0%3D", Some("MTg0=")), ("?versionId=", None), ("?", None)]
        {
            let text = format!("b-1250000000.cos.ap-beijing.myqcloud.com/k{query}").leak();
            assert_eq!(source(text).unwrap().version_id.as_deref(), id, "{query}");
        }
    }

    #[test]
    fn refusals() {
        let texts = "key /key /b-1250000000/key b-1250000000.cos.ap-beijing.myqcloud.com \
            b-1250000000.cos.ap-beijing.myqcloud.com/ \
            b-1250000000.cos.ap-beijing.myqcloud.com/%zz \
            b-1250000000.cos.ap-beijing.myqcloud.com/k?versionId=1&x=2 \
            b-1250000000.cos.ap-beijing.myqcloud.com/k?x=1 example.com/key \
            service.cos.myqcloud.com/";
        for text in texts.split(' ').chain([""]) {
            assert_eq!(source(text), Err("InvalidCopySource"), "{text}");
        }
    }
}
