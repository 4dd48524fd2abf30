//! An access in plain terms, for the naive evaluator, and as the real one takes it.
//!
//! The test `cam_differential` uses it too, by this file's path.

use std::collections::BTreeMap;

use cos_issuer::cam::{Access, Account, Bucket, Context, Region, Target};

/// An access.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) region: String,
    /// `<bucket-appid>` with the user number of its owner; `None` is the service itself.
    pub(crate) bucket: Option<(String, String)>,
    pub(crate) key: String,
    /// The values of each condition key, as the request means them.
    pub(crate) context: BTreeMap<String, Vec<String>>,
}

/// Whose policies these are: appid and user number.
pub(crate) const CREATOR: (&str, &str) = ("1250000000", "100000000001");

impl Asked {
    /// The same for the real evaluator; `None` when the bucket or the region is none.
    pub(crate) fn access(&self) -> Option<Access> {
        let target = match &self.bucket {
            None => Target::Service,
            Some((bucket, owner)) => Target::Object {
                region: Region::parse(&self.region).ok()?,
                bucket: Bucket::parse(bucket).ok()?,
                owner_uin: owner.clone(),
                key: self.key.clone(),
            },
        };
        let pairs = self.context.iter();
        let pairs = pairs.flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
        Some(Access {
            account: Account {
                appid: CREATOR.0.to_owned(),
                owner_uin: CREATOR.1.to_owned(),
            },
            action: self.action.clone(),
            target,
            context: pairs.fold(Context::new(), |context, (key, value)| {
                context.with(key, value)
            }),
        })
    }
}
