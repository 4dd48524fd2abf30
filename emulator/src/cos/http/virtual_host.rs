//! The bucket or service that a `Host` header names.
//!
//! | host | meaning |
//! |---|---|
//! | `<bucket>.cos.<region>.myqcloud.com`, `.tencentcos.cn`, and `cos-internal` in place of `cos` | the bucket (documented: <https://www.tencentcloud.com/document/product/436/6224>) |
//! | `<bucket>.cos-website.<region>.myqcloud.com`, also under `localhost` | the website of the bucket (documented: <https://www.tencentcloud.com/document/product/436/14984>) |
//! | `service.cos.myqcloud.com`, `cos.<region>.myqcloud.com` | the service |
//! | `<bucket>.cos.<region>.localhost` | the bucket, by a name that resolves to loopback |
//! | `<bucket>.cos.localhost`, `<bucket>.localhost` | the bucket in this account's region |
//! | `service.cos.localhost`, `cos.<region>.localhost` | the service |
//! | `localhost` | the service, or path-style |
//! | `127.0.0.1` | path-style; without a bucket in the path, this account's own bucket |
//!
//! # Guarantees
//!
//! A host that is not in the table is rejected, never guessed.
//!
//! # Not covered
//!
//! Acceleration, custom domains.

use tencent::names::{Bucket, BucketError, Region};

use crate::account::Account;
use crate::cos::error::{self, CosError};

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
    match VirtualHost::parse(host, default_bucket).ok()? {
        VirtualHost::Service { region } => region,
        VirtualHost::Bucket(_)
        | VirtualHost::Website(_)
        | VirtualHost::Localhost
        | VirtualHost::Loopback => None,
    }
}

/// Where the path may begin with the bucket. COS rejects it for buckets created since 2024.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PathStyle {
    /// On `127.0.0.1` and `localhost`, for clients that cannot use a bucket's host.
    #[default]
    OnLoopback,
    Never,
}

/// The bucket that a label of a host or a segment of a path names; an error if it is too long.
pub(super) fn bucket_of(label: &str) -> Result<Option<Bucket>, CosError> {
    match Bucket::parse(label) {
        Ok(bucket) => Ok(Some(bucket)),
        Err(BucketError::Long) => Err(error::invalid_bucket_name().because(format!(
            "bucket: must have at most 50 characters with the appid; `{label}` has {}",
            label.len()
        ))),
        Err(BucketError::Name | BucketError::NoAppid) => Ok(None),
    }
}

/// The meaning of a host without its path.
pub(super) enum VirtualHost {
    Bucket(BucketAddress),
    Website(BucketAddress),
    Service {
        region: Option<Region>,
    },
    Localhost,
    /// The loopback address.
    Loopback,
}

impl VirtualHost {
    pub(super) fn parse(host: &str, default_bucket: &DefaultBucket) -> Result<Self, CosError> {
        Self::find(host, default_bucket)?.ok_or_else(|| unknown_host(host))
    }

    fn find(host: &str, default_bucket: &DefaultBucket) -> Result<Option<Self>, CosError> {
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return Ok(None),
            None => &host,
        };
        if name == "127.0.0.1" {
            return Ok(Some(Self::Loopback));
        }
        if name == "localhost" {
            return Ok(Some(Self::Localhost));
        }
        if let Some(rest) = name.strip_suffix(".localhost") {
            return match Self::of_domain(rest)? {
                Some(found) => Ok(Some(found)),
                None => Self::of_localhost(rest, default_bucket),
            };
        }
        let rest = DOMAINS.iter().find_map(|domain| name.strip_suffix(domain));
        rest.map_or(Ok(None), Self::of_domain)
    }

    /// The part before the domain, with its region.
    fn of_domain(rest: &str) -> Result<Option<Self>, CosError> {
        let labels: Vec<&str> = rest.split('.').collect();
        Ok(match labels.as_slice() {
            ["service", "cos"] => Some(Self::Service { region: None }),
            ["cos", region] | ["service", "cos", region] => match Region::parse(region) {
                Ok(region) => Some(Self::Service { region: Some(region) }),
                Err(_) => None,
            },
            [bucket, service @ ("cos" | "cos-internal" | "cos-website"), region] => {
                let Ok(region) = Region::parse(region) else { return Ok(None) };
                let address = bucket_of(bucket)?.map(|name| BucketAddress { name, region });
                address.map(|address| match *service {
                    "cos-website" => Self::Website(address),
                    _ => Self::Bucket(address),
                })
            }
            _ => None,
        })
    }

    /// A name under `localhost` without a region.
    fn of_localhost(rest: &str, default_bucket: &DefaultBucket) -> Result<Option<Self>, CosError> {
        if rest == "cos" {
            return Ok(Some(Self::Service { region: None }));
        }
        let region = default_bucket.0.region.clone();
        let bucket = bucket_of(rest.strip_suffix(".cos").unwrap_or(rest))?;
        Ok(bucket.map(|name| Self::Bucket(BucketAddress { name, region })))
    }
}

/// Inferred: COS takes any other host for a custom domain, and rejects one that no bucket has.
fn unknown_host(host: &str) -> CosError {
    error::unknown_host().because(format!("host: `{host}` is not a host of the emulator"))
}

const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];
