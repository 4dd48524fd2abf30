//! How much a store takes: what refers to few bytes very often has to fit as well.

use tencent::time::{Clock as _, SystemClock};

use super::BUCKET;
use super::reopen::object;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::store::{Bucket, Content, Durability, Initiated, Object, ObjectMetadata, Store};

const UPLOAD: (&str, &str, &str) = (BUCKET, "whole", "id");

fn bucket(store: &Store) {
    let now = SystemClock.now();
    store.create_bucket(BUCKET, &Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
}

/// One byte, so often.
async fn repeated(store: &Store, times: u64) -> Object {
    let one = object(store, b"x").await;
    let mut content = Content::default();
    for _ in 0..times {
        content.append(&one.content);
    }
    let metadata = ObjectMetadata::new(times, one.metadata.etag, 0, SystemClock.now());
    Object { metadata, content }
}

#[tokio::test]
async fn slices_without_end_are_refused_and_space_is_freed() {
    let store = Store::in_memory(u64::MAX);
    bucket(&store);
    let put = async |key: &str, times| {
        let object = repeated(&store, times).await;
        let put = store.put_object(BUCKET, key, |_| Ok(object));
        put.map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(put("all", 1_000_001).await, Err("EntityTooLarge"));
    assert_eq!(put("a", 400_000).await, Ok(()));
    assert_eq!(put("b", 400_000).await, Ok(()));
    assert_eq!(put("c", 400_000).await, Err("EntityTooLarge"));
    assert!(store.read().object(BUCKET, "c").is_none());
    assert_eq!(put("a", 1).await, Ok(()), "in place of many");
    assert_eq!(put("c", 400_000).await, Ok(()));
    store.delete_object(BUCKET, "b", None, SystemClock.now()).unwrap();
    assert_eq!(put("d", 400_000).await, Ok(()));
}

#[tokio::test]
async fn the_count_is_that_of_what_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Durability::Process).unwrap();
    bucket(&store);
    for (key, times) in [("a", 3), ("b", 5), ("a", 2), ("empty", 0), ("gone", 4)] {
        let object = repeated(&store, times).await;
        store.put_object(BUCKET, key, |_| Ok(object)).unwrap();
    }
    store.delete_object(BUCKET, "gone", None, SystemClock.now()).unwrap();
    assert_eq!(store.read().count, 2 + 5 + 1);
    let begin = |id: &str| {
        let initiated = Initiated {
            headers: ObjectHeaders::default(),
            attributes: ObjectAttributes::default(),
            initiator: "somebody".to_owned(),
            at: SystemClock.now(),
        };
        store.begin_upload(UPLOAD.0, UPLOAD.1, id, initiated).unwrap();
    };
    begin(UPLOAD.2);
    begin("left");
    for (number, times) in [(1, 7), (2, 4), (1, 6)] {
        let part = repeated(&store, times).await;
        store.put_part(UPLOAD, number, part).unwrap();
    }
    assert_eq!(store.read().count, 8 + 2 + 4 + 6);
    let whole = repeated(&store, 10).await;
    store.complete_upload(UPLOAD, |_, _| Ok(whole)).unwrap();
    assert_eq!(store.read().count, 8 + 1 + 10);
    let part = repeated(&store, 3).await;
    store.put_part((BUCKET, "whole", "left"), 1, part).unwrap();
    assert_eq!(store.read().count, 19 + 3);
    store.close();
    drop(store);
    let again = Store::open(directory.path(), Durability::Process).unwrap();
    assert_eq!(again.read().count, 22);
    again.abort_upload((BUCKET, "whole", "left")).unwrap();
    assert_eq!(again.read().count, 18);
}
