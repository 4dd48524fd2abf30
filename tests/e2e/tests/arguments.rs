//! The arguments of the deployed binary, for people and for containers.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::io::Write as _;
use std::process::Command;

use cos_issuer_e2e::{ClosedPort, HMAC_KEY, Process, VARIABLES, bootstrap};
use tempfile::NamedTempFile;

const GRANTS: &str = r#"
[[grant]]
name = "own-pictures"
match = { team = ["media", "press"], roles = { contains = "author" } }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload", "list"]
duration_seconds = [600, 1200]
content_types = ["image/*"]
max_size_bytes = 1000000
extensions = ["jpg"]
source_ip = ["10.0.0.0/8"]

[[grant]]
name = "logs"
match = { proof = "hmac" }
bucket = "logs-1250000000"
region = "ap-shanghai"
prefix = "/"
actions = ["GetObject"]
"#;

const SUMMARY: &str = r#"
platform    a server on 127.0.0.1:9000
callers     jwt: tokens of https://login.example.com/ for uploads or pictures
callers     hmac: worker
STS         sts.tencentcloudapi.com
grant       own-pictures
  to        callers with roles contains author, team = "media" or "press"
  allows    PutObject, PostObject, GetBucket
  on        examplebucket-1250000000 (ap-guangzhou), users/{sub}/*
  for       600 to 1200 seconds
  only      uploads of jpg; uploads of at most 1000000 bytes; uploads of type image/*; from 10.0.0.0/8
grant       logs
  to        callers with proof = "hmac"
  allows    GetObject
  on        logs-1250000000 (ap-shanghai), the whole bucket
  for       360 to 1800 seconds
rate limit  60 requests of each caller in 60 seconds
The settings are valid.
"#;

#[test]
fn a_version_and_help_need_no_settings() {
    let (code, printed) = run(&["--version"], &[]);
    let start = format!("cos-issuer {} (revision ", env!("CARGO_PKG_VERSION"));
    assert!(code == 0 && printed.starts_with(&start), "{printed}");
    assert!(printed.contains(std::env::consts::ARCH), "{printed}");
    assert_eq!(printed.lines().count(), 1);
    let (code, printed) = run(&["--help"], &[]);
    assert!(code == 0 && printed.contains("--healthcheck"), "{printed}");
    for refused in [&["--chekc"][..], &["--check", "--help"], &[""]] {
        let (code, printed) = run(refused, &VARIABLES);
        assert!(code == 2 && printed.starts_with("arguments: must be"), "{printed}");
    }
}

#[test]
fn a_check_prints_what_is_granted_to_whom_and_no_secret() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(GRANTS.as_bytes()).unwrap();
    let keys = format!("worker={HMAC_KEY}");
    let variables = [
        ("AUTH", "jwt,hmac"),
        ("JWT_ISSUER", "https://login.example.com/"),
        ("JWT_AUDIENCE", "uploads,pictures"),
        ("JWT_JWKS_URL", "https://login.example.com/keys"),
        ("HMAC_KEYS", keys.as_str()),
        ("GRANTS_FILE", file.path().to_str().unwrap()),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "CANARY-secret-key-of-a-process"),
        ("RATE_LIMIT", "60/1m"),
        ("DENY", "sub:CANARY"),
        ("HOST", "127.0.0.1"),
    ];
    let (code, printed) = run(&["--check"], &variables);
    assert_eq!(code, 0, "{printed}");
    assert!(!printed.contains("CANARY"), "{printed}");
    let (version, summary) = printed.split_once('\n').unwrap();
    assert_eq!(version, run(&["--version"], &[]).1.trim_end());
    assert_eq!(summary, SUMMARY.trim_start());

    let open = VARIABLES.into_iter().chain([("HOST", "0.0.0.0")]).collect::<Vec<_>>();
    let (code, printed) = run(&["--check"], &open);
    assert!(code == 0 && printed.contains("callers     everyone"), "{printed}");
    assert!(printed.contains("warning     AUTH=none on an address"), "{printed}");
}

#[test]
fn a_check_prints_whose_tokens_are_accepted_and_which_role_is_assumed() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(ISSUERS.as_bytes()).unwrap();
    let variables = [
        ("AUTH", "jwt"),
        ("BACKEND_SECRET", "CANARY-secret-of-an-issuer-0123456789"),
        ("GRANTS_FILE", file.path().to_str().unwrap()),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "CANARY-secret-key-of-a-process"),
    ];
    let (code, printed) = run(&["--check"], &variables);
    assert_eq!(code, 0, "{printed}");
    assert!(!printed.contains("CANARY"), "{printed}");
    for line in [
        "callers     jwt: tokens of https://gitlab.com for https://issuer.example.com, with keys of \
         https://gitlab.com/oauth/discovery/keys (issuer \"ci\")",
        "callers     jwt: tokens of backend for app-1 in `client_id`, sent in x-id-token, with keys \
         of BACKEND_SECRET (issuer \"backend\")",
        "  to        callers with project_id = \"7\", by tokens of \"ci\"",
        "  to        every authenticated caller, by tokens of \"backend\"",
        "  as        qcs::cam::uin/100000000001:roleName/uploader, with an external id",
    ] {
        assert!(printed.lines().any(|found| found == line), "{line} in {printed}");
    }
}

const ISSUERS: &str = r#"
[[issuer]]
name = "ci"
preset = "gitlab"
audiences = ["https://issuer.example.com"]

[[issuer]]
name = "backend"
issuer = "backend"
audiences = ["app-1"]
audience_claim = "client_id"
secret_env = "BACKEND_SECRET"
header = "x-id-token"

[[grant]]
name = "site"
match = { issuer = "ci", project_id = "7" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "site/"
allow = ["upload"]
role = "qcs::cam::uin/100000000001:roleName/uploader"
external_id = "CANARY-of-the-owner"

[[grant]]
name = "own"
match = { issuer = "backend" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload"]
"#;

#[test]
fn a_check_prints_every_problem_and_no_value() {
    let (code, printed) = run(&["--check"], &[("PORT", "CANARY"), ("BUCKETS", "CANARY")]);
    assert_eq!(code, 1);
    for variable in ["AUTH", "SECRET_ID", "SECRET_KEY", "BUCKET", "BUCKETS", "PREFIX", "PORT"] {
        let line = format!("{variable}: ");
        assert!(printed.lines().any(|found| found.starts_with(&line)), "{variable} in {printed}");
    }
    assert!(!printed.contains("CANARY"), "{printed}");
}

#[tokio::test]
async fn a_health_check_asks_the_server_on_its_port() {
    let mut server = Process::start(VARIABLES).unwrap();
    let address = server.address().await.unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    // As in a container, where the server listens on every address.
    assert_eq!(run(&["--healthcheck"], &[("PORT", port)]), (0, String::new()));

    let closed = ClosedPort::take().unwrap();
    let port = closed.port().to_string();
    let (code, printed) = run(&["--healthcheck"], &[("PORT", &port)]);
    let expected = format!("not alive at 127.0.0.1:{port}: ");
    assert!(code == 1 && printed.starts_with(&expected), "{printed}");
    let (code, printed) = run(&["--healthcheck"], &[("PORT", "x")]);
    assert!(code == 1 && printed.starts_with("PORT: must be"), "{printed}");
}

/// The exit code and the output of the binary with these arguments and only these variables.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = Command::new(bootstrap().unwrap())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}
