//! One behaviour of a platform, and how it is known.

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
    /// The page of the platform's own documentation.
    Documented(&'static str),
    /// Seen in answers of the real service: where and when.
    Observed(&'static str),
    /// The vendor's own clients rely on it: which.
    SdkSource(&'static str),
    /// A conclusion that nobody has checked: from what.
    Inferred(&'static str),
    /// Only an account can show it: what this cloud does instead.
    NotKnown(&'static str),
}

impl Source {
    /// One word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Documented(_) => "documented",
            Self::Observed(_) => "observed",
            Self::SdkSource(_) => "sdk-source",
            Self::Inferred(_) => "inferred",
            Self::NotKnown(_) => "not known",
        }
    }

    /// The page, the place, the client, or the reasoning.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Documented(text)
            | Self::Observed(text)
            | Self::SdkSource(text)
            | Self::Inferred(text)
            | Self::NotKnown(text) => text,
        }
    }
}

/// A row of a table; an empty `test` is none.
pub(super) const fn entry(behaviour: &'static str, source: Source, test: &'static str) -> Entry {
    Entry { behaviour, source, test: if test.is_empty() { None } else { Some(test) } }
}
