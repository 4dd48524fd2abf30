//! The whole way over real sockets: a key from the STS, then COS with it, and everything that the
//! key does not cover.

use cos_emulator::{Cloud, KeyPair};
use serde_json::json;
use tencent::sign::q_sign::{self, CosRequest};
use tencent::time::Clock as _;

use super::support::{Tc3, code, encode, federation, issued, plain_client, secret};

const HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

struct World {
    cloud: Cloud,
}

/// A key with its token.
#[derive(Clone)]
struct Credential(KeyPair, Option<String>);

/// What came back.
struct Answer {
    status: u16,
    code: String,
    reason: String,
    body: String,
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::builder().start().await.unwrap();
        cloud.clock().freeze();
        Self { cloud }
    }

    /// A key for `users/1/` of the default bucket.
    async fn session(&self, actions: &[&str]) -> Credential {
        let actions: Vec<String> = actions.iter().map(|name| format!("name/cos:{name}")).collect();
        let policy = json!({ "version": "2.0", "statement": [{
            "effect": "allow", "action": actions,
            "resource": "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/*",
        }]});
        let mut parameters = federation();
        parameters["Policy"] = json!(encode(&policy.to_string()));
        let mut call = Tc3::new(self.cloud.sub_account_key(), "GetFederationToken", &parameters);
        call.timestamp = self.cloud.clock().now();
        let (pair, token) = issued(&call.send(self.cloud.sts()).await);
        Credential(pair, Some(token))
    }

    async fn send(&self, by: &Credential, method: &str, target: &str, body: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parameters: Vec<(&str, &str)> = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .collect();
        let request =
            CosRequest { method, path, parameters: &parameters, headers: &[("host", HOST)] };
        let now = self.cloud.clock().now();
        let key_time = q_sign::key_time(now.minus_seconds(60), now.plus_seconds(600));
        let Credential(pair, token) = by;
        let authorization =
            q_sign::authorization(&request, &key_time, &pair.secret_id, &secret(&pair.secret_key));
        let mut headers = vec![("authorization", authorization)];
        if let Some(token) = token {
            headers.push(("x-cos-security-token", token.clone()));
        }
        self.raw(method, target, headers, body).await
    }

    async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: Vec<(&str, String)>,
        body: &str,
    ) -> Answer {
        let url = format!("{}{target}", self.cloud.cos().http_url());
        let mut request = plain_client()
            .request(method.parse().unwrap(), url)
            .header("host", HOST)
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let reason = answer.headers().get("x-cos-emulator-reason");
        let reason = reason.map(|reason| reason.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        let code = body.split("<Code>").nth(1).unwrap_or_default();
        Answer {
            status,
            code: code.split('<').next().unwrap_or_default().to_owned(),
            reason: reason.unwrap_or_default(),
            body,
        }
    }

    #[track_caller]
    fn refused(answer: &Answer, status: u16, code: &str) {
        assert_eq!((answer.status, answer.code.as_str()), (status, code), "{}", answer.reason);
    }
}

#[tokio::test]
async fn a_key_of_the_sts_opens_its_own_prefix_and_nothing_else() {
    let world = World::new().await;
    let by = world.session(&["PutObject", "GetObject", "GetBucket"]).await;
    assert_eq!(world.send(&by, "PUT", "/users/1/a", "hello").await.status, 200);
    assert_eq!(world.send(&by, "GET", "/users/1/a", "").await.body, "hello");
    let list = world.send(&by, "GET", "/?prefix=users/1/", "").await;
    assert!(list.body.contains("<Key>users/1/a</Key>"), "{}", list.body);

    for (method, target) in [
        ("PUT", "/users/2/a"),
        ("PUT", "/users/10/a"),
        ("PUT", "/users/1"),
        ("PUT", "/a"),
        ("GET", "/users/2/a"),
        ("GET", "/?prefix=users/"),
        ("GET", "/"),
        ("HEAD", "/users/1/a"),
        ("DELETE", "/users/1/a"),
        ("POST", "/users/1/a?uploads"),
        ("POST", "/users/1/a?append&position=0"),
        ("GET", "/users/1/a?acl"),
        ("PUT", "/?cors"),
        ("DELETE", "/"),
    ] {
        let answer = world.send(&by, method, target, "x").await;
        assert_eq!(answer.status, 403, "{method} {target}");
        if method != "HEAD" {
            World::refused(&answer, 403, "AccessDenied");
        }
        assert!(answer.reason.starts_with("denied"), "{method} {target}: {}", answer.reason);
    }
    let last = world.cloud.decisions().pop().unwrap();
    assert_eq!(
        (last.operation.as_str(), last.caller_name.as_deref()),
        ("DeleteBucket", Some("issuer/test"))
    );
    assert!(!last.is_authorized);
    // Nothing of it happened.
    let root = Credential(world.cloud.root_key().clone(), None);
    let list = world.send(&root, "GET", "/", "").await;
    assert_eq!(list.body.matches("<Contents>").count(), 1, "{}", list.body);
}

#[tokio::test]
async fn a_key_is_good_until_it_expires_or_is_revoked() {
    let world = World::new().await;
    let by = world.session(&["PutObject"]).await;
    let put = || world.send(&by, "PUT", "/users/1/a", "x");
    assert_eq!(put().await.status, 200);
    world.cloud.advance_clock(1799);
    assert_eq!(put().await.status, 200);
    world.cloud.advance_clock(1);
    World::refused(&put().await, 400, "ExpiredToken");

    let by = world.session(&["PutObject"]).await;
    let put = || world.send(&by, "PUT", "/users/1/a", "x");
    assert_eq!(put().await.status, 200);
    assert!(world.cloud.revoke(&by.0.secret_id));
    let answer = put().await;
    World::refused(&answer, 403, "InvalidAccessKeyId");
    assert_eq!(answer.reason, "the key was revoked");

    let by = world.session(&["PutObject"]).await;
    assert!(world.cloud.expire(&by.0.secret_id));
    let answer = world.send(&by, "PUT", "/users/1/a", "x").await;
    World::refused(&answer, 400, "ExpiredToken");
    assert!(!world.cloud.expire(&world.cloud.root_key().secret_id));
    assert!(!world.cloud.expire("AKIDEMUnobody"));
}

#[tokio::test]
async fn unknown_keys_and_foreign_accounts_are_refused() {
    let world = World::new().await;
    let by = world.session(&["PutObject", "DeleteObject"]).await;
    let other = world.session(&["PutObject"]).await;
    World::refused(&world.raw("PUT", "/users/1/a", Vec::new(), "x").await, 403, "AccessDenied");
    World::refused(
        &world.raw("PATCH", "/users/1/a", Vec::new(), "x").await,
        405,
        "MethodNotAllowed",
    );
    let wrong_token = Credential(by.0.clone(), other.1.clone());
    let no_token = Credential(by.0.clone(), None);
    for wrong in [wrong_token, no_token] {
        let answer = world.send(&wrong, "PUT", "/users/1/a", "x").await;
        World::refused(&answer, 403, "InvalidAccessKeyId");
    }
    let wrong_key = Credential(
        KeyPair { secret_key: other.0.secret_key.clone(), ..by.0.clone() },
        by.1.clone(),
    );
    let answer = world.send(&wrong_key, "PUT", "/users/1/a", "x").await;
    World::refused(&answer, 403, "SignatureDoesNotMatch");
    assert!(answer.body.contains("<StringToSign>sha1\n"), "{}", answer.body);
    assert!(answer.body.contains("<FormatString>put\n/users/1/a\n"), "{}", answer.body);
    let delete = "<Delete><Object><Key>users/1/a</Key></Object><Object><Key>users/2/a</Key></Object></Delete>";
    let unsigned = world.raw("POST", "/?delete", Vec::new(), delete).await;
    assert_ne!(unsigned.status, 200);
    let records = world.cloud.decisions();
    assert!(records.iter().all(|record| !record.is_authorized));
    assert_eq!(records[0].secret_id, None);
}

#[tokio::test]
async fn a_session_of_the_sts_cannot_widen_itself() {
    let world = World::new().await;
    let by = world.session(&["*"]).await;
    let mut call = Tc3::new(&by.0, "GetFederationToken", &federation());
    call.token.clone_from(&by.1);
    call.timestamp = world.cloud.clock().now();
    let refused = call.send(world.cloud.sts()).await;
    assert_eq!(code(&refused), "FailedOperation.TempKeyNotAllowed");
    World::refused(&world.send(&by, "GET", "/users/2/a", "").await, 403, "AccessDenied");
}
