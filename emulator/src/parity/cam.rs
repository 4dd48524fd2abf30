//! How policies are parsed and evaluated.

use super::{Entry, documented, inferred};

const GRAMMAR: &str = "https://www.tencentcloud.com/document/product/598/10603";
const FEDERATION: &str = "https://www.tencentcloud.com/document/product/1150/49452";
const RESOURCES: &str = "https://www.tencentcloud.com/document/product/436/30580";
const CONDITIONS: &str = "https://www.tencentcloud.com/document/product/598/10608";
const COS_CONDITIONS: &str = "https://www.tencentcloud.com/document/product/436/46206";
const COS_KEYS: &str = "https://www.tencentcloud.com/document/product/436/46205";

pub(super) const ENTRIES: [Entry; 17] = [
    documented(
        "deny wins over allow, and what nothing allows is denied",
        GRAMMAR,
        "layers_have_to_agree_and_a_deny_in_any_wins",
    ),
    documented(
        "a temporary key has what identity and session policy both allow",
        FEDERATION,
        "both_layers_have_to_allow",
    ),
    documented(
        "a `*` may be anywhere in an action, and at the end of a resource",
        GRAMMAR,
        "a_wildcard_may_be_anywhere_and_case_matters",
    ),
    inferred(
        "a `*` elsewhere in a resource is read the same way; it cannot be escaped, and `?` is an ordinary character",
        "no page contradicts it",
        "nothing_else_is_a_wildcard_and_no_character_counts_twice",
    ),
    documented("both forms of COS resources mean the same", RESOURCES, "both_forms_mean_the_same"),
    inferred(
        "a resource of a project, or of an account that is not `uid/<appid>`, is refused",
        "COS never grants on it",
        "what_is_not_a_resource_is_refused",
    ),
    documented(
        "keys of one operator and operators of one statement are all needed",
        CONDITIONS,
        "keys_of_one_operator_and_operators_are_all_needed",
    ),
    documented(
        "an absent key meets only operators with `_if_exist`, negative operators included",
        CONDITIONS,
        "absent_keys_meet_only_if_exist",
    ),
    documented(
        "quantifiers count the values of the request",
        CONDITIONS,
        "quantifiers_count_the_values_of_the_request",
    ),
    inferred(
        "a negative operator with several values means none of them",
        "no page describes it",
        "present_keys",
    ),
    inferred(
        "a value of the request that is not of the operator's type meets nothing, not even a negation",
        "failing closed",
        "conditions_are_met_as_a_naive_reader_decides",
    ),
    inferred(
        "`null_equal` takes the empty text or `true` for absent or empty, `false` for the opposite",
        "the page shows one of them",
        "present_keys",
    ),
    documented(
        "sizes, types and addresses of uploads limit as the pages show",
        COS_CONDITIONS,
        "uploads_of_a_size",
    ),
    documented(
        "values of parameters are compared percent-encoded, those of headers as they are",
        COS_KEYS,
        "parameters_are_encoded_and_headers_are_not",
    ),
    documented(
        "an empty `versionid` counts as none",
        COS_CONDITIONS,
        "an_empty_version_counts_as_missing_and_an_empty_prefix_does_not",
    ),
    documented(
        "the list of buckets needs `*`",
        COS_CONDITIONS,
        "the_list_of_buckets_needs_the_star",
    ),
    inferred(
        "an undocumented operator or action denies, and the reason names it",
        "failing closed; the real service refuses such a policy when it is made",
        "the_table_has_every_operator_and_no_other",
    ),
];
