//! How the platforms drive a function.

use super::{Entry, documented, inferred, observed};

const CUSTOM_RUNTIME: &str = "https://www.tencentcloud.com/document/product/583/38129";
const SCF_ENVIRONMENT: &str = "https://www.tencentcloud.com/document/product/583/32748";
const LAMBDA_RUNTIME: &str = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html";
const LAMBDA_ENVIRONMENT: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html";

const LAMBDA_LIFE: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html";
const SCF_LOG: &str = "https://www.tencentcloud.com/document/product/583/43948";

pub(super) const ENTRIES: [Entry; 26] = [
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
        "the page expects one",
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
        "an_event_that_was_not_fetched_goes_to_a_fresh_instance",
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
    documented(
        "Lambda freezes an instance between invocations, once it asks for the next one",
        LAMBDA_LIFE,
        "a_background_thread_is_frozen_between_requests",
    ),
    inferred(
        "SCF freezes an instance as soon as its response is taken",
        "what runs later must not be relied on either way",
        "the_same_instance_serves_on_after_each_freeze",
    ),
    documented(
        "Lambda tries a start that failed once more, within the time of the invocation",
        LAMBDA_LIFE,
        "a_start_that_fails_once_costs_no_request",
    ),
    inferred(
        "SCF tries a start once",
        "the table of codes knows no second try",
        "scf_tries_a_start_once",
    ),
    inferred(
        "an answer after the deadline is discarded, and its instance is gone",
        "the client already received the time-out",
        "an_answer_after_the_deadline_is_ignored",
    ),
    inferred(
        "an instance that takes more than its memory is killed at once",
        "the real limit is the kernel's; here it is sampled",
        "too_much_memory_is_noticed_while_it_runs_and_at_its_answer",
    ),
    observed(
        "the texts of SCF for a time-out and for too much memory",
        "public reports",
        "a_time_out_in_the_words_of_scf",
    ),
    documented(
        "a load balancer in front of Lambda takes 1 MB each way",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html",
        "a_load_balancer_takes_one_megabyte_each_way",
    ),
    documented(
        "SCF's log lines, spelled as on the page, the answer of an event function among them",
        SCF_LOG,
        "scf_event_functions",
    ),
    inferred(
        "SCF does not log what a web function answers",
        "two pages disagree; the one about testing logs none",
        "scf_web_functions_do_not_log_what_they_answer",
    ),
    documented(
        "Lambda's START, END and REPORT lines",
        "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
        "lambda",
    ),
    observed(
        "`Status` and `Error Type` in Lambda's report of an invocation that failed",
        "public logs",
        "lambda_reports_why_an_invocation_failed",
    ),
];
