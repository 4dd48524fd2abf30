//! Account files: a whole one, and each mistake with its line.

use super::{AccountFile, AccountFileError};
use crate::account::Trust;

const POLICY: &str =
    r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}"#;

const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#;

fn read(text: &str) -> Result<AccountFile, AccountFileError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.json"), POLICY).unwrap();
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
    std::fs::write(folder.path().join("jwks.json"), JWKS).unwrap();
    let path = folder.path().join("account.toml");
    std::fs::write(&path, text).unwrap();
    AccountFile::read(&path)
}

#[test]
fn a_whole_file() {
    let file = read(&format!(
        r#"
appid = 1250000001
owner_uin = 100000000009
region = "ap-beijing"
buckets = ["one-1250000001", "two-1250000001"]
vpc = "vpc-a1"

[[root_key]]
secret_id = "AKIDEMUroot"

[[user]]
name = "issuer"
uin = 7
policies = ['{POLICY}']
policy_files = ["policy.json"]
[[user.key]]
secret_id = "AKIDEMUissuer"
secret_key = "0123456789abcdef"
[[user.key]]

[[user]]
name = "nobody"
uin = 8

[[role]]
name = "uploader"
id = 42
trust = "users"
trusted_users = ["issuer"]
max_session_seconds = 900
external_id = "partner"
policies = ['{POLICY}']

[[role]]
name = "platform"
trust = "service"

[[oidc_provider]]
name = "cls-1"
issuer = "https://kubernetes.example.com"
client_ids = ["sts.cloud.tencent.com"]
jwks_file = "jwks.json"

[[role]]
name = "workload"
trust = "oidc"
trusted_provider = "cls-1"
trusted_subjects = ["a", "b"]
"#
    ))
    .unwrap();
    assert_eq!(file.oidc_providers[0].name, "cls-1");
    let (provider, subjects) = ("cls-1".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!(file.roles[2].trust, Trust::Oidc { provider, subjects });
    assert_eq!(file.account.bucket, "one-1250000001");
    assert_eq!(file.account.more_buckets, ["two-1250000001"]);
    assert_eq!(file.account.user_uin, 7);
    assert_eq!(file.account.vpc.as_deref(), Some("vpc-a1"));
    assert_eq!(file.root_keys[0].secret_id, "AKIDEMUroot");
    assert_eq!(file.root_keys[0].secret_key.len(), 32, "random");
    let [issuer, nobody] = file.users.as_slice() else { panic!("two users") };
    assert_eq!((issuer.policies.len(), issuer.keys.len()), (2, 2));
    assert_eq!(issuer.keys[0].secret_key, "0123456789abcdef");
    assert!(issuer.keys[1].secret_id.starts_with("AKIDEMU"));
    assert!(nobody.policies.is_empty(), "no policy is no right");
    assert_eq!(file.roles[0].id, 42);
    assert_eq!(file.roles[0].trust, Trust::Users(vec![7]));
    assert_eq!(file.roles[0].max_session_seconds, 900);
    assert_eq!(file.roles[1].trust, Trust::Service);
    assert!(file.roles[1].policies.is_empty(), "no policy is no right");
}

#[test]
fn the_least_file_has_one_user() {
    let file = read("[[user]]\nname = \"a\"\nuin = 1\n").unwrap();
    assert_eq!(file.account.bucket, "examplebucket-1250000000");
    assert!(file.roles.is_empty(), "no role that nobody wrote");
    let file = read("appid = 1250000007\n[[user]]\nname = \"a\"\nuin = 1\n").unwrap();
    assert_eq!(file.account.bucket, "examplebucket-1250000007");
}

/// A row has the line, or `-` where no line is named, and words of the message; behind `<-` the
/// file, with ` & ` between its lines.
#[test]
fn a_mistake_is_reported_by_its_line_and_key() {
    let names = [
        ("{user}", USER.to_owned()),
        ("{role}", "[[role]] & name = \"r\" & trust = \"account\"".to_owned()),
        ("{key}", "[[user.key]]".to_owned()),
        (
            "{provider}",
            "[[oidc_provider]] & name = \"p\" & issuer = \"i\" & client_ids = [\"c\"]".to_owned(),
        ),
        ("{nothing}", String::new()),
        ("{policy}", POLICY.to_owned()),
        ("{wrong policy}", POLICY.replace("effect", "efect")),
        ("{129}", "x".repeat(129)),
        (" & ", "\n".to_owned()),
    ];
    for row in MISTAKES.trim().lines() {
        let (start, text) = row.split_once(" <- ").unwrap();
        let (line, expected) = start.split_once(' ').unwrap();
        let text =
            names.iter().fold(text.to_owned(), |text, (name, full)| text.replace(name, full));
        let error = read(&text).expect_err(&text);
        assert_eq!(error.line, line.parse().ok(), "{text}: {error}");
        let message = error.to_string();
        assert!(message.contains(expected), "{message} lacks {expected}");
        assert!(message.contains("account.toml"), "{message}");
        for secret in ["tiny-secret", "AKIDabc"] {
            assert!(!message.contains(secret), "{message}");
        }
    }
}

const USER: &str = "[[user]] & name = \"a\" & uin = 1";

const MISTAKES: &str = r#"
- `[[user]]` <- {nothing}
1 invalid type <- appid = "tiny-secret"
2 unknown field `apid` <- {nothing} & apid = 1
2 duplicate <- appid = 1 & appid = 2
1 account.toml <- x
- owner_uin <- owner_uin = 1 & {user}
1 region <- region = "gz" & {user}
1 buckets <- buckets = [] & {user}
3 -1250000000 <- buckets = [ & "b-1250000000", & "b-1250000001"] & {user}
1 twice <- buckets = ["b-1250000000", "b-1250000000"] & {user}
1 vpc <- vpc = "a" & {user}
1 uin <- [[user]] & name = "a"
2 user.name <- [[user]] & name = "a b" & uin = 1
6 user.name <- {user} & {nothing} & {user}
6 user.uin <- {user} & [[user]] & name = "b" & uin = 1
4 unknown field `roles` <- {user} & roles = 1
4 user.policies <- {user} & policies = ["{}"]
6 efect <- {user} & policies = [ & '{policy}', & '{wrong policy}']
4 user.policy_files <- {user} & policy_files = ["bad.json"]
4 none.json <- {user} & policy_files = ["none.json"]
4 user.key.secret_id <- {user} & {key} & secret_id = "AKIDabc"
4 AKIDEMU <- {user} & {key} & secret_id = "x"
4 letters <- {user} & {key} & secret_id = "AKIDEMU x"
4 user.key.secret_key <- {user} & {key} & secret_key = "tiny-secret"
6 root_key.secret_id <- {user} & {key} & secret_id = "AKIDEMU1" & [[root_key]] & secret_id = "AKIDEMU1"
4 trust <- {user} & [[role]] & name = "r"
6 unknown variant <- {user} & [[role]] & name = "r" & trust = "all"
8 role.name <- {user} & {role} & {role}
7 role.trusted_users <- {user} & {role} & trusted_users = ["a"]
7 must be the name of a user <- {user} & [[role]] & name = "r" & trust = "users" & trusted_users = ["b"]
7 43200 <- {user} & {role} & max_session_seconds = 43201
7 role.external_id <- {user} & {role} & external_id = "x"
7 role.external_id <- {user} & {role} & external_id = "{129}"
7 role.trusted_provider <- {user} & {role} & trusted_provider = "p"
7 role.trusted_provider <- {user} & {role} & trusted_subjects = ["p"]
5 role.trusted_provider <- {user} & [[role]] & name = "r" & trust = "oidc"
7 role.trusted_provider <- {user} & [[role]] & name = "r" & trust = "oidc" & trusted_provider = "p"
4 jwks_file <- {user} & {provider}
8 none.json <- {user} & {provider} & jwks_file = "none.json"
8 must be a JWKS <- {user} & {provider} & jwks_file = "policy.json"
7 client_ids <- {user} & [[oidc_provider]] & name = "p" & issuer = "i" & client_ids = [] & jwks_file = "jwks.json"
10 oidc_provider.name <- {user} & {provider} & jwks_file = "jwks.json" & {provider} & jwks_file = "jwks.json"
"#;

#[test]
fn a_file_that_is_not_there() {
    assert!(AccountFile::read(std::path::Path::new("none/account.toml")).is_err());
}
