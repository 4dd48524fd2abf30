//! Where things are: the deployed binary, the drivers, and what `tests/clients/install` installed.
//!
//! A path that is handed out exists. Leaves out: building or installing anything.

use std::env;
use std::path::{Path, PathBuf};

use crate::Failure;

/// The binary that is deployed: `COS_ISSUER_BOOTSTRAP` (absolute, or relative to the repository's root), else
/// `target/deploy/bootstrap`.
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

/// A driver of `tests/clients`.
pub(crate) fn driver(name: &str) -> Result<PathBuf, Failure> {
    existing(
        &root().join("tests/clients").join(name),
        "it belongs to the repository",
    )
}

/// A file that `tests/clients/install` put under `target/clients`.
pub(crate) fn client_file(name: &str) -> Result<PathBuf, Failure> {
    existing(
        &root().join("target/clients").join(name),
        "run `tests/clients/install` first",
    )
}

/// The search path for programs that are part of the system, such as `node`.
pub(crate) fn search_path() -> Result<PathBuf, Failure> {
    from_environment("PATH").ok_or_else(|| Failure::new("the environment variable PATH is not set"))
}

/// The first of these programs that is on the search path.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = from_environment("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// What a program needs of the test's own environment to be found and to start.
pub(crate) fn searched() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let names = ["PATH", "HOME"].into_iter();
    names.filter_map(|name| Some((name, from_environment(name)?)))
}

/// The text of a file of the repository, by its path from the root.
pub(crate) fn text(path: &str) -> Result<String, Failure> {
    let file = existing(&root().join(path), "it belongs to the repository")?;
    std::fs::read_to_string(file)
        .map_err(|fault| Failure::new(format!("{path} cannot be read: {fault}")))
}

/// Where the local cloud is to note its secrets: `COS_EMULATOR_SECRET_LEDGER` (absolute, or relative to the root).
pub(crate) fn secret_ledger() -> Option<PathBuf> {
    from_environment("COS_EMULATOR_SECRET_LEDGER").map(|path| root().join(path))
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
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
