//! Which configurations start, and what is reported about the others: every error at once, by
//! variable name, never by value.
//!
//! A row of a table is `NAME=value & NAME=value`, changes to [`BASE`]. An empty value removes a
//! variable, `\n` is a line break, `\\n` a backslash and an `n`, and `{…}` is one of
//! [`NAMED`]. In a table of refusals the variables that must be reported come first.

#![expect(clippy::panic, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use cos_issuer::config::{ConfigError, Environment, MetricsSettings, Settings};
use cos_issuer::runtime::Platform;
use cos_issuer::runtime::http_server::ServerSettings;
use cos_issuer::sts::CallingKeys;

/// The least that starts.
const BASE: &str = "AUTH=none & SECRET_ID=AKIDexample & SECRET_KEY=CANARY-secret-key & REGION=ap-guangzhou \
     & BUCKET=examplebucket-1250000000 & PREFIX=users/ & ALLOW=upload,download";

/// The key pair of RFC 7515 A.3 is the PEM and the JWKS.
const NAMED: [(&str, &str); 14] = [
    (
        "{LAMBDA}",
        "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001 & AWS_LAMBDA_FUNCTION_NAME=f & AWS_LAMBDA_FUNCTION_VERSION=1 & AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
    ),
    ("{SCF}", "SCF_RUNTIME_API=127.0.0.1 & SCF_RUNTIME_API_PORT=9001"),
    (
        "{ROLE_KEY}",
        "SECRET_ID= & SECRET_KEY= & TENCENTCLOUD_SECRETID=AKIDrole & TENCENTCLOUD_SECRETKEY=k & TENCENTCLOUD_SESSIONTOKEN=t",
    ),
    (
        "{TKE}",
        "SECRET_ID= & SECRET_KEY= & TKE_REGION=ap-guangzhou & TKE_PROVIDER_ID=cls-a1b2c3d4 & TKE_ROLE_ARN=qcs::cam::uin/1:roleName/pod & TKE_WEB_IDENTITY_TOKEN_FILE=token",
    ),
    ("{ROLE}", "ROLE_ARN=qcs::cam::uin/100000000001:roleName/uploader"),
    ("{RAW}", "BUCKET= & REGION= & PREFIX= & ALLOW="),
    (
        "{FULL}",
        r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}"#,
    ),
    (
        "{NARROW}",
        r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:GetObject","resource":"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/public/*"}]}"#,
    ),
    (
        "{JWT}",
        "AUTH=jwt & JWT_ISSUER=https://login.example.com/ & JWT_AUDIENCE=uploads & JWT_JWKS_URL=https://login.example.com/keys",
    ),
    ("{KEY}", "CANARY-key-0123456789abcdef0123456789abcdef"),
    (
        "{PEM}",
        r"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n",
    ),
    ("{DIGEST}", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("{OTHER}", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"),
    ("{SHORT}", "f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
];
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn expanded(row: &str) -> String {
    let expand = |row: String, (name, text): &(&str, &str)| row.replace(name, text);
    NAMED.iter().fold(row.to_owned(), expand)
}

fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
    match path {
        "ca.pem" => Ok(b"not a certificate".to_vec()),
        "jwks.json" => Ok(JWKS.into()),
        "token" => Ok(b"CANARY.token.signature\n".to_vec()),
        "empty" => Ok(b"\n".to_vec()),
        "weak.json" => Ok(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_vec()),
        "key.pem" => Ok(expanded("{PEM}").replace("\\n", "\n").into()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    }
}

fn read(row: &str) -> Result<Settings, Vec<ConfigError>> {
    let text = expanded(&format!("{BASE} & {row}"));
    let mut variables = BTreeMap::new();
    for change in text.split(" & ").filter(|change| !change.is_empty()) {
        let (name, value) = change.split_once('=').unwrap_or_else(|| panic!("{change}"));
        let value = value.split("\\\\n").map(|part| part.replace("\\n", "\n"));
        variables.insert(name.trim().to_owned(), value.collect::<Vec<_>>().join("\\n"));
    }
    let environment: Environment = variables.into_iter().collect();
    Settings::read(&environment, &read_file)
}

#[track_caller]
fn started(row: &str) -> Settings {
    read(row).unwrap_or_else(|errors| panic!("{row}: {errors:?}"))
}

#[track_caller]
fn accepted(table: &str) {
    for row in table.trim().lines() {
        started(row);
    }
}

/// Each row is refused for exactly the variables in front.
#[track_caller]
fn refused(table: &str) {
    for row in table.trim().lines() {
        let (variables, changes) = row.split_once(": ").unwrap_or_else(|| panic!("{row}"));
        let errors = read(changes).err().unwrap_or_else(|| panic!("started: {row}"));
        let named: Vec<&str> = errors.iter().map(ConfigError::variable).collect();
        assert_eq!(named.join(" "), variables, "{changes}: {errors:?}");
        let texts = errors.iter().map(ToString::to_string).collect::<String>();
        assert!(!texts.contains("CANARY"), "{texts}");
    }
}

#[track_caller]
fn server(row: &str) -> ServerSettings {
    match started(row).platform {
        Platform::Server(server) => server,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_base_starts_as_a_server_and_warns_that_everyone_is_served() {
    assert_eq!(server("").address.to_string(), "0.0.0.0:9000");
    for (row, count) in [
        ("", 2),
        ("HOST=192.0.2.1", 2),
        ("RATE_LIMIT=60/1m", 1),
        ("HOST=127.0.0.1", 0),
        ("HOST=::1", 0),
        ("AUTH=hmac & HMAC_KEYS=a={KEY}", 0),
    ] {
        assert_eq!(started(row).warnings.len(), count, "{row}");
    }
}

/// Against DNS rebinding.
#[test]
fn a_loopback_server_without_authentication_allows_only_localhost_as_a_name() {
    let hosts = |row: &str| server(row).allowed_hosts.map(|hosts| hosts.join(" "));
    for loopback in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(hosts(&format!("HOST={loopback}")).as_deref(), Some("localhost"), "{loopback}");
    }
    assert_eq!(hosts(""), None);
    assert_eq!(hosts("HOST=127.0.0.1 & AUTH=hmac & HMAC_KEYS=a={KEY}"), None);
    assert_eq!(hosts("HOST=127.0.0.1 & TENCENTCLOUD_RUNENV=SCF"), None);
    let listed = hosts("HOST=127.0.0.1 & ALLOWED_HOSTS=STS.example.com, b");
    assert_eq!(listed.as_deref(), Some("sts.example.com b"));
    refused(
        r"
ALLOWED_HOSTS: ALLOWED_HOSTS=,
ALLOWED_HOSTS: ALLOWED_HOSTS=https://sts.example.com
ALLOWED_HOSTS: ALLOWED_HOSTS=sts.example.com:9000
ALLOWED_HOSTS: ALLOWED_HOSTS=*.example.com
ALLOWED_HOSTS: ALLOWED_HOSTS=.example.com
ALLOWED_HOSTS: ALLOWED_HOSTS=sts..example.com
ALLOWED_HOSTS: {LAMBDA} & ALLOWED_HOSTS=sts.example.com
ALLOWED_HOSTS: {SCF} & ALLOWED_HOSTS=sts.example.com",
    );
    assert!(server("TENCENTCLOUD_RUNENV=SCF").is_scf && !server("").is_scf);
}

#[test]
fn how_many_connections_and_threads_and_how_a_server_ends() {
    let limits = |row: &str| {
        let server = server(row);
        let (delay, grace) = (server.shutdown_delay.as_millis(), server.shutdown_grace.as_millis());
        (server.connections_max, delay, grace)
    };
    assert_eq!(limits(""), (4096, 1000, 10_000));
    assert_eq!(limits("TENCENTCLOUD_RUNENV=SCF"), (400, 1000, 10_000));
    assert_eq!(server("THREADS=7").threads, 7);
    assert!(server("").threads >= 1);
    assert_eq!(server("TENCENTCLOUD_RUNENV=SCF").threads, 1);
    let set = "CONNECTIONS_MAX=9 & SHUTDOWN_DELAY_MS=0 & SHUTDOWN_GRACE_MS=0";
    assert_eq!(limits(set), (9, 0, 0));
    refused(
        r"
CONNECTIONS_MAX: CONNECTIONS_MAX=0
CONNECTIONS_MAX: CONNECTIONS_MAX=many
THREADS: THREADS=0
THREADS: THREADS=1025
THREADS: THREADS=all
THREADS: TENCENTCLOUD_RUNENV=SCF & THREADS=1
THREADS: {LAMBDA} & THREADS=1
THREADS: {SCF} & THREADS=2
SHUTDOWN_DELAY_MS: SHUTDOWN_DELAY_MS=1s
SHUTDOWN_GRACE_MS: SHUTDOWN_GRACE_MS=-1
SHUTDOWN_GRACE_MS: SHUTDOWN_GRACE_MS=999
SHUTDOWN_GRACE_MS: SHUTDOWN_DELAY_MS=10001
CONNECTIONS_MAX: {LAMBDA} & CONNECTIONS_MAX=9
SHUTDOWN_DELAY_MS SHUTDOWN_GRACE_MS: {SCF} & SHUTDOWN_DELAY_MS=1 & SHUTDOWN_GRACE_MS=1",
    );
}

#[test]
fn metrics_go_where_something_reads_them() {
    let metrics = |row: &str| {
        let settings = started(row);
        let Platform::Server(server) = settings.platform else {
            return (settings.metrics, None);
        };
        (settings.metrics, server.metrics_address.map(|address| address.to_string()))
    };
    let address = |text: &str| (MetricsSettings::Prometheus, Some(text.to_owned()));
    assert_eq!(metrics(""), (MetricsSettings::Off, None));
    assert_eq!(metrics("METRICS=off"), (MetricsSettings::Off, None));
    assert_eq!(metrics("METRICS=prometheus"), address("127.0.0.1:9464"));
    let own = "METRICS=prometheus & METRICS_ADDRESS=[::1]:9000 & HOST=127.0.0.1";
    assert_eq!(metrics(own), address("[::1]:9000"));
    assert_eq!(metrics("{LAMBDA} & METRICS=emf"), (MetricsSettings::Emf, None));
    refused(
        r"
METRICS: METRICS=statsd
METRICS: METRICS=emf
METRICS: {SCF} & METRICS=emf
METRICS: TENCENTCLOUD_RUNENV=SCF & METRICS=emf
METRICS: {LAMBDA} & METRICS=prometheus
METRICS: {SCF} & METRICS=prometheus
METRICS: TENCENTCLOUD_RUNENV=SCF & METRICS=prometheus
METRICS_ADDRESS: METRICS_ADDRESS=127.0.0.1:9464
METRICS_ADDRESS: {LAMBDA} & METRICS=emf & METRICS_ADDRESS=127.0.0.1:9464
METRICS_ADDRESS: METRICS=prometheus & METRICS_ADDRESS=9464
METRICS_ADDRESS: METRICS=prometheus & METRICS_ADDRESS=localhost:9464
METRICS_ADDRESS: METRICS=prometheus & PORT=9464
METRICS_ADDRESS: METRICS=prometheus & METRICS_ADDRESS=0.0.0.0:9000 & HOST=127.0.0.1
METRIC: METRIC=prometheus",
    );
    accepted("METRICS=prometheus & METRICS_ADDRESS=127.0.0.1:0 & PORT=0");
}

#[test]
fn a_misspelled_setting_is_an_error() {
    refused(
        r"
ALLOWED_ORIGIN: ALLOWED_ORIGIN=https://app.example.com
EXTENSION: EXTENSION=jpg
API_KEY: API_KEY=CANARY
JWT_SECRET: JWT_SECRET=CANARY
SOURCE_IP: SOURCE_IP=10.0.0.0/8
MAX_SIZE_BYTES: MAX_SIZE_BYTES=1
PREFIX PREFXI: PREFIX= & PREFXI=users/",
    );
    accepted("ALLOWED_ORIGIN= & BUCKET_NAME=a & LOG_LEVEL=debug & AWS_LAMBDA_FUNCTION_NAMES=a");
}

#[test]
fn every_error_is_reported_at_once() {
    let empty = Settings::read(&Environment::default(), &read_file);
    let errors = empty.err().unwrap_or_else(|| panic!("started"));
    let named: Vec<&str> = errors.iter().map(ConfigError::variable).collect();
    assert_eq!(named.join(" "), "AUTH SECRET_ID SECRET_KEY BUCKET REGION PREFIX ALLOW");
    refused(
        "PORT AUTH STS_ENDPOINTS DURATION_SECONDS BUCKET REGION PREFIX ALLOW: AUTH= & BUCKET=nobucket & REGION=nowhere & PREFIX=users & ALLOW=all & DURATION_SECONDS=999999 & STS_ENDPOINTS=http://example.com & PORT=none",
    );
}

/// Each variable, with a value that cannot be right.
#[test]
fn no_problem_repeats_a_value() {
    let names = "AUTH SECRET_ID SECRET_KEY BUCKET REGION PREFIX ALLOW EXTENSIONS KEY_OWNER ROLE_ARN \
         EXTERNAL_ID POLICY ALLOW_FULL_ACCESS DURATION_SECONDS MIN_REMAINING_SECONDS \
         STS_ENDPOINTS STS_DEADLINE_MS STS_CONCURRENCY_MAX CACHE CACHE_ENTRIES_MAX ROLE_KEYS \
         STS_CA_FILE STS_PROXY ALLOWED_HOSTS ALLOWED_ORIGINS CONNECTIONS_MAX SHUTDOWN_DELAY_MS \
         SHUTDOWN_GRACE_MS THREADS BASE_PATH PORT HOST LOG LOG_FORMAT METRICS METRICS_ADDRESS AUDIT AUDIT_CLIENT AUDIT_SUBJECT AWS_LAMBDA_RUNTIME_API API_KEYS API_KEY_HEADER HMAC_KEYS \
         JWT_ISSUER JWT_AUDIENCE JWT_JWKS_URL JWT_JWKS_FILE JWT_PUBLIC_KEY JWT_PUBLIC_KEY_FILE \
         JWT_HS_SECRET JWT_ALGORITHMS JWT_LEEWAY_SECONDS JWT_MAX_AGE_SECONDS";
    for name in names.split_ascii_whitespace() {
        let errors = read(&format!("{name}=CANARY \\n value"));
        let errors = errors.err().unwrap_or_else(|| panic!("started: {name}"));
        let repeats = |error: &ConfigError| error.to_string().contains("CANARY");
        assert!(!errors.iter().any(repeats), "{errors:?}");
    }
}

#[test]
fn a_value_that_is_not_utf_8_is_an_error() {
    let base = BASE.split(" & ").filter_map(|change| change.trim().split_once('='));
    let base = base.map(|(name, value)| (name, OsString::from(value)));
    let broken = ("PREFIX", OsString::from_vec(vec![0xff, b'/']));
    let environment: Environment = base.chain([broken]).collect();
    let errors = Settings::read(&environment, &read_file).err();
    let errors = errors.unwrap_or_else(|| panic!("started"));
    assert!(errors.iter().all(|error| error.variable() == "PREFIX"), "{errors:?}");
}

#[test]
fn the_platform_is_chosen_by_the_environment() {
    assert_eq!(started("{LAMBDA}").platform, Platform::Lambda);
    let scf = started("{SCF}");
    assert_eq!(scf.platform, Platform::ScfEvent("http://127.0.0.1:9001".into()));
    assert_eq!(scf.warnings.len(), 1, "return values are logged");
    refused(
        r"
AWS_LAMBDA_FUNCTION_NAME: AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001
SCF_RUNTIME_API_PORT: SCF_RUNTIME_API=127.0.0.1
SCF_RUNTIME_API: {SCF} & AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001
PORT: PORT=65536
HOST: HOST=localhost
LOG: LOG=loud
LOG_FORMAT: LOG_FORMAT=xml
AUDIT: AUDIT=true
AUDIT_SUBJECT: AUDIT_SUBJECT=plain
AUDIT_CLIENT: AUDIT_CLIENT=hash
AUDIT_SUBJECT: AUDIT=off & AUDIT_SUBJECT=hash
AUDIT_CLIENT: AUDIT=off & AUDIT_CLIENT=off
METRICS: METRICS=on
METRICS: METRICS=emf
METRICS: {SCF} & METRICS=emf
METRICS: {LAMBDA} & METRICS=emf & AUDIT=off
LOG_FORMAT: {LAMBDA} & METRICS=emf & LOG_FORMAT=text
BASE_PATH: BASE_PATH=api
BASE_PATH: BASE_PATH=/api/
BASE_PATH: BASE_PATH=//api
BASE_PATH: BASE_PATH=/a b
BASE_PATH: BASE_PATH=/
ALLOWED_ORIGINS: ALLOWED_ORIGINS=*
ALLOWED_ORIGINS: ALLOWED_ORIGINS=https://app.example.com/
ALLOWED_ORIGINS: ALLOWED_ORIGINS=app.example.com
ALLOWED_ORIGINS: ALLOWED_ORIGINS=https://*.example.com
ALLOWED_ORIGINS: ALLOWED_ORIGINS=null
ALLOWED_ORIGINS: ALLOWED_ORIGINS=https://APP.example.com",
    );
    accepted("BASE_PATH=/api/v1 & ALLOWED_ORIGINS=https://app.example.com, http://localhost:8080");
}

#[test]
fn the_calling_key_is_complete_and_a_temporary_one_has_a_role() {
    refused(
        r"
SECRET_KEY: SECRET_KEY=
SECRET_ID: SECRET_ID=
SECRET_KEY: SECRET_KEY=with\nbreak-in-it
SECRET_ID: SECRET_ID=AKID with space
SECRET_ID SECRET_KEY: {ROLE_KEY} & SESSION_TOKEN=a-token-without-its-key
ROLE_ARN: {ROLE_KEY}
ROLE_ARN: SESSION_TOKEN=a-session-token
ROLE_ARN: ROLE_ARN=uploader-role
EXTERNAL_ID: EXTERNAL_ID=external-id
EXTERNAL_ID: {ROLE} & EXTERNAL_ID=white space
KEY_OWNER: KEY_OWNER=somebody
SECRET_ID: SECRET_ID=AKIDEMUexample
ROLE_KEYS: ROLE_KEYS=environment
ROLE_KEYS: ROLE_KEYS=headers & {ROLE}
SECRET_ID: SECRET_ID=AKIDEMUexample & STS_ENDPOINTS=http://127.0.0.1:1,sts.tencentcloudapi.com
ROLE_ARN: {TKE}
ROLE_ARN: {TKE} & ROLE_ARN=uploader
TKE_REGION: {TKE} & {ROLE} & TKE_REGION=
TKE_PROVIDER_ID: {TKE} & {ROLE} & TKE_PROVIDER_ID=
TKE_PROVIDER_ID: {TKE} & {ROLE} & TKE_PROVIDER_ID=CANARY provider
TKE_ROLE_ARN: {TKE} & {ROLE} & TKE_ROLE_ARN=
TKE_ROLE_ARN: {TKE} & {ROLE} & TKE_ROLE_ARN=CANARY
TKE_WEB_IDENTITY_TOKEN_FILE: {TKE} & {ROLE} & TKE_WEB_IDENTITY_TOKEN_FILE=
TKE_WEB_IDENTITY_TOKEN_FILE: {TKE} & {ROLE} & TKE_WEB_IDENTITY_TOKEN_FILE=CANARY-missing
TKE_WEB_IDENTITY_TOKEN_FILE: {TKE} & {ROLE} & TKE_WEB_IDENTITY_TOKEN_FILE=empty
TKE_WEB_IDENTITY_TOKEN_FILE: {TKE} & {ROLE} & TKE_WEB_IDENTITY_TOKEN_FILE=ca.pem
SECRET_ID SECRET_KEY: SECRET_ID= & SECRET_KEY= & TKE_REGION=ap-guangzhou",
    );
    let both = started("{TKE} & {ROLE} & SECRET_ID=AKIDexample & SECRET_KEY=CANARY-secret-key");
    assert!(both.warnings.iter().any(|warning| warning.contains("TKE_ROLE_ARN")));
    assert!(matches!(both.sts.calling_keys, CallingKeys::Fixed(_)));
    let without = started("{TKE} & {ROLE}").sts;
    assert!(matches!(without.calling_keys, CallingKeys::WebIdentity(_)) && !without.is_role_key);
    accepted(
        r"
{ROLE_KEY} & {ROLE}
{ROLE_KEY} & {ROLE} & TKE_ROLE_ARN=a-part-of-them
SESSION_TOKEN=a-session-token & ROLE_ARN=qcs::cam::uin/1:role/1
SECRET_ID=AKIDEMUexample & STS_ENDPOINTS=https://127.0.0.1:1",
    );
}

#[test]
fn sts_is_called_by_https_only_except_on_this_machine() {
    refused(
        r"
STS_ENDPOINTS: STS_ENDPOINTS=http://sts.tencentcloudapi.com
STS_ENDPOINTS: STS_ENDPOINTS=sts.tencentcloudapi.com,http://10.0.0.1
STS_ENDPOINTS: STS_ENDPOINTS=https://user:CANARY@sts.tencentcloudapi.com
STS_ENDPOINTS: STS_ENDPOINTS=,
STS_DEADLINE_MS: STS_DEADLINE_MS=99
STS_CONCURRENCY_MAX: STS_CONCURRENCY_MAX=0
CACHE: CACHE=true
CACHE_ENTRIES_MAX: CACHE_ENTRIES_MAX=0
CACHE_ENTRIES_MAX: CACHE=off & CACHE_ENTRIES_MAX=1
STS_CA_FILE: STS_CA_FILE=missing.pem
STS_CA_FILE: STS_CA_FILE=ca.pem
STS_PROXY: STS_PROXY=CANARY: no url
STS_PROXY: STS_PROXY=foo
STS_PROXY: STS_PROXY=socks5://127.0.0.1:1080
STS_PROXY: STS_PROXY=http://127.0.0.1:3128/path",
    );
    accepted(
        r"
STS_ENDPOINTS=sts.internal.tencentcloudapi.com, sts.tencentcloudapi.com
STS_ENDPOINTS=http://127.0.0.1:8080
STS_PROXY=http://user:CANARY@127.0.0.1:3128",
    );
}

#[test]
fn a_grant_of_variables_is_well_formed() {
    refused(
        r"
BUCKET: BUCKET=examplebucket
BUCKET: BUCKET=example*-1250000000
REGION: REGION=guangzhou
REGION: REGION=ap_guangzhou
PREFIX: PREFIX=users/1
PREFIX: PREFIX=/users/
PREFIX: PREFIX=users/*/
PREFIX: PREFIX=users/${uin}/
PREFIX: PREFIX=users/{sub}/
PREFIX: PREFIX=
ALLOW: ALLOW=
ALLOW: ALLOW= , ,
ALLOW: ALLOW=upload,everything
ALLOW: ALLOW=upload,upload
ALLOW: ALLOW=name/cos:*
EXTENSIONS: EXTENSIONS=*
EXTENSIONS: EXTENSIONS=.jpg
EXTENSIONS: EXTENSIONS=jpg,p*g
EXTENSIONS: EXTENSIONS=jp g
EXTENSIONS: EXTENSIONS=${uin}
EXTENSIONS: EXTENSIONS=jpg & ALLOW=download",
    );
    accepted("PREFIX=/\nEXTENSIONS=jpg, PNG");
}

#[test]
fn a_raw_policy_excludes_grants_and_full_access_must_be_confirmed() {
    refused(
        r#"
BUCKET PREFIX ALLOW: POLICY={NARROW}
POLICY: {RAW} & POLICY={FULL}
POLICY: {RAW} & POLICY={FULL} & ALLOW_FULL_ACCESS=false
ALLOW_FULL_ACCESS POLICY: {RAW} & POLICY={FULL} & ALLOW_FULL_ACCESS=yes, please
ALLOW_FULL_ACCESS: ALLOW_FULL_ACCESS=true
POLICY: {RAW} & POLICY=not-a-policy
POLICY: {RAW} & POLICY={"version":"2.0","statement":[]}
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"deny","action":"*","resource":"*"}]}
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"allow","action":"sts:AssumeRole","resource":"*"}]}
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"allow","action":"name/cam:*","resource":"*"}]}
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"allow","action":"*","resource":"*"}]} & ALLOW_FULL_ACCESS=true
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"allow","action":"*:PutObject","resource":"*"}]} & ALLOW_FULL_ACCESS=true
POLICY: {RAW} & POLICY={"version":"2.0","statement":[{"effect":"allow","action":"name/ci:*","resource":"*"}]}"#,
    );
    accepted("{RAW} & POLICY={NARROW}");
    let warnings = |row: &str| {
        let settings = started(&format!("HOST=127.0.0.1 & {{RAW}} & POLICY={row}"));
        settings.warnings.len()
    };
    assert_eq!(warnings("{FULL} & ALLOW_FULL_ACCESS=true"), 1);
    for (action, resource, count) in [
        ("name/cos:Get*", "*", 1),
        ("name/cos:*Object", "qcs::cos:*:uid/1250000000:*", 1),
        ("name/cos:*", "qcs::cos:ap-guangzhou:uid/1250000000:e*/*", 1),
        ("name/cos:GetService", "*", 0),
        (
            "name/cos:GetObjectUrl",
            "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/a/*",
            1,
        ),
        (
            "name/cos:GetBucket",
            "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*",
            1,
        ),
        ("name/cos:*", "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*", 0),
    ] {
        let statement =
            format!(r#"{{"effect":"allow","action":"{action}","resource":"{resource}"}}"#);
        let policy = format!(r#"{{"version":"2.0","statement":[{statement}]}}"#);
        assert_eq!(warnings(&policy), count, "{statement}");
    }
}

#[test]
fn a_duration_fits_the_key() {
    refused(
        r"
DURATION_SECONDS: DURATION_SECONDS=7201
DURATION_SECONDS: DURATION_SECONDS=129601 & KEY_OWNER=sub-account
DURATION_SECONDS: DURATION_SECONDS=43201 & {ROLE}
DURATION_SECONDS: DURATION_SECONDS=359
DURATION_SECONDS: DURATION_SECONDS=0
DURATION_SECONDS: DURATION_SECONDS=-1
DURATION_SECONDS: DURATION_SECONDS=30m
DURATION_SECONDS: DURATION_SECONDS=99999999999
MIN_REMAINING_SECONDS: MIN_REMAINING_SECONDS=89
MIN_REMAINING_SECONDS: MIN_REMAINING_SECONDS=1800",
    );
    accepted(
        r"
DURATION_SECONDS=7200
DURATION_SECONDS=129600 & KEY_OWNER=sub-account
DURATION_SECONDS=43200 & {ROLE}
DURATION_SECONDS=360
DURATION_SECONDS=150 & MIN_REMAINING_SECONDS=90",
    );
}

#[test]
fn auth_names_known_methods_once_and_has_no_default() {
    refused(
        r"
AUTH: AUTH=
AUTH: AUTH=None
AUTH: AUTH=no
AUTH: AUTH=JWT
AUTH: AUTH=off
AUTH: AUTH=none,none
AUTH: AUTH=api-key,api-key & API_KEYS=a={DIGEST}
AUTH: AUTH=none,api-key & API_KEYS=a={DIGEST}
AUTH: AUTH=API-KEY & API_KEYS=a={DIGEST}
API_KEYS: AUTH=none & API_KEYS=a={DIGEST}
API_KEYS: AUTH=api-key
API_KEYS: {JWT} & AUTH=jwt,api-key
HMAC_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} & HMAC_KEYS=b={KEY}
API_KEY_HEADER: API_KEY_HEADER=x-api-key
JWT_ISSUER: JWT_ISSUER=https://login.example.com/
JWT_HS_SECRET: JWT_HS_SECRET={KEY}
JWT_LEEWAY_SECONDS: JWT_LEEWAY_SECONDS=30
AUTH: AUTH=gateway
AUTH API_KEYS HMAC_KEYS: AUTH=gateway,api-key,hmac",
    );
    accepted(
        r"
AUTH= api-key , & API_KEYS=a={DIGEST}
AUTH=api-key,hmac & API_KEYS=a={DIGEST} & HMAC_KEYS=b={KEY}
{JWT} & AUTH=jwt,api-key & API_KEYS=a={DIGEST}
{LAMBDA} & AUTH=gateway
{SCF} & AUTH=gateway",
    );
    // The example of a missing `AUTH` must be one that authenticates.
    let errors = read("AUTH=").err().unwrap_or_default();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["AUTH: must be set, for example `jwt`"]);
    let errors = read("AUTH=jtw").err().unwrap_or_default();
    let text = errors.first().map(ToString::to_string).unwrap_or_default();
    for name in ["`none`", "`api-key`", "`gateway`", "`hmac`", "`jwt`"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn keys_of_callers_are_named_once_and_strong() {
    refused(
        r"
API_KEYS: AUTH=api-key & API_KEYS=;\n;
API_KEYS: AUTH=api-key & API_KEYS={DIGEST}
API_KEYS: AUTH=api-key & API_KEYS=={DIGEST}
API_KEYS: AUTH=api-key & API_KEYS=a b={DIGEST}
API_KEYS: AUTH=api-key & API_KEYS=a={SHORT}
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST}0
API_KEYS: AUTH=api-key & API_KEYS=a=+{SHORT}
API_KEYS: AUTH=api-key & API_KEYS=a=CANARY-the-key-itself
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST};a={OTHER}
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST};b={DIGEST}
API_KEYS: AUTH=api-key & API_KEYS=a={OTHER};b=60303AE22B998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} sub=x sub=y
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} proof=jwt
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} sub=
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} sub
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} sub=users/*
API_KEYS: AUTH=api-key & API_KEYS=a={DIGEST} sub=${uin}
API_KEY_HEADER: AUTH=api-key & API_KEYS=a={DIGEST} & API_KEY_HEADER=authorization
API_KEY_HEADER: AUTH=api-key & API_KEYS=a={DIGEST} & API_KEY_HEADER=Cookie
API_KEY_HEADER: AUTH=api-key & API_KEYS=a={DIGEST} & API_KEY_HEADER=x-scf-secret-key
API_KEY_HEADER: AUTH=api-key & API_KEYS=a={DIGEST} & API_KEY_HEADER=x api
HMAC_KEYS: AUTH=hmac & HMAC_KEYS={KEY}
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=12345121234512345123451234512345
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=0123456789abcdef0123456789abcdef
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=password-password-password-password
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend=0123456789abcdef0123456789abcde
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=backend={KEY}é
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=a={KEY};a={KEY}2
HMAC_KEYS: AUTH=hmac & HMAC_KEYS=a={KEY};b={KEY}",
    );
    accepted(
        r"
AUTH=api-key & API_KEYS=backend={DIGEST}
AUTH=api-key & API_KEYS=backend=9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08;
AUTH=api-key & API_KEYS=a={DIGEST} sub=backend team=media;b={OTHER} sub=backend
AUTH=api-key & API_KEYS=a={DIGEST}\n  b={OTHER}	tier=2\n
AUTH=api-key & API_KEYS=a={DIGEST} & API_KEY_HEADER=X-Api-Key
AUTH=hmac & HMAC_KEYS=backend={KEY}= team=media
AUTH=hmac & HMAC_KEYS=a={KEY} sub=backend\nb={KEY}2 sub=backend",
    );
    let keys = |count| (0..count).map(|n| format!("k{n}={n:064x};")).collect::<String>();
    accepted(&format!("AUTH=api-key & API_KEYS={}", keys(64)));
    refused(&format!("API_KEYS: AUTH=api-key & API_KEYS={}", keys(65)));
    let long = "x".repeat(129);
    refused(&format!("API_KEYS: AUTH=api-key & API_KEYS=a={{DIGEST}} sub={long}"));
}

#[test]
fn tokens_need_an_issuer_an_audience_and_keys() {
    refused(
        r"
JWT_ISSUER JWT_AUDIENCE JWT_JWKS_URL: AUTH=jwt
JWT_ISSUER: {JWT} & JWT_ISSUER=
JWT_AUDIENCE: {JWT} & JWT_AUDIENCE=
JWT_AUDIENCE: {JWT} & JWT_AUDIENCE= , 
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=http://login.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=http://127.0.0.1.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=http://localhost.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=http://169.254.0.23/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=https://user@login.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=https://:secret@login.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=https://login.example.com/keys#a
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=file:///keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=login.example.com/keys
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=https://
JWT_JWKS_URL: {JWT} & JWT_JWKS_URL=keys
JWT_ISSUER JWT_AUDIENCE JWT_LEEWAY_SECONDS JWT_MAX_AGE_SECONDS JWT_JWKS_URL: {JWT} & JWT_ISSUER= & JWT_AUDIENCE=, & JWT_LEEWAY_SECONDS=301 & JWT_MAX_AGE_SECONDS=59 & JWT_JWKS_URL=http://a/",
    );
    accepted(
        r"
{JWT}
{JWT} & JWT_AUDIENCE=uploads, media
{JWT} & JWT_JWKS_URL=https://login.example.com/keys?p=policy
{JWT} & JWT_JWKS_URL=https://login.example.com:8443/
{JWT} & JWT_JWKS_URL=http://127.0.0.1:8080/keys
{JWT} & JWT_JWKS_URL=http://[::1]/keys
{JWT} & JWT_JWKS_URL=http://localhost/keys",
    );
}

#[test]
fn keys_of_tokens_have_one_source_and_pinned_algorithms() {
    // A JWKS is for RS256 unless another algorithm is named. This one has an ES256 key.
    refused(
        r"
JWT_PUBLIC_KEY: {JWT} & JWT_PUBLIC_KEY={PEM}
JWT_PUBLIC_KEY_FILE: {JWT} & JWT_PUBLIC_KEY_FILE=key.pem
JWT_HS_SECRET: {JWT} & JWT_HS_SECRET={KEY}
JWT_JWKS_FILE: {JWT} & JWT_JWKS_URL= & JWT_JWKS_FILE=jwks.json
JWT_JWKS_FILE: {JWT} & JWT_JWKS_URL= & JWT_JWKS_FILE=missing.json
JWT_JWKS_FILE: {JWT} & JWT_JWKS_URL= & JWT_JWKS_FILE=weak.json
JWT_JWKS_FILE: {JWT} & JWT_JWKS_URL= & JWT_JWKS_FILE=key.pem
JWT_PUBLIC_KEY: {JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY=key.pem
JWT_PUBLIC_KEY_FILE: {JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY_FILE=missing.pem
JWT_PUBLIC_KEY_FILE: {JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY_FILE=ca.pem
JWT_HS_SECRET: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET=0123456789abcdef0123456789abcde
JWT_HS_SECRET: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
JWT_PUBLIC_KEY: {JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY={PEM} & JWT_ALGORITHMS=RS256
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=HS256
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=RS256,HS256
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=none
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=None
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=rs256
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=RS512
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=PS256
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=*
JWT_ALGORITHMS: {JWT} & JWT_ALGORITHMS=,
JWT_ALGORITHMS: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY} & JWT_ALGORITHMS=RS256
JWT_ALGORITHMS: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY} & JWT_ALGORITHMS=HS256,RS256
JWT_ALGORITHMS: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY} & JWT_ALGORITHMS=HS256,HS256
JWT_ALGORITHMS: {JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY} & JWT_ALGORITHMS=HS512",
    );
    accepted(
        r"
{JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY={PEM}
{JWT} & JWT_JWKS_URL= & JWT_PUBLIC_KEY_FILE=key.pem
{JWT} & JWT_JWKS_URL= & JWT_JWKS_FILE=jwks.json & JWT_ALGORITHMS=RS256,ES256
{JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY}
{JWT} & JWT_JWKS_URL= & JWT_HS_SECRET={KEY} & JWT_ALGORITHMS=HS256
{JWT} & JWT_ALGORITHMS=RS256
{JWT} & JWT_ALGORITHMS=ES256
{JWT} & JWT_ALGORITHMS=EdDSA
{JWT} & JWT_ALGORITHMS=RS256, ES256,EdDSA",
    );
    let escaped = expanded("{PEM}").replace("\\n", "\\\\n");
    accepted(&format!("{{JWT}} & JWT_JWKS_URL= & JWT_PUBLIC_KEY={escaped}"));
}

#[test]
fn limits_and_the_kill_switch_are_well_formed() {
    let limit = |row: &str| {
        let limit = started(row).rate_limit.unwrap();
        (limit.requests.get(), limit.period.as_secs(), limit.block.map(|block| block.as_secs()))
    };
    assert_eq!(limit("RATE_LIMIT=60/1m"), (60, 60, None));
    assert_eq!(limit("RATE_LIMIT=1/24h & RATE_LIMIT_BLOCK=90s"), (1, 86_400, Some(90)));
    let header = |row: &str| started(row).address_header.map(|header| (header.name, header.hops));
    assert_eq!(header("CLIENT_ADDRESS=connection"), None);
    assert_eq!(
        header("CLIENT_ADDRESS=header:X-Forwarded-For:2"),
        Some((http::HeaderName::from_static("x-forwarded-for"), 2))
    );
    assert!(started("DENY=all").deny_list.check_all().is_err());
    let exposed = "HOST=127.0.0.1 & SHARED_STORE=redis://:CANARY@store.example.com";
    let warnings = started(exposed).warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("rediss://"), "{warnings:?}");
    assert!(started("SHARED_STORE=rediss://127.0.0.1").shared_store.is_some());
    accepted(
        "DENY=sub:a%2Cb,issuer:https://i,key:k,grant:g,subject:0123456789abcdef0123456789abcdef",
    );
    refused(
        "\
RATE_LIMIT: RATE_LIMIT=60
RATE_LIMIT: RATE_LIMIT=0/1m
RATE_LIMIT: RATE_LIMIT=60/0s
RATE_LIMIT: RATE_LIMIT=60/m
RATE_LIMIT: RATE_LIMIT=60/1d
RATE_LIMIT: RATE_LIMIT=60/25h
RATE_LIMIT: RATE_LIMIT=+6/1m
RATE_LIMIT: RATE_LIMIT=1000001/1s
RATE_LIMIT_BLOCK: RATE_LIMIT_BLOCK=5m
RATE_LIMIT_BLOCK: RATE_LIMIT=60/1m & RATE_LIMIT_BLOCK=5
CLIENT_ADDRESS: CLIENT_ADDRESS=CANARY
CLIENT_ADDRESS: CLIENT_ADDRESS=platform
CLIENT_ADDRESS: CLIENT_ADDRESS=header:X-Forwarded-For
CLIENT_ADDRESS: CLIENT_ADDRESS=header:X-Forwarded-For:0
CLIENT_ADDRESS: CLIENT_ADDRESS=header:X Forwarded:1
CLIENT_ADDRESS: CLIENT_ADDRESS=connection & {LAMBDA}
DENY: DENY=CANARY
DENY: DENY=sub:a,CANARY
DENY_FILE: DENY_FILE=missing.txt
SHARED_STORE: SHARED_STORE=store.example.com:6379
SHARED_STORE: SHARED_STORE=https://CANARY@store.example.com
SHARED_STORE_PREFIX: SHARED_STORE=redis://127.0.0.1 & SHARED_STORE_PREFIX=a b
SHARED_STORE_PREFIX: SHARED_STORE_PREFIX=a:
SHARED_STORE_CA_FILE: SHARED_STORE=rediss://127.0.0.1 & SHARED_STORE_CA_FILE=ca.pem",
    );
}
