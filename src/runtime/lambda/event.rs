//! The shapes of an HTTP request on Lambda, and their replies.
//!
//! # Guarantees
//! No event panics.
//!
//! The replies are lambda_http's types. Its decoder is compared with this one in the tests, but not
//! used: it panics on wrong base64 and on odd paths, accepts events of other platforms, and takes a
//! thirtieth of the binary.

use http::HeaderMap;
use lambda_http::aws_lambda_events::alb::AlbTargetGroupResponse;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::request::{Identity, IdentitySource, Inbound};
use crate::response::Response;
use crate::runtime::gateway_event::{
    Event, address, body, body_text, context, headers, member, method, pairs, refuse, wire_query,
};

/// How the reply must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Application load balancer.
    Alb,
    /// HTTP API 2.0 and function URL; also the reply to an event of no known shape.
    HttpApi,
    /// REST API, payload 1.0.
    Rest,
}

/// Parses one event; `None` is an event that is not JSON.
pub(super) fn read(payload: Option<&Value>) -> (Shape, Event) {
    let Some(Value::Object(event)) = payload else {
        return (Shape::HttpApi, Event::refused(refuse("the event is not a JSON object")));
    };
    let is_text = |name: &str| context(event, name).is_some_and(Value::is_string);
    if member(event, "version").and_then(Value::as_str) == Some("2.0")
        && context(event, "http").is_some()
    {
        (
            Shape::HttpApi,
            Event::new(headers(member(event, "headers")), |headers| from_http_api(event, headers)),
        )
    } else if context(event, "elb").is_some() {
        (Shape::Alb, Event::new(all_headers(event), |headers| from_alb(event, headers)))
    } else if is_text("apiId") || is_text("accountId") || is_text("resourcePath") {
        (Shape::Rest, Event::new(all_headers(event), |headers| from_rest(event, headers)))
    } else {
        let message = "the event is not an HTTP request of a function URL, API Gateway or ALB";
        (Shape::HttpApi, Event::refused(refuse(message)))
    }
}

fn from_http_api(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    let verb = context(event, "http").and_then(|http| http.get("method")).and_then(Value::as_str);
    let stage =
        context(event, "stage").and_then(Value::as_str).filter(|stage| *stage != "$default");
    Ok(Inbound {
        headers,
        method: method(verb.unwrap_or_default())?,
        path: without_stage(text(event, "rawPath")?, stage).to_owned(),
        query: wire_query(
            member(event, "rawQueryString").and_then(Value::as_str).unwrap_or_default(),
        ),
        body: body(event, body_text(event)?)?,
        identity: identity_of_http_api(event),
        reported_address: address(context(event, "http").and_then(|http| http.get("sourceIp"))),
        role_key: None,
    })
}

fn from_rest(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    Ok(Inbound {
        headers,
        method: method(text(event, "httpMethod")?)?,
        // The path of a REST event never contains the stage.
        path: text(event, "path")?.to_owned(),
        query: all_pairs(event)?,
        body: body(event, body_text(event)?)?,
        identity: identity_of_rest(event),
        reported_address: address(
            context(event, "identity").and_then(|identity| identity.get("sourceIp")),
        ),
        role_key: None,
    })
}

fn from_alb(event: &Map<String, Value>, headers: HeaderMap) -> Result<Inbound, Error> {
    // An ALB passes names and values on as they were sent, still encoded.
    let wire: Vec<String> =
        all_pairs(event)?.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(Inbound {
        headers,
        method: method(text(event, "httpMethod")?)?,
        path: text(event, "path")?.to_owned(),
        query: wire_query(&wire.join("&")),
        body: body(event, body_text(event)?)?,
        // An ALB names the user in headers. Without an authentication rule a client can write them.
        identity: None,
        // An ALB writes the address into a header.
        reported_address: None,
        role_key: None,
    })
}

/// An HTTP API has at most one authorizer. That of a function URL is IAM.
fn identity_of_http_api(event: &Map<String, Value>) -> Option<Identity> {
    let authorizer = context(event, "authorizer")?;
    let jwt = || authorizer.get("jwt")?.get("claims");
    Identity::new(IdentitySource::Jwt, jwt())
        .or_else(|| Identity::new(IdentitySource::Iam, authorizer.get("iam")))
        .or_else(|| Identity::new(IdentitySource::Lambda, authorizer.get("lambda")))
}

/// A user pool's claims are an object. A Lambda authorizer's values are never objects.
fn identity_of_rest(event: &Map<String, Value>) -> Option<Identity> {
    let authorizer = context(event, "authorizer")?;
    match authorizer.get("claims") {
        Some(claims @ Value::Object(_)) => Identity::new(IdentitySource::Jwt, Some(claims)),
        _ => Identity::new(IdentitySource::Lambda, Some(authorizer)),
    }
}

fn text<'a>(event: &'a Map<String, Value>, name: &str) -> Result<&'a str, Error> {
    let text = member(event, name).and_then(Value::as_str);
    text.ok_or_else(|| refuse("the event has no method or no path"))
}

fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    rest.filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn all_headers(event: &Map<String, Value>) -> Result<HeaderMap, Error> {
    headers(every_value(event, "multiValueHeaders", "headers"))
}

fn all_pairs(event: &Map<String, Value>) -> Result<Vec<(String, String)>, Error> {
    pairs(every_value(event, "multiValueQueryStringParameters", "queryStringParameters"))
}

/// The map with every value, or, when it is missing or empty, the map with the last value of each
/// name.
fn every_value<'a>(event: &'a Map<String, Value>, many: &str, single: &str) -> Option<&'a Value> {
    let many =
        member(event, many).filter(|many| many.as_object().is_none_or(|many| !many.is_empty()));
    many.or_else(|| member(event, single))
}

/// A reply in one of the shapes.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Reply {
    Alb(AlbTargetGroupResponse),
    HttpApi(ApiGatewayV2httpResponse),
    Rest(ApiGatewayProxyResponse),
}

impl Shape {
    pub(super) fn reply(self, response: Response) -> Reply {
        let status_code = i64::from(response.status.as_u16());
        let body = Some(lambda_http::Body::Text(response.body));
        match self {
            Self::HttpApi => {
                let mut reply = ApiGatewayV2httpResponse::default();
                reply.status_code = status_code;
                reply.headers = response.headers;
                reply.body = body;
                Reply::HttpApi(reply)
            }
            Self::Rest => {
                let mut reply = ApiGatewayProxyResponse::default();
                reply.status_code = status_code;
                reply.multi_value_headers = response.headers;
                reply.body = body;
                Reply::Rest(reply)
            }
            Self::Alb => {
                let mut reply = AlbTargetGroupResponse::default();
                reply.status_code = status_code;
                reply.status_description = Some(format!(
                    "{status_code} {}",
                    response.status.canonical_reason().unwrap_or_default()
                ));
                // A target group reads one of the two maps, depending on its settings.
                reply.headers = response.headers.clone();
                reply.multi_value_headers = response.headers;
                reply.body = body;
                Reply::Alb(reply)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::{Shape, read};
    use crate::error::ErrorCode;
    use crate::request::IdentitySource::{Iam, Jwt, Lambda};
    use crate::request::Inbound;

    fn http_api() -> Value {
        json!({"version": "2.0", "routeKey": "$default", "rawPath": "/sign", "rawQueryString": "format=cam&durationSeconds=900",
            "headers": {"host": "h", "x-a": "1"}, "requestContext": {"accountId": "1", "apiId": "a", "domainName": "d",
            "domainPrefix": "p", "http": {"method": "GET", "path": "/sign", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
            "userAgent": "u"}, "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 1},
            "isBase64Encoded": false})
    }

    fn rest() -> Value {
        json!({"resource": "/{proxy+}", "path": "/sign", "httpMethod": "GET", "headers": {"host": "h"},
            "multiValueHeaders": {"host": ["h"], "x-a": ["1", "2"]}, "queryStringParameters": {"format": "cam"},
            "multiValueQueryStringParameters": {"format": ["cam"]}, "pathParameters": null, "stageVariables": null,
            "requestContext": {"accountId": "1", "apiId": "a", "resourcePath": "/{proxy+}", "httpMethod": "GET", "requestId": "r",
            "stage": "prod", "identity": {"sourceIp": "127.0.0.1"}}, "body": null, "isBase64Encoded": false})
    }

    fn alb() -> Value {
        json!({"requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:r:1:targetgroup/t/1"}}, "httpMethod": "GET",
            "path": "/sign", "queryStringParameters": {"durationSeconds": "9%300"}, "headers": {"host": "h"}, "body": "",
            "isBase64Encoded": false})
    }

    #[track_caller]
    fn accepted(event: &Value) -> Inbound {
        let text = event.to_string();
        read(Some(event)).1.request.unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[track_caller]
    fn refused(event: &Value) -> ErrorCode {
        let text = event.to_string();
        read(Some(event)).1.request.err().unwrap_or_else(|| panic!("accepted: {text}")).code()
    }

    #[test]
    fn the_four_shapes_are_one_request() {
        let request = accepted(&http_api());
        assert_eq!((request.method, request.path.as_str()), (Method::GET, "/sign"));
        assert_eq!(
            request.query,
            [("format".into(), "cam".into()), ("durationSeconds".into(), "900".into())]
        );
        let request = accepted(&rest());
        assert_eq!(request.query, [("format".to_owned(), "cam".to_owned())]);
        assert_eq!(request.headers.get_all("x-a").iter().count(), 2);
        let request = accepted(&alb());
        assert_eq!(request.query, [("durationSeconds".to_owned(), "900".to_owned())]);
    }

    #[test]
    fn the_identity_is_that_of_the_authorizer_only() {
        let identity = |mut event: Value, authorizer: &Value| {
            event["requestContext"]["authorizer"] = authorizer.clone();
            accepted(&event).identity
        };
        let iam = json!({"iam": {"userArn": "u", "cognitoIdentity": null}});
        for (event, authorizer, source, member) in [
            (http_api(), json!({"jwt": {"claims": {"sub": "u"}, "scopes": null}}), Jwt, "sub"),
            (http_api(), iam, Iam, "userArn"),
            (http_api(), json!({"lambda": {"principalId": "u"}}), Lambda, "principalId"),
            (rest(), json!({"claims": {"sub": "u"}}), Jwt, "sub"),
            (rest(), json!({"principalId": "u", "integrationLatency": 5}), Lambda, "principalId"),
            (rest(), json!({"principalId": "u", "claims": "text"}), Lambda, "principalId"),
        ] {
            let identity = identity(event, &authorizer).unwrap();
            assert_eq!((identity.source, &identity.members[member]), (source, &json!("u")));
        }
        for authorizer in [Value::Null, json!({}), json!("u"), json!([{"sub": "u"}])] {
            assert!(identity(http_api(), &authorizer).is_none(), "{authorizer}");
            assert!(identity(rest(), &authorizer).is_none(), "{authorizer}");
        }
        let others =
            json!([{"jwt": {"claims": null}}, {"jwt": {"sub": "u"}}, {"iam": "u"}, {"sub": "u"}]);
        for authorizer in others.as_array().unwrap() {
            assert!(identity(http_api(), authorizer).is_none(), "{authorizer}");
        }
    }

    #[test]
    fn what_a_client_writes_is_not_an_identity() {
        for mut event in [http_api(), rest(), alb()] {
            event["authorizer"] = json!({"jwt": {"claims": {"sub": "u"}}, "claims": {"sub": "u"}});
            event["body"] =
                json!("{\"requestContext\":{\"authorizer\":{\"claims\":{\"sub\":\"u\"}}}}");
            event["headers"] =
                json!({"x-amzn-oidc-identity": "u", "x-amzn-oidc-data": "u", "authorizer": "u"});
            assert!(accepted(&event).identity.is_none(), "{event}");
        }
        let mut event = alb();
        event["requestContext"]["authorizer"] = json!({"claims": {"sub": "u"}});
        assert!(accepted(&event).identity.is_none());
    }

    #[test]
    fn a_stage_in_the_path_is_taken_off() {
        for (stage, path, expected) in [
            ("prod", "/prod/sign", "/sign"),
            ("prod", "/sign", "/sign"),
            ("prod", "/production/sign", "/production/sign"),
            ("$default", "/prod/sign", "/prod/sign"),
        ] {
            let mut event = http_api();
            event["requestContext"]["stage"] = json!(stage);
            event["rawPath"] = json!(path);
            assert_eq!(accepted(&event).path, expected);
        }
    }

    #[test]
    fn wrong_base64_is_refused() {
        for mut event in [http_api(), rest(), alb()] {
            event["isBase64Encoded"] = json!(true);
            event["body"] = json!("YQ==");
            assert_eq!(accepted(&event).body, b"a");
            event["body"] = json!("not base64!");
            assert_eq!(refused(&event), ErrorCode::BodyEncoding);
        }
    }

    #[test]
    fn events_that_are_not_http_requests_of_lambda_are_refused() {
        assert!(read(None).1.request.is_err());
        for event in [
            Value::Null,
            json!([]),
            json!({}),
            json!("text"),
            json!({"Records": []}),
            json!({"httpMethod": "GET", "path": "/sign"}),
            json!({"httpMethod": "GET", "path": "/sign", "headers": {}, "queryString": {}, "requestContext": {"serviceId": "service-a", "stage": "release"}}),
            json!({"version": "2.0"}),
            json!({"version": "2.0", "requestContext": {"http": 1}}),
            json!({"requestContext": {"elb": {}}, "headers": 1}),
        ] {
            assert_eq!(refused(&event), ErrorCode::Event);
        }
        let mut header = http_api();
        header["headers"] = json!({"a b": "c"});
        assert_eq!(refused(&header), ErrorCode::Event);
    }

    #[test]
    fn a_refusal_keeps_the_shape_of_the_event() {
        let mut event = rest();
        event["headers"] = json!(1);
        assert!(matches!(read(Some(&event)).0, Shape::Rest));
    }

    /// lambda_http's own decoder as a second opinion, on events that it can read.
    fn same_as_lambda_http(event: &Value) {
        use lambda_http::RequestExt;

        let ours = accepted(event);
        let theirs = lambda_http::request::from_str(&event.to_string()).unwrap();
        assert_eq!(&ours.method, theirs.method());
        assert_eq!(ours.path, theirs.raw_http_path());
        assert_eq!(ours.body, theirs.body().as_ref());
        let sorted = |mut pairs: Vec<(String, String)>| {
            pairs.sort();
            pairs
        };
        let query = theirs.query_string_parameters();
        let query = query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(sorted(ours.query), sorted(query));
        for (name, value) in &ours.headers {
            assert!(theirs.headers().get_all(name).iter().any(|theirs| theirs == value), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn lambda_http_parses_the_same_requests(
            path in "/[a-z0-9/]{0,20}",
            pairs in proptest::collection::btree_map("[a-zA-Z]{1,8}", "[a-zA-Z0-9 ._~-]{0,12}", 0..4),
            header in "[a-zA-Z0-9 ]{0,20}",
            text in "\\PC{0,40}",
            is_encoded in proptest::bool::ANY,
            stage in "[a-z]{1,8}",
        ) {
            let wire: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "%20"))).collect();
            let body = if is_encoded { base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &text) } else { text };
            let header = header.trim();
            for mut event in [http_api(), rest(), alb()] {
                event["body"] = json!(body);
                event["isBase64Encoded"] = json!(is_encoded);
                event["headers"] = json!({"x-a": header});
                for name in ["rawPath", "path"] {
                    if event.get(name).is_some() {
                        event[name] = json!(path);
                    }
                }
                if event.get("version").is_some() {
                    event["rawQueryString"] = json!(wire.join("&"));
                } else if event["requestContext"].get("elb").is_some() {
                    let encoded: std::collections::BTreeMap<_, _> = pairs.iter().map(|(name, value)| (name, value.replace(' ', "%20"))).collect();
                    event["queryStringParameters"] = json!(encoded);
                } else {
                    event["multiValueHeaders"] = json!({"x-a": [header]});
                    event["multiValueQueryStringParameters"] = json!(pairs.iter().map(|(name, value)| (name, [value])).collect::<std::collections::BTreeMap<_, _>>());
                    event["requestContext"]["stage"] = json!(stage);
                }
                same_as_lambda_http(&event);
            }
        }
    }
}
