//! The grants file: what its parser and its published schema accept, and what is reported.
//!
//! Both look at each file of one table. What no schema can express has a table of its own.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;

use cos_issuer::config::{ConfigError, Environment, Settings};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

/// The least that is a grant.
const GRANT: &str = r#"
allow = ["upload"]
bucket = "examplebucket-1250000000"
match = { team = "media" }
name = "members"
prefix = "users/{sub}/"
region = "ap-guangzhou"
"#;

/// The grant with changed lines; a line `key =` removes the key.
fn grant(changes: &str) -> String {
    let lines = [GRANT, changes].into_iter().flat_map(str::lines);
    let lines: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(" =")).collect();
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(key, value)| format!("{key} ={value}\n")).collect();
    format!("[[grant]]\n{lines}")
}

fn read_with(text: &str, changes: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
    let digest = "key=1a3ad04080ffc9795728c0415285949fafb4abf38d91be0f7ec22f8ecd0fb314";
    let mut variables = BTreeMap::from([
        ("AUTH", "api-key"),
        ("API_KEYS", digest),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "CANARY-secret-key"),
        ("KEY_OWNER", "sub-account"),
        ("MIN_REMAINING_SECONDS", "90"),
        ("GRANTS_FILE", "grants.toml"),
    ]);
    variables.extend(changes.iter().copied());
    let environment: Environment = variables.into_iter().collect();
    Settings::read(&environment, &|path| match path {
        "grants.toml" => Ok(text.as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    })
}

#[track_caller]
fn reported(text: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let errors = read_with(text, changes).err();
    let errors = errors.unwrap_or_else(|| panic!("accepted:\n{text}"));
    errors.iter().map(ToString::to_string).collect()
}

/// By parser and schema.
#[track_caller]
fn accepted(text: &str) {
    if let Err(errors) = read_with(text, &[]) {
        panic!("the parser refuses: {errors:?}\n{text}");
    }
    if let Some(error) = schema().iter_errors(&json(text)).next() {
        panic!("the schema refuses: {error}\n{text}");
    }
}

/// By parser and schema.
#[track_caller]
fn refused(text: &str) {
    for error in reported(text, &[]) {
        assert!(error.starts_with("GRANTS_FILE: grants.toml, line "), "{error}");
    }
    assert!(!schema().is_valid(&json(text)), "the schema accepts:\n{text}");
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
    let member = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        (key.to_string(), of_value(value.get_ref()))
    };
    Value::Object(table.iter().map(member).collect::<Map<_, _>>())
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
    accepted(&grant(""));
    accepted(&[grant(""), grant("name = \"second\"")].concat());
    accepted(&grant("allow =\nactions = [\"GetObject\"]"));
    accepted(&grant("prefix = \"/\"\nactions = [\"GetService\", \"PutBucket\", \"DeleteBucket\"]"));
    let slots = r#"slots = { a = "id", b = "number", c = ["x y", "z.1"] }"#;
    accepted(&grant(&format!("prefix = \"{{a}}/{{b}}/{{c}}/\"\n{slots}")));
    accepted(&format!("{}[grant.match]\nsub = [\"a\"]\n", grant("match =")));
    for line in ACCEPTED.trim().lines() {
        accepted(&grant(line));
    }
}

const ACCEPTED: &str = r#"
name = "a.b-c_1"
match = "everyone"
match = { sub = "u-1" }
match = { team = ["a", "b|c", 7, true] }
match = { level = 7, admin = true }
match = { groups = { contains = "media" } }
match = { groups = { contains = ["media", "press"] }, sub = { prefix = "a:" } }
match = { repo = { prefix = "org/team/" } }
match = { repo = { prefix = "repo:" }, proof = "jwt" }
match = { proof = ["api-key", "gateway-iam", "gateway-jwt", "gateway-key-pair", "gateway-lambda", "hmac", "wechat"] }
match = { prefix = "a" }
match = { "https://example.com/role" = "editor" }
bucket = "a-1250000000"
bucket = "my-own-bucket-12500"
region = "ap-beijing-1"
region = "na-siliconvalley"
region = "ap-shanghai-fsi"
prefix = "/"
prefix = "{sub}/"
prefix = "a/{b}.c/d/"
prefix = "文件/{sub}/"
prefix = "...a/"
allow = ["upload", "download", "list", "delete"]
allow = ["list"]
actions = ["GetObject"]
actions = ["name/cos:GetObject", "cos:GetObjectTagging", "GetService"]
duration_seconds = 3600
duration_seconds = [600, 3600]
duration_seconds = [150, 129600]
duration_seconds = [900]
duration_seconds = 0x384
max_size_bytes = 1
max_size_bytes = 5_242_880
max_size_bytes = 5368709120
content_types = ["image/*"]
content_types = ["image/png", "application/vnd.ms-excel", "image/svg+xml"]
extensions = ["jpg", "PNG", "7z"]
named_extensions = ["jpg", "PNG"]
source_ip = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "10.217.182.3/24"]
"#;

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
    refused(&format!("version = 1\n{}", grant("")));
    refused(&grant("extensions = [\"jpg\"]\nnamed_extensions = [\"jpg\"]"));
    for line in REFUSED.trim().lines() {
        refused(&grant(line));
    }
}

const REFUSED: &str = r#"
name =
match =
bucket =
region =
prefix =
allow =
Name = "a"
max_size = 1
condition = {}
policy = "*"
role_arn = "qcs::cam::uin/1:roleName/a"
external_id = "a"
name = ""
name = "a b"
name = "a,b"
name = 1
name = ["a"]
match = "anyone"
match = ""
match = true
match = {}
match = []
match = { team = "" }
match = { team = [] }
match = { team = [""] }
match = { team = [["a"]] }
match = { team = 1.5 }
match = { team = { contains = "" } }
match = { team = { contains = [] } }
match = { team = { contains = 7 } }
match = { team = { contains = ["a", true] } }
match = { team = { contains = "a", prefix = "a/" } }
match = { sub = { contains = "a" } }
match = { proof = { contains = "jwt" } }
match = { team = { prefix = "org" } }
match = { team = { prefix = "/" } }
match = { team = { prefix = "" } }
match = { team = { prefix = ["org/"] } }
match = { team = { regex = ".*" } }
match = { team = { prefix = "org/", suffix = "x" } }
match = { team = {} }
match = { level = 9223372036854775808 }
match = { proof = "none" }
match = { proof = "JWT" }
match = { proof = "gateway" }
match = { proof = ["jwt", "token"] }
match = { proof = 7 }
match = { proof = { prefix = "gateway/" } }
bucket = "*"
bucket = "examplebucket"
bucket = "example*-1250000000"
bucket = "Example-1250000000"
bucket = "-a-1250000000"
bucket = "a--1"
bucket = ""
bucket = 1
region = "*"
region = "gz"
region = "ap-*"
region = "AP-guangzhou"
region = ""
region = "ap-guangzhou-1-2"
prefix = ""
prefix = "users"
prefix = "users/{sub}"
prefix = "users/*"
prefix = "users/*/"
prefix = "us?rs/"
prefix = "${uin}/"
prefix = "users/${sub}/"
prefix = "/users/"
prefix = "users//"
prefix = "//"
prefix = "../"
prefix = "a/./b/"
prefix = "a/../"
prefix = "{sub}{team}/"
prefix = "{sub}-{team}/"
prefix = "{proof}/{sub}/"
prefix = "a/{proof}.b/"
prefix = "{}/"
prefix = "{a b}/"
prefix = "{sub/"
prefix = "sub}/"
prefix = "{{sub}}/"
prefix = "a\\b/"
prefix = "a\nb/"
prefix = ["users/"]
include_prefix_key = 1
include_prefix_key = "true"
slots = { sub = "text" }
slots = { sub = [] }
slots = { sub = ["a/b"] }
slots = { sub = ["*"] }
slots = { sub = [".."] }
slots = { sub = [""] }
slots = { sub = 1 }
slots = "id"
allow = []
allow = "upload"
allow = ["everything"]
allow = ["upload", "upload"]
allow = ["*"]
allow = [1]
actions = []
actions = ["*"]
actions = ["name/cos:*"]
actions = ["Get*"]
actions = ["sts:AssumeRole"]
actions = ["name/sts:GetFederationToken"]
actions = ["name/cam:AttachUserPolicy"]
actions = ["PutBucketPolicy"]
actions = ["DeleteBucketPolicy"]
actions = ["GetBucketPolicy"]
actions = ["PutBucketACL"]
actions = ["PutObjectACL"]
actions = ["GetObjectACL"]
actions = ["DeleteBuck*"]
actions = ["*Bucket"]
actions = ["PutBucketLifecycle"]
actions = ["PutBucketCORS"]
actions = ["getObject"]
actions = ["name/GetObject"]
actions = ["GetObject "]
duration_seconds = 0
duration_seconds = 149
duration_seconds = 129601
duration_seconds = -600
duration_seconds = []
duration_seconds = [600, 900, 1200]
duration_seconds = "600"
duration_seconds = ["600"]
max_size_bytes = 0
max_size_bytes = -1
max_size_bytes = 5368709121
max_size_bytes = "5 MiB"
max_size_bytes = 1.5
max_size_bytes = [1]
content_types = []
content_types = "image/png"
content_types = ["*"]
content_types = ["*/*"]
content_types = ["image"]
content_types = ["Image/png"]
content_types = ["image/png; q=1"]
content_types = ["image/$"]
extensions = []
extensions = "jpg"
extensions = [".jpg"]
extensions = [""]
extensions = ["*"]
extensions = ["tar.gz"]
extensions = ["图"]
extensions = ["jpgjpgjpgjp"]
source_ip = []
source_ip = "10.0.0.1"
source_ip = ["*"]
source_ip = ["localhost"]
source_ip = ["10.0.0.0/"]
source_ip = [""]
source_ip = ["10.0.0.0/8/8"]
"#;

/// How one part of a file fits another, which a schema cannot express. A row is what is reported,
/// and the lines, separated by ` & `.
#[test]
fn the_parser_sees_what_no_schema_can() {
    let reports = |text: &str, part: &str| {
        let errors = reported(text, &[]);
        let is_reported = errors.iter().any(|error| error.contains(part));
        assert!(is_reported, "{part}: {errors:?}\n{text}");
    };
    for row in REPORTED.trim().lines() {
        let (part, lines) = row.split_once(" <- ").unwrap_or_else(|| panic!("{row}"));
        reports(&grant(&lines.replace(" & ", "\n")), part);
    }
    let twice = [grant(""), grant("")].concat();
    reports(&twice, "line 12, `name`: must differ from the names of other grants");
    reports(&grant(&format!("prefix = \"{}/\"", "a/".repeat(400))), "`prefix`");
    let long = |number: u32| format!("\"application/{}{number}\"", "x".repeat(80));
    let types: Vec<String> = (0..100).map(long).collect();
    let types = format!("content_types = [{}]", types.join(", "));
    reports(&grant(&types), "the policy is longer than the 6144 characters of CAM");
    reports("[[grant]\n", "line 1: must be TOML");
    reports("[[grant]]\nname = \"a\"\nname = \"b\"\n", "line 3: must be TOML");
}

const REPORTED: &str = r#"
must only contain placeholders of `prefix` <- slots = { team = "id" }
must be a whole number or a list of two <- duration_seconds = 600.0
`most` or `[least, most]` <- duration_seconds = [3600, 600]
must contain an upload <- allow = ["download"] & max_size_bytes = 1
must contain an upload <- allow = ["download"] & extensions = ["jpg"]
must contain an upload <- allow = ["download"] & named_extensions = ["jpg"]
`actions`: must not contain AppendObject, because no condition <- actions = ["AppendObject"] & max_size_bytes = 1
must not contain UploadPartCopy <- actions = ["UploadPartCopy"] & content_types = ["image/*"]
`actions`: `GetObjectUrl` is not a COS operation, for example `GetObject` <- actions = ["GetObjectUrl"]
`actions`: `PutBucketPolicy` cannot be granted <- actions = ["GetObject", "PutBucketPolicy"]
must not contain HeadBucket, a bucket operation <- actions = ["HeadBucket"]
must contain each item once <- actions = ["GetObject", "name/cos:GetObject"]
`include_prefix_key`: must be absent <- prefix = "/" & include_prefix_key = true
must contain each item once <- extensions = ["jpg", "JPG"]
must be IP addresses <- source_ip = ["10.0.0.0/33"]
must be IP addresses <- source_ip = ["300.0.0.1"]
"#;

#[test]
fn every_error_is_reported_at_once_by_line_and_key() {
    let text = "[[grant]]\nname = \"a b\"\nmatch = \"all\"\nbucket = \"x\"\nprefix = \"users\"\nallow = [\"write\"]\nlimit = 1\n";
    let errors = reported(text, &[]);
    let places = "1 region, 2 name, 3 match, 4 bucket, 5 prefix, 6 allow, 7 limit".split(", ");
    let places = places.filter_map(|place| place.split_once(' '));
    let starts =
        places.map(|(line, key)| format!("GRANTS_FILE: grants.toml, line {line}, `{key}`: "));
    let starts: Vec<String> = starts.collect();
    let is_each = errors.iter().zip(&starts).all(|(error, start)| error.starts_with(start));
    assert!(errors.len() == starts.len() && is_each, "{errors:?}");
}

#[test]
fn an_anonymous_caller_has_no_claims() {
    let anonymous = [("AUTH", "none"), ("API_KEYS", "")];
    let errors = reported(&grant(""), &anonymous).join("\n");
    assert!(errors.contains("`prefix`: must not have a placeholder"), "{errors}");
    assert!(errors.contains("`match`: must be \"everyone\""), "{errors}");
    let everyone = grant("match = \"everyone\"\nprefix = \"public/\"");
    assert!(read_with(&everyone, &anonymous).is_ok());
}

#[test]
fn the_file_excludes_other_grants_and_must_be_readable() {
    for variable in
        ["BUCKET", "REGION", "PREFIX", "ALLOW", "EXTENSIONS", "POLICY", "ALLOW_FULL_ACCESS"]
    {
        let errors = reported(&grant(""), &[(variable, "x")]);
        let expected = format!("{variable}: has no effect with GRANTS_FILE: remove one of them");
        assert_eq!(errors, [expected]);
    }
    let missing = reported(&grant(""), &[("GRANTS_FILE", "other.toml")]);
    let expected = "GRANTS_FILE: other.toml, must be the path of a readable file: entity not found";
    assert_eq!(missing, [expected]);
    let long = format!("{}# {}", grant(""), "x".repeat(256 * 1024));
    assert_eq!(reported(&long, &[]), ["GRANTS_FILE: grants.toml, must have at most 256 KiB"]);
}

/// A file that nobody can mean ends in errors, not in a panic or a hang.
#[test]
fn deep_and_broken_files_are_errors() {
    for text in [
        "[".repeat(10_000),
        "a = ".to_owned() + &"[".repeat(10_000),
        "a = ".to_owned() + &"{a=".repeat(10_000),
        "\u{0}".to_owned(),
        "=".repeat(5000),
    ] {
        let errors = reported(&text, &[]);
        assert!((1..=50).contains(&errors.len()), "{}", errors.len());
    }
}
