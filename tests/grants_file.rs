//! The grants file: what its parser and its published schema take, and how faults are told.
//!
//! One table of files, each judged by both. What no schema can say is in a table of its own.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper that fails must fail its test"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use cos_issuer::config::{Config, ConfigError, Environment};
use serde_json::{Map, Value};
use tencent::time::SystemClock;
use toml::de::{DeTable, DeValue};

/// The least that is a grant, to be changed line by line.
const GRANT: [(&str, &str); 6] = [
    ("name", "\"members\""),
    ("match", "{ team = \"media\" }"),
    ("bucket", "\"examplebucket-1250000000\""),
    ("region", "\"ap-guangzhou\""),
    ("prefix", "\"users/{sub}/\""),
    ("allow", "[\"upload\"]"),
];

/// The base with changes; an empty value takes a key away.
fn grant(changes: &[(&str, &str)]) -> String {
    let mut lines: BTreeMap<&str, &str> = GRANT.into();
    lines.extend(changes.iter().copied());
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<String> = lines
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect();
    format!("[[grant]]\n{}", lines.concat())
}

fn read_with(text: &str, changes: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    let mut variables = BTreeMap::from([
        ("AUTH", "api-key"),
        (
            "API_KEYS",
            "key=1a3ad04080ffc9795728c0415285949fafb4abf38d91be0f7ec22f8ecd0fb314",
        ),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "CANARY-secret-key"),
        ("KEY_OWNER", "sub-account"),
        ("MIN_REMAINING_SECONDS", "90"),
        ("GRANTS_FILE", "grants.toml"),
    ]);
    variables.extend(changes.iter().copied());
    let environment: Environment = variables.into_iter().collect();
    let file = |path: &str| match path {
        "grants.toml" => Ok(text.as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    };
    Config::read(&environment, &file, Arc::new(SystemClock))
}

#[track_caller]
fn told(text: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let problems = read_with(text, changes)
        .err()
        .unwrap_or_else(|| panic!("accepted:\n{text}"));
    problems.iter().map(ToString::to_string).collect()
}

/// Taken by parser and schema.
#[track_caller]
fn taken(text: &str) {
    if let Err(problems) = read_with(text, &[]) {
        panic!("the parser refuses: {problems:?}\n{text}");
    }
    if let Some(fault) = schema().iter_errors(&json(text)).next() {
        panic!("the schema refuses: {fault}\n{text}");
    }
}

/// Refused by parser and schema.
#[track_caller]
fn refused(text: &str) {
    for fault in told(text, &[]) {
        assert!(
            fault.starts_with("GRANTS_FILE: grants.toml, line "),
            "{fault}"
        );
    }
    assert!(
        !schema().is_valid(&json(text)),
        "the schema takes it:\n{text}"
    );
}

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../docs/grants.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// TOML as a schema sees it.
fn json(text: &str) -> Value {
    let table = DeTable::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    of_table(table.get_ref())
}

fn of_table(table: &DeTable<'_>) -> Value {
    let members = table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), of_value(value.get_ref())));
    Value::Object(members.collect::<Map<_, _>>())
}

fn of_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::Array(list) => list.iter().map(|each| of_value(each.get_ref())).collect(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().unwrap().into(),
        DeValue::Integer(number) => {
            let digits = i128::from_str_radix(number.as_str(), number.radix()).unwrap();
            serde_json::from_str(&digits.to_string()).unwrap()
        }
        DeValue::String(text) => text.to_string().into(),
        DeValue::Table(table) => of_table(table),
    }
}

#[test]
fn parser_and_schema_take_the_same_files() {
    taken(&grant(&[]));
    taken(&format!(
        "{}{}",
        grant(&[]),
        grant(&[("name", "\"second\"")])
    ));
    for (key, values) in TAKEN {
        for value in *values {
            taken(&grant(&[(key, value)]));
        }
    }
    taken(&grant(&[("allow", ""), ("actions", "[\"GetObject\"]")]));
    taken(&grant(&[
        ("prefix", "\"{a}/{b}/{c}/\""),
        (
            "slots",
            "{ a = \"id\", b = \"number\", c = [\"x y\", \"z.1\"] }",
        ),
    ]));
    taken(&format!(
        "{}[grant.match]\nsub = [\"a\"]\n",
        grant(&[("match", "")])
    ));
}

/// A key, and values that it takes.
const TAKEN: &[(&str, &[&str])] = &[
    ("name", &["\"a.b-c_1\""]),
    (
        "match",
        &[
            "\"everyone\"",
            "{ sub = \"u-1\" }",
            "{ team = [\"a\", \"b|c\", 7, true] }",
            "{ level = 7, admin = true }",
            "{ repo = { prefix = \"org/team/\" } }",
            "{ repo = { prefix = \"repo:\" }, proof = \"jwt\" }",
            "{ proof = [\"api-key\", \"gateway-iam\", \"gateway-jwt\", \"gateway-key-pair\", \"gateway-lambda\", \"hmac\"] }",
            "{ prefix = \"a\" }",
            "{ \"https://example.com/role\" = \"editor\" }",
        ],
    ),
    ("bucket", &["\"a-1250000000\"", "\"my-own-bucket-12500\""]),
    (
        "region",
        &[
            "\"ap-beijing-1\"",
            "\"na-siliconvalley\"",
            "\"ap-shanghai-fsi\"",
        ],
    ),
    (
        "prefix",
        &[
            "\"/\"",
            "\"{sub}/\"",
            "\"a/{b}.c/d/\"",
            "\"文件/{sub}/\"",
            "\"...a/\"",
        ],
    ),
    (
        "allow",
        &[
            "[\"upload\", \"download\", \"list\", \"delete\"]",
            "[\"list\"]",
        ],
    ),
    (
        "actions",
        &[
            "[\"GetObject\"]",
            "[\"name/cos:GetObject\", \"cos:GetObjectTagging\", \"GetService\"]",
        ],
    ),
    (
        "duration_seconds",
        &["3600", "[600, 3600]", "[150, 129600]", "[900]", "0x384"],
    ),
    ("max_size_bytes", &["1", "5_242_880", "5368709120"]),
    (
        "content_types",
        &[
            "[\"image/*\"]",
            "[\"image/png\", \"application/vnd.ms-excel\", \"image/svg+xml\"]",
        ],
    ),
    ("extensions", &["[\"jpg\", \"PNG\", \"7z\"]"]),
    ("named_extensions", &["[\"jpg\", \"PNG\"]"]),
    (
        "source_ip",
        &["[\"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\", \"10.217.182.3/24\"]"],
    ),
];

#[test]
fn parser_and_schema_refuse_the_same_files() {
    for text in [
        "",
        "grant = []",
        "grant = {}",
        "grant = 1",
        "[grant]\nname = \"a\"",
        "[[grants]]\nname = \"a\"",
        "[[grant]]",
    ] {
        refused(text);
    }
    refused(&format!("version = 1\n{}", grant(&[])));
    for key in ["name", "match", "bucket", "region", "prefix", "allow"] {
        refused(&grant(&[(key, "")]));
    }
    refused(&grant(&[
        ("extensions", "[\"jpg\"]"),
        ("named_extensions", "[\"jpg\"]"),
    ]));
    for (key, values) in REFUSED {
        for value in *values {
            refused(&grant(&[(key, value)]));
        }
    }
}

/// A key, and values that it does not take.
const REFUSED: &[(&str, &[&str])] = &[
    ("Name", &["\"a\""]),
    ("max_size", &["1"]),
    ("condition", &["{}"]),
    ("policy", &["\"*\""]),
    ("role_arn", &["\"qcs::cam::uin/1:roleName/a\""]),
    ("external_id", &["\"a\""]),
    ("name", &["\"\"", "\"a b\"", "\"a,b\"", "1", "[\"a\"]"]),
    (
        "match",
        &[
            "\"anyone\"",
            "\"\"",
            "true",
            "{}",
            "[]",
            "{ team = \"\" }",
            "{ team = [] }",
            "{ team = [\"\"] }",
            "{ team = [[\"a\"]] }",
            "{ team = 1.5 }",
            "{ team = { prefix = \"org\" } }",
            "{ team = { prefix = \"/\" } }",
            "{ team = { prefix = \"\" } }",
            "{ team = { prefix = [\"org/\"] } }",
            "{ team = { regex = \".*\" } }",
            "{ team = { prefix = \"org/\", suffix = \"x\" } }",
            "{ team = {} }",
            "{ level = 9223372036854775808 }",
            "{ proof = \"none\" }",
            "{ proof = \"JWT\" }",
            "{ proof = \"gateway\" }",
            "{ proof = [\"jwt\", \"token\"] }",
            "{ proof = 7 }",
            "{ proof = { prefix = \"gateway/\" } }",
        ],
    ),
    (
        "bucket",
        &[
            "\"*\"",
            "\"examplebucket\"",
            "\"example*-1250000000\"",
            "\"Example-1250000000\"",
            "\"-a-1250000000\"",
            "\"a--1\"",
            "\"\"",
            "1",
        ],
    ),
    (
        "region",
        &[
            "\"*\"",
            "\"gz\"",
            "\"ap-*\"",
            "\"AP-guangzhou\"",
            "\"\"",
            "\"ap-guangzhou-1-2\"",
        ],
    ),
    (
        "prefix",
        &[
            "\"\"",
            "\"users\"",
            "\"users/{sub}\"",
            "\"users/*\"",
            "\"users/*/\"",
            "\"us?rs/\"",
            "\"${uin}/\"",
            "\"users/${sub}/\"",
            "\"/users/\"",
            "\"users//\"",
            "\"//\"",
            "\"../\"",
            "\"a/./b/\"",
            "\"a/../\"",
            "\"{sub}{team}/\"",
            "\"{sub}-{team}/\"",
            "\"{proof}/{sub}/\"",
            "\"a/{proof}.b/\"",
            "\"{}/\"",
            "\"{a b}/\"",
            "\"{sub/\"",
            "\"sub}/\"",
            "\"{{sub}}/\"",
            "\"a\\\\b/\"",
            "\"a\\nb/\"",
            "[\"users/\"]",
        ],
    ),
    (
        "slots",
        &[
            "{ sub = \"text\" }",
            "{ sub = [] }",
            "{ sub = [\"a/b\"] }",
            "{ sub = [\"*\"] }",
            "{ sub = [\"..\"] }",
            "{ sub = [\"\"] }",
            "{ sub = 1 }",
            "\"id\"",
        ],
    ),
    (
        "allow",
        &[
            "[]",
            "\"upload\"",
            "[\"everything\"]",
            "[\"upload\", \"upload\"]",
            "[\"*\"]",
            "[1]",
        ],
    ),
    (
        "actions",
        &[
            "[]",
            "[\"*\"]",
            "[\"name/cos:*\"]",
            "[\"Get*\"]",
            "[\"sts:AssumeRole\"]",
            "[\"name/sts:GetFederationToken\"]",
            "[\"name/cam:AttachUserPolicy\"]",
            "[\"PutBucketPolicy\"]",
            "[\"DeleteBucketPolicy\"]",
            "[\"GetBucketPolicy\"]",
            "[\"PutBucketACL\"]",
            "[\"PutObjectACL\"]",
            "[\"GetObjectACL\"]",
            "[\"DeleteBucket\"]",
            "[\"PutBucketCORS\"]",
            "[\"getObject\"]",
            "[\"name/GetObject\"]",
            "[\"GetObject \"]",
        ],
    ),
    (
        "duration_seconds",
        &[
            "0",
            "149",
            "129601",
            "-600",
            "[]",
            "[600, 900, 1200]",
            "\"600\"",
            "[\"600\"]",
        ],
    ),
    (
        "max_size_bytes",
        &["0", "-1", "5368709121", "\"5 MiB\"", "1.5", "[1]"],
    ),
    (
        "content_types",
        &[
            "[]",
            "\"image/png\"",
            "[\"*\"]",
            "[\"*/*\"]",
            "[\"image\"]",
            "[\"Image/png\"]",
            "[\"image/png; q=1\"]",
            "[\"image/$\"]",
        ],
    ),
    (
        "extensions",
        &[
            "[]",
            "\"jpg\"",
            "[\".jpg\"]",
            "[\"\"]",
            "[\"*\"]",
            "[\"tar.gz\"]",
            "[\"图\"]",
            "[\"jpgjpgjpgjp\"]",
        ],
    ),
    (
        "source_ip",
        &[
            "[]",
            "\"10.0.0.1\"",
            "[\"*\"]",
            "[\"localhost\"]",
            "[\"10.0.0.0/\"]",
            "[\"\"]",
            "[\"10.0.0.0/8/8\"]",
        ],
    ),
];

/// Agreement of one thing with another, which a schema does not see.
#[test]
fn the_parser_sees_what_no_schema_can() {
    let two = [grant(&[]), grant(&[])].concat();
    for (text, part) in [
        (two, "line 12, `name`: is the name of another grant"),
        (
            grant(&[("slots", "{ team = \"id\" }")]),
            "has a slot that `prefix` does not have",
        ),
        (
            grant(&[("duration_seconds", "600.0")]),
            "is a whole number, or a list of two",
        ),
        (
            grant(&[("duration_seconds", "[3600, 600]")]),
            "`[least, most]`",
        ),
        (
            grant(&[("allow", "[\"download\"]"), ("max_size_bytes", "1")]),
            "limits uploads, but no upload is granted",
        ),
        (
            grant(&[("allow", "[\"download\"]"), ("extensions", "[\"jpg\"]")]),
            "limits uploads, but no upload is granted",
        ),
        (
            grant(&[
                ("allow", "[\"download\"]"),
                ("named_extensions", "[\"jpg\"]"),
            ]),
            "limits uploads, but no upload is granted",
        ),
        (
            grant(&[("actions", "[\"AppendObject\"]"), ("max_size_bytes", "1")]),
            "`actions`: contains AppendObject, for which no condition",
        ),
        (
            grant(&[
                ("actions", "[\"UploadPartCopy\"]"),
                ("content_types", "[\"image/*\"]"),
            ]),
            "contains UploadPartCopy",
        ),
        (
            grant(&[("actions", "[\"HeadBucket\"]")]),
            "contains HeadBucket, which applies to the whole bucket",
        ),
        (
            grant(&[("actions", "[\"GetObject\", \"name/cos:GetObject\"]")]),
            "names one twice",
        ),
        (
            grant(&[("extensions", "[\"jpg\", \"JPG\"]")]),
            "names one twice",
        ),
        (
            grant(&[("source_ip", "[\"10.0.0.0/33\"]")]),
            "must contain IP addresses",
        ),
        (
            grant(&[("source_ip", "[\"300.0.0.1\"]")]),
            "must contain IP addresses",
        ),
        (
            grant(&[("prefix", &format!("\"{}/\"", "a/".repeat(400)))]),
            "`prefix`",
        ),
        (
            grant(&[("content_types", &types(100))]),
            "more than 6144 characters",
        ),
        ("[[grant]\n".to_owned(), "line 1: is no TOML"),
        (
            "[[grant]]\nname = \"a\"\nname = \"b\"\n".to_owned(),
            "line 3: is no TOML",
        ),
    ] {
        let told = told(&text, &[]);
        assert!(
            told.iter().any(|fault| fault.contains(part)),
            "{part}: {told:?}\n{text}"
        );
    }
}

/// A list that no policy has room for.
fn types(count: usize) -> String {
    let types: Vec<String> = (0..count)
        .map(|number| format!("\"application/{}{number}\"", "x".repeat(80)))
        .collect();
    format!("[{}]", types.join(", "))
}

#[test]
fn every_fault_is_told_at_once_by_line_and_key() {
    let text = "[[grant]]\nname = \"a b\"\nmatch = \"all\"\nbucket = \"x\"\nprefix = \"users\"\nallow = [\"write\"]\nlimit = 1\n";
    let told = told(text, &[]);
    let starts = [
        "line 1, `region`",
        "line 2, `name`",
        "line 3, `match`",
        "line 4, `bucket`",
        "line 5, `prefix`",
        "line 6, `allow`",
        "line 7, `limit`",
    ];
    assert_eq!(told.len(), starts.len(), "{told:?}");
    for (fault, start) in told.iter().zip(starts) {
        assert!(
            fault.starts_with(&format!("GRANTS_FILE: grants.toml, {start}: ")),
            "{fault}"
        );
    }
}

#[test]
fn nothing_is_known_of_a_caller_whom_nobody_asked() {
    let anonymous = [("AUTH", "none"), ("API_KEYS", "")];
    let told = told(&grant(&[]), &anonymous);
    assert!(
        told.iter()
            .any(|fault| fault.contains("`prefix`: has a slot")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|fault| fault.contains("`match`: can only be \"everyone\"")),
        "{told:?}"
    );
    let everyone = grant(&[("match", "\"everyone\""), ("prefix", "\"public/\"")]);
    assert!(read_with(&everyone, &anonymous).is_ok());
}

#[test]
fn the_file_stands_alone_and_is_there() {
    for (variable, value) in [
        ("BUCKET", "examplebucket-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        ("EXTENSIONS", "jpg"),
        ("POLICY", "{}"),
        ("ALLOW_FULL_ACCESS", "true"),
    ] {
        let told = told(&grant(&[]), &[(variable, value)]);
        assert_eq!(
            told,
            [format!(
                "{variable}: has no effect beside GRANTS_FILE: set one or the other"
            )]
        );
    }
    let missing = told(&grant(&[]), &[("GRANTS_FILE", "other.toml")]);
    assert_eq!(
        missing,
        ["GRANTS_FILE: other.toml, cannot be read: entity not found"]
    );
    let long = format!("{}# {}", grant(&[]), "x".repeat(256 * 1024));
    assert_eq!(
        told(&long, &[]),
        ["GRANTS_FILE: grants.toml, has more than 256 KiB"]
    );
}

/// A file that nobody can have meant ends in faults, not in a panic or a hang.
#[test]
fn deep_and_broken_files_are_faults() {
    for text in [
        "[".repeat(10_000),
        "a = ".to_owned() + &"[".repeat(10_000),
        "a = ".to_owned() + &"{a=".repeat(10_000),
        "\u{0}".to_owned(),
        "=".repeat(5000),
    ] {
        let told = told(&text, &[]);
        assert!((1..=50).contains(&told.len()), "{}", told.len());
    }
}
