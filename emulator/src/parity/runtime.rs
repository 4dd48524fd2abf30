//! How the platforms drive a function.

use super::{Entry, documented, inferred, observed};

const CUSTOM_RUNTIME: &str = "https://www.tencentcloud.com/document/product/583/38129";
const SCF_ENVIRONMENT: &str = "https://www.tencentcloud.com/document/product/583/32748";
const LAMBDA_RUNTIME: &str = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html";
const LAMBDA_ENVIRONMENT: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html";

pub(super) const ENTRIES: [Entry; 14] = [
    documented(
        "SCF: `init/ready`, `invocation/next`, `/response` and `/error`; no request id in a path",
        CUSTOM_RUNTIME,
        "one_instance_serves_one_after_the_other",
    ),
    documented(
        "SCF: `next` names the request in headers with underscores; their letter case differs between two pages, so it changes here",
        CUSTOM_RUNTIME,
        "the_headers_of_next",
    ),
    inferred(
        "SCF: the body of `init/ready` must not be empty",
        "the samples send a space; the strict reading",
        "hang_in_init_and_never_ready",
    ),
    inferred(
        "SCF: the first response wins, later ones are acknowledged and ignored",
        "the page says that one is expected",
        "the_first_response_wins_and_the_second_is_acknowledged",
    ),
    documented(
        "Lambda: paths, headers, 202 for what is accepted, 413 for too much; the first `next` is the ready signal",
        LAMBDA_RUNTIME,
        "the_headers_of_next",
    ),
    inferred(
        "Lambda: a post for an invocation that is over is acknowledged and ignored",
        "the page knows 400 for an invalid id only",
        "a_late_response_is_not_taken_for_that_of_the_next_request",
    ),
    documented(
        "SCF sets the documented variables and the function sees no others",
        SCF_ENVIRONMENT,
        "the_environment_is_the_platforms_and_ours_and_nothing_else",
    ),
    documented(
        "Lambda sets its reserved variables and the function sees no others",
        LAMBDA_ENVIRONMENT,
        "the_environment_is_the_platforms_and_ours_and_nothing_else",
    ),
    inferred(
        "the keys of an execution role in the environment are valid for 7200 s",
        "the default of AssumeRole",
        "",
    ),
    documented(
        "a process that exits ends its invocation with the platform's error; the next one starts afresh",
        "https://www.tencentcloud.com/document/product/583/35311",
        "crash_in_busy",
    ),
    inferred(
        "an event that nobody fetched goes to a fresh instance",
        "it was not delivered",
        "an_event_that_nobody_fetched_goes_to_a_fresh_instance",
    ),
    documented(
        "a web function is ready when it listens; 446 when it does not in time",
        "https://www.tencentcloud.com/document/product/583/35311",
        "failures_of_the_start",
    ),
    inferred(
        "a caller who leaves does not end the invocation",
        "platforms bill it to its end",
        "a_caller_who_leaves_does_not_break_the_instance",
    ),
    observed(
        "the members of SCF's error as JSON: `errorCode`, `errorMessage`, `requestId`, `statusCode`",
        "answers that others published",
        "errors_of_scf",
    ),
];
