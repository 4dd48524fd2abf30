//! What the door says of who it let in.

/// Who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// Nobody signed.
    pub(crate) anonymous: bool,
    /// The account that owns what is made, `100000000001`.
    pub(crate) owner_uin: u64,
    /// The user or the owner, as lists of uploads tell it.
    pub(crate) uin: u64,
    /// The sizes that a form's policy leaves to its file, both included.
    pub(crate) file_bytes: Option<(u64, u64)>,
}
