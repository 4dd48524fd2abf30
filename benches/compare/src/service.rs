//! What is compared: both builds of the function, and three services that are made of the vendor's
//! packages, unmodified, with the few lines in `peers/` around them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::{BUCKET, Sts};

/// A program that answers `GET /sign`.
pub(crate) struct Service {
    pub(crate) name: &'static str,
    /// What it is, for the page.
    pub(crate) description: &'static str,
    pub(crate) is_ours: bool,
    kind: Kind,
    program: PathBuf,
}

#[derive(Clone, Copy)]
enum Kind {
    Ours,
    Flask { sts_package: &'static str },
    Express,
}

impl Service {
    /// Ours first.
    pub(crate) fn all(function: &Path, server: Option<&Path>) -> Result<Vec<Self>, Fault> {
        let python = Path::new("target/clients/venv/bin/python");
        let mut services = Vec::new();
        if let Some(server) = server {
            services.push(Self::new(
                "cos-issuer, server build",
                "`make server`: what the Debian package and the container image contain",
                Kind::Ours,
                server,
            )?);
        }
        services.extend([
            Self::new(
                "cos-issuer, function build",
                "`make build`: what SCF and Lambda run, here as a plain server",
                Kind::Ours,
                function,
            )?,
            Self::new(
                "Flask, gunicorn -w4, qcloud-python-sts",
                "the shape of the samples: four synchronous workers, the COS team's package",
                Kind::Flask { sts_package: "qcloud-python-sts" },
                python,
            )?,
            Self::new(
                "Flask, gunicorn -w4, tencentcloud-sdk-python-sts",
                "the same with the vendor's official SDK",
                Kind::Flask { sts_package: "tencentcloud-sdk-python-sts" },
                python,
            )?,
            Self::new(
                "Express, qcloud-cos-sts",
                "one Node.js process, the COS team's package",
                Kind::Express,
                Path::new("target/clients/bin/node"),
            )?,
        ]);
        Ok(services)
    }

    fn new(
        name: &'static str,
        description: &'static str,
        kind: Kind,
        program: &Path,
    ) -> Result<Self, Fault> {
        let program = std::path::absolute(program)?;
        Ok(Self { name, description, is_ours: matches!(kind, Kind::Ours), kind, program })
    }

    /// The program and its arguments.
    pub(crate) fn command(&self, port: u16) -> Vec<OsString> {
        let mut command = vec![self.program.clone().into_os_string()];
        match self.kind {
            Kind::Ours => {}
            Kind::Flask { .. } => {
                let bind = format!("127.0.0.1:{port}");
                let peers = "benches/compare/peers";
                command.extend(
                    [
                        "-m",
                        "gunicorn",
                        "-w4",
                        "-b",
                        &bind,
                        "--chdir",
                        peers,
                        "--log-level",
                        "warning",
                        "flask_app:app",
                    ]
                    .map(OsString::from),
                );
            }
            Kind::Express => command.push("benches/compare/peers/express_app.js".into()),
        }
        command
    }

    /// Everything that the program may know.
    pub(crate) fn environment(
        &self,
        port: u16,
        sts: &Sts,
        has_cache: bool,
    ) -> Result<Vec<(&'static str, OsString)>, Fault> {
        let mut environment: Vec<(&str, OsString)> = vec![
            ("SECRET_ID", "AKIDEMUbenchmark00000000000000000000".into()),
            ("SECRET_KEY", "emulatorbenchmark000000000000000".into()),
            ("CACHE", if has_cache { "on" } else { "off" }.into()),
            ("PORT", port.to_string().into()),
        ];
        let ca_file = sts.ca_file().as_os_str().to_owned();
        let endpoint = sts.endpoint();
        let sts_host = endpoint.strip_prefix("https://").ok_or("the STS has no host")?;
        match self.kind {
            Kind::Ours => environment.extend([
                ("HOST", "127.0.0.1".into()),
                ("BUCKET", BUCKET.into()),
                ("REGION", "ap-guangzhou".into()),
                ("PREFIX", "users/".into()),
                ("ALLOW", "upload".into()),
                ("AUTH", "none".into()),
                ("STS_ENDPOINTS", endpoint.into()),
                ("STS_CA_FILE", ca_file),
            ]),
            Kind::Flask { sts_package } => environment.extend([
                ("STS_PACKAGE", sts_package.into()),
                ("STS_HOST", sts_host.into()),
                ("REQUESTS_CA_BUNDLE", ca_file),
                ("PYTHONPATH", std::path::absolute("target/compare/python")?.into()),
                ("PYTHONDONTWRITEBYTECODE", "1".into()),
            ]),
            Kind::Express => {
                let modules = ["target/compare/node_modules", "target/clients/node_modules"];
                let modules = modules.map(std::path::absolute);
                let modules = modules.into_iter().collect::<Result<Vec<_>, _>>()?;
                environment.extend([
                    ("STS_HOST", sts_host.into()),
                    ("NODE_EXTRA_CA_CERTS", ca_file),
                    ("NODE_ENV", "production".into()),
                    ("NODE_PATH", std::env::join_paths(modules)?),
                ]);
            }
        }
        Ok(environment)
    }
}
