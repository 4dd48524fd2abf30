//! How the platforms drive a function.

use super::{
    Entry,
    Source::{Documented, Inferred, Observed},
    entry,
};

const CUSTOM_RUNTIME: &str = "https://www.tencentcloud.com/document/product/583/38129";
const SCF_ENVIRONMENT: &str = "https://www.tencentcloud.com/document/product/583/32748";
const LAMBDA_RUNTIME: &str = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html";
const LAMBDA_ENVIRONMENT: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html";

const LAMBDA_LIFE: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html";
const SCF_LOG: &str = "https://www.tencentcloud.com/document/product/583/43948";

pub(super) const ENTRIES: [Entry; 26] = [
    entry(
        "SCF: `init/ready`, `invocation/next`, `/response` and `/error`; no request id in a path",
        Documented(CUSTOM_RUNTIME),
        "one_instance_serves_one_after_the_other",
    ),
    entry(
        "SCF: `next` names the request in headers with underscores; their letter case differs between two pages, so it changes here",
        Documented(CUSTOM_RUNTIME),
        "the_headers_of_next",
    ),
    entry(
        "SCF: the body of `init/ready` must not be empty",
        Inferred("the samples send a space; the strict reading"),
        "hang_in_init_and_never_ready",
    ),
    entry(
        "SCF: the first response wins, later ones are acknowledged and ignored",
        Inferred("the page expects one"),
        "the_first_response_wins_and_the_second_is_acknowledged",
    ),
    entry(
        "Lambda: paths, headers, 202 for what is accepted, 413 for too much; the first `next` is the ready signal",
        Documented(LAMBDA_RUNTIME),
        "the_headers_of_next",
    ),
    entry(
        "Lambda: a post for an invocation that is over is acknowledged and ignored",
        Inferred("the page knows 400 for an invalid id only"),
        "a_late_response_is_not_taken_for_that_of_the_next_request",
    ),
    entry(
        "SCF sets the documented variables and the function sees no others",
        Documented(SCF_ENVIRONMENT),
        "the_environment_is_the_platforms_and_ours_and_nothing_else",
    ),
    entry(
        "Lambda sets its reserved variables and the function sees no others",
        Documented(LAMBDA_ENVIRONMENT),
        "the_environment_is_the_platforms_and_ours_and_nothing_else",
    ),
    entry(
        "the keys of an execution role in the environment are valid for 7200 s",
        Inferred("the default of AssumeRole"),
        "",
    ),
    entry(
        "a process that exits ends its invocation with the platform's error; the next one starts afresh",
        Documented("https://www.tencentcloud.com/document/product/583/35311"),
        "crash_in_busy",
    ),
    entry(
        "an event that nobody fetched goes to a fresh instance",
        Inferred("it was not delivered"),
        "an_event_that_was_not_fetched_goes_to_a_fresh_instance",
    ),
    entry(
        "a web function is ready when it listens; 446 when it does not in time",
        Documented("https://www.tencentcloud.com/document/product/583/35311"),
        "failures_of_the_start",
    ),
    entry(
        "a caller who leaves does not end the invocation",
        Inferred("platforms bill it to its end"),
        "a_caller_who_leaves_does_not_break_the_instance",
    ),
    entry(
        "the members of SCF's error as JSON: `errorCode`, `errorMessage`, `requestId`, `statusCode`",
        Observed("answers that others published"),
        "errors_of_scf",
    ),
    entry(
        "Lambda freezes an instance between invocations, once it asks for the next one",
        Documented(LAMBDA_LIFE),
        "a_background_thread_is_frozen_between_requests",
    ),
    entry(
        "SCF freezes an instance as soon as its response is taken",
        Inferred("what runs later must not be relied on either way"),
        "the_same_instance_serves_on_after_each_freeze",
    ),
    entry(
        "Lambda tries a start that failed once more, within the time of the invocation",
        Documented(LAMBDA_LIFE),
        "a_start_that_fails_once_costs_no_request",
    ),
    entry(
        "SCF tries a start once",
        Inferred("the table of codes knows no second try"),
        "scf_tries_a_start_once",
    ),
    entry(
        "an answer after the deadline is discarded, and its instance is gone",
        Inferred("the client already received the time-out"),
        "an_answer_after_the_deadline_is_ignored",
    ),
    entry(
        "an instance that takes more than its memory is killed at once",
        Inferred("the real limit is the kernel's; here it is sampled"),
        "too_much_memory_is_noticed_while_it_runs_and_at_its_answer",
    ),
    entry(
        "the texts of SCF for a time-out and for too much memory",
        Observed("public reports"),
        "a_time_out_in_the_words_of_scf",
    ),
    entry(
        "a load balancer in front of Lambda takes 1 MB each way",
        Documented(
            "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html",
        ),
        "a_load_balancer_takes_one_megabyte_each_way",
    ),
    entry(
        "SCF's log lines, spelled as on the page, the answer of an event function among them",
        Documented(SCF_LOG),
        "scf_event_functions",
    ),
    entry(
        "SCF does not log what a web function answers",
        Inferred("two pages disagree; the one about testing logs none"),
        "scf_web_functions_do_not_log_what_they_answer",
    ),
    entry(
        "Lambda's START, END and REPORT lines",
        Documented("https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"),
        "lambda",
    ),
    entry(
        "`Status` and `Error Type` in Lambda's report of an invocation that failed",
        Observed("public logs"),
        "lambda_reports_why_an_invocation_failed",
    ),
];
