//! HTTP requests: the limits, the routes, and what an issuing route understands.
//!
//! # Guarantees
//! Nothing panics. An accepted request is within its limits and has no header of the platform. A
//! query parameter that is not known is rejected or changes nothing; one that comes twice is
//! rejected. A scope array means what its JSON means, and no key in it contains what a policy would
//! expand.

use cos_issuer::entropy::SystemEntropy;
use cos_issuer::error::Error;
use cos_issuer::request::{
    CredentialRequest, Format, Inbound, IssueRoute, MAX_BODY_BYTES, ObjectKeys, Request, RequestId,
    RequestedScope, Route, Scope, Scopes, SignedRequest, strip_base_path,
};
use cos_issuer::response::Response;
use serde_json::Value;

use crate::message;

/// Tries one input. Returns whether it was taken.
pub fn request(bytes: &[u8]) -> bool {
    message::parse(bytes).is_some_and(tried)
}

/// What is true of a request, wherever it came from. Returns whether some route understands it.
pub(crate) fn tried(inbound: Inbound) -> bool {
    let sent = inbound.body.clone();
    let request = match inbound.check() {
        Ok(request) => request,
        Err(error) => return told(&error),
    };
    assert!(request.body.as_bytes() == sent && sent.len() <= MAX_BODY_BYTES);
    for name in ["secret-id", "secret-key", "session-token", "uin"] {
        assert!(!request.headers.contains_key(format!("x-scf-{name}")), "{name}");
    }
    for base_path in ["", "/base"] {
        let path = strip_base_path(&request.path, base_path);
        if let Some(Route::Issue(route)) = Route::of(path) {
            let path = path.strip_suffix('/').unwrap_or(path);
            assert!(path.ends_with(path_of(route, path)));
        }
    }
    let understood = ROUTES.map(|route| match CredentialRequest::parse(&request, route) {
        Ok(parsed) => understood(&request, route, &parsed),
        Err(error) => told(&error),
    });
    understood.contains(&true)
}

const ROUTES: [IssueRoute; 6] = [
    IssueRoute::DownloadSign,
    IssueRoute::NewObject,
    IssueRoute::PostPolicy,
    IssueRoute::PutSign,
    IssueRoute::Sign,
    IssueRoute::Sts,
];

/// A refusal is the caller's fault, and its answer is JSON.
fn told(error: &Error) -> bool {
    let id = RequestId::from_platform(Some("request-1"), &SystemEntropy);
    let response = Response::error(error, &id);
    assert!(response.status.is_client_error(), "{}", response.body);
    let body: Value = serde_json::from_str(&response.body).expect("an answer is JSON");
    assert!(body["code"].as_u64() > Some(0) && body["data"].is_null());
    false
}

fn path_of(route: IssueRoute, path: &str) -> &'static str {
    match route {
        IssueRoute::DownloadSign => "/download-sign",
        IssueRoute::NewObject => "/getKeyAndCredentials",
        IssueRoute::PostPolicy => "/post-policy",
        IssueRoute::PutSign if path.ends_with("-direct-sign") => "/sts-direct-sign",
        IssueRoute::PutSign if path.ends_with("/upload-sign") => "/upload-sign",
        IssueRoute::PutSign => "/put-sign",
        IssueRoute::Sign => "/sign",
        IssueRoute::Sts if path.ends_with("/scope") => "/sts/scope",
        IssueRoute::Sts if path.ends_with("-scope") => "/sts-scope",
        IssueRoute::Sts => "/sts",
    }
}

/// Reads query and body a second time.
fn understood(request: &Request, route: IssueRoute, parsed: &CredentialRequest) -> bool {
    let values = |name: &str| -> Vec<&str> {
        let pairs = request.query.iter().filter(|(known, _)| known == name);
        pairs.map(|(_, value)| value.as_str()).collect()
    };
    let (format, duration) = (values("format"), values("durationSeconds"));
    let names = [values("ext"), values("filename")].concat();
    let ignored = |name: &str| name.starts_with('_') || route == IssueRoute::Sign;
    let own: &[&str] = match route {
        IssueRoute::DownloadSign => &["key", "response-content-type"],
        IssueRoute::NewObject | IssueRoute::PostPolicy | IssueRoute::PutSign => {
            &["ext", "filename"]
        }
        IssueRoute::Sign | IssueRoute::Sts => &[],
    };
    let known = [&["format", "durationSeconds", "bucket", "region"], own].concat();
    assert!(request.query.iter().all(|(name, _)| known.contains(&&**name) || ignored(name)));
    assert!(format.len() <= 1 && duration.len() <= 1);
    let duration = duration.first().map(|text| text.parse().expect("a number"));
    assert_eq!(duration, parsed.duration_seconds);
    let default = if route == IssueRoute::Sign { "cam" } else { "sdk" };
    assert_eq!(format.first().copied().unwrap_or(default), word(parsed.format));
    match &parsed.scope {
        RequestedScope::Grant => {
            let is_ignored =
                route == IssueRoute::Sign && !request.body.trim_start().starts_with('[');
            assert!(names.is_empty() && matches!(route, IssueRoute::Sign | IssueRoute::Sts));
            assert!(request.body.is_empty() || is_ignored);
        }
        RequestedScope::NewObject { extension } => {
            assert!(request.body.is_empty() && route == IssueRoute::NewObject);
            ends(extension, &names, values("ext").len() == 1);
        }
        RequestedScope::Signed(SignedRequest::Upload { extension, is_form }) => {
            let form = if *is_form { IssueRoute::PostPolicy } else { IssueRoute::PutSign };
            assert!(request.body.is_empty() && route == form);
            ends(extension, &names, values("ext").len() == 1);
        }
        RequestedScope::Signed(SignedRequest::Download { key, content_type }) => {
            assert!(request.body.is_empty() && route == IssueRoute::DownloadSign);
            let (keys, types) = (values("key"), values("response-content-type"));
            assert!(keys == [key.as_str()] || keys == [format!("/{key}")], "{keys:?}");
            assert_eq!(types, content_type.as_slice());
            is_plain(key);
        }
        RequestedScope::Scopes(scopes) => {
            assert!(names.is_empty() && route == IssueRoute::Sts);
            all_of(scopes, &request.body);
        }
    }
    true
}

fn ends(extension: &str, names: &[&str], is_bare: bool) {
    assert!(names.len() == 1 && names[0].ends_with(extension), "{names:?}");
    assert!(is_bare || !extension.contains('.'), "{extension}");
}

fn word(format: Format) -> &'static str {
    match format {
        Format::Cam => "cam",
        Format::CredentialProcess => "credential_process",
        Format::Cvm => "cvm",
        Format::Flat => "flat",
        Format::Sdk => "sdk",
        Format::Sts => "sts",
    }
}

/// The scopes are those of the body, each once and in its order.
fn all_of(scopes: &Scopes, body: &str) {
    let body: Value = serde_json::from_str(body).expect("scopes are JSON");
    let items = body.as_array().expect("scopes are an array");
    assert!(!items.is_empty());
    assert_eq!(scopes.iter().count(), items.len());
    for (scope, item) in scopes.iter().zip(items) {
        means(scope, item);
    }
}

fn means(scope: &Scope, item: &Value) {
    let members = item.as_object().expect("a scope is an object");
    let known = ["action", "bucket", "region", "prefix"];
    assert!(members.keys().all(|name| known.contains(&name.as_str())), "{item}");
    let text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => "",
        Some(value) => value.as_str().expect("a text"),
    };
    let action = text("action");
    let Scope { operation, bucket, region, keys } = scope;
    assert!(
        [format!("name/cos:{operation}"), format!("cos:{operation}")].contains(&action.to_owned())
    );
    assert!(operation.chars().all(|c| c.is_ascii_alphanumeric()), "{operation}");
    assert_eq!((bucket.as_str(), region.as_str()), (text("bucket"), text("region")));
    let (literal, written) = match keys {
        ObjectKeys::Below(prefix) => (prefix, format!("{prefix}*")),
        ObjectKeys::Exactly(key) => (key, key.clone()),
    };
    assert!(
        text("prefix") == written || text("prefix") == format!("/{written}"),
        "{keys:?} of {item}"
    );
    if let ObjectKeys::Below(prefix) = keys {
        assert!(prefix.is_empty() || prefix.ends_with('/'), "{prefix} is not closed");
    }
    is_plain(literal);
}

/// Nothing in it is expanded by a policy, or means another path.
fn is_plain(literal: &str) {
    assert!(
        !literal.contains(['*', '\\'])
            && !literal.contains("${")
            && !literal.contains(char::is_control)
    );
    assert!(!format!("/{literal}").contains("//"), "{literal}");
    assert!(literal.split('/').all(|segment| segment != "." && segment != ".."), "{literal}");
}
