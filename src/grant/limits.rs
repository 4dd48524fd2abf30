//! Limits of a grant: the size, type, extension and ACL of uploads, and the addresses, VPCs and
//! protocol of requests.
//!
//! All but the extension become conditions,
//! <https://www.tencentcloud.com/document/product/436/46205>:
//!
//! - `cos:content-length` and `cos:content-type` are documented for requests with a body. A
//!   condition on a key that the request lacks is not met (documented), so COS refuses an upload
//!   without the header. `_if_exist` would let it pass and is never written for them.
//! - No single request of a multipart upload or an append contains the whole object, and
//!   `InitiateMultipartUpload`, which sets the type, has no body. `permissions` therefore removes
//!   these operations.
//! - A copy is a PutObject without a body, and no header contains its size. A size limit therefore
//!   also requires one byte or more (inferred: the length of a copy request is 0), which refuses
//!   empty objects too.
//! - The size of a PostObject includes its form (inferred), so slightly less fits.
//! - `cos:x-cos-acl` is documented for the operations that can set an ACL. A request without the
//!   header leaves the object with the ACL of its bucket, as `default` does, so both pass: only
//!   this condition has `_if_exist`.
//! - `cos:secure-transport` and `vpc:requester_vpc` are documented for all requests,
//!   <https://www.tencentcloud.com/document/product/436/46206>. A request that does not come from a
//!   VPC lacks the second, so it is refused.
//!
//! An extension cannot be a condition, because a resource has a wildcard only at its end. It is
//! checked here, where the whole key is known; the grant allows nothing that leaves the key to the
//! caller.

use tencent::cam::{ConditionError, Conditions, Literal};

use super::object_key::Extension;

/// The limits of a grant. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The extensions of uploaded objects; any when empty.
    pub extensions: Vec<Extension>,
    /// The largest upload in bytes.
    pub max_size_bytes: Option<u64>,
    /// The content types of uploaded objects; any when empty.
    pub content_types: Vec<ContentType>,
    /// Addresses and networks that requests to COS come from; any when empty.
    pub source_ip: Vec<String>,
    /// What the header `x-cos-acl` may set, next to `default`; anything when empty.
    pub acl: Vec<CannedAcl>,
    /// Whether requests to COS must use HTTPS.
    pub https_only: bool,
    /// The VPCs that requests to COS come from; any when empty.
    pub vpc: Vec<VpcId>,
}

impl Limits {
    /// Whether an upload must be one request, so that conditions see its size and type.
    pub(super) fn need_whole_uploads(&self) -> bool {
        self.max_size_bytes.is_some() || !self.content_types.is_empty()
    }

    /// Whether any of them applies to uploads.
    pub(super) fn are_about_uploads(&self) -> bool {
        self.need_whole_uploads() || !self.extensions.is_empty() || !self.acl.is_empty()
    }

    /// The conditions of every request.
    ///
    /// # Errors
    /// [`ConditionError`] for a malformed network.
    pub(super) fn conditions(&self) -> Result<Conditions, ConditionError> {
        let mut conditions = Conditions::none();
        if !self.source_ip.is_empty() {
            let networks = self.source_ip.iter().map(|text| Literal::from(text.as_str()));
            conditions = conditions.and("ip_equal", "qcs:ip", networks.collect())?;
        }
        if self.https_only {
            let yes = vec![Literal::from("true")];
            conditions = conditions.and("bool_equal", "cos:secure-transport", yes)?;
        }
        if !self.vpc.is_empty() {
            let ids = self.vpc.iter().map(|id| Literal::from(id.as_str())).collect();
            conditions = conditions.and("string_equal", "vpc:requester_vpc", ids)?;
        }
        Ok(conditions)
    }

    /// These conditions and those of an operation that can set an ACL.
    ///
    /// # Errors
    /// None: the names are constants.
    pub(super) fn with_acl(&self, conditions: Conditions) -> Result<Conditions, ConditionError> {
        if self.acl.is_empty() {
            return Ok(conditions);
        }
        let granted = self.acl.iter().map(|acl| acl.name());
        let names = granted.chain([CannedAcl::OF_THE_BUCKET]).map(Literal::from).collect();
        conditions.and("string_equal_if_exist", "cos:x-cos-acl", names)
    }

    /// The conditions of an upload.
    ///
    /// # Errors
    /// [`ConditionError`] for a malformed network.
    pub(super) fn conditions_of_uploads(&self) -> Result<Conditions, ConditionError> {
        let mut conditions = self.conditions()?;
        if let Some(bytes) = self.max_size_bytes {
            let (minimum, maximum) = (vec![Literal::from(1)], vec![Literal::from(bytes)]);
            conditions = conditions
                .and("numeric_greater_than_equal", "cos:content-length", minimum)?
                .and("numeric_less_than_equal", "cos:content-length", maximum)?;
        }
        if !self.content_types.is_empty() {
            let types = self.content_types.iter().map(|each| Literal::from(each.as_str()));
            conditions = conditions.and("string_like", "cos:content-type", types.collect())?;
        }
        Ok(conditions)
    }

    /// What the granted content types have in common.
    pub(super) fn shared_type(&self) -> TypeLimit {
        let mut kinds = self.content_types.iter().filter_map(|each| each.as_str().split_once('/'));
        let Some((kind, subtype)) = kinds.next() else {
            return TypeLimit::Any;
        };
        let (count, mut rest) = (self.content_types.len(), kinds);
        match (count, subtype) {
            (1, subtype) if subtype != "*" => TypeLimit::Exactly(format!("{kind}/{subtype}")),
            _ if rest.all(|(other, _)| other == kind) => TypeLimit::Starting(format!("{kind}/")),
            _ => TypeLimit::Any,
        }
    }

    /// Whether a key has a granted extension.
    pub(super) fn allow_key(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or(key);
        let extension = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => Extension::parse(extension).ok(),
            _ => None,
        };
        self.extensions.is_empty()
            || extension.is_some_and(|extension| self.extensions.contains(&extension))
    }
}

/// A content type, for example `image/png`, or all subtypes, for example `image/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType(String);

impl ContentType {
    /// Parses a type: in lower case, as clients send it, without parameters.
    ///
    /// # Errors
    /// [`ContentTypeError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, ContentTypeError> {
        let known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-+._".contains(&c);
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(known);
        match text.split_once('/') {
            Some((kind, subtype))
                if text.len() <= MAX_TYPE_CHARACTERS
                    && is_word(kind)
                    && (subtype == "*" || is_word(subtype)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ContentTypeError),
        }
    }

    /// The type.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An ACL that the header `x-cos-acl` can set,
/// <https://www.tencentcloud.com/document/product/436/30583>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannedAcl(&'static str);

impl CannedAcl {
    /// What an object has whose upload names none: the ACL of its bucket.
    pub(super) const OF_THE_BUCKET: &'static str = "default";

    const NAMES: [&'static str; 5] = [
        "private",
        "public-read",
        "authenticated-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ];

    /// Finds an ACL by its name.
    ///
    /// # Errors
    /// [`CannedAclError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CannedAclError> {
        Self::NAMES.into_iter().find(|name| *name == text).map(Self).ok_or(CannedAclError)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// The text is not an ACL of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an ACL is `private`, `public-read`, `authenticated-read`, `bucket-owner-read` or \
     `bucket-owner-full-control`; the ACL of the bucket is always allowed"
)]
pub struct CannedAclError;

/// The id of a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcId(String);

impl VpcId {
    /// Parses an id, as `vpc-aqp5jrc1`.
    ///
    /// # Errors
    /// [`VpcIdError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, VpcIdError> {
        let id = text.strip_prefix("vpc-").ok_or(VpcIdError)?;
        let known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_id = (1..=32).contains(&id.len()) && id.bytes().all(known);
        is_id.then(|| Self(text.to_owned())).ok_or(VpcIdError)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the id of a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a VPC has an id of the form `vpc-aqp5jrc1`")]
pub struct VpcIdError;

/// What several content types have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeLimit {
    /// Nothing, or there are none.
    Any,
    /// It is this type.
    Exactly(String),
    /// They begin with this.
    Starting(String),
}

/// The text is not a content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a content type has the form `image/png` or `image/*`, in lower case and without parameters"
)]
pub struct ContentTypeError;

/// Type and subtype together, <https://www.rfc-editor.org/rfc/rfc6838#section-4.2>.
const MAX_TYPE_CHARACTERS: usize = 127;

#[cfg(test)]
mod tests {
    use tencent::cam::Conditions;

    use super::{CannedAcl, ContentType, Extension, Limits, TypeLimit, VpcId};

    fn limits() -> Limits {
        Limits {
            extensions: vec![Extension::parse("jpg").unwrap()],
            max_size_bytes: Some(10),
            content_types: vec![ContentType::parse("image/*").unwrap()],
            source_ip: vec!["10.0.0.0/8".to_owned()],
            acl: vec![CannedAcl::parse("private").unwrap()],
            https_only: true,
            vpc: vec![VpcId::parse("vpc-aqp5jrc1").unwrap()],
        }
    }

    #[test]
    fn types_have_in_common_what_each_of_them_has() {
        let starting = |start: &str| TypeLimit::Starting(start.to_owned());
        for (types, shared) in [
            (&[][..], TypeLimit::Any),
            (&["image/png"], TypeLimit::Exactly("image/png".to_owned())),
            (&["image/*"], starting("image/")),
            (&["image/png", "image/gif"], starting("image/")),
            (&["image/*", "text/plain"], TypeLimit::Any),
            (&["image/png", "imagex/png"], TypeLimit::Any),
        ] {
            let content_types =
                types.iter().map(|text| ContentType::parse(text).unwrap()).collect();
            let limits = Limits { content_types, ..Limits::default() };
            assert_eq!(limits.shared_type(), shared, "{types:?}");
        }
    }

    #[test]
    fn limits_are_conditions_that_a_missing_header_does_not_meet() {
        let written = |conditions| serde_json::to_string(&conditions).unwrap();
        assert_eq!(
            written(limits().conditions_of_uploads().unwrap()),
            r#"{"bool_equal":{"cos:secure-transport":"true"},"ip_equal":{"qcs:ip":"10.0.0.0/8"},"numeric_greater_than_equal":{"cos:content-length":1},"numeric_less_than_equal":{"cos:content-length":10},"string_equal":{"vpc:requester_vpc":"vpc-aqp5jrc1"},"string_like":{"cos:content-type":"image/*"}}"#
        );
        assert_eq!(
            written(limits().conditions().unwrap()),
            r#"{"bool_equal":{"cos:secure-transport":"true"},"ip_equal":{"qcs:ip":"10.0.0.0/8"},"string_equal":{"vpc:requester_vpc":"vpc-aqp5jrc1"}}"#
        );
        assert!(Limits::default().conditions_of_uploads().unwrap().is_empty());
    }

    /// A request without the header leaves the object with the ACL of its bucket.
    #[test]
    fn an_acl_is_one_that_is_granted_or_that_of_the_bucket() {
        let written = |limits: Limits| {
            serde_json::to_string(&limits.with_acl(Conditions::none()).unwrap()).unwrap()
        };
        assert_eq!(
            written(limits()),
            r#"{"string_equal_if_exist":{"cos:x-cos-acl":["private","default"]}}"#
        );
        assert_eq!(written(Limits::default()), "{}");
    }

    #[test]
    fn an_acl_and_a_vpc_are_what_they_are() {
        for name in CannedAcl::NAMES {
            assert_eq!(CannedAcl::parse(name).unwrap().name(), name);
        }
        for bad in ["default", "public-read-write", "Private", "private ", "*", ""] {
            assert!(CannedAcl::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(VpcId::parse("vpc-aqp5jrc1").unwrap().as_str(), "vpc-aqp5jrc1");
        for bad in ["vpc-", "aqp5jrc1", "vpc-AQP5", "vpc-a*", "vpc-a b", "vpc-${uin}", ""] {
            assert!(VpcId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn extension_tricks_are_refused() {
        for good in ["a.jpg", "u/a.JPG", "a.php.jpg", "图.jpg"] {
            assert!(limits().allow_key(good), "{good}");
        }
        let refused = "a jpg .jpg u/.jpg a.jpg.php a.jpg/ a.jpg/b a.jpeg a.jp a. a.ｊｐｇ \
            a.jpg\0 a.* a.${uin} a.jpg%00 a.jpg;x a.jpg?x";
        for bad in refused.split(' ').chain(["", "a.jpg ", "a. jpg"]) {
            assert!(!limits().allow_key(bad), "{bad}");
        }
    }

    #[test]
    fn a_type_is_a_type() {
        for good in ["image/png", "image/*", "image/svg+xml", "application/vnd.ms-excel"] {
            assert!(ContentType::parse(good).is_ok(), "{good}");
        }
        let refused = "* */* image image/ /png image/*png im*/png Image/png image/png;q=1 \
            image/${uin} image/png/x image/**";
        for bad in refused.split(' ').chain(["", "image/png "]) {
            assert!(ContentType::parse(bad).is_err(), "{bad}");
        }
    }
}
