//! What an event looks like, and what becomes of a reply.

use super::{
    Entry,
    Source::{Documented, Inferred, Observed},
    entry,
};

const SCF_API_GATEWAY: &str = "https://www.tencentcloud.com/document/product/583/12513";
const SCF_CLB: &str = "https://cloud.tencent.com/document/product/583/39849";
const SCF_FUNCTION_URL: &str = "https://cloud.tencent.com/document/product/583/96099";
const PAYLOAD_TWO: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html";
const REST: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html";
const ALB: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-alb.html";

pub(super) const ENTRIES: [Entry; 17] = [
    entry(
        "SCF function URL: the members of the event, `x-scf-remote-addr`, a reply without `statusCode` is the body of a 200",
        Documented(SCF_FUNCTION_URL),
        "scf_function_url",
    ),
    entry(
        "SCF function URL: repeated query names become lists, a body that is not text becomes base64",
        Inferred("the API gateway's rules, whose event it otherwise is"),
        "scf_function_url",
    ),
    entry(
        "SCF API gateway: the members, `httpMethod` `ANY` in the request context, the string `\"true\"` for base64",
        Documented(SCF_API_GATEWAY),
        "scf_api_gateway",
    ),
    entry(
        "SCF API gateway: header names arrive in lower case",
        Observed("events that others published"),
        "scf_api_gateway",
    ),
    entry(
        "SCF API gateway: the body for a malformed reply; no redirects",
        Documented(SCF_API_GATEWAY),
        "malformed_replies",
    ),
    entry(
        "SCF API gateway: the status for a malformed reply is 403",
        Inferred("the page shows only the body"),
        "malformed_replies",
    ),
    entry(
        "SCF load balancer: method and path only as `X-Method` and `X-Uri`, `payload` an object, `isBase64Encoded` a string",
        Documented(SCF_CLB),
        "scf_load_balancer",
    ),
    entry(
        "SCF load balancer: `X-Uri` carries the query",
        Inferred("the event has no other place for it"),
        "scf_load_balancer",
    ),
    entry(
        "Lambda payload 2.0: the members, repeated names joined by commas, cookies apart",
        Documented(PAYLOAD_TWO),
        "lambda_payload_two",
    ),
    entry(
        "Lambda payload 2.0: a reply without `statusCode` is the body of a 200",
        Documented(PAYLOAD_TWO),
        "replies_that_are_understood",
    ),
    entry(
        "Lambda payload 2.0: `rawPath` goes out as it came in",
        Inferred("samples"),
        "lambda_payload_two",
    ),
    entry(
        "Lambda REST: the members; a reply needs `statusCode`, 502 for a malformed one",
        Documented(REST),
        "replies_that_are_not",
    ),
    entry(
        "Lambda REST: a body that is not text becomes base64",
        Inferred("on the platform that is a setting of the API"),
        "bodies_that_are_not_text",
    ),
    entry(
        "Lambda behind a load balancer: `requestContext.elb`, query values stay percent-encoded, 502 as an HTML page",
        Documented(ALB),
        "lambda_load_balancer",
    ),
    entry(
        "Lambda behind a load balancer: of a repeated query name the last value stays",
        Inferred("multi-value headers are off by default and carry one value"),
        "lambda_load_balancer",
    ),
    entry(
        "binary bodies are base64 in every event that declares it",
        Documented(PAYLOAD_TWO),
        "bodies_that_are_not_text",
    ),
    entry(
        "a request without query and body has the members with empty values that the samples show",
        Inferred("samples"),
        "a_request_without_query_and_body",
    ),
];
