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
