//! `migrate`: the settings of both samples, secrets apart, and every file that it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{cos_issuer, ends_with, files, root};

const SECRET: &str = "CANARY-secret-key-1";

#[test]
fn both_samples_become_settings_without_secrets() {
    for (sample, remarks) in [
        (
            "cos_signer_lite",
            ["POLICY: it allowed everything", "Not settings, left out: here, config."],
        ),
        ("cossign", ["POLICY: kept as it is", "DURATION_SECOND: with the key of a root account"]),
    ] {
        let folder = root("cli/tests/migrate");
        let file = folder.join(sample).with_extension("py");
        let expected = fs::read_to_string(file.with_extension("expected")).unwrap();
        let (out, err) = ends_with(&mut cos_issuer(&["migrate", file.to_str().unwrap()]), 0);
        assert_eq!(out, expected, "{sample}");
        for remark in remarks {
            assert!(err.contains(remark), "{sample}: {remark} in {err}");
        }
        assert!(err.contains("Next: fill in SECRET_ID, SECRET_KEY, AUTH"), "{err}");
        assert!(!err.contains(SECRET), "{err}");
    }
}

#[test]
fn secrets_go_only_to_a_new_file_of_the_owner() {
    let directory = files(&[("config.py", "SECRET_KEY = 'CANARY-secret-key-1'\n")]);
    let output = directory.path().join("cos-issuer.env");
    let config = directory.path().join("config.py");
    let arguments = ["migrate", config.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let (out, err) = ends_with(&mut cos_issuer(&arguments), 0);
    assert!(out.is_empty() && !err.contains(SECRET), "{out}{err}");
    let written = fs::read_to_string(&output).unwrap();
    assert!(written.starts_with("SECRET_ID=\nSECRET_KEY=CANARY-secret-key-1\n"), "{written}");
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o7777, 0o600);
    let (_, err) = ends_with(&mut cos_issuer(&arguments), 1);
    assert!(err.contains("must be a new file"), "{err}");
    assert_eq!(fs::read_to_string(&output).unwrap(), written);
}

#[test]
fn a_password_of_the_proxy_is_a_secret() {
    let text = "PROXY_TYPE = 'http'\nPROXY_HOST = 'user:CANARY-secret-key-1@10.0.0.1:8080'\n";
    let directory = files(&[("config.py", text)]);
    let config = directory.path().join("config.py");
    let (out, _) = ends_with(&mut cos_issuer(&["migrate", config.to_str().unwrap()]), 0);
    assert!(out.contains("# http:// and the value in line 2.\nSTS_PROXY=\n"), "{out}");
    assert!(!out.contains(SECRET), "{out}");
}

/// Each file, the line of the error, and a part of it.
const REFUSED: [(&str, usize, &str); 29] = [
    // Values that only running the file would give.
    ("SECRET_ID = os.environ['ID']", 1, "SECRET_ID: must be a literal, for example"),
    ("SECRET_ID = os.getenv('ID', 'AKID')", 1, "write '' here, and set the setting"),
    ("SECRET_KEY = f'{a}-key'", 1, "an f-string: write the text that it results in"),
    ("SECRET_KEY = decrypt('CANARY-secret-key-1')", 1, "a call, and nothing is run"),
    ("SECRET_KEY = 'CANARY-' + 'key'", 1, "an expression, and nothing is run"),
    ("SECRET_KEY = b'key'", 1, "a text with a prefix"),
    ("SECRET_KEY = 'k\\x65y'", 1, "an escape such as"),
    ("DURATION_SECOND = 30 * 60", 1, "DURATION_SECOND: must be a literal"),
    ("A = 'x'\nA = 'y'\nSECRET_ID = A", 3, "SECRET_ID: must be a literal"),
    // Other ways to assign.
    ("SECRET_ID = SECRET_KEY = 'a'", 1, "must be a literal"),
    ("SECRET_ID, SECRET_KEY = 'a', 'b'", 1, "only such assignments are read"),
    ("SECRET_ID: str = 'a'", 1, "only such assignments are read"),
    ("SECRET_ID = 'a'; SECRET_KEY = 'b'", 1, "one statement a line"),
    ("SECRET_ID = 'a'\n\nSECRET_ID = 'b'", 3, "must be assigned once; line 1 does it too"),
    ("if production:\n    SECRET_ID = 'a'", 1, "`if` may or may not run what follows"),
    ("class ProductionConfig:\n    SECRET_ID = 'a'", 2, "must be assigned in class Config"),
    ("def load():\n    Config.SECRET_ID = 'a'", 2, "must be assigned in class Config"),
    ("class Config:\n    PORT = 1\nclass Config:\n    pass", 3, "must be there once"),
    ("Config = load()", 1, "Config: must be a class"),
    ("Config.SECRET_ID = 'a'", 1, "only such assignments are read"),
    ("setattr(Config, name, value)", 1, "must be NAME = 'text'"),
    ("from secrets import *", 1, "imports everything"),
    ("from secrets import SECRET_KEY", 1, "SECRET_KEY: must be a literal"),
    // Text that is not Python, or could be read in two ways.
    ("PORT = 1\nSECRET_ID = 'a", 2, "a text must be closed"),
    ("PORT = (1", 1, "a bracket must be closed"),
    ("ＰＯＲＴ = 1", 1, "names must be ASCII"),
    // Values that a line of settings cannot have.
    ("SECRET_KEY = 'a\\nAUTH=none'", 1, "must be one line without blanks"),
    ("PORT = 70000", 1, "PORT: must be a number from 1 to 65535"),
    ("POLICY = '{}'", 1, "POLICY: must be a policy of CAM"),
];

#[test]
fn what_is_not_a_literal_is_refused_by_its_line() {
    for (text, line, expected) in REFUSED {
        let directory = files(&[("config.py", text)]);
        let config = directory.path().join("config.py");
        let path = config.to_str().unwrap();
        let (out, err) = ends_with(&mut cos_issuer(&["migrate", path]), 2);
        assert!(out.is_empty(), "{text}: {out}");
        assert!(err.contains(&format!("{path}:{line}: ")), "{text}: {err}");
        assert!(err.contains(expected), "{text}: {err}");
        assert!(!err.contains(SECRET), "{text}: {err}");
    }
}

#[test]
fn every_problem_is_in_one_answer_and_another_file_is_named() {
    let directory =
        files(&[("config.py", "SECRET_ID = a()\nSECRET_KEY = b()"), ("app.py", "a = 1")]);
    let path = |name| directory.path().join(name).display().to_string();
    let (_, err) = ends_with(&mut cos_issuer(&["migrate", &path("config.py")]), 2);
    assert!(err.contains("config.py:1:") && err.contains("config.py:2:"), "{err}");
    let (_, err) = ends_with(&mut cos_issuer(&["migrate", &path("app.py")]), 2);
    assert!(err.contains("must assign some of DURATION_SECOND, NAME, POLICY"), "{err}");
    let (_, err) = ends_with(&mut cos_issuer(&["migrate", &path("absent.py")]), 2);
    assert!(err.contains("must be a text file"), "{err}");
}
