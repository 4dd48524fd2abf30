//! The bucket or service that a `Host` header names.
//!
//! | host | meaning |
//! |---|---|
//! | `<bucket>.cos.<region>.myqcloud.com`, `.tencentcos.cn`, and `cos-internal` in place of `cos` | the bucket (documented: <https://www.tencentcloud.com/document/product/436/6224>) |
//! | `service.cos.myqcloud.com`, `cos.<region>.myqcloud.com` | the service, or path-style |
//! | `<bucket>.cos.<region>.localhost` | the bucket, by a name that resolves to loopback |
//! | `<bucket>.cos.localhost`, `<bucket>.localhost` | the bucket in this account's region |
//! | `service.cos.localhost`, `cos.<region>.localhost`, `localhost` | the service, or path-style |
//! | `127.0.0.1` | path-style; without a bucket in the path, this account's own bucket |
//!
//! # Guarantees
//!
//! A host that is not in the table is rejected, never guessed.
//!
//! # Not covered
//!
//! Acceleration, websites, custom domains.

use tencent::names::{Bucket, Region};

use crate::account::Account;

/// A bucket, and the region that the request expects it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketAddress {
    pub(crate) name: Bucket,
    pub(crate) region: Region,
}

/// The bucket and region of a request whose host omits them.
#[derive(Clone, Debug)]
pub(crate) struct DefaultBucket(pub(crate) BucketAddress);

impl DefaultBucket {
    /// The account's own bucket; `None` when its name or region is malformed.
    pub(crate) fn of(account: &Account) -> Option<Self> {
        Some(Self(BucketAddress {
            name: Bucket::parse(&account.bucket).ok()?,
            region: Region::parse(&account.region).ok()?,
        }))
    }
}

/// The region that a service host is limited to.
pub(crate) fn service_region(host: &str, default_bucket: &DefaultBucket) -> Option<Region> {
    match VirtualHost::parse(host, default_bucket)? {
        VirtualHost::Service { region } => region,
        VirtualHost::Bucket(_) | VirtualHost::Loopback => None,
    }
}

/// The meaning of a host without its path.
pub(super) enum VirtualHost {
    Bucket(BucketAddress),
    Service {
        region: Option<Region>,
    },
    /// The loopback address.
    Loopback,
}

impl VirtualHost {
    pub(super) fn parse(host: &str, default_bucket: &DefaultBucket) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return None,
            None => &host,
        };
        if name == "127.0.0.1" {
            return Some(Self::Loopback);
        }
        if name == "localhost" {
            return Some(Self::Service { region: None });
        }
        if let Some(rest) = name.strip_suffix(".localhost") {
            return Self::of_domain(rest).or_else(|| Self::of_localhost(rest, default_bucket));
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
            [bucket, "cos" | "cos-internal", region] => Some(Self::Bucket(BucketAddress {
                name: Bucket::parse(bucket).ok()?,
                region: Region::parse(region).ok()?,
            })),
            _ => None,
        }
    }

    /// A name under `localhost` without a region.
    fn of_localhost(rest: &str, default_bucket: &DefaultBucket) -> Option<Self> {
        if rest == "cos" {
            return Some(Self::Service { region: None });
        }
        let bucket = rest.strip_suffix(".cos").unwrap_or(rest);
        Some(Self::Bucket(BucketAddress {
            name: Bucket::parse(bucket).ok()?,
            region: default_bucket.0.region.clone(),
        }))
    }
}

const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];
