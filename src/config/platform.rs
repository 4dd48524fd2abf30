//! Where requests come from: the platform, `HOST`, `PORT`, `THREADS`, `ALLOWED_ORIGINS`,
//! `BASE_PATH`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use http::{HeaderValue, Uri};
use url::Url;

use super::environment::Environment;
use super::reader::{ConfigError, Reader, list};
use crate::runtime::Platform;
use crate::runtime::http_server::ServerSettings;

/// Where a server with these settings can be reached from this machine.
///
/// # Errors
/// What is wrong with `HOST` or `PORT`.
pub fn local_address(environment: &Environment) -> Result<SocketAddr, Vec<ConfigError>> {
    let no_file = |_: &str| Err(io::Error::from(io::ErrorKind::NotFound));
    let mut reader = Reader::new(environment, &no_file);
    let address = listen_address(&mut reader);
    reader.finish()?;
    let mut address = address.ok_or_else(Vec::new)?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    Ok(address)
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Platform> {
    let is_lambda = reader.is_set("AWS_LAMBDA_RUNTIME_API");
    match (is_lambda, reader.is_set("SCF_RUNTIME_API")) {
        (true, true) => {
            let text = "must not be set together with AWS_LAMBDA_RUNTIME_API";
            reader.error("SCF_RUNTIME_API", text);
            None
        }
        (true, false) => lambda(reader),
        (false, true) => scf(reader),
        (false, false) => server(reader),
    }
}

/// `lambda_runtime` panics without these variables.
fn lambda(reader: &mut Reader<'_>) -> Option<Platform> {
    let text = |_: &str| Ok::<(), &str>(());
    reader.parsed("AWS_LAMBDA_RUNTIME_API", |text| {
        let uri = format!("http://{text}").parse::<Uri>();
        uri.map_err(|_| "must be `host:port`, for example `127.0.0.1:9001`")
    })?;
    reader.required("AWS_LAMBDA_FUNCTION_NAME", "cos-issuer", text)?;
    reader.required("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST", text)?;
    reader.required("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128", |text| {
        text.parse::<i32>().map_err(|_| "must be a whole number, for example `128`")
    })?;
    Some(Platform::Lambda)
}

fn scf(reader: &mut Reader<'_>) -> Option<Platform> {
    reader.warn(RETURN_VALUES_ARE_LOGGED);
    let port = reader.required("SCF_RUNTIME_API_PORT", "9001", |text| {
        text.parse::<u16>().map_err(|_| "must be a port, for example `9001`")
    })?;
    reader.parsed("SCF_RUNTIME_API", |host| {
        let url = format!("http://{host}:{port}");
        let is_host = Url::parse(&url).is_ok_and(|parsed| {
            parsed.path() == "/" && parsed.port_or_known_default() == Some(port)
        });
        let platform = is_host.then_some(Platform::ScfEvent(url));
        platform.ok_or("must be a host, for example `127.0.0.1`")
    })
}

fn listen_address(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let port = reader.number("PORT", PORT, 0..=65_535);
    let host = reader.parsed_or("HOST", IpAddr::V4(Ipv4Addr::UNSPECIFIED), |text| {
        text.parse().map_err(|_| "must be an IP address, for example `127.0.0.1`")
    });
    Some(SocketAddr::new(host?, u16::try_from(port?).ok()?))
}

fn server(reader: &mut Reader<'_>) -> Option<Platform> {
    let address = listen_address(reader);
    let allowed_hosts = reader.parsed_or("ALLOWED_HOSTS", None, |text| {
        let hosts: Option<Vec<String>> = list(text).map(host_name).collect();
        let hosts = hosts.filter(|hosts| !hosts.is_empty());
        hosts
            .map(Some)
            .ok_or("must be comma-separated host names without port, for example `sts.example.com`")
    })?;
    let is_scf =
        reader.optional("TENCENTCLOUD_RUNENV").is_some_and(|name| name.eq_ignore_ascii_case("scf"));
    let most = if is_scf { SCF_CONNECTIONS } else { CONNECTIONS };
    let connections_max = reader.number("CONNECTIONS_MAX", most, 1..=1_000_000);
    let threads = threads(reader, is_scf);
    let shutdown_delay = reader.number("SHUTDOWN_DELAY_MS", 1000, 0..=3_600_000);
    let shutdown_grace = reader.number("SHUTDOWN_GRACE_MS", 10_000, 0..=3_600_000);
    let (shutdown_delay, shutdown_grace) = (shutdown_delay?, shutdown_grace?);
    if shutdown_delay > shutdown_grace {
        let text = format!("must be at least SHUTDOWN_DELAY_MS ({shutdown_delay})");
        reader.error("SHUTDOWN_GRACE_MS", text);
    }
    Some(Platform::Server(ServerSettings {
        address: address?,
        allowed_hosts,
        is_scf,
        reads_role_keys: reads_role_keys(reader)?,
        metrics_address: None,
        connections_max: usize::try_from(connections_max?).ok()?,
        threads: threads?,
        shutdown_delay: Duration::from_millis(shutdown_delay.into()),
        shutdown_grace: Duration::from_millis(shutdown_grace.into()),
    }))
}

/// `THREADS`. SCF sends one request at a time, and a thread more is a slower start.
fn threads(reader: &mut Reader<'_>, is_scf: bool) -> Option<usize> {
    if is_scf {
        if reader.is_set("THREADS") {
            reader.error("THREADS", "has no effect in SCF functions: remove it");
        }
        return Some(1);
    }
    let cores = available_parallelism().map_or(1, NonZeroUsize::get).min(1024);
    let threads = reader.number("THREADS", u32::try_from(cores).ok()?, 1..=1024)?;
    usize::try_from(threads).ok()
}

/// `ROLE_KEYS`. Not confirmed by the vendor for functions with an image, so it has to be chosen.
fn reads_role_keys(reader: &mut Reader<'_>) -> Option<bool> {
    reader.choice("ROLE_KEYS", false, &[("variables", false), ("headers", true)])
}

/// A leading `.` is not a wildcard, so no name may begin with it.
fn host_name(text: &str) -> Option<String> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(known);
    text.split('.').all(is_label).then(|| text.to_ascii_lowercase())
}

/// What follows from both the platform and `AUTH`.
pub(super) fn check(reader: &mut Reader<'_>, platform: Platform, is_anonymous: bool) -> Platform {
    let Platform::Server(mut server) = platform else {
        if reads_role_keys(reader) == Some(true) {
            let text = "must not be `headers` here: only an HTTP server gets these headers";
            reader.error("ROLE_KEYS", text);
        }
        for variable in SERVER_SETTINGS {
            if reader.is_set(variable) {
                let text = "has no effect on Lambda and SCF event functions: remove it";
                reader.error(variable, text);
            }
        }
        return platform;
    };
    if is_anonymous && !server.address.ip().to_canonical().is_loopback() {
        reader.warn(EVERYONE_IS_SERVED);
    } else if is_anonymous && !server.is_scf && server.allowed_hosts.is_none() {
        // A page could reach this server under a name that resolves to a loopback address.
        server.allowed_hosts = Some(vec!["localhost".to_owned()]);
    }
    Platform::Server(server)
}

/// Whole origins only: a wildcard would let any page read the credentials.
pub(super) fn allowed_origins(reader: &mut Reader<'_>) -> Option<Vec<HeaderValue>> {
    reader.parsed_or("ALLOWED_ORIGINS", Vec::new(), |text| {
        let origins: Option<Vec<HeaderValue>> = list(text).map(origin).collect();
        origins.ok_or(
            "must be comma-separated origins as browsers send them, for example \
             `https://app.example.com`, without `*`",
        )
    })
}

fn origin(text: &str) -> Option<HeaderValue> {
    // The URL parser accepts `*` and `%2a` in a host, but no browser sends such an origin.
    let known = |byte: u8| byte.is_ascii_graphic() && byte != b'*' && byte != b'%';
    if !text.bytes().all(known) {
        return None;
    }
    let origin = Url::parse(text).ok()?.origin();
    let is_whole = origin.is_tuple() && origin.ascii_serialization() == text;
    is_whole.then(|| HeaderValue::from_str(text).ok())?
}

pub(super) fn base_path(reader: &mut Reader<'_>) -> Option<String> {
    reader.parsed_or("BASE_PATH", String::new(), |text| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let is_path = text.starts_with('/') && !text.ends_with('/') && !text.contains("//");
        let path = (is_path && text.chars().all(known)).then(|| text.to_owned());
        path.ok_or("must be a path without a final `/`, for example `/credentials`")
    })
}

const SERVER_SETTINGS: [&str; 5] =
    ["ALLOWED_HOSTS", "CONNECTIONS_MAX", "SHUTDOWN_DELAY_MS", "SHUTDOWN_GRACE_MS", "THREADS"];

const CONNECTIONS: u32 = 4096;

/// SCF allows 1024 descriptors, and each connection may need a second one to STS.
const SCF_CONNECTIONS: u32 = 400;

/// The port that SCF requires of a web function.
/// <https://www.tencentcloud.com/document/product/583/40688>
const PORT: u32 = 9000;

const EVERYONE_IS_SERVED: &str = "AUTH=none on an address that others can reach: everyone who \
     reaches it gets credentials; name a method in AUTH, or set HOST=127.0.0.1";

/// SCF logs what an event function returns (`RetMsg`). That cannot be switched off.
const RETURN_VALUES_ARE_LOGGED: &str = "SCF writes what an event function returns, issued \
     credentials included, to the platform log: deploy a web function instead";
