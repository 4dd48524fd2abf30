//! Pictures: what a download makes of them, and what is refused.

use super::{World, header, read_xml, refusal, refusals, sent, texts};
use crate::cos::checksum::Checksums;
use crate::cos::image::Header;
use crate::cos::image::tests::{jpeg, png};
use crate::cos::{MergeOrder, Options};

/// Content type and size of a picture.
async fn shown(world: &World, target: &str) -> String {
    let answer = world.get(target).await;
    assert_eq!(answer.status(), 200, "{target}");
    let content_type = header(&answer, "content-type");
    let length = header(&answer, "content-length");
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(length, bytes.len().to_string());
    let picture = Header::read(&bytes).unwrap();
    assert_eq!(content_type, picture.format.content_type());
    format!("{content_type} {}", picture.size)
}

/// `.jpg` and `.png`, text, and nothing.
async fn world() -> World {
    let world = World::new();
    world.put("/a.jpg", jpeg(640, 427, 90)).await;
    world.put("/a.png", png(300, 200)).await;
    world.put("/text.jpg", "text").await;
    let empty = world.request("PUT", "/empty.jpg").header("content-length", "0");
    assert_eq!(sent(empty).await.status(), 200);
    world
}

#[tokio::test]
async fn a_download_makes_what_its_parameter_asks_for() {
    let world = world().await;
    for (target, expected) in [
        ("/a.jpg?imageMogr2/thumbnail/!50p", "image/jpeg 320x214"),
        ("/a.jpg?imageMogr2/thumbnail/200x/", "image/jpeg 200x133"),
        ("/a.jpg?imageMogr2/thumbnail/200x=", "image/jpeg 200x133"),
        ("/a.jpg?imageMogr2%2Fthumbnail%2F%21300x300r", "image/jpeg 450x300"),
        ("/a.jpg?imageMogr2/thumbnail/1000x1000%3E", "image/jpeg 640x427"),
        ("/a.jpg?imageMogr2/thumbnail/1000x1000%3C", "image/jpeg 1000x667"),
        ("/a.png?imageMogr2/thumbnail/60000@", "image/png 300x200"),
        ("/a.png?imageMogr2/rotate/90", "image/png 200x300"),
        ("/a.png?imageMogr2/thumbnail/30x|imageMogr2/format/jpg", "image/jpeg 30x20"),
        ("/a.png?v=1&imageMogr2/thumbnail/x20&sign=", "image/png 30x20"),
    ] {
        assert_eq!(shown(&world, target).await, expected, "{target}");
    }
    let plain = world.get("/a.png").await.bytes().await.unwrap();
    assert_eq!(plain, png(300, 200), "the object stays as it is");
}

#[tokio::test]
async fn the_description_of_a_picture() {
    let world = world().await;
    let file = jpeg(640, 427, 90);
    let answer = world.get("/a.jpg?imageInfo").await;
    assert_eq!(header(&answer, "content-type"), "application/json");
    assert_eq!(
        answer.text().await.unwrap(),
        format!(
            "{{\"format\": \"jpeg\", \"width\": \"640\", \"height\": \"427\", \"size\": \"{}\", \
             \"md5\": \"{}\", \"frame_count\": \"1\", \"bit_depth\": \"8\", \
             \"vertical_dpi\": \"0\", \"horizontal_dpi\": \"0\"}}",
            file.len(),
            Checksums::of(&file).etag(),
        )
    );
    assert!(world.get("/a.png?imageInfo").await.text().await.unwrap().contains("\"png\""));
}

#[tokio::test]
async fn heads_ranges_conditions_and_headers_of_a_result() {
    let world = world().await;
    let target = "/a.png?imageMogr2/thumbnail/30x";
    let whole = world.get(target).await;
    let modified = header(&whole, "last-modified");
    for name in ["etag", "x-cos-hash-crc64ecma"] {
        assert!(!whole.headers().contains_key(name), "{name} is that of the object");
    }
    let whole = whole.bytes().await.unwrap();
    let head = sent(world.request("HEAD", target)).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-length"), whole.len().to_string());
    assert_eq!(header(&head, "content-type"), "image/png");
    assert_eq!(head.bytes().await.unwrap().len(), 0);
    let part = sent(world.request("GET", target).header("range", "bytes=1-4")).await;
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), format!("bytes 1-4/{}", whole.len()));
    assert_eq!(part.bytes().await.unwrap(), whole[1..5]);
    let range = format!("bytes={}-", whole.len());
    let behind = || world.request("GET", target).header("range", &range);
    assert_eq!(header(&sent(behind()).await, "x-errno"), "-29034");
    assert_eq!(refusal(behind()).await, "416 InvalidRange");
    let unmodified = world.request("GET", target).header("if-modified-since", &modified);
    assert_eq!(sent(unmodified).await.status(), 304);
    let changed = world.request("GET", target).header("if-match", "\"x\"");
    assert_eq!(refusal(changed).await, "412 PreconditionFailed");
    let named = format!("{target}&response-content-disposition=attachment");
    assert_eq!(header(&world.get(&named).await, "content-disposition"), "attachment");
}

#[tokio::test]
async fn what_is_not_made_has_the_number_of_the_documents() {
    let world = world().await;
    for (target, expected) in [
        ("/text.jpg?imageInfo", "400 ResourceNotSupported -441"),
        ("/text.jpg?imageMogr2/rotate/90", "400 ResourceNotSupported -441"),
        ("/text.jpg?imageMogr2/rotate/90/ignore-error/1", "400 ResourceNotSupported -441"),
        ("/empty.jpg?imageMogr2/rotate/90", "400 ResourceNotSupported -40168"),
        ("/a.jpg?imageMogr2", "400 InvalidArgument -106"),
        ("/a.jpg?imageMogr2/thumbnail/300", "400 InvalidArgument -106"),
        ("/a.jpg?imageMogr2/thumbnail/30x&imageInfo", "400 InvalidArgument -106"),
        ("/a.jpg?imageMogr2/thumbnail/10000x", "400 InvalidArgument -442"),
        ("/a.jpg?imageMogr2/cut/641x1x0x0", "400 InvalidArgument -442"),
    ] {
        let number = header(&world.get(target).await, "x-errno");
        let refused = refusal(world.request("GET", target)).await;
        assert_eq!(format!("{refused} {number}"), expected, "{target}");
        assert_eq!(sent(world.request("HEAD", target)).await.status(), 400, "{target}");
    }
    let original = "/a.jpg?imageMogr2/thumbnail/10000x/ignore-error/1";
    assert_eq!(shown(&world, original).await, "image/jpeg 640x427");
    let rows = "
        GET /missing?imageInfo 404 NoSuchKey
        GET /denied/a?imageInfo 403 AccessDenied
        GET /denied/a?imageMogr2/nonsense 403 AccessDenied
        GET /a.jpg?imageMogr2/rotate/45 501 NotImplemented
        GET /a.jpg?imageMogr2/format/webp 501 NotImplemented
        GET /a.jpg?imageMogr2/blur/1x1 501 NotImplemented
        GET /a.jpg?imageMogr2/thumbnail/30x|watermark/2/text/YQ 501 NotImplemented
        GET /a.jpg?imageInfo/1 501 NotImplemented
        GET /a.jpg?imageinfo 501 NotImplemented
        GET /a.jpg?imageView2/1/w/30 501 NotImplemented
        GET /a.jpg?acl&imageInfo 501 NotImplemented
        GET /a.jpg?imageMogr2/thumbnail/30x&tagging 501 NotImplemented
        GET /?imageInfo 501 NotImplemented
        PUT /a.jpg?imageMogr2/thumbnail/30x 501 NotImplemented
        DELETE /a.jpg?imageInfo 501 NotImplemented
        POST /a.jpg?uploads&imageInfo 501 NotImplemented
    ";
    refusals(|method, target| world.request(method, target), rows).await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_read() {
    let world = World::new();
    let mut large = jpeg(8, 8, 90);
    large.resize(32 * 1024 * 1024 + 1, 0);
    world.put("/large.jpg", large).await;
    let target = "/large.jpg?imageMogr2/rotate/90";
    assert_eq!(header(&world.get(target).await, "x-errno"), "-167");
    assert_eq!(refusal(world.request("GET", target)).await, "400 ResourceNotSupported");
    let answer = world.get("/large.jpg?imageMogr2/rotate/90/ignore-error/1").await;
    assert_eq!(header(&answer, "content-length"), "33554433");
}

/// More pictures at once than are processed at once.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_wait_for_their_turn() {
    let world = world().await;
    let target = "/a.jpg?imageMogr2/thumbnail/!30p/format/png";
    let all = (0..12).map(|_| tokio::spawn(world.request("GET", target).send()));
    for answer in all.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    }
}

fn operations(rules: &[(&str, &str)]) -> String {
    let rules = rules
        .iter()
        .map(|(fileid, rule)| format!(r#"{{"fileid":"{fileid}","rule":"imageMogr2/{rule}"}}"#));
    let rules: Vec<String> = rules.collect();
    format!(r#"{{"is_pic_info":1,"rules":[{}]}}"#, rules.join(","))
}

#[tokio::test]
async fn an_upload_stores_the_pictures_that_it_asks_for() {
    let world = World::new();
    let file = jpeg(640, 427, 90);
    let rules =
        operations(&[("small.png", "thumbnail/!50p/format/png"), ("/other/t.jpg", "quality/60")]);
    let put = world.request("PUT", "/a/b.jpg").header("pic-operations", &rules);
    let answer = sent(put.header("content-type", "image/jpeg").body(file.clone())).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "content-type"), "application/xml");
    assert_eq!(header(&answer, "etag"), format!("\"{}\"", Checksums::of(&file).etag()));
    let root = read_xml(answer).await;
    assert_eq!(root.name, "UploadResult");
    let original = root.child("OriginalInfo").unwrap();
    let host = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(original.text_of("Key"), Some("a/b.jpg"));
    assert_eq!(original.text_of("Location"), Some(format!("{host}/a/b.jpg").as_str()));
    let info = original.child("ImageInfo").unwrap();
    for (name, value) in [
        ("Format", "JPEG"),
        ("Width", "640"),
        ("Height", "427"),
        ("Quality", "90"),
        ("Orientation", "0"),
    ] {
        assert_eq!(info.text_of(name), Some(value), "{name}");
    }
    assert!(info.text_of("Ave").unwrap().starts_with("0x"));
    let results = root.child("ProcessResults").unwrap();
    for (member, expected) in [
        ("Key", ["a/small.png", "other/t.jpg"]),
        ("Format", ["png", "jpeg"]),
        ("Width", ["320", "640"]),
        ("Height", ["214", "427"]),
        ("Quality", ["100", "60"]),
    ] {
        assert_eq!(texts(results, "Object", member), expected, "{member}");
    }
    let stored = world.get("/a/small.png").await;
    assert_eq!(header(&stored, "content-type"), "image/png");
    let etag = header(&stored, "etag");
    assert_eq!(texts(results, "Object", "ETag")[0], etag);
    assert_eq!(texts(results, "Object", "Size")[0], header(&stored, "content-length"));
    assert_eq!(shown(&world, "/other/t.jpg?imageMogr2/rotate/90").await, "image/jpeg 427x640");
    assert_eq!(world.get("/a/b.jpg").await.bytes().await.unwrap(), file);
}

#[tokio::test]
async fn a_completed_upload_and_a_stored_object_make_pictures_too() {
    let world = World::new();
    let file = png(300, 200);
    let begun = world.request("POST", "/a.png?uploads").header("pic-operations", "{}");
    let id = read_xml(sent(begun.header("content-length", "0")).await).await;
    let id = id.text_of("UploadId").unwrap().to_owned();
    let etag = world.put(&format!("/a.png?partNumber=1&uploadId={id}"), file).await;
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let complete = |rules: &str| {
        let request = world.request("POST", &format!("/a.png?uploadId={id}"));
        request.header("pic-operations", rules.to_owned()).body(parts.clone())
    };
    // What cannot be made completes nothing.
    let broken = operations(&[("b.png", "thumbnail/10000x")]);
    assert_eq!(refusal(complete(&broken)).await, "400 InvalidArgument");
    assert_eq!(refusal(world.request("GET", "/a.png")).await, "404 NoSuchKey");
    let root = read_xml(sent(complete(&operations(&[("b.png", "thumbnail/30x")]))).await).await;
    assert_eq!(root.name, "CompleteMultipartUploadResult");
    assert_eq!(root.child("ImageInfo").unwrap().text_of("Width"), Some("300"));
    assert_eq!(texts(root.child("ProcessResults").unwrap(), "Object", "Height"), ["20"]);
    let process = |rules: &str| {
        let request = world.request("POST", "/a.png?image_process").header("content-length", "0");
        request.header("pic-operations", rules.to_owned())
    };
    let root = read_xml(sent(process(&operations(&[("c.jpg", "format/jpg")]))).await).await;
    assert_eq!(root.name, "UploadResult");
    assert_eq!(shown(&world, "/c.jpg?imageMogr2/strip").await, "image/jpeg 300x200");
    // A result with the key of the original replaces it.
    let root = read_xml(sent(process(&operations(&[("a.png", "thumbnail/30x")]))).await).await;
    let etag = root.child("OriginalInfo").unwrap().text_of("ETag").unwrap().to_owned();
    let replaced = world.get("/a.png").await;
    assert_eq!(header(&replaced, "etag"), etag);
    assert_eq!(Header::read(&replaced.bytes().await.unwrap()).unwrap().size.to_string(), "30x20");
    assert_eq!(refusal(process("")).await, "400 InvalidArgument");
}

#[tokio::test]
async fn what_cannot_be_made_stores_nothing() {
    let world = World::new();
    world.put("/taken.jpg", "1").await;
    let put = |rules: &str, body: Vec<u8>| {
        world.request("PUT", "/a.jpg").header("pic-operations", rules.to_owned()).body(body)
    };
    let good = ("b.jpg", "thumbnail/30x");
    let bucket =
        r#"{"rules":[{"bucket":"missing-1250000000","fileid":"b.jpg","rule":"imageMogr2/strip"}]}"#;
    for (rules, body, expected) in [
        (operations(&[good]), b"text".to_vec(), "400 ResourceNotSupported"),
        (operations(&[good]), jpeg(8, 8, 90)[..200].to_vec(), "400 ResourceNotSupported"),
        (operations(&[good, ("c.jpg", "cut/9x9x0x0")]), jpeg(8, 8, 90), "400 InvalidArgument"),
        (operations(&[good, ("c.jpg", "rotate/45")]), jpeg(8, 8, 90), "501 NotImplemented"),
        (operations(&[good; 6]), jpeg(8, 8, 90), "400 InvalidArgument"),
        (bucket.to_owned(), jpeg(8, 8, 90), "404 NoSuchBucket"),
        ("e30=".to_owned(), jpeg(8, 8, 90), "400 InvalidArgument"),
    ] {
        assert_eq!(refusal(put(&rules, body)).await, expected, "{rules}");
    }
    let forbidden = put(&operations(&[("taken.jpg", "strip")]), jpeg(8, 8, 90));
    let forbidden = forbidden.header("x-cos-forbid-overwrite", "true");
    assert_eq!(refusal(forbidden).await, "409 FileAlreadyExists");
    let list = world.document("/").await;
    assert_eq!(texts(&list, "Contents", "Key"), ["taken.jpg"]);
    let large = operations(&[("b.jpg", "thumbnail/10000x/ignore-error/1")]);
    let answer = sent(put(&large, jpeg(8, 8, 90))).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(shown(&world, "/b.jpg?imageMogr2/strip").await, "image/jpeg 8x8");
}

#[tokio::test]
async fn a_result_is_stored_where_it_is_authorized() {
    for (merge_order, key) in
        [(MergeOrder::NotKnown, "/a//s.png"), (MergeOrder::BeforeAuthorization, "/a/s.png")]
    {
        let world = World::with(&Options { merge_order, ..Options::default() });
        let rules = operations(&[("s.png", "strip")]);
        let put = world.request("PUT", "/a//x.png").header("pic-operations", rules);
        let root = read_xml(sent(put.body(png(8, 8))).await).await;
        let results = root.child("ProcessResults").unwrap();
        assert_eq!(texts(results, "Object", "Key"), [key.strip_prefix('/').unwrap()]);
        assert_eq!(shown(&world, &format!("{key}?imageMogr2/strip")).await, "image/png 8x8");
    }
}
