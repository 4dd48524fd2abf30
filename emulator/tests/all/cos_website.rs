//! The website of a bucket, for everyone: its pages, its error document, its redirects, and what an
//! ACL does not let everyone see.

use cos_emulator::Cloud;
use reqwest::Response;

use crate::cos_caller::{Caller, status_and_code};
use crate::support::plain_client;

const SITE: &str = "examplebucket-1250000000.cos-website.ap-guangzhou.myqcloud.com";

async fn site(document: &str) -> Cloud {
    let cloud = Cloud::builder().start().await.unwrap();
    let owner = Caller { pair: cloud.sub_account_key().clone(), token: None };
    for (target, body) in [
        ("/index.html", "home"),
        ("/article/index.html", "an article"),
        ("/about.html", "about"),
        ("/error.html", "an error page"),
        ("/documents/a", "a document"),
        ("/secret.txt", "secret"),
        ("/?website", document),
    ] {
        let request = owner.request(&cloud, "PUT", target).body(body.to_owned());
        let (status, text) = status_and_code(request.send().await.unwrap()).await;
        assert!(status.is_success(), "{target}: {status} {text}");
    }
    for (target, acl) in [("/?acl", "public-read"), ("/secret.txt?acl", "private")] {
        let request = owner.request(&cloud, "PUT", target).header("x-cos-acl", acl);
        assert!(request.send().await.unwrap().status().is_success(), "{target}");
    }
    cloud
}

async fn get(cloud: &Cloud, method: &str, path: &str) -> Response {
    let url = format!("{}{path}", cloud.cos().http_url());
    let request = plain_client().request(method.parse().unwrap(), url).header("host", SITE);
    request.send().await.unwrap()
}

/// The status and the body, or where it is redirected to.
async fn shown(cloud: &Cloud, path: &str) -> (u16, String) {
    let answer = get(cloud, "GET", path).await;
    let status = answer.status().as_u16();
    match answer.headers().get("location") {
        Some(location) => (status, location.to_str().unwrap().to_owned()),
        None => (status, answer.text().await.unwrap()),
    }
}

#[tokio::test]
async fn a_website_shows_its_pages_and_its_error_document() {
    let cloud = site(
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
         <AutoAddressing><Status>Enabled</Status></AutoAddressing>\
         <ErrorDocument><Key>error.html</Key></ErrorDocument><RoutingRules><RoutingRule>\
         <Condition><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition>\
         <Redirect><ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith></Redirect>\
         </RoutingRule></RoutingRules></WebsiteConfiguration>",
    )
    .await;
    for (path, status, text) in [
        ("/", 200, "home"),
        ("/index.html?v=1&cache", 200, "home"),
        ("/article/", 200, "an article"),
        ("/about", 200, "about"),
        ("/missing", 404, "an error page"),
        ("/secret.txt", 403, "an error page"),
    ] {
        assert_eq!(shown(&cloud, path).await, (status, text.to_owned()), "{path}");
    }
    let (status, location) = shown(&cloud, "/docs/a").await;
    assert_eq!((status, location.as_str()), (302, &*format!("http://{SITE}/documents/a")));
    let home = get(&cloud, "GET", "/").await;
    assert_eq!(home.headers()["content-type"], "text/html");
    let head = get(&cloud, "HEAD", "/").await;
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"4".parse().unwrap())
    );
    for method in ["PUT", "POST", "DELETE"] {
        let answer = status_and_code(get(&cloud, method, "/index.html").await).await;
        assert_eq!(answer.1, "NotImplemented", "{method}");
    }
    assert_eq!(shown(&cloud, "/").await.1, "home", "a website is only read");
}

#[tokio::test]
async fn a_website_redirects_errors_and_plain_requests() {
    let rule = "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
         <ErrorDocument><Key>missing.html</Key></ErrorDocument><RoutingRules><RoutingRule>\
         <Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>\
         <Redirect><Protocol>https</Protocol><ReplaceKeyWith>index.html</ReplaceKeyWith></Redirect>\
         </RoutingRule></RoutingRules></WebsiteConfiguration>";
    let cloud = site(rule).await;
    let home = format!("https://{SITE}/index.html");
    assert_eq!(shown(&cloud, "/missing").await, (302, home));
    let (status, text) = shown(&cloud, "/secret.txt").await;
    assert!(status == 403 && text.contains("<Code>AccessDenied</Code>"), "{status} {text}");

    let cloud = site(
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
         <RedirectAllRequestsTo><Protocol>https</Protocol></RedirectAllRequestsTo>\
         </WebsiteConfiguration>",
    )
    .await;
    assert_eq!(shown(&cloud, "/a/").await, (302, format!("https://{SITE}/a/")));
}

#[tokio::test]
async fn a_bucket_without_a_website_has_none() {
    let cloud = Cloud::builder().start().await.unwrap();
    let answer = status_and_code(get(&cloud, "GET", "/").await).await;
    assert_eq!((answer.0.as_u16(), answer.1.as_str()), (404, "NoSuchWebsiteConfiguration"));
}
