//! Several functions by one options file.

use serde_json::Value;

use crate::support::{Console, Running, client, cos_issuer, ends_with, files, function};

/// An options file with these tables, of which the binary is the misbehaving function.
fn options(tables: &str) -> String {
    let function = format!("binary = {:?}", function());
    format!("port = 0\n[env]\nBEHAVIOUR = \"sign\"\n{}", tables.replace("BINARY", &function))
}

const TWO: &str = "
[[function]]
name = \"uploads\"
BINARY
[[function]]
name = \"downloads\"
BINARY
platform = \"lambda\"
trigger = \"http-api\"
max-instances = 1
env = { BEHAVIOUR = \"environment\", PREFIX = \"public/\" }
";

#[tokio::test]
async fn each_function_has_its_own_address_platform_and_variables() {
    let files = files(&[("several.toml", &options(TWO))]);
    let mut command = cos_issuer(&["run", "--json", "--config", "several.toml"]);
    let running = Running::start(command.current_dir(files.path()));
    let functions = running.line["functions"].as_array().unwrap();
    let of = |index: usize, member: &str| functions[index][member].as_str().unwrap().to_owned();
    assert_eq!(functions.len(), 2);
    assert_eq!([of(0, "name"), of(1, "name")], ["uploads", "downloads"]);
    assert_eq!(of(0, "url"), running.text("gatewayUrl"));
    assert_eq!(of(0, "platform"), "Tencent SCF web function, plain HTTP");
    assert_eq!(of(1, "platform"), "AWS Lambda, HTTP API");
    let credential = client().get(format!("{}/sign", of(0, "url"))).send().await.unwrap();
    assert!(credential.text().await.unwrap().contains("AKIDEMU"));
    let environment = client().get(of(1, "url")).send().await.unwrap().text().await.unwrap();
    let environment: Value = serde_json::from_str(&environment).unwrap();
    assert_eq!(environment["PREFIX"], "public/");
    assert!(environment.get("AWS_LAMBDA_RUNTIME_API").is_some(), "{environment}");
    // Both are in front of the same account, and the admin API lists their instances.
    assert_eq!(environment["BUCKET"], running.text("bucket"));
    let instances = client()
        .get(format!("{}/instances", running.text("adminUrl")))
        .bearer_auth(running.text("adminToken"));
    let instances = instances.send().await.unwrap().text().await.unwrap();
    let instances: Value = serde_json::from_str(&instances).unwrap();
    let gateways: Vec<&str> = instances["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["gateway"].as_str().unwrap())
        .collect();
    assert_eq!(gateways, ["gateway", "secondGateway", "downloads"]);
}

#[test]
fn all_are_listed_when_they_are_ready_and_log_under_their_names() {
    let files = files(&[("several.toml", &options(TWO))]);
    let mut command = cos_issuer(&["run", "--verbose", "--config", "several.toml"]);
    let mut console = Console::start(command.current_dir(files.path()));
    let text = console.until("The local cloud is ready.");
    for expected in
        ["uploads: http://127.0.0.1:", "downloads: http://127.0.0.1:", "uploads | ", "downloads | "]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn a_function_that_does_not_start_is_named() {
    let broken = TWO.replace("\"environment\"", "\"crash-init\"");
    let missing = "\n[[function]]\nname = \"a\"\nBINARY\n\
                   [[function]]\nname = \"b\"\nbinary = \"no/such/bootstrap\"\n";
    for (tables, expected) in [
        (broken.as_str(), "the function `downloads` did not become ready: "),
        (missing, "`no/such/bootstrap` is not an executable file"),
    ] {
        let files = files(&[("several.toml", &options(tables))]);
        let mut command = cos_issuer(&["run", "--config", "several.toml"]);
        let (_, err) = ends_with(command.current_dir(files.path()), 1);
        assert!(err.contains(expected), "{expected} in {err}");
    }
}

#[test]
fn tables_that_are_refused() {
    let one = |more: &str| format!("[[function]]\nname = \"a\"\nBINARY\n{more}\n");
    let named = |name: &str| format!("[[function]]\nname = {name:?}\nBINARY\n");
    let two = |first: &str, second: &str| format!("{}{}", named(first), named(second));
    let port = "port = 65000\n[[function]]\nname = \"b\"\nBINARY\nport = 65000";
    for (tables, code, expected) in [
        (named("a b"), 1, "function `a b`: the name must have"),
        (named(""), 1, "function ``: the name must have"),
        (named("sts"), 1, "function `sts`: the name must have"),
        (two("a", "a"), 1, "function `a`: the name must have"),
        (one("concurrency = 101"), 2, "function `a`: concurrency: must be 1 to 100"),
        (one("platform = \"scf\"\nconcurrency = 2"), 2, "function `a`: concurrency: must be"),
        (one("trigger = \"clb\"\nplatform = \"lambda\""), 2, "function `a`: --trigger: must be"),
        (one("init-timeout = 1"), 2, "function `a`: init-timeout: must be 3 to 300"),
        (one("memory = 1"), 2, "function `a`: memory: must be 64 to 10240"),
        (one("max-instances = 0"), 2, "function `a`: max-instances: must be 1 to 65535"),
        (one(port), 2, "function `b`: port: must be that of no other"),
        (one("platfrom = \"scf\""), 2, "unknown field `platfrom`"),
        ("[[function]]\nBINARY".to_owned(), 2, "missing field `name`"),
        ("[[function]]\nname = \"a\"".to_owned(), 2, "missing field `binary`"),
    ] {
        let files = files(&[("several.toml", &options(&tables))]);
        let mut command = cos_issuer(&["run", "--once", "--config", "several.toml"]);
        let (_, err) = ends_with(command.current_dir(files.path()), code);
        assert!(err.contains(expected), "{tables}: {expected} in {err}");
    }
    let files = files(&[("several.toml", &options(TWO))]);
    let mut command = cos_issuer(&["run", "--config", "several.toml", "--function", "x"]);
    let (_, err) = ends_with(command.current_dir(files.path()), 2);
    assert!(err.contains("--function: must be omitted"), "{err}");
}
