//! Runs one driver of `tests/clients` and hands back the JSON line that it printed.
//!
//! The driver sees only the environment it is given (and `PATH`), so a proxy or certificate setting
//! of the machine cannot change what is tested.
//!
//! # Not covered
//!
//! What the line should say.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Failure, Variables, installed};

/// Longer than any driver needs; a driver that hangs fails its test instead of the whole run.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A real client, by its driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// npm `cos-nodejs-sdk-v5`, `cos-js-sdk-v5` or `cos-wx-sdk-v5` with a `getAuthorization`
    /// callback.
    CosGetAuthorization,
    /// npm `cos-nodejs-sdk-v5` or `cos-wx-sdk-v5` against a COS.
    Cos,
    /// PyPI `cos-python-sdk-v5` against a COS.
    CosPython,
    /// The program of `examples/mini-program` in its host.
    ExampleMiniProgram,
    /// PyPI `prometheus-client` against the address for metrics.
    Prometheus,
    /// npm `qcloud-cos-sts`.
    QcloudCosSts,
    /// PyPI `qcloud-python-sts`.
    QcloudPythonSts,
    /// PyPI `boto3` against a COS.
    S3Python,
    /// PyPI `tencentcloud-sdk-python-sts`.
    TencentCloudSdkSts,
}

impl Client {
    /// Runs the driver with these arguments and settings; the top of the driver's file documents
    /// both.
    ///
    /// # Errors
    /// When the driver is not installed, does not end in time, or prints anything but one JSON
    /// line.
    pub async fn drive(self, arguments: &[&str], settings: &Variables) -> Result<Value, Failure> {
        let mut command = self.command()?;
        command.args(arguments).envs(settings);
        let driver = format!("{} {}", self.driver(), arguments.join(" "));
        let output = timeout(TIME_LIMIT, command.output())
            .await
            .map_err(|_elapsed| {
                Failure::new(format!("`{driver}` did not end within {TIME_LIMIT:?}"))
            })?
            .map_err(|fault| Failure::new(format!("`{driver}` could not be started: {fault}")))?;
        only_line(&output).ok_or_else(|| unreadable(&driver, &output))
    }

    fn command(self) -> Result<Command, Failure> {
        let mut command = Command::new(self.interpreter()?);
        command
            .arg(installed::driver(self.driver())?)
            .env_clear()
            .env("PATH", installed::search_path()?)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    const fn driver(self) -> &'static str {
        match self {
            Self::CosGetAuthorization => "cos_get_authorization.js",
            Self::Cos => "cos_client.js",
            Self::CosPython => "cos_client.py",
            Self::ExampleMiniProgram => "example_mini_program.js",
            Self::Prometheus => "prometheus_metrics.py",
            Self::QcloudCosSts => "qcloud_cos_sts.js",
            Self::QcloudPythonSts => "qcloud_python_sts.py",
            Self::S3Python => "s3_client.py",
            Self::TencentCloudSdkSts => "tencentcloud_sdk_sts.py",
        }
    }

    fn interpreter(self) -> Result<PathBuf, Failure> {
        match self {
            Self::CosGetAuthorization
            | Self::Cos
            | Self::ExampleMiniProgram
            | Self::QcloudCosSts => Ok("node".into()),
            Self::CosPython
            | Self::Prometheus
            | Self::QcloudPythonSts
            | Self::S3Python
            | Self::TencentCloudSdkSts => installed::client_file("venv/bin/python"),
        }
    }
}

fn only_line(output: &Output) -> Option<Value> {
    let text = str::from_utf8(&output.stdout).ok()?;
    let mut lines = text.lines();
    let line = serde_json::from_str(lines.next()?).ok()?;
    lines.next().is_none().then_some(line)
}

fn unreadable(driver: &str, output: &Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    Failure::new(format!(
        "`{driver}` ended with {} and not with one JSON line; it said:\n{said}",
        output.status
    ))
}
