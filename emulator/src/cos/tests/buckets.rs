//! Buckets, the service, hosts, CORS, ACLs.

use super::{BUCKET, HOST, World, header, read_xml, refusal, sent, status, texts};
use crate::cos::Options;

const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>http://page.example.com</AllowedOrigin>\
    <AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule>\
    </CORSConfiguration>";

fn host(bucket: &str, region: &str) -> String {
    format!("{bucket}.cos.{region}.myqcloud.com")
}

#[tokio::test]
async fn buckets_are_made_listed_and_removed() {
    let world = World::new();
    let other = host("other-1250000000", "ap-beijing");
    assert_eq!(status(world.request_to("PUT", &other, "/")).await, 200);
    let again = refusal(world.request_to("PUT", &other, "/")).await;
    assert_eq!(again, "409 BucketAlreadyOwnedByYou");
    let head = sent(world.request_to("HEAD", &other, "/")).await;
    assert_eq!(header(&head, "x-cos-bucket-region"), "ap-beijing");
    let wrong =
        sent(world.request_to("HEAD", &host("other-1250000000", "ap-guangzhou"), "/")).await;
    assert_eq!(wrong.status(), 404);
    let service = "service.cos.myqcloud.com";
    let (first, second) = (BUCKET, "other-1250000000");
    for (service, target, expected) in [
        (service, "/", vec![first, second]),
        (service, "/?marker=&max-keys=2000", vec![first, second]),
        (service, "/?max-keys=1", vec![first]),
        (service, "/?region=ap-beijing", vec![second]),
        ("cos.ap-beijing.myqcloud.com", "/", vec![second]),
        ("localhost:1", "/", vec![first, second]),
    ] {
        let root = read_xml(sent(world.request_to("GET", service, target)).await).await;
        let buckets = root.child("Buckets").unwrap();
        assert_eq!(texts(buckets, "Bucket", "Name"), expected, "{service}{target}");
    }
    let location = read_xml(sent(world.request_to("GET", &other, "/?location")).await).await;
    assert_eq!(location.text, "ap-beijing");
    sent(world.request_to("PUT", &other, "/a").body("1")).await;
    let full = refusal(world.request_to("DELETE", &other, "/")).await;
    assert_eq!(full, "409 BucketNotEmpty");
    sent(world.request_to("DELETE", &other, "/a")).await;
    sent(world.request_to("POST", &other, "/a?uploads")).await;
    let uploading = refusal(world.request_to("DELETE", &other, "/")).await;
    assert_eq!(uploading, "409 BucketNotEmpty");
    let list = read_xml(sent(world.request_to("GET", &other, "/?uploads")).await).await;
    let target = format!("/a?uploadId={}", texts(&list, "Upload", "UploadId")[0]);
    sent(world.request_to("DELETE", &other, &target)).await;
    assert_eq!(status(world.request_to("DELETE", &other, "/")).await, 204);
    let gone = refusal(world.request_to("GET", &other, "/")).await;
    assert_eq!(gone, "404 NoSuchBucket");
}

#[tokio::test]
async fn buckets_are_selected_by_their_time_of_creation() {
    let world = World::new();
    let service = |query: &str| world.request_to("GET", "service.cos.myqcloud.com", query);
    let (past, future) = (1_642_662_645, 32_503_680_000_i64);
    for (query, count) in [
        (format!("/?range=gt&create-time={past}"), 1),
        (format!("/?range=gte&create-time={past}"), 1),
        (format!("/?range=lt&create-time={past}"), 0),
        (format!("/?range=lte&create-time={future}"), 1),
        (format!("/?range=gt&create-time={future}"), 0),
    ] {
        let root = read_xml(sent(service(&query)).await).await;
        assert_eq!(root.child("Buckets").unwrap().all("Bucket").count(), count, "{query}");
    }
    for query in ["/?range=lt", "/?create-time=1", "/?range=eq&create-time=1"] {
        assert_eq!(refusal(service(query)).await, "400 InvalidArgument", "{query}");
    }
}

#[tokio::test]
async fn a_bucket_of_several_zones_says_so_and_takes_their_classes() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let host = host("zones-1250000000", "ap-guangzhou");
    let body = "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig></CreateBucketConfiguration>";
    assert_eq!(status(world.request_to("PUT", &host, "/").body(body)).await, 200);
    drop(world);
    let world = World::in_directory(directory.path());
    let head = sent(world.request_to("HEAD", &host, "/")).await;
    assert_eq!(header(&head, "x-cos-bucket-az-type"), "MAZ");
    let other = sent(world.request("HEAD", "/")).await;
    assert!(!other.headers().contains_key("x-cos-bucket-az-type"));
    for class in ["MAZ_STANDARD", "MAZ_STANDARD_IA", "MAZ_ARCHIVE", "STANDARD"] {
        let put = |host: &str| {
            let put = world.request_to("PUT", host, "/a").header("x-cos-storage-class", class);
            put.body("1")
        };
        assert_eq!(status(put(&host)).await, 200, "{class}");
        let in_one_zone = status(put(HOST)).await;
        assert_eq!(in_one_zone, if class == "STANDARD" { 200 } else { 400 }, "{class}");
    }
    let begin = world.request("POST", "/a?uploads").header("x-cos-storage-class", "MAZ_STANDARD");
    assert_eq!(refusal(begin).await, "400 NotSupportedStorageClass");
}

#[tokio::test]
async fn buckets_that_cannot_be_made() {
    let world = World::new();
    let put = |bucket: &str| world.request_to("PUT", &host(bucket, "ap-guangzhou"), "/");
    let zones = "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig></CreateBucketConfiguration>";
    let folders = "<CreateBucketConfiguration><BucketAZConfig>MAZ</BucketAZConfig>\
        <BucketArchConfig>OFS</BucketArchConfig></CreateBucketConfiguration>";
    let in_tokyo = world.request_to("PUT", &host("mine-1250000000", "ap-tokyo"), "/");
    let mine = || put("mine-1250000000");
    for (request, error) in [
        (put("mine-1250000001"), "403 AccessDenied"),
        (in_tokyo.body(zones), "400 MultiAZFeatureNotSupport"),
        (mine().body(zones.replace("MAZ", "many")), "400 MalformedXML"),
        (mine().body(folders), "501 NotImplemented"),
        (mine().body(folders.replace("OFS", "many")), "400 MalformedXML"),
        (mine().body("<x"), "400 MalformedXML"),
        (mine().header("x-cos-acl", "default"), "400 InvalidArgument"),
        (mine().header("x-cos-tagging", "a=%3C"), "400 InvalidTag"),
        (put("Mine_1-1250000000"), "400 UserCnameInvalid"),
        (put("copy-cos-python-v5-test-3-11-ap-guangzhou-1250000000"), "400 InvalidBucketName"),
    ] {
        assert_eq!(refusal(request).await, error);
    }
    for number in 1..200 {
        let made = sent(put(&format!("b{number}-1250000000"))).await;
        assert_eq!(made.status(), 200);
    }
    assert_eq!(refusal(put("b200-1250000000")).await, "400 TooManyBuckets");
}

#[tokio::test]
async fn every_way_to_name_the_bucket_leads_to_the_same_object() {
    let world = World::new();
    world.put("/a%20b", "text").await;
    let path_style = format!("/{BUCKET}/a%20b");
    for (host, target) in [
        (HOST, "/a%20b"),
        (&format!("{BUCKET}.cos.localhost"), "/a%20b"),
        (&format!("{BUCKET}.cos.ap-guangzhou.localhost:99"), "/a%20b"),
        (&format!("{BUCKET}.localhost:99"), "/a%20b"),
        ("127.0.0.1:99", "/a%20b"),
        ("127.0.0.1:99", &path_style),
        ("localhost:99", &path_style),
    ] {
        let answer = sent(world.request_to("GET", host, target)).await;
        assert_eq!(answer.status(), 200, "{host}{target}");
        assert_eq!(answer.text().await.unwrap(), "text");
    }
    let strict = World::with(&Options { strict_hosts: true, ..Options::default() });
    for (world, host) in [
        (&world, "cos.ap-guangzhou.myqcloud.com"),
        (&world, "cos.ap-guangzhou.localhost"),
        (&strict, "cos.ap-guangzhou.myqcloud.com"),
        (&strict, "localhost:99"),
        (&strict, "127.0.0.1:99"),
    ] {
        let refused = refusal(world.request_to("GET", host, &path_style)).await;
        assert_eq!(refused, "403 PathStyleDomainForbidden", "{host}");
    }
}

#[tokio::test]
async fn the_certificate_fits_the_names_that_clients_keep() {
    let world = World::new();
    let pem = std::fs::read(world.ca.file()).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let request = |name: &str| {
        let client = reqwest::Client::builder()
            .tls_certs_only([authority.clone()])
            .resolve(name, world.cos.https_address())
            .no_proxy()
            .build()
            .unwrap();
        client.get(format!("https://{name}:{}/", world.cos.https_address().port()))
    };
    for name in [
        HOST,
        "service.cos.myqcloud.com",
        "cos.ap-guangzhou.myqcloud.com",
        "examplebucket-1250000000.cos.localhost",
        "cos.ap-shanghai.myqcloud.com",
        "service.cos.na-ashburn.tencentcos.cn",
    ] {
        let answer = sent(request(name).header("authorization", "let-me-in")).await;
        assert_eq!(answer.status(), 200, "{name}");
    }
    for name in ["example.com", "b.ci.ap-shanghai.myqcloud.com", "a.cos.shanghai.myqcloud.com"] {
        assert!(request(name).send().await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn cors_rules_are_kept_shown_and_followed() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let names = "authorization,x-cos-security-token";
    let preflight = |origin: &str, method: &str| {
        world
            .client
            .request(http::Method::OPTIONS, format!("{}/a", world.cos.http_url()))
            .header("host", HOST)
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", names)
    };
    let page = "http://page.example.com";
    assert_eq!(refusal(preflight(page, "PUT")).await, "403 AccessForbidden");
    assert_eq!(refusal(world.request("GET", "/?cors")).await, "404 NoSuchCORSConfiguration");
    assert_eq!(status(world.request("PUT", "/?cors").body(RULES)).await, 200);
    let root = world.document("/?cors").await;
    assert_eq!(texts(&root, "CORSRule", "AllowedOrigin"), [page]);
    let answer = sent(preflight(page, "PUT")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "access-control-allow-origin"), page);
    assert_eq!(header(&answer, "access-control-allow-headers"), names);
    for (origin, method) in [(page, "DELETE"), ("http://evil.example.com", "PUT"), ("null", "PUT")]
    {
        assert_eq!(
            refusal(preflight(origin, method)).await,
            "403 AccessForbidden",
            "{origin} {method}"
        );
    }
    let put_to = |target: &str, origin: &str| {
        let put = world.request("PUT", target).body("1");
        put.header("origin", origin)
    };
    let put = |origin: &str| put_to("/a", origin);
    let answer = sent(put(page)).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), page);
    assert_eq!(header(&answer, "access-control-expose-headers"), "ETag");
    // A page may also read why it was refused.
    let refused = sent(put_to("/denied/a", page)).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(header(&refused, "access-control-allow-origin"), page);
    let other = sent(put("http://evil.example.com")).await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    assert_eq!(status(world.request("DELETE", "/?cors")).await, 204);
    assert_eq!(refusal(preflight(page, "PUT")).await, "403 AccessForbidden");
}

#[tokio::test]
async fn a_preflight_names_what_it_needs() {
    let world = World::new();
    for name in ["origin", "access-control-request-method"] {
        let half = world.request("OPTIONS", "/a").header(name, "x");
        assert_eq!(refusal(half).await, "400 InvalidRequest");
    }
}

#[tokio::test]
async fn the_builder_s_origins_are_a_rule_and_nobody_else_is() {
    let world = World::with(&Options {
        origins: vec!["http://localhost:3000".to_owned()],
        ..Options::default()
    });
    world.put("/a", "1").await;
    let get = |origin: &str| world.request("GET", "/a").header("origin", origin);
    let answer = sent(get("http://localhost:3000")).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "http://localhost:3000");
    assert!(header(&answer, "access-control-expose-headers").contains("ETag"));
    assert!(header(&answer, "vary").contains("Origin"));
    let other = sent(get("http://localhost:3001")).await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
}
