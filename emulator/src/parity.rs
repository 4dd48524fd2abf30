//! The truth table: each behaviour of a platform that this cloud copies, and how it is known.
//!
//! Promises: this is the only list; `cos-emulator parity` prints it and `docs/emulator-parity.md` is written from it; the test that
//! an entry names exists. Rely on what is inferred in no code that will be deployed.
//! Leaves out: what is this cloud's own, such as its faults and its admin API.

mod cam;
mod cos;
mod cos_auth;
mod events;
mod gateway;
mod runtime;
mod sts;

use serde_json::{Value, json};

/// A part of the cloud and what it copies.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// As a heading.
    pub title: &'static str,
    /// Its behaviours.
    pub entries: &'static [Entry],
}

/// One behaviour.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What happens, in one sentence.
    pub behaviour: &'static str,
    /// How that is known.
    pub source: Source,
    /// The test that shows it here; `None` where only others' tests touch it.
    pub test: Option<&'static str>,
}

/// How a behaviour is known, the surest first.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The platform's own documentation says so: the page.
    Documented(&'static str),
    /// Seen in answers of the real service: where and when.
    Observed(&'static str),
    /// The vendor's own clients rely on it: which.
    SdkSource(&'static str),
    /// A conclusion that nobody has checked: from what.
    Inferred(&'static str),
}

/// Every part, in the order in which a request meets them.
pub const SERVICES: [Service; 7] = [
    Service {
        title: "Gateways",
        entries: &gateway::ENTRIES,
    },
    Service {
        title: "Events and replies",
        entries: &events::ENTRIES,
    },
    Service {
        title: "Runtime",
        entries: &runtime::ENTRIES,
    },
    Service {
        title: "STS",
        entries: &sts::ENTRIES,
    },
    Service {
        title: "CAM",
        entries: &cam::ENTRIES,
    },
    Service {
        title: "COS: who comes in",
        entries: &cos_auth::ENTRIES,
    },
    Service {
        title: "COS: operations",
        entries: &cos::ENTRIES,
    },
];

/// Every behaviour with the part it belongs to.
pub fn entries() -> impl Iterator<Item = Line> {
    SERVICES.iter().flat_map(|service| {
        let line = |entry| Line {
            service: service.title,
            entry,
        };
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

impl Source {
    /// One word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Documented(_) => "documented",
            Self::Observed(_) => "observed",
            Self::SdkSource(_) => "sdk-source",
            Self::Inferred(_) => "inferred",
        }
    }

    /// The page, the place, the client, or the reasoning.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Documented(text)
            | Self::Observed(text)
            | Self::SdkSource(text)
            | Self::Inferred(text) => text,
        }
    }
}

/// How many behaviours are known in which way.
pub fn summary() -> String {
    let count = |kind: &str| {
        entries()
            .filter(|line| line.entry.source.kind() == kind)
            .count()
    };
    format!(
        "{} behaviours: {} documented, {} observed, {} from SDK source, {} inferred",
        entries().count(),
        count("documented"),
        count("observed"),
        count("sdk-source"),
        count("inferred"),
    )
}

/// The page in the documentation.
pub fn markdown() -> String {
    let mut page = format!(
        "# What the local cloud copies, and how it is known\n\n\
         Written by `cos-emulator parity --markdown`. {}.\n\n\
         *Documented* names the page, *observed* where answers of the real service were seen, *sdk-source* which of the vendor's\n\
         clients relies on it. *Inferred* is a conclusion that nobody has checked against the real service: do not rely on it.\n",
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
            let test = entry
                .test
                .map_or_else(String::new, |test| format!("`{test}`"));
            page.push_str(&format!("| {} | {known} | {test} |\n", entry.behaviour));
        }
    }
    page
}

const fn documented(behaviour: &'static str, page: &'static str, test: &'static str) -> Entry {
    entry(behaviour, Source::Documented(page), test)
}

const fn observed(behaviour: &'static str, seen: &'static str, test: &'static str) -> Entry {
    entry(behaviour, Source::Observed(seen), test)
}

const fn sdk_source(behaviour: &'static str, client: &'static str, test: &'static str) -> Entry {
    entry(behaviour, Source::SdkSource(client), test)
}

const fn inferred(behaviour: &'static str, from: &'static str, test: &'static str) -> Entry {
    entry(behaviour, Source::Inferred(from), test)
}

const fn entry(behaviour: &'static str, source: Source, test: &'static str) -> Entry {
    Entry {
        behaviour,
        source,
        test: if test.is_empty() { None } else { Some(test) },
    }
}
