//! Resources in six segments, `qcs:project:service:region:account:resource`.
//!
//! <https://www.tencentcloud.com/document/product/598/10606>, for COS
//! <https://www.tencentcloud.com/document/product/436/30580>. Both COS forms are supported:
//! `qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/doc/*`, and the old
//! `prefix//1250000000/examplebucket/doc/*` in the last segment.
//!
//! # Guarantees
//! A resource is rendered as it was written. This project writes `*` only after a prefix that ends
//! in `/`, as [`Resource::below`] does: documents describe `*` only at the end of a resource.
//! Rejected, because it is undocumented or COS never accepts it: a project, an account other than
//! `uid/<appid>`, `uin/<owner>` or empty (STS accepts `uid/*`, COS refuses it), and a policy
//! variable in a COS path.
//!
//! # Not covered
//! The short region names of the old API, which match only themselves.

use serde::{Deserialize, Serialize, Serializer};

use super::access_request::{Account, Target};
use super::wildcard::covers;
use crate::names::{Bucket, ObjectPrefix, Region};

/// A resource of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Resource {
    written: String,
    /// `None` for the resource `*`.
    segments: Option<Segments>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segments {
    pub(super) service: String,
    pub(super) region: String,
    pub(super) account: Owner,
    pub(super) path: Path,
}

/// The last segment, as a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// For `bucket-appid/key`.
    New(String),
    /// For `bucket/key`, in buckets of `appid`.
    Old { appid: String, pattern: String },
}

/// The account that owns the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Appid(String),
    /// The account that the policy belongs to.
    Creator,
    Uin(String),
}

impl Resource {
    /// All keys of `bucket` below `prefix`.
    pub fn below(bucket: &Bucket, region: &Region, prefix: &ObjectPrefix) -> Self {
        Self::starting(bucket, region, prefix.as_str())
    }

    /// All keys of `bucket` that begin with `prefix`. It is empty or ends in `/`, and contains no
    /// [metacharacter](crate::names::METACHARACTERS).
    pub fn starting(bucket: &Bucket, region: &Region, prefix: &str) -> Self {
        Self::exactly(bucket, region, &format!("{prefix}*"))
    }

    /// One key of `bucket`, or one listed prefix. It contains no
    /// [metacharacter](crate::names::METACHARACTERS).
    pub fn exactly(bucket: &Bucket, region: &Region, key: &str) -> Self {
        let path = format!("{bucket}/{key}");
        Self {
            written: format!("qcs::cos:{}:uid/{}:{path}", region.as_str(), bucket.appid()),
            segments: Some(Segments {
                service: "cos".to_owned(),
                region: region.as_str().to_owned(),
                account: Owner::Appid(bucket.appid().to_owned()),
                path: Path::New(path),
            }),
        }
    }

    /// `*`: every resource of the account. GetService requires it (documented); for anything else
    /// it is dangerous.
    pub fn everything() -> Self {
        Self { written: "*".to_owned(), segments: None }
    }

    /// The resource as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The region pattern; `*` for every region.
    pub fn region(&self) -> &str {
        match &self.segments {
            Some(segments) if !segments.region.is_empty() => &segments.region,
            _ => "*",
        }
    }

    /// The appid that it names, if any.
    pub fn appid(&self) -> Option<&str> {
        let segments = self.segments.as_ref()?;
        match (&segments.path, &segments.account) {
            (Path::Old { appid, .. }, _) | (Path::New(_), Owner::Appid(appid)) => Some(appid),
            (Path::New(_), Owner::Creator | Owner::Uin(_)) => None,
        }
    }

    /// The pattern of the bucket with its appid, and the pattern of the key: empty for the bucket
    /// itself, `None` without a `/`, where the bucket pattern may continue into the key, as `*`
    /// does.
    pub fn bucket_and_key(&self) -> (String, Option<&str>) {
        let (pattern, appid) = match self.segments.as_ref().map(|segments| &segments.path) {
            None => ("*", None),
            Some(Path::New(pattern)) => (pattern.as_str(), None),
            Some(Path::Old { appid, pattern }) => (pattern.as_str(), Some(appid)),
        };
        match (pattern.split_once('/'), appid) {
            (None, _) => (pattern.to_owned(), None),
            (Some((bucket, key)), None) => (bucket.to_owned(), Some(key)),
            (Some((bucket, key)), Some(appid)) => (format!("{bucket}-{appid}"), Some(key)),
        }
    }

    /// Whether it names no bucket, for example `*` or `qcs::cos:::*`.
    pub fn is_everything(&self) -> bool {
        self.segments.as_ref().is_none_or(|segments| {
            let (Path::New(pattern) | Path::Old { pattern, .. }) = &segments.path;
            pattern.trim_start_matches('/').starts_with('*')
        })
    }

    /// Its segments; `None` for the resource `*`.
    pub(super) fn segments(&self) -> Option<&Segments> {
        self.segments.as_ref()
    }

    /// Whether it covers `target`, in a policy of `creator`. Only `*` covers a target without a
    /// bucket (documented for GetService).
    pub(super) fn covers(&self, target: &Target, creator: &Account) -> bool {
        let Some(segments) = &self.segments else {
            return true;
        };
        let (region, bucket, owner_uin, key) = match target {
            Target::Service => return false,
            Target::Role { owner_uin, name } => {
                return segments.covers_role(owner_uin, name, creator);
            }
            Target::Object { region, bucket, owner_uin, key } => (region, bucket, owner_uin, key),
        };
        let owned = match &segments.account {
            Owner::Appid(appid) => appid == bucket.appid(),
            Owner::Creator => creator.appid == bucket.appid(),
            Owner::Uin(uin) => uin == owner_uin,
        };
        let on_path = match &segments.path {
            Path::New(pattern) => covers(pattern, &format!("{bucket}/{key}")),
            Path::Old { appid, pattern } => {
                appid == bucket.appid()
                    && covers(pattern, &format!("{}/{key}", bucket.short_name()))
            }
        };
        owned && on_path && is_cos(&segments.service) && covers(self.region(), region.as_str())
    }
}

impl Segments {
    /// `qcs::cam::uin/<owner>:roleName/<name>`.
    /// <https://www.tencentcloud.com/document/product/598/10606>
    fn covers_role(&self, owner_uin: &str, name: &str, creator: &Account) -> bool {
        let owned = match &self.account {
            Owner::Appid(_) => false,
            Owner::Creator => creator.owner_uin == owner_uin,
            Owner::Uin(uin) => uin == owner_uin,
        };
        let on_path = matches!(&self.path, Path::New(pattern) if covers(pattern, name));
        owned && on_path && matches!(self.service.as_str(), "cam" | "" | "*")
    }
}

impl TryFrom<String> for Resource {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let parts: Vec<&str> = written.splitn(6, ':').collect();
        let segments = match parts.as_slice() {
            ["*"] => None,
            ["qcs", project, service, region, account, path] if !path.is_empty() => {
                if !project.is_empty() {
                    return Err(
                        "the second segment of a resource must be empty, for example `qcs::cos:...`",
                    );
                }
                let path =
                    if is_cos(service) { cos_path(path)? } else { Path::New((*path).to_owned()) };
                Some(Segments {
                    service: (*service).to_owned(),
                    region: (*region).to_owned(),
                    account: owner(account)?,
                    path,
                })
            }
            _ => return Err(FORM),
        };
        Ok(Self { written, segments })
    }
}

/// By reference: a conversion into a string would copy it.
impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

const FORM: &str = "a resource must be `*` or have six segments, for example \
                    `qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*`";

/// An empty service and `*` are all services.
pub(super) fn is_cos(service: &str) -> bool {
    matches!(service, "cos" | "" | "*")
}

fn owner(account: &str) -> Result<Owner, &'static str> {
    match account.split_once('/') {
        None if account.is_empty() => Ok(Owner::Creator),
        Some(("uid", appid)) if is_number(appid) => Ok(Owner::Appid(appid.to_owned())),
        Some(("uin", uin)) if is_number(uin) => Ok(Owner::Uin(uin.to_owned())),
        _ => Err("the account of a resource must be `uid/<appid>`, `uin/<owner>` or empty"),
    }
}

fn cos_path(path: &str) -> Result<Path, &'static str> {
    if path.contains("${") {
        return Err("a COS resource cannot contain a policy variable");
    }
    let Some(old) = path.strip_prefix("prefix//") else {
        return Ok(Path::New(path.to_owned()));
    };
    match old.split_once('/') {
        Some((appid, pattern)) if is_number(appid) && !pattern.is_empty() => {
            Ok(Path::Old { appid: appid.to_owned(), pattern: pattern.to_owned() })
        }
        _ => {
            Err("the old form of a resource must be `prefix//<appid>/<bucket without appid>/<key>`")
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::access_request::{Account, Target};
    use super::Resource;
    use crate::names::{Bucket, ObjectPrefix, Region};

    fn resource(text: &str) -> Result<Resource, &'static str> {
        Resource::try_from(text.to_owned())
    }

    /// `<bucket>-<appid>/<key>` in ap-guangzhou, owned by 100000000001, seen from the account
    /// 1250000000.
    fn covers(pattern: &str, path: &str) -> bool {
        let (bucket, key) = path.split_once('/').unwrap();
        let target = Target::Object {
            region: Region::parse("ap-guangzhou").unwrap(),
            bucket: Bucket::parse(bucket).unwrap(),
            owner_uin: "100000000001".to_owned(),
            key: key.to_owned(),
        };
        let creator =
            Account { appid: "1250000000".to_owned(), owner_uin: "100000000001".to_owned() };
        resource(pattern).unwrap().covers(&target, &creator)
    }

    #[test]
    fn both_forms_mean_the_same() {
        let new = resource("qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/doc/*").unwrap();
        let old = resource("qcs::cos:ap-guangzhou:uid/1250000000:prefix//1250000000/b/doc/*");
        let old = old.unwrap();
        for each in [&new, &old] {
            assert_eq!(each.region(), "ap-guangzhou");
            assert_eq!(each.appid(), Some("1250000000"));
            let (bucket, key) = each.bucket_and_key();
            assert_eq!((bucket.as_str(), key), ("b-1250000000", Some("doc/*")));
        }
        assert!(old.as_str().contains("prefix//"), "rendered as written");
    }

    #[test]
    fn what_a_resource_covers() {
        let words = "* qcs::cos:::* qcs:::::* qcs::*:*::* qcs::cos:ap-*:uid/1250000000:* \
            qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000* \
            qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/* \
            qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/doc/* \
            qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/doc/a.mp3 \
            qcs::cos:ap-guangzhou:uin/100000000001:b-1250000000/doc/* \
            qcs::cos:::b-1250000000/*a.mp3 \
            qcs::cos::uid/1250000000:prefix//1250000000/b/doc/* \
            qcs::cos::uid/1250000000:prefix//1250000000/* \
            qcs::cos::uid/1250000000:prefix//1250000000/b*";
        for pattern in words.split(' ') {
            assert!(covers(pattern, "b-1250000000/doc/a.mp3"), "{pattern}");
        }
    }

    #[test]
    fn what_a_resource_does_not_cover() {
        let words = "qcs::cvm:::* qcs::cos:ap-beijing::* qcs::cos:gz::* qcs::cos::uid/1250000001:* \
            qcs::cos::uin/100000000002:* qcs::cos:::b-1250000000 qcs::cos:::b-1250000000/ \
            qcs::cos:::b-1250000000/do/* qcs::cos:::b-1250000000/DOC/* \
            qcs::cos:::prefix//1250000001/b/* qcs::cos:::prefix//1250000001/* \
            qcs::cos:::prefix//1250000000/b qcs::cos:::prefix//1250000000/b-* \
            qcs::cos:::b-1250000000.ap-guangzhou.myqcloud.com/*";
        for pattern in words.split(' ') {
            assert!(!covers(pattern, "b-1250000000/doc/a.mp3"), "{pattern}");
        }
        // T3: siblings.
        assert!(!covers("qcs::cos:::b-1250000000/users/1/*", "b-1250000000/users/10/a"));
        assert!(covers("qcs::cos:::b-1250000000/users/1*", "b-1250000000/users/10/a"));
        // An empty account is the policy's own, and never another one.
        assert!(!covers("qcs::cos:::*", "b-1250000009/a"));
    }

    #[test]
    fn a_role_is_covered_only_by_its_own_service_and_account() {
        let creator =
            Account { appid: "1250000000".to_owned(), owner_uin: "100000000001".to_owned() };
        let role = |owner_uin: &str| Target::Role {
            owner_uin: owner_uin.to_owned(),
            name: "roleName/uploader".to_owned(),
        };
        for (text, covered) in [
            ("*", true),
            ("qcs::cam::uin/100000000001:roleName/uploader", true),
            ("qcs::cam::uin/100000000001:roleName/up*", true),
            ("qcs::cam:::*", true),
            ("qcs::cam::uin/100000000001:role/uploader", false),
            ("qcs::cam::uin/100000000001:roleName/uploader2", false),
            ("qcs::cam::uin/100000000002:roleName/*", false),
            ("qcs::cam::uid/1250000000:roleName/*", false),
            ("qcs::cos::uin/100000000001:roleName/*", false),
        ] {
            let resource = resource(text).unwrap();
            assert_eq!(resource.covers(&role("100000000001"), &creator), covered, "{text}");
        }
        let empty_account = resource("qcs::cam:::*").unwrap();
        assert!(!empty_account.covers(&role("100000000009"), &creator));
    }

    #[test]
    fn the_bucket_itself_is_its_name_and_a_slash() {
        assert!(covers("qcs::cos:::b-1250000000/", "b-1250000000/"));
        assert!(covers("qcs::cos:::b-1250000000/*", "b-1250000000/"));
        assert!(!covers("qcs::cos:::b-1250000000/doc/*", "b-1250000000/"));
    }

    #[test]
    fn what_is_written_below_a_prefix_is_read_back_the_same() {
        let bucket = Bucket::parse("b-1250000000").unwrap();
        let region = Region::parse("ap-guangzhou").unwrap();
        let prefix = ObjectPrefix::parse("users/1/").unwrap();
        let written = Resource::below(&bucket, &region, &prefix);
        assert_eq!(resource(written.as_str()).unwrap(), written);
    }

    #[test]
    fn a_resource_without_a_bucket_is_everything() {
        let words = "* qcs::cos:::* qcs::cos:ap-guangzhou:uid/1250000000:* qcs::cos:::/* \
            qcs::cos:::prefix//1250000000/*";
        for text in words.split(' ') {
            assert!(resource(text).unwrap().is_everything(), "{text}");
        }
        assert!(
            !resource("qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/*")
                .unwrap()
                .is_everything()
        );
    }

    #[test]
    fn what_is_not_a_resource_is_refused() {
        let texts = "cos ** qcs::cos qcs::cos::: arn:aws:s3:::b qcs:id/0:cos:::* \
            qcs::cos::uid/*:* qcs::cos::uid/:* qcs::cos::*:* qcs::cos::root:* \
            qcs::cos:::b-1250000000/${uin}/* qcs::cos:::prefix//* qcs::cos:::prefix//*/b/* \
            qcs::cos:::prefix//1250000000/";
        for text in texts.split(' ').chain([""]) {
            assert!(resource(text).is_err(), "{text}");
        }
    }
}
