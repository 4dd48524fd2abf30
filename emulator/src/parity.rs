//! The truth table: each behaviour of a platform that this cloud copies, and how it is known.
//!
//! # Guarantees
//! This is the only list; `cos-issuer parity` prints it and `docs/emulator-parity.md` is written
//! from it; the test that an entry names exists. Rely on what is inferred in no code that will be
//! deployed.
//!
//! # Not covered
//! What is this cloud's own, such as its faults and its admin API.

mod cam;
mod cos;
mod cos_auth;
mod entry;
mod events;
mod gateway;
mod runtime;
mod sts;

use self::entry::entry;
pub use self::entry::{Entry, Source};
use serde_json::{Value, json};

/// A part of the cloud and what it copies.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// As a heading.
    pub title: &'static str,
    /// Its behaviours.
    pub entries: &'static [Entry],
}

/// Every part, in the order in which a request meets them.
pub const SERVICES: [Service; 7] = [
    Service { title: "Gateways", entries: &gateway::ENTRIES },
    Service { title: "Events and replies", entries: &events::ENTRIES },
    Service { title: "Runtime", entries: &runtime::ENTRIES },
    Service { title: "STS", entries: &sts::ENTRIES },
    Service { title: "CAM", entries: &cam::ENTRIES },
    Service { title: "COS: authentication and authorization", entries: &cos_auth::ENTRIES },
    Service { title: "COS: operations", entries: &cos::ENTRIES },
];

/// Every behaviour with the part it belongs to.
pub fn entries() -> impl Iterator<Item = Line> {
    SERVICES.iter().flat_map(|service| {
        let line = |entry| Line { service: service.title, entry };
        service.entries.iter().map(line)
    })
}

/// A behaviour with the part it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The part's title.
    pub service: &'static str,
    /// The behaviour.
    pub entry: &'static Entry,
}

impl Line {
    /// For other programs.
    pub fn to_json(&self) -> Value {
        json!({
            "service": self.service,
            "behaviour": self.entry.behaviour,
            "source": self.entry.source.kind(),
            "detail": self.entry.source.detail(),
            "test": self.entry.test,
        })
    }
}

/// How many behaviours are known in which way.
pub fn summary() -> String {
    let count = |kind: &str| entries().filter(|line| line.entry.source.kind() == kind).count();
    format!(
        "{} behaviours: {} documented, {} observed, {} from SDK source, {} inferred, {} not known",
        entries().count(),
        count("documented"),
        count("observed"),
        count("sdk-source"),
        count("inferred"),
        count("not known"),
    )
}

/// The page in the documentation.
pub fn markdown() -> String {
    let mut page = format!(
        "# What the local cloud copies, and how it is known\n\n\
         Written by `cos-issuer parity --markdown`. {}.\n\n\
         *Documented* names the page, *observed* where answers of the real service were seen, *sdk-source* which of the vendor's\n\
         clients relies on it. *Inferred* is a conclusion that is not checked against the real service: do not rely on it.\n\
         *Not known* is what only an account can show: this cloud takes the worst case.\n",
        summary()
    );
    for service in SERVICES {
        if service.entries.is_empty() {
            continue;
        }
        page.push_str(&format!(
            "\n## {}\n\n| Behaviour | Known | Test |\n|---|---|---|\n",
            service.title
        ));
        for entry in service.entries {
            let known = match entry.source {
                Source::Documented(url) => format!("[documented]({url})"),
                source => format!("{}: {}", source.kind(), source.detail()),
            };
            let test = entry.test.map_or_else(String::new, |test| format!("`{test}`"));
            page.push_str(&format!("| {} | {known} | {test} |\n", entry.behaviour));
        }
    }
    page
}
