//! What an upload sets on its object besides its headers: tags and an ACL.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::acl::{Acl, Level};
use super::archive::Restoration;
use super::error::CosError;
use super::tags::{MAX_OBJECT_TAGS, Tags};
use crate::cos::http::request::text;

/// The attributes of an object, which can change while its bytes stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectAttributes {
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
    /// `None` where the ACL of the bucket counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acl: Option<Acl>,
    /// Of an archived object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restoration: Option<Restoration>,
}

impl ObjectAttributes {
    /// The attributes that the headers of an upload set.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, CosError> {
        let tags = text(headers, TAGGING).unwrap_or_default();
        Ok(Self {
            tags: Tags::of_header(tags, MAX_OBJECT_TAGS)?,
            acl: Acl::of_headers(headers, Level::Object)?,
            restoration: None,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The header with the tags of an upload.
pub(crate) const TAGGING: &str = "x-cos-tagging";
