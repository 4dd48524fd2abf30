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

/// The least that is a token issuer.
const ISSUER: &str = r#"
audiences = ["uploads"]
issuer = "https://login.example.com/"
jwks_url = "https://login.example.com/keys"
name = "login"
"#;

/// The grant with changed lines; a line `key =` removes the key.
fn grant(changes: &str) -> String {
    table("grant", GRANT, changes)
}

/// The issuer with changed lines.
fn issuer(changes: &str) -> String {
    table("issuer", ISSUER, changes)
}

fn table(name: &str, least: &str, changes: &str) -> String {
    let lines = [least, changes].into_iter().flat_map(str::lines);
    let lines: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(" =")).collect();
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(key, value)| format!("{key} ={value}\n")).collect();
    format!("[[{name}]]\n{lines}")
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
    if text.contains("[[issuer]]") {
        variables.insert("AUTH", "api-key,jwt");
        variables.insert("LOGIN_SECRET", "CANARY-secret-of-an-issuer-0123456789");
    }
    variables.extend(changes.iter().copied());
    let environment: Environment = variables.into_iter().collect();
    Settings::read(&environment, &|path| match path {
        "grants.toml" => Ok(text.as_bytes().to_vec()),
        "jwks.json" => Ok(JWKS.as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    })
}

const JWKS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one", "use": "sig",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

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
    let role = "role = \"qcs::cam::uin/100000000001:roleName/uploader\"";
    accepted(&grant(role));
    accepted(&grant(&format!("{role}\nexternal_id = \"agreed-with:them\"")));
    refused(&grant(&format!("{role}\nexternal_id = \"a\"")));
    refused(&grant(&format!("{role}\nexternal_id = \"a b\"")));
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
acl = ["private"]
acl = ["public-read", "authenticated-read", "bucket-owner-read", "bucket-owner-full-control"]
https_only = true
https_only = false
vpc = ["vpc-aqp5jrc1", "vpc-a"]
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
external_id = "agreed-with:them"
role = "uploader"
role = "*"
role = ""
role = "qcs::cam::uin/1:user/n"
role = "qcs::cam::uin/1:roleName/a*"
role = ["qcs::cam::uin/1:roleName/a"]
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
acl = []
acl = "private"
acl = ["default"]
acl = ["public-read-write"]
acl = ["Private"]
acl = ["private", "private"]
https_only = "true"
https_only = 1
vpc = []
vpc = "vpc-aqp5jrc1"
vpc = ["aqp5jrc1"]
vpc = ["vpc-"]
vpc = ["vpc-*"]
vpc = ["vpc-A"]
vpc = ["vpc-a", "vpc-a"]
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

#[test]
fn parser_and_schema_agree_about_issuers() {
    accepted(&grant("match = { issuer = \"a claim\" }"));
    accepted(&[issuer(""), grant("")].concat());
    for line in ACCEPTED_ISSUERS.trim().lines() {
        let grant =
            grant("match = { issuer = \"login\", repository_id = \"1\", project_id = \"2\" }");
        let name = if line.contains("name =") { "" } else { "name = \"login\"\n" };
        let issuer = issuer(&format!("{name}{}", line.replace(" & ", "\n")));
        accepted(&[issuer, grant].concat());
    }
    for line in REFUSED_ISSUERS.trim().lines() {
        refused(&[issuer(&line.replace(" & ", "\n")), grant("")].concat());
    }
}

const ACCEPTED_ISSUERS: &str = r#"
issuer = "login.example.com"
audiences = ["https://issuer.example.com", "b"]
audience_claim = "aud"
audience_claim = "azp"
audience_claim = "client_id"
jwks_url = "http://127.0.0.1:8080/keys"
jwks_url = "http://localhost/keys?p=1"
jwks_url = & jwks_file = "jwks.json" & algorithms = ["EdDSA"]
jwks_url = & secret_env = "LOGIN_SECRET"
jwks_url = & secret_env = "LOGIN_SECRET" & algorithms = ["HS256"]
algorithms = ["RS256", "ES256", "EdDSA"]
max_age_seconds = 60
max_age_seconds = 31536000
leeway_seconds = 0
leeway_seconds = 300
header = "x-id-token"
header = "X-Forwarded-Access-Token"
jwks_url = & issuer = & preset = "github-actions"
jwks_url = & issuer = & preset = "gitlab"
jwks_url = & issuer = "https://gitlab.example.com" & preset = "gitlab"
issuer = "https://gitlab.example.com" & preset = "gitlab"
"#;

const REFUSED_ISSUERS: &str = r#"
name =
issuer =
audiences =
jwks_url =
Name = "a"
secret = "CANARY-secret-of-an-issuer-0123456789"
jwt_hs_secret = "CANARY-secret-of-an-issuer-0123456789"
discovery = "https://login.example.com/"
name = "a b"
name = ""
name = 1
issuer = ""
issuer = "a\nb"
issuer = ["https://login.example.com/"]
audiences = []
audiences = "uploads"
audiences = [""]
audiences = ["a", "a"]
audiences = [1]
audience_claim = "sub"
audience_claim = "iss"
audience_claim = ["aud"]
jwks_url = "http://login.example.com/keys"
jwks_url = "http://127.0.0.1.example.com/keys"
jwks_url = "https://user@login.example.com/keys"
jwks_url = "https://login.example.com/keys#a"
jwks_url = "file:///keys"
jwks_url = "keys"
jwks_url = ["https://login.example.com/keys"]
secret_env = "LOGIN_SECRET"
jwks_file = "jwks.json"
jwks_url = & secret_env = "CANARY-secret-of-an-issuer-0123456789"
jwks_url = & secret_env = "login_secret"
jwks_url = & secret_env = ""
jwks_url = & secret_env = "LOGIN_SECRET" & algorithms = ["RS256"]
jwks_url = & secret_env = "LOGIN_SECRET" & algorithms = ["HS256", "RS256"]
algorithms = ["HS256"]
algorithms = ["RS256", "HS256"]
algorithms = ["none"]
algorithms = ["rs256"]
algorithms = []
algorithms = "RS256"
max_age_seconds = 59
max_age_seconds = 31536001
max_age_seconds = "60"
leeway_seconds = 301
leeway_seconds = -1
header = "authorization"
header = "cookie"
header = "x-scf-request-id"
header = "X-Scf-Token"
header = "x token"
header = ""
preset = "github"
preset = "GitLab"
"#;

/// Which issuers a grant is for. A row is what is reported, the lines of each issuer, separated by
/// ` ; `, and those of the grant.
#[test]
fn a_grant_is_for_issuers_that_it_names_and_never_for_any_repository() {
    for row in ISSUER_RULES.trim().lines() {
        let (part, lines) = row.split_once(" <- ").unwrap_or_else(|| panic!("{row}"));
        let (issuers, of_grant) = lines.rsplit_once(" ; ").unwrap_or_else(|| panic!("{row}"));
        let issuers: String =
            issuers.split(" ; ").map(|one| issuer(&one.replace(" & ", "\n"))).collect();
        let text = [issuers, grant(&of_grant.replace(" & ", "\n"))].concat();
        if part == "ok" {
            assert!(read_with(&text, &[]).is_ok(), "{row}: {:?}", reported(&text, &[]));
            continue;
        }
        let errors = reported(&text, &[]);
        assert!(errors.iter().any(|error| error.contains(part)), "{row}: {errors:?}");
        assert!(!errors.iter().any(|error| error.contains("CANARY")), "{errors:?}");
    }
}

const ISSUER_RULES: &str = r#"
ok <-  ; match = "everyone"
ok <-  ; match = { team = "media" }
ok <-  ; match = { issuer = "login" }
ok <-  ; match = { issuer = "login", proof = "jwt" }
`issuer`: must be the name of an [[issuer]], or a list of them: login <-  ; match = { issuer = "https://login.example.com/" }
`issuer`: must be the name of an [[issuer]] <-  ; match = { issuer = { prefix = "login/" } }
`issuer`: must be the name of an [[issuer]] <-  ; match = { issuer = { contains = "login" } }
`issuer`: must be the name of an [[issuer]] <-  ; match = { issuer = 7 }
`prefix`: must not have the placeholder {issuer} <-  ; prefix = "{issuer}/"
must not name an `issuer` and another `proof` <-  ; match = { issuer = "login", proof = "api-key" }
must name its `issuer`, because there are several <-  ; name = "b" & issuer = "https://b/" ; match = "everyone"
must name its `issuer`, because there are several <-  ; name = "b" & issuer = "https://b/" ; match = { team = "media" }
must name its `issuer`, because there are several <-  ; name = "b" & issuer = "https://b/" ; match = { proof = ["api-key", "jwt"] }
ok <-  ; name = "b" & issuer = "https://b/" ; match = { proof = "api-key" }
ok <-  ; name = "b" & issuer = "https://b/" ; match = { issuer = "b" }
must name one `issuer` <-  ; name = "b" & issuer = "https://b/" ; match = { issuer = ["login", "b"] }
must name one `issuer` <-  ; name = "b" & issuer = "https://b/" ; match = { issuer = ["login", "b"], sub = "u-1" } & prefix = "a/"
ok <-  ; name = "b" & issuer = "https://b/" ; match = { issuer = ["login", "b"], team = "media" } & prefix = "{team}/"
`name`: must differ from the names of other issuers <-  ; issuer = "https://b/" ; match = { issuer = "login" }
`audiences`: must differ from those of other issuers <-  ; name = "b" ; match = { issuer = "b" }
`audiences`: must differ from those of other issuers <-  ; name = "b" & audiences = ["x", "uploads"] ; match = { issuer = "b" }
ok <-  ; name = "b" & audiences = ["x"] ; match = { issuer = "b" }
ok <-  ; name = "b" & audience_claim = "client_id" ; match = { issuer = "b" }
ok <-  ; name = "b" & issuer = "https://login.example.com" ; match = { issuer = "b" }
`secret_env`: must differ <- jwks_url = & secret_env = "LOGIN_SECRET" ; name = "b" & issuer = "b" & jwks_url = & secret_env = "LOGIN_SECRET" ; match = { issuer = "b" }
MISSING: must be set: GRANTS_FILE names it <- jwks_url = & secret_env = "MISSING" ; match = { issuer = "login" }
`secret_env`: must be the name of a variable that is not another setting <- jwks_url = & secret_env = "SECRET_KEY" ; match = { issuer = "login" }
`secret_env`: must be the name of a variable that is not another setting <- jwks_url = & secret_env = "TENCENTCLOUD_SECRETKEY" ; match = { issuer = "login" }
`jwks_file`: must be the path of a readable file <- jwks_url = & jwks_file = "missing.json" ; match = { issuer = "login" }
`jwks_file`: <- jwks_url = & jwks_file = "jwks.json" & algorithms = ["RS256"] ; match = { issuer = "login" }
`public_key`: <- jwks_url = & public_key = "CANARY" ; match = { issuer = "login" }
must contain `repository_id` or `repository_owner_id` <- preset = "github-actions" ; match = "everyone"
must contain `repository_id` or `repository_owner_id` <- preset = "github-actions" ; match = { issuer = "login" } & prefix = "a/"
must contain `repository_id` or `repository_owner_id` <- preset = "github-actions" ; match = { repository = "octo/site", ref = "refs/heads/main" }
must contain `repository_id` or `repository_owner_id` <- preset = "github-actions" ; match = { sub = { prefix = "repo:octo/site:" } }
must contain `repository_id` or `repository_owner_id` <-  ; name = "ci" & preset = "github-actions" & issuer = & jwks_url = ; match = { issuer = ["login", "ci"], team = "media" } & prefix = "a/"
`repository_id` of this issuer is a text of digits <- preset = "github-actions" ; match = { repository_id = 456789 }
`repository_id` of this issuer is a text of digits <- preset = "github-actions" ; match = { repository_id = "octo/site" }
`repository_id` of this issuer is a text of digits <- preset = "github-actions" ; match = { repository_id = ["1", "*"] }
`repository_id` of this issuer is a text of digits <- preset = "github-actions" ; match = { repository_id = { prefix = "1/" } }
`run_attempt` of this issuer is a text <- preset = "github-actions" ; match = { repository_id = "1", run_attempt = 1 }
`repo_property_x` of this issuer is a text <- preset = "github-actions" ; match = { repository_id = "1", repo_property_x = { contains = "a" } }
ok <- preset = "github-actions" ; match = { repository_id = "456789", ref = "refs/heads/main" }
ok <- preset = "github-actions" ; match = { repository_id = ["1", "2"], repository = "octo/site", environment = "production" }
ok <- preset = "github-actions" ; match = { repository_owner_id = "1", job_workflow_ref = { prefix = "octo/site/" } }
`audiences`: must be of this function only <- preset = "github-actions" & audiences = ["https://github.com/octo-org"] ; match = { repository_id = "1" }
must contain `project_id` <- preset = "gitlab" ; match = { project_path = "group/site", ref = "main" }
must contain `project_id` <- preset = "gitlab" ; match = { namespace_id = "1" }
`ref_protected` of this issuer is a text <- preset = "gitlab" ; match = { project_id = "1", ref_protected = true }
`runner_id` of this issuer is a number <- preset = "gitlab" ; match = { project_id = "1", runner_id = "1" }
ok <- preset = "gitlab" ; match = { project_id = "1", runner_id = 1, ref_protected = "true", groups_direct = { contains = "a/b" } }
`audiences`: must be of this function only <- preset = "gitlab" & issuer = "https://g.example.com" & audiences = ["https://g.example.com"] ; match = { project_id = "1" }
"#;

#[test]
fn issuers_are_in_one_place_and_count_only_where_tokens_are_accepted() {
    let everyone = grant("match = \"everyone\"\nprefix = \"public/\"");
    let file = [issuer("header = \"x-token\""), everyone].concat();
    for (changes, starts) in [
        (&[("AUTH", "api-key")][..], "GRANTS_FILE: has `[[issuer]]` tables"),
        (&[("AUTH", "none"), ("API_KEYS", "")], "GRANTS_FILE: has `[[issuer]]` tables"),
        (
            &[("JWT_HS_SECRET", "CANARY-secret-0123456789abcdefghij")],
            "JWT_HS_SECRET: has no effect",
        ),
        (&[("API_KEY_HEADER", "X-Token")], "API_KEY_HEADER: must differ"),
    ] {
        let errors = reported(&file, changes);
        assert!(errors.iter().any(|error| error.starts_with(starts)), "{starts}: {errors:?}");
    }
    let errors = reported(&grant(""), &[("AUTH", "jwt"), ("API_KEYS", "")]);
    let text = "JWT_ISSUER: must be set, for example `https://login.example.com/`; or write \
                `[[issuer]]` tables in GRANTS_FILE";
    assert_eq!(errors, [text]);
    let many = (0..17).map(|n| issuer(&format!("name = \"i{n}\"\nissuer = \"{n}\"")));
    let many = many.chain([grant("match = { issuer = \"i1\" }")]).collect::<String>();
    assert!(reported(&many, &[])[0].contains("is one too many"), "{:?}", reported(&many, &[]));
}

#[test]
fn issuers_change_only_at_a_restart_and_their_keys_when_files_are_read_again() {
    let with = |changes: &str, of_grant: &str| {
        let of_file = "jwks_url =\njwks_file = \"jwks.json\"\nalgorithms = [\"EdDSA\"]\n";
        let secret = "name = \"b\"\nissuer = \"b\"\njwks_url =\nsecret_env = \"LOGIN_SECRET\"";
        let of_grant = format!("match = {{ issuer = \"login\" }}\n{of_grant}");
        let files = [issuer(&format!("{of_file}{changes}")), issuer(secret), grant(&of_grant)];
        files.concat()
    };
    let settings = read_with(&with("", ""), &[]).ok().unwrap();
    let again = |text: &str| {
        let read_file = |path: &str| match path {
            "grants.toml" => Ok(text.as_bytes().to_vec()),
            _ => Ok(JWKS.as_bytes().to_vec()),
        };
        let keys = settings.reloadable.token_keys(&read_file);
        let keys = keys.map(|keys| keys.iter().map(Option::is_some).collect::<Vec<_>>());
        let grants = settings.reloadable.grants(&read_file);
        let names = grants.map(|grants| grants.names().join(","));
        (names.map_err(|errors| errors[0].to_string()), keys.map_err(|_| ()))
    };
    assert_eq!(again(&with("", "name = \"new\"")), (Ok("new".to_owned()), Ok(vec![true, false])));
    let text = "GRANTS_FILE: must keep its `[[issuer]]` tables: restart to change them";
    for changes in ["audiences = [\"new\"]", "header = \"x-new\"", "leeway_seconds = 1"] {
        assert_eq!(again(&with(changes, "")), (Err(text.to_owned()), Err(())), "{changes}");
    }
    assert_eq!(again(&grant("")), (Err(text.to_owned()), Err(())));
}

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
`most` or `[least, most]` <- role = "qcs::cam::uin/1:roleName/a" & duration_seconds = 43201
must be a whole number or a list of two <- duration_seconds = 600.0
`most` or `[least, most]` <- duration_seconds = [3600, 600]
must contain an upload <- allow = ["download"] & max_size_bytes = 1
must contain an upload <- allow = ["download"] & extensions = ["jpg"]
must contain an upload <- allow = ["download"] & acl = ["private"]
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
