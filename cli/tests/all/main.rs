//! Tests of the command line: one binary, one file for each subject.
//!
//! Each test starts the program on free ports.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which the clippy switches for tests do not cover"
)]

mod callers;
mod command_line;
mod compare;
mod explain;
mod lint;
mod migrate;
mod options_file;
mod parity;
mod request_commands;
mod several_functions;
mod simulate;
mod support;
