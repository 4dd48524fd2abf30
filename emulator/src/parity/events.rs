//! What an event looks like, and what becomes of a reply.

use super::{Entry, documented, inferred, observed};

const SCF_API_GATEWAY: &str = "https://www.tencentcloud.com/document/product/583/12513";
const SCF_CLB: &str = "https://cloud.tencent.com/document/product/583/39849";
const SCF_FUNCTION_URL: &str = "https://cloud.tencent.com/document/product/583/96099";
const PAYLOAD_TWO: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html";
const REST: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html";
const ALB: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-alb.html";

pub(super) const ENTRIES: [Entry; 17] = [
    documented(
        "SCF function URL: the members of the event, `x-scf-remote-addr`, a reply without `statusCode` is the body of a 200",
        SCF_FUNCTION_URL,
        "scf_function_url",
    ),
    inferred(
        "SCF function URL: repeated query names become lists, a body that is not text becomes base64",
        "the API gateway's rules, whose event it otherwise is",
        "scf_function_url",
    ),
    documented(
        "SCF API gateway: the members, `httpMethod` `ANY` in the request context, the string `\"true\"` for base64",
        SCF_API_GATEWAY,
        "scf_api_gateway",
    ),
    observed(
        "SCF API gateway: header names arrive in lower case",
        "events that others published",
        "scf_api_gateway",
    ),
    documented(
        "SCF API gateway: the body for a malformed reply; no redirects",
        SCF_API_GATEWAY,
        "malformed_replies",
    ),
    inferred(
        "SCF API gateway: the status for a malformed reply is 403",
        "the page shows only the body",
        "malformed_replies",
    ),
    documented(
        "SCF load balancer: method and path only as `X-Method` and `X-Uri`, `payload` an object, `isBase64Encoded` a string",
        SCF_CLB,
        "scf_load_balancer",
    ),
    inferred(
        "SCF load balancer: `X-Uri` carries the query",
        "the event has no other place for it",
        "scf_load_balancer",
    ),
    documented(
        "Lambda payload 2.0: the members, repeated names joined by commas, cookies apart",
        PAYLOAD_TWO,
        "lambda_payload_two",
    ),
    documented(
        "Lambda payload 2.0: a reply without `statusCode` is the body of a 200",
        PAYLOAD_TWO,
        "replies_that_are_understood",
    ),
    inferred(
        "Lambda payload 2.0: `rawPath` goes out as it came in",
        "samples",
        "lambda_payload_two",
    ),
    documented(
        "Lambda REST: the members; a reply needs `statusCode`, 502 for a malformed one",
        REST,
        "replies_that_are_not",
    ),
    inferred(
        "Lambda REST: a body that is not text becomes base64",
        "on the platform that is a setting of the API",
        "bodies_that_are_not_text",
    ),
    documented(
        "Lambda behind a load balancer: `requestContext.elb`, query values stay percent-encoded, 502 as an HTML page",
        ALB,
        "lambda_load_balancer",
    ),
    inferred(
        "Lambda behind a load balancer: of a repeated query name the last value stays",
        "multi-value headers are off by default and carry one value",
        "lambda_load_balancer",
    ),
    documented(
        "binary bodies are base64 in every event that declares it",
        PAYLOAD_TWO,
        "bodies_that_are_not_text",
    ),
    inferred(
        "a request without query and body has the members with empty values that the samples show",
        "samples",
        "a_request_without_query_and_body",
    ),
];
