//! Variables that are not settings, but look like one.
//!
//! # Guarantees
//! A misspelled setting is an error, so that it is never ignored in silence. Names that shells,
//! systemd, Kubernetes, SCF and Lambda set are never errors.

use super::environment::Environment;

const SETTINGS: [&str; 70] = [
    "ALLOW",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "ALLOW_FULL_ACCESS",
    "API_KEYS",
    "API_KEY_HEADER",
    "AUDIT",
    "AUDIT_CLIENT",
    "AUDIT_SUBJECT",
    "AUTH",
    "BASE_PATH",
    "BUCKET",
    "CACHE",
    "CACHE_ENTRIES_MAX",
    "CLIENT_ADDRESS",
    "CONNECTIONS_MAX",
    "DENY",
    "DENY_FILE",
    "DURATION_SECONDS",
    "EXTENSIONS",
    "EXTERNAL_ID",
    "GRANTS_FILE",
    "HMAC_KEYS",
    "HOST",
    "JWT_ALGORITHMS",
    "JWT_AUDIENCE",
    "JWT_HS_SECRET",
    "JWT_ISSUER",
    "JWT_JWKS_FILE",
    "JWT_JWKS_URL",
    "JWT_LEEWAY_SECONDS",
    "JWT_MAX_AGE_SECONDS",
    "JWT_PUBLIC_KEY",
    "JWT_PUBLIC_KEY_FILE",
    "KEY_OWNER",
    "LOG",
    "LOG_FORMAT",
    "METRICS",
    "METRICS_ADDRESS",
    "MIN_REMAINING_SECONDS",
    "POLICY",
    "PORT",
    "PREFIX",
    "RATE_LIMIT",
    "RATE_LIMIT_BLOCK",
    "REGION",
    "ROLE_ARN",
    "ROLE_KEYS",
    "SECRET_ID",
    "SECRET_KEY",
    "SESSION_TOKEN",
    "SHARED_STORE",
    "SHARED_STORE_CA_FILE",
    "SHARED_STORE_PREFIX",
    "SHUTDOWN_DELAY_MS",
    "SHUTDOWN_GRACE_MS",
    "STS_CA_FILE",
    "STS_CONCURRENCY_MAX",
    "STS_DEADLINE_MS",
    "STS_ENDPOINTS",
    "STS_PROXY",
    "THREADS",
    "TKE_PROVIDER_ID",
    "TKE_REGION",
    "TKE_ROLE_ARN",
    "TKE_WEB_IDENTITY_TOKEN_FILE",
    "WECHAT_APPID",
    "WECHAT_ENDPOINTS",
    "WECHAT_SECRET",
    "WECHAT_SUBJECT",
];

/// Wrong names that are further from the setting that is meant, in lower case.
const CONFUSED: [(&str, &str); 2] = [("jwks_url", "JWT_JWKS_URL"), ("jwt_secret", "JWT_HS_SECRET")];

/// Keys of the grants file that look like settings when they are written in capitals. `NAME`,
/// `MATCH`, `ROLE` and `VPC` are not among them, because shells and machines set such names.
const GRANT_KEYS: [&str; 9] = [
    "acl",
    "actions",
    "content_types",
    "https_only",
    "include_prefix_key",
    "max_size_bytes",
    "named_extensions",
    "slots",
    "source_ip",
];

/// What the platforms set. They add names at any time.
const PLATFORM_PREFIXES: [&str; 3] = ["AWS_", "SCF_", "TENCENTCLOUD_"];

/// Misspelled variables, each with what to do.
pub(super) fn variables(environment: &Environment) -> impl Iterator<Item = (&str, String)> {
    environment.names().filter_map(|name| {
        let text = match meant(name)? {
            Meant::Setting(setting) => {
                format!("must not be set, it has no effect: rename it to {setting}, or remove it")
            }
            Meant::GrantKey => "must not be set, it has no effect: write it in GRANTS_FILE as a \
                 key of a grant, or remove it"
                .to_owned(),
        };
        Some((name, text))
    })
}

/// Whether the name is that of a setting, or one that a platform may set.
pub(super) fn is_known(name: &str) -> bool {
    SETTINGS.contains(&name) || PLATFORM_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[derive(Debug, PartialEq, Eq)]
enum Meant {
    GrantKey,
    Setting(&'static str),
}

fn meant(name: &str) -> Option<Meant> {
    if is_known(name) {
        return None;
    }
    let is = |wrong: &str| wrong.to_ascii_uppercase() == name;
    if GRANT_KEYS.into_iter().any(is) {
        return Some(Meant::GrantKey);
    }
    let confused = CONFUSED.into_iter().find(|(confused, _)| is(confused));
    let setting = confused.map(|(_, setting)| setting).or_else(|| {
        // One edit turns a short name into unrelated words.
        let mut long = SETTINGS.into_iter().filter(|setting| setting.len() >= 6);
        long.find(|setting| is_one_edit(setting.as_bytes(), name.as_bytes()))
    });
    setting.map(Meant::Setting)
}

/// One byte inserted, deleted or substituted, or two neighbours swapped.
fn is_one_edit(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([first, rest_of_a @ ..], [other, rest_of_b @ ..]) = (a, b)
        && first == other
    {
        (a, b) = (rest_of_a, rest_of_b);
    }
    while let ([rest_of_a @ .., last], [rest_of_b @ .., other]) = (a, b)
        && last == other
    {
        (a, b) = (rest_of_a, rest_of_b);
    }
    match (a, b) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_known, meant};

    #[test]
    fn a_misspelled_setting_is_an_error() {
        for row in "ALLOWED_ORIGIN EXTENSION REGIONS BUKCET PERFIX SECRETID SECRET_KAY HMAC_KEY \
             API_KEY STS_ENDPOINT MIN_REMAINING_SECOND JWT_ISSUR JWT_SECRET SOURCE_IP MAX_SIZE_BYTES"
            .split(' ')
        {
            assert!(meant(row).is_some(), "{row}");
        }
        for name in "REGION KEYS ALOW HOSTS PATH AWS_LAMBDA_FUNCTION_NAMES SCF_RUNTIME_APIS \
             TENCENTCLOUD_SECRET_ID BUCKET_NAME LOG_LEVEL"
            .split(' ')
        {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn no_key_of_a_grant_is_ignored_as_a_variable() {
        let schema = include_str!("../../docs/grants.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let keys = schema["$defs"]["grant"]["properties"].as_object().unwrap();
        for key in
            keys.keys().filter(|key| !["name", "match", "role", "vpc"].contains(&key.as_str()))
        {
            let variable = key.to_ascii_uppercase();
            assert!(is_known(&variable) || meant(&variable).is_some(), "{variable}");
        }
    }
}
