//! What the gateways answer by themselves.

use super::{
    Entry,
    Source::{Documented, Inferred},
    entry,
};

const STATUS_CODES: &str = "https://www.tencentcloud.com/document/product/583/35311";
const WEB_FUNCTIONS: &str = "https://www.tencentcloud.com/document/product/583/40688";
const LAMBDA_URLS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html";

pub(super) const ENTRIES: [Entry; 9] = [
    entry(
        "SCF has a status of its own for each way an invocation fails: 405, 406, 407, 432, 433, 439, 443, 445, 446, 450",
        Documented(STATUS_CODES),
        "errors_of_scf",
    ),
    entry(
        "a client of a function URL sees that status, with the error as JSON",
        Inferred("the table lists what the platform counts, not what a client receives"),
        "errors_of_scf",
    ),
    entry(
        "an error that the function reports or does not catch is 430",
        Documented(STATUS_CODES),
        "errors_of_scf",
    ),
    entry(
        "behind the API gateway a call that times out is HTTP 200 with an error text",
        Documented("https://www.tencentcloud.com/document/product/583/12513"),
        "a_call_that_times_out_behind_the_api_gateway_is_http_200",
    ),
    entry(
        "more calls than instances are throttled at once: 432 on SCF",
        Documented(STATUS_CODES),
        "parallel_requests_up_to_the_limit",
    ),
    entry(
        "a Lambda function URL answers 502 `Internal Server Error` for what the function got wrong",
        Documented(LAMBDA_URLS),
        "malformed_replies",
    ),
    entry(
        "a throttled Lambda function URL answers 429, and 413 for a request over the limit; the bodies",
        Inferred("the page names the statuses of the API, not their text"),
        "requests_over_the_limit",
    ),
    entry(
        "a request or a reply has at most 6 MB",
        Documented("https://cloud.tencent.com/document/product/583/11637"),
        "payloads_over_the_limit",
    ),
    entry(
        "a client cannot set `x-scf-*`; the platform's own are added for web functions",
        Documented(WEB_FUNCTIONS),
        "requests_pass_through_as_they_are",
    ),
];
