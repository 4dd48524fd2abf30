//! Access control lists of buckets and objects.
//! <https://www.tencentcloud.com/document/product/436/30583>
//!
//! # Guarantees
//!
//! An ACL only allows. The owner of the account is in none: it has all permissions, which no ACL
//! takes away. A grant that was not understood is an error, never left out.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::error::{self, CosError};
use crate::cos::http::xml::{self, Element};

/// What an ACL belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Bucket,
    Object,
}

/// What an ACL grants besides the permissions of the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acl {
    grants: Vec<Grant>,
    /// Single grants are shown as they were sent: with the owner only if they name the owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    grantee: Grantee,
    permission: Permission,
}

/// Who has a permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Grantee {
    /// Everyone, signed or not.
    AllUsers,
    /// Everyone whose request is signed.
    AuthenticatedUsers,
    /// An account, or a user of it.
    User { owner_uin: String, uin: String },
}

/// A set of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Permission {
    Read,
    Write,
    ReadAcp,
    WriteAcp,
    FullControl,
}

/// A caller as ACLs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AclCaller {
    Anonymous,
    /// A key that an ACL cannot name: that of a session.
    Authenticated,
    User {
        owner_uin: u64,
        uin: u64,
    },
}

impl Acl {
    /// The ACL that the headers of a request describe; `None` without one, or with `default`.
    pub(crate) fn of_headers(headers: &HeaderMap, level: Level) -> Result<Option<Self>, CosError> {
        let canned = match headers.get(ACL_HEADER) {
            Some(value) => canned(value.to_str().unwrap_or_default(), level)?,
            None => None,
        };
        let mut grants = canned.clone().unwrap_or_default();
        let mut is_whole = false;
        for name in headers.keys().filter(|name| name.as_str().starts_with(GRANT_HEADERS)) {
            let permission = GRANTS.iter().find(|(header, _)| *header == name.as_str());
            let (_, permission) =
                permission.ok_or_else(|| invalid(&format!("{name}: is not a permission")))?;
            check_level(*permission, level)?;
            for value in headers.get_all(name) {
                is_whole = true;
                let grantees = grantees(value.to_str().unwrap_or("?"))?;
                let grant = |grantee| Grant { grantee, permission: *permission };
                grants.extend(grantees.into_iter().map(grant));
            }
        }
        let is_given = is_whole || canned.is_some();
        Self::checked(grants, is_whole).map(|acl| is_given.then_some(acl))
    }

    /// The ACL in a body. Inferred: the owner in it is not compared, since it cannot change.
    pub(crate) fn of_xml(body: &[u8], level: Level) -> Result<Self, CosError> {
        let root = xml::parse(body)
            .filter(|root| root.name == ROOT)
            .ok_or_else(|| error::malformed_xml("root: must be AccessControlPolicy"))?;
        let list = root
            .child("AccessControlList")
            .ok_or_else(|| error::malformed_xml("root: must have an AccessControlList"))?;
        let grants = list.all("Grant").map(|grant| Grant::of_element(grant, level));
        Self::checked(grants.collect::<Result<_, _>>()?, true)
    }

    fn checked(grants: Vec<Grant>, is_whole: bool) -> Result<Self, CosError> {
        if grants.len() > MAX_GRANTS {
            return Err(error::attachment_full().because("an ACL has at most 100 grants"));
        }
        Ok(Self { grants, is_whole })
    }

    /// Whether `caller` has `permission`.
    pub(crate) fn allows(&self, caller: AclCaller, permission: Permission) -> bool {
        self.grants.iter().any(|grant| {
            let has = [permission, Permission::FullControl].contains(&grant.permission);
            has && grant.grantee.is(caller)
        })
    }

    /// The ACL as XML; `None` is one that grants nothing.
    pub(crate) fn to_xml(acl: Option<&Self>, owner_uin: u64) -> String {
        let owner = Grantee::User { owner_uin: owner_uin.to_string(), uin: owner_uin.to_string() };
        let owner = Grant { grantee: owner, permission: Permission::FullControl };
        let grants = acl.map_or(&[][..], |acl| &acl.grants);
        let others = grants.iter().filter(|grant| **grant != owner);
        // Of an ACL without grants, coscmd reads the owner's.
        let is_whole = acl.is_some_and(|acl| acl.is_whole) && !grants.is_empty();
        let shown: Vec<&Grant> = match is_whole {
            true => grants.iter().collect(),
            false => std::iter::once(&owner).chain(others).collect(),
        };
        xml::document(ROOT, |root| {
            root.element("Owner", |item| owner.grantee.write(item));
            root.element("AccessControlList", |list| {
                for grant in shown {
                    list.element("Grant", |item| grant.write(item));
                }
            });
        })
    }
}

impl Grant {
    fn of_element(element: &Element, level: Level) -> Result<Self, CosError> {
        let grantee = element
            .child("Grantee")
            .ok_or_else(|| error::malformed_xml("Grant: must have a Grantee"))?;
        let text = |name| grantee.text_of(name).map(str::trim);
        let grantee = match (text("URI"), text("ID")) {
            (Some(uri), None) => Grantee::of_group(uri)?,
            (None, Some(id)) => Grantee::of_id(id)?,
            _ => return Err(error::malformed_xml("Grantee: must have a URI or an ID")),
        };
        let name = element.text_of("Permission").map(str::trim).unwrap_or_default();
        let permission = PERMISSIONS.iter().find(|(known, _)| *known == name);
        let (_, permission) = permission.ok_or_else(|| {
            error::malformed_xml(
                "Permission: must be READ, WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL",
            )
        })?;
        check_level(*permission, level)?;
        Ok(Self { grantee, permission: *permission })
    }

    fn write(&self, item: &mut xml::Writer) {
        let attributes = match &self.grantee {
            Grantee::AllUsers | Grantee::AuthenticatedUsers => GROUP,
            Grantee::User { .. } => USER,
        };
        item.element_with("Grantee", attributes, |item| self.grantee.write(item));
        let name = PERMISSIONS.iter().find(|(_, permission)| *permission == self.permission);
        item.optional("Permission", name.map(|(name, _)| name));
    }
}

impl Grantee {
    fn of_group(uri: &str) -> Result<Self, CosError> {
        match uri {
            ALL_USERS => Ok(Self::AllUsers),
            AUTHENTICATED_USERS => Ok(Self::AuthenticatedUsers),
            _ => Err(invalid("URI: must be that of a preset user group")),
        }
    }

    /// `qcs::cam::uin/<owner>:uin/<user>`, or in headers `<owner>` and `<owner>/<user>`.
    fn of_id(id: &str) -> Result<Self, CosError> {
        if id == ANYONE {
            return Ok(Self::AllUsers);
        }
        let full = id.strip_prefix("qcs::cam::uin/").and_then(|rest| rest.split_once(":uin/"));
        let (owner_uin, uin) = full.or_else(|| id.split_once('/')).unwrap_or((id, id));
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number(owner_uin) && is_number(uin) {
            return Ok(Self::User { owner_uin: owner_uin.to_owned(), uin: uin.to_owned() });
        }
        Err(invalid("ID: must have the form qcs::cam::uin/100000000001:uin/100000000001"))
    }

    fn is(&self, caller: AclCaller) -> bool {
        match self {
            Self::AllUsers => true,
            Self::AuthenticatedUsers => caller != AclCaller::Anonymous,
            Self::User { owner_uin: owner, uin: user } => match caller {
                AclCaller::User { owner_uin, uin } => {
                    *owner == owner_uin.to_string() && *user == uin.to_string()
                }
                AclCaller::Anonymous | AclCaller::Authenticated => false,
            },
        }
    }

    fn write(&self, item: &mut xml::Writer) {
        match self {
            Self::AllUsers => item.text("URI", ALL_USERS),
            Self::AuthenticatedUsers => item.text("URI", AUTHENTICATED_USERS),
            Self::User { owner_uin, uin } => {
                let id = format!("qcs::cam::uin/{owner_uin}:uin/{uin}");
                item.text("ID", &id);
                item.text("DisplayName", &id);
            }
        }
    }
}

/// The grants of a preset ACL; `None` for `default`.
fn canned(name: &str, level: Level) -> Result<Option<Vec<Grant>>, CosError> {
    let grant = |grantee, permission| Some(vec![Grant { grantee, permission }]);
    Ok(match (name, level) {
        ("", _) | ("default", Level::Object) => None,
        ("private", _) => Some(Vec::new()),
        ("public-read", _) => grant(Grantee::AllUsers, Permission::Read),
        ("authenticated-read", _) => grant(Grantee::AuthenticatedUsers, Permission::Read),
        ("public-read-write", Level::Bucket) => grant(Grantee::AllUsers, Permission::FullControl),
        // The owner of a bucket owns its objects.
        ("bucket-owner-read" | "bucket-owner-full-control", Level::Object) => Some(Vec::new()),
        _ => return Err(error::invalid_argument("The x-cos-acl value is not valid.")),
    })
}

/// The ids in `id="100000000001",id="100000000001/100000000011"`.
fn grantees(text: &str) -> Result<Vec<Grantee>, CosError> {
    let id = |part: &str| {
        let id = part.trim().strip_prefix("id=").map(|id| id.trim_matches('"'));
        Grantee::of_id(id.ok_or_else(|| invalid("x-cos-grant-…: must be id=\"100000000001\""))?)
    };
    text.split(',').map(id).collect()
}

/// Documented: an object has no permission WRITE.
fn check_level(permission: Permission, level: Level) -> Result<(), CosError> {
    match (permission, level) {
        (Permission::Write, Level::Object) => Err(invalid("WRITE: must not be granted on objects")),
        _ => Ok(()),
    }
}

fn invalid(reason: &str) -> CosError {
    error::invalid_argument("The access control list is not valid.").because(reason)
}

/// The header with a preset ACL.
pub(crate) const ACL_HEADER: &str = "x-cos-acl";

/// The start of headers with single grants.
pub(crate) const GRANT_HEADERS: &str = "x-cos-grant-";

const GRANTS: [(&str, Permission); 5] = [
    ("x-cos-grant-read", Permission::Read),
    ("x-cos-grant-write", Permission::Write),
    ("x-cos-grant-read-acp", Permission::ReadAcp),
    ("x-cos-grant-write-acp", Permission::WriteAcp),
    ("x-cos-grant-full-control", Permission::FullControl),
];

const PERMISSIONS: [(&str, Permission); 5] = [
    ("READ", Permission::Read),
    ("WRITE", Permission::Write),
    ("READ_ACP", Permission::ReadAcp),
    ("WRITE_ACP", Permission::WriteAcp),
    ("FULL_CONTROL", Permission::FullControl),
];

const ROOT: &str = "AccessControlPolicy";
const ALL_USERS: &str = "http://cam.qcloud.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://cam.qcloud.com/groups/global/AuthenticatedUsers";

/// From SDK source: everyone, as SDKs write it.
const ANYONE: &str = "qcs::cam::anyone:anyone";

const GROUP: &str = r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group""#;
const USER: &str =
    r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser""#;

/// Documented.
const MAX_GRANTS: usize = 100;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Acl, AclCaller, Level, Permission};

    const USER: AclCaller = AclCaller::User { owner_uin: 1, uin: 2 };

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Acl {
        Acl::of_headers(&headers(pairs), Level::Bucket).unwrap().unwrap()
    }

    #[test]
    fn preset_acls_allow_what_the_page_says() {
        use AclCaller::{Anonymous, Authenticated};
        use Permission::{Read, ReadAcp, Write};
        for (name, caller, permission, allows) in [
            ("private", USER, Read, false),
            ("public-read", Anonymous, Read, true),
            ("public-read", Anonymous, Write, false),
            ("public-read", Anonymous, ReadAcp, false),
            ("public-read-write", Anonymous, Write, true),
            ("authenticated-read", Anonymous, Read, false),
            ("authenticated-read", Authenticated, Read, true),
            ("authenticated-read", USER, Write, false),
        ] {
            let acl = of(&[("x-cos-acl", name)]);
            assert_eq!(acl.allows(caller, permission), allows, "{name} {caller:?} {permission:?}");
        }
        for headers in [headers(&[]), headers(&[("x-cos-acl", "default")])] {
            assert_eq!(Acl::of_headers(&headers, Level::Object).unwrap(), None);
        }
    }

    #[test]
    fn a_grant_is_for_its_grantee() {
        let acl = of(&[
            ("x-cos-acl", "private"),
            ("x-cos-grant-read", "id=\"1/2\", id=\"qcs::cam::uin/5:uin/5\""),
            ("x-cos-grant-write-acp", "id=\"1\""),
        ]);
        assert!(acl.allows(USER, Permission::Read));
        assert!(!acl.allows(USER, Permission::WriteAcp));
        assert!(acl.allows(AclCaller::User { owner_uin: 1, uin: 1 }, Permission::WriteAcp));
        for caller in [AclCaller::Anonymous, AclCaller::Authenticated] {
            assert!(!acl.allows(caller, Permission::Read), "{caller:?}");
        }
        let sent_back = |acl: &Acl| {
            Acl::of_xml(Acl::to_xml(Some(acl), 1).as_bytes(), Level::Bucket).unwrap().grants
        };
        assert_eq!(sent_back(&acl), acl.grants);
        // The owner's own grant comes first.
        let preset = of(&[("x-cos-acl", "public-read")]);
        assert_eq!(sent_back(&preset)[1..], preset.grants[..]);
    }

    #[test]
    fn refusals() {
        let many = vec!["id=\"1\""; 101].join(",");
        for (name, value, level, code) in [
            ("x-cos-acl", "anyone", Level::Bucket, "InvalidArgument"),
            ("x-cos-acl", "default", Level::Bucket, "InvalidArgument"),
            ("x-cos-acl", "public-read-write", Level::Object, "InvalidArgument"),
            ("x-cos-grant-write", "id=\"1\"", Level::Object, "InvalidArgument"),
            ("x-cos-grant-read", "1", Level::Bucket, "InvalidArgument"),
            ("x-cos-grant-read", "id=\"a\"", Level::Bucket, "InvalidArgument"),
            ("x-cos-grant-read", "id=\"1/\"", Level::Bucket, "InvalidArgument"),
            ("x-cos-grant-all", "id=\"1\"", Level::Bucket, "InvalidArgument"),
            ("x-cos-grant-read", &many, Level::Bucket, "AttachmentFull"),
        ] {
            let error = Acl::of_headers(&headers(&[(name, value)]), level).unwrap_err();
            assert_eq!(error.code, code, "{name}: {value:.40}");
        }
        let grant = |inside: &str| {
            format!(
                "<AccessControlPolicy><AccessControlList><Grant>{inside}</Grant>\
                 </AccessControlList></AccessControlPolicy>"
            )
        };
        let id = "<Grantee><ID>qcs::cam::uin/1:uin/1</ID></Grantee>";
        for body in [
            String::new(),
            "<AccessControlPolicy/>".to_owned(),
            grant(id),
            grant(&format!("{id}<Permission>ALL</Permission>")),
            grant("<Grantee/><Permission>READ</Permission>"),
            grant("<Grantee><URI>x</URI></Grantee><Permission>READ</Permission>"),
            grant("<Permission>READ</Permission>"),
            grant(&format!("{id}<Permission>WRITE</Permission>")),
        ] {
            let error = Acl::of_xml(body.as_bytes(), Level::Object).unwrap_err();
            assert!(["MalformedXML", "InvalidArgument"].contains(&error.code), "{body}");
        }
    }
}
