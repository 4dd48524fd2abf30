//! Buckets: the list of them, making and removing them, and what is known of each.

use http::{HeaderName, StatusCode};
use tencent::names::Bucket;

use super::{Outcome, Service};
use crate::cos::admission::Admitted;
use crate::cos::answer;
use crate::cos::ask::{Address, Ask};
use crate::cos::error::{CosError, malformed_xml};
use crate::cos::metadata::{Metadata, invalid_argument};
use crate::cos::payload::Payload;
use crate::cos::store::no_such_bucket;
use crate::cos::{host, xml};

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/8291>
    pub(super) fn list_buckets(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        for name in ["tagkey", "tagvalue", "create-time", "range"] {
            if ask.parameter(name).is_some_and(|value| !value.is_empty()) {
                return Err(CosError::new(
                    StatusCode::NOT_IMPLEMENTED,
                    "NotImplemented",
                    "A parameter you provided implies functionality that is not implemented.",
                )
                .because(format!("this cloud does not select buckets by {name}")));
            }
        }
        let asked = ask.parameter("region").filter(|region| !region.is_empty());
        let limited = host::service_region(&ask.host, &self.home);
        let in_region = |region: &str| {
            asked.as_ref().is_none_or(|asked| asked == region)
                && limited
                    .as_ref()
                    .is_none_or(|limited| limited.as_str() == region)
        };
        let marker = ask.parameter("marker").unwrap_or_default();
        let limit = number(ask, "max-keys", MAX_BUCKETS_LISTED)?;
        let index = self.store.read();
        let mut found = index
            .buckets
            .iter()
            .filter(|(name, bucket)| **name > marker && in_region(&bucket.region));
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let is_truncated = limit > 0 && found.next().is_some();
        Ok(answer::xml(xml::document(
            "ListAllMyBucketsResult",
            |root| {
                root.element("Owner", |owner| {
                    let uin = admitted.owner_uin;
                    owner.text("ID", format_args!("qcs::cam::uin/{uin}:uin/{uin}"));
                    owner.text("DisplayName", uin);
                });
                root.element("Buckets", |buckets| {
                    for (name, bucket) in &page {
                        buckets.element("Bucket", |told| {
                            told.text("Name", name);
                            told.text("Location", &bucket.region);
                            told.text("CreationDate", bucket.created.iso_8601());
                            told.text("BucketType", "cos");
                        });
                    }
                });
                root.text("Marker", &marker);
                root.text("IsTruncated", is_truncated);
                let next = page.last().filter(|_| is_truncated);
                root.optional("NextMarker", next.map(|(name, _)| name));
            },
        )))
    }

    /// <https://www.tencentcloud.com/document/product/436/7738>
    pub(super) async fn put_bucket(&self, ask: &Ask, mut payload: Payload) -> Outcome {
        let Address::Bucket { bucket, region, .. } = &ask.address else {
            return Err(no_such_bucket());
        };
        self.own(bucket)?;
        Metadata::of(&ask.headers)?;
        let body = payload.small(&ask.headers, MAX_CONFIGURATION_BYTES).await?;
        check_configuration(&body)?;
        let (name, region, now) = (bucket.to_string(), region.as_str().to_owned(), ask.now);
        self.change(move |store| {
            store.create_bucket(&name, &region, now, |index| {
                if index.buckets.contains_key(&name) {
                    return Err(CosError::new(
                        StatusCode::CONFLICT,
                        "BucketAlreadyOwnedByYou",
                        "Your previous request to create the named bucket succeeded and you already own it.",
                    ));
                }
                if index.buckets.len() >= MAX_BUCKETS {
                    return Err(CosError::new(
                        StatusCode::BAD_REQUEST,
                        "TooManyBuckets",
                        "You have attempted to create more buckets than allowed.",
                    ));
                }
                Ok(())
            })
        })
        .await?;
        Ok(answer::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/7735>
    pub(super) fn head_bucket(&self, ask: &Ask) -> Outcome {
        self.bucket(ask)?;
        let mut answer = answer::empty(StatusCode::OK);
        self.put_region(ask, &mut answer);
        Ok(answer)
    }

    /// <https://www.tencentcloud.com/document/product/436/7732>
    pub(super) async fn delete_bucket(&self, ask: &Ask) -> Outcome {
        let bucket = self.bucket(ask)?;
        self.change(move |store| store.delete_bucket(&bucket))
            .await?;
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn location(&self, ask: &Ask) -> Outcome {
        self.bucket(ask)?;
        let Address::Bucket { region, .. } = &ask.address else {
            return Err(no_such_bucket());
        };
        let region = xml::escaped(region.as_str());
        Ok(answer::xml(format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n<LocationConstraint>{region}</LocationConstraint>"
        )))
    }

    /// <https://www.tencentcloud.com/document/product/436/7733>
    pub(super) fn bucket_acl(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        self.bucket(ask)?;
        Ok(private_acl(admitted))
    }

    pub(super) fn put_region(&self, ask: &Ask, answer: &mut answer::Answer) {
        if let Address::Bucket { region, .. } = &ask.address {
            answer::put(answer.headers_mut(), BUCKET_REGION, region.as_str());
        }
    }

    /// Only buckets of this account can be made.
    fn own(&self, bucket: &Bucket) -> Result<(), CosError> {
        if bucket.appid() == self.home.bucket.appid() {
            return Ok(());
        }
        Err(
            CosError::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied.").because(
                format!(
                    "a bucket of this account ends in -{}",
                    self.home.bucket.appid()
                ),
            ),
        )
    }
}

/// Everything here is private: the owner has all rights, and nobody else has any by ACL.
pub(super) fn private_acl(admitted: &Admitted) -> answer::Answer {
    let uin = admitted.owner_uin;
    let id = format!("qcs::cam::uin/{uin}:uin/{uin}");
    answer::xml(xml::document("AccessControlPolicy", |root| {
        root.element("Owner", |owner| {
            owner.text("ID", &id);
            owner.text("DisplayName", &id);
        });
        root.element("AccessControlList", |list| {
            list.element("Grant", |grant| {
                grant.element_with("Grantee", GRANTEE, |grantee| {
                    grantee.text("ID", &id);
                    grantee.text("DisplayName", &id);
                });
                grant.text("Permission", "FULL_CONTROL");
            });
        });
    }))
}

/// A number among the parameters, at the most `limit`, which is also what stands for a missing one. Inferred: more is cut to the limit.
pub(super) fn number(ask: &Ask, name: &str, limit: usize) -> Result<usize, CosError> {
    match ask.parameter(name).filter(|text| !text.is_empty()) {
        None => Ok(limit),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(text.parse().unwrap_or(limit).min(limit))
        }
        Some(_) => {
            let reason = format!("`{name}` is not a number");
            Err(invalid_argument("A number among the parameters is not valid.").because(reason))
        }
    }
}

fn check_configuration(body: &[u8]) -> Result<(), CosError> {
    if body.is_empty() {
        return Ok(());
    }
    let root = xml::parse(body)
        .filter(|root| root.name == "CreateBucketConfiguration")
        .ok_or_else(|| malformed_xml("it is no CreateBucketConfiguration"))?;
    match root.text_of("BucketAZConfig").map(str::trim) {
        None | Some("" | "OAZ") => Ok(()),
        Some(_) => Err(CosError::new(
            StatusCode::BAD_REQUEST,
            "MultiAZFeatureNotSupport",
            "Multi-AZ is not supported in this region.",
        )),
    }
}

const BUCKET_REGION: HeaderName = HeaderName::from_static("x-cos-bucket-region");

const GRANTEE: &str =
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";

/// Documented: 200 for an account.
const MAX_BUCKETS: usize = 200;

const MAX_BUCKETS_LISTED: usize = 2000;
const MAX_CONFIGURATION_BYTES: usize = 64 * 1024;
