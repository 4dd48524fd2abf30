//! The command line of the benchmark.
//!
//! # Guarantees
//!
//! An unknown option, a missing path or a number of nought is a fault that names it.

use crate::comparison::Effort;
use crate::service::Log;
use cos_issuer_bench_sts::fault::Fault;
use lexopt::prelude::{Long, Short, Value, ValueExt as _};
use std::path::PathBuf;

/// What was asked for.
pub(crate) enum Command {
    Help,
    Run(Options),
}

/// A comparison, which is some rows of the table.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Function,
    Server,
    Threads,
    Cache,
    Token,
    Grants,
    Idle,
}

const PARTS: [(&str, Part); 7] = [
    ("function", Part::Function),
    ("server", Part::Server),
    ("threads", Part::Threads),
    ("cache", Part::Cache),
    ("token", Part::Token),
    ("grants", Part::Grants),
    ("idle", Part::Idle),
];

/// How to measure, and what.
pub(crate) struct Options {
    pub(crate) effort: Effort,
    /// Where the logs of the services go.
    pub(crate) log: Log,
    /// Which comparisons, in this order.
    pub(crate) parts: Vec<Part>,
    /// The deployed function.
    pub(crate) function: PathBuf,
    /// The same program, as servers run it.
    pub(crate) server: PathBuf,
    /// The plain reference.
    pub(crate) reference: PathBuf,
    /// The bare server.
    pub(crate) bare: PathBuf,
}

pub(crate) const HELP: &str = "\
Usage: cos-issuer-load --function PATH --server PATH --reference PATH --bare PATH [--rounds N]
                       [--milliseconds N] [--log awake|asleep|file] [PART ...]

  --function PATH   the deployed binary, `bootstrap`
  --server PATH     the same program, built for servers
  --reference PATH  the plain reference
  --bare PATH       the bare server
  --rounds N        counted pairs of slices (default 20)
  --milliseconds N  of each slice (default 500)
  --log WHERE       where the logs go: `awake`, to a reader that does not sleep (default);
                    `asleep`, to one that each write wakes; `file`
  PART              function, server, threads, cache, token, grants or idle (default all)
";

/// Reads the options that follow the program's name.
pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Command, Fault> {
    let (mut rounds, mut milliseconds) = (20, 500);
    let (mut parts, mut log) = (Vec::new(), Log::Awake);
    let (mut function, mut server, mut reference, mut bare) = (None, None, None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("rounds") => rounds = number("--rounds", &mut arguments)?,
            Long("milliseconds") => milliseconds = number("--milliseconds", &mut arguments)?,
            Long("log") => {
                log = match arguments.value()?.string()?.as_str() {
                    "awake" => Log::Awake,
                    "asleep" => Log::Asleep,
                    "file" => Log::File,
                    _ => return Err("--log takes awake, asleep or file".into()),
                }
            }
            Long("function") => function = Some(PathBuf::from(arguments.value()?)),
            Long("server") => server = Some(PathBuf::from(arguments.value()?)),
            Long("reference") => reference = Some(PathBuf::from(arguments.value()?)),
            Long("bare") => bare = Some(PathBuf::from(arguments.value()?)),
            Value(name) => parts.push(part(&name.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    if parts.is_empty() {
        parts = PARTS.map(|(_, part)| part).into();
    }
    Ok(Command::Run(Options {
        parts,
        log,
        effort: Effort { rounds: rounds.into(), seconds: f64::from(milliseconds) / 1000.0 },
        function: path("--function", function)?,
        server: path("--server", server)?,
        reference: path("--reference", reference)?,
        bare: path("--bare", bare)?,
    }))
}

fn part(name: &str) -> Result<Part, Fault> {
    let part = PARTS.iter().find(|(known, _)| *known == name);
    let unknown = || format!("{name}: no such part; see --help");
    part.map(|(_, part)| *part).ok_or_else(|| unknown().into())
}

/// Without a folder, a name would be searched for elsewhere.
fn path(option: &str, path: Option<PathBuf>) -> Result<PathBuf, Fault> {
    let path = path.ok_or_else(|| format!("{option} PATH is missing"))?;
    std::path::absolute(&path).map_err(|fault| format!("{}: {fault}", path.display()).into())
}

fn number(option: &str, arguments: &mut lexopt::Parser) -> Result<u16, Fault> {
    match arguments.value()?.parse::<u16>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} takes a whole number from 1 to {}", u16::MAX).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    fn parsed(arguments: &[&str]) -> Result<Command, String> {
        parse(lexopt::Parser::from_args(arguments.iter().copied()))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_fault_names_its_option() {
        let paths = ["--function", "a", "--server=b", "--reference=c", "--bare=d"];
        assert!(matches!(parsed(&paths), Ok(Command::Run(_))));
        for (arguments, named) in [
            (vec!["--server", "b"], "--function"),
            (vec!["--rounds", "0"], "--rounds"),
            (vec!["--milliseconds", "many"], "--milliseconds"),
            (vec!["--log", "nowhere"], "--log"),
            (vec!["--fast"], "--fast"),
            (vec!["function", "fast"], "fast"),
        ] {
            let fault = parsed(&arguments).err().unwrap();
            assert!(fault.contains(named), "{arguments:?}: {fault}");
        }
    }
}
