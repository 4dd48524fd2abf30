//! `cos-issuer doctor` against a good deployment, and against deployments with one fault each: the
//! check that is about the fault finds it, and no other does.
//!
//! # Guarantees
//!
//! Each check is good somewhere and finds something somewhere. Nothing that it prints contains a
//! secret.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cos_emulator::{Cloud, Fault, FaultRule, Platform, Service};
use cos_issuer_e2e::{
    API_KEY, API_KEY_SHA256, ClosedPort, Front, HMAC_KEY, Passed, Passing, Signer, Spoiler,
    TlsRelay, TokenIssuer, bootstrap, issuer_on, program,
};
use reqwest::header::{CACHE_CONTROL, HeaderValue};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tencent::time::{Clock as _, SystemClock, Timestamp};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const ORIGIN: &str = "https://app.example.com";
const PLACE: [&str; 6] =
    ["--bucket", "examplebucket-1250000000", "--region", "ap-guangzhou", "--prefix", "users/"];
const FUNCTION: &str = r#"{"Type": "HTTP", "Runtime": "CustomRuntime", "Status": "Active",
    "Timeout": 10, "InitTimeout": 10, "InstanceConcurrencyConfig": {"MaxConcurrency": 10}}"#;
const LOG: &str = r#"{"message":"decision","outcome":"granted","status":200}"#;

/// What nothing outside of SCF can decide.
const UNDECIDED: [&str; 1] = ["scf-component"];

#[tokio::test(flavor = "multi_thread")]
async fn a_good_deployment_has_no_finding() {
    let mut good = BTreeSet::new();
    for (with, settings) in [
        ("jwt", Vec::new()),
        ("api-key", vec![("API_KEYS", format!("backend={API_KEY_SHA256}"))]),
        ("hmac", vec![("HMAC_KEYS", format!("backend={HMAC_KEY}"))]),
    ] {
        let settings = settings.into_iter().chain([("AUTH", with.to_owned())]).collect();
        let world = World::with(settings).await;
        // The fifth request to COS is the one with the credential that should have expired.
        let expires = FaultRule::new(Service::Cos, Fault::ExpiredNow).nth(5);
        world.cloud.faults().add(expires).unwrap();
        let front = world.front(short_lived()).await;
        let more = ["--with", with, "--expire", "600"];
        let run = world.writing(&front.url(), &world.cloud.cos().http_url(), &more).await;
        assert_eq!((run.findings, run.code), (BTreeSet::new(), 0), "{with}: {}", run.text);
        good.extend(run.good);
    }
    let world = World::start().await;
    let run = world.scf(&world.url(), FUNCTION, LOG).await;
    assert_eq!((run.findings, run.code), (BTreeSet::new(), 0), "{}", run.text);
    assert_eq!(run.skipped.intersection(&UNDECIDED.map(str::to_owned).into()).count(), 1);
    good.extend(run.good);
    let all = run.all.into_iter().filter(|name| !UNDECIDED.contains(&name.as_str()));
    assert_eq!(good, all.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_found_by_its_check_and_by_no_other() {
    let world = World::start().await;
    let mut found = BTreeSet::new();
    for (check, spoiler) in spoiled_answers(&world.secret) {
        let front = world.front(spoiler).await;
        let run = world.doctor(&front.url(), &["--origin", ORIGIN]).await;
        run.finds(check, &mut found);
    }
    for (check, spoiler) in spoiled_objects() {
        let cos = Front::start(vec![world.cloud.cos().http_url()], spoiler).await.unwrap();
        world.writing(&world.url(), &cos.url(), &[]).await.finds(check, &mut found);
    }
    let front = world.front(short_lived()).await;
    let run =
        world.writing(&front.url(), &world.cloud.cos().http_url(), &["--expire", "600"]).await;
    run.finds("refuses-expired", &mut found);
    for (check, function, log, spoiler) in scf_faults() {
        let front = world.front(spoiler).await;
        world.scf(&front.url(), &function, log).await.finds(check, &mut found);
    }
    unreachable(&world, &mut found).await;
    replayed(&mut found).await;
    for (check, settings) in settings() {
        let world = World::with(settings).await;
        world.doctor(&world.url(), &["--origin", ORIGIN]).await.finds(check, &mut found);
    }
    let all = world.scf(&world.url(), FUNCTION, LOG).await.all;
    let all = all.into_iter().filter(|name| !UNDECIDED.contains(&name.as_str()));
    assert_eq!(found, all.collect(), "a check that no fault is for");
}

/// The page, so that nobody has to look for a check in the sources.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_lists_each_check_with_its_question() {
    let world = World::start().await;
    let run = world.scf(&world.url(), FUNCTION, LOG).await;
    let report: Value = serde_json::from_str(&run.text).unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let row = |check| format!("| `{}` | {} |\n", text(check, "name"), text(check, "question"));
    let table: String = report["checks"].as_array().unwrap().iter().map(row).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md");
    assert!(std::fs::read_to_string(page).unwrap().contains(&table), "it lacks:\n{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_repeats_is_not_printed() {
    let world = World::start().await;
    let secret = world.secret.clone();
    let front = world
        .front(Spoiler::answer(move |passing, answer| {
            let is_refused = answer.status >= 400;
            let own = secret.rsplit('.').next().unwrap_or_default();
            change(answer, |json| {
                if is_refused || passing.target.contains("format=") {
                    *json = json!({"codeDesc": own.get(..60), "message": secret});
                }
            });
            answer.status = if answer.status == 200 { 500 } else { answer.status };
        }))
        .await;
    let run = world.doctor(&front.url(), &["--origin", ORIGIN]).await;
    assert!(run.code == 1 && !run.findings.is_empty(), "{}", run.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prevents_a_run_is_neither_good_nor_a_finding() {
    let world = World::start().await;
    let nothing = world.file("nothing", "\n");
    for arguments in [
        ["--secret-file", "no/such/file"],
        ["--secret-file", nothing.to_str().unwrap()],
        ["--secret-env", "NO_SUCH_VARIABLE"],
        ["--as", "user-1"],
        ["--with", "unknown"],
        ["--origin", "https://app.example.com/page"],
        ["--prefix", "users/"],
        ["--watch", "0"],
        ["--scf-function", nothing.to_str().unwrap()],
        ["--ca", nothing.to_str().unwrap()],
    ] {
        let run = world.bare(&world.url(), &arguments).await;
        assert_eq!((run.code, run.all.len()), (2, 0), "{arguments:?}: {}", run.text);
    }
}

/// As `make run` starts it: it knows its users and where its COS is.
#[tokio::test(flavor = "multi_thread")]
async fn the_local_cloud_is_good_for_its_users() {
    let world = World::start().await;
    let directory = world.directory.path();
    let mut run = Command::new(program().unwrap());
    run.args(["run", "--json", "--port", "0", "--function"]).arg(bootstrap().unwrap());
    run.env("XDG_RUNTIME_DIR", directory).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = run.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let cloud: Value = serde_json::from_str(&line).unwrap();
    let url = cloud["callersUrl"].as_str().unwrap();
    let mut place = PLACE;
    place[5] = "users/user-1/";
    let run =
        world.bare(url, &[&["--json", "--as", "user-1", "--write"], &place[..]].concat()).await;
    assert_eq!((run.code, run.findings.len()), (0, 0), "{}", run.text);
    for check in ["writes", "reads", "deletes", "refuses-outside"] {
        assert!(run.good.contains(check), "{check}: {}", run.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_again_until_it_is_stopped() {
    let world = World::start().await;
    let mut child = world
        .command(&world.url(), &["--json", "--watch", "1s", "--secret-file"])
        .arg(world.file("secret", &world.secret))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line = lines.next_line().await.unwrap().unwrap();
        let report: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(report["findings"], 0);
    }
    let id = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    let code = child.wait().await.unwrap().code();
    assert!(matches!(code, Some(0 | 2)), "good, or stopped in the middle of a run: {code:?}");
}

/// Faults of what is between a caller and the issuer, by the check that is about each.
fn spoiled_answers(own: &str) -> Vec<(&'static str, Spoiler)> {
    let mut all = vec![
        ("issuer", Spoiler::request(|_| Some(Passed::new(200, "<html>Welcome</html>")))),
        ("ready", answers("/readyz", 503, r#"{"status":"stopping"}"#)),
        ("issues", Spoiler::request(|passing| drop_header(passing, "authorization"))),
        ("query", Spoiler::request(drop_query)),
        ("body", Spoiler::request(drop_body)),
        ("no-store", on_answer(|answer| drop(answer.headers.remove(CACHE_CONTROL)))),
        ("fresh", on_answer(|answer| set(answer, "age", "7"))),
        ("fresh", on_json(|json| json["requestId"] = "the-same-for-each-request".into())),
        (
            "clock",
            on_answer(|answer| {
                set(answer, "date", "Thu, 01 Jan 2026 00:00:00 GMT");
                change(answer, |json| times(json, Timestamp::from_unix_seconds(1_767_225_600)));
            }),
        ),
        ("times", on_json(|json| times(json, Some(SystemClock.now().plus_seconds(600))))),
        ("times", on_json(|json| times(json, Some(SystemClock.now().minus_seconds(1790))))),
        ("format-cam", lacks("/sign", "/data/credentials/sessionToken")),
        ("format-sdk", lacks("/sts?format=sdk", "/data/startTime")),
        ("format-sts", lacks("/sts?format=sts", "/Response/Credentials/Token")),
        ("format-cvm", lacks("/sts?format=cvm", "/Expiration")),
        ("format-credential-process", lacks("/sts?format=credential_process", "/SecretAccessKey")),
        ("format-flat", lacks("/getKeyAndCredentials", "/Key")),
    ];
    all.extend(accepted_proofs(own));
    all.extend(spoiled_cors());
    all
}

/// Something in front replaces a wrong proof with a right one.
fn accepted_proofs(own: &str) -> [(&'static str, Spoiler); 3] {
    let accepts = |is_accepted: fn(&str, &str) -> bool| {
        let own = format!("Bearer {own}");
        Spoiler::request(move |passing| {
            let presented = header(passing, "authorization");
            if !presented.is_empty() && is_accepted(&presented, &own) {
                passing.headers.insert("authorization", HeaderValue::from_str(&own).unwrap());
            }
            None
        })
    };
    [
        (
            "refuses-broken-proof",
            accepts(|presented, own| {
                presented != own && signed_part(presented) == signed_part(own)
            }),
        ),
        (
            "refuses-foreign-proof",
            accepts(|presented, own| {
                signed_part(presented) != signed_part(own) && !presented.ends_with('.')
            }),
        ),
        ("refuses-unsigned-token", accepts(|presented, _| presented.ends_with('.'))),
    ]
}

fn spoiled_cors() -> [(&'static str, Spoiler); 4] {
    const ALLOWED: &str = "access-control-allow-origin";
    [
        (
            "cors-preflight",
            Spoiler::request(|passing| (passing.method == "OPTIONS").then(|| Passed::new(403, ""))),
        ),
        (
            "cors-answer",
            Spoiler::answer(|passing, answer| {
                if passing.method == "GET" && header(passing, "origin") == ORIGIN {
                    answer.headers.append(ALLOWED, HeaderValue::from_static(ORIGIN));
                }
            }),
        ),
        (
            "cors-answer",
            Spoiler::answer(|passing, answer| {
                if passing.method == "GET" && answer.status >= 400 {
                    answer.headers.remove(ALLOWED);
                }
            }),
        ),
        (
            "cors-others",
            Spoiler::answer(|_, answer| {
                answer.headers.entry(ALLOWED).or_insert(HeaderValue::from_static("*"));
            }),
        ),
    ]
}

/// A front that answers for COS.
fn spoiled_objects() -> [(&'static str, Spoiler); 4] {
    const DENIED: &str = "<Error><Code>AccessDenied</Code></Error>";
    let on = |method: &'static str, path: &'static str, status: u16, body: &'static str| {
        Spoiler::request(move |passing| {
            let is_it = passing.method == method && passing.target.starts_with(path);
            is_it.then(|| Passed::new(status, body))
        })
    };
    [
        ("writes", on("PUT", "/users/", 403, DENIED)),
        ("reads", on("GET", "/users/", 200, "something else")),
        ("deletes", on("DELETE", "/users/", 403, DENIED)),
        ("refuses-outside", on("PUT", "/cos-issuer-doctor/", 200, "")),
    ]
}

/// Settings that are wrong by themselves.
fn settings() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    // The caller's own prefix, and one grant too many.
    let grants = |bucket: &str, rights: &str| {
        let own = "bucket = \"examplebucket-1250000000\"\nprefix = \"users/\"\nallow = [\"upload\"]\n\
             named_extensions = [\"jpg\"]";
        let other = format!("bucket = \"{bucket}-1250000000\"\nprefix = \"/\"\n{rights}");
        let grant = |name: &str, text: &str| {
            format!(
                "[[grant]]\nname = \"{name}\"\nmatch = \"everyone\"\nregion = \"ap-guangzhou\"\n{text}\n"
            )
        };
        vec![("GRANTS_FILE", grant("own", own) + &grant("other", &other))]
    };
    let one = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    vec![
        ("refuses-no-proof", one("AUTH", "none")),
        ("issues", one("JWT_AUDIENCE", "another")),
        ("calling-key", one("SECRET_KEY", "CANARY-wrong-secret-key")),
        ("issues", one("DENY", "sub:user-1")),
        (
            "lifetime",
            vec![("DURATION_SECONDS", "43200".to_owned()), ("KEY_OWNER", "sub-account".to_owned())],
        ),
        ("cors-preflight", one("ALLOWED_ORIGINS", "https://other.example.com")),
        ("refuses-other-prefix", one("PREFIX", "/")),
        ("refuses-other-action", grants("examplebucket", "actions = [\"DeleteBucket\"]")),
        ("refuses-other-bucket", grants("cos-issuer-doctor", "allow = [\"upload\"]")),
    ]
}

type ScfFault = (&'static str, String, &'static str, Spoiler);

fn scf_faults() -> Vec<ScfFault> {
    let changed = |from: &str, to: &str| FUNCTION.replace(from, to);
    let good = || FUNCTION.to_owned();
    let exposed = r#"Response RequestId: 1 RetMsg:{"body":"{\"sessionToken\":\"x\"}"}"#;
    vec![
        ("scf-type", changed("HTTP", "Event"), LOG, Spoiler::none()),
        ("scf-runtime", changed("Active", "CreateFailed"), LOG, Spoiler::none()),
        (
            "scf-start",
            good(),
            LOG,
            Spoiler::request(|_| {
                Some(Passed::new(450, r#"{"errorCode":450,"errorMessage":"init timeout"}"#))
            }),
        ),
        ("scf-log", good(), exposed, Spoiler::none()),
        (
            "scf-preflight",
            good(),
            LOG,
            Spoiler::request(|passing| (passing.method == "OPTIONS").then(|| Passed::new(204, ""))),
        ),
        (
            "scf-headers",
            good(),
            LOG,
            Spoiler::answer(|passing, answer| {
                if let Some(id) = passing.headers.get("x-scf-request-id") {
                    answer.headers.insert("x-request-id", id.clone());
                }
            }),
        ),
        ("scf-concurrency", good(), LOG, answers("/livez", 432, "")),
        ("scf-init", changed("\"InitTimeout\": 10", "\"InitTimeout\": 3"), LOG, Spoiler::none()),
        ("scf-timeout", changed("\"Timeout\": 10", "\"Timeout\": 3"), LOG, Spoiler::none()),
    ]
}

async fn unreachable(world: &World, found: &mut BTreeSet<String>) {
    let closed = ClosedPort::take().unwrap();
    let url = format!("http://127.0.0.1:{}", closed.port());
    world.doctor(&url, &[]).await.finds("reachable", found);
    let target = world.url().trim_start_matches("http://").parse().unwrap();
    let relay = TlsRelay::start(target).await.unwrap();
    let url = format!("https://{}", relay.address());
    world.doctor(&url, &[]).await.finds("tls", found);
    let ca = world.file("ca.pem", relay.certificate());
    let trusted = world.doctor(&url, &["--ca", ca.to_str().unwrap()]).await;
    assert_eq!((trusted.code, trusted.findings.len()), (0, 0), "{}", trusted.text);
    // Nothing is sent, so nobody has to be there.
    world.doctor("http://issuer.invalid", &[]).await.finds("tls", found);
}

/// Two instances without a store that they share.
async fn replayed(found: &mut BTreeSet<String>) {
    let settings =
        || vec![("AUTH", "hmac".to_owned()), ("HMAC_KEYS", format!("backend={HMAC_KEY}"))];
    let (world, other) = (World::with(settings()).await, World::with(settings()).await);
    let front = Front::start(vec![world.url(), other.url()], Spoiler::none()).await.unwrap();
    world.doctor(&front.url(), &["--with", "hmac"]).await.finds("refuses-replay", found);
}

/// The credential with a lifetime of its own seems to end at once.
fn short_lived() -> Spoiler {
    Spoiler::answer(|passing, answer| {
        if passing.target.contains("durationSeconds=") {
            change(answer, |json| json["expiredTime"] = SystemClock.now().unix_seconds().into());
        }
    })
}

fn answers(route: &'static str, status: u16, body: &'static str) -> Spoiler {
    Spoiler::request(move |passing| {
        passing.target.starts_with(route).then(|| Passed::new(status, body))
    })
}

/// The answers of this route lack a member.
fn lacks(route: &'static str, member: &'static str) -> Spoiler {
    Spoiler::answer(move |passing, answer| {
        if passing.target.starts_with(route) {
            change(answer, |json| {
                *json.pointer_mut(member).unwrap_or(&mut Value::Null) = Value::Null;
            });
        }
    })
}

fn on_answer(spoil: fn(&mut Passed)) -> Spoiler {
    Spoiler::answer(move |_, answer| spoil(answer))
}

fn on_json(spoil: fn(&mut Value)) -> Spoiler {
    Spoiler::answer(move |_, answer| change(answer, spoil))
}

fn set(answer: &mut Passed, name: &'static str, value: &'static str) {
    answer.headers.insert(name, HeaderValue::from_static(value));
}

fn drop_query(passing: &mut Passing) -> Option<Passed> {
    passing.target = passing.target.split('?').next().unwrap_or_default().to_owned();
    None
}

fn drop_body(passing: &mut Passing) -> Option<Passed> {
    passing.body = Default::default();
    None
}

/// A credential that begins at this time.
fn times(json: &mut Value, start: Option<Timestamp>) {
    let start = start.unwrap();
    for place in ["", "/data"] {
        if let Some(issued) = json.pointer_mut(place).filter(|it| it.get("startTime").is_some()) {
            issued["startTime"] = start.unix_seconds().into();
            issued["expiredTime"] = start.plus_seconds(1800).unix_seconds().into();
        }
    }
}

fn change(answer: &mut Passed, change: impl FnOnce(&mut Value)) {
    if let Ok(mut json) = serde_json::from_slice(&answer.body) {
        change(&mut json);
        answer.body = json.to_string().into();
    }
}

fn header(passing: &Passing, name: &str) -> String {
    let value = passing.headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn drop_header(passing: &mut Passing, name: &str) -> Option<Passed> {
    passing.headers.remove(name);
    None
}

fn signed_part(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(signed, _)| signed)
}

/// A deployment, and a caller of it.
struct World {
    cloud: Cloud,
    secret: String,
    directory: TempDir,
}

impl World {
    async fn start() -> Self {
        Self::with(Vec::new()).await
    }

    /// A good deployment with these settings changed. `GRANTS_FILE` is the text of the file.
    async fn with(changed: Vec<(&'static str, String)>) -> Self {
        let issuer = TokenIssuer::new().await.unwrap();
        let now = SystemClock.now();
        let claims = json!({"iss": "https://login.example.com", "aud": "uploads", "sub": "user-1",
            "iat": now.unix_seconds(), "exp": now.plus_seconds(3600).unix_seconds()});
        let directory = tempfile::tempdir().unwrap();
        let value = |name: &str| changed.iter().find(|(it, _)| *it == name).map(|(_, text)| text);
        let method = value("AUTH").map_or("jwt", String::as_str);
        let mut builder = issuer_on(Platform::ScfWeb).unwrap().env("AUTH", method);
        let secret = match method {
            "api-key" => API_KEY.to_owned(),
            "hmac" => format!("backend={HMAC_KEY}"),
            _ => issuer.token(Signer::EdDsa, "ed25519", &claims).unwrap(),
        };
        if method == "jwt" {
            builder = builder
                .env("JWT_ISSUER", "https://login.example.com")
                .env("JWT_AUDIENCE", "uploads")
                .env("JWT_PUBLIC_KEY", issuer.ed25519_pem());
        }
        builder = builder.env("ALLOWED_ORIGINS", ORIGIN);
        if value("GRANTS_FILE").is_none() {
            builder = builder
                .env("PREFIX", "users/")
                .env("ALLOW", "upload,download,delete")
                .env("EXTENSIONS", "jpg");
        }
        for (name, value) in &changed {
            let path = directory.path().join("grants.toml");
            builder = if *name == "GRANTS_FILE" {
                std::fs::write(&path, value).unwrap();
                ["BUCKET", "REGION", "PREFIX", "ALLOW"]
                    .iter()
                    .fold(builder, |builder, name| builder.without_env(*name))
                    .env(*name, path.display().to_string())
            } else {
                builder.env(*name, value)
            };
        }
        Self { cloud: builder.start().await.unwrap(), secret, directory }
    }

    fn url(&self) -> String {
        self.cloud.gateway_url().unwrap()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn front(&self, spoiler: Spoiler) -> Front {
        Front::start(vec![self.url()], spoiler).await.unwrap()
    }

    /// A run about SCF, with what it knows about the function.
    async fn scf(&self, url: &str, function: &str, log: &str) -> Run {
        let path = |name, text| self.file(name, text).display().to_string();
        let (function, log) = (path("function.json", function), path("log", log));
        self.doctor(url, &["--scf-function", &function, "--scf-log", &log]).await
    }

    /// A run that writes to `cos`.
    async fn writing(&self, url: &str, cos: &str, more: &[&str]) -> Run {
        let cos = cos.replace("127.0.0.1", "{Bucket}.cos.localhost");
        let all = ["--write", "--origin", ORIGIN, "--cos", &cos];
        self.doctor(url, &[&all, more].concat()).await
    }

    /// A run as the caller, who is granted [`PLACE`].
    async fn doctor(&self, url: &str, more: &[&str]) -> Run {
        let secret = self.file("secret", &self.secret).display().to_string();
        let all = ["--json", "--secret-file", &secret].into_iter().chain(PLACE);
        self.bare(url, &all.chain(more.iter().copied()).collect::<Vec<_>>()).await
    }

    async fn bare(&self, url: &str, arguments: &[&str]) -> Run {
        let output = self.command(url, arguments).output().await.unwrap();
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let issued = self.cloud.secrets();
        for secret in issued.iter().map(String::as_str).chain([self.secret.as_str(), HMAC_KEY]) {
            assert!(!text.contains(secret), "a secret is printed");
        }
        Run::read(output.status.code().unwrap_or(-1), text)
    }

    fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program().unwrap());
        command.args(["doctor", url]).args(arguments).env_clear().kill_on_drop(true);
        command.env("XDG_RUNTIME_DIR", Path::new(self.directory.path()));
        command
    }
}

/// What a run printed.
struct Run {
    code: i32,
    text: String,
    all: BTreeSet<String>,
    good: BTreeSet<String>,
    skipped: BTreeSet<String>,
    findings: BTreeSet<String>,
}

impl Run {
    fn read(code: i32, text: String) -> Self {
        let report: Value = serde_json::from_str(&text).unwrap_or_default();
        let of = |states: &[&str]| -> BTreeSet<String> {
            let checks = report["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_one = |check: &&Value| states.contains(&check["state"].as_str().unwrap());
            let found = checks.iter().filter(is_one);
            found.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
        };
        Self {
            all: of(&["good", "skipped", "finding"]),
            good: of(&["good"]),
            skipped: of(&["skipped"]),
            findings: of(&["finding"]),
            code,
            text,
        }
    }

    /// Exactly this check has a finding.
    #[track_caller]
    fn finds(self, check: &str, found: &mut BTreeSet<String>) {
        assert_eq!(self.findings, BTreeSet::from([check.to_owned()]), "{}", self.text);
        assert_eq!(self.code, 1, "{check}: {}", self.text);
        found.insert(check.to_owned());
    }
}
