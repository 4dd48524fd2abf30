//! Uploads from CI without a stored secret: the action of this project and `cos-issuer credential`
//! get a credential with the job's token, and the vendor's `coscmd` uploads a site with it.
//!
//! GitHub's token service is played: it answers as documented, for the request token of the job:
//! <https://docs.github.com/actions/reference/security/oidc>.
//!
//! # Not covered
//!
//! GitHub and GitLab themselves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{
    Browser, Front, Passed, Signer, Spoiler, Storage, TokenIssuer, bootstrap, client_file,
    issuer_on, program, search_path,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tencent::time::{Clock as _, SystemClock};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

const BUCKET: &str = "examplebucket-1250000000";
const REQUEST_TOKEN: &str = "CANARY-request-token-of-a-job";
const AUDIENCE: &str = "https://issuer.example.com";
const SITE: [(&str, &str); 3] =
    [("index.html", "<html>"), ("pictures/a b.svg", "<svg/>"), ("pictures/图.txt", "text")];

#[tokio::test(flavor = "multi_thread")]
async fn the_action_gets_a_credential_and_coscmd_uploads_a_site() {
    let world = World::start("refs/heads/main").await;
    let page = inputs_of_the_page();
    let page = page.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // Its own addresses; the rest is as on the page.
    let page = page.filter(|(name, _)| !["url", "coscmd-config"].contains(name));
    let inputs = [("coscmd-config", "CONFIG"), ("export", "true")];
    let run = world.action(&page.chain(inputs).collect::<Vec<_>>()).await;
    assert!(run.succeeded, "{}", run.text);
    let outputs = world.read("output");
    let value = |name: &str| {
        let found = outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap().to_owned()
    };
    let (id, key, token) = (value("secret-id"), value("secret-key"), value("session-token"));
    assert!(id.starts_with("AKIDEMU") && value("expired-time").parse::<i64>().is_ok());
    let exported = format!(
        "TENCENTCLOUD_SECRET_ID={id}\nTENCENTCLOUD_SECRET_KEY={key}\nTENCENTCLOUD_TOKEN={token}\n"
    );
    assert_eq!(world.read("env"), exported);
    // The runner hides what was masked, from that line on.
    for secret in [&world.job_token, &key, &token] {
        let lines: Vec<&str> = run.text.lines().filter(|line| line.contains(secret)).collect();
        assert_eq!(lines, [format!("::add-mask::{secret}")]);
    }
    world.is_private("cos.conf");
    world.uploads("cos.conf").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_stops_with_the_reason() {
    for (reference, inputs, reason) in [
        ("refs/heads/other", vec![], "HTTP 403 UnauthorizedOperation.CallerNotAllowed"),
        (
            "refs/heads/main",
            vec![("audience", "https://other.example.com")],
            "HTTP 401 AuthFailure.Token",
        ),
        (
            "refs/heads/main",
            vec![("duration-seconds", "1")],
            "HTTP 400 InvalidParameter.DurationSeconds",
        ),
        ("refs/heads/main", vec![("duration-seconds", "1&a=b")], "duration-seconds: must be"),
        ("refs/heads/main", vec![("bucket", "a\nb")], "bucket, region: must be names"),
        (
            "refs/heads/main",
            vec![("bucket", ""), ("coscmd-config", "CONFIG")],
            "bucket, region: must be given",
        ),
        (
            "refs/heads/main",
            vec![("url", "http://issuer.example.com")],
            "url: must begin with https://",
        ),
        (
            "refs/heads/main",
            vec![("url", "http://127.0.0.1:1@issuer.example.com")],
            "url: must not contain a user",
        ),
        ("refs/heads/main", vec![("url", "http://127.0.0.1:1")], "does not answer"),
    ] {
        let world = World::start(reference).await;
        let run = world.action(&inputs).await;
        assert!(!run.succeeded && run.text.contains(reason), "{reason}: {}", run.text);
        assert!(run.text.contains("::error::"), "{}", run.text);
        assert!(world.read("output").is_empty() && !world.path("cos.conf").exists(), "{reason}");
    }
    // A job without the permission has neither variable; one with a wrong token is refused.
    let world = World::start("refs/heads/main").await;
    for (name, reason) in [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "permissions: must contain"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "answers HTTP 401"),
    ] {
        let run = ended(world.action_command(&[]).env(name, "")).await;
        assert!(!run.succeeded && run.text.contains(reason), "{}", run.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coscmd_uploads_with_what_the_command_writes() {
    let world = World::start("refs/heads/main").await;
    let script = script_of_the_page();
    let command = script.iter().find(|line| line.starts_with("cos-issuer credential ")).unwrap();
    let command = command.replace(AUDIENCE, &world.cloud.gateway_url().unwrap());
    let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
    let run = ended(world.tool().args(arguments)).await;
    assert!(run.succeeded && run.text.is_empty(), "{}", run.text);
    world.is_private("cos.conf");
    world.uploads("cos.conf").await;
}

/// The files of the page, unchanged: `run` plays both CI systems.
#[tokio::test(flavor = "multi_thread")]
async fn the_local_cloud_plays_the_issuers_of_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let grants = directory.path().join("grants.toml");
    std::fs::write(&grants, blocks_of_the_page().concat()).unwrap();
    let tool = |words: &[&str]| {
        let mut command = Command::new(program().unwrap());
        command.args(words).env("XDG_RUNTIME_DIR", directory.path()).kill_on_drop(true);
        command
    };
    let variable = format!("GRANTS_FILE={}", grants.display());
    let function = bootstrap().unwrap().display().to_string();
    let words = ["run", "--json", "--port", "0", "--auth", "jwt", "--env", &variable];
    let mut run = tool(&[&words[..], &["--function", &function]].concat());
    let mut run = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let cloud: Value = serde_json::from_str(&line).unwrap();
    let browser = Browser::at(cloud["gatewayUrl"].as_str().unwrap().to_owned()).unwrap();
    let branch = ["--claim", "ref=refs/heads/main"];
    let repository = |id: &str| format!("repository_id=\"{id}\"");
    let (ours, other) = (repository("456789"), repository("456780"));
    let project = ["--claim", "project_id=\"123456\"", "--claim", "ref_type=branch"];
    for (issuer, claims, status) in [
        ("github", [&["--claim", &ours][..], &branch].concat(), 200),
        ("github", [&["--claim", &other][..], &branch].concat(), 403),
        ("gitlab", [&["--claim", &ours][..], &branch].concat(), 403),
        ("gitlab", [&project[..], &["--claim", "ref=main"]].concat(), 200),
    ] {
        let words = ["token", "--issuer", issuer, "--sub", "job"];
        let token = ended(&mut tool(&[&words[..], &claims].concat())).await;
        assert!(token.succeeded, "{}", token.text);
        let bearer = format!("Bearer {}", token.text.trim());
        let request = browser.request("GET", "/sts").header("authorization", bearer);
        let answer = browser.send(request).await.unwrap();
        assert_eq!(answer.status, status, "{issuer} {claims:?}: {answer:?}");
    }
    let unknown = ended(&mut tool(&["token", "--issuer", "jenkins", "--sub", "job"])).await;
    assert!(!unknown.succeeded && unknown.text.contains("github, gitlab"), "{}", unknown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_asked_for_once() {
    let world = World::start("refs/heads/main").await;
    let calls = || world.cloud.sts().call_count();
    let json = ["--format", "json"];
    let first = world.credential(&json).await;
    let other = world.credential(&["--format", "credential_process"]).await;
    assert!(first.succeeded && other.succeeded, "{}{}", first.text, other.text);
    let [first, other] =
        [first, other].map(|run| serde_json::from_str::<Value>(&run.text).unwrap());
    assert_eq!(first["credentials"]["sessionToken"], other["SessionToken"]);
    assert_eq!(calls(), 1, "the second one is from the disk");
    let kept: Vec<PathBuf> = world.cache().collect();
    assert_eq!(kept.len(), 1);
    world.is_private(kept.first().unwrap().to_str().unwrap());
    for (arguments, expected) in [
        (&["--duration", "900"][..], 2),
        (&["--no-cache"], 3),
        (&["--duration", "900"], 3),
        (&["--bucket", BUCKET, "--region", "ap-guangzhou"], 4),
    ] {
        let run = world.credential(&[&json[..], arguments].concat()).await;
        assert!(run.succeeded, "{arguments:?}: {}", run.text);
        assert_eq!(calls(), expected, "{arguments:?}");
    }
    // What is about to end is replaced.
    let path = kept.first().unwrap();
    let mut text: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    text["startTime"] = SystemClock.now().minus_seconds(1700).unix_seconds().into();
    text["expiredTime"] = SystemClock.now().plus_seconds(100).unix_seconds().into();
    std::fs::write(path, text.to_string()).unwrap();
    assert!(world.credential(&json).await.succeeded);
    assert_eq!(calls(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_fails_with_the_reason() {
    let world = World::start("refs/heads/main").await;
    for (arguments, code, reason) in [
        (&["--duration", "1"][..], 1, "HTTP 400 InvalidParameter.DurationSeconds: "),
        (
            &["--bucket", "other-1250000000", "--region", "ap-guangzhou"],
            1,
            "UnauthorizedOperation.Scope",
        ),
        (&["--scope", "{}"], 1, "InvalidParameter.Scope"),
        (&["--format", "coscmd"], 2, "--bucket: must be given"),
        (&["--format", "yaml"], 2, "invalid value"),
        (&["--secret-file", "/no/such/file"], 2, "cannot be used with"),
        (&["--output", "/no/such/folder/file"], 1, "cannot write"),
    ] {
        let run = world.credential(arguments).await;
        assert_eq!(run.code, code, "{arguments:?}: {}", run.text);
        assert!(run.text.contains(reason), "{arguments:?}: {}", run.text);
    }
    for (url, code, reason) in [
        ("http://issuer.example.com", 2, "URL: must begin with https://"),
        ("http://127.0.0.1:1", 1, "no connection"),
        (&world.cloud.cos().http_url(), 1, "not from cos-issuer"),
    ] {
        let run =
            ended(world.tool().args(["credential", url, "--secret-env", "ISSUER_TOKEN"])).await;
        assert_eq!((run.code, run.text.contains(reason)), (code, true), "{url}: {}", run.text);
    }
}

/// A deployment for CI, and a job of `example/site`.
struct World {
    cloud: Cloud,
    /// GitHub's token service.
    tokens: Front,
    /// COS, as a proxy for its real names.
    cos: Front,
    job_token: String,
    /// Of a job of GitLab.
    gitlab_token: String,
    directory: TempDir,
}

struct Ended {
    succeeded: bool,
    code: i32,
    text: String,
}

impl World {
    async fn start(reference: &str) -> Self {
        let issuer = TokenIssuer::new().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (grants, jwks) = (directory.path().join("grants.toml"), directory.path().join("jwks"));
        std::fs::write(&jwks, issuer.jwks().to_string()).unwrap();
        std::fs::write(&grants, grants_of_the_page(&jwks)).unwrap();
        let mut builder = issuer_on(Platform::ScfWeb).unwrap();
        for name in ["BUCKET", "REGION", "PREFIX", "ALLOW"] {
            builder = builder.without_env(name);
        }
        builder = builder.env("AUTH", "jwt").env("GRANTS_FILE", grants.display().to_string());
        let cloud = builder.start().await.unwrap();
        let job_token = issuer.token(Signer::Rs256, "rsa", &claims(reference)).unwrap();
        let gitlab_token = issuer.token(Signer::Rs256, "rsa", &gitlab_claims(reference)).unwrap();
        let tokens = Front::start(Vec::new(), token_service(&issuer, reference, &job_token));
        let cos = Front::start(vec![cloud.cos().http_url()], Spoiler::none());
        let (tokens, cos) = (tokens.await.unwrap(), cos.await.unwrap());
        Self { cloud, tokens, cos, job_token, gitlab_token, directory }
    }

    /// The step of `action.yml`, with these inputs.
    async fn action(&self, inputs: &[(&str, &str)]) -> Ended {
        ended(&mut self.action_command(inputs)).await
    }

    fn action_command(&self, inputs: &[(&str, &str)]) -> Command {
        let folder = root().join("actions/credential");
        let action = std::fs::read_to_string(folder.join("action.yml")).unwrap();
        let config = self.path("cos.conf").display().to_string();
        let url = self.cloud.gateway_url().unwrap();
        let usual = [("url", url.as_str()), ("audience", AUDIENCE), ("bucket", BUCKET)];
        let usual = usual.into_iter().chain([("region", "ap-guangzhou"), ("export", "false")]);
        let given: Vec<_> = usual.chain(inputs.iter().copied()).collect();
        let mut command = self.command("bash");
        command.arg(folder.join("fetch")).env("ACTION", &folder);
        // As the runner does it: each variable of the step is an input.
        let variables: Vec<_> =
            action.lines().filter_map(|line| line.split_once(": ${{ inputs.")).collect();
        assert_eq!(variables.len(), 7);
        for (variable, input) in variables {
            let input = input.trim_end_matches(" }}");
            assert!(action.contains(&format!("\n  {input}:\n")), "{input} is not an input");
            let value = given.iter().rev().find(|(name, _)| *name == input);
            let value = value.map_or("", |(_, value)| *value).replace("CONFIG", &config);
            command.env(variable.trim(), value);
        }
        for name in ["output", "env"] {
            std::fs::write(self.path(name), "").unwrap();
        }
        command
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_ENV", self.path("env"))
            .env(
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                format!("{}/token?api-version=2.0", self.tokens.url()),
            )
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN);
        command
    }

    /// `cos-issuer credential` with the token of the job.
    async fn credential(&self, more: &[&str]) -> Ended {
        let url = self.cloud.gateway_url().unwrap();
        let usual = ["credential", &url, "--secret-env", "ISSUER_TOKEN"];
        ended(self.tool().args(usual).args(more)).await
    }

    fn tool(&self) -> Command {
        let mut command = self.command(&program().unwrap().display().to_string());
        command.env("ISSUER_TOKEN", &self.gitlab_token);
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Uploads the site with `coscmd`, as the page does, and fails outside of the grant.
    async fn uploads(&self, config: &str) {
        let site = self.path("public");
        for (name, text) in SITE {
            let path = site.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        // The names of the real COS lead to the local one, which has no certificate for them.
        let text = self.read(config).replace("schema = https", "schema = http");
        std::fs::write(self.path(config), text).unwrap();
        // The last command of the page about GitLab.
        let upload = script_of_the_page().pop().unwrap();
        let upload = upload.strip_prefix("coscmd -c cos.conf ").unwrap().to_owned();
        let coscmd = |target: &str| {
            let mut command =
                self.command(client_file("venv/bin/coscmd").unwrap().to_str().unwrap());
            command.arg("-c").arg(self.path(config)).args(["-l", "log"]);
            command.args(upload.replace("releases/", target).split(' '));
            command.env("http_proxy", self.cos.url());
            command
        };
        let run = ended(&mut coscmd("releases/")).await;
        assert!(run.succeeded, "{}", run.text);
        let storage = Storage::of(&self.cloud).unwrap();
        let (_, text) = SITE[0];
        let stored = storage.read(BUCKET, "releases/index.html").await.unwrap();
        assert_eq!(stored, text.as_bytes());
        let listed = storage.snapshot().await.unwrap().into_values().collect::<String>();
        for (name, _) in SITE {
            assert!(listed.contains(&format!("<Key>releases/{name}</Key>")), "{name}: {listed}");
        }
        let refused = ended(&mut coscmd("elsewhere/")).await;
        assert!(!refused.succeeded && refused.text.contains("AccessDenied"), "{}", refused.text);
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", search_path().unwrap()).kill_on_drop(true);
        command.env("HOME", self.directory.path()).current_dir(self.directory.path());
        command.env("LANG", "C.UTF-8");
        command
    }

    fn cache(&self) -> impl Iterator<Item = PathBuf> {
        let entries = std::fs::read_dir(self.path("cache/cos-issuer")).unwrap();
        entries.map(|entry| entry.unwrap().path())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    #[track_caller]
    fn is_private(&self, name: &str) {
        let mode = std::fs::metadata(self.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// Answers with a token for the audience that is asked for, to who has the request token.
fn token_service(issuer: &TokenIssuer, reference: &str, token: &str) -> Spoiler {
    let mut other = claims(reference);
    other["aud"] = "https://other.example.com".into();
    let other = issuer.token(Signer::Rs256, "rsa", &other).unwrap();
    let token = token.to_owned();
    Spoiler::request(move |passing| {
        let authorization = passing.headers.get("authorization").cloned();
        let expected = format!("Bearer {REQUEST_TOKEN}");
        if authorization.is_none_or(|value| value != expected) {
            return Some(Passed::new(401, r#"{"message":"unauthorized"}"#));
        }
        let encoded = |audience: &str| audience.replace(':', "%3A").replace('/', "%2F");
        let target = |audience| format!("/token?api-version=2.0&audience={}", encoded(audience));
        let value = match passing.target.as_str() {
            path if path == target(AUDIENCE) => &token,
            path if path == target("https://other.example.com") => &other,
            path => return Some(Passed::new(404, path)),
        };
        Some(Passed::new(200, &json!({"count": value.len(), "value": value}).to_string()))
    })
}

/// The documented claims of a push.
fn claims(reference: &str) -> Value {
    let now = SystemClock.now();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": format!("repo:example@1/site@2:ref:{reference}"),
        "iat": now.unix_seconds(), "nbf": now.minus_seconds(600).unix_seconds(),
        "exp": now.plus_seconds(300).unix_seconds(), "jti": "1",
        "repository": "example/site", "repository_id": "456789", "repository_owner": "example",
        "repository_owner_id": "1", "repository_visibility": "private", "ref": reference,
        "ref_type": "branch", "event_name": "push", "actor": "someone", "actor_id": "3",
        "workflow": "release", "run_id": "4", "run_number": "5", "run_attempt": "1",
        "runner_environment": "github-hosted",
    })
}

/// The documented claims of a job for a branch.
/// <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
fn gitlab_claims(reference: &str) -> Value {
    let now = SystemClock.now();
    let branch = reference.trim_start_matches("refs/heads/");
    json!({
        "iss": "https://gitlab.com", "aud": AUDIENCE, "jti": "1",
        "sub": format!("project_path:example/site:ref_type:branch:ref:{branch}"),
        "iat": now.unix_seconds(), "nbf": now.minus_seconds(5).unix_seconds(),
        "exp": now.plus_seconds(3600).unix_seconds(),
        "namespace_id": "72", "namespace_path": "example", "project_id": "123456",
        "project_path": "example/site", "user_id": "1", "user_login": "someone",
        "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}],
        "pipeline_id": "574", "pipeline_source": "push", "job_id": "302", "ref": branch,
        "ref_type": "branch", "ref_path": reference, "ref_protected": "true", "runner_id": 1,
        "runner_environment": "gitlab-hosted", "groups_direct": ["example"],
    })
}

/// Both files of the page as one; the keys of both systems are those of `jwks`.
fn grants_of_the_page(jwks: &Path) -> String {
    let keys = format!("jwks_file = {:?}\naudiences = ", jwks.display().to_string());
    blocks_of_the_page().concat().replace("audiences = ", &keys)
}

/// The grants file for each system.
fn blocks_of_the_page() -> [String; 2] {
    let page = page();
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned());
    blocks.collect::<Vec<_>>().try_into().unwrap()
}

/// The inputs of the action on the page about GitHub.
fn inputs_of_the_page() -> Vec<(String, String)> {
    let page = page();
    let (_, rest) = page.split_once("    with:\n").unwrap();
    let (inputs, _) = rest.split_once("  - run:").unwrap();
    let inputs = inputs.lines().map(|line| line.trim().split_once(": ").unwrap());
    inputs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The commands of the job on the page about GitLab.
fn script_of_the_page() -> Vec<String> {
    let page = page();
    let (_, rest) = page.split_once("  script:\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let script = script.replace("\n      ", " ");
    script.lines().map(|line| line.trim().trim_start_matches("- ").to_owned()).collect()
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/en/ci-uploads.md")).unwrap()
}

async fn ended(command: &mut Command) -> Ended {
    let output = command.output().await.unwrap();
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ended { succeeded: output.status.success(), code: output.status.code().unwrap_or(-1), text }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

const ISSUER: &str = "https://token.actions.githubusercontent.com";
