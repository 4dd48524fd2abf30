//! Runs a program as the documentation prints it.
//!
//! What is run is the only fenced block of its language in the page, unchanged, so a page that is
//! wrong fails its test. It sees the environment it is given, and `PATH` and `HOME`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Failure, Variables, installed};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A language that a page has a program in, with what runs a program from its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `node -`
    JavaScript,
    /// `python3 -`
    Python,
    /// `sh -s`
    Shell,
}

/// Runs the program in `page` (a path from the root) and hands back the JSON that it printed.
///
/// # Errors
/// When the page has no such program or two, when it cannot be run or does not end, and when it
/// prints anything but JSON.
pub async fn documented(
    page: &str,
    language: Language,
    settings: &Variables,
) -> Result<Value, Failure> {
    let text = installed::text(page)?;
    let (fence, program, argument) = match language {
        Language::JavaScript => ("\n```js\n", "node", "-"),
        Language::Python => ("\n```python\n", "python3", "-"),
        Language::Shell => ("\n```sh\n", "sh", "-s"),
    };
    let code = only_block(&text, fence)
        .ok_or_else(|| Failure::new(format!("{page} has not exactly one block {fence:?}")))?;
    let mut command = Command::new(program);
    command.arg(argument).env_clear().envs(installed::searched()?).envs(settings);
    let output = timeout(TIME_LIMIT, run(command, code));
    let output = output
        .await
        .map_err(|_| Failure::new(format!("the {language:?} of {page} did not end in time")))?
        .map_err(|fault| Failure::new(format!("`{program}` could not be run: {fault}")))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("the {language:?} of {page} printed no JSON; it said:\n{said}"))
    })
}

async fn run(mut command: Command, code: &str) -> Result<std::process::Output, std::io::Error> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(code.as_bytes()).await?;
    }
    child.wait_with_output().await
}

fn only_block<'t>(text: &'t str, fence: &str) -> Option<&'t str> {
    let mut blocks = text.split(fence).skip(1);
    let code = blocks.next()?.split("\n```\n").next()?;
    blocks.next().is_none().then_some(code)
}
