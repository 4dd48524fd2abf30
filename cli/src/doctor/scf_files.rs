//! What only SCF knows about a function: its configuration and its log, exported by the operator.
//!
//! # Guarantees
//! Of the configuration only the members named here are kept: its variables contain secrets.

use serde::Deserialize;
use serde_json::Value;

/// What the operator has exported.
#[derive(Default)]
pub(crate) struct ScfFiles {
    pub(super) function: Option<ScfFunction>,
    pub(super) log: Option<ScfLog>,
}

/// The answer of GetFunction: <https://www.tencentcloud.com/document/product/583/18584>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScfFunction {
    /// `HTTP` for a web function, `Event` for an event function.
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) runtime: String,
    #[serde(default)]
    pub(super) status: String,
    pub(super) timeout: Option<u32>,
    pub(super) init_timeout: Option<u32>,
    pub(super) instance_concurrency_config: Option<InstanceConcurrency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceConcurrency {
    pub(super) max_concurrency: Option<u32>,
}

/// What is of interest in a log, by the numbers of its lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScfLog {
    /// Lines that record an issued credential, as they should.
    pub(super) granted: usize,
    /// Lines that contain a credential.
    pub(super) exposed: Vec<usize>,
}

impl ScfFiles {
    /// Reads what `tccli scf GetFunction` printed.
    pub(crate) fn with_function(mut self, text: &str) -> Result<Self, String> {
        let form = "must be the output of `tccli scf GetFunction --FunctionName NAME`";
        let value: Value = serde_json::from_str(text).map_err(|_| form.to_owned())?;
        let value = value.get("Response").cloned().unwrap_or(value);
        let function: ScfFunction = serde_json::from_value(value).map_err(|_| form.to_owned())?;
        if function.kind.is_empty() {
            return Err(form.to_owned());
        }
        self.function = Some(function);
        Ok(self)
    }

    /// Reads lines of the log, in any form that CLS or the console exports.
    pub(crate) fn with_log(mut self, text: &str) -> Self {
        let lines = || (1..).zip(text.lines());
        let is_exposed = |line: &str| MEMBERS.iter().any(|member| line.contains(member));
        let is_granted = |line: &str| line.contains("outcome") && line.contains("granted");
        let granted = lines().filter(|(_, line)| is_granted(line)).count();
        let exposed = lines().filter(|(_, line)| is_exposed(line)).map(|(number, _)| number);
        self.log = Some(ScfLog { granted, exposed: exposed.collect() });
        self
    }
}

/// Members of answers that only a credential has.
const MEMBERS: [&str; 4] = ["sessionToken", "tmpSecretKey", "TmpSecretKey", "SessionToken"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_read_with_or_without_the_response_around_it() {
        for text in [
            r#"{"Type":"HTTP","InitTimeout":10,"Environment":{"Variables":[]}}"#,
            r#"{"Response":{"Type":"HTTP","InitTimeout":10}}"#,
        ] {
            let files = ScfFiles::default().with_function(text).unwrap();
            let function = files.function.unwrap();
            assert_eq!((function.kind.as_str(), function.init_timeout), ("HTTP", Some(10)));
        }
        for text in ["", "[]", "{}", r#"{"Error":{"Code":"ResourceNotFound"}}"#] {
            assert!(ScfFiles::default().with_function(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lines_with_a_credential_are_counted_and_never_kept() {
        let log = |text: &str| ScfFiles::default().with_log(text).log.unwrap();
        let audit = r#"{"message":"decision","outcome":"granted"}"#;
        assert_eq!(log(audit), ScfLog { granted: 1, exposed: Vec::new() });
        let exposed = "START\nRetMsg:{\\\"sessionToken\\\":\\\"x\\\"}";
        assert_eq!(log(exposed), ScfLog { granted: 0, exposed: vec![2] });
    }
}
