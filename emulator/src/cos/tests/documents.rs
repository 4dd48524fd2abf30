//! Documents of a bucket and tags: kept, shown, removed, and there after a restart.

use super::{HOST, World, header, read_xml, refusal, sent, status, texts};

/// Subresource, document, what the answer is without one.
const DOCUMENTS: [(&str, &str, &str); 9] = [
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>id1</ID><Filter><Prefix>documents/</Prefix></Filter>\
         <Status>Enabled</Status><Transition><Days>100</Days>\
         <StorageClass>STANDARD_IA</StorageClass></Transition></Rule></LifecycleConfiguration>",
        "404 NoSuchLifecycleConfiguration",
    ),
    (
        "website",
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
         </WebsiteConfiguration>",
        "404 NoSuchWebsiteConfiguration",
    ),
    (
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
         <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
         </ServerSideEncryptionConfiguration>",
        "404 NoSuchEncryptionConfiguration",
    ),
    (
        "replication",
        "<ReplicationConfiguration><Role>qcs::cam::uin/100000000001:uin/100000000001</Role><Rule>\
         <Status>Enabled</Status><ID>1</ID><Prefix>a</Prefix><Destination><Bucket>\
         qcs::cos:ap-guangzhou::destination-1250000000</Bucket></Destination></Rule>\
         </ReplicationConfiguration>",
        "404 ReplicationConfigurationNotFoundError",
    ),
    (
        "origin",
        "<OriginConfiguration><OriginRule><OriginType>Mirror</OriginType></OriginRule>\
         </OriginConfiguration>",
        "404 OriginConfigurationNotFoundError",
    ),
    (
        "inventory&id=list1",
        "<InventoryConfiguration><Id>list1</Id><IsEnabled>true</IsEnabled></InventoryConfiguration>",
        "404 InventoryConfigurationNotFoundError",
    ),
    (
        "domain",
        "<DomainConfiguration><DomainRule><Status>ENABLED</Status><Name>www.example.com</Name>\
         <Type>REST</Type></DomainRule></DomainConfiguration>",
        "404 DomainConfigNotFoundError",
    ),
    (
        "logging",
        "<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs-1250000000</TargetBucket>\
         <TargetPrefix>prefix</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
        "BucketLoggingStatus",
    ),
    (
        "accelerate",
        "<AccelerateConfiguration><Status>Enabled</Status><Type>COS</Type>\
         </AccelerateConfiguration>",
        "AccelerateConfiguration",
    ),
];

#[tokio::test]
async fn documents_of_a_bucket_are_kept_and_returned() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    for (subresource, document, absent) in DOCUMENTS {
        let target = format!("/?{subresource}");
        match absent.starts_with("404") {
            true => assert_eq!(refusal(world.request("GET", &target)).await, absent),
            false => assert_eq!(world.document(&target).await.name, absent, "{target}"),
        }
        // White space, comments and attributes do not come back.
        let sent = document.replacen('>', " xmlns=\"u\">\n <!-- c -->\n ", 1);
        assert_eq!(status(world.request("PUT", &target).body(sent)).await, 200, "{target}");
    }
    drop(world);
    let world = World::in_directory(directory.path());
    for (subresource, document, _) in DOCUMENTS {
        let target = format!("/?{subresource}");
        let kept = world.get(&target).await.text().await.unwrap();
        assert!(kept.ends_with(&document.replace("<Bucket> ", "<Bucket>")), "{kept}");
        let deleted = status(world.request("DELETE", &target)).await;
        let can_be_deleted = !["logging", "accelerate"].contains(&subresource);
        assert_eq!(deleted, if can_be_deleted { 204 } else { 501 }, "{target}");
        if can_be_deleted {
            assert_eq!(status(world.request("DELETE", &target)).await, 204, "again");
        }
    }
    assert_eq!(refusal(world.request("GET", "/?website")).await, DOCUMENTS[1].2);
}

#[tokio::test]
async fn documents_that_are_not_what_they_should_be_change_nothing() {
    let world = World::new();
    let kept = DOCUMENTS[0].1;
    assert_eq!(status(world.request("PUT", "/?lifecycle").body(kept)).await, 200);
    let large = format!(
        "<LifecycleConfiguration><Rule>{}</Rule></LifecycleConfiguration>",
        "a".repeat(64 * 1024)
    );
    for (target, body, error) in [
        ("/?lifecycle", "", "400 MalformedXML"),
        ("/?lifecycle", "<LifecycleConfiguration>", "400 MalformedXML"),
        ("/?lifecycle", "<LifecycleConfiguration/>", "400 MalformedXML"),
        ("/?lifecycle", "<WebsiteConfiguration><a/></WebsiteConfiguration>", "400 MalformedXML"),
        ("/?lifecycle", &large, "400 XMLSizeLimit"),
        ("/?inventory&id=b", DOCUMENTS[5].1, "400 MalformedXML"),
        ("/?inventory&id=", DOCUMENTS[5].1, "400 InvalidArgument"),
        ("/?tagging", "<Tagging/>", "400 MalformedXML"),
        (
            "/?encryption",
            "<ServerSideEncryptionConfiguration><Rule/></ServerSideEncryptionConfiguration>",
            "400 MalformedXML",
        ),
        (
            "/?encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplySideEncryptionConfiguration>\
             <SSEAlgorithm>KMS</SSEAlgorithm></ApplySideEncryptionConfiguration></Rule>\
             </ServerSideEncryptionConfiguration>",
            "501 NotImplemented",
        ),
    ] {
        let put = world.request("PUT", target).body(body.to_owned());
        assert_eq!(refusal(put).await, error, "{target} {:.40}", body);
    }
    let wrong =
        world.request("PUT", "/?lifecycle").header("content-md5", "7o3pGNBWQBRbGPcPTDqmAg==");
    assert_eq!(refusal(wrong.body(kept)).await, "400 BadDigest");
    let elsewhere = HOST.replace("guangzhou", "beijing");
    let elsewhere = world.request_to("PUT", &elsewhere, "/?lifecycle").body(kept);
    assert_eq!(refusal(elsewhere).await, "404 NoSuchBucket");
    assert!(world.get("/?lifecycle").await.text().await.unwrap().ends_with(kept));
}

#[tokio::test]
async fn the_default_encryption_is_that_of_uploads_without_one() {
    const ENCRYPTION: &str = "x-cos-server-side-encryption";
    let world = World::new();
    let document = "<ServerSideEncryptionConfiguration><Rule><ApplySideEncryptionConfiguration>\
         <SSEAlgorithm>AES256</SSEAlgorithm></ApplySideEncryptionConfiguration></Rule>\
         </ServerSideEncryptionConfiguration>";
    world.put("/before", "text").await;
    assert_eq!(status(world.request("PUT", "/?encryption").body(document)).await, 200);
    let put = sent(world.request("PUT", "/a").body("text")).await;
    assert_eq!(header(&put, ENCRYPTION), "AES256");
    let append = world.request("POST", "/log?append&position=0").body("text");
    assert_eq!(header(&sent(append).await, ENCRYPTION), "AES256");
    let copy = world.request("PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/before"));
    assert_eq!(header(&sent(copy).await, ENCRYPTION), "AES256");
    let begun = sent(world.request("POST", "/parts?uploads")).await;
    assert_eq!(header(&begun, ENCRYPTION), "AES256");
    let id = read_xml(begun).await.text_of("UploadId").unwrap().to_owned();
    let part = world.request("PUT", &format!("/parts?partNumber=1&uploadId={id}")).body("text");
    assert_eq!(header(&sent(part).await, ENCRYPTION), "AES256");
    for (target, is_encrypted) in
        [("/a", true), ("/copy", true), ("/log", true), ("/before", false)]
    {
        let head = sent(world.request("HEAD", target)).await;
        assert_eq!(head.headers().contains_key(ENCRYPTION), is_encrypted, "{target}");
    }
    assert_eq!(status(world.request("DELETE", "/?encryption")).await, 204);
    let put = sent(world.request("PUT", "/a").body("text")).await;
    assert!(!put.headers().contains_key(ENCRYPTION));
}

#[tokio::test]
async fn inventories_are_listed_in_pages_as_they_were_made() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let ids: Vec<String> = (0..101).rev().map(|number| number.to_string()).collect();
    for id in ids.iter().chain([&ids[5]]) {
        let body = format!("<InventoryConfiguration><Id>{id}</Id></InventoryConfiguration>");
        let put = world.request("PUT", &format!("/?inventory&id={id}")).body(body);
        assert_eq!(status(put).await, 200);
    }
    drop(world);
    let world = World::in_directory(directory.path());
    let first = world.document("/?inventory").await;
    assert_eq!(texts(&first, "InventoryConfiguration", "Id"), ids[..100]);
    assert_eq!(first.text_of("IsTruncated"), Some("true"));
    let token = first.text_of("NextContinuationToken").unwrap();
    let last = world.document(&format!("/?inventory&continuation-token={token}")).await;
    assert_eq!(texts(&last, "InventoryConfiguration", "Id"), ids[100..]);
    assert_eq!(last.text_of("IsTruncated"), Some("false"));
    let foreign = world.request("GET", "/?inventory&continuation-token=x");
    assert_eq!(refusal(foreign).await, "400 InvalidArgument");
}

#[tokio::test]
async fn a_one_time_inventory_is_checked_and_not_kept() {
    let world = World::new();
    let post = |target: &str, body: &str| world.request("POST", target).body(body.to_owned());
    let body = DOCUMENTS[5].1;
    for _ in 0..2 {
        assert_eq!(status(post("/?inventory&id=list1", body)).await, 200);
    }
    let absent = refusal(world.request("GET", "/?inventory&id=list1")).await;
    assert_eq!(absent, DOCUMENTS[5].2);
    for (target, body, error) in [
        ("/?inventory&id=list2", body, "400 MalformedXML"),
        ("/?inventory&id=list1", "", "400 MalformedXML"),
        ("/?inventory&id=list1", "<InventoryConfiguration/>", "400 MalformedXML"),
        ("/?inventory&id=", body, "400 InvalidArgument"),
        ("/?inventory", body, "501 NotImplemented"),
    ] {
        assert_eq!(refusal(post(target, body)).await, error, "{target} {body}");
    }
    let put = world.request("PUT", "/?inventory&id=list1").body(body);
    assert_eq!(status(put).await, 200);
    let duplicate = refusal(post("/?inventory&id=list1", body)).await;
    assert_eq!(duplicate, "409 DuplicateInventoryId");
}

#[tokio::test]
async fn documents_come_back_as_cos_writes_them() {
    let world = World::new();
    for (subresource, sent, kept) in [
        (
            "encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplySideEncryptionConfiguration>\
             <SSEAlgorithm>AES256</SSEAlgorithm></ApplySideEncryptionConfiguration></Rule>\
             </ServerSideEncryptionConfiguration>",
            "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>",
        ),
        (
            "inventory&id=1",
            "<InventoryConfiguration><Id>1</Id><IsEnabled>True</IsEnabled></InventoryConfiguration>",
            "<IsEnabled>true</IsEnabled>",
        ),
        (
            "website",
            "<WebsiteConfiguration><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a/\
             </KeyPrefixEquals></Condition><Redirect><ReplaceKeyWith>b</ReplaceKeyWith></Redirect>\
             </RoutingRule></RoutingRules></WebsiteConfiguration>",
            "<ReplaceKeyWith>b</ReplaceKeyWith><URLRedirect>Enabled</URLRedirect></Redirect>",
        ),
        (
            "policy",
            r#"{"version":"2.0","statement":[{"effect":"deny","principal":{"qcs":["*"]},
                "action":["name/cos:PutBucketCORS"],"resource":["*"]}]}"#,
            r#"{"Statement":[{"action":["name/cos:PutBucketCORS"],"effect":"deny""#,
        ),
    ] {
        let target = format!("/?{subresource}");
        let put = status(world.request("PUT", &target).body(sent)).await;
        assert!([200, 204].contains(&put), "{target}: {put}");
        let shown = world.get(&target).await.text().await.unwrap();
        assert!(shown.contains(kept), "{target}: {shown}");
    }
}

#[tokio::test]
async fn tags_of_a_bucket_select_it() {
    let world = World::new();
    let tags = "<Tagging><TagSet><Tag><Key>age</Key><Value>18</Value></Tag></TagSet></Tagging>";
    assert_eq!(refusal(world.request("GET", "/?tagging")).await, "404 NoSuchTagSet");
    assert_eq!(status(world.request("PUT", "/?tagging").body(tags)).await, 204);
    assert!(world.get("/?tagging").await.text().await.unwrap().ends_with(tags));
    let other = HOST.replace("examplebucket", "other");
    let make = world.request_to("PUT", &other, "/").header("x-cos-tagging", "age=19");
    assert_eq!(status(make).await, 200);
    let service = |query: &str| world.request_to("GET", "service.cos.myqcloud.com", query);
    for (query, count) in [
        ("/?tagkey=age&tagvalue=18", 1),
        ("/?tagkey=age&tagvalue=19", 1),
        ("/?tagkey=age&tagvalue=20", 0),
        ("/?tagkey=Age&tagvalue=18", 0),
        ("/?tagkey=&tagvalue=", 2),
    ] {
        let root = read_xml(sent(service(query)).await).await;
        assert_eq!(root.child("Buckets").unwrap().children.len(), count, "{query}");
    }
    for query in ["/?tagkey=age", "/?tagvalue=18"] {
        assert_eq!(refusal(service(query)).await, "400 InvalidArgument");
    }
    assert_eq!(status(world.request("DELETE", "/?tagging")).await, 204);
    assert_eq!(refusal(world.request("GET", "/?tagging")).await, "404 NoSuchTagSet");
}

#[tokio::test]
async fn tags_of_an_object_stay_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let put = world.request("PUT", "/a").header("x-cos-tagging", "age=18&name=xiaoming");
    let etag = header(&sent(put.body("text")).await, "etag");
    assert_eq!(header(&world.get("/a").await, "x-cos-tagging-count"), "2");
    let root = world.document("/a?tagging").await;
    let set = root.child("TagSet").unwrap();
    assert_eq!(texts(set, "Tag", "Key"), ["age", "name"]);
    let modified = header(&world.get("/a").await, "last-modified");
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    assert_eq!(status(world.request("PUT", "/a?tagging").body(tags)).await, 200);
    // A copy has them, unless it replaces them.
    let source = format!("{HOST}/a");
    let copy = |target: &str| world.request("PUT", target).header("x-cos-copy-source", &source);
    sent(copy("/copy")).await;
    assert!(world.get("/copy?tagging").await.text().await.unwrap().ends_with(tags));
    sent(copy("/bare").header("x-cos-tagging-directive", "Replaced")).await;
    assert!(!world.get("/bare").await.headers().contains_key("x-cos-tagging-count"));
    let both = copy("/bare").header("x-cos-tagging-directive", "Both");
    assert_eq!(refusal(both).await, "400 InvalidArgument");
    drop(world);
    let world = World::in_directory(directory.path());
    let answer = world.get("/a").await;
    assert_eq!((header(&answer, "etag"), header(&answer, "last-modified")), (etag, modified));
    assert_eq!(header(&answer, "x-cos-tagging-count"), "1");
    assert_eq!(answer.text().await.unwrap(), "text");
    assert_eq!(status(world.request("DELETE", "/a?tagging")).await, 204);
    assert!(!world.get("/a").await.headers().contains_key("x-cos-tagging-count"));
    assert_eq!(world.document("/a?tagging").await.child("TagSet").unwrap().children.len(), 0);
    for request in [
        world.request("PUT", "/b?tagging").body(tags),
        world.request("GET", "/b?tagging"),
        world.request("DELETE", "/b?tagging"),
    ] {
        assert_eq!(refusal(request).await, "404 NoSuchKey");
    }
    let invalid = world.request("PUT", "/b").header("x-cos-tagging", "a=%3C").body("1");
    assert_eq!(refusal(invalid).await, "400 InvalidTag");
    assert_eq!(world.get("/b").await.status(), 404);
}

#[tokio::test]
async fn policies_and_hotlink_protection_are_kept_and_returned() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let policy = r#"{"Statement": [{"Principal": {"qcs": ["qcs::cam::anyone:anyone"]}, "Effect": "allow",
        "Action": ["name/cos:GetObject"], "Resource": ["*"]}], "version": "2.0"}"#;
    let referer = "<RefererConfiguration><Status>Enabled</Status><RefererType>Black-List</RefererType>\
        <DomainList><Domain>*.qq.com</Domain></DomainList></RefererConfiguration>";
    assert_eq!(refusal(world.request("GET", "/?policy")).await, "404 NoSuchPolicyVersion");
    assert_eq!(refusal(world.request("GET", "/?referer")).await, "404 NoSuchRefererConfiguration");
    assert_eq!(status(world.request("PUT", "/?policy").body(policy)).await, 204);
    assert_eq!(status(world.request("PUT", "/?referer").body(referer)).await, 200);
    for (target, body, error) in [
        ("/?policy", "{}", "400 MalformedPolicy"),
        ("/?policy", "", "400 MalformedPolicy"),
        ("/?policy", "\u{feff}{", "400 MalformedPolicy"),
        ("/?referer", "<RefererConfiguration><Status/></RefererConfiguration>", "400 MalformedXML"),
    ] {
        assert_eq!(refusal(world.request("PUT", target).body(body)).await, error, "{body}");
    }
    drop(world);
    let world = World::in_directory(directory.path());
    assert_eq!(world.get("/?policy").await.text().await.unwrap(), policy);
    assert!(world.get("/?referer").await.text().await.unwrap().ends_with(referer));
    // An empty document ends the protection.
    assert_eq!(status(world.request("PUT", "/?referer")).await, 200);
    let ended = world.document("/?referer").await;
    assert_eq!((ended.name.as_str(), ended.children.len()), ("RefererConfiguration", 0));
    assert_eq!(status(world.request("DELETE", "/?policy")).await, 204);
    assert_eq!(refusal(world.request("GET", "/?policy")).await, "404 NoSuchPolicyVersion");
}
