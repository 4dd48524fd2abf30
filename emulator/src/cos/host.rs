//! Which bucket a host and a path name.
//!
//! | host | means |
//! |---|---|
//! | `<bucket>.cos.<region>.myqcloud.com`, `.tencentcos.cn`, and `cos-internal` in place of `cos` | the bucket (documented: <https://www.tencentcloud.com/document/product/436/6224>) |
//! | `service.cos.myqcloud.com`, `cos.<region>.myqcloud.com` | the service, or path-style |
//! | `<bucket>.cos.<region>.localhost` | the bucket, by a name that resolves to loopback |
//! | `<bucket>.cos.localhost`, `<bucket>.localhost` | the bucket in this account's region |
//! | `service.cos.localhost`, `cos.<region>.localhost`, `localhost` | the service, or path-style |
//! | `127.0.0.1` | path-style; without a bucket in the path, this account's own bucket |
//!
//! Deviations, for clients that cannot be given a bucket's host: path-style works for every bucket (COS refuses it for those made
//! since 2024), and the bare address stands for one bucket. A first segment of the form `<name>-<appid>` is always a bucket there.
//!
//! Promises: a host that is not in the table is refused, never guessed; a key is decoded once and is UTF-8.
//! Leaves out: acceleration, websites, custom domains.

use http::StatusCode;
use tencent::names::{Bucket, Region};

use super::ask::Address;
use super::error::CosError;
use crate::account::Account;

/// What stands in for a name that a host leaves out.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) bucket: Bucket,
    pub(crate) region: Region,
}

impl Home {
    /// The account's own bucket and region; `None` when they are not of the form that COS has.
    pub(crate) fn of(account: &Account) -> Option<Self> {
        Some(Self {
            bucket: Bucket::parse(&account.bucket).ok()?,
            region: Region::parse(&account.region).ok()?,
        })
    }
}

/// Where a request with this `Host` header and this percent-encoded path points.
pub(crate) fn address(host: &str, path: &str, home: &Home) -> Result<Address, CosError> {
    let named = Named::by(host, home).ok_or_else(|| unknown(host))?;
    let path = path
        .strip_prefix('/')
        .ok_or_else(|| invalid_uri("the path does not begin with `/`"))?;
    let path = key_of(path)?;
    let (region, fallback) = match named {
        Named::Bucket { bucket, region } => {
            return Ok(Address::Bucket {
                bucket,
                region,
                key: path,
            });
        }
        Named::Service { .. } if path.is_empty() => return Ok(Address::Service),
        Named::Service { region } => (region.unwrap_or_else(|| home.region.clone()), None),
        Named::Bare => (home.region.clone(), Some(home.bucket.clone())),
    };
    let (first, rest) = path.split_once('/').unwrap_or((&path, ""));
    if let Ok(bucket) = Bucket::parse(first) {
        let key = rest.to_owned();
        return Ok(Address::Bucket {
            bucket,
            region,
            key,
        });
    }
    let bucket = fallback.ok_or_else(|| {
        invalid_uri(
            "this is a service host: the path has to begin with a bucket, `/<name>-<appid>/<key>`",
        )
    })?;
    Ok(Address::Bucket {
        bucket,
        region,
        key: path,
    })
}

/// The region that a service host is limited to.
pub(crate) fn service_region(host: &str, home: &Home) -> Option<Region> {
    match Named::by(host, home)? {
        Named::Service { region } => region,
        Named::Bucket { .. } | Named::Bare => None,
    }
}

/// What a host alone says.
enum Named {
    Bucket { bucket: Bucket, region: Region },
    Service { region: Option<Region> },
    Bare,
}

impl Named {
    fn by(host: &str, home: &Home) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return None,
            None => &host,
        };
        if name == "127.0.0.1" {
            return Some(Self::Bare);
        }
        if name == "localhost" {
            return Some(Self::Service { region: None });
        }
        if let Some(rest) = name.strip_suffix(".localhost") {
            return Self::of_domain(rest).or_else(|| Self::of_home(rest, home));
        }
        DOMAINS
            .iter()
            .find_map(|domain| name.strip_suffix(domain))
            .and_then(Self::of_domain)
    }

    /// The part before the domain, with its region.
    fn of_domain(rest: &str) -> Option<Self> {
        let labels: Vec<&str> = rest.split('.').collect();
        match labels.as_slice() {
            ["service", "cos"] => Some(Self::Service { region: None }),
            ["cos", region] | ["service", "cos", region] => Some(Self::Service {
                region: Some(Region::parse(region).ok()?),
            }),
            [bucket, "cos" | "cos-internal", region] => Some(Self::Bucket {
                bucket: Bucket::parse(bucket).ok()?,
                region: Region::parse(region).ok()?,
            }),
            _ => None,
        }
    }

    /// A name under `localhost` that leaves the region out.
    fn of_home(rest: &str, home: &Home) -> Option<Self> {
        if rest == "cos" {
            return Some(Self::Service { region: None });
        }
        let bucket = rest.strip_suffix(".cos").unwrap_or(rest);
        Some(Self::Bucket {
            bucket: Bucket::parse(bucket).ok()?,
            region: home.region.clone(),
        })
    }
}

const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

/// A percent-encoded path as a key: every `%` begins a valid escape, and the bytes are UTF-8.
pub(crate) fn key_of(path: &str) -> Result<String, CosError> {
    let broken = path.split('%').skip(1).any(|escape| {
        let digits = escape.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(invalid_uri("a `%` in the path begins no valid escape"));
    }
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| invalid_uri("the path is not UTF-8"))
}

fn invalid_uri(reason: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "InvalidURI",
        "Could not parse the specified URI.",
    )
    .because(reason)
}

/// Inferred: COS treats a host that is not its own as a custom domain, and refuses one that no bucket has.
fn unknown(host: &str) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "UserCnameInvalid",
        "The custom domain name is not bound to a bucket.",
    )
    .because(format!("this cloud has no host `{host}`"))
}

#[cfg(test)]
mod tests {
    use tencent::names::{Bucket, Region};

    use super::{Address, Home, address, service_region};

    fn home() -> Home {
        Home {
            bucket: Bucket::parse("home-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
        }
    }

    /// `bucket region key`, `service`, or the error's code.
    fn told(host: &str, path: &str) -> String {
        match address(host, path, &home()) {
            Ok(Address::Service) => "service".to_owned(),
            Ok(Address::Bucket {
                bucket,
                region,
                key,
            }) => format!("{} {} {key}", bucket.as_str(), region.as_str()),
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
            assert_eq!(told(host, "/a/b"), "b-1250000000 ap-beijing a/b", "{host}");
        }
        for host in ["b-1250000000.cos.localhost", "b-1250000000.localhost:80"] {
            assert_eq!(told(host, "/"), "b-1250000000 ap-guangzhou ", "{host}");
        }
    }

    #[test]
    fn hosts_of_the_service_and_path_style() {
        for (host, region) in [
            ("service.cos.myqcloud.com", None),
            ("cos.ap-beijing.myqcloud.com", Some("ap-beijing")),
            ("service.cos.ap-beijing.myqcloud.com", Some("ap-beijing")),
            ("service.cos.localhost:3", None),
            ("cos.ap-beijing.localhost", Some("ap-beijing")),
            ("cos.localhost", None),
            ("localhost:18081", None),
        ] {
            assert_eq!(told(host, "/"), "service", "{host}");
            let region = region.unwrap_or("ap-guangzhou");
            assert_eq!(
                told(host, "/b-1250000000/a%20b/"),
                format!("b-1250000000 {region} a b/"),
                "{host}"
            );
            assert_eq!(
                told(host, "/b-1250000000"),
                format!("b-1250000000 {region} ")
            );
            assert_eq!(told(host, "/no-bucket/key"), "InvalidURI", "{host}");
        }
        let region = service_region("cos.ap-beijing.myqcloud.com", &home()).unwrap();
        assert_eq!(region.as_str(), "ap-beijing");
        assert!(service_region("localhost", &home()).is_none());
        assert!(service_region("127.0.0.1:1", &home()).is_none());
    }

    #[test]
    fn the_bare_address_is_path_style_or_the_accounts_own_bucket() {
        let own = "home-1250000000 ap-guangzhou";
        assert_eq!(told("127.0.0.1:8000", "/"), format!("{own} "));
        assert_eq!(told("127.0.0.1:8000", "/a/b"), format!("{own} a/b"));
        assert_eq!(told("127.0.0.1", "//a"), format!("{own} /a"));
        assert_eq!(
            told("127.0.0.1:8000", "/b-1250000000/a"),
            "b-1250000000 ap-guangzhou a"
        );
    }

    #[test]
    fn a_host_that_nobody_listed_is_refused() {
        for host in [
            "",
            "example.com",
            "127.0.0.2",
            "127.0.0.1.example.com",
            "127.0.0.1:80:80",
            "127.0.0.1:x",
            "[::1]:80",
            "b-1250000000.cos.ap-beijing.myqcloud.com.",
            "b-1250000000.cos.ap-beijing.myqcloud.com.example.com",
            "b-1250000000.cos.accelerate.myqcloud.com",
            "b-1250000000.cos-website.ap-beijing.myqcloud.com",
            "b-1250000000.ci.ap-beijing.myqcloud.com",
            "b.cos.ap-beijing.myqcloud.com",
            "x.b-1250000000.cos.ap-beijing.myqcloud.com",
            "cos.beijing.myqcloud.com",
            "b.localhost",
            "sts.tencentcloudapi.com",
        ] {
            assert_eq!(told(host, "/"), "UserCnameInvalid", "{host}");
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
            assert_eq!(told(host, path), format!("{place} {key}"), "{path}");
        }
        for path in ["/%", "/%4", "/%zz", "/%E4%B8", "/%ff", "*", "", "a"] {
            assert_eq!(told(host, path), "InvalidURI", "{path}");
        }
    }
}
