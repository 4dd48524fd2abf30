//! `doctor`: asks a deployment, and prints what is wrong with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tencent::names::{Bucket, Region};

use crate::deployment::read_text;
use crate::deployment_url::DeploymentUrl;
use crate::doctor::{Place, Prober, Questions, Report, ScfFiles, State, examine};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::https_client::HttpsClient;
use crate::options::{Span, bucket, region};
use crate::proof::{Proof, ProofOptions};
use crate::stop_signal::StopSignal;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # Without a proof: TLS, CORS, clock, caches, and whether callers without proof are refused
  cos-issuer doctor https://issuer.example.com --origin https://app.example.com

  # As a caller; the secret comes from a file, a pipe or a variable, never from the command line
  cos-issuer doctor https://issuer.example.com --secret-file token.txt
  cos-issuer doctor https://issuer.example.com --with hmac --secret-env ISSUER_KEY     # KEY_ID=KEY

  # Nothing outside of the grant, and one object is written, read and deleted
  cos-issuer doctor https://issuer.example.com --secret-file token.txt \\
      --bucket media-1250000000 --region ap-guangzhou --prefix users/user-1/ --write

  # SCF: the open points of scf/README.md, with what only the platform knows
  tccli scf GetFunction --FunctionName cos-issuer > function.json
  cos-issuer doctor https://….scf.tencentcs.com --secret-file token.txt --scf-function function.json --scf-log log.txt

  # A local cloud that runs (`make run` prints the address of the function that knows the users)
  cos-issuer doctor http://127.0.0.1:5002 --as user-1 --write \\
      --bucket examplebucket-1250000000 --region ap-guangzhou --prefix users/user-1/

  # Every five minutes, a line of JSON for each run; or from cron, which mails what is printed
  cos-issuer doctor https://issuer.example.com --secret-file token.txt --json --watch 5m
  */5 * * * * cos-issuer doctor https://issuer.example.com --secret-file /etc/doctor/key --quiet

A run sends about thirty requests, and STS is called for a few of them. It refuses to send a proof over
plain HTTP to another machine. docs/doctor.md describes each check.

Exit codes: 0 no finding, 1 findings, 2 it could not run.")]
pub(crate) struct DoctorOptions {
    /// Where the deployment is; with BASE_PATH, the URL ends in it
    #[arg(value_name = "URL", value_parser = DeploymentUrl::parse)]
    url: DeploymentUrl,

    #[command(flatten)]
    proof: ProofOptions,

    /// The origin of a page that asks it, for example https://app.example.com
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    origin: Option<String>,

    /// A bucket that is granted to the caller, with its appid
    #[arg(long, value_name = "NAME-APPID", value_parser = bucket, requires = "region")]
    bucket: Option<Bucket>,

    /// The region of the bucket
    #[arg(long, value_name = "REGION", value_parser = region, requires = "bucket")]
    region: Option<Region>,

    /// The prefix that is granted to the caller in it; / for the whole bucket
    #[arg(long, value_name = "PREFIX", value_parser = prefix, requires = "bucket")]
    prefix: Option<String>,

    /// Write, read and delete one object below --prefix, and try to write one outside
    #[arg(long, requires = "prefix")]
    write: bool,

    /// Ask for a credential of this lifetime too, and wait until it has expired
    #[arg(long, value_name = "SECONDS", requires = "write")]
    expire: Option<u32>,

    /// An extension for which the deployment generates keys
    #[arg(long, value_name = "EXTENSION", default_value = "jpg")]
    extension: String,

    /// How long a credential may live
    #[arg(long, value_name = "SECONDS", default_value_t = 7200)]
    max_lifetime: u32,

    /// Where COS is, with the places {Bucket} and {Region} [default: that of the local cloud with
    /// --as, else https://{Bucket}.cos.{Region}.myqcloud.com]
    #[arg(long, value_name = "URL")]
    cos: Option<String>,

    /// Certificates to trust in addition to those of public authorities, a PEM file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Ask what is particular to SCF
    #[arg(long)]
    scf: bool,

    /// The output of `tccli scf GetFunction`
    #[arg(long, value_name = "FILE")]
    scf_function: Option<PathBuf>,

    /// Lines of the function's log, exported after a credential was issued
    #[arg(long, value_name = "FILE")]
    scf_log: Option<PathBuf>,

    /// Print one line of JSON for each run
    #[arg(long)]
    json: bool,

    /// Print only findings
    #[arg(long, conflicts_with = "json")]
    quiet: bool,

    /// Run again after each interval, for example 5m, until Ctrl-C
    #[arg(long, value_name = "SPAN", value_parser = interval)]
    watch: Option<Duration>,
}

pub(crate) async fn run(
    options: DoctorOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    // Whatever prevents a run is not a finding.
    run_each(&options, environment, terminal).await.map_err(|failure| match failure {
        Failure::Failed(text) => Failure::Usage(text),
        Failure::Usage(_) | Failure::Refused => failure,
    })
}

async fn run_each(
    options: &DoctorOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let client = Arc::new(HttpsClient::new(options.ca.as_deref())?);
    let mut stop = StopSignal::listen()?;
    loop {
        // Tokens are replaced between runs.
        let proof = options.proof.proof(environment)?;
        let local_cos = proof.as_ref().and_then(Proof::local_cos);
        let prober = Prober {
            client: Arc::clone(&client),
            url: options.url.clone(),
            cos: options.cos.as_deref().or(local_cos).unwrap_or(COS).to_owned(),
            proof,
        };
        let questions = options.questions()?;
        let report = tokio::select! {
            report = examine(&prober, questions) => report?,
            () = stop.received() => return Err(Failure::Failed("it was stopped".to_owned())),
        };
        options.print(&report, terminal);
        let outcome = if report.findings == 0 { Ok(()) } else { Err(Failure::Refused) };
        let Some(interval) = options.watch else {
            return outcome;
        };
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stop.received() => return outcome,
        }
    }
}

const COS: &str = "https://{Bucket}.cos.{Region}.myqcloud.com";

impl DoctorOptions {
    fn questions(&self) -> Result<Questions, Failure> {
        let place = match (&self.bucket, &self.region) {
            (Some(bucket), Some(region)) => Some(Place {
                bucket: bucket.clone(),
                region: region.clone(),
                prefix: self.prefix.clone().unwrap_or_default(),
            }),
            _ => None,
        };
        Ok(Questions {
            origin: self.origin.clone(),
            place,
            extension: self.extension.clone(),
            writes: self.write,
            expire_seconds: self.expire,
            max_lifetime_seconds: self.max_lifetime,
            scf: self.scf_files()?,
        })
    }

    fn scf_files(&self) -> Result<Option<ScfFiles>, Failure> {
        if !self.scf && self.scf_function.is_none() && self.scf_log.is_none() {
            return Ok(None);
        }
        let mut files = ScfFiles::default();
        if let Some(path) = &self.scf_function {
            let found = files.with_function(&read_text(path)?);
            files = found.map_err(|error| Failure::Usage(format!("--scf-function: {error}")))?;
        }
        if let Some(path) = &self.scf_log {
            files = files.with_log(&read_text(path)?);
        }
        Ok(Some(files))
    }

    fn print(&self, report: &Report, terminal: Terminal) {
        if self.json {
            if let Ok(line) = serde_json::to_string(report) {
                terminal.line(line);
            }
            return;
        }
        for entry in &report.checks {
            match entry.state {
                State::Good if !self.quiet => {
                    terminal.step(true, format_args!("{}: {}", entry.name, entry.text));
                }
                State::Skipped if !self.quiet => {
                    terminal.skipped(format_args!("{}: {}", entry.name, entry.text));
                }
                State::Good | State::Skipped => {}
                State::Finding => {
                    terminal.step(false, format_args!("{}: {}", entry.name, entry.text));
                    terminal.line(format_args!("    fix: {}", entry.fix.unwrap_or_default()));
                }
            }
        }
        if !self.quiet {
            let Report { good, findings, skipped, .. } = report;
            terminal.line(format_args!("good: {good}, findings: {findings}, skipped: {skipped}"));
        }
    }
}

fn origin(text: &str) -> Result<String, String> {
    let url = DeploymentUrl::parse(text).ok();
    match url.filter(|url| url.to_string() == text && url.path("").is_empty()) {
        Some(_) => Ok(text.to_owned()),
        None => Err("must be an origin, for example https://app.example.com".to_owned()),
    }
}

/// Without a leading `/`, as keys are.
fn prefix(text: &str) -> Result<String, String> {
    if text == "/" {
        return Ok(String::new());
    }
    if text.is_empty() || text.starts_with('/') || !text.ends_with('/') {
        return Err("must end in /, for example users/user-1/; / is the whole bucket".to_owned());
    }
    Ok(text.to_owned())
}

/// The time between two runs.
fn interval(text: &str) -> Result<Duration, String> {
    let Span(seconds) = text.parse()?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "must be longer than 0, for example 5m".to_owned())
}
