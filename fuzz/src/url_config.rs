//! Settings that hold addresses: `STS_ENDPOINTS` and `ALLOWED_ORIGINS`.
//!
//! Promises tried: nothing brings the configuration down; an endpoint is reached by HTTPS unless it is this machine, and has no user,
//! path or query; an origin is one that a browser writes, without a wildcard; a problem never tells the value.
//!
//! An input is the endpoints, and behind a line `---` the origins.

use std::sync::Arc;

use cos_issuer::config::{Config, Environment};
use cos_issuer::sts::{Endpoint, EndpointError};
use tencent::time::SystemClock;

/// Tries one input. Returns whether it was taken.
pub fn url_config(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (endpoints, origins) = text.split_once("\n---\n").unwrap_or((text, ""));
    for text in items(endpoints).take(ITEMS_MAX) {
        if let Ok(endpoint) = Endpoint::parse(text) {
            is_bare(&endpoint);
        }
    }
    // Without its file there is no client to build, which would take most of the time.
    let problems = read(endpoints, origins, "missing")
        .err()
        .unwrap_or_default();
    assert!(
        problems
            .iter()
            .any(|(variable, _)| *variable == "STS_CA_FILE")
    );
    for (variable, told) in &problems {
        assert!(
            is_a_known_text(variable, told),
            "{told}: the value may be in it"
        );
    }
    let is_refused = |name: &str| problems.iter().any(|(variable, _)| *variable == name);
    let are_endpoints = items(endpoints).all(|text| Endpoint::parse(text).is_ok());
    let has_endpoints = endpoints.is_empty() || items(endpoints).next().is_some();
    assert_eq!(
        is_refused("STS_ENDPOINTS"),
        !(are_endpoints && has_endpoints)
    );
    if !is_refused("ALLOWED_ORIGINS") {
        assert!(items(origins).all(is_origin), "{origins}");
    }
    let is_taken = problems.len() == 1;
    if is_taken {
        let config = read(endpoints, origins, "").unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(config.handler.allowed_origins.iter().eq(items(origins)));
        let endpoints = &config.handler.issuer.endpoints;
        assert!(endpoints.iter().all(|endpoint| !endpoint.host().is_empty()));
    }
    is_taken
}

/// A problem is told in the same words whatever the value is.
fn is_a_known_text(variable: &str, told: &str) -> bool {
    let text = told
        .strip_prefix(variable)
        .and_then(|rest| rest.strip_prefix(": "));
    let faults = [
        EndpointError::NotBare,
        EndpointError::Plain,
        EndpointError::Url,
    ];
    match (variable, text) {
        ("STS_ENDPOINTS", Some(text)) => {
            text == "names no endpoint" || faults.iter().any(|fault| fault.to_string() == text)
        }
        ("ALLOWED_ORIGINS", Some(_)) => {
            let problems = read("", "*", "missing").err().unwrap_or_default();
            problems.iter().any(|(_, known)| known == told)
        }
        (variable, _) => variable == "STS_CA_FILE",
    }
}

fn is_bare(endpoint: &Endpoint) {
    let (url, host) = (endpoint.url(), endpoint.host());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let octets: Vec<&str> = name.split('.').collect();
    let is_byte = |octet: &&str| octet.parse::<u8>().is_ok();
    let is_this_machine = ["localhost", "[::1]"].contains(&name)
        || (octets.len() == 4 && octets[0] == "127" && octets.iter().all(is_byte));
    let scheme = if endpoint.is_plain() { "http" } else { "https" };
    assert_eq!(url, format!("{scheme}://{host}/"));
    assert_eq!(endpoint.is_loopback(), is_this_machine, "{url}");
    assert!(is_this_machine || !endpoint.is_plain(), "{url}");
    assert!(
        !name.is_empty() && host.chars().all(|c| c.is_ascii_graphic()),
        "{url}"
    );
    assert!(
        !host.contains(['@', '/', '?', '#', '\\', '%', '*', ',']),
        "{url}"
    );
    assert!(
        Endpoint::parse(url).as_ref() == Ok(endpoint),
        "{url} is read as another"
    );
}

/// As browsers write them: scheme, host, and a port that is not the scheme's own.
fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let is_known = ["http", "https", "ws", "wss", "ftp"].contains(&scheme);
    let odd = |c: char| !c.is_ascii_graphic() || c.is_ascii_uppercase() || "/@?#\\*%,".contains(c);
    is_known && !rest.is_empty() && !rest.contains(odd)
}

/// What a list of a setting holds.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// The configuration with these two settings. A problem is its variable and what is told.
fn read(
    endpoints: &str,
    origins: &str,
    ca_file: &str,
) -> Result<Config, Vec<(&'static str, String)>> {
    let environment: Environment = [
        ("AUTH", "none"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("BUCKET", "examplebucket-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        ("STS_ENDPOINTS", endpoints),
        ("ALLOWED_ORIGINS", origins),
        ("STS_CA_FILE", ca_file),
    ]
    .into_iter()
    .collect();
    let no_file = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    Config::read(&environment, &no_file, Arc::new(SystemClock)).map_err(|problems| {
        let told =
            |problem: &cos_issuer::config::ConfigError| (problem.variable(), problem.to_string());
        problems.iter().map(told).collect()
    })
}

/// Bounds the time of one input.
const ITEMS_MAX: usize = 64;
