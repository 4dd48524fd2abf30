//! Authorization of COS: heads of requests, in header form and as presigned URLs.
//!
//! # Guarantees tested
//!
//! No input crashes authorization. It rejects whatever a second verifier of signatures rejects,
//! every other account, and, with the temporary key, everything outside its policy. A signature
//! that the second verifier accepts is never reported as a wrong signature or key.
//!
//! An input is a request. `{signature}` is the right signature for its lists, so that mutations of
//! everything else are signed too.

use std::sync::OnceLock;

use cos_emulator::fuzzing::{Authorized, Authorizer, NOW};

use crate::http_head::http_head;
use oracle::q_sign::{self as qsign, Key};
use oracle::wire::{Wire, decoded};

/// Tries one input. Returns whether it was authorized.
pub fn cos_auth(bytes: &[u8]) -> bool {
    let Some(mut wire) = Wire::read(bytes) else {
        return false;
    };
    let (authorizer, keys) = world();
    fill(&mut wire, keys);
    qsign::sign(&mut wire, keys);
    let Some(head) = http_head(&wire) else {
        return false;
    };
    let caller = qsign::caller(&wire, keys, NOW);
    match authorizer.authorize(&head, &MINE_AND_ANOTHERS.map(str::to_owned)) {
        Ok(None) => false,
        Ok(Some(authorized)) => {
            let caller = caller.expect("it was let in, and nobody signed it");
            assert!(!authorized.is_anonymous);
            check(&wire, &authorized, caller);
            true
        }
        Err(code) => {
            let blames = ["SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken"];
            assert!(caller.is_none() || !blames.contains(&code), "{code}");
            false
        }
    }
}

/// The account and its keys, the permanent one first.
pub(crate) fn world() -> (&'static Authorizer, &'static [Key; 2]) {
    static WORLD: OnceLock<(Authorizer, [Key; 2])> = OnceLock::new();
    let (authorizer, keys) = WORLD.get_or_init(|| {
        let authorizer = Authorizer::new().expect("an account");
        let key = |pair: &cos_emulator::KeyPair, token: Option<&String>| Key {
            id: pair.secret_id.clone(),
            secret: pair.secret_key.clone(),
            token: token.cloned(),
        };
        let keys =
            [key(&authorizer.permanent, None), key(&authorizer.temporary, Some(&authorizer.token))];
        (authorizer, keys)
    });
    (authorizer, keys)
}

/// Names of keys and the token, which differ in each run.
pub(crate) fn fill(wire: &mut Wire, keys: &[Key; 2]) {
    let [permanent, temporary] = keys;
    wire.fill("{permanent}", &permanent.id);
    wire.fill("{temporary}", &temporary.id);
    wire.fill("{token}", temporary.token.as_deref().unwrap_or_default());
}

pub(crate) fn check(wire: &Wire, authorized: &Authorized, caller: &Key) {
    let Some((bucket, region, key)) = &authorized.target else {
        assert!(caller.token.is_none(), "the list of buckets needs the star");
        assert_eq!(authorized.operation, "GetService");
        return;
    };
    if authorized.operation == "DeleteMultipleObjects" {
        let is_ours = bucket.ends_with("-1250000000");
        let expected = caller.token.is_none() && is_ours;
        assert_eq!(authorized.each[1], expected, "another's object");
        return;
    }
    assert!(bucket.ends_with("-1250000000"), "another account's");
    if caller.token.is_none() {
        return;
    }
    assert_eq!((bucket.as_str(), region.as_str()), (BUCKET, "ap-guangzhou"));
    let about = match authorized.operation {
        "GetBucket" | "ListMultipartUploads" => {
            let parameters = wire.parameters().expect("they were signed");
            let prefix = parameters.into_iter().find(|(name, _)| name == "prefix");
            prefix.map(|(_, value)| value).unwrap_or_default()
        }
        _ => key.clone(),
    };
    assert!(about.starts_with("users/1/"), "{}: {about}", authorized.operation);
    if authorized.operation.ends_with("Copy") {
        let names = ["x-cos-copy-source", "x-amz-copy-source"];
        let sources: Vec<&[u8]> = names.iter().flat_map(|name| wire.header(name)).collect();
        let source = qsign::only(&sources).expect("a source");
        let source = decoded(&source).expect("a source in UTF-8");
        assert!(source.contains("/users/1/"), "a copy of another's object");
    }
}

const BUCKET: &str = "examplebucket-1250000000";

const MINE_AND_ANOTHERS: [&str; 2] = ["users/1/a", "users/2/a"];
