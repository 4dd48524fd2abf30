//! `parity`: the truth table, for people, for programs, and as the page in the documentation.

use cos_emulator::parity::{self, Entry};

use super::arguments::Parity;
use super::console::Console;

pub(crate) fn run(parity: &Parity, console: Console) {
    if parity.markdown {
        console.line(parity::markdown().trim_end());
        return;
    }
    if parity.json {
        for entry in parity::entries() {
            console.line(entry.to_json());
        }
        return;
    }
    for service in parity::SERVICES {
        console.title(service.title);
        for entry in service.entries {
            console.line(format_args!(
                "  {:<11} {}",
                entry.source.kind(),
                entry.behaviour
            ));
            console.pair("", detail(entry));
        }
        console.line("");
    }
    console.line(parity::summary());
}

fn detail(entry: &Entry) -> String {
    let test = entry.test.map_or_else(
        || "no test of its own".to_owned(),
        |test| format!("test: {test}"),
    );
    format!("{} ({test})", entry.source.detail())
}
