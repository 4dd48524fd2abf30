//! `credential`: gets a credential for another program, and keeps it until it is about to end.

use std::path::{Path, PathBuf};

use clap::Args;
use tencent::names::{Bucket, Region};
use tencent::time::{Clock as _, SystemClock};

use crate::credential::{Cache, Issuer, Place, Representation, Wish, write_private};
use crate::deployment_url::DeploymentUrl;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::https_client::HttpsClient;
use crate::options::{bucket, region};
use crate::proof::ProofOptions;
use crate::request::read;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # Variables of a shell; the secret comes from a file, a pipe or a variable
  eval \"$(cos-issuer credential https://issuer.example.com --secret-env ISSUER_TOKEN)\"

  # A configuration of coscmd or coscli, which only you can read, and an upload with it
  cos-issuer credential https://issuer.example.com --secret-env ISSUER_TOKEN --format coscmd \\
      --bucket media-1250000000 --region ap-guangzhou --output cos.conf
  coscmd -c cos.conf upload -r public /

  # Tools of the S3 interface ask by themselves; in ~/.aws/config:
  #   [profile cos]
  #   credential_process = cos-issuer credential https://issuer.example.com --secret-file /home/me/key --format credential_process

  # Only what one upload needs
  cos-issuer credential https://issuer.example.com --secret-file key --format json --duration 900 --scope @scope.json

It is kept in ~/.cache/cos-issuer, for you only, and used again until five minutes are left, or half of a
shorter life.

Exit codes: 0 success, 1 refused or not reached, 2 invalid command line.")]
pub(crate) struct CredentialOptions {
    /// Where the deployment is; with BASE_PATH, the URL ends in it
    #[arg(value_name = "URL", value_parser = DeploymentUrl::parse)]
    url: DeploymentUrl,

    #[command(flatten)]
    proof: ProofOptions,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Representation::Env)]
    format: Representation,

    /// Write it to a file that only you can read, and not to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only what is granted in this bucket, with its appid
    #[arg(long, value_name = "NAME-APPID", value_parser = bucket, requires = "region")]
    bucket: Option<Bucket>,

    /// The region of the bucket
    #[arg(long, value_name = "REGION", value_parser = region, requires = "bucket")]
    region: Option<Region>,

    /// A shorter lifetime
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u32>,

    /// The scope array of the request, or @FILE to read it from a file, @- from standard input
    #[arg(long, value_name = "JSON|@FILE")]
    scope: Option<String>,

    /// Where COS is, for coscli and coscmd [default: https://cos.<region>.myqcloud.com]
    #[arg(long, value_name = "URL", value_parser = DeploymentUrl::parse)]
    cos: Option<DeploymentUrl>,

    /// Certificates to trust in addition to those of public authorities, a PEM file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Neither use nor keep a credential on disk
    #[arg(long)]
    no_cache: bool,
}

pub(crate) async fn run(
    options: CredentialOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let place = options.place()?;
    if options.format.needs_place() && place.is_none() {
        let text = "--bucket: must be given for coscli and coscmd, for example media-1250000000";
        return Err(Failure::Usage(text.to_owned()));
    }
    let wish = options.wish()?;
    let issuer = Issuer {
        client: HttpsClient::new(options.ca.as_deref())?,
        url: options.url,
        proof: options.proof.proof(environment)?,
    };
    let cache = directory(environment).filter(|_| !options.no_cache).map(Cache::new);
    let name = issuer.cache_name(&wish);
    let kept = cache.as_ref().and_then(|cache| cache.find(&name, SystemClock.now()));
    let credential = match kept {
        Some(credential) => credential,
        None => {
            let credential = issuer.fetch(&wish).await?;
            if let Some(Err(error)) = cache.map(|cache| cache.keep(&name, &credential)) {
                terminal.remark(format_args!("the credential is not kept: {error}"));
            }
            credential
        }
    };
    let text = options.format.text(&credential, place.as_ref()).map_err(Failure::Failed)?;
    match options.output {
        None => terminal.line(text.trim_end()),
        Some(path) => write_private(&path, &text).map_err(|error| cannot_write(&path, &error))?,
    }
    Ok(())
}

impl CredentialOptions {
    fn wish(&self) -> Result<Wish, Failure> {
        let scopes = match self.scope.as_deref().map(|text| (text, text.strip_prefix('@'))) {
            None => String::new(),
            Some((text, None)) => text.to_owned(),
            Some((_, Some(place))) => String::from_utf8(read(place)?)
                .map_err(|_| Failure::Usage("--scope: must be UTF-8".to_owned()))?,
        };
        let pairs = [
            ("durationSeconds", self.duration.map(|seconds| seconds.to_string())),
            ("bucket", self.bucket.as_ref().map(|bucket| bucket.as_str().to_owned())),
            ("region", self.region.as_ref().map(|region| region.as_str().to_owned())),
        ];
        let given = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Ok(Wish { query: given.collect(), scopes })
    }

    fn place(&self) -> Result<Option<Place>, Failure> {
        let (Some(bucket), Some(region)) = (&self.bucket, &self.region) else {
            return Ok(None);
        };
        let usual = format!("https://cos.{}.myqcloud.com", region.as_str());
        let usual = DeploymentUrl::parse(&usual).map_err(Failure::Usage)?;
        let cos = self.cos.clone().unwrap_or(usual);
        Ok(Some(Place { bucket: bucket.clone(), region: region.clone(), cos }))
    }
}

/// Where credentials are kept: <https://specifications.freedesktop.org/basedir-spec/latest/>.
fn directory(environment: &Environment) -> Option<PathBuf> {
    let given = |name| (environment.variable)(name).filter(|path| Path::new(path).is_absolute());
    let home = || Some(Path::new(&given("HOME")?).join(".cache"));
    let folder = given("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    Some(folder.join("cos-issuer"))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write `{}`: {error}", path.display()))
}
