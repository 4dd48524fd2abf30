//! The bucket or object that a host and a path name.
//!
//! Deviations, for clients that cannot use a bucket's host: path-style works on `127.0.0.1` and
//! `localhost` (COS rejects it for buckets created since 2024), and the bare address is one
//! bucket. A first segment of the form `<name>-<appid>` is always a bucket there.
//!
//! # Guarantees
//!
//! A key is decoded once and is UTF-8.

use super::virtual_host::{BucketAddress, DefaultBucket, PathStyle, VirtualHost, bucket_of};
use crate::cos::error::{self, CosError};

/// Where a request points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The service host: no bucket.
    Service,
    Bucket(BucketAddress),
    Object(ObjectAddress),
    /// The website of a bucket, and the path on it.
    Website(BucketAddress, String),
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectAddress {
    pub(crate) bucket: BucketAddress,
    /// Decoded, without the leading `/`; never empty.
    pub(crate) key: String,
}

impl Address {
    /// Where a request with this `Host` header and this percent-encoded path points.
    pub(crate) fn parse(
        host: &str,
        path: &str,
        default_bucket: &DefaultBucket,
        path_style: PathStyle,
    ) -> Result<Self, CosError> {
        let host = VirtualHost::parse(host, default_bucket)?;
        let path = path
            .strip_prefix('/')
            .ok_or_else(|| error::invalid_uri().because("path: must begin with `/`"))?;
        let path = decode_key(path)?;
        let own = default_bucket.0.clone();
        match host {
            VirtualHost::Bucket(bucket) => return Ok(Self::of(bucket, &path)),
            VirtualHost::Website(bucket) => return Ok(Self::Website(bucket, path)),
            VirtualHost::Service { .. } | VirtualHost::Localhost if path.is_empty() => {
                return Ok(Self::Service);
            }
            VirtualHost::Service { .. } => return Err(path_style_forbidden()),
            VirtualHost::Localhost | VirtualHost::Loopback => {}
        }
        let (first, rest) = path.split_once('/').unwrap_or((&path, ""));
        match (bucket_of(first)?, host) {
            (Some(_), _) if path_style == PathStyle::Never => Err(path_style_forbidden()),
            (Some(name), _) => Ok(Self::of(BucketAddress { name, ..own }, rest)),
            (None, VirtualHost::Loopback) => Ok(Self::of(own, &path)),
            (None, _) => Err(error::invalid_uri()
                .because("path: must begin with a bucket on `localhost`: `/<name>-<appid>/<key>`")),
        }
    }

    fn of(bucket: BucketAddress, key: &str) -> Self {
        if key.is_empty() {
            return Self::Bucket(bucket);
        }
        let key = key.to_owned();
        Self::Object(ObjectAddress { bucket, key })
    }

    /// The bucket; `None` for the service itself.
    pub(crate) fn bucket(&self) -> Option<&BucketAddress> {
        match self {
            Self::Service => None,
            Self::Bucket(bucket)
            | Self::Website(bucket, _)
            | Self::Object(ObjectAddress { bucket, .. }) => Some(bucket),
        }
    }

    /// The key; empty unless an object is addressed.
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Service | Self::Bucket(_) => "",
            Self::Object(object) => &object.key,
            Self::Website(_, path) => path,
        }
    }
}

/// Decodes a path. Every `%` must begin a valid escape, and the bytes must be UTF-8.
pub(crate) fn decode_key(path: &str) -> Result<String, CosError> {
    let broken = path.split('%').skip(1).any(|escape| {
        let digits = escape.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(error::invalid_uri().because("path: each `%` must begin a valid escape"));
    }
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| error::invalid_uri().because("path: must be UTF-8"))
}

fn path_style_forbidden() -> CosError {
    error::path_style_forbidden().because(
        "host: must be that of the bucket, for example \
         examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com, without a bucket in the path",
    )
}

#[cfg(test)]
mod tests {
    use tencent::names::{Bucket, Region};

    use super::{Address, BucketAddress, DefaultBucket, PathStyle};
    use crate::cos::http::virtual_host::service_region;

    fn default_bucket() -> DefaultBucket {
        DefaultBucket(BucketAddress {
            name: Bucket::parse("home-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
        })
    }

    /// `bucket region key`, `service`, or the error's code.
    fn shown(host: &str, path: &str) -> String {
        shown_with(host, path, PathStyle::OnLoopback)
    }

    fn shown_with(host: &str, path: &str, path_style: PathStyle) -> String {
        match Address::parse(host, path, &default_bucket(), path_style) {
            Ok(address) => match address.bucket() {
                None => "service".to_owned(),
                Some(BucketAddress { name, region }) => {
                    format!("{} {} {}", name.as_str(), region.as_str(), address.key())
                }
            },
            Err(error) => error.code.to_owned(),
        }
    }

    #[test]
    fn hosts_that_name_a_bucket() {
        for host in [
            "b-1250000000.cos.ap-beijing.myqcloud.com",
            "b-1250000000.cos.ap-beijing.myqcloud.com:8080",
            "B-1250000000.COS.ap-beijing.myqcloud.com",
            "b-1250000000.cos.ap-beijing.tencentcos.cn",
            "b-1250000000.cos-internal.ap-beijing.tencentcos.cn",
            "b-1250000000.cos.ap-beijing.localhost:1",
        ] {
            assert_eq!(shown(host, "/a/b"), "b-1250000000 ap-beijing a/b", "{host}");
        }
        for host in ["b-1250000000.cos.localhost", "b-1250000000.localhost:80"] {
            assert_eq!(shown(host, "/"), "b-1250000000 ap-guangzhou ", "{host}");
        }
    }

    #[test]
    fn hosts_that_name_a_website() {
        for host in [
            "b-1250000000.cos-website.ap-beijing.myqcloud.com",
            "b-1250000000.cos-website.ap-beijing.tencentcos.cn:8080",
            "b-1250000000.cos-website.ap-beijing.localhost:1",
        ] {
            let address = Address::parse(host, "/a/", &default_bucket(), PathStyle::Never);
            let Ok(Address::Website(bucket, path)) = address else { panic!("{host}") };
            assert_eq!((bucket.name.as_str(), path.as_str()), ("b-1250000000", "a/"));
        }
    }

    #[test]
    fn path_style_is_only_for_loopback() {
        let forbidden = "PathStyleDomainForbidden";
        for host in [
            "service.cos.myqcloud.com",
            "cos.ap-beijing.myqcloud.com",
            "cos.ap-beijing.tencentcos.cn",
            "service.cos.ap-beijing.myqcloud.com",
            "service.cos.localhost:3",
            "cos.ap-beijing.localhost",
            "cos.localhost",
        ] {
            assert_eq!(shown(host, "/"), "service", "{host}");
            for path in ["/b-1250000000/a", "/b-1250000000", "/no-bucket/key"] {
                assert_eq!(shown(host, path), forbidden, "{host}{path}");
            }
        }
        let own = "b-1250000000 ap-guangzhou";
        for host in ["localhost:18081", "127.0.0.1"] {
            assert_eq!(shown(host, "/b-1250000000/a%20b/"), format!("{own} a b/"));
            assert_eq!(shown(host, "/b-1250000000"), format!("{own} "));
            for path in ["/b-1250000000/a", "/b-1250000000"] {
                assert_eq!(shown_with(host, path, PathStyle::Never), forbidden);
            }
        }
        assert_eq!(shown("localhost", "/"), "service");
        assert_eq!(shown("localhost", "/no-bucket/key"), "InvalidURI");
        let own = shown_with("127.0.0.1", "/a/b", PathStyle::Never);
        assert_eq!(own, "home-1250000000 ap-guangzhou a/b");
        let region = service_region("cos.ap-beijing.myqcloud.com", &default_bucket()).unwrap();
        assert_eq!(region.as_str(), "ap-beijing");
        assert!(service_region("localhost", &default_bucket()).is_none());
        assert!(service_region("127.0.0.1:1", &default_bucket()).is_none());
    }

    #[test]
    fn a_bucket_that_is_too_long_is_refused_about_its_name() {
        let name = |length: usize| format!("{}-1250000000", "b".repeat(length - 11));
        let host = |length| format!("{}.cos.ap-beijing.myqcloud.com", name(length));
        assert_eq!(shown(&host(50), "/"), format!("{} ap-beijing ", name(50)));
        for (host, path) in [
            (host(51), "/".to_owned()),
            (format!("{}.cos.localhost", name(52)), "/a".to_owned()),
            ("127.0.0.1".to_owned(), format!("/{}/a", name(51))),
            ("localhost".to_owned(), format!("/{}", name(51))),
        ] {
            assert_eq!(shown(&host, &path), "InvalidBucketName", "{host}{path}");
        }
    }

    #[test]
    fn the_bare_address_is_path_style_or_the_accounts_own_bucket() {
        let own = "home-1250000000 ap-guangzhou";
        assert_eq!(shown("127.0.0.1:8000", "/"), format!("{own} "));
        assert_eq!(shown("127.0.0.1:8000", "/a/b"), format!("{own} a/b"));
        assert_eq!(shown("127.0.0.1", "//a"), format!("{own} /a"));
        assert_eq!(shown("127.0.0.1:8000", "/b-1250000000/a"), "b-1250000000 ap-guangzhou a");
    }

    #[test]
    fn a_host_that_nobody_listed_is_refused() {
        let hosts = "example.com 127.0.0.2 127.0.0.1.example.com 127.0.0.1:80:80 127.0.0.1:x \
            [::1]:80 b-1250000000.cos.ap-beijing.myqcloud.com. \
            b-1250000000.cos.ap-beijing.myqcloud.com.example.com \
            b-1250000000.cos.accelerate.myqcloud.com \
            b-1250000000.ci.ap-beijing.myqcloud.com b.cos.ap-beijing.myqcloud.com \
            x.b-1250000000.cos.ap-beijing.myqcloud.com cos.beijing.myqcloud.com b.localhost \
            sts.tencentcloudapi.com";
        for host in hosts.split(' ').chain([""]) {
            assert_eq!(shown(host, "/"), "UserCnameInvalid", "{host}");
        }
    }

    #[test]
    fn keys_are_decoded_once_and_strictly() {
        let host = "b-1250000000.cos.localhost";
        let place = "b-1250000000 ap-guangzhou";
        for (path, key) in [
            ("/%E4%B8%AD%20%E6%96%87%2B1.txt", "中 文+1.txt"),
            ("/%252e", "%2e"),
            ("/a/../b", "a/../b"),
            ("/a+b", "a+b"),
            ("/%2f", "/"),
        ] {
            assert_eq!(shown(host, path), format!("{place} {key}"), "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/%E4%B8", "/%ff", "*", "", "a"] {
            assert_eq!(shown(host, path), "InvalidURI", "{path}");
        }
    }
}
