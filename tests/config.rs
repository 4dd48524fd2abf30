//! What the function refuses to start with: every fault, all at once, by variable name, never by value.

#![expect(clippy::panic, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use cos_issuer::config::{Config, ConfigError, Environment, Platform};
use tencent::time::SystemClock;

const FULL_ACCESS: &str =
    r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}"#;
const NARROW: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:GetObject","resource":"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/public/*"}]}"#;

/// The least that starts.
const BASE: [(&str, &str); 7] = [
    ("AUTH", "none"),
    ("SECRET_ID", "AKIDexample"),
    ("SECRET_KEY", "CANARY-secret-key"),
    ("BUCKET", "examplebucket-1250000000"),
    ("REGION", "ap-guangzhou"),
    ("PREFIX", "users/"),
    ("ALLOW", "upload,download"),
];

/// The base with changes; an empty value takes a variable away.
fn read(changes: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    let mut variables: BTreeMap<&str, &str> = BASE.into();
    variables.extend(changes.iter().copied());
    let environment: Environment = variables.into_iter().collect();
    let file = |path: &str| match path {
        "ca.pem" => Ok(b"not a certificate".to_vec()),
        "jwks.json" => Ok(JWKS.into()),
        "weak.json" => Ok(br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_vec()),
        "key.pem" => Ok(PUBLIC_KEY.into()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::read(&environment, &file, Arc::new(SystemClock))
}

#[track_caller]
fn starts(changes: &[(&str, &str)]) -> Config {
    read(changes).unwrap_or_else(|problems| panic!("{changes:?}: {problems:?}"))
}

/// Refused for exactly these variables.
#[track_caller]
fn refused(changes: &[(&str, &str)], variables: &[&str]) {
    let problems = read(changes)
        .err()
        .unwrap_or_else(|| panic!("started: {changes:?}"));
    let named: Vec<&str> = problems.iter().map(ConfigError::variable).collect();
    assert_eq!(named, variables, "{changes:?}: {problems:?}");
}

#[test]
fn the_base_starts_as_a_server() {
    let config = starts(&[]);
    assert!(
        matches!(config.platform, Platform::Server(address) if address.to_string() == "0.0.0.0:9000")
    );
    assert!(config.warnings.is_empty());
}

#[test]
fn an_empty_environment_names_everything_that_is_missing() {
    let outcome = Config::read(
        &Environment::default(),
        &|_| Ok(Vec::new()),
        Arc::new(SystemClock),
    );
    let named: Vec<&str> = outcome
        .err()
        .expect("problems")
        .iter()
        .map(ConfigError::variable)
        .collect();
    assert_eq!(
        named,
        [
            "AUTH",
            "SECRET_ID",
            "SECRET_KEY",
            "BUCKET",
            "REGION",
            "PREFIX",
            "ALLOW"
        ]
    );
}

#[test]
fn auth_has_no_default() {
    refused(&[("AUTH", "")], &["AUTH"]);
    for kind in ["None", "no", "JWT", "off", "none,none"] {
        refused(&[("AUTH", kind)], &["AUTH"]);
    }
}

#[test]
fn the_calling_key_is_whole() {
    refused(&[("SECRET_KEY", "")], &["SECRET_KEY"]);
    refused(&[("SECRET_ID", "")], &["SECRET_ID"]);
    refused(&[("SECRET_KEY", "with\nbreak-in-it")], &["SECRET_KEY"]);
    refused(&[("SECRET_ID", "AKID with space")], &["SECRET_ID"]);
    // A token without its key is not completed from the execution role.
    let role = [
        ("TENCENTCLOUD_SECRETID", "AKIDrole"),
        ("TENCENTCLOUD_SECRETKEY", "rolekey"),
    ];
    let mixed = [
        role[0],
        role[1],
        ("SECRET_ID", ""),
        ("SECRET_KEY", ""),
        ("SESSION_TOKEN", "token-alone"),
    ];
    refused(&mixed, &["SECRET_ID", "SECRET_KEY"]);
}

#[test]
fn the_execution_role_is_used_when_there_is_no_key_of_our_own() {
    let role = [
        ("SECRET_ID", ""),
        ("SECRET_KEY", ""),
        ("TENCENTCLOUD_SECRETID", "AKIDrole"),
        ("TENCENTCLOUD_SECRETKEY", "rolekey"),
        ("TENCENTCLOUD_SESSIONTOKEN", "roletoken"),
    ];
    // Its key is temporary, so a role to assume is needed.
    refused(&role, &["ROLE_ARN"]);
    let arn = ("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/uploader");
    starts(&[role[0], role[1], role[2], role[3], role[4], arn]);
}

#[test]
fn a_temporary_key_needs_a_role() {
    refused(&[("SESSION_TOKEN", "a-session-token")], &["ROLE_ARN"]);
    starts(&[
        ("SESSION_TOKEN", "a-session-token"),
        ("ROLE_ARN", "qcs::cam::uin/1:role/1"),
    ]);
    refused(&[("ROLE_ARN", "uploader-role")], &["ROLE_ARN"]);
    refused(&[("EXTERNAL_ID", "external-id")], &["EXTERNAL_ID"]);
    refused(
        &[
            ("ROLE_ARN", "qcs::cam::uin/1:role/1"),
            ("EXTERNAL_ID", "white space"),
        ],
        &["EXTERNAL_ID"],
    );
}

#[test]
fn the_place_is_well_formed() {
    refused(&[("BUCKET", "examplebucket")], &["BUCKET"]);
    refused(&[("BUCKET", "example*-1250000000")], &["BUCKET"]);
    refused(&[("REGION", "guangzhou")], &["REGION"]);
    refused(&[("REGION", "ap_guangzhou")], &["REGION"]);
    refused(&[("PREFIX", "users/1")], &["PREFIX"]);
    refused(&[("PREFIX", "/users/")], &["PREFIX"]);
    refused(&[("PREFIX", "users/*/")], &["PREFIX"]);
    refused(&[("PREFIX", "users/${uin}/")], &["PREFIX"]);
    refused(&[("PREFIX", "")], &["PREFIX"]);
    starts(&[("PREFIX", "/")]);
}

#[test]
fn what_is_allowed_is_named() {
    refused(&[("ALLOW", "")], &["ALLOW"]);
    refused(&[("ALLOW", " , ,")], &["ALLOW"]);
    refused(&[("ALLOW", "upload,everything")], &["ALLOW"]);
    refused(&[("ALLOW", "upload,upload")], &["ALLOW"]);
    refused(&[("ALLOW", "name/cos:*")], &["ALLOW"]);
}

#[test]
fn extensions_are_words_and_belong_to_uploads() {
    starts(&[("EXTENSIONS", "jpg, PNG")]);
    for extension in ["*", ".jpg", "jpg,p*g", "jp g", "${uin}"] {
        refused(&[("EXTENSIONS", extension)], &["EXTENSIONS"]);
    }
    refused(
        &[("EXTENSIONS", "jpg"), ("ALLOW", "download")],
        &["EXTENSIONS"],
    );
}

#[test]
fn a_raw_policy_stands_alone_and_is_no_blank_cheque() {
    let alone = [
        ("BUCKET", ""),
        ("REGION", ""),
        ("PREFIX", ""),
        ("ALLOW", ""),
    ];
    let with = |policy, more| {
        [
            alone[0],
            alone[1],
            alone[2],
            alone[3],
            ("POLICY", policy),
            more,
        ]
    };
    starts(&with(NARROW, ("AUTH", "none")));
    refused(&[("POLICY", NARROW)], &["BUCKET", "PREFIX", "ALLOW"]);
    refused(&with(FULL_ACCESS, ("AUTH", "none")), &["POLICY"]);
    refused(
        &with(FULL_ACCESS, ("ALLOW_FULL_ACCESS", "false")),
        &["POLICY"],
    );
    refused(
        &with(FULL_ACCESS, ("ALLOW_FULL_ACCESS", "yes, please")),
        &["ALLOW_FULL_ACCESS", "POLICY"],
    );
    let config = starts(&with(FULL_ACCESS, ("ALLOW_FULL_ACCESS", "true")));
    assert_eq!(config.warnings.len(), 1);
    for policy in [
        "not-a-policy",
        r#"{"version":"2.0","statement":[]}"#,
        r#"{"version":"2.0","statement":[{"effect":"deny","action":"*","resource":"*"}]}"#,
        r#"{"version":"2.0","statement":[{"effect":"allow","action":"sts:AssumeRole","resource":"*"}]}"#,
        r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cam:*","resource":"*"}]}"#,
    ] {
        refused(&with(policy, ("AUTH", "none")), &["POLICY"]);
    }
    refused(&[("ALLOW_FULL_ACCESS", "true")], &["ALLOW_FULL_ACCESS"]);
}

#[test]
fn a_duration_fits_the_key() {
    for (changes, is_allowed) in [
        (&[("DURATION_SECONDS", "7200")][..], true),
        (&[("DURATION_SECONDS", "7201")], false),
        (
            &[("DURATION_SECONDS", "7201"), ("KEY_OWNER", "sub-account")],
            true,
        ),
        (
            &[("DURATION_SECONDS", "129600"), ("KEY_OWNER", "sub-account")],
            true,
        ),
        (
            &[("DURATION_SECONDS", "129601"), ("KEY_OWNER", "sub-account")],
            false,
        ),
        (
            &[
                ("DURATION_SECONDS", "43200"),
                ("ROLE_ARN", "qcs::cam::uin/1:role/1"),
            ],
            true,
        ),
        (
            &[
                ("DURATION_SECONDS", "43201"),
                ("ROLE_ARN", "qcs::cam::uin/1:role/1"),
            ],
            false,
        ),
        (&[("DURATION_SECONDS", "360")], true),
        (&[("DURATION_SECONDS", "359")], false),
        (
            &[("DURATION_SECONDS", "150"), ("MIN_REMAINING_SECONDS", "90")],
            true,
        ),
        (&[("DURATION_SECONDS", "0")], false),
        (&[("DURATION_SECONDS", "-1")], false),
        (&[("DURATION_SECONDS", "30m")], false),
        (&[("DURATION_SECONDS", "99999999999")], false),
    ] {
        if is_allowed {
            starts(changes);
        } else {
            refused(changes, &["DURATION_SECONDS"]);
        }
    }
    refused(
        &[("MIN_REMAINING_SECONDS", "89")],
        &["MIN_REMAINING_SECONDS"],
    );
    refused(
        &[("MIN_REMAINING_SECONDS", "1800")],
        &["MIN_REMAINING_SECONDS"],
    );
    refused(&[("KEY_OWNER", "somebody")], &["KEY_OWNER"]);
}

#[test]
fn sts_is_reached_by_https_and_nothing_else() {
    starts(&[(
        "STS_ENDPOINTS",
        "sts.internal.tencentcloudapi.com, sts.tencentcloudapi.com",
    )]);
    starts(&[("STS_ENDPOINTS", "http://127.0.0.1:8080")]);
    refused(
        &[("STS_ENDPOINTS", "http://sts.tencentcloudapi.com")],
        &["STS_ENDPOINTS"],
    );
    refused(
        &[("STS_ENDPOINTS", "sts.tencentcloudapi.com,http://10.0.0.1")],
        &["STS_ENDPOINTS"],
    );
    refused(
        &[(
            "STS_ENDPOINTS",
            "https://user:CANARY@sts.tencentcloudapi.com",
        )],
        &["STS_ENDPOINTS"],
    );
    refused(&[("STS_ENDPOINTS", ",")], &["STS_ENDPOINTS"]);
    refused(&[("STS_DEADLINE_MS", "99")], &["STS_DEADLINE_MS"]);
    refused(&[("STS_CA_FILE", "missing.pem")], &["STS_CA_FILE"]);
    refused(&[("STS_CA_FILE", "ca.pem")], &["STS_CA_FILE"]);
    starts(&[("STS_PROXY", "http://user:CANARY@127.0.0.1:3128")]);
    refused(&[("STS_PROXY", "CANARY: no url")], &["STS_PROXY"]);
}

#[test]
fn a_key_of_the_local_cloud_never_leaves_the_machine() {
    let key = ("SECRET_ID", "AKIDEMUexample");
    refused(&[key], &["SECRET_ID"]);
    refused(
        &[
            key,
            (
                "STS_ENDPOINTS",
                "http://127.0.0.1:1,sts.tencentcloudapi.com",
            ),
        ],
        &["SECRET_ID"],
    );
    starts(&[key, ("STS_ENDPOINTS", "https://127.0.0.1:1")]);
}

#[test]
fn the_surroundings_are_well_formed() {
    starts(&[(
        "ALLOWED_ORIGINS",
        "https://app.example.com, http://localhost:8080",
    )]);
    for origin in [
        "*",
        "https://app.example.com/",
        "app.example.com",
        "https://*.example.com",
        "null",
        "https://APP.example.com",
    ] {
        refused(&[("ALLOWED_ORIGINS", origin)], &["ALLOWED_ORIGINS"]);
    }
    starts(&[("BASE_PATH", "/api/v1")]);
    for path in ["api", "/api/", "//api", "/a b", "/"] {
        refused(&[("BASE_PATH", path)], &["BASE_PATH"]);
    }
    refused(&[("PORT", "65536")], &["PORT"]);
    refused(&[("HOST", "localhost")], &["HOST"]);
    refused(&[("LOG", "loud")], &["LOG"]);
}

#[test]
fn the_platform_is_chosen_by_the_environment() {
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ];
    assert_eq!(starts(&lambda).platform, Platform::Lambda);
    refused(&lambda[..1], &["AWS_LAMBDA_FUNCTION_NAME"]);
    let scf = [
        ("SCF_RUNTIME_API", "127.0.0.1"),
        ("SCF_RUNTIME_API_PORT", "9001"),
    ];
    let config = starts(&scf);
    assert_eq!(
        config.platform,
        Platform::ScfEvent("http://127.0.0.1:9001".into())
    );
    assert_eq!(config.warnings.len(), 1, "return values are logged");
    refused(&scf[..1], &["SCF_RUNTIME_API_PORT"]);
    refused(&[scf[0], scf[1], lambda[0]], &["SCF_RUNTIME_API"]);
}

#[test]
fn every_fault_is_reported_at_once() {
    let faults = [
        ("AUTH", ""),
        ("BUCKET", "nobucket"),
        ("REGION", "nowhere"),
        ("PREFIX", "users"),
        ("ALLOW", "all"),
        ("DURATION_SECONDS", "999999"),
        ("STS_ENDPOINTS", "http://example.com"),
        ("PORT", "none"),
    ];
    let problems = read(&faults).err().expect("problems");
    for (variable, _) in faults {
        assert!(
            problems
                .iter()
                .any(|problem| problem.variable() == variable),
            "{variable}"
        );
    }
}

#[test]
fn no_problem_repeats_a_value() {
    let names = [
        "AUTH",
        "SECRET_ID",
        "SECRET_KEY",
        "BUCKET",
        "REGION",
        "PREFIX",
        "ALLOW",
        "KEY_OWNER",
        "ROLE_ARN",
        "EXTERNAL_ID",
        "POLICY",
        "ALLOW_FULL_ACCESS",
        "DURATION_SECONDS",
        "MIN_REMAINING_SECONDS",
        "STS_ENDPOINTS",
        "STS_DEADLINE_MS",
        "STS_CA_FILE",
        "STS_PROXY",
        "ALLOWED_ORIGINS",
        "BASE_PATH",
        "PORT",
        "HOST",
        "LOG",
        "AWS_LAMBDA_RUNTIME_API",
        "API_KEYS",
        "API_KEY_HEADER",
        "HMAC_KEYS",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "JWT_JWKS_URL",
        "JWT_JWKS_FILE",
        "JWT_PUBLIC_KEY",
        "JWT_PUBLIC_KEY_FILE",
        "JWT_HS_SECRET",
        "JWT_ALGORITHMS",
        "JWT_LEEWAY_SECONDS",
        "JWT_MAX_AGE_SECONDS",
    ];
    for name in names {
        let problems = read(&[(name, "CANARY \n value")])
            .err()
            .unwrap_or_else(|| panic!("started: {name}"));
        assert!(
            problems
                .iter()
                .all(|problem| !problem.to_string().contains("CANARY")),
            "{problems:?}"
        );
    }
}

#[test]
fn a_value_that_is_no_text_is_a_fault() {
    let base = BASE.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let broken = (
        OsString::from("PREFIX"),
        OsString::from_vec(vec![0xff, b'/']),
    );
    let environment: Environment = base.into_iter().chain([broken]).collect();
    let outcome = Config::read(&environment, &|_| Ok(Vec::new()), Arc::new(SystemClock));
    assert!(
        outcome
            .err()
            .expect("problems")
            .iter()
            .all(|problem| problem.variable() == "PREFIX")
    );
}

/// SHA-256 in hex; of what does not matter.
const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const OTHER_DIGEST: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

#[test]
fn auth_names_known_kinds_once_and_none_alone() {
    let keys = format!("backend={DIGEST}");
    let with = |auth| [("AUTH", auth), ("API_KEYS", keys.as_str())];
    starts(&with("api-key"));
    starts(&with(" api-key , "));
    for auth in ["api-key,api-key", "none,api-key", "api-key,jtw", "API-KEY"] {
        refused(&with(auth), &["AUTH"]);
    }
    refused(&with("none"), &["API_KEYS"]);
    refused(&[("AUTH", "api-key")], &["API_KEYS"]);
    let problems = read(&with("jtw")).err().expect("problems");
    let text = problems.first().expect("a problem").to_string();
    for kind in ["`none`", "`api-key`", "`gateway`", "`hmac`", "`jwt`"] {
        assert!(text.contains(kind), "{text}");
    }
}

#[test]
fn api_keys_are_named_hashes_with_claims() {
    let with = |keys: &str| read(&[("AUTH", "api-key"), ("API_KEYS", keys)]);
    let cut = DIGEST.trim_start_matches('9');
    for keys in [
        format!("backend={DIGEST}"),
        format!("backend={};", DIGEST.to_uppercase()),
        format!("a={DIGEST} sub=backend team=media;b={OTHER_DIGEST} sub=backend"),
        format!("a={DIGEST}\n  b={OTHER_DIGEST}\ttier=2\n"),
    ] {
        assert!(with(&keys).is_ok(), "{keys}");
    }
    for keys in [
        ";\n;".to_owned(),
        DIGEST.to_owned(),
        format!("={DIGEST}"),
        format!("a b={DIGEST}"),
        format!("a={}", cut),
        format!("a={DIGEST}0"),
        format!("a=+{}", cut),
        "a=CANARY-the-key-itself".to_owned(),
        format!("a={DIGEST};a={OTHER_DIGEST}"),
        format!("a={DIGEST};b={DIGEST}"),
        format!("a={DIGEST};b={}", DIGEST.to_uppercase()),
        format!("a={DIGEST} sub=x sub=y"),
        format!("a={DIGEST} proof=jwt"),
        format!("a={DIGEST} sub="),
        format!("a={DIGEST} sub"),
        format!("a={DIGEST} sub=users/*"),
        format!("a={DIGEST} sub=${{uin}}"),
        format!("a={DIGEST} sub={}", "x".repeat(129)),
        (0..65).map(|n| format!("k{n}={n:064x};")).collect(),
    ] {
        let problems = with(&keys).err().unwrap_or_else(|| panic!("{keys}"));
        let named: Vec<&str> = problems.iter().map(ConfigError::variable).collect();
        assert_eq!(named, ["API_KEYS"], "{keys}");
        let text = problems.first().expect("a problem").to_string();
        assert!(!text.contains("CANARY") && !text.contains(cut), "{text}");
    }
}

#[test]
fn the_header_of_an_api_key_has_no_other_meaning() {
    let keys = format!("backend={DIGEST}");
    let with = |header| {
        let header = ("API_KEY_HEADER", header);
        [("AUTH", "api-key"), ("API_KEYS", keys.as_str()), header]
    };
    starts(&with("X-Api-Key"));
    for header in ["authorization", "Cookie", "x-scf-secret-key", "x api"] {
        refused(&with(header), &["API_KEY_HEADER"]);
    }
    refused(&[("API_KEY_HEADER", "x-api-key")], &["API_KEY_HEADER"]);
}

#[test]
fn hmac_keys_are_named_and_long() {
    let key = "CANARY-hmac-key-0123456789abcdef0123456789";
    let with = |keys: &str| read(&[("AUTH", "hmac"), ("HMAC_KEYS", keys)]);
    for keys in [
        format!("backend={key}"),
        format!("backend={key}= team=media"),
        format!("a={key} sub=backend\nb={key}2 sub=backend"),
    ] {
        assert!(with(&keys).is_ok(), "{keys}");
    }
    for keys in [
        key.to_owned(),
        "backend=".to_owned(),
        format!("backend={}", "x".repeat(31)),
        format!("backend={key}é"),
        format!("a={key};a={key}2"),
        format!("a={key};b={key}"),
    ] {
        let problems = with(&keys).err().unwrap_or_else(|| panic!("{keys}"));
        let named: Vec<&str> = problems.iter().map(ConfigError::variable).collect();
        assert_eq!(named, ["HMAC_KEYS"], "{keys}");
        let text = problems.first().expect("a problem").to_string();
        assert!(!text.contains("CANARY"), "{text}");
    }
    let both = format!("backend={DIGEST}");
    let two = [
        ("API_KEYS", both.as_str()),
        ("HMAC_KEYS", "b=0123456789abcdef0123456789abcdef"),
    ];
    starts(&[("AUTH", "api-key,hmac"), two[0], two[1]]);
    refused(&[("AUTH", "api-key"), two[0], two[1]], &["HMAC_KEYS"]);
}

#[test]
fn an_identity_of_the_gateway_needs_a_gateway() {
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AUTH", "gateway"),
    ];
    let scf = [
        ("SCF_RUNTIME_API", "127.0.0.1"),
        ("SCF_RUNTIME_API_PORT", "9001"),
        ("AUTH", "gateway"),
    ];
    starts(&lambda);
    starts(&scf);
    refused(&[("AUTH", "gateway")], &["AUTH"]);
    // The others are read too.
    refused(
        &[("AUTH", "gateway,api-key,hmac")],
        &["AUTH", "API_KEYS", "HMAC_KEYS"],
    );
}

/// The P-256 key of RFC 7515 A.3, in both forms.
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n";
const HS_SECRET: &str = "CANARY-secret-of-an-issuer-012345";

/// `AUTH=jwt` with all that it needs, and these changes.
fn with_tokens<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut settings: BTreeMap<&str, &str> = [
        ("AUTH", "jwt"),
        ("JWT_ISSUER", "https://login.example.com/"),
        ("JWT_AUDIENCE", "uploads"),
        ("JWT_JWKS_URL", "https://login.example.com/keys"),
    ]
    .into();
    settings.extend(changes.iter().copied());
    settings.into_iter().collect()
}

#[test]
fn tokens_need_an_issuer_an_audience_and_keys() {
    starts(&with_tokens(&[]));
    refused(
        &[("AUTH", "jwt")],
        &["JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL"],
    );
    refused(&with_tokens(&[("JWT_ISSUER", "")]), &["JWT_ISSUER"]);
    refused(&with_tokens(&[("JWT_AUDIENCE", "")]), &["JWT_AUDIENCE"]);
    refused(&with_tokens(&[("JWT_AUDIENCE", " , ")]), &["JWT_AUDIENCE"]);
    refused(&with_tokens(&[("JWT_JWKS_URL", "")]), &["JWT_JWKS_URL"]);
    starts(&with_tokens(&[("JWT_AUDIENCE", "uploads, media")]));
    let with_others = [
        ("AUTH", "jwt,api-key"),
        ("API_KEYS", &format!("a={DIGEST}")),
    ];
    starts(&with_tokens(&with_others));
    refused(&with_tokens(&with_others[..1]), &["API_KEYS"]);
    let faults = [
        ("JWT_ISSUER", ""),
        ("JWT_AUDIENCE", ","),
        ("JWT_LEEWAY_SECONDS", "301"),
        ("JWT_MAX_AGE_SECONDS", "59"),
        ("JWT_JWKS_URL", "http://login.example.com/keys"),
    ];
    let named = [
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "JWT_LEEWAY_SECONDS",
        "JWT_MAX_AGE_SECONDS",
        "JWT_JWKS_URL",
    ];
    refused(&with_tokens(&faults), &named);
}

#[test]
fn settings_of_tokens_belong_to_tokens() {
    for (name, value) in [
        ("JWT_ISSUER", "https://login.example.com/"),
        ("JWT_HS_SECRET", HS_SECRET),
        ("JWT_LEEWAY_SECONDS", "30"),
    ] {
        refused(&[(name, value)], &[name]);
    }
}

#[test]
fn a_jwks_url_is_https_or_loopback_and_nothing_hidden() {
    for url in [
        "https://login.example.com/keys?p=policy",
        "https://login.example.com:8443/",
        "http://127.0.0.1:8080/keys",
        "http://[::1]/keys",
        "http://localhost/keys",
    ] {
        starts(&with_tokens(&[("JWT_JWKS_URL", url)]));
    }
    for url in [
        "http://login.example.com/keys",
        "http://127.0.0.1.example.com/keys",
        "http://localhost.example.com/keys",
        "http://169.254.0.23/keys",
        "https://user@login.example.com/keys",
        "https://:secret@login.example.com/keys",
        "https://login.example.com/keys#a",
        "file:///keys",
        "login.example.com/keys",
        "https://",
        "keys",
    ] {
        refused(&with_tokens(&[("JWT_JWKS_URL", url)]), &["JWT_JWKS_URL"]);
    }
}

#[test]
fn keys_of_tokens_come_from_one_place() {
    let instead = |place| with_tokens(&[("JWT_JWKS_URL", ""), place]);
    let escaped = PUBLIC_KEY.replace('\n', "\\n");
    for place in [
        ("JWT_PUBLIC_KEY", PUBLIC_KEY),
        ("JWT_PUBLIC_KEY", escaped.as_str()),
        ("JWT_PUBLIC_KEY_FILE", "key.pem"),
        ("JWT_HS_SECRET", HS_SECRET),
    ] {
        starts(&instead(place));
        refused(&with_tokens(&[place]), &[place.0]);
    }
    // A JWKS is for RS256 unless another algorithm is named, and this one is not.
    refused(&instead(("JWT_JWKS_FILE", "jwks.json")), &["JWT_JWKS_FILE"]);
    let mut named = instead(("JWT_JWKS_FILE", "jwks.json"));
    named.push(("JWT_ALGORITHMS", "RS256,ES256"));
    starts(&named);
    for (place, value) in [
        ("JWT_JWKS_FILE", "missing.json"),
        ("JWT_JWKS_FILE", "weak.json"),
        ("JWT_JWKS_FILE", "key.pem"),
        ("JWT_PUBLIC_KEY", "key.pem"),
        ("JWT_PUBLIC_KEY_FILE", "missing.pem"),
        ("JWT_PUBLIC_KEY_FILE", "ca.pem"),
        ("JWT_HS_SECRET", "0123456789abcdef0123456789abcde"),
    ] {
        refused(&instead((place, value)), &[place]);
    }
}

#[test]
fn the_algorithms_of_tokens_are_pinned() {
    let url = |algorithms| with_tokens(&[("JWT_ALGORITHMS", algorithms)]);
    for algorithms in ["RS256", "ES256", "EdDSA", "RS256, ES256,EdDSA"] {
        starts(&url(algorithms));
    }
    for algorithms in [
        "HS256",
        "RS256,HS256",
        "none",
        "None",
        "rs256",
        "RS512",
        "PS256",
        "*",
        ",",
    ] {
        refused(&url(algorithms), &["JWT_ALGORITHMS"]);
    }
    let secret = |algorithms| {
        let secret = ("JWT_HS_SECRET", HS_SECRET);
        with_tokens(&[("JWT_JWKS_URL", ""), secret, ("JWT_ALGORITHMS", algorithms)])
    };
    starts(&secret("HS256"));
    for algorithms in ["RS256", "HS256,RS256", "HS256,HS256", "HS512"] {
        refused(&secret(algorithms), &["JWT_ALGORITHMS"]);
    }
    let key = ("JWT_PUBLIC_KEY", PUBLIC_KEY);
    let other = with_tokens(&[("JWT_JWKS_URL", ""), key, ("JWT_ALGORITHMS", "RS256")]);
    refused(&other, &["JWT_PUBLIC_KEY"]);
}
