//! A grants file on the deployed binary, callers with API keys, and the policies that reach STS. A
//! refusal makes no call.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::io::Write;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{API_KEY, API_KEY_SHA256, Answer, Browser, EACH_KIND, issuer_on, printed};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const GRANTS: &str = r#"
# Everyone who has a key reads what is public.
[[grant]]
name = "public"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "public/"
allow = ["download"]

# Members of a team upload pictures into a folder of their own.
[[grant]]
name = "pictures"
match = { proof = "api-key", team = ["media", "press"] }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "teams/{team}/{sub}/"
slots = { team = ["media", "press"] }
allow = ["upload"]
duration_seconds = [600, 1200]
max_size_bytes = 5242880
content_types = ["image/*"]
extensions = ["jpg", "png"]
source_ip = ["10.0.0.0/8"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_grants_file_decides_who_gets_what_on_every_platform() {
    for platform in EACH_KIND {
        let issuer = Issuer::start(platform, "sub=u-1 team=media").await;
        let answer = issuer.get("/sts").await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        let policy = issuer.last_policy();
        let below = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";
        assert_eq!(
            policy["statement"],
            json!([{"effect": "allow", "action": ["name/cos:GetObject", "name/cos:HeadObject"], "resource": [format!("{below}public/*")]}])
        );

        let answer = issuer
            .get("/getKeyAndCredentials?filename=a.JPG&bucket=examplebucket-1250000000")
            .await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        let key = answer.body["key"].as_str().unwrap();
        assert!(key.starts_with("teams/media/u-1/") && key.ends_with(".jpg"), "{key}");
        let policy = issuer.last_policy();
        let condition = json!({"ip_equal": {"qcs:ip": "10.0.0.0/8"}, "numeric_greater_than_equal": {"cos:content-length": 1},
            "numeric_less_than_equal": {"cos:content-length": 5_242_880}, "string_like": {"cos:content-type": "image/*"}});
        assert_eq!(
            policy["statement"],
            json!([{"effect": "allow", "action": ["name/cos:PutObject", "name/cos:PostObject"], "resource": [format!("{below}{key}")], "condition": condition}])
        );
        let calls = issuer.cloud.sts().calls();
        let last = calls.last().unwrap();
        assert_eq!(last.duration_seconds, Some(1200));
        let name = last.name.as_deref().unwrap();
        assert!(
            name.starts_with("cosissuer")
                && name.len() == 37
                && name.bytes().all(|c| c.is_ascii_lowercase()),
            "{name}"
        );
        assert_eq!(calls[0].name.as_deref(), Some(name), "one caller, one name");
        for part in [format!("\"session_name\":\"{name}\""), "\"grants\":\"pictures\"".to_owned()] {
            assert!(printed(&issuer.cloud, &part).await, "{platform:?}: {part}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_the_grants_makes_no_call() {
    for platform in EACH_KIND {
        let issuer = Issuer::start(platform, "sub=u-1 team=media").await;
        for line in [
            "403 UnauthorizedOperation.Scope /sts?bucket=other-1250000000",
            "403 UnauthorizedOperation.Scope /sts?region=ap-beijing",
            "403 UnauthorizedOperation.Extension /getKeyAndCredentials?ext=gif",
            "400 InvalidParameter.DurationSeconds /getKeyAndCredentials?ext=jpg&durationSeconds=1201",
            "400 InvalidParameter.QueryParameter /sts?roleArn=qcs::cam::uin/1:roleName/admin",
        ] {
            let [status, name, path] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            refused(&issuer.get(path).await, status.parse().unwrap(), name);
        }
        for (operation, key) in [
            ("PutObject", "teams/media/u-1/a.php"),
            ("PutObject", "teams/media/u-12/a.jpg"),
            ("UploadPart", "teams/media/u-1/a.jpg"),
            ("PutObjectACL", "public/a"),
        ] {
            let answer = issuer.scope(operation, key).await;
            refused(&answer, 403, "UnauthorizedOperation.Scope");
        }
        assert_eq!(issuer.cloud.sts().call_count(), 0, "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_grant_is_refused_with_that_rule() {
    let (_, own) = GRANTS.split_at(GRANTS.find("# Members").unwrap());
    for platform in EACH_KIND {
        let issuer = Issuer::start_with(platform, "sub=u-1 team=other", own).await;
        let answer = issuer.get("/sts").await;
        refused(&answer, 403, "UnauthorizedOperation.CallerNotAllowed");
        let told = answer.body["message"].as_str().unwrap();
        assert!(!["pictures", "media", "press"].iter().any(|other| told.contains(other)), "{told}");
        assert_eq!(issuer.cloud.sts().call_count(), 0, "{platform:?}");
    }
}

struct Issuer {
    cloud: Cloud,
    browser: Browser,
    /// Lives as long as its reader.
    _file: NamedTempFile,
}

impl Issuer {
    async fn start(platform: Platform, claims: &str) -> Self {
        Self::start_with(platform, claims, GRANTS).await
    }

    async fn start_with(platform: Platform, claims: &str, grants: &str) -> Self {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(grants.as_bytes()).expect("a file");
        let cloud = issuer_on(platform)
            .unwrap()
            .env("GRANTS_FILE", file.path().to_str().expect("a path"))
            .env("AUTH", "api-key")
            .env("API_KEYS", format!("key={API_KEY_SHA256} {claims}"))
            .start()
            .await
            .unwrap();
        let browser = Browser::of(&cloud).unwrap();
        Self { cloud, browser, _file: file }
    }

    async fn get(&self, path: &str) -> Answer {
        let request = self.browser.request("GET", path).bearer_auth(API_KEY);
        self.browser.send(request).await.unwrap()
    }

    async fn scope(&self, operation: &str, key: &str) -> Answer {
        let scopes = json!([{"action": format!("name/cos:{operation}"), "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": key}]);
        let request =
            self.browser.request("POST", "/sts").bearer_auth(API_KEY).body(scopes.to_string());
        self.browser.send(request).await.unwrap()
    }

    fn last_policy(&self) -> Value {
        let calls = self.cloud.sts().calls();
        let policy = calls.last().and_then(|call| call.policy.clone());
        serde_json::from_str(&policy.expect("a policy")).expect("JSON")
    }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, name: &str) {
    assert_eq!((answer.status, &answer.body["codeDesc"]), (status, &json!(name)), "{answer:?}");
    assert!(answer.body.get("data").is_none() && answer.body.get("credentials").is_none());
}
