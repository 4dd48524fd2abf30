//! The door of COS: heads of requests, in header form and as presigned URLs.
//!
//! Promises tried: nothing brings the door down; it lets in nothing that a second reader of signatures takes for nobody's, nothing that is
//! not of this account, and, with the temporary key, nothing outside what its policy names; what the second reader takes for right it
//! never calls a wrong signature or key.
//!
//! An input is a request. `{signature}` is the right one for what its lists name, so that mutations of everything else are signed too.

use std::sync::OnceLock;

use cos_emulator::fuzzing::{Door, LetIn, NOW};

use crate::http_head::http_head;
use oracle::q_sign::{self as qsign, Key};
use oracle::wire::{Wire, decoded};

/// Tries one input. Returns whether it was let in.
pub fn cos_door(bytes: &[u8]) -> bool {
    let Some(mut wire) = Wire::read(bytes) else {
        return false;
    };
    let (door, keys) = world();
    fill(&mut wire, keys);
    qsign::sign(&mut wire, keys);
    let Some(head) = http_head(&wire) else {
        return false;
    };
    let caller = qsign::caller(&wire, keys, NOW);
    match door.admit(&head, &MINE_AND_ANOTHERS.map(str::to_owned)) {
        Ok(None) => false,
        Ok(Some(let_in)) => {
            let caller = caller.expect("it was let in, and nobody signed it");
            assert!(!let_in.is_anonymous);
            check(&wire, &let_in, caller);
            true
        }
        Err(code) => {
            let blames = [
                "SignatureDoesNotMatch",
                "InvalidAccessKeyId",
                "ExpiredToken",
            ];
            assert!(caller.is_none() || !blames.contains(&code), "{code}");
            false
        }
    }
}

/// The door and its keys, the permanent one first.
pub(crate) fn world() -> (&'static Door, &'static [Key; 2]) {
    static WORLD: OnceLock<(Door, [Key; 2])> = OnceLock::new();
    let (door, keys) = WORLD.get_or_init(|| {
        let door = Door::new().expect("a door");
        let key = |pair: &cos_emulator::KeyPair, token: Option<&String>| Key {
            id: pair.secret_id.clone(),
            secret: pair.secret_key.clone(),
            token: token.cloned(),
        };
        let keys = [
            key(&door.permanent, None),
            key(&door.temporary, Some(&door.token)),
        ];
        (door, keys)
    });
    (door, keys)
}

/// Names of keys and the token, which are others in each run.
pub(crate) fn fill(wire: &mut Wire, keys: &[Key; 2]) {
    let [permanent, temporary] = keys;
    wire.fill("{permanent}", &permanent.id);
    wire.fill("{temporary}", &temporary.id);
    wire.fill("{token}", temporary.token.as_deref().unwrap_or_default());
}

fn check(wire: &Wire, let_in: &LetIn, caller: &Key) {
    let Some((bucket, region, key)) = &let_in.place else {
        assert!(caller.token.is_none(), "the list of buckets needs the star");
        assert_eq!(let_in.operation, "GetService");
        return;
    };
    if let_in.operation == "DeleteMultipleObjects" {
        let is_ours = bucket.ends_with("-1250000000");
        let expected = caller.token.is_none() && is_ours;
        assert_eq!(let_in.each[1], expected, "another's object");
        return;
    }
    assert!(bucket.ends_with("-1250000000"), "another account's");
    if caller.token.is_none() {
        return;
    }
    assert_eq!((bucket.as_str(), region.as_str()), (BUCKET, "ap-guangzhou"));
    let about = match let_in.operation {
        "GetBucket" | "ListMultipartUploads" => {
            let parameters = wire.parameters().expect("they were signed");
            let prefix = parameters.into_iter().find(|(name, _)| name == "prefix");
            prefix.map(|(_, value)| value).unwrap_or_default()
        }
        _ => key.clone(),
    };
    assert!(
        about.starts_with("users/1/"),
        "{}: {about}",
        let_in.operation
    );
    if let_in.operation.ends_with("Copy") {
        let source = qsign::only(&wire.header("x-cos-copy-source")).expect("a source");
        let source = decoded(&source).expect("a source in UTF-8");
        assert!(source.contains("/users/1/"), "a copy of another's object");
    }
}

const BUCKET: &str = "examplebucket-1250000000";

const MINE_AND_ANOTHERS: [&str; 2] = ["users/1/a", "users/2/a"];
