//! Authorization of COS: signatures, tokens, times, and the permissions of each operation.

use super::{
    Entry,
    Source::{Documented, Inferred, Observed, SdkSource},
    entry,
};

const SIGNATURE: &str = "https://www.tencentcloud.com/document/product/436/7778";
const ACCESS: &str = "https://www.tencentcloud.com/document/product/436/30740";
const ACTIONS: &str = "https://www.tencentcloud.com/document/product/436/30580";
const CONDITIONS: &str = "https://www.tencentcloud.com/document/product/436/46205";
const FORM: &str = "https://www.tencentcloud.com/document/product/436/14690";
const ERRORS: &str = "https://www.tencentcloud.com/document/product/436/7730";
const SERVICE: &str = "https://www.tencentcloud.com/document/product/436/8291";

pub(super) const ENTRIES: [Entry; 38] = [
    entry(
        "the seven fields of a signature are in `Authorization` or in the query",
        Documented(SIGNATURE),
        "both_forms_with_permanent_and_temporary_keys",
    ),
    entry(
        "only what the two lists name is signed, by names in lower case and in order, over the decoded path",
        Documented(SIGNATURE),
        "one_byte_of_what_is_signed_changes_the_answer",
    ),
    entry(
        "names are signed in lower case, so the case of a parameter's name is not signed",
        Documented(SIGNATURE),
        "what_clients_sign_differently",
    ),
    entry(
        "`host` is signed with the port (Node.js, browser) or without it (Python, Android)",
        SdkSource("cos-nodejs-sdk-v5, cos-js-sdk-v5, cos-python-sdk-v5, qcloud-sdk-android"),
        "what_clients_sign_differently",
    ),
    entry(
        "where the two times differ, either is the one in the text that is signed",
        SdkSource("cos-nodejs-sdk-v5 takes q-sign-time, cos-go-sdk-v5 q-key-time"),
        "a_signature_is_good_only_for_its_own_time",
    ),
    entry(
        "a `+` in a query is signed and decided as a blank",
        SdkSource("cos-python-sdk-v5 signs `%20` for it"),
        "a_plus_in_a_query_is_decided_as_a_blank",
    ),
    entry(
        "the whole signature may be the parameter `sign`",
        SdkSource("cos-go-sdk-v5"),
        "what_clients_sign_differently",
    ),
    entry(
        "a token may be signed, and need not be",
        SdkSource("cos-python-sdk-v5 signs it, cos-nodejs-sdk-v5 does not"),
        "what_clients_sign_differently",
    ),
    entry(
        "SecretId, time, signature and permission are checked in this order",
        Documented(ACCESS),
        "keys_that_are_not_good",
    ),
    entry(
        "token and expiry of a key are checked with the SecretId, before the time",
        Inferred("no page names their place"),
        "keys_that_are_not_good",
    ),
    entry(
        "without a signature, or with one that cannot be read, it is `AccessDenied`",
        Documented(ACCESS),
        "nobody_is_refused",
    ),
    entry(
        "for the list of buckets the message is `Check auth failure because signature empty.`",
        Documented(SERVICE),
        "nobody_is_refused",
    ),
    entry(
        "code and message of `InvalidAccessKeyId`",
        Observed("answers that others published"),
        "keys_that_are_not_good",
    ),
    entry(
        "a wrong, missing or superfluous token is `InvalidAccessKeyId`; a revoked key too",
        Inferred("no page names the code"),
        "keys_that_are_not_good",
    ),
    entry(
        "a temporary key that is over is `ExpiredToken`",
        Documented(ERRORS),
        "keys_that_are_not_good",
    ),
    entry(
        "a signature whose time is over is `AccessDenied` with `Request has expired` and `ServerTime`",
        Documented(ACCESS),
        "a_signature_is_good_only_for_its_own_time",
    ),
    entry(
        "a clock that is 15 minutes off is `RequestTimeTooSkewed`",
        Documented(ERRORS),
        "a_signature_is_good_only_for_its_own_time",
    ),
    entry(
        "that code answers a signature of the future, and a `Date` that is far off",
        Inferred("the page names the code and not the cause"),
        "a_signature_is_good_only_for_its_own_time",
    ),
    entry(
        "`SignatureDoesNotMatch` comes with `StringToSign` and `FormatString`",
        Documented(ACCESS),
        "a_wrong_signature_is_answered_with_what_was_to_be_signed",
    ),
    entry(
        "a repeated parameter or deciding header is rejected",
        Inferred("failing closed; the service takes one of them"),
        "what_could_mean_two_things_is_refused",
    ),
    entry(
        "an `Authorization` or a token that is empty counts as none",
        Inferred("clients that send empty headers"),
        "nobody_is_refused",
    ),
    entry(
        "each operation needs the action of the list, on its own resource",
        Documented(ACTIONS),
        "each_operation_needs_its_own_action_on_its_own_resource",
    ),
    entry(
        "a copy needs PutObject on its target and GetObject on its source",
        Documented(ACTIONS),
        "a_copy_is_two_accesses",
    ),
    entry(
        "a deny under another documented name of an action counts",
        Inferred("pages that disagree"),
        "a_copy_is_two_accesses",
    ),
    entry(
        "a list request is about the prefix that it asks for",
        Documented(ACTIONS),
        "each_operation_needs_its_own_action_on_its_own_resource",
    ),
    entry(
        "`cos:content-length` and `cos:content-type` are those of requests with a body",
        Documented(CONDITIONS),
        "size_and_type_of_a_body",
    ),
    entry(
        "a copy has neither of them, so that a limit of size covers none; its own body must be allowed too",
        Inferred("its own body is not what it stores"),
        "a_copy_is_two_accesses",
    ),
    entry(
        "conditions on parameters compare them percent-encoded",
        Documented(CONDITIONS),
        "parameters_are_compared_encoded",
    ),
    entry(
        "`qcs:ip`, `qcs:current_time` and the caller's numbers hold for every request",
        Documented(CONDITIONS),
        "where_when_and_who",
    ),
    entry(
        "a form's condition keys are its fields, and `cos:content-length` that of the whole request",
        Inferred("the page of forms names no keys"),
        "conditions_see_the_fields_of_a_form",
    ),
    entry(
        "a bucket of another account is denied",
        Inferred("without a bucket policy, nothing allows it"),
        "the_account_ends_at_its_buckets",
    ),
    entry(
        "several deletions at once are decided key by key: what is denied is an `Error`, the others go",
        Inferred("not documented"),
        "each_key_of_a_deletion_is_decided_by_itself",
    ),
    entry(
        "a form is signed by the base64 of its policy, next to `q-ak`, `q-key-time` and `q-signature`",
        Documented(FORM),
        "a_signed_policy_lets_in_what_it_asks_for",
    ),
    entry(
        "in place of them a form may have `Signature`, an ordinary signature of `post` and the path",
        SdkSource("cos-wx-sdk-v5"),
        "mini_programs_sign_method_and_path",
    ),
    entry(
        "the operators of a form's policy, the conditions that it must have, and the fields whose beginning it may ask for",
        Documented(FORM),
        "conditions_that_are_documented",
    ),
    entry(
        "anything else in a form's policy makes the whole of it invalid",
        Inferred("failing closed"),
        "what_is_not_documented_makes_a_policy_invalid",
    ),
    entry(
        "a field without a condition is accepted",
        SdkSource("the vendor's samples of forms"),
        "a_signed_policy_lets_in_what_it_asks_for",
    ),
    entry(
        "the messages for a condition that is not met, for an expired policy and for one without conditions",
        Observed("answers that others published"),
        "what_the_policy_asks_for_has_to_be_there",
    ),
];
