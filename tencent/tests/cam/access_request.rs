//! What the naive evaluator is asked, as the real one takes it.

use oracle::cam::{Asked, CREATOR};
use tencent::cam::{AccessRequest, Account, Context, Target};
use tencent::names::{Bucket, Region};

/// The same for the real evaluator; `None` without a valid bucket and region.
pub(crate) fn access_request(asked: &Asked) -> Option<AccessRequest> {
    let target = match &asked.bucket {
        None => Target::Service,
        Some((bucket, owner)) => Target::Object {
            region: Region::parse(&asked.region).ok()?,
            bucket: Bucket::parse(bucket).ok()?,
            owner_uin: owner.clone(),
            key: asked.key.clone(),
        },
    };
    let pairs = asked.context.iter();
    let pairs = pairs.flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    Some(AccessRequest {
        account: Account { appid: CREATOR.0.to_owned(), owner_uin: CREATOR.1.to_owned() },
        action: asked.action.clone(),
        target,
        context: pairs.fold(Context::new(), |context, (key, value)| context.with(key, value)),
    })
}
