//! HTTP events of SCF: API gateway, function URL and CLB.
//!
//! Shapes: <https://www.tencentcloud.com/document/product/583/12513> (API gateway),
//! <https://cloud.tencent.com/document/product/583/96099> (function URL, with fewer members),
//! <https://cloud.tencent.com/document/product/583/39849> (CLB).
//!
//! # Guarantees
//! No event panics. An event of another cloud, of a trigger other than HTTP, or of no known shape
//! is refused.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::request::{Identity, IdentitySource, Inbound};
use crate::runtime::gateway_event::{
    Event, address, body, body_text, context, headers, member, method, pairs, refuse, wire_query,
};

/// Parses one event.
pub(super) fn read(bytes: &[u8]) -> Event {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(event)) => {
            Event::new(headers(member(&event, "headers")), |headers| inbound(&event, headers))
        }
        _ => Event::refused(refuse("the event is not a JSON object")),
    }
}

fn inbound(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    if is_of_another_cloud(event) {
        return Err(refuse("the event is from another platform"));
    }
    if event.contains_key("Records") || event.contains_key("Type") {
        return Err(refuse(
            "the event is from a timer, COS or a queue: this function only answers HTTP requests",
        ));
    }
    if event.contains_key("payload") {
        from_clb(event, headers)
    } else {
        from_gateway(event, headers)
    }
}

fn is_of_another_cloud(event: &Map<String, Value>) -> bool {
    let foreign = ["elb", "apiId", "accountId"];
    member(event, "version").is_some() || foreign.iter().any(|name| context(event, name).is_some())
}

fn from_gateway(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    let text = |name: &str| member(event, name).and_then(Value::as_str);
    let missing = "the event is not an HTTP request of SCF: it has no `httpMethod` or no `path`";
    let (Some(verb), Some(path)) = (text("httpMethod"), text("path")) else {
        return Err(refuse(missing));
    };
    // `queryString` has every parameter, `queryStringParameters` only those set up at the gateway.
    let query = member(event, "queryString").or_else(|| member(event, "queryStringParameters"));
    Ok(Inbound {
        headers,
        method: method(verb)?,
        path: path.to_owned(),
        query: pairs(query)?,
        body: body(event, body_text(event)?)?,
        identity: identity(event),
        reported_address: address(context(event, "sourceIp")),
        role_key: None,
    })
}

/// The key pair that an API gateway verified; `identity` is empty when it verifies none.
fn identity(event: &Map<String, Value>) -> Option<Identity> {
    Identity::new(IdentitySource::KeyPair, context(event, "identity"))
}

/// A CLB sends method and path as headers, and only when that is switched on.
fn from_clb(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(verb), Some(uri)) = (header("x-method"), header("x-uri")) else {
        return Err(refuse(
            "the load balancer must send the headers `X-Method` and `X-Uri`: switch them on in its settings",
        ));
    };
    let verb = method(verb)?;
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let (path, query) = (path.to_owned(), wire_query(query));
    let payload = match member(event, "payload") {
        None => String::new(),
        Some(Value::String(payload)) => payload.clone(),
        // A missing body and the body `{}` look the same here, but only the first one means that
        // there is none.
        Some(Value::Object(payload)) if payload.is_empty() && has_no_body(&headers) => {
            String::new()
        }
        Some(payload) => payload.to_string(),
    };
    Ok(Inbound {
        method: verb,
        path,
        query,
        headers,
        body: body(event, &payload)?,
        identity: None,
        // A CLB writes the address into a header.
        reported_address: None,
        role_key: None,
    })
}

fn has_no_body(headers: &HeaderMap) -> bool {
    match headers.get(CONTENT_LENGTH) {
        Some(length) => length == "0",
        None => !headers.contains_key(TRANSFER_ENCODING),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::read;
    use crate::error::ErrorCode;
    use crate::request::{IdentitySource, Inbound};

    #[track_caller]
    fn accepted(event: &Value) -> Inbound {
        read(event.to_string().as_bytes())
            .request
            .unwrap_or_else(|error| panic!("{error}: {event}"))
    }

    #[track_caller]
    fn refused(event: &[u8]) -> ErrorCode {
        let outcome = read(event).request;
        outcome
            .err()
            .unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(event)))
            .code()
    }

    fn pairs(unverified: &Inbound) -> Vec<(&str, &str)> {
        unverified.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn the_event_of_an_api_gateway() {
        let request = accepted(&json!({
            "requestContext": {"serviceId": "service-abc", "path": "/sts/{scope}", "httpMethod": "ANY", "identity": {},
                "sourceIp": "203.0.113.7", "stage": "release"},
            "headers": {"Host": "h", "X-Many": ["a", "b"]}, "headerParameters": {"Refer": "x"}, "pathParameters": {},
            "queryStringParameters": {"declared": "1"}, "queryString": {"format": "sdk", "many": ["b", "c"], "flag": true},
            "stageVariables": {}, "path": "/sts", "httpMethod": "POST", "body": "eyJhIjoxfQ==", "isBase64Encoded": "true",
        }));
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.path, "/sts");
        assert_eq!(
            pairs(&request),
            [("flag", ""), ("format", "sdk"), ("many", "b"), ("many", "c")]
        );
        assert_eq!(request.headers.get_all("x-many").iter().count(), 2);
        assert_eq!(request.body, b"{\"a\":1}");
    }

    #[test]
    fn the_identity_is_that_of_the_gateway_only() {
        let event = json!({"httpMethod": "GET", "path": "/sign", "requestContext": {"identity": {"secretId": "APID1"}}});
        let identity = accepted(&event).identity.unwrap();
        assert_eq!(identity.source, IdentitySource::KeyPair);
        assert_eq!(identity.members["secretId"], "APID1");
        for context in [
            json!({}),
            json!({"identity": {}}),
            json!({"identity": null}),
            json!({"identity": "APID1"}),
        ] {
            let event = json!({"httpMethod": "GET", "path": "/sign", "requestContext": context, "identity": {"secretId": "a"},
                "headers": {"identity": "a", "secretid": "a"}, "body": "{\"requestContext\":{\"identity\":{\"secretId\":\"a\"}}}"});
            assert!(accepted(&event).identity.is_none(), "{event}");
        }
        // A load balancer authenticates nobody.
        let clb = json!({"headers": {"X-Method": "GET", "X-Uri": "/sign"}, "payload": {}, "requestContext": {"identity": {"secretId": "a"}}});
        assert!(accepted(&clb).identity.is_none());
    }

    #[test]
    fn the_event_of_a_function_url_lacks_members() {
        let request = accepted(
            &json!({"httpMethod": "GET", "path": "/sign", "headers": {"host": "h"}, "queryString": {}, "body": ""}),
        );
        assert_eq!((request.path.as_str(), request.body.len()), ("/sign", 0));
        accepted(&json!({"httpMethod": "GET", "path": "/sign"}));
        accepted(
            &json!({"httpMethod": "GET", "path": "/sign", "headers": null, "queryString": null, "body": null, "isBase64Encoded": null}),
        );
    }

    #[test]
    fn the_event_of_a_clb_has_method_and_path_in_its_headers() {
        let event = json!({"headers": {"X-Method": "POST", "X-Uri": "/sign?format=cam", "X-Real-IP": "1.2.3.4"}, "payload": {}, "isBase64Encoded": "false"});
        let request = accepted(&event);
        assert_eq!(request.method, Method::POST);
        assert_eq!((request.path.as_str(), pairs(&request)), ("/sign", vec![("format", "cam")]));
        assert!(request.body.is_empty());
        let mut full = event.clone();
        full["payload"] = json!({"key1": "123"});
        assert_eq!(accepted(&full).body, b"{\"key1\":\"123\"}");
        for (name, value) in [("Content-Length", "2"), ("Transfer-Encoding", "chunked")] {
            let mut braces = event.clone();
            braces["headers"][name] = json!(value);
            assert_eq!(accepted(&braces).body, b"{}", "{name}");
        }
        let mut without = event;
        without["headers"].as_object_mut().unwrap().remove("X-Uri");
        assert_eq!(refused(without.to_string().as_bytes()), ErrorCode::Event);
    }

    #[test]
    fn the_base64_flag_has_many_forms() {
        let event = |flag: Value, body: &str| json!({"httpMethod": "POST", "path": "/sign", "body": body, "isBase64Encoded": flag});
        for flag in [json!(true), json!("true"), json!("True")] {
            assert_eq!(accepted(&event(flag.clone(), "YQ==")).body, b"a");
            assert_eq!(
                refused(event(flag, "not base64!").to_string().as_bytes()),
                ErrorCode::BodyEncoding
            );
        }
        for flag in [json!(false), json!("false"), json!(""), Value::Null] {
            assert_eq!(accepted(&event(flag, "YQ==")).body, b"YQ==");
        }
        for flag in [json!("yes"), json!(1), json!([])] {
            assert_eq!(refused(event(flag, "").to_string().as_bytes()), ErrorCode::Event);
        }
    }

    #[test]
    fn events_that_are_not_http_requests_of_scf_are_refused() {
        let deep = format!(
            "{{\"httpMethod\":\"GET\",\"path\":\"/sign\",\"x\":{}{}}}",
            "[".repeat(200),
            "]".repeat(200)
        );
        let texts =
            ["", " ", "null", "[]", "[{}]", "1", "\"text\"", "{", "\u{feff}{}", deep.as_str()];
        for text in texts {
            assert_eq!(refused(text.as_bytes()), ErrorCode::Event, "{text}");
        }
        assert_eq!(refused(&[0xff, 0xfe, 0x00]), ErrorCode::Event);
        for event in [
            json!({}),
            json!({"httpMethod": "GET"}),
            json!({"path": "/sign"}),
            json!({"httpMethod": "", "path": "/sign"}),
            json!({"httpMethod": "GE T", "path": "/sign"}),
            json!({"httpMethod": 1, "path": "/sign"}),
            json!({"httpMethod": "GET", "path": "/sign", "headers": []}),
            json!({"httpMethod": "GET", "path": "/sign", "headers": {"a b": "c"}}),
            json!({"httpMethod": "GET", "path": "/sign", "headers": {"a": "b\nc"}}),
            json!({"httpMethod": "GET", "path": "/sign", "headers": {"a": {}}}),
            json!({"httpMethod": "GET", "path": "/sign", "queryString": "a=b"}),
            json!({"httpMethod": "GET", "path": "/sign", "queryString": {"a": {"b": "c"}}}),
            json!({"httpMethod": "POST", "path": "/sign", "body": {"a": 1}}),
            json!({"Type": "Timer", "TriggerName": "t", "Time": "2026-01-01T00:00:00Z", "Message": ""}),
            json!({"Records": [{"cos": {}, "event": {}}]}),
            json!({"version": "2.0", "rawPath": "/sign", "requestContext": {"http": {"method": "GET", "path": "/sign"}}}),
            json!({"httpMethod": "GET", "path": "/sign", "requestContext": {"elb": {"targetGroupArn": "arn"}}}),
            json!({"httpMethod": "GET", "path": "/sign", "requestContext": {"apiId": "a", "accountId": "1"}}),
        ] {
            assert_eq!(refused(event.to_string().as_bytes()), ErrorCode::Event, "{event}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_event_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..512)) {
            drop(read(&bytes));
        }
    }
}
