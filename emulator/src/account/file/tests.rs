//! Account files: a whole one, and each mistake with its line.

use super::{AccountFile, AccountFileError};
use crate::account::Trust;

const POLICY: &str =
    r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:*","resource":"*"}]}"#;

fn read(text: &str) -> Result<AccountFile, AccountFileError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.json"), POLICY).unwrap();
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
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
"#
    ))
    .unwrap();
    assert_eq!(file.account.bucket, "one-1250000001");
    assert_eq!(file.account.more_buckets, ["two-1250000001"]);
    assert_eq!(file.account.user_uin, 7);
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

#[test]
fn a_mistake_in_the_account() {
    let user = USER;
    each(&[
        ("", None, "`[[user]]`"),
        ("appid = \"tiny-secret\"", Some(1), "invalid type"),
        ("\napid = 1", Some(2), "unknown field `apid`"),
        ("appid = 1\nappid = 2", Some(2), "duplicate"),
        ("x", Some(1), ""),
        (&format!("owner_uin = 1\n{user}"), None, "owner_uin"),
        (&format!("region = \"gz\"\n{user}"), Some(1), "region"),
        (&format!("buckets = []\n{user}"), Some(1), "buckets"),
        (
            &format!("buckets = [\n\"b-1250000000\",\n\"b-1250000001\"]\n{user}"),
            Some(3),
            "-1250000000",
        ),
        (&format!("buckets = [\"b-1250000000\", \"b-1250000000\"]\n{user}"), Some(1), "twice"),
    ]);
}

#[test]
fn a_mistake_in_a_user() {
    let user = USER;
    each(&[
        ("[[user]]\nname = \"a\"\n", Some(1), "uin"),
        ("[[user]]\nname = \"a b\"\nuin = 1", Some(2), "user.name"),
        (&format!("{user}\n{user}"), Some(6), "user.name"),
        (&format!("{user}[[user]]\nname = \"b\"\nuin = 1"), Some(6), "user.uin"),
        (&format!("{user}roles = 1"), Some(4), "unknown field `roles`"),
        (&format!("{user}policies = [\"{{}}\"]"), Some(4), "user.policies"),
        (
            &format!("{user}policies = [\n'{POLICY}',\n'{}']", POLICY.replace("effect", "efect")),
            Some(6),
            "efect",
        ),
        (&format!("{user}policy_files = [\"bad.json\"]"), Some(4), "user.policy_files"),
        (&format!("{user}policy_files = [\"none.json\"]"), Some(4), "none.json"),
        (&format!("{user}[[user.key]]\nsecret_id = \"AKIDabc\""), Some(4), "user.key.secret_id"),
        (&format!("{user}[[user.key]]\nsecret_id = \"x\""), Some(4), "AKIDEMU"),
        (&format!("{user}[[user.key]]\nsecret_id = \"AKIDEMU x\""), Some(4), "letters"),
        (
            &format!("{user}[[user.key]]\nsecret_key = \"tiny-secret\""),
            Some(4),
            "user.key.secret_key",
        ),
        (
            &format!(
                "{user}[[user.key]]\nsecret_id = \"AKIDEMU1\"\n[[root_key]]\nsecret_id = \"AKIDEMU1\""
            ),
            Some(6),
            "root_key.secret_id",
        ),
    ]);
}

#[test]
fn a_mistake_in_a_role() {
    let user = USER;
    let role = "[[role]]\nname = \"r\"\ntrust = \"account\"\n";
    each(&[
        (&format!("{user}[[role]]\nname = \"r\""), Some(4), "trust"),
        (&format!("{user}[[role]]\nname = \"r\"\ntrust = \"all\""), Some(6), "unknown variant"),
        (&format!("{user}{role}{role}"), Some(8), "role.name"),
        (&format!("{user}{role}trusted_users = [\"a\"]"), Some(7), "role.trusted_users"),
        (
            &format!("{user}[[role]]\nname = \"r\"\ntrust = \"users\"\ntrusted_users = [\"b\"]"),
            Some(7),
            "must be the name of a user",
        ),
        (&format!("{user}{role}max_session_seconds = 43201"), Some(7), "43200"),
        (&format!("{user}{role}external_id = \"x\""), Some(7), "role.external_id"),
        (
            &format!("{user}{role}external_id = \"{}\"", "x".repeat(129)),
            Some(7),
            "role.external_id",
        ),
    ]);
}

#[test]
fn a_file_that_is_not_there() {
    assert!(AccountFile::read(std::path::Path::new("none/account.toml")).is_err());
}

const USER: &str = "[[user]]\nname = \"a\"\nuin = 1\n";

/// Each text is refused: its line and the message.
#[track_caller]
fn each(cases: &[(&str, Option<usize>, &str)]) {
    for (text, line, expected) in cases {
        let error = read(text).expect_err(text);
        assert_eq!(error.line, *line, "{text}: {error}");
        let message = error.to_string();
        assert!(message.contains(expected), "{message} lacks {expected}");
        assert!(message.contains("account.toml"), "{message}");
        for secret in ["tiny-secret", "AKIDabc"] {
            assert!(!message.contains(secret), "{message}");
        }
    }
}
