//! What a page of another origin can do: read nothing and cause nothing.
//!
//! # Guarantees
//! Exactly the configured origins may read an answer. A preflight never issues. What a browser
//! sends by itself (a cookie, a remembered password, a form) does not authenticate. A refusal makes
//! no call to STS.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{API_KEY, Answer, Browser, EACH_KIND, PLATFORMS};

const ALLOWED: [&str; 2] = ["https://app.example.com", "http://localhost:5173"];

/// Another scheme or port; more before or behind; userinfo, a path, an end of the text; another
/// case, which browsers never write; and none.
const TRICKS: &str = "http://app.example.com https://app.example.com:443 \
    https://app.example.com:8443 https://localhost:5173 http://localhost http://localhost:517 \
    http://localhost:51730 http://127.0.0.1:5173 http://[::1]:5173 \
    https://app.example.com.evil.example https://app.example.com. https://app.example.comevil \
    https://app.example.co https://evil-app.example.com https://evilapp.example.com \
    https://sub.app.example.com https://example.com https://app-example.com \
    https://appxexample.com https://evil.example/https://app.example.com \
    https://evil.example#https://app.example.com https://evil.example?https://app.example.com \
    https://app.example.com@evil.example https://user@app.example.com https://app.example.com/ \
    https://app.example.com%00.evil.example https://APP.example.com HTTPS://app.example.com null \
    * file:// app.example.com";

/// More than one.
const LISTS: [&str; 2] = [
    "https://app.example.com, https://evil.example",
    "https://app.example.com https://evil.example",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_only_looks_like_an_allowed_one_may_read_nothing() {
    for platform in EACH_KIND {
        let (_cloud, browser) = start(platform, &[]).await;
        for (method, path) in [
            ("GET", "/sign"),
            ("GET", "/nowhere"),
            ("POST", "/sign?format=xml"),
            ("OPTIONS", "/sts"),
        ] {
            for origin in TRICKS.split(' ').chain(LISTS) {
                let case = format!("{platform:?} {method} {path} {origin}");
                let headers =
                    [("origin", origin), ("access-control-request-headers", "traceparent")];
                let answer = send(&browser, method, path, &headers).await;
                let read = cors_headers(&answer);
                assert!(read.is_empty(), "{case}: {read:?}");
                assert_eq!(answer.lacks(), None, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_allowed_origin_is_named_and_never_with_credentials() {
    for platform in EACH_KIND {
        let (_cloud, browser) = start(platform, &[]).await;
        for (method, path) in [("GET", "/sign"), ("GET", "/nowhere"), ("OPTIONS", "/sts")] {
            for origin in ALLOWED {
                let case = format!("{platform:?} {method} {path} {origin}");
                let answer = send(&browser, method, path, &[("origin", origin)]).await;
                assert_eq!(answer.header("access-control-allow-origin"), origin, "{case}");
                let credentials = answer.header("access-control-allow-credentials");
                assert_eq!(credentials, "", "{case}");
                let takes = answer.header("access-control-allow-headers");
                let is_preflight = method == "OPTIONS";
                assert_eq!(takes.contains("authorization"), is_preflight, "{case}");
                assert_eq!(answer.lacks(), None, "{case}");
            }
        }
    }
}

/// Libraries for tracing and for requests add headers of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_send_the_headers_that_its_preflight_requests() {
    let default = "authorization, content-type";
    let many = vec!["x-a"; 300].join(",");
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform, &[]).await;
        for (requested, allowed) in [
            ("sentry-trace,baggage", "sentry-trace,baggage"),
            ("traceparent", "traceparent"),
            ("authorization,x-requested-with", "authorization,x-requested-with"),
            ("origin,accept,content-type", "origin,accept,content-type"),
            ("x-access-token", "x-access-token"),
            ("", default),
            ("not a name", default),
            ("a:b", default),
            (&many, default),
        ] {
            let headers = [
                ("origin", ALLOWED[0]),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", requested),
            ];
            let answer = send(&browser, "OPTIONS", "/sts", &headers).await;
            let names = answer.header("access-control-allow-headers");
            assert_eq!(names, allowed, "{platform:?} {requested}");
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_never_issues() {
    let bearer = format!("Bearer {API_KEY}");
    let scopes = r#"[{"action":"name/cos:PutObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users/1/a"}]"#;
    for platform in PLATFORMS {
        let (cloud, browser) = start(platform, &BY_API_KEY).await;
        let paths = "/sign /sts /sts-scope /sts/scope /getKeyAndCredentials?ext=jpg /nowhere";
        for path in paths.split(' ') {
            for origin in ["https://app.example.com", "https://evil.example", "null"] {
                let request = browser
                    .request("OPTIONS", path)
                    .header("origin", origin)
                    .header("access-control-request-method", "POST")
                    .header("access-control-request-headers", "authorization,content-type")
                    .header("authorization", &bearer)
                    .body(scopes);
                let answer = browser.send(request).await.unwrap();
                let case = format!("{platform:?} {path} {origin}: {answer:?}");
                assert_eq!(answer.status, 204, "{case}");
                assert!(answer.body.is_null(), "{case}");
                assert_eq!(answer.lacks(), None, "{case}");
            }
        }
        // Nor does what only looks like one.
        for method in ["options", "HEAD"] {
            let answer = send(&browser, method, "/sign", &[("authorization", &bearer)]).await;
            assert_eq!(answer.status, 405, "{platform:?} {method}: {answer:?}");
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// What a browser adds by itself, and what a form of any page can send.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_browser_sends_by_itself_is_a_proof() {
    let cookies = [
        format!("Authorization=Bearer {API_KEY}"),
        format!("session={API_KEY}; token={API_KEY}; api_key={API_KEY}"),
        format!("__Host-authorization=\"Bearer {API_KEY}\""),
    ];
    let basic = basic("next", API_KEY);
    for platform in EACH_KIND {
        let (cloud, browser) = start(platform, &BY_API_KEY).await;
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "application/json",
            "",
        ] {
            for origin in ["https://evil.example", "null", "https://app.example.com"] {
                for cookie in &cookies {
                    let headers = [
                        ("origin", origin),
                        ("content-type", content_type),
                        ("cookie", cookie),
                        ("sec-fetch-site", "same-origin"),
                        ("referer", "https://app.example.com/"),
                    ];
                    for (method, path) in [("GET", "/sign"), ("POST", "/sign"), ("POST", "/sts")] {
                        let answer = send(&browser, method, path, &headers).await;
                        let case = format!("{platform:?} {method} {path} {content_type} {origin}");
                        refused(&answer, &case);
                    }
                }
            }
        }
        // A password that a browser remembers for a site goes along like a cookie.
        let answer = send(&browser, "GET", "/sign", &[("authorization", &basic)]).await;
        refused(&answer, &format!("{platform:?} Basic"));
        // A link can carry a query, which never authenticates.
        for name in ["access_token", "token", "key", "authorization"] {
            for (route, statuses) in [("/sign", [401, 400]), ("/sts", [400, 400])] {
                let path = format!("{route}?{name}={API_KEY}");
                let answer = browser.get(&path).await.unwrap();
                let case = format!("{platform:?} {path}: {answer:?}");
                assert!(statuses.contains(&answer.status), "{case}");
            }
        }
        assert_eq!(cloud.sts().call_count(), 0, "{platform:?}");
    }
}

/// `printf %s KEY | openssl dgst -sha256` of [`API_KEY`].
const BY_API_KEY: [(&str, &str); 2] = [
    ("AUTH", "api-key"),
    ("API_KEYS", "next=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8"),
];

async fn start(platform: Platform, settings: &[(&str, &str)]) -> (Cloud, Browser) {
    let allowed = ALLOWED.join(",");
    let own = [("EXTENSIONS", "jpg"), ("ALLOWED_ORIGINS", &*allowed)];
    cos_issuer_e2e::start(platform, &[&own, settings].concat()).await.unwrap()
}

async fn send(browser: &Browser, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = browser.request(method, path);
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    browser.send(request).await.unwrap()
}

fn cors_headers(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.keys().map(|name| name.as_str());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[track_caller]
fn refused(answer: &Answer, case: &str) {
    assert_eq!(answer.status, 401, "{case}: {answer:?}");
    let name = answer.body.get("codeDesc").and_then(|name| name.as_str());
    assert_eq!(name, Some("AuthFailure.ProofMissing"), "{case}");
    assert_ne!(answer.header("www-authenticate"), "", "{case}");
}

/// RFC 7617.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}
