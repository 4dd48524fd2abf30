//! The four shapes of an HTTP request on Lambda, and their replies.
//!
//! Promises: total; decoding and encoding are lambda_http's types, choosing and checking are ours. A stage prefix in the path is
//! taken off.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use lambda_http::aws_lambda_events::alb::{AlbTargetGroupRequest, AlbTargetGroupResponse};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayProxyRequest, ApiGatewayProxyResponse, ApiGatewayV2httpRequest,
    ApiGatewayV2httpResponse,
};
use lambda_http::aws_lambda_events::query_map::QueryMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use crate::error::{Error, Rule};
use crate::request::Unverified;
use crate::response::Response;

/// One event, read.
pub(super) struct HttpEvent {
    pub(super) shape: Shape,
    /// The headers, as far as they could be read, for the answer.
    pub(super) headers: HeaderMap,
    pub(super) request: Result<Unverified, Error>,
}

/// How the reply must look.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Alb,
    /// HTTP API 2.0 and function URL; also the answer to what is none of the four.
    HttpApi,
    Rest,
}

impl HttpEvent {
    pub(super) fn read(payload: Option<Value>) -> Self {
        let Some(payload) = payload.filter(Value::is_object) else {
            return Self::refused(Shape::HttpApi, "the event is not a JSON object");
        };
        let context = |member: &str| {
            payload
                .get("requestContext")
                .and_then(|context| context.get(member))
        };
        let is_text = |member: &str| context(member).is_some_and(Value::is_string);
        if payload.get("version").and_then(Value::as_str) == Some("2.0")
            && context("http").is_some()
        {
            Self::typed(Shape::HttpApi, payload, from_http_api)
        } else if context("elb").is_some() {
            Self::typed(Shape::Alb, payload, from_alb)
        } else if is_text("apiId") || is_text("accountId") || is_text("resourcePath") {
            Self::typed(Shape::Rest, payload, from_rest)
        } else {
            let message = "the event is no HTTP request of a function URL, API Gateway or ALB";
            Self::refused(Shape::HttpApi, message)
        }
    }

    fn typed<T: DeserializeOwned>(
        shape: Shape,
        payload: Value,
        convert: fn(T) -> (HeaderMap, Result<Unverified, Error>),
    ) -> Self {
        match serde_json::from_value(payload) {
            Ok(event) => {
                let (headers, request) = convert(event);
                Self {
                    shape,
                    headers,
                    request,
                }
            }
            Err(_) => Self::refused(
                shape,
                "the event has a member of another type than documented",
            ),
        }
    }

    fn refused(shape: Shape, message: &'static str) -> Self {
        Self {
            shape,
            headers: HeaderMap::new(),
            request: Err(Error::new(Rule::Event, message)),
        }
    }
}

fn from_http_api(event: ApiGatewayV2httpRequest) -> (HeaderMap, Result<Unverified, Error>) {
    let path = event.raw_path.unwrap_or_default();
    let stage = event
        .request_context
        .stage
        .filter(|stage| stage != "$default");
    let unverified = body(event.body, event.is_base64_encoded).map(|body| Unverified {
        method: event.request_context.http.method,
        path: without_stage(path, stage.as_deref()),
        query: decoded(event.raw_query_string.as_deref().unwrap_or_default()),
        headers: event.headers.clone(),
        body,
    });
    (event.headers, unverified)
}

fn from_rest(event: ApiGatewayProxyRequest) -> (HeaderMap, Result<Unverified, Error>) {
    let headers = merged(event.multi_value_headers, event.headers);
    let unverified = body(event.body, event.is_base64_encoded).map(|body| Unverified {
        method: event.http_method,
        // The path of a REST event never holds the stage.
        path: event.path.unwrap_or_default(),
        query: pairs(
            &event.multi_value_query_string_parameters,
            &event.query_string_parameters,
        )
        .collect(),
        headers: headers.clone(),
        body,
    });
    (headers, unverified)
}

fn from_alb(event: AlbTargetGroupRequest) -> (HeaderMap, Result<Unverified, Error>) {
    let headers = merged(event.multi_value_headers, event.headers);
    // An ALB passes names and values as they were on the wire, still encoded.
    let wire = pairs(
        &event.multi_value_query_string_parameters,
        &event.query_string_parameters,
    );
    let query: Vec<String> = wire
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let unverified = body(event.body, event.is_base64_encoded).map(|body| Unverified {
        method: event.http_method,
        path: event.path.unwrap_or_default(),
        query: decoded(&query.join("&")),
        headers: headers.clone(),
        body,
    });
    (headers, unverified)
}

fn body(body: Option<String>, is_base64_encoded: bool) -> Result<Vec<u8>, Error> {
    let body = body.unwrap_or_default();
    if !is_base64_encoded {
        return Ok(body.into_bytes());
    }
    STANDARD.decode(body).map_err(|_| {
        Error::new(
            Rule::BodyEncoding,
            "the body claims to be base64 and is not",
        )
    })
}

fn without_stage(path: String, stage: Option<&str>) -> String {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path,
    }
}

fn decoded(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// The map with every value, or the one with the last of each.
fn pairs<'a>(
    many: &'a QueryMap,
    single: &'a QueryMap,
) -> impl Iterator<Item = (String, String)> + 'a {
    let map = if many.is_empty() { single } else { many };
    map.iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn merged(many: HeaderMap, single: HeaderMap) -> HeaderMap {
    if many.is_empty() { single } else { many }
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
                // A target group reads one of the two maps, whichever it is set up for.
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

    use super::{HttpEvent, Shape};
    use crate::error::Rule;
    use crate::request::Unverified;

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
    fn accepted(event: Value) -> Unverified {
        let text = event.to_string();
        HttpEvent::read(Some(event))
            .request
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[track_caller]
    fn refused(event: Value) -> Rule {
        let text = event.to_string();
        HttpEvent::read(Some(event))
            .request
            .err()
            .unwrap_or_else(|| panic!("accepted: {text}"))
            .rule()
    }

    #[test]
    fn the_four_shapes_are_one_request() {
        let request = accepted(http_api());
        assert_eq!(
            (request.method, request.path.as_str()),
            (Method::GET, "/sign")
        );
        assert_eq!(
            request.query,
            [
                ("format".into(), "cam".into()),
                ("durationSeconds".into(), "900".into())
            ]
        );
        let request = accepted(rest());
        assert_eq!(request.query, [("format".to_owned(), "cam".to_owned())]);
        assert_eq!(request.headers.get_all("x-a").iter().count(), 2);
        let request = accepted(alb());
        assert_eq!(
            request.query,
            [("durationSeconds".to_owned(), "900".to_owned())]
        );
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
            assert_eq!(accepted(event).path, expected);
        }
    }

    #[test]
    fn base64_that_is_none_is_refused() {
        for mut event in [http_api(), rest(), alb()] {
            event["isBase64Encoded"] = json!(true);
            event["body"] = json!("YQ==");
            assert_eq!(accepted(event.clone()).body, b"a");
            event["body"] = json!("not base64!");
            assert_eq!(refused(event), Rule::BodyEncoding);
        }
    }

    #[test]
    fn what_is_no_http_request_of_lambda_is_refused() {
        assert!(HttpEvent::read(None).request.is_err());
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
            assert_eq!(refused(event), Rule::Event);
        }
        let mut header = http_api();
        header["headers"] = json!({"a b": "c"});
        assert_eq!(refused(header), Rule::Event);
    }

    #[test]
    fn a_refusal_keeps_the_shape_of_the_event() {
        let mut event = rest();
        event["headers"] = json!(1);
        assert!(matches!(HttpEvent::read(Some(event)).shape, Shape::Rest));
    }
}
