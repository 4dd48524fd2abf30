//! The arguments of the binary. Platforms start it without any, and then it serves.

use std::ffi::OsString;

/// What the arguments ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Reads the settings and prints what they grant, or every problem.
    Check,
    /// Asks the server on this machine whether it is alive.
    HealthCheck,
    /// Prints the arguments.
    Help,
    /// Serves requests.
    Serve,
    /// Prints the version.
    Version,
}

/// The arguments are not one of those that [`HELP`] lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("arguments: must be none, or one of --check, --healthcheck, --help and --version")]
pub struct ArgumentError;

impl Command {
    /// The command of these arguments, without the name of the program.
    ///
    /// # Errors
    /// [`ArgumentError`] for an unknown argument, or more than one.
    pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, ArgumentError> {
        let Some(argument) = arguments.next() else {
            return Ok(Self::Serve);
        };
        let command = match argument.to_str() {
            Some("--check") => Self::Check,
            Some("--healthcheck") => Self::HealthCheck,
            Some("--help" | "-h") => Self::Help,
            Some("--version" | "-V") => Self::Version,
            Some(_) | None => return Err(ArgumentError),
        };
        if arguments.next().is_some() { Err(ArgumentError) } else { Ok(command) }
    }
}

/// What `--help` prints.
pub const HELP: &str = "\
Serves credentials for Tencent Cloud Object Storage. The settings are environment variables.

Usage: bootstrap [--check | --healthcheck | --help | --version]

  (no argument)   serve requests, as the platform of the environment asks for
  --check         read the settings and print what they grant to whom, or every problem;
                  exits with 0 if the function would start, otherwise with 1
  --healthcheck   ask the server on this machine for /livez on PORT;
                  exits with 0 if it is alive, otherwise with 1
  --help          print this
  --version       print version, git revision and target
";

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{ArgumentError, Command};

    #[test]
    fn at_most_one_known_argument_is_accepted() {
        let parse = |arguments: &[&str]| Command::parse(arguments.iter().map(OsString::from));
        for (arguments, command) in [
            (&[][..], Command::Serve),
            (&["--check"], Command::Check),
            (&["--healthcheck"], Command::HealthCheck),
            (&["--help"], Command::Help),
            (&["-h"], Command::Help),
            (&["--version"], Command::Version),
            (&["-V"], Command::Version),
        ] {
            assert_eq!(parse(arguments), Ok(command), "{arguments:?}");
        }
        let refused: [&[&str]; 6] = [
            &[""],
            &["--Check"],
            &["check"],
            &["--version=1"],
            &["--check", "--check"],
            &["--check", ""],
        ];
        for arguments in refused {
            assert_eq!(parse(arguments), Err(ArgumentError), "{arguments:?}");
        }
    }
}
