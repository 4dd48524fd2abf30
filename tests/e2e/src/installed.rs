//! Where things are: the deployed binary, the drivers, and what `tests/setup/install` installed.
//!
//! A path that is handed out exists. Leaves out: building or installing anything.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The binary that is deployed: `COS_ISSUER_BOOTSTRAP` (absolute, or relative to the repository's
/// root), else `target/deploy/bootstrap`.
///
/// # Errors
/// When there is no such file.
pub fn bootstrap() -> Result<PathBuf, Failure> {
    let chosen = from_environment("COS_ISSUER_BOOTSTRAP")
        .unwrap_or_else(|| "target/deploy/bootstrap".into());
    existing(
        &root().join(chosen),
        "build it with `make build`, or name another with COS_ISSUER_BOOTSTRAP",
    )
}

/// The command line tool, of the same build as the test that asks.
///
/// # Errors
/// When it is not built.
pub fn program() -> Result<PathBuf, Failure> {
    // Of a test in target/debug/deps/.
    let test = env::current_exe().unwrap_or_default();
    let folder = test.parent().and_then(Path::parent).unwrap_or_else(|| Path::new(""));
    existing(&folder.join("cos-issuer"), "build it with `cargo build -p cos-issuer-cli`")
}

/// A driver of `tests/clients`.
pub(crate) fn driver(name: &str) -> Result<PathBuf, Failure> {
    existing(&root().join("tests/clients").join(name), "it belongs to the repository")
}

/// A file of `examples`.
///
/// # Errors
/// When there is no such file.
pub fn example(name: &str) -> Result<PathBuf, Failure> {
    existing(&root().join("examples").join(name), "it belongs to the repository")
}

/// A file that `tests/setup/install` put under `target/clients`.
///
/// # Errors
/// When it is not installed.
pub fn client_file(name: &str) -> Result<PathBuf, Failure> {
    existing(&root().join("target/clients").join(name), "run `make clients` first")
}

/// The search path for programs: those that were installed for the tests, so that every machine
/// runs the same `node` and `python3`, and then those of the system.
///
/// # Errors
/// When the programs for the tests are not installed.
pub fn search_path() -> Result<OsString, Failure> {
    let node = client_file("bin/node")?;
    let own = node.parent().map(Path::to_owned);
    let system = from_environment("PATH").unwrap_or_default();
    env::join_paths(own.into_iter().chain(env::split_paths(&system)))
        .map_err(|fault| Failure::new(format!("no search path can be made: {fault}")))
}

/// What a program needs of the test's own environment to be found and to start.
///
/// # Errors
/// Those of [`search_path`].
pub(crate) fn searched() -> Result<impl Iterator<Item = (&'static str, OsString)>, Failure> {
    let home = from_environment("HOME").map(|home| ("HOME", home.into_os_string()));
    Ok([("PATH", search_path()?)].into_iter().chain(home))
}

/// The text of a file of the repository, by its path from the root.
pub(crate) fn text(path: &str) -> Result<String, Failure> {
    let file = existing(&root().join(path), "it belongs to the repository")?;
    std::fs::read_to_string(file)
        .map_err(|fault| Failure::new(format!("{path} cannot be read: {fault}")))
}

/// The names of the files directly in a folder of the repository, by its path from the root.
pub(crate) fn files_below(folder: &str) -> Result<Vec<String>, Failure> {
    let failed = |fault: std::io::Error| Failure::new(format!("{folder} cannot be read: {fault}"));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Where the local cloud is to note its secrets: `COS_EMULATOR_SECRET_LEDGER` (absolute, or
/// relative to the root).
pub(crate) fn secret_ledger() -> Option<PathBuf> {
    from_environment("COS_EMULATOR_SECRET_LEDGER").map(|path| root().join(path))
}

/// How long `make soak` runs, in seconds (`COS_ISSUER_SOAK_SECONDS`); `None` in `make test`.
pub fn soak_seconds() -> Option<u64> {
    from_environment("COS_ISSUER_SOAK_SECONDS")?.to_str()?.parse().ok()
}

fn existing(path: &Path, remedy: &str) -> Result<PathBuf, Failure> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let shown = path.strip_prefix(root()).unwrap_or(path).display();
    Err(Failure::new(format!("there is no file {shown}: {remedy}")))
}

fn root() -> &'static Path {
    // Two levels up from this package, without `..` in what is shown.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

#[expect(
    clippy::disallowed_methods,
    reason = "test support has no main that could pass the environment in"
)]
fn from_environment(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
