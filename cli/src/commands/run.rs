//! `run`: the whole cloud around one function, and one request that shows that it works.

mod functions;
mod introduction;
mod options;
mod parts;
mod session;

pub(crate) use self::options::RunOptions;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) async fn run(
    mut options: RunOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    if options.functions.is_empty() {
        options.function = options.function.or_else(|| environment.function());
    }
    session::run(&options, environment, terminal).await
}
