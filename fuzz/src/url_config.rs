//! Settings that contain addresses: `STS_ENDPOINTS` and `ALLOWED_ORIGINS`.
//!
//! # Guarantees tested
//! - No input makes the configuration panic, and an error never contains the value.
//! - An endpoint is HTTPS unless it is this machine, without user, path and query.
//! - An origin is one that a browser sends, without a wildcard.
//!
//! An input is the endpoints and, after a line `---`, the origins.

use cos_issuer::config::{ConfigError, Environment, Settings};
use cos_issuer::sts::Endpoint;

/// Tests one input. Returns whether it was accepted.
pub fn url_config(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (endpoints, origins) = text.split_once("\n---\n").unwrap_or((text, ""));
    for text in items(endpoints).take(MAX_ITEMS) {
        if let Ok(endpoint) = Endpoint::parse(text) {
            is_bare(&endpoint);
        }
    }
    let are_endpoints = items(endpoints).all(|text| Endpoint::parse(text).is_ok());
    let has_endpoints = endpoints.is_empty() || items(endpoints).next().is_some();
    let outcome = read(endpoints, origins);
    let errors = outcome.as_ref().err().map_or(&[][..], Vec::as_slice);
    let is_refused = |name: &str| errors.iter().any(|error| error.variable() == name);
    assert_eq!(is_refused("STS_ENDPOINTS"), !(are_endpoints && has_endpoints));
    assert!(errors.iter().all(is_a_fixed_text), "{errors:?}: it may contain the value");
    if let Ok(settings) = &outcome {
        assert!(items(origins).all(is_origin), "{origins}");
        assert!(settings.allowed_origins.iter().eq(items(origins)));
        let parsed = items(if endpoints.is_empty() { DEFAULT } else { endpoints });
        let parsed = parsed.filter_map(|text| Endpoint::parse(text).ok());
        assert!(parsed.eq(settings.sts.endpoints.iter().cloned()));
    }
    outcome.is_ok()
}

/// The same text whatever the value is.
fn is_a_fixed_text(error: &ConfigError) -> bool {
    let examples = match error.variable() {
        "STS_ENDPOINTS" => vec![(",", ""), ("a/b", ""), ("http://a", ""), ("*", "")],
        "ALLOWED_ORIGINS" => vec![("", "*")],
        _ => return false,
    };
    let known = |(endpoints, origins)| read(endpoints, origins).err().unwrap_or_default();
    examples.into_iter().flat_map(known).any(|known| known == *error)
}

fn is_bare(endpoint: &Endpoint) {
    let (url, host) = (endpoint.url().as_str(), endpoint.host());
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
    assert!(!name.is_empty() && host.chars().all(|c| c.is_ascii_graphic()), "{url}");
    assert!(!host.contains(['@', '/', '?', '#', '\\', '%', '*', ',']), "{url}");
    assert!(Endpoint::parse(url).as_ref() == Ok(endpoint), "{url} is parsed as another");
}

/// As browsers send them: scheme, host, and a port that is not the scheme's default.
fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let is_known = ["http", "https", "ws", "wss", "ftp"].contains(&scheme);
    let odd = |c: char| !c.is_ascii_graphic() || c.is_ascii_uppercase() || "/@?#\\*%,".contains(c);
    is_known && !rest.is_empty() && !rest.contains(odd)
}

/// The items of a setting's list.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The configuration with these two settings.
fn read(endpoints: &str, origins: &str) -> Result<Settings, Vec<ConfigError>> {
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
    ]
    .into_iter()
    .collect();
    Settings::read(&environment, &|_| Err(std::io::ErrorKind::NotFound.into()))
}

const DEFAULT: &str = "sts.tencentcloudapi.com";

/// Bounds the time of one input.
const MAX_ITEMS: usize = 64;
