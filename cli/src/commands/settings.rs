//! Flags and the file of settings, brought together: a flag wins over the file, the file over the default.
//!
//! Promises: the file has the flags' own names; an unknown key, a wrong type or a fault that makes no sense is an error with its
//! file and line, before anything starts. One file serves all commands: a key that a command does not need is left alone.
//! Leaves out: looking for a file that nobody named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cos_emulator::{CloudBuilder, EmulatedClock, FaultRule, Platform};
use serde::Deserialize;

use super::Failure;
use super::arguments::{EventName, PlatformName, Run, Shared, Sts};

/// What `run` goes by.
pub(crate) struct RunSettings {
    pub(crate) function: PathBuf,
    pub(crate) platform: Platform,
    pub(crate) port: u16,
    pub(crate) cos_port: u16,
    pub(crate) data: Option<PathBuf>,
    pub(crate) cors: Vec<String>,
    pub(crate) memory_mb: Option<u32>,
    pub(crate) max_instances: Option<u16>,
    pub(crate) call_timeout_ms: Option<u64>,
    pub(crate) no_freeze: bool,
    pub(crate) no_watch: bool,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) freeze_jump_seconds: i64,
    pub(crate) verbose: bool,
    pub(crate) once: bool,
    pub(crate) shared: SharedSettings,
}

/// What `sts` goes by.
pub(crate) struct StsSettings {
    pub(crate) port: u16,
    pub(crate) shared: SharedSettings,
}

/// What every command that starts a cloud goes by.
pub(crate) struct SharedSettings {
    account: Option<PathBuf>,
    faults: Vec<FaultRule>,
    seed: Option<u64>,
    trace: Option<PathBuf>,
    admin_port: u16,
    pub(crate) json: bool,
}

impl RunSettings {
    pub(crate) fn read(run: &Run) -> Result<Self, Failure> {
        let file = File::read(run.shared.config.as_deref())?;
        let function = run.function.clone().or_else(|| file.function.clone());
        let function = function.ok_or_else(|| {
            Failure::Usage(
                "which function? Give --function PATH, or `function` in the file of --config"
                    .to_owned(),
            )
        })?;
        let name = run.platform.or(file.platform).unwrap_or(PlatformName::Scf);
        let event = run.event.or(file.event);
        let jump = run.freeze_jump.as_ref().or(file.freeze_jump.as_ref());
        let freeze_jump_seconds = match jump {
            Some(jump) => EmulatedClock::parse_span(jump).ok_or_else(|| {
                Failure::Usage(format!(
                    "--freeze-jump is a number of seconds or a span such as 40m, not `{jump}`"
                ))
            })?,
            None => 0,
        };
        let mut env = file.env.clone();
        env.extend(run.env.iter().cloned());
        Ok(Self {
            function,
            platform: name.with(event).map_err(Failure::Usage)?,
            port: run.port.or(file.port).unwrap_or(5000),
            cos_port: run.cos_port.or(file.cos_port).unwrap_or(0),
            data: run.data.clone().or_else(|| file.data.clone()),
            cors: if run.cors.is_empty() {
                file.cors.clone()
            } else {
                run.cors.clone()
            },
            memory_mb: run.memory_mb.or(file.memory_mb),
            max_instances: run.max_instances.or(file.max_instances),
            call_timeout_ms: run.call_timeout_ms.or(file.call_timeout_ms),
            no_freeze: run.no_freeze || file.no_freeze,
            no_watch: run.no_watch || file.no_watch,
            env,
            freeze_jump_seconds,
            verbose: run.verbose || file.verbose,
            once: run.once || file.once,
            shared: SharedSettings::read(&run.shared, file)?,
        })
    }
}

impl StsSettings {
    pub(crate) fn read(sts: &Sts) -> Result<Self, Failure> {
        let file = File::read(sts.shared.config.as_deref())?;
        // `port` of the file is the gateway's.
        Ok(Self {
            port: sts.port.unwrap_or(0),
            shared: SharedSettings::read(&sts.shared, file)?,
        })
    }
}

impl SharedSettings {
    fn read(shared: &Shared, file: File) -> Result<Self, Failure> {
        let faults = match shared.faults.clone().or(file.faults) {
            Some(path) => FaultRule::from_toml(&text(&path)?)
                .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?,
            None => Vec::new(),
        };
        Ok(Self {
            account: shared.account.clone().or(file.account),
            faults,
            seed: shared.seed.or(file.seed),
            trace: shared.trace.clone().or(file.trace),
            admin_port: shared.admin_port.or(file.admin_port).unwrap_or(0),
            json: shared.json || file.json,
        })
    }

    /// The builder with these settings.
    pub(crate) fn apply(&self, builder: CloudBuilder) -> CloudBuilder {
        let mut builder = builder.admin_port(self.admin_port);
        if let Some(account) = &self.account {
            builder = builder.account_file(account);
        }
        for rule in &self.faults {
            builder = builder.fault(rule.clone());
        }
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        if let Some(trace) = &self.trace {
            builder = builder.trace_file(trace);
        }
        builder
    }
}

/// The file of settings. Its keys are the flags' names; `env` is a table.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    account: Option<PathBuf>,
    admin_port: Option<u16>,
    call_timeout_ms: Option<u64>,
    cors: Vec<String>,
    cos_port: Option<u16>,
    data: Option<PathBuf>,
    env: BTreeMap<String, String>,
    event: Option<EventName>,
    faults: Option<PathBuf>,
    freeze_jump: Option<String>,
    function: Option<PathBuf>,
    json: bool,
    max_instances: Option<u16>,
    memory_mb: Option<u32>,
    no_freeze: bool,
    no_watch: bool,
    once: bool,
    platform: Option<PlatformName>,
    port: Option<u16>,
    seed: Option<u64>,
    trace: Option<PathBuf>,
    verbose: bool,
}

impl File {
    fn read(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            Some(path) => toml::from_str(&text(path)?).map_err(|error| {
                Failure::Usage(format!(
                    "{}: {}",
                    path.display(),
                    error.to_string().trim_end()
                ))
            }),
            None => Ok(Self::default()),
        }
    }
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::File;
    use crate::commands::arguments::Arguments;

    #[test]
    fn the_file_knows_every_flag_by_its_name() {
        let command = Arguments::command();
        let mut flags = 0;
        for name in ["run", "sts"] {
            let command = command.find_subcommand(name).unwrap();
            for flag in command.get_arguments().filter_map(|flag| flag.get_long()) {
                if ["config", "help"].contains(&flag) {
                    continue;
                }
                flags += 1;
                // No key takes a list of lists.
                let error = toml::from_str::<File>(&format!("{flag} = [[]]")).err();
                let error = error.unwrap().to_string();
                assert!(!error.contains("unknown field"), "{name} --{flag}: {error}");
            }
        }
        assert!(flags > 12);
    }
}
