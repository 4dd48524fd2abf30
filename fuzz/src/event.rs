//! Events of SCF and Lambda, as the runtime APIs deliver them.
//!
//! # Guarantees tested
//! - No event panics. An accepted one is an object of that platform.
//! - Method, path, query and headers come from the members that the platform writes, an identity
//!   only from the request context.
//! - Every guarantee of a request.

use cos_issuer::request::{Identity, IdentitySource, Inbound};
use cos_issuer::runtime::{lambda, scf};
use serde_json::Value;

use crate::request;

/// Tests one event of SCF. Returns whether it was accepted.
pub fn scf_event(bytes: &[u8]) -> bool {
    let Ok(unverified) = scf::request_of(bytes) else {
        return false;
    };
    let event: Value = serde_json::from_slice(bytes).expect("an accepted event is JSON");
    assert!(event.is_object(), "{event}");
    assert!(event["version"].is_null() && event["requestContext"]["elb"].is_null(), "{event}");
    if event["payload"].is_null() && !event.as_object().expect("an object").contains_key("payload")
    {
        assert_eq!(event["httpMethod"], unverified.method.as_str());
        assert_eq!(event["path"], unverified.path);
        is_the_bodys(&event, &unverified.body);
    } else {
        assert!(unverified.identity.is_none());
        let uri = header(&event["headers"], "x-uri");
        assert!(uri.is_some_and(|uri| uri.starts_with(&unverified.path)), "{event}");
    }
    are_the_maps(&event["headers"], &unverified);
    let identity = &event["requestContext"]["identity"];
    is_one_of(unverified.identity.as_ref(), &[(IdentitySource::KeyPair, identity)]);
    request::tried(unverified)
}

/// Tests one event of Lambda. Returns whether it was accepted.
pub fn lambda_event(bytes: &[u8]) -> bool {
    let Ok(unverified) = lambda::request_of(bytes) else {
        return false;
    };
    // The runtime reads only the first value.
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
    let event: Value = values.next().expect("a value").expect("an accepted event is JSON");
    assert!(event.is_object(), "{event}");
    let context = &event["requestContext"];
    let path = if event["version"] == "2.0" && !context["http"].is_null() {
        assert_eq!(context["http"]["method"], unverified.method.as_str());
        are_the_maps(&event["headers"], &unverified);
        &event["rawPath"]
    } else {
        assert_eq!(event["httpMethod"], unverified.method.as_str());
        &event["path"]
    };
    let path = path.as_str().expect("a path");
    let stage = path.strip_suffix(unverified.path.as_str()).expect("the path or its end");
    assert!(stage.is_empty() || context["stage"] == stage.trim_start_matches('/'), "{event}");
    is_the_bodys(&event, &unverified.body);
    let authorizer = &context["authorizer"];
    let places = [
        (IdentitySource::Jwt, &authorizer["jwt"]["claims"]),
        (IdentitySource::Jwt, &authorizer["claims"]),
        (IdentitySource::Iam, &authorizer["iam"]),
        (IdentitySource::Lambda, &authorizer["lambda"]),
        (IdentitySource::Lambda, authorizer),
    ];
    is_one_of(unverified.identity.as_ref(), &places);
    if !context["elb"].is_null() {
        assert!(unverified.identity.is_none() || event["version"] == "2.0");
    }
    request::tried(unverified)
}

/// The body is the event's text, or, when it is base64, three bytes for each four characters.
fn is_the_bodys(event: &Value, body: &[u8]) {
    let text = event["body"].as_str().unwrap_or_default();
    let flag = &event["isBase64Encoded"];
    let word = flag.as_str().unwrap_or_default();
    if *flag == true || word.eq_ignore_ascii_case("true") {
        let padding = text.bytes().filter(|byte| *byte == b'=').count();
        assert_eq!(body.len() + padding, text.len() / 4 * 3, "{event}");
    } else {
        assert_eq!(body, text.as_bytes(), "{event}");
    }
}

/// Every header is one of the event's map, and none was lost.
fn are_the_maps(map: &Value, unverified: &Inbound) {
    let members = map.as_object();
    let count: usize =
        members.into_iter().flatten().map(|(_, value)| value.as_array().map_or(1, Vec::len)).sum();
    assert_eq!(unverified.headers.len(), count, "{map}");
    for name in unverified.headers.keys() {
        assert!(
            header(map, name.as_str()).is_some() || map[name.as_str()].is_array() || count > 0,
            "{name}"
        );
    }
}

/// The text of a header, whatever the case of its name.
fn header<'e>(map: &'e Value, name: &str) -> Option<&'e str> {
    let mut members = map.as_object()?.iter();
    let (_, value) = members.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    value.as_str().or_else(|| value.get(0)?.as_str())
}

/// An identity equals one of these members.
fn is_one_of(identity: Option<&Identity>, places: &[(IdentitySource, &Value)]) {
    let Some(Identity { source, members }) = identity else {
        return;
    };
    assert!(!members.is_empty());
    let is = |(known, place): &(IdentitySource, &Value)| {
        known == source && place.as_object() == Some(members)
    };
    assert!(places.iter().any(is), "an identity from nowhere");
}
