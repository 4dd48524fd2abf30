//! Several token issuers on the deployed binary: `[[issuer]]` tables, presets, and what keeps the
//! callers of one apart from those of another. The tables of rules are in the unit tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::io::Write as _;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{
    Answer, Browser, EACH_KIND, HS_SECRET, KeyServer, Signer, TokenIssuer, printed,
};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tencent::time::{Clock, SystemClock};

/// An issuer and its keys on loopback.
struct Issuer {
    keys: TokenIssuer,
    server: KeyServer,
    iss: &'static str,
}

impl Issuer {
    async fn start(iss: &'static str) -> Self {
        let keys = TokenIssuer::new().await.unwrap();
        let server = KeyServer::start(&keys.jwks()).await.unwrap();
        Self { keys, server, iss }
    }

    fn table(&self, name: &str, lines: &str) -> String {
        let (iss, url) = (self.iss, self.server.url());
        format!(
            "[[issuer]]\nname = \"{name}\"\nissuer = \"{iss}\"\njwks_url = \"{url}\"\n{lines}\n"
        )
    }

    /// Good claims but for these.
    fn token(&self, kid: &str, claims: &Value) -> String {
        self.keys.token(Signer::Rs256, kid, &self.claims(claims)).unwrap()
    }

    fn claims(&self, claims: &Value) -> Value {
        let now = SystemClock.now().unix_seconds();
        let mut all = json!({"iss": self.iss, "sub": "person-1", "aud": "uploads",
            "iat": now.saturating_sub(10), "exp": now.saturating_add(290)});
        let members = all.as_object_mut().unwrap();
        members.extend(claims.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        all
    }
}

const UPLOADS: &str = "audiences = [\"uploads\"]";

fn grant(name: &str, principal_match: &str, prefix: &str) -> String {
    format!(
        "[[grant]]\nname = \"{name}\"\nmatch = {principal_match}\nprefix = \"{prefix}\"\n\
         bucket = \"examplebucket-1250000000\"\nregion = \"ap-guangzhou\"\nallow = [\"upload\"]\n"
    )
}

/// A function with this grants file; the file ends with the last value.
async fn start(
    platform: Platform,
    grants: &[String],
    settings: &[(&str, &str)],
) -> (Cloud, Browser, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(grants.concat().as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [&[("AUTH", "jwt"), ("GRANTS_FILE", path)], settings].concat();
    let (cloud, browser) = cos_issuer_e2e::start(platform, &variables).await.unwrap();
    (cloud, browser, file)
}

async fn ask_in(browser: &Browser, header: &str, value: &str) -> Answer {
    browser.send(browser.request("GET", "/sign").header(header, value)).await.unwrap()
}

async fn ask(browser: &Browser, token: &str) -> Answer {
    ask_in(browser, "authorization", &format!("Bearer {token}")).await
}

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    assert!((400..500).contains(&answer.status), "{code}: {answer:?}");
    assert_eq!(answer.body["codeDesc"], code, "{answer:?}");
    assert!(answer.body.get("data").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_two_issuers_get_their_own_grants_and_sessions() {
    let [login, partner, stranger] = [
        Issuer::start("https://login.example.com/").await,
        Issuer::start("https://partner.example.com/").await,
        Issuer::start("https://stranger.example.com/").await,
    ];
    for platform in EACH_KIND {
        let fetched = (login.server.requests(), partner.server.requests());
        let file = [
            login.table("login", UPLOADS),
            partner.table("partner", UPLOADS),
            grant("own", "{ issuer = \"login\" }", "users/{sub}/"),
            grant("shared", "{ issuer = \"partner\" }", "partner/"),
        ];
        let (cloud, browser, _file) = start(platform, &file, &[]).await;
        for (issuer, grant) in [(&login, "own"), (&partner, "shared")] {
            let answer = ask(&browser, &issuer.token("rsa", &json!({}))).await;
            assert_eq!(answer.status, 200, "{platform:?} {grant}: {answer:?}");
            assert!(printed(&cloud, &format!("\"grants\":\"{grant}\"")).await);
        }
        assert_eq!(cloud.sts().call_count(), 2);
        let output = cloud.function_output();
        let lines = output.lines().filter(|line| line.contains("\"outcome\":\"granted\""));
        let member = |name: &str| -> Vec<String> {
            let start = format!("\"{name}\":\"");
            let rest = lines.clone().filter_map(|line| Some(line.split_once(&start)?.1));
            rest.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
        };
        assert_eq!(member("key_name"), ["login", "partner"], "{output}");
        for name in ["subject", "session_name"] {
            let found = member(name);
            assert!(found.len() == 2 && found[0] != found[1], "{name}: {found:?}");
        }
        // The right `iss` with the wrong key, and what no table names.
        let forged = |issuer: &Issuer, of: &Issuer| {
            let header = json!({"alg": "RS256", "kid": "rsa"}).to_string();
            let claims = of.claims(&json!({})).to_string();
            issuer.keys.sign(Signer::Rs256, &header, &claims).unwrap()
        };
        for token in [
            forged(&login, &partner),
            forged(&partner, &login),
            forged(&stranger, &login),
            forged(&login, &stranger),
            forged(&stranger, &stranger),
        ] {
            refused(&ask(&browser, &token).await, "AuthFailure.Token");
        }
        assert_eq!((cloud.sts().call_count(), stranger.server.requests()), (2, 0));
        let now = (login.server.requests(), partner.server.requests());
        assert_eq!(now, (fetched.0 + 1, fetched.1 + 1), "{platform:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_or_flooded_touches_no_other() {
    let [login, partner] = [
        Issuer::start("https://login.example.com/").await,
        Issuer::start("https://partner.example.com/").await,
    ];
    let file = [
        login.table("login", UPLOADS),
        partner.table("partner", UPLOADS),
        grant("all", "{ issuer = [\"login\", \"partner\"] }", "all/"),
    ];
    let (cloud, browser, _file) = start(Platform::ScfWeb, &file, &[]).await;
    login.server.answer_with("HTTP/1.1 503 Service Unavailable", b"");
    let good = [login.token("rsa", &json!({})), partner.token("rsa", &json!({}))];
    let down = ask(&browser, &good[0]).await;
    assert_eq!(down.status, 503, "{down:?}");
    assert_eq!(down.body["codeDesc"], "InternalError.TokenKeysUnavailable");
    assert!(printed(&cloud, "\"issuer\":\"login\"").await);
    assert_eq!(ask(&browser, &good[1]).await.status, 200);
    for number in 0..200 {
        let token = login.token(&format!("kid-{number}"), &json!({}));
        assert_eq!(ask(&browser, &token).await.status, 503);
        if number % 50 == 0 {
            assert_eq!(ask(&browser, &good[1]).await.status, 200);
        }
    }
    // One more at the other, whose pause has just begun too.
    refused(&ask(&browser, &partner.token("unknown", &json!({}))).await, "AuthFailure.Token");
    assert_eq!(partner.server.requests(), 1);
    assert!(login.server.requests() <= 20, "{} fetches", login.server.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_may_have_a_header_a_secret_and_another_audience_claim() {
    let cognito = Issuer::start("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x").await;
    let hs = TokenIssuer::new().await.unwrap();
    for platform in EACH_KIND {
        let file = [
            cognito.table("access", "audiences = [\"app-1\"]\naudience_claim = \"client_id\""),
            "[[issuer]]\nname = \"backend\"\nissuer = \"backend\"\naudiences = [\"uploads\"]\n\
             secret_env = \"BACKEND_SECRET\"\nheader = \"x-id-token\"\n"
                .to_owned(),
            grant("cognito", "{ issuer = \"access\", token_use = \"access\" }", "a/{sub}/"),
            grant("backend", "{ issuer = \"backend\" }", "b/{sub}/"),
        ];
        let secret = [("BACKEND_SECRET", HS_SECRET)];
        let (cloud, browser, _file) = start(platform, &file, &secret).await;
        let access = json!({"aud": null, "client_id": "app-1", "token_use": "access"});
        let answer = ask(&browser, &cognito.token("rsa", &access)).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        for claims in [
            json!({"aud": "app-1", "token_use": "id"}),
            json!({"aud": null, "client_id": "app-2", "token_use": "access"}),
            json!({"aud": null, "client_id": null, "token_use": "access"}),
        ] {
            let answer = ask(&browser, &cognito.token("rsa", &claims)).await;
            refused(&answer, "AuthFailure.Token");
            let message = answer.body["message"].as_str().unwrap();
            assert!(message.contains("`client_id`"), "{message}");
        }
        let now = SystemClock.now().unix_seconds();
        let claims = json!({"iss": "backend", "aud": "uploads", "sub": "person-1", "iat": now,
            "exp": now + 60});
        let token = hs.token(Signer::Hs256(HS_SECRET.as_bytes()), "any", &claims).unwrap();
        refused(&ask(&browser, &token).await, "AuthFailure.Token");
        // What IAM signs in `Authorization` is not a credential of ours.
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/lambda/aws4_request";
        let request = browser.request("GET", "/sign").header("authorization", signed);
        let answer = browser.send(request.header("x-id-token", &token)).await.unwrap();
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        let both = browser.request("GET", "/sign").header("x-id-token", &token);
        let both = both.header("authorization", format!("Bearer {token}"));
        refused(&browser.send(both).await.unwrap(), "AuthFailure.ProofAmbiguous");
        let answer = ask_in(&browser, "x-id-token", &format!("Bearer {token}")).await;
        refused(&answer, "AuthFailure.Token");
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("header=\"x-id-token\""), "{challenge}");
        assert_eq!(cloud.sts().call_count(), 2, "{platform:?}");
        assert!(!cloud.function_output().contains(HS_SECRET));
    }
}

/// The example of GitHub's documents:
/// <https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims>
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_github_actions_gets_what_its_repository_and_branch_get() {
    let github = Issuer::start("https://token.actions.githubusercontent.com").await;
    let table = format!(
        "[[issuer]]\nname = \"ci\"\npreset = \"github-actions\"\njwks_url = \"{}\"\n\
         audiences = [\"https://issuer.example.com\"]\n",
        github.server.url()
    );
    let only = "{ issuer = \"ci\", repository_id = \"74\", ref = \"refs/heads/main\" }";
    let file = [table, grant("releases", only, "releases/{repository_id}/")];
    let (cloud, browser, _file) = start(Platform::ScfWeb, &file, &[]).await;
    let job = |claims: Value| {
        let mut all = json!({
            "jti": "example-id", "sub": "repo:octo-org/octo-repo:environment:prod",
            "environment": "prod", "aud": "https://issuer.example.com", "ref": "refs/heads/main",
            "sha": "example-sha", "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private",
            "repository_id": "74", "repository_owner_id": "65", "run_id": "example-run-id",
            "run_number": "10", "run_attempt": "2", "runner_environment": "github-hosted",
            "actor": "octocat", "workflow": "example-workflow", "head_ref": "", "base_ref": "",
            "event_name": "workflow_dispatch", "ref_type": "branch", "ref_protected": "true",
            "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main"
        });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        github.token("rsa", &all)
    };
    let answer = ask(&browser, &job(json!({}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // The form of `sub` for new repositories, and a repository that was renamed.
    let renamed = json!({"sub": "repo:octo-org@65/site@74:ref:refs/heads/main",
        "repository": "octo-org/site"});
    assert_eq!(ask(&browser, &job(renamed)).await.status, 200);
    for claims in [
        json!({"ref": "refs/pull/7/merge", "event_name": "pull_request"}),
        json!({"ref": "refs/heads/main2"}),
        // Another repository that has taken the name.
        json!({"repository_id": "75"}),
        json!({"repository_id": 74}),
    ] {
        refused(&ask(&browser, &job(claims)).await, "UnauthorizedOperation.CallerNotAllowed");
    }
    let shared = job(json!({"aud": "https://github.com/octo-org"}));
    refused(&ask(&browser, &shared).await, "AuthFailure.Token");
    assert_eq!((cloud.sts().call_count(), github.server.requests()), (2, 1));
}
