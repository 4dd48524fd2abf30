//! The accesses that a policy is tried with: those it names, their neighbours, and those that no
//! grant allows.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::grant::{Access, UPLOADS};
use super::world::World;

/// Next to those of uploads; no grant allows most of the last.
const OTHERS: [&str; 15] = [
    "AppendObject",
    "UploadPartCopy",
    "GetObject",
    "HeadObject",
    "GetBucket",
    "DeleteObject",
    "GetService",
    "PutObjectACL",
    "PutBucketACL",
    "PutBucketPolicy",
    "DeleteBucket",
    "PutBucket",
    "HeadBucket",
    "GetObjectTagging",
    "PutBucketReplication",
];

const LENGTHS: [Option<u64>; 7] =
    [None, Some(0), Some(1), Some(10), Some(11), Some(5_000_000), Some(u64::MAX)];

const TYPES: [Option<&str>; 6] =
    [None, Some("image/png"), Some("image/svg+xml"), Some("text/html"), Some("image"), Some("")];

const ACLS: [Option<&str>; 5] =
    [None, Some("default"), Some("private"), Some("public-read"), Some("public-read-write")];

const VPCS: [Option<&str>; 3] = [None, Some("vpc-a1"), Some("vpc-b2")];

const ADDRESSES: [Ipv4Addr; 4] = [
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 1, 0, 1),
    Ipv4Addr::new(11, 0, 0, 1),
    Ipv4Addr::new(192, 0, 2, 7),
];

/// Every operation on every neighbouring key, in each bucket and region, once as a plain upload of
/// one byte and once with another combination of length, type, address, ACL, protocol and VPC each
/// time.
pub(crate) fn near(world: &World, policy: &Value) -> Vec<Access> {
    let mut accesses = Vec::new();
    let mut turn = world.turn;
    let keys = keys(policy);
    for operation in UPLOADS.iter().chain(&OTHERS) {
        for key in &keys {
            for (bucket, region) in places(world) {
                turn = turn
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let pick =
                    |count: usize, shift: u32| usize::try_from(turn >> shift).unwrap_or(0) % count;
                let access = Access {
                    operation: (*operation).to_owned(),
                    bucket: bucket.clone(),
                    region,
                    key: key.clone(),
                    content_length: LENGTHS[pick(LENGTHS.len(), 33)],
                    content_type: TYPES[pick(TYPES.len(), 40)].map(str::to_owned),
                    ip: ADDRESSES[pick(ADDRESSES.len(), 47)],
                    acl: ACLS[pick(ACLS.len(), 51)].map(str::to_owned),
                    is_https: pick(4, 55) > 0,
                    vpc: VPCS[pick(VPCS.len(), 58)].map(str::to_owned),
                };
                let plain = Access {
                    content_length: Some(1),
                    content_type: Some("image/png".to_owned()),
                    ip: ADDRESSES[0],
                    acl: None,
                    is_https: true,
                    vpc: VPCS[1].map(str::to_owned),
                    ..access.clone()
                };
                accesses.extend([access, plain]);
            }
        }
    }
    accesses
}

fn places(world: &World) -> Vec<(Option<String>, String)> {
    let mut places = vec![
        (None, "ap-guangzhou".to_owned()),
        (Some("foreign-1250000000".to_owned()), "ap-guangzhou".to_owned()),
    ];
    for grant in &world.grants {
        for region in [&grant.region, "ap-shanghai"] {
            places.push((Some(grant.bucket.clone()), region.to_owned()));
        }
    }
    places.sort();
    places.dedup();
    places
}

/// The keys that the resources name, their neighbours, and some keys of others.
fn keys(policy: &Value) -> Vec<String> {
    let mut keys: Vec<String> = [
        "",
        "a",
        "users/",
        "users/u-1/a.jpg",
        "users/u-12/a.jpg",
        "public/a.jpg",
        "t/gold/7/x.png",
    ]
    .map(str::to_owned)
    .to_vec();
    let resources = policy["statement"].as_array().into_iter().flatten();
    for resource in resources.filter_map(|statement| statement["resource"][0].as_str()) {
        let key = resource
            .split_once(':')
            .map_or("", |_| resource.rsplit(':').next().unwrap_or_default());
        let key = key.split_once('/').map_or("", |(_, key)| key);
        let literal = key.trim_end_matches('*');
        let closed = literal.trim_end_matches('/');
        keys.extend([
            literal.to_owned(),
            format!("{literal}x"),
            format!("{literal}x.jpg"),
            format!("{literal}.jpg"),
            format!("{literal}a.jpg.php"),
            format!("{literal}b/c.JPG"),
            format!("{closed}2/a.jpg"),
            format!("{closed}x"),
            closed.to_owned(),
            closed.chars().take(closed.chars().count().saturating_sub(1)).collect(),
            closed.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned() + "/other/a.jpg",
        ]);
    }
    keys.sort();
    keys.dedup();
    keys
}
