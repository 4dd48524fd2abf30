//! Uploads in parts, over the wire.

use super::{HOST, World, header, noise, read_xml, refusal, sent, status, texts};
use crate::cos::checksum::Checksums;
use crate::cos::http::xml;

const MIB: usize = 1024 * 1024;

async fn begun(world: &World, target: &str) -> String {
    let answer =
        sent(world.request("POST", &format!("{target}?uploads")).header("x-cos-meta-a", "1")).await;
    assert_eq!(answer.status(), 200);
    let root = read_xml(answer).await;
    assert_eq!(root.name, "InitiateMultipartUploadResult");
    assert_eq!(root.text_of("Bucket"), Some(super::BUCKET));
    let id = root.text_of("UploadId").unwrap().to_owned();
    assert_eq!(id.len(), 74);
    id
}

fn part(
    world: &World,
    target: &str,
    id: &str,
    number: u32,
    body: Vec<u8>,
) -> reqwest::RequestBuilder {
    let target = format!("{target}?partNumber={number}&uploadId={id}");
    world.request("PUT", &target).body(body)
}

fn completion(parts: &[(u32, &str)]) -> String {
    xml::document("CompleteMultipartUpload", |root| {
        for (number, etag) in parts {
            root.element("Part", |part| {
                part.text("PartNumber", number);
                part.text("ETag", etag);
            });
        }
    })
}

fn complete(
    world: &World,
    target: &str,
    id: &str,
    parts: &[(u32, &str)],
) -> reqwest::RequestBuilder {
    let target = format!("{target}?uploadId={id}");
    world.request("POST", &target).body(completion(parts))
}

#[tokio::test]
async fn parts_in_any_order_become_one_object() {
    let directory = tempfile::tempdir().unwrap();
    for world in [World::new(), World::in_directory(directory.path())] {
        let id = begun(&world, "/big").await;
        let bodies = [noise(MIB, 1), noise(MIB + 5, 2), noise(77, 3)];
        let mut etags = vec![String::new(); 3];
        for index in [2, 0, 1] {
            let number = index as u32 + 1;
            // A part may be sent again.
            sent(part(&world, "/big", &id, number, vec![0; 9])).await;
            let answer = sent(part(&world, "/big", &id, number, bodies[index].clone())).await;
            assert_eq!(answer.status(), 200);
            let sums = Checksums::of(&bodies[index]);
            assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), sums.crc64.to_string());
            etags[index] = header(&answer, "etag");
            assert_eq!(etags[index], format!("\"{}\"", sums.etag()));
        }
        let list = world.document(&format!("/big?uploadId={id}&max-parts=2")).await;
        assert_eq!(texts(&list, "Part", "PartNumber"), ["1", "2"]);
        assert_eq!(texts(&list, "Part", "ETag"), etags[..2]);
        assert_eq!(list.text_of("IsTruncated"), Some("true"));
        assert_eq!(list.text_of("NextPartNumberMarker"), Some("2"));
        let list = world.document(&format!("/big?uploadId={id}&part-number-marker=2")).await;
        assert_eq!(texts(&list, "Part", "Size"), ["77"]);
        assert_eq!(refusal(world.request("GET", "/big")).await, "404 NoSuchKey");

        let parts: Vec<(u32, &str)> = (1..).zip(etags.iter().map(String::as_str)).collect();
        let answer = sent(complete(&world, "/big", &id, &parts)).await;
        assert_eq!(answer.status(), 200);
        let whole = bodies.concat();
        let crc64 = Checksums::of(&whole).crc64.to_string();
        assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64);
        let root = read_xml(answer).await;
        let etag = root.text_of("ETag").unwrap().to_owned();
        assert!(etag.ends_with("-3\"") && etag.len() == 36, "{etag}");
        assert_eq!(root.text_of("Location"), Some(format!("http://{HOST}/big").as_str()));
        let answer = world.get("/big").await;
        assert_eq!(header(&answer, "etag"), etag);
        assert_eq!(header(&answer, "x-cos-meta-a"), "1");
        assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64);
        assert!(answer.bytes().await.unwrap() == whole);
        let range = format!("bytes={}-{}", MIB - 3, 2 * MIB + 10);
        let answer = sent(world.request("GET", "/big").header("range", range)).await;
        assert!(answer.bytes().await.unwrap() == whole[MIB - 3..=2 * MIB + 10]);
        let gone = refusal(complete(&world, "/big", &id, &parts)).await;
        assert_eq!(gone, "404 NoSuchUpload");
    }
}

#[tokio::test]
async fn completions_that_are_refused_change_nothing() {
    let world = World::new();
    let id = begun(&world, "/a").await;
    let first = sent(part(&world, "/a", &id, 1, noise(MIB - 1, 1))).await;
    let second = sent(part(&world, "/a", &id, 2, noise(10, 2))).await;
    let (first, second) = (header(&first, "etag"), header(&second, "etag"));
    let (one, two) = (first.as_str(), second.as_str());
    for (parts, code) in [
        (vec![(1, one), (2, two)], "EntityTooSmall"),
        (vec![(2, two), (1, one)], "InvalidPartOrder"),
        (vec![(1, one), (1, one)], "InvalidPartOrder"),
        (vec![(1, two)], "InvalidPart"),
        (vec![(3, two)], "InvalidPart"),
        (vec![(0, two)], "MalformedXML"),
        (vec![(10_001, two)], "MalformedXML"),
        (vec![], "MalformedXML"),
    ] {
        let refused = refusal(complete(&world, "/a", &id, &parts)).await;
        assert_eq!(refused, format!("400 {code}"), "{parts:?}");
    }
    let target = format!("/a?uploadId={id}");
    for body in ["", "<Delete/>", "<CompleteMultipartUpload>"] {
        let post = world.request("POST", &target).header("content-length", body.len()).body(body);
        assert_eq!(refusal(post).await, "400 MalformedXML", "{body}");
    }
    let digest = world
        .request("POST", &target)
        .header("content-md5", "7o3pGNBWQBRbGPcPTDqmAg==")
        .body(completion(&[(2, &second)]));
    assert_eq!(refusal(digest).await, "400 BadDigest");
    assert_eq!(refusal(world.request("GET", "/a")).await, "404 NoSuchKey");
    let taken =
        complete(&world, "/a", &id, &[(2, &second)]).header("x-cos-forbid-overwrite", "true");
    assert_eq!(status(taken).await, 200);
}

#[tokio::test]
async fn what_belongs_to_no_upload_is_refused() {
    let world = World::new();
    let id = begun(&world, "/a").await;
    for (method, target) in [
        ("PUT", "/a?partNumber=1&uploadId=none".to_owned()),
        ("PUT", format!("/b?partNumber=1&uploadId={id}")),
        ("GET", format!("/b?uploadId={id}")),
        ("POST", format!("/b?uploadId={id}")),
        ("DELETE", format!("/b?uploadId={id}")),
        ("GET", "/a?uploadId=".to_owned()),
    ] {
        let refused = refusal(world.request(method, &target).body("x")).await;
        assert_eq!(refused, "404 NoSuchUpload", "{method} {target}");
    }
    for number in ["0", "10001", "-1", "x", ""] {
        let target = format!("/a?partNumber={number}&uploadId={id}");
        let refused = refusal(world.request("PUT", &target).body("x")).await;
        assert_eq!(refused, "400 InvalidArgument", "{number}");
    }
    let target = format!("/a?uploadId={id}");
    assert_eq!(status(world.request("DELETE", &target)).await, 204);
    assert_eq!(refusal(world.request("DELETE", &target)).await, "404 NoSuchUpload");
}

#[tokio::test]
async fn uploads_are_listed_with_all_markers() {
    let world = World::new();
    for form in ["/?uploads", "/?uploads="] {
        assert!(world.document(form).await.child("Upload").is_none());
    }
    let mut ids = Vec::new();
    for target in ["/a", "/a", "/d/1", "/d/2", "/e"] {
        ids.push(begun(&world, target).await);
    }
    ids[..2].sort();
    let all = world.document("/?uploads").await;
    assert_eq!(all.name, "ListMultipartUploadsResult");
    assert_eq!(texts(&all, "Upload", "UploadId"), ids);
    assert_eq!(all.text_of("IsTruncated"), Some("false"));
    let initiator = all.child("Upload").unwrap().child("Initiator").unwrap();
    assert_eq!(initiator.text_of("ID"), Some("qcs::cam::uin/100000000001:uin/100000000002"));
    let page = world.document("/?uploads&max-uploads=1").await;
    assert_eq!(page.text_of("NextKeyMarker"), Some("a"));
    assert_eq!(page.text_of("NextUploadIdMarker"), Some(ids[0].as_str()));
    let page = world
        .document(&format!("/?uploads&max-uploads=1&key-marker=a&upload-id-marker={}", ids[0]))
        .await;
    assert_eq!(texts(&page, "Upload", "UploadId"), ids[1..2]);
    let page = world.document("/?uploads&key-marker=a&delimiter=/&encoding-type=url").await;
    assert_eq!(texts(&page, "Upload", "Key"), ["e"]);
    assert_eq!(texts(&page, "CommonPrefixes", "Prefix"), ["d/"]);
    assert_eq!(page.text_of("Encoding-Type"), Some("url"));
    let python = "/?uploads&prefix=d/&delimiter=&key-marker=&upload-id-marker=&max-uploads=1000&encoding-type=url";
    assert_eq!(texts(&world.document(python).await, "Upload", "Key"), ["d/1", "d/2"]);
}

#[tokio::test]
async fn parts_are_copied_whole_and_by_range() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let body = noise(2 * MIB, 5);
    world.put("/source", body.clone()).await;
    let id = begun(&world, "/target").await;
    let copy = |number: u32, range: &str| {
        let target = format!("/target?partNumber={number}&uploadId={id}");
        let copy =
            world.request("PUT", &target).header("x-cos-copy-source", format!("{HOST}/source"));
        // Python sends the header without a value when it copies the whole.
        copy.header("x-cos-copy-source-range", range)
    };
    let whole = read_xml(sent(copy(1, "")).await).await;
    assert_eq!(whole.name, "CopyPartResult");
    let range = read_xml(sent(copy(2, "bytes=1000000-1000009")).await).await;
    let slice = &body[1_000_000..1_000_010];
    let etag = format!("\"{}\"", Checksums::of(slice).etag());
    assert_eq!(range.text_of("ETag"), Some(etag.as_str()));
    for (range, error) in
        [("bytes=0-2097152", "416 InvalidRange"), ("bytes=5-", "400 InvalidArgument")]
    {
        assert_eq!(refusal(copy(3, range)).await, error);
    }
    sent(world.request("DELETE", "/source")).await;
    let parts = [(1, whole.text_of("ETag").unwrap()), (2, etag.as_str())];
    let answer = sent(complete(&world, "/target", &id, &parts)).await;
    assert_eq!(answer.status(), 200);
    let expected = [body.as_slice(), slice].concat();
    let crc64 = Checksums::of(&expected).crc64.to_string();
    assert_eq!(header(&answer, "x-cos-hash-crc64ecma"), crc64);
    assert!(world.get("/target").await.bytes().await.unwrap() == expected);
}
