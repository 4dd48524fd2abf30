//! The command line of the benchmark.
//!
//! # Guarantees
//!
//! An unknown option, a missing path or a count of nought is a fault that names it.

use cos_issuer_bench_sts::fault::Fault;
use lexopt::prelude::{Long, Short, ValueExt as _};
use std::path::PathBuf;

/// What was asked for.
pub(crate) enum Command {
    Help,
    Run(Options),
}

/// How to measure, and what.
pub(crate) struct Options {
    /// Counted pairs of cold starts.
    pub(crate) runs: usize,
    /// Further invocations on each instance after its first.
    pub(crate) warm: usize,
    /// The binary under test.
    pub(crate) function: PathBuf,
    /// The binary to compare it with.
    pub(crate) hello: PathBuf,
    /// The smallest issuer, to compare it with too.
    pub(crate) minimal: PathBuf,
}

pub(crate) const HELP: &str = "\
Usage: cos-issuer-bench --function PATH --hello PATH --minimal PATH [--runs N] [--warm N]

  --function PATH  the deployed binary, `bootstrap`
  --hello PATH     the hello-world function to compare it with
  --minimal PATH   the smallest issuer, to compare it with too
  --runs N         counted pairs of cold starts (default 60)
  --warm N         further invocations on each instance (default 40)
";

/// Reads the options that follow the program's name.
pub(crate) fn parse(mut arguments: lexopt::Parser) -> Result<Command, Fault> {
    let (mut runs, mut warm) = (60, 40);
    let (mut function, mut hello, mut minimal) = (None, None, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("runs") => runs = count("--runs", &mut arguments)?,
            Long("warm") => warm = count("--warm", &mut arguments)?,
            Long("function") => function = Some(PathBuf::from(arguments.value()?)),
            Long("hello") => hello = Some(PathBuf::from(arguments.value()?)),
            Long("minimal") => minimal = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Run(Options {
        runs,
        warm,
        function: function.ok_or("--function PATH is missing")?,
        hello: hello.ok_or("--hello PATH is missing")?,
        minimal: minimal.ok_or("--minimal PATH is missing")?,
    }))
}

fn count(option: &str, arguments: &mut lexopt::Parser) -> Result<usize, Fault> {
    match arguments.value()?.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} takes a whole number above 0").into()),
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
    fn counts_have_defaults_and_paths_have_none() {
        let Ok(Command::Run(options)) = parsed(&["--function", "a", "--hello=b", "--minimal=c"])
        else {
            panic!("all paths were given");
        };
        assert_eq!((options.runs, options.warm), (60, 40));
        assert_eq!(options.function.as_os_str(), "a");
        assert_eq!(options.hello.as_os_str(), "b");
        assert_eq!(options.minimal.as_os_str(), "c");
    }

    #[test]
    fn a_fault_names_its_option() {
        for (arguments, named) in [
            (vec!["--hello", "b"], "--function"),
            (vec!["--function", "a"], "--hello"),
            (vec!["--function", "a", "--hello", "b"], "--minimal"),
            (vec!["--runs", "0"], "--runs"),
            (vec!["--warm", "many"], "--warm"),
            (vec!["--fast"], "--fast"),
        ] {
            let fault = parsed(&arguments).err().unwrap();
            assert!(fault.contains(named), "{arguments:?}: {fault}");
        }
    }
}
