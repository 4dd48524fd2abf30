//! The limits of a grant hold for what is signed under it.

use std::io::Write;

use tempfile::NamedTempFile;

use crate::pages::{self, Page, Sent};
use crate::world::World;

/// A form's own fields count (inferred, see the table of accesses).
const GRANTS: &str = r#"
[[grant]]
name = "one-type"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload"]
max_size_bytes = 6000
content_types = ["image/png"]
extensions = ["png"]

[[grant]]
name = "pictures"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "pictures/{sub}/"
allow = ["upload"]
content_types = ["image/gif", "image/jpeg"]
extensions = ["jpg", "gif"]

[[grant]]
name = "no-forms"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "texts/{sub}/"
actions = ["PutObject"]
extensions = ["txt"]
"#;

/// The function reads the file when it starts.
async fn limited() -> (World, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(GRANTS.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let absent = ["BUCKET", "REGION", "PREFIX", "ALLOW", "EXTENSIONS"].map(|name| (name, ""));
    let settings: Vec<_> = absent.into_iter().chain([("GRANTS_FILE", path)]).collect();
    (World::start(&settings).await, file)
}

fn typed(mut sent: Sent, name: &str) -> Sent {
    match sent.method {
        "PUT" => sent.headers.push(("content-type", name.to_owned())),
        _ => sent.set("Content-Type", name),
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_size_or_type_holds_for_what_is_signed() {
    let (world, _file) = limited().await;
    for (route, extension, name, page) in [
        ("/put-sign", "png", "image/png", pages::put_sign as Page),
        ("/put-sign", "png", "image/png", pages::signed_url),
        ("/post-policy", "png", "image/png", pages::post_sign),
        ("/put-sign", "gif", "image/gif", pages::put_sign),
        ("/post-policy", "gif", "image/jpeg", pages::post_sign),
    ] {
        let answer = world.ask(&format!("{route}?ext={extension}")).await;
        let only = (extension == "png").then_some("image/png");
        assert_eq!(answer["contentType"].as_str(), only, "{answer}");
        let sent = page(&answer, &[b'x'; 1000]);
        let mut refused = vec![
            ("no type", sent.clone()),
            ("another type", typed(sent.clone(), "text/html")),
            ("a page of pictures", typed(sent.clone(), "image/svg+xml")),
        ];
        if extension == "png" {
            for (what, length) in [("too large", 6001), ("empty", 0)] {
                let mut other = typed(sent.clone(), name);
                other.set_file(&vec![b'x'; length]);
                refused.push((what, other));
            }
        }
        let before = world.snapshot().await;
        for (what, other) in refused {
            let (status, reason) = world.send(&other).await;
            assert!([400, 403].contains(&status), "{route} {extension}, {what}: {status} {reason}");
        }
        assert_eq!(world.snapshot().await, before);
        let (status, reason) = world.send(&typed(sent, name)).await;
        assert!([200, 204].contains(&status), "{route} {extension}: {status} {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_grant_names_is_signed() {
    let (world, _file) = limited().await;
    assert_eq!(world.refusal("/post-policy?ext=txt").await, "403 UnauthorizedOperation.Extension");
    assert_eq!(world.sts_calls(), 0);
    let answer = world.ask("/put-sign?ext=txt").await;
    assert!(answer["key"].as_str().unwrap().starts_with("texts/person-1/"), "{answer}");
}
