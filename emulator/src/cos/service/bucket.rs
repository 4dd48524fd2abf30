//! Buckets: the list of them, creation and deletion, and their properties.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode};
use tencent::time::Timestamp;

use super::{BucketCall, CosService, Outcome};
use crate::cos::acl::{Acl, Level};
use crate::cos::attributes::TAGGING;
use crate::cos::auth::access::AuthContext;
use crate::cos::bucket_document::BucketDocument;
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::http::request::{RequestHead, text};
use crate::cos::http::response::{self, Response};
use crate::cos::http::virtual_host::{self, BucketAddress};
use crate::cos::http::xml;
use crate::cos::settings::BucketSettings;
use crate::cos::store::Bucket;
use crate::cos::tags::{MAX_BUCKET_TAGS, Tags};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/8291>
    pub(super) fn list_buckets(&self, request: &RequestHead, context: &AuthContext) -> Outcome {
        let tag = requested_tag(request)?;
        let created = CreationTime::of(request)?;
        let asked = request.parameter("region").filter(|region| !region.is_empty());
        let limited = virtual_host::service_region(&request.host, &self.default_bucket);
        let in_region = |region: &str| {
            asked.as_ref().is_none_or(|asked| asked == region)
                && limited.as_ref().is_none_or(|limited| limited.as_str() == region)
        };
        let marker = request.parameter("marker").unwrap_or_default();
        let limit = number(request, "max-keys", MAX_BUCKETS_LISTED)?;
        let index = self.store.read();
        let mut found = index
            .buckets
            .iter()
            .filter(|(name, _)| **name > marker)
            .filter(|(_, bucket)| in_region(&bucket.region))
            .filter(|(_, bucket)| tag.as_ref().is_none_or(|tag| has_tag(bucket, tag)))
            .filter(|(_, bucket)| created.as_ref().is_none_or(|time| time.fits(bucket.created)));
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let is_truncated = limit > 0 && found.next().is_some();
        Ok(response::xml(xml::document("ListAllMyBucketsResult", |root| {
            owner(root, context);
            root.element("Buckets", |buckets| {
                for (name, bucket) in &page {
                    buckets.element("Bucket", |item| {
                        item.text("Name", name);
                        item.text("Location", &bucket.region);
                        item.text("CreationDate", bucket.created.iso_8601());
                        item.text("BucketType", "cos");
                    });
                }
            });
            root.text("Marker", &marker);
            root.text("IsTruncated", is_truncated);
            let next = page.last().filter(|_| is_truncated);
            root.optional("NextMarker", next.map(|(name, _)| name));
        })))
    }

    /// <https://www.tencentcloud.com/document/product/436/7738>
    pub(super) async fn put_bucket(&self, call: &BucketCall<'_>, mut body: RequestBody) -> Outcome {
        self.check_owner(&call.target.name)?;
        ObjectHeaders::of(&call.request.headers)?;
        let mut settings = requested_settings(&call.request.headers)?;
        let body = body.small(&call.request.headers, MAX_CONFIGURATION_BYTES).await?;
        settings.is_multi_az = requested_zones(&body, call.target.region.as_str())?;
        let name = call.target.name.to_string();
        let region = call.target.region.as_str().to_owned();
        let settings = Arc::new(settings);
        let bucket = Bucket { settings, ..Bucket::new(region, call.request.now) };
        self.change(move |store| {
            store.create_bucket(&name, &bucket, |index| {
                if index.buckets.contains_key(&name) {
                    return Err(error::bucket_already_owned_by_you());
                }
                if index.buckets.len() >= MAX_BUCKETS {
                    return Err(error::too_many_buckets());
                }
                Ok(())
            })
        })
        .await?;
        Ok(response::empty(StatusCode::OK))
    }

    /// <https://www.tencentcloud.com/document/product/436/7735>
    pub(super) fn head_bucket(&self, call: &BucketCall<'_>) -> Outcome {
        let mut response = response::empty(StatusCode::OK);
        put_region(&mut response, call.target);
        if self.settings(call.target)?.is_multi_az {
            response::put(response.headers_mut(), BUCKET_AZ_TYPE, MULTI_AZ);
        }
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7732>
    pub(super) async fn delete_bucket(&self, call: &BucketCall<'_>) -> Outcome {
        let name = call.target.name.to_string();
        self.change(move |store| store.delete_bucket(&name)).await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn bucket_location(call: &BucketCall<'_>) -> Response {
        let region = xml::escaped(call.target.region.as_str());
        response::xml(format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n<LocationConstraint>{region}</LocationConstraint>"
        ))
    }

    /// Checks that the bucket's name is one of this account.
    fn check_owner(&self, bucket: &tencent::names::Bucket) -> Result<(), CosError> {
        let appid = self.default_bucket.0.name.appid();
        if bucket.appid() == appid {
            return Ok(());
        }
        let error = error::access_denied();
        Err(error.because(format!("bucket: must end in -{appid}, the account's APPID")))
    }
}

/// The settings of a new bucket: its tags and its ACL.
fn requested_settings(headers: &HeaderMap) -> Result<BucketSettings, CosError> {
    let tags = Tags::of_header(text(headers, TAGGING).unwrap_or_default(), MAX_BUCKET_TAGS)?;
    let document = (!tags.is_empty()).then(|| tags.to_xml());
    let settings = BucketSettings::default().with_acl(Acl::of_headers(headers, Level::Bucket)?);
    Ok(settings.with_document(BucketDocument::Tagging, "", document))
}

/// The tag that a list of buckets is limited to. Inferred: a key or a value without the other is an
/// error.
fn requested_tag(request: &RequestHead) -> Result<Option<(String, String)>, CosError> {
    let value = |name| request.parameter(name).filter(|value| !value.is_empty());
    match (value("tagkey"), value("tagvalue")) {
        (None, None) => Ok(None),
        (Some(key), Some(value)) => Ok(Some((key, value))),
        _ => Err(error::invalid_argument("The tagkey and tagvalue must be sent together.")),
    }
}

fn has_tag(bucket: &Bucket, (key, value): &(String, String)) -> bool {
    bucket.settings.tags().iter().any(|tag| tag == (key.as_str(), value.as_str()))
}

/// The times of creation that a list of buckets is limited to. Inferred: one of the two parameters
/// without the other is an error.
struct CreationTime {
    seconds: i64,
    range: fn(i64, i64) -> bool,
}

impl CreationTime {
    fn of(request: &RequestHead) -> Result<Option<Self>, CosError> {
        let value = |name| request.parameter(name).filter(|value| !value.is_empty());
        let (time, range) = (value("create-time"), value("range"));
        if time.is_none() && range.is_none() {
            return Ok(None);
        }
        let seconds = time.and_then(|time| time.parse().ok()).ok_or_else(|| {
            error::invalid_argument("The create-time must be a Unix timestamp, with a range.")
        })?;
        let range: fn(i64, i64) -> bool = match range.as_deref() {
            Some("lt") => |created, time| created < time,
            Some("lte") => |created, time| created <= time,
            Some("gt") => |created, time| created > time,
            Some("gte") => |created, time| created >= time,
            Some(_) | None => {
                return Err(error::invalid_argument("The range must be lt, lte, gt or gte."));
            }
        };
        Ok(Some(Self { seconds, range }))
    }

    fn fits(&self, created: Timestamp) -> bool {
        (self.range)(created.unix_seconds(), self.seconds)
    }
}

/// The account that owns everything.
pub(super) fn owner(item: &mut xml::Writer, context: &AuthContext) {
    let uin = context.owner_uin;
    item.element("Owner", |item| {
        item.text("ID", format_args!("qcs::cam::uin/{uin}:uin/{uin}"));
        item.text("DisplayName", uin);
    });
}

pub(super) fn put_region(response: &mut Response, bucket: &BucketAddress) {
    response::put(response.headers_mut(), BUCKET_REGION, bucket.region.as_str());
}

/// A number among the parameters; `limit` is its maximum and default. Inferred: a larger number
/// becomes the limit.
pub(super) fn number(request: &RequestHead, name: &str, limit: usize) -> Result<usize, CosError> {
    match request.parameter(name).filter(|text| !text.is_empty()) {
        None => Ok(limit),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(text.parse().unwrap_or(limit).min(limit))
        }
        Some(_) => {
            let reason = format!("{name}: must be a number");
            Err(error::invalid_argument("A number among the parameters is not valid.")
                .because(reason))
        }
    }
}

/// Whether a new bucket is in several zones. Inferred: another value is malformed.
fn requested_zones(body: &[u8], region: &str) -> Result<bool, CosError> {
    if body.is_empty() {
        return Ok(false);
    }
    let root = xml::parse(body)
        .filter(|root| root.name == "CreateBucketConfiguration")
        .ok_or_else(|| error::malformed_xml("root: must be CreateBucketConfiguration"))?;
    let text = |name| root.text_of(name).unwrap_or_default().trim();
    match text("BucketArchConfig") {
        "" => {}
        "OFS" => {
            return Err(error::not_implemented("A body").because(
                "BucketArchConfig: must be omitted: the folders of such a bucket are not supported",
            ));
        }
        _ => return Err(error::malformed_xml("BucketArchConfig: must be OFS")),
    }
    match text("BucketAZConfig") {
        "" | "OAZ" => Ok(false),
        MULTI_AZ if MULTI_AZ_REGIONS.contains(&region) => Ok(true),
        MULTI_AZ => Err(error::multi_az_not_supported()),
        _ => Err(error::malformed_xml("BucketAZConfig: must be MAZ")),
    }
}

const MULTI_AZ: &str = "MAZ";

/// <https://www.tencentcloud.com/document/product/436/35208>
const MULTI_AZ_REGIONS: [&str; 6] =
    ["ap-beijing", "ap-guangzhou", "ap-hongkong", "ap-shanghai", "ap-shanghai-fsi", "ap-singapore"];

const BUCKET_AZ_TYPE: HeaderName = HeaderName::from_static("x-cos-bucket-az-type");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-cos-bucket-region");

/// Documented: 200 per account.
const MAX_BUCKETS: usize = 200;

const MAX_BUCKETS_LISTED: usize = 2000;
const MAX_CONFIGURATION_BYTES: usize = 64 * 1024;
