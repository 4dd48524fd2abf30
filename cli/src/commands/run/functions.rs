//! `[[function]]` tables of the options file: several functions in one cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use cos_emulator::{FunctionOptions, Platform};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::failure::Failure;
use crate::platform_options::{Limits, PlatformName, PlatformOptions, TriggerName};

/// `function` in the file: a path, or a table for each of several functions.
#[derive(Default)]
pub(super) enum FunctionKey {
    #[default]
    Missing,
    Path(PathBuf),
    Tables(Vec<FunctionTable>),
}

/// One function of several. What a table omits, it has from the top of the file or from the flags.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FunctionTable {
    pub(super) name: String,
    pub(super) binary: PathBuf,
    pub(super) port: Option<u16>,
    platform: Option<PlatformName>,
    trigger: Option<TriggerName>,
    timeout: Option<u16>,
    init_timeout: Option<u16>,
    memory: Option<u32>,
    max_instances: Option<u16>,
    concurrency: Option<u8>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
}

/// What every table has unless it sets something else.
pub(super) struct Common<'a> {
    pub(super) platform: &'a PlatformOptions,
    pub(super) limits: &'a Limits,
    pub(super) max_instances: Option<u16>,
    pub(super) concurrency: Option<u8>,
}

impl FunctionTable {
    /// The function, without its variables.
    pub(super) fn options(&self, common: &Common<'_>) -> Result<FunctionOptions, Failure> {
        let mut function = FunctionOptions::new(&self.name, &self.binary);
        function.platform = self.platform(common.platform)?;
        common.limits.limit(&mut function);
        self.limits()?.limit(&mut function);
        let instances = self.max_instances.or(common.max_instances);
        function.max_instances = instances.map_or(function.max_instances, usize::from);
        let own = self.concurrency.filter(|_| function.platform != Platform::ScfWeb);
        if own.is_some() || self.concurrency.is_some_and(|limit| !(1..=100).contains(&limit)) {
            return Err(self.refused(
                "concurrency: must be 1 to 100, and omitted without platform = \"scf-web\"",
            ));
        }
        let concurrency = self.concurrency.or(common.concurrency);
        function.concurrency = concurrency.map_or(function.concurrency, usize::from);
        Ok(function)
    }

    fn platform(&self, common: &PlatformOptions) -> Result<Platform, Failure> {
        let own = PlatformOptions { platform: self.platform, trigger: self.trigger };
        own.or(common).platform(PlatformName::ScfWeb).map_err(|failure| match failure {
            Failure::Usage(text) => self.refused(&text),
            other => other,
        })
    }

    fn limits(&self) -> Result<Limits, Failure> {
        let limits =
            Limits { timeout: self.timeout, init_timeout: self.init_timeout, memory: self.memory };
        for (name, value, least, most) in [
            ("timeout", self.timeout.map(u32::from), 1, 900),
            ("init-timeout", self.init_timeout.map(u32::from), 3, 300),
            ("memory", self.memory, 64, 10_240),
            ("max-instances", self.max_instances.map(u32::from), 1, 65_535),
        ] {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(self.refused(&format!("{name}: must be {least} to {most}")));
            }
        }
        Ok(limits)
    }

    fn refused(&self, text: &str) -> Failure {
        Failure::Usage(format!("function `{}`: {text}", self.name))
    }
}

/// Checks what the tables set together.
pub(super) fn check(tables: &[FunctionTable]) -> Result<(), String> {
    let mut ports = BTreeSet::new();
    for table in tables {
        let is_new = table.port.filter(|port| *port != 0).is_none_or(|port| ports.insert(port));
        if !is_new {
            return Err(format!("function `{}`: port: must be that of no other", table.name));
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for FunctionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrTables;

        impl<'de> Visitor<'de> for PathOrTables {
            type Value = FunctionKey;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a path, or [[function]] tables")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<FunctionKey, E> {
                Ok(FunctionKey::Path(path.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<FunctionKey, A::Error> {
                let tables = Vec::<FunctionTable>::deserialize(SeqAccessDeserializer::new(tables))?;
                check(&tables).map_err(de::Error::custom)?;
                Ok(FunctionKey::Tables(tables))
            }
        }

        deserializer.deserialize_any(PathOrTables)
    }
}
