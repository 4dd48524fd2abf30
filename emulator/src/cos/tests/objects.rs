//! Single objects: put, get, head, delete, ranges, conditions, copy, append.

use super::{HOST, World, header, noise, refusal, sent, status, texts};
use crate::cos::checksum::Checksums;
use crate::cos::{MergeOrder, Options};

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let world = World::new();
    let target = "/a/%E4%B8%AD%20%E6%96%87%2B1.txt";
    let put = world
        .request("PUT", target)
        .header("content-type", "text/plain")
        .header("content-md5", "7o3pGNBWQBRbGPcPTDqmAg==")
        .header("cache-control", "no-cache")
        .header("x-cos-meta-colour", "blue")
        .body("[Object Content]");
    let answer = sent(put).await;
    assert_eq!(answer.status(), 200);
    let crc64 = "16749565679157681890";
    let etag = "\"ee8de918d05640145b18f70f4c3aa602\"";
    assert_eq!(header(&answer, "etag"), etag);
    assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64);
    assert_eq!(header(&answer, "server"), "tencent-cos");
    assert!(answer.headers().contains_key("date"));
    for method in ["GET", "HEAD"] {
        let answer = sent(world.request(method, target)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-length"), "16");
        assert_eq!(header(&answer, "content-type"), "text/plain");
        assert_eq!(header(&answer, "cache-control"), "no-cache");
        assert_eq!(header(&answer, "x-cos-meta-colour"), "blue");
        assert_eq!(header(&answer, "accept-ranges"), "bytes");
        assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64);
        assert!(answer.headers().contains_key("last-modified"));
        assert!(!answer.headers().contains_key("x-cos-storage-class"));
        let body = answer.text().await.unwrap();
        let expected = ["", "[Object Content]"][usize::from(method == "GET")];
        assert_eq!(body, expected);
    }
    let deleted = sent(world.request("DELETE", target)).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(refusal(world.request("GET", target)).await, "404 NoSuchKey");
    assert_eq!(status(world.request("DELETE", target)).await, 204);
}

#[tokio::test]
async fn an_empty_object_and_one_over_many_chunks() {
    let directory = tempfile::tempdir().unwrap();
    for world in [World::new(), World::in_directory(directory.path())] {
        let empty = world.request("PUT", "/empty").header("content-length", "0");
        let etag = header(&sent(empty).await, "etag");
        assert_eq!(etag, "\"d41d8cd98f00b204e9800998ecf8427e\"");
        let answer = world.get("/empty").await;
        assert_eq!(header(&answer, "content-length"), "0");
        let body = noise(3_000_001, 1);
        let etag = world.put("/large", body.clone()).await;
        assert_eq!(etag, format!("\"{}\"", Checksums::of(&body).etag()));
        assert_eq!(world.get("/large").await.bytes().await.unwrap(), body);
        let whole = 3_000_000;
        for (first, last) in [(0, 0), (262_143, 262_145), (2_999_999, whole), (5, 2_900_000)] {
            let range = format!("bytes={first}-{last}");
            let answer = sent(world.request("GET", "/large").header("range", &range)).await;
            assert_eq!(answer.status(), 206);
            let expected = format!("bytes {first}-{last}/3000001");
            assert_eq!(header(&answer, "content-range"), expected);
            assert_eq!(answer.bytes().await.unwrap(), body[first..=last], "{range}");
        }
    }
}

#[tokio::test]
async fn a_range_behind_the_end_reports_the_length() {
    let world = World::new();
    world.put("/a", "0123456789").await;
    let answer = sent(world.request("GET", "/a").header("range", "bytes=10-")).await;
    assert_eq!(answer.status(), 416);
    assert_eq!(header(&answer, "content-range"), "bytes */10");
    let answer = sent(world.request("HEAD", "/a").header("range", "bytes=-3")).await;
    assert_eq!(answer.status(), 206);
    assert_eq!(header(&answer, "content-length"), "3");
}

#[tokio::test]
async fn conditions_on_reading_and_writing() {
    let world = World::new();
    let etag = world.put("/a", "1").await;
    let get = |name: &str, value: &str| world.request("GET", "/a").header(name, value);
    let answer = sent(get("if-none-match", &etag)).await;
    assert_eq!(answer.status(), 304);
    assert_eq!(header(&answer, "etag"), etag);
    assert_eq!(answer.text().await.unwrap(), "");
    assert_eq!(refusal(get("if-match", "\"x\"")).await, "412 PreconditionFailed");
    let put = |name: &str, value: &str| world.request("PUT", "/a").header(name, value).body("2");
    for (name, value, error) in [
        ("x-cos-forbid-overwrite", "true", "409 FileAlreadyExists"),
        ("if-none-match", "*", "412 PreconditionFailed"),
        ("if-match", "\"x\"", "412 PreconditionFailed"),
    ] {
        assert_eq!(refusal(put(name, value)).await, error);
    }
    assert_eq!(world.get("/a").await.text().await.unwrap(), "1");
    assert_eq!(status(put("if-match", &etag)).await, 200);
}

#[tokio::test]
async fn only_one_of_many_creates() {
    let world = World::new();
    let puts = (0..20).map(|number| {
        let put = world.request("PUT", "/once").header("x-cos-forbid-overwrite", "true");
        let sending = put.body(number.to_string()).send();
        tokio::spawn(sending)
    });
    let mut created = 0;
    for put in puts.collect::<Vec<_>>() {
        match put.await.unwrap().unwrap().status().as_u16() {
            200 => created += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn headers_of_an_answer_can_be_chosen_by_callers_who_signed() {
    let world = World::new();
    world.put("/a", "1").await;
    let target = "/a?response-content-type=text%2Fhtml&response-content-disposition=attachment";
    let answer = world.get(target).await;
    assert_eq!(header(&answer, "content-type"), "text/html");
    assert_eq!(header(&answer, "content-disposition"), "attachment");
    let anonymous = world.request("GET", target).header("x-test-anonymous", "1");
    assert_eq!(refusal(anonymous).await, "400 InvalidRequest");
    let broken = world.request("GET", "/a?response-content-type=a%0Ab");
    assert_eq!(refusal(broken).await, "400 InvalidArgument");
}

#[tokio::test]
async fn copies_keep_or_replace_metadata() {
    let world = World::new();
    let put = world.request("PUT", "/a%20b").header("x-cos-meta-a", "1").body("text");
    let etag = header(&sent(put).await, "etag");
    let source = format!("{HOST}/a%20b");
    let copy = |target: &str| world.request("PUT", target).header("x-cos-copy-source", &source);
    let answer = sent(copy("/copy")).await;
    assert_eq!(answer.status(), 200);
    let root = super::read_xml(answer).await;
    assert_eq!(root.name, "CopyObjectResult");
    assert_eq!(root.text_of("ETag"), Some(etag.as_str()));
    assert_eq!(header(&world.get("/copy").await, "x-cos-meta-a"), "1");
    let replaced =
        copy("/copy").header("x-cos-metadata-directive", "Replaced").header("x-cos-meta-b", "2");
    assert_eq!(status(replaced).await, 200);
    let answer = world.get("/copy").await;
    assert_eq!(header(&answer, "x-cos-meta-b"), "2");
    assert!(!answer.headers().contains_key("x-cos-meta-a"));
    // The copy outlives its source.
    sent(world.request("DELETE", "/a%20b")).await;
    assert_eq!(world.get("/copy").await.text().await.unwrap(), "text");
    assert_eq!(refusal(copy("/other")).await, "404 NoSuchKey");
}

#[tokio::test]
async fn encryption_by_the_service_is_kept_and_returned() {
    const ENCRYPTION: &str = "x-cos-server-side-encryption";
    let world = World::new();
    let put = |value: &str| world.request("PUT", "/a").header(ENCRYPTION, value).body("1");
    assert_eq!(header(&sent(put("AES256")).await, ENCRYPTION), "AES256");
    assert_eq!(header(&world.get("/a").await, ENCRYPTION), "AES256");
    for (value, error) in [
        ("cos/kms", "501 NotImplemented"),
        ("aes256", "400 SSEContentNotSupported"),
        ("None", "400 SSEContentNotSupported"),
    ] {
        assert_eq!(refusal(put(value)).await, error, "{value}");
    }
    let own_key = world
        .request("PUT", "/b")
        .header("x-cos-server-side-encryption-customer-algorithm", "AES256");
    assert_eq!(refusal(own_key.body("1")).await, "501 NotImplemented");
    // A copy is encrypted only if it asks for it.
    let source = format!("{HOST}/a");
    let copy = || world.request("PUT", "/copy").header("x-cos-copy-source", &source);
    assert_eq!(header(&sent(copy().header(ENCRYPTION, "AES256")).await, ENCRYPTION), "AES256");
    sent(copy()).await;
    assert!(!world.get("/copy").await.headers().contains_key(ENCRYPTION));
    let begun = sent(world.request("POST", "/c?uploads").header(ENCRYPTION, "AES256")).await;
    assert_eq!(header(&begun, ENCRYPTION), "AES256");
}

#[tokio::test]
async fn copies_that_are_refused() {
    let world = World::new();
    let etag = world.put("/a", "text").await;
    let source = format!("{HOST}/a");
    let elsewhere = source.replace("guangzhou", "beijing");
    let foreign = format!("other-1250000000.{}/a", HOST.split_once('.').unwrap().1);
    for (source, name, value, error) in [
        (source.as_str(), "x", "", "400 InvalidRequest"),
        ("a", "x", "", "400 InvalidCopySource"),
        (&foreign, "x", "", "404 NoSuchBucket"),
        (&elsewhere, "x", "", "404 NoSuchBucket"),
        (&source, "x-cos-metadata-directive", "Both", "400 InvalidArgument"),
        (&source, "x-cos-copy-source-if-none-match", &etag, "412 PreconditionFailed"),
        (&source, "x-cos-acl", "public-read-write", "400 InvalidArgument"),
    ] {
        let copy = world.request("PUT", "/a").header("x-cos-copy-source", source);
        assert_eq!(refusal(copy.header(name, value)).await, error, "{source} {name}");
    }
}

#[tokio::test]
async fn appending_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let append = |position: u64, body: &str| {
        let target = format!("/log?append&position={position}");
        world.request("POST", &target).body(body.to_owned())
    };
    let first = sent(append(0, "12345")).await;
    assert_eq!(header(&first, "x-cos-next-append-position"), "5");
    let second = sent(append(5, "6789")).await;
    assert_eq!(second.status(), 200);
    assert_eq!(header(&second, "x-cos-next-append-position"), "9");
    assert_eq!(header(&second, "x-cos-hash-crc64ecma"), "11051210869376104954");
    let answer = world.get("/log").await;
    assert_eq!(header(&answer, "x-cos-object-type"), "appendable");
    assert_eq!(header(&answer, "etag"), header(&second, "etag"));
    assert_eq!(answer.text().await.unwrap(), "123456789");
    // Despite its name: the MD5 of the piece.
    let md5 = Checksums::of(b"6789").etag();
    assert_eq!(header(&second, "x-cos-content-sha1"), md5);
    let copy = world.request("PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/log"));
    assert_eq!(refusal(copy).await, "400 InvalidRequest");
    let wrong = sent(append(5, "x")).await;
    assert_eq!(wrong.status(), 409);
    assert_eq!(header(&wrong, "x-cos-next-append-position"), "9");
    world.put("/plain", "1").await;
    let plain = world.request("POST", "/plain?append&position=1").body("2");
    assert_eq!(refusal(plain).await, "409 ObjectNotAppendable");
    let none = world.request("POST", "/log?append&position=x").body("2");
    assert_eq!(refusal(none).await, "400 InvalidArgument");
    assert_eq!(world.get("/log").await.text().await.unwrap(), "123456789");
}

#[tokio::test]
async fn a_key_is_stored_as_sent_unless_an_order_is_chosen() {
    for (merge_order, key) in [
        (MergeOrder::NotKnown, "a/../b"),
        (MergeOrder::BeforeAuthorization, "b"),
        (MergeOrder::AfterAuthorization, "b"),
    ] {
        let world = World::with(&Options { merge_order, ..Options::default() });
        world.put("/a/..%2Fb", "text").await;
        let list = world.document("/").await;
        assert_eq!(texts(&list, "Contents", "Key"), [key]);
        assert_eq!(world.get("/a/..%2Fb").await.text().await.unwrap(), "text");
        let copy =
            world.request("PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/a/..%2Fb"));
        assert_eq!(status(copy).await, 200);
        sent(world.request("DELETE", "/a/..%2Fb")).await;
        let list = world.document("/").await;
        assert_eq!(texts(&list, "Contents", "Key"), ["copy"]);
    }
}

#[tokio::test]
async fn a_reader_keeps_what_it_began_to_read() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let body = noise(8_000_000, 3);
    world.put("/a", body.clone()).await;
    let mut answer = world.get("/a").await;
    let mut read = answer.chunk().await.unwrap().unwrap().to_vec();
    world.put("/a", "new").await;
    sent(world.request("DELETE", "/a")).await;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert!(read == body);
    drop(answer);
    // Without readers, the file is deleted.
    let blobs = directory.path().join("blobs");
    for _ in 0..500 {
        if std::fs::read_dir(&blobs).unwrap().count() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the file of a deleted object stays");
}
