//! Rules of intelligent tiering: both forms, kept and returned.

use super::{World, refusal, status, texts};

const DEFAULT: &str = "<IntelligentTieringConfiguration><Id>default</Id><Status>Enabled</Status>\
    <Tiering><AccessTier>INFREQUENT</AccessTier><Days>30</Days><RequestFrequent>1</RequestFrequent>\
    </Tiering></IntelligentTieringConfiguration>";

const UNNAMED: &str = "<IntelligentTieringConfiguration><Status>Enabled</Status>\
    <Transition><Days>30</Days><RequestFrequent>1</RequestFrequent></Transition>\
    </IntelligentTieringConfiguration>";

fn archive(id: &str, days: u16) -> String {
    format!(
        "<IntelligentTieringConfiguration><Id>{id}</Id><Status>Enabled</Status><Filter><And>\
         <Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>\
         <Tiering><AccessTier>ARCHIVE_ACCESS</AccessTier><Days>{days}</Days></Tiering>\
         <Tiering><AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier><Days>180</Days></Tiering>\
         </IntelligentTieringConfiguration>"
    )
}

const LIST: &str = "/?intelligent-tiering";

fn rule(id: &str) -> String {
    format!("/?intelligent-tiering&id={id}")
}

#[tokio::test]
async fn both_forms_are_about_the_default_rule() {
    for (target, sent) in [("/?intelligenttiering", UNNAMED), (&rule("default"), DEFAULT)] {
        let directory = tempfile::tempdir().unwrap();
        let world = World::in_directory(directory.path());
        let put = |target: &str, body: &'static str| world.request("PUT", target).body(body);
        assert!(world.document("/?intelligenttiering").await.children.is_empty());
        let absent = refusal(world.request("GET", &rule("default"))).await;
        assert_eq!(absent, "404 IntelligentTieringConfigurationNotFoundError");
        assert!(world.document(LIST).await.children.is_empty());
        assert_eq!(status(put(target, sent)).await, 200, "{target}");
        // The messages that the suite of cos-python-sdk-v5 compares.
        for (target, body, message) in [
            (
                "/?intelligenttiering",
                UNNAMED,
                "Not support modify intelligent tiering configuration",
            ),
            (&rule("default"), DEFAULT, "The default rule cannot be modified"),
        ] {
            let answer = super::sent(put(target, body)).await;
            assert_eq!(answer.status(), 400);
            let root = super::read_xml(answer).await;
            assert_eq!(root.text_of("Message"), Some(message));
        }
        let deleted = refusal(world.request("DELETE", &rule("default"))).await;
        assert_eq!(deleted, "400 InvalidRequest");
        drop(world);
        let world = World::in_directory(directory.path());
        let shown = world.get("/?intelligenttiering").await.text().await.unwrap();
        assert!(shown.ends_with(UNNAMED), "{shown}");
        let shown = world.get(&rule("default")).await.text().await.unwrap();
        assert!(shown.ends_with(DEFAULT), "{shown}");
        let listed = world.get(LIST).await.text().await.unwrap();
        let root = "ListBucketIntelligentTieringConfigurationsOutput";
        assert!(listed.ends_with(&format!("<{root}>{DEFAULT}</{root}>")), "{listed}");
    }
}

#[tokio::test]
async fn rules_for_archive_tiers_are_changed_listed_and_deleted() {
    let world = World::new();
    let put = |id: &str, days| world.request("PUT", &rule(id)).body(archive(id, days));
    // The default rule comes first.
    assert_eq!(refusal(put("rule1", 91)).await, "400 InvalidRequest");
    assert_eq!(status(world.request("PUT", &rule("default")).body(DEFAULT)).await, 200);
    for (id, days) in [("rule2", 91), ("rule1", 92), ("rule2", 93)] {
        assert_eq!(status(put(id, days)).await, 200);
    }
    let shown = world.get(&rule("rule2")).await.text().await.unwrap();
    assert!(shown.ends_with(&archive("rule2", 93)), "{shown}");
    let listed = world.document(LIST).await;
    let ids = texts(&listed, "IntelligentTieringConfiguration", "Id");
    assert_eq!(ids, ["default", "rule2", "rule1"]);
    for _ in 0..2 {
        assert_eq!(status(world.request("DELETE", &rule("rule2"))).await, 204);
    }
    let absent = refusal(world.request("GET", &rule("rule2"))).await;
    assert_eq!(absent, "404 IntelligentTieringConfigurationNotFoundError");
    for number in 1..999 {
        assert_eq!(status(put(&format!("r{number}"), 91)).await, 200);
    }
    assert_eq!(refusal(put("one-more", 91)).await, "400 InvalidRequest");
    assert_eq!(status(put("r5", 92)).await, 200, "an old one can be changed");
}

#[tokio::test]
async fn rules_that_are_not_what_they_should_be_change_nothing() {
    let world = World::new();
    assert_eq!(status(world.request("PUT", &rule("default")).body(DEFAULT)).await, 200);
    let good = archive("a", 91);
    let two = DEFAULT.replacen(
        "<Tiering>",
        "<Tiering><AccessTier>INFREQUENT</AccessTier><Days>30</Days></Tiering><Tiering>",
        1,
    );
    for (id, body) in [
        ("a", archive("b", 91)),
        ("a", good.replace("ARCHIVE_ACCESS", "INFREQUENT")),
        ("a", good.replace("<Days>91</Days>", "")),
        ("a", good.replace("91", "many")),
        (
            "a",
            "<IntelligentTieringConfiguration><Id>a</Id></IntelligentTieringConfiguration>"
                .to_owned(),
        ),
        ("a", "<InventoryConfiguration><Id>a</Id></InventoryConfiguration>".to_owned()),
        ("a", String::new()),
    ] {
        let refused = refusal(world.request("PUT", &rule(id)).body(body.clone())).await;
        assert_eq!(refused, "400 MalformedXML", "{body}");
    }
    let other = World::new();
    for (target, body) in [
        (rule("default"), DEFAULT.replace(">30<", ">31<")),
        (rule("default"), DEFAULT.replace("INFREQUENT", "ARCHIVE_ACCESS")),
        (rule("default"), DEFAULT.replace("<Id>default</Id>", "")),
        (rule("default"), two),
        ("/?intelligenttiering".to_owned(), UNNAMED.replace(">30<", ">7<")),
        ("/?intelligenttiering".to_owned(), DEFAULT.replace("Tiering>", "Other>")),
    ] {
        let refused = refusal(other.request("PUT", &target).body(body.clone())).await;
        assert_eq!(refused, "400 MalformedXML", "{target} {body}");
    }
    for method in ["PUT", "GET", "DELETE"] {
        let refused = refusal(world.request(method, &rule("")).body(good.clone())).await;
        assert_eq!(refused, "400 InvalidArgument", "{method}");
    }
    assert!(other.document(LIST).await.children.is_empty());
    assert_eq!(world.document(LIST).await.children.len(), 1);
}
