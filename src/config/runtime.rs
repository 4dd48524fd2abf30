//! Where requests come from, and what surrounds them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderValue;
use url::Url;

use super::Environment;
use super::reader::{Reader, list};

/// Where requests come from. Chosen from the environment, never from an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// AWS Lambda: the runtime API that `AWS_LAMBDA_RUNTIME_API` names.
    Lambda,
    /// Tencent SCF, event function: the base URL of the runtime API, from `SCF_RUNTIME_API` and `SCF_RUNTIME_API_PORT`.
    ScfEvent(String),
    /// An HTTP server: SCF web functions, containers, a laptop.
    Server(SocketAddr),
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the usual words")]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// Reads `LOG`. It comes before everything else, so that problems can be logged; a word that is not known means `info`,
    /// and the rest of the configuration reports it.
    pub fn read(environment: &Environment) -> Self {
        let word = environment.text("LOG").ok().flatten();
        LOG_LEVELS
            .iter()
            .find(|(name, _)| Some(*name) == word)
            .map_or(Self::Info, |(_, level)| *level)
    }
}

pub(super) fn platform(reader: &mut Reader<'_>) -> Option<Platform> {
    if reader.optional("LOG").is_some() {
        reader.choice("LOG", &LOG_LEVELS);
    }
    let lambda = reader.optional("AWS_LAMBDA_RUNTIME_API").is_some();
    let scf = reader.optional("SCF_RUNTIME_API").is_some();
    match (lambda, scf) {
        (true, true) => {
            reader.problem(
                "SCF_RUNTIME_API",
                "is set together with AWS_LAMBDA_RUNTIME_API: one platform at a time",
            );
            None
        }
        (true, false) => lambda_platform(reader),
        (false, true) => scf_platform(reader),
        (false, false) => server(reader),
    }
}

/// What `lambda_runtime` insists on; it would panic without them.
fn lambda_platform(reader: &mut Reader<'_>) -> Option<Platform> {
    let number = |text: &str| {
        text.parse::<i32>()
            .map(drop)
            .map_err(|_| "must be a whole number")
    };
    let text = |_: &str| Ok::<(), &str>(());
    let api = |text: &str| {
        format!("http://{text}")
            .parse::<http::Uri>()
            .map(drop)
            .map_err(|_| "must be `host:port`")
    };
    reader.parsed("AWS_LAMBDA_RUNTIME_API", api)?;
    reader.required("AWS_LAMBDA_FUNCTION_NAME", "cos-issuer", text)?;
    reader.required("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST", text)?;
    reader.required("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128", number)?;
    Some(Platform::Lambda)
}

fn scf_platform(reader: &mut Reader<'_>) -> Option<Platform> {
    let port = reader.required("SCF_RUNTIME_API_PORT", "9001", |text| {
        text.parse::<u16>().map_err(|_| "must be a port")
    })?;
    reader.parsed("SCF_RUNTIME_API", |host| {
        let url = format!("http://{host}:{port}");
        let is_host = Url::parse(&url).is_ok_and(|parsed| {
            parsed.path() == "/" && parsed.port_or_known_default() == Some(port)
        });
        if is_host {
            Ok(Platform::ScfEvent(url))
        } else {
            Err("must be a host")
        }
    })
}

fn server(reader: &mut Reader<'_>) -> Option<Platform> {
    let port = reader
        .number("PORT", PORT, 0..=65_535)
        .and_then(|port| u16::try_from(port).ok());
    let address = match reader.optional("HOST") {
        None => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        Some(_) => reader.parsed("HOST", |text| {
            text.parse()
                .map_err(|_| "must be an IP address, as `127.0.0.1`")
        }),
    };
    Some(Platform::Server(SocketAddr::new(address?, port?)))
}

/// Exact origins, since a wildcard hands the answer to any page.
pub(super) fn allowed_origins(reader: &mut Reader<'_>) -> Option<Vec<HeaderValue>> {
    if reader.optional("ALLOWED_ORIGINS").is_none() {
        return Some(Vec::new());
    }
    reader.parsed("ALLOWED_ORIGINS", |text| {
        let origins: Option<Vec<HeaderValue>> = list(text).map(origin).collect();
        origins.ok_or("takes origins as browsers write them, as `https://app.example.com`, with commas between; no `*`")
    })
}

fn origin(text: &str) -> Option<HeaderValue> {
    // Browsers write ASCII, with nothing encoded, and no wildcard: who writes one expects it to match, and it would not.
    let known = |byte: u8| byte.is_ascii_graphic() && byte != b'*' && byte != b'%';
    if !text.bytes().all(known) {
        return None;
    }
    let origin = Url::parse(text).ok()?.origin();
    if origin.is_tuple() && origin.ascii_serialization() == text {
        HeaderValue::from_str(text).ok()
    } else {
        None
    }
}

pub(super) fn base_path(reader: &mut Reader<'_>) -> Option<String> {
    if reader.optional("BASE_PATH").is_none() {
        return Some(String::new());
    }
    reader.parsed("BASE_PATH", |text| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let shaped = text.starts_with('/') && !text.ends_with('/') && !text.contains("//");
        if shaped && text.chars().all(known) {
            Ok(text.to_owned())
        } else {
            Err("has the form `/credentials`")
        }
    })
}

/// The port that SCF expects of a web function. <https://www.tencentcloud.com/document/product/583/40688>
const PORT: u32 = 9000;

const LOG_LEVELS: [(&str, LogLevel); 6] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
