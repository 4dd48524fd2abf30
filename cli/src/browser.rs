//! Opens the console in the user's browser.
//!
//! # Guarantees
//! The token is in no argument of a program, where other users of the machine could read it: the
//! browser opens a file that only this user can read, and that leads to the page.

use std::io;
use std::process::{Command, Stdio};

use crate::running::{PrivateFile, RuntimeDirectory};

/// Opens `url`. The file may go away once the browser has read it.
pub(crate) fn open(url: &str, directory: &RuntimeDirectory) -> io::Result<PrivateFile> {
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>cos-issuer</title>\n\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\"><a href=\"{url}\">cos-issuer</a>\n"
    );
    let file = directory.write("console.html", &page)?;
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    let mut command = Command::new(program);
    command.arg(file.path()).stdin(quiet()).stdout(quiet()).stderr(quiet());
    let mut child = command.spawn()?;
    // Reaps it, whenever it ends.
    std::thread::spawn(move || child.wait());
    Ok(file)
}
