//! The order and the ids of versions.
//! <https://www.tencentcloud.com/document/product/436/19883>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

/// The place of a version among those of its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct VersionMark {
    /// Larger for later versions; 0 in a bucket that never kept any.
    pub(super) sequence: u64,
    /// Otherwise its id is `null`, of which a key has one.
    pub(super) has_id: bool,
}

/// What a deletion did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// The version that was deleted, or the marker that was made.
    pub(crate) version_id: Option<String>,
    /// That is a delete marker.
    pub(crate) is_marker: bool,
}

impl VersionMark {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// In the form of the documents' samples: base64 of a number that falls with time.
    pub(crate) fn id(self) -> String {
        if !self.has_id {
            return NULL.to_owned();
        }
        STANDARD_NO_PAD.encode(u64::MAX.saturating_sub(self.sequence).to_string())
    }

    /// Its id, unless that is `null`.
    pub(crate) fn own_id(self) -> Option<String> {
        self.has_id.then(|| self.id())
    }
}

/// The id of the version that a key has without versioning.
const NULL: &str = "null";

#[cfg(test)]
mod tests {
    use super::VersionMark;

    #[test]
    fn ids_have_the_form_of_the_samples() {
        let sequence = u64::MAX - 18_445_157_562_314_500_088;
        let mark = VersionMark { sequence, has_id: true };
        assert_eq!(mark.id(), "MTg0NDUxNTc1NjIzMTQ1MDAwODg");
        let null = VersionMark { has_id: false, ..mark };
        assert_eq!((null.id().as_str(), null.own_id()), ("null", None));
    }
}
