//! What is there before the cloud is, and what its callbacks print and keep.

use std::sync::{Arc, Mutex, PoisonError};

use cos_emulator::CloudBuilder;

use crate::activity::Activity;
use crate::callers::Callers;
use crate::loopback::Port;
use crate::report::print_sts_call;
use crate::terminal::{Stream, Terminal};

pub(super) struct Parts {
    pub(super) callers: Option<Arc<Callers>>,
    pub(super) console: Option<Port>,
    pub(super) second_port: u16,
    pub(super) activity: Arc<Activity>,
    /// What the function printed before it was ready: shown if it never is.
    startup_output: Arc<Mutex<Option<Vec<String>>>>,
}

/// What is printed on standard output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Requests, the log of function and platform, STS calls and their policies.
    Everything,
    /// The same without the policies.
    Log,
    /// Nothing: it is for another program.
    Nothing,
    /// Requests, and warnings of the function.
    Requests,
}

impl Parts {
    pub(super) fn new(
        callers: Option<Arc<Callers>>,
        console: Option<Port>,
        second_port: u16,
    ) -> Self {
        let activity = Arc::new(Activity::new(callers.clone()));
        let startup_output = Arc::new(Mutex::new(Some(Vec::new())));
        Self { callers, console, second_port, activity, startup_output }
    }

    /// Takes what the function printed so far; from now on only its warnings are shown.
    pub(super) fn startup_output(&self) -> Vec<String> {
        let mut output = self.startup_output.lock().unwrap_or_else(PoisonError::into_inner);
        output.take().unwrap_or_default()
    }

    /// Prints and keeps what happens in the cloud.
    pub(super) fn observe(
        &self,
        builder: CloudBuilder,
        output: Output,
        terminal: Terminal,
    ) -> CloudBuilder {
        let (sts, gateway) = (Arc::clone(&self.activity), Arc::clone(&self.activity));
        let (cos, log) = (Arc::clone(&self.activity), Arc::clone(&self.activity));
        let startup_output = Arc::clone(&self.startup_output);
        builder
            .on_sts_call(move |call| {
                let record = sts.sts_call(call);
                match output {
                    Output::Everything => print_sts_call(call, true, terminal),
                    Output::Log => print_sts_call(call, false, terminal),
                    Output::Requests if !record.is_allowed => terminal.request(false, &record),
                    Output::Requests | Output::Nothing => {}
                }
            })
            .on_gateway_call(move |call| {
                let record = gateway.gateway_call(call);
                if output != Output::Nothing {
                    terminal.request(record.is_allowed, &record);
                }
            })
            .on_cos_call(move |call| {
                let record = cos.cos_call(call);
                // Browsers send a preflight before most requests.
                let is_noise = call.operation == "OptionsObject" && record.is_allowed;
                if output != Output::Nothing && !is_noise {
                    terminal.request(record.is_allowed, &record);
                }
            })
            .on_function_output(move |line| {
                log.function_output(line);
                match output {
                    // Standard output is only for the other program.
                    Output::Nothing => terminal.function_output(line, Stream::Error),
                    Output::Everything | Output::Log => {
                        terminal.function_output(line, Stream::Out);
                    }
                    Output::Requests => {
                        let startup = startup_output.lock();
                        match startup.unwrap_or_else(PoisonError::into_inner).as_mut() {
                            Some(lines) => lines.push(line.to_owned()),
                            None if is_a_problem(line) => {
                                terminal.function_output(line, Stream::Out);
                            }
                            None => {}
                        }
                    }
                }
            })
    }
}

/// Whether a line of the function's log is a warning or worse.
fn is_a_problem(line: &str) -> bool {
    ["\"level\":\"WARN\"", "\"level\":\"ERROR\""].iter().any(|level| line.contains(level))
}
