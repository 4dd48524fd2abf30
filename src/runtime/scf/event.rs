//! HTTP events of SCF: API gateway, function URL and CLB, read leniently.
//!
//! Shapes: <https://www.tencentcloud.com/document/product/583/12513> (API gateway), <https://cloud.tencent.com/document/product/583/96099>
//! (function URL: the same with members left out), <https://cloud.tencent.com/document/product/583/39849> (CLB).
//!
//! What real events do, and documents do not say: members are missing or null; a query value is a string, a list of strings, or
//! `true` for a bare key; `isBase64Encoded` is a boolean or a text; header names come in any case.
//!
//! Promises: total. An event of another cloud, of a trigger that is not HTTP, or of no shape at all is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::error::{Error, Rule};
use crate::request::Unverified;

/// One event, read.
pub(super) struct Event {
    /// The headers, as far as they could be read, for the answer.
    pub(super) headers: HeaderMap,
    pub(super) request: Result<Unverified, Error>,
}

impl Event {
    pub(super) fn read(bytes: &[u8]) -> Self {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(event)) => {
                let headers = headers(&event);
                let request = headers.clone().and_then(|headers| read(&event, headers));
                Self {
                    headers: headers.unwrap_or_default(),
                    request: request.map_err(refused),
                }
            }
            _ => Self {
                headers: HeaderMap::new(),
                request: Err(refused("the event is not a JSON object")),
            },
        }
    }
}

fn refused(message: &'static str) -> Error {
    let rule = if message == NOT_BASE64 {
        Rule::BodyEncoding
    } else {
        Rule::Event
    };
    Error::new(rule, message)
}

fn read(event: &Map<String, Value>, headers: HeaderMap) -> Result<Unverified, &'static str> {
    if is_of_another_cloud(event) {
        return Err("the event is of another platform");
    }
    if event.contains_key("Records") || event.contains_key("Type") {
        return Err("the event is of a timer, of COS or of a queue; this function answers HTTP");
    }
    let Parts {
        method,
        path,
        query,
        body,
    } = if event.contains_key("payload") {
        from_clb(event, &headers)?
    } else {
        from_gateway(event)?
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| "the event's method is none")?;
    let body = decoded(body, event)?;
    Ok(Unverified {
        method,
        path,
        query,
        headers,
        body,
    })
}

/// What a shape knows beside the headers; the body may still be base64.
struct Parts {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    body: String,
}

fn from_gateway(event: &Map<String, Value>) -> Result<Parts, &'static str> {
    let text = |member: &str| event.get(member).and_then(Value::as_str);
    let method =
        text("httpMethod").ok_or("the event has no `httpMethod`: it is no HTTP request of SCF")?;
    let path = text("path").ok_or("the event has no `path`: it is no HTTP request of SCF")?;
    // All that came is in `queryString`; `queryStringParameters` has what the gateway was told to expect.
    let query = event.get("queryString").filter(|value| !value.is_null());
    let query = query.or_else(|| event.get("queryStringParameters"));
    let body = match event.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(body)) => body.clone(),
        Some(_) => return Err("the event's `body` is no text"),
    };
    Ok(Parts {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query_pairs(query)?,
        body,
    })
}

/// A CLB sends method and path as headers, and only when it is told to.
fn from_clb(event: &Map<String, Value>, headers: &HeaderMap) -> Result<Parts, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let missing = "the load balancer does not pass `X-Method` and `X-Uri`: switch them on";
    let method = header("x-method").ok_or(missing)?;
    let uri = header("x-uri").ok_or(missing)?;
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let body = match event.get("payload") {
        Some(Value::String(payload)) => payload.clone(),
        Some(Value::Object(payload)) if payload.is_empty() => String::new(),
        None | Some(Value::Null) => String::new(),
        Some(payload) => payload.to_string(),
    };
    let query = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    Ok(Parts {
        method: method.to_owned(),
        path: path.to_owned(),
        query,
        body,
    })
}

fn is_of_another_cloud(event: &Map<String, Value>) -> bool {
    let context = |member: &str| {
        event
            .get("requestContext")
            .and_then(|context| context.get(member))
            .is_some()
    };
    event.get("version").is_some_and(Value::is_string)
        || ["elb", "apiId", "accountId"]
            .iter()
            .any(|member| context(member))
}

fn headers(event: &Map<String, Value>) -> Result<HeaderMap, &'static str> {
    let mut headers = HeaderMap::new();
    let members = match event.get("headers") {
        None | Some(Value::Null) => return Ok(headers),
        Some(Value::Object(members)) => members,
        Some(_) => return Err("the event's `headers` are no object"),
    };
    for (name, value) in members {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| "a header of the event has an impossible name")?;
        for text in
            texts(value).ok_or("a header of the event is neither text nor a list of texts")?
        {
            let value = HeaderValue::try_from(text)
                .map_err(|_| "a header of the event has an impossible value")?;
            headers.append(name.clone(), value);
        }
    }
    Ok(headers)
}

fn query_pairs(query: Option<&Value>) -> Result<Vec<(String, String)>, &'static str> {
    let members = match query {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err("the event's query is no object"),
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        let texts =
            texts(value).ok_or("a query value of the event is neither text nor a list of texts")?;
        pairs.extend(texts.into_iter().map(|text| (name.clone(), text)));
    }
    Ok(pairs)
}

/// One text, several, or none for a bare key.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(_) => Some(vec![String::new()]),
        Value::Array(items) => {
            let texts: Option<Vec<Vec<String>>> = items
                .iter()
                .filter(|item| !item.is_array())
                .map(texts)
                .collect();
            texts.map(|texts| texts.concat())
        }
        Value::Null | Value::Object(_) => None,
    }
}

fn decoded(body: String, event: &Map<String, Value>) -> Result<Vec<u8>, &'static str> {
    let is_base64_encoded = match event.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_encoded)) => *is_encoded,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => false,
        Some(_) => return Err("the event's `isBase64Encoded` is neither true nor false"),
    };
    if is_base64_encoded {
        STANDARD.decode(body).map_err(|_| NOT_BASE64)
    } else {
        Ok(body.into_bytes())
    }
}

const NOT_BASE64: &str = "the body claims to be base64 and is not";

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::Event;
    use crate::error::Rule;
    use crate::request::Unverified;

    #[track_caller]
    fn accepted(event: &Value) -> Unverified {
        Event::read(event.to_string().as_bytes())
            .request
            .unwrap_or_else(|error| panic!("{error}: {event}"))
    }

    #[track_caller]
    fn refused(event: &[u8]) -> Rule {
        let outcome = Event::read(event).request;
        outcome
            .err()
            .unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(event)))
            .rule()
    }

    fn pairs(unverified: &Unverified) -> Vec<(&str, &str)> {
        unverified
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
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
            [
                ("flag", ""),
                ("format", "sdk"),
                ("many", "b"),
                ("many", "c")
            ]
        );
        assert_eq!(request.headers.get_all("x-many").iter().count(), 2);
        assert_eq!(request.body, b"{\"a\":1}");
    }

    #[test]
    fn the_event_of_a_function_url_has_members_left_out() {
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
        assert_eq!(
            (request.path.as_str(), pairs(&request)),
            ("/sign", vec![("format", "cam")])
        );
        assert!(request.body.is_empty());
        let mut full = event.clone();
        full["payload"] = json!({"key1": "123"});
        assert_eq!(accepted(&full).body, b"{\"key1\":\"123\"}");
        let mut without = event;
        without["headers"].as_object_mut().unwrap().remove("X-Uri");
        assert_eq!(refused(without.to_string().as_bytes()), Rule::Event);
    }

    #[test]
    fn base64_is_said_in_many_ways() {
        let event = |flag: Value, body: &str| json!({"httpMethod": "POST", "path": "/sign", "body": body, "isBase64Encoded": flag});
        for flag in [json!(true), json!("true"), json!("True")] {
            assert_eq!(accepted(&event(flag.clone(), "YQ==")).body, b"a");
            assert_eq!(
                refused(event(flag, "not base64!").to_string().as_bytes()),
                Rule::BodyEncoding
            );
        }
        for flag in [json!(false), json!("false"), json!(""), Value::Null] {
            assert_eq!(accepted(&event(flag, "YQ==")).body, b"YQ==");
        }
        for flag in [json!("yes"), json!(1), json!([])] {
            assert_eq!(refused(event(flag, "").to_string().as_bytes()), Rule::Event);
        }
    }

    #[test]
    fn what_is_no_http_request_of_scf_is_refused() {
        let deep = format!(
            "{{\"httpMethod\":\"GET\",\"path\":\"/sign\",\"x\":{}{}}}",
            "[".repeat(200),
            "]".repeat(200)
        );
        let texts = [
            "",
            " ",
            "null",
            "[]",
            "[{}]",
            "1",
            "\"text\"",
            "{",
            "\u{feff}{}",
            deep.as_str(),
        ];
        for text in texts {
            assert_eq!(refused(text.as_bytes()), Rule::Event, "{text}");
        }
        assert_eq!(refused(&[0xff, 0xfe, 0x00]), Rule::Event);
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
            assert_eq!(
                refused(event.to_string().as_bytes()),
                Rule::Event,
                "{event}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_event_brings_it_down(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..512)) {
            drop(Event::read(&bytes));
        }
    }
}
