//! Lists of objects, over the wire.

use super::{World, header, refusals, texts};

async fn filled() -> World {
    let world = World::new();
    for target in ["/a", "/b/1", "/b/2", "/c%20d/%E4%B8%AD", "/d&<e>"] {
        world.put(target, "1").await;
    }
    world
}

#[tokio::test]
async fn a_list_contains_what_the_sdks_read() {
    let world = filled().await;
    let root = world.document("/").await;
    assert_eq!(root.name, "ListBucketResult");
    assert_eq!(root.text_of("Name"), Some(super::BUCKET));
    assert_eq!(root.text_of("MaxKeys"), Some("1000"));
    assert_eq!(root.text_of("IsTruncated"), Some("false"));
    assert!(root.child("EncodingType").is_none() && root.child("NextMarker").is_none());
    assert_eq!(texts(&root, "Contents", "Key"), ["a", "b/1", "b/2", "c d/中", "d&<e>"]);
    let first = root.child("Contents").unwrap();
    assert_eq!(first.text_of("ETag"), Some("\"c4ca4238a0b923820dcc509a6f75849b\""));
    assert_eq!(first.text_of("Size"), Some("1"));
    assert_eq!(first.text_of("StorageClass"), Some("STANDARD"));
    assert!(first.text_of("LastModified").unwrap().ends_with(".000Z"));
    assert_eq!(first.child("Owner").unwrap().text_of("ID"), Some("1250000000"));
}

#[tokio::test]
async fn keys_are_encoded_when_asked_for() {
    let world = filled().await;
    let root = world.document("/?encoding-type=url&delimiter=%2F&prefix=").await;
    assert_eq!(root.text_of("EncodingType"), Some("url"));
    assert_eq!(root.text_of("Delimiter"), Some("/"));
    assert_eq!(texts(&root, "CommonPrefixes", "Prefix"), ["b/", "c%20d/"]);
    assert_eq!(texts(&root, "Contents", "Key"), ["a", "d%26%3Ce%3E"]);
    let root = world.document("/?encoding-type=url&prefix=c%20d/").await;
    assert_eq!(root.text_of("Prefix"), Some("c%20d/"));
    assert_eq!(texts(&root, "Contents", "Key"), ["c%20d/%E4%B8%AD"]);
}

#[tokio::test]
async fn a_plus_in_a_query_is_a_blank() {
    let world = World::new();
    for target in ["/a%20b/blank", "/a+b/plus"] {
        world.put(target, "1").await;
    }
    for (query, key) in [
        ("prefix=a+b/", "a b/blank"),
        ("prefix=a%20b/", "a b/blank"),
        ("prefix=a%2Bb/", "a+b/plus"),
        ("marker=a+b/blank", "a+b/plus"),
    ] {
        let root = world.document(&format!("/?{query}")).await;
        assert_eq!(texts(&root, "Contents", "Key"), [key], "{query}");
    }
    let sample = "response-content-disposition=attachment%3B+filename%3Dexample.xlsx";
    let answer = world.get(&format!("/a%20b/blank?{sample}")).await;
    let expected = "attachment; filename=example.xlsx";
    assert_eq!(header(&answer, "content-disposition"), expected);
}

#[tokio::test]
async fn pages_follow_their_markers_to_the_end() {
    let world = filled().await;
    for (more, expected) in [
        ("", vec!["a", "b/1", "b/2", "c d/中", "d&<e>"]),
        ("&delimiter=/", vec!["a", "b/", "c d/", "d&<e>"]),
    ] {
        let (mut marker, mut found) = (String::new(), Vec::new());
        loop {
            let encoded =
                percent_encoding::utf8_percent_encode(&marker, percent_encoding::NON_ALPHANUMERIC);
            let root = world.document(&format!("/?max-keys=1&marker={encoded}{more}")).await;
            found.extend(texts(&root, "Contents", "Key"));
            found.extend(texts(&root, "CommonPrefixes", "Prefix"));
            if root.text_of("IsTruncated") == Some("false") {
                break;
            }
            marker = root.text_of("NextMarker").unwrap().to_owned();
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn lists_that_are_refused() {
    let world = World::new();
    let rows = "
        GET /?max-keys=-1 400 InvalidArgument
        GET /?max-keys=many 400 InvalidArgument
        GET /?delimiter=ab 400 InvalidDelimiter
        GET /?list-type=3 400 InvalidArgument
        GET /?list-type=2&continuation-token=%C3%BF 400 InvalidArgument
        GET /?list-type=2&fetch-owner=yes 400 InvalidArgument
        GET /?list-type=2&max-keys=x 400 InvalidArgument
        GET /?encoding-type=base64 400 InvalidArgument
        GET /?uploads&max-uploads=x 400 InvalidArgument
        GET /?uploads&encoding-type=x 400 InvalidArgument
    ";
    refusals(|method, target| world.request(method, target), rows).await;
    let root = world.document("/?max-keys=99999").await;
    assert_eq!(root.text_of("MaxKeys"), Some("1000"));
    let root = world.document("/?max-keys=0").await;
    assert_eq!(root.text_of("IsTruncated"), Some("false"));
}

#[tokio::test]
async fn the_second_form_of_lists_has_tokens() {
    let world = filled().await;
    let root = world.document("/?list-type=2&fetch-owner=true").await;
    assert_eq!(root.text_of("KeyCount"), Some("5"));
    assert!(root.child("Marker").is_none() && root.child("NextContinuationToken").is_none());
    let first = root.child("Contents").unwrap();
    assert_eq!(first.child("Owner").unwrap().text_of("ID"), Some("1250000000"));
    let after = world.document("/?list-type=2&start-after=b/1").await;
    assert_eq!(texts(&after, "Contents", "Key"), ["b/2", "c d/中", "d&<e>"]);
    assert!(after.child("Contents").unwrap().child("Owner").is_none());
    let (mut more, mut found) = (String::new(), Vec::new());
    loop {
        let target = format!("/?list-type=2&delimiter=/&max-keys=1{more}");
        let root = world.document(&target).await;
        found.extend(texts(&root, "Contents", "Key"));
        found.extend(texts(&root, "CommonPrefixes", "Prefix"));
        let Some(token) = root.text_of("NextContinuationToken") else {
            break;
        };
        let token =
            percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC);
        more = format!("&continuation-token={token}");
    }
    assert_eq!(found, ["a", "b/", "c d/", "d&<e>"]);
}
