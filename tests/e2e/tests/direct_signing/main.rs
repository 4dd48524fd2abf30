//! One signed request in place of a credential: each page of the vendor's samples does with it what
//! it is for, and nothing else can be done with it.
//!
//! # Not covered
//! Whether COS decides as the local COS does, and pages in a real browser.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

mod limits;
mod pages;
mod world;

use pages::{Page, Sent};
use serde_json::json;
use world::World;

const FILE: &[u8] = b"CANARY of a file";

const PAGES: [(&str, &str, Page); 9] = [
    ("put_sign.html", "/put-sign?ext=jpg", pages::put_sign),
    ("iOS, Android, HarmonyOS", "/sts-direct-sign?ext=jpg", pages::direct_transfer),
    ("cos-demo, its authorization", "/upload-sign?ext=jpg", pages::direct_transfer),
    ("cos-demo, its URL", "/upload-sign?ext=jpg", pages::signed_url),
    ("post_sign.html", "/post-policy?ext=jpg", pages::post_sign),
    ("form_sign.html", "/post-policy?ext=jpg", pages::form_sign),
    ("mini-program", "/post-policy?ext=jpg", pages::mini_program),
    ("uni-app", "/post-policy?ext=jpg", pages::uni_app),
    ("uni-app, PUT", "/put-sign?filename=a.JPG", pages::direct_transfer),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_page_uploads_its_file_and_gets_no_secret_key() {
    let world = World::start(&[]).await;
    for (name, route, page) in PAGES {
        let answer = world.ask(route).await;
        let key = answer["key"].as_str().unwrap();
        assert!(key.starts_with("users/person-1/") && key.ends_with(".jpg"), "{name}: {key}");
        let (status, reason) = world.send(&page(&answer, FILE)).await;
        assert!([200, 204].contains(&status), "{name}: {status} {reason}");
        assert_eq!(world.stored(key).await, FILE, "{name}");
        world.has_no_secret_key(&answer);
    }
    // A generated key is for one caller, so each answer took a call.
    assert_eq!(world.sts_calls(), PAGES.len());
}

/// The answer is as good as the policy behind it: one action on one key, and the grant's limits.
#[tokio::test(flavor = "multi_thread")]
async fn the_credential_behind_it_is_for_one_action_on_one_object() {
    let world = World::start(&[]).await;
    for (route, action) in [
        ("/put-sign?ext=jpg", "PutObject"),
        ("/post-policy?ext=jpg", "PostObject"),
        ("/download-sign?key=users/person-1/a.jpg", "GetObject"),
    ] {
        let answer = world.ask(route).await;
        let key = answer["key"].as_str().unwrap();
        let resource =
            format!("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/{key}");
        let statement = json!({"effect": "allow", "action": [format!("name/cos:{action}")], "resource": [resource]});
        assert_eq!(
            world.last_policy(),
            json!({"version": "2.0", "statement": [statement]}),
            "{route}"
        );
    }
}

/// A name, and what makes another request of it.
type Change = (&'static str, fn(&mut Sent));

const UPLOAD_CHANGES: [Change; 9] = [
    ("another key", |sent| sent.replace(".jpg", ".png")),
    ("a key of another caller", |sent| sent.replace("person-1", "person-2")),
    ("a download", |sent| sent.method = "GET"),
    ("a look", |sent| sent.method = "HEAD"),
    ("a deletion", |sent| sent.method = "DELETE"),
    ("an append", |sent| {
        sent.method = "POST";
        sent.target.push_str(if sent.target.contains('?') { "&" } else { "?" });
        sent.target.push_str("append&position=0");
    }),
    ("a part of an upload", |sent| {
        sent.target.push_str(if sent.target.contains('?') { "&" } else { "?" });
        sent.target.push_str("partNumber=1&uploadId=1");
    }),
    ("a copy", |sent| {
        let source =
            "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/users/person-2/secret.jpg";
        sent.headers.push(("x-cos-copy-source", source.to_owned()));
    }),
    ("another bucket", |sent| sent.host = sent.host.replace("example", "other")),
];

const LINK_CHANGES: [Change; 10] = [
    ("another key", |sent| sent.replace("a.jpg", "b.jpg")),
    ("a key of another caller", |sent| sent.replace("person-1", "person-2")),
    ("an upload", |sent| sent.method = "PUT"),
    ("a look", |sent| sent.method = "HEAD"),
    ("a deletion", |sent| sent.method = "DELETE"),
    ("shown in the browser", |sent| sent.replace("=attachment", "=inline")),
    ("shown as well", |sent| sent.target.push_str("&response-content-disposition=inline")),
    ("without the disposition", |sent| {
        sent.replace("&response-content-disposition=attachment", "")
    }),
    ("its uploaded parts", |sent| sent.target.push_str("&uploadId=1")),
    ("another token", |sent| sent.target.push('x')),
];

const FORM_CHANGES: [Change; 6] = [
    ("another key", |sent| sent.set("key", "users/person-1/other.jpg")),
    ("a key of another caller", |sent| sent.set("key", "users/person-2/a.jpg")),
    ("a file name as its key", |sent| sent.set("key", "users/person-1/${filename}")),
    ("another period", |sent| sent.set("q-key-time", "1;99999999999")),
    ("another policy", |sent| sent.set("policy", "e30=")),
    ("another bucket", |sent| sent.host = sent.host.replace("example", "other")),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_can_be_done_with_a_signed_request() {
    let world = World::start(&[]).await;
    world.store("users/person-1/a.jpg", FILE).await;
    world.store("users/person-1/b.jpg", FILE).await;
    world.store("users/person-2/secret.jpg", FILE).await;
    let link = "/download-sign?key=users/person-1/a.jpg";
    for (route, page, changes) in [
        ("/put-sign?ext=jpg", pages::put_sign as Page, &UPLOAD_CHANGES[..]),
        ("/put-sign?ext=jpg", pages::signed_url, &UPLOAD_CHANGES),
        ("/post-policy?ext=jpg", pages::post_sign, &FORM_CHANGES),
        (link, pages::open_link, &LINK_CHANGES),
    ] {
        let sent = page(&world.ask(route).await, FILE);
        let before = world.snapshot().await;
        for (name, change) in changes {
            let mut changed = sent.clone();
            change(&mut changed);
            let (status, reason) = world.send(&changed).await;
            assert!([400, 403].contains(&status), "{route}, {name}: {status} {reason}");
            assert_ne!(reason.trim(), "", "{route}, {name}");
        }
        assert_eq!(world.snapshot().await, before, "{route}");
        // It was right before it was changed.
        let (status, reason) = world.send(&sent).await;
        assert!([200, 204].contains(&status), "{route}: {reason}");
        world.advance_clock(7200);
        let (status, reason) = world.send(&sent).await;
        assert!([400, 403].contains(&status), "{route}: {status} {reason}");
        assert!(reason.contains("expired"), "{route}: {reason}");
        world.advance_clock(-7200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_downloads_or_shows_a_type_of_the_table() {
    let world = World::start(&[]).await;
    let key = "users/person-1/图 a+b.html";
    world.store("users/person-1/a.html", b"<script>").await;
    let route = "/download-sign?key=/users/person-1/a.html";
    for (more, disposition, content_type) in [
        ("", "attachment", "text/html"),
        ("&response-content-type=image/png", "inline", "image/png"),
    ] {
        let sent = pages::open_link(&world.ask(&format!("{route}{more}")).await, b"");
        let headers = world.headers(&sent).await;
        assert_eq!(headers["content-disposition"], disposition);
        assert_eq!(headers["content-type"], content_type);
    }
    // A key that needs encoding is one key: COS looks for it, and it is not there.
    let answer = world.ask(&format!("/download-sign?key={key}")).await;
    let url = answer["objectUrl"].as_str().unwrap();
    assert!(url.ends_with("/users/person-1/%E5%9B%BE%20a%2Bb.html"), "{url}");
    let (status, reason) = world.send(&pages::open_link(&answer, b"")).await;
    assert!(status == 404 && reason.contains("NoSuchKey"), "{status} {reason}");
}

/// Nothing is called for a request that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_not_signed() {
    let (parameter, scope) = ("InvalidParameter.QueryParameter", "UnauthorizedOperation.Scope");
    let extension = "UnauthorizedOperation.Extension";
    let world = World::start(&[]).await;
    let uploads = [
        ("?ext=png", 403, extension),
        ("?ext=", 403, extension),
        ("?ext=..%2Fjpg", 403, extension),
        ("?filename=jpg", 403, extension),
        ("?ext=jpgjpgjpgjp", 403, extension),
        ("", 400, parameter),
        ("?ext=jpg&filename=a.jpg", 400, parameter),
        ("?ext=jpg&key=users/person-1/a.jpg", 400, parameter),
        ("?ext=jpg&method=DELETE", 400, parameter),
        ("?ext=jpg&cosKey=a.jpg", 400, parameter),
        ("?ext=jpg&format=cam", 400, "InvalidParameter.Format"),
        ("?ext=jpg&durationSeconds=1801", 400, "InvalidParameter.DurationSeconds"),
        ("?ext=jpg&bucket=other-1250000000", 403, scope),
    ];
    for (query, status, code) in uploads {
        for route in ["/put-sign", "/sts-direct-sign", "/upload-sign", "/post-policy"] {
            let path = format!("{route}{query}");
            assert_eq!(world.refusal(&path).await, format!("{status} {code}"), "{path}");
        }
    }
    for (query, status, code) in [
        ("?key=users/person-2/a.jpg", 403, scope),
        ("?key=users/person-1", 403, scope),
        ("?key=a.jpg", 403, scope),
        ("", 400, parameter),
        ("?key=", 400, parameter),
        ("?key=/", 400, parameter),
        ("?key=*", 400, parameter),
        ("?key=users/person-1/*", 400, parameter),
        ("?key=users/person-1/../person-2/a.jpg", 400, parameter),
        ("?key=users/person-1/%2e%2e/person-2/a.jpg", 400, parameter),
        ("?key=users/person-1/${uin}", 400, parameter),
        ("?key=users/person-1/a.jpg&response-content-type=text/html", 400, parameter),
        ("?key=users/person-1/a.jpg&response-content-type=image/svg+xml", 400, parameter),
        ("?key=users/person-1/a.jpg&response-content-disposition=inline", 400, parameter),
        ("?key=users/person-1/a.jpg&ext=jpg", 400, parameter),
    ] {
        let path = format!("/download-sign{query}");
        assert_eq!(world.refusal(&path).await, format!("{status} {code}"), "{path}");
    }
    assert_eq!(world.sts_calls(), 0);
    let put_only = World::start(&[("ALLOW", "upload")]).await;
    let path = "/download-sign?key=users/person-1/a.jpg";
    assert_eq!(put_only.refusal(path).await, format!("403 {scope}"));
    let get_only = World::start(&[("ALLOW", "download"), ("EXTENSIONS", "")]).await;
    for path in ["/put-sign?ext=jpg", "/post-policy?ext=jpg"] {
        assert_eq!(get_only.refusal(path).await, format!("403 {scope}"), "{path}");
    }
    // Without a list of extensions, nothing is named.
    let unnamed = World::start(&[("EXTENSIONS", "")]).await;
    assert_eq!(unnamed.refusal("/put-sign?ext=jpg").await, format!("403 {extension}"));
    let calls = [put_only, get_only, unnamed].map(|world| world.sts_calls());
    assert_eq!(calls, [0, 0, 0]);
}
