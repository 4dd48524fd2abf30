//! How policies are parsed and evaluated.

use super::{
    Entry,
    Source::{Documented, Inferred},
    entry,
};

const GRAMMAR: &str = "https://www.tencentcloud.com/document/product/598/10603";
const FEDERATION: &str = "https://www.tencentcloud.com/document/product/1150/49452";
const RESOURCES: &str = "https://www.tencentcloud.com/document/product/436/30580";
const CONDITIONS: &str = "https://www.tencentcloud.com/document/product/598/10608";
const COS_CONDITIONS: &str = "https://www.tencentcloud.com/document/product/436/46206";
const COS_KEYS: &str = "https://www.tencentcloud.com/document/product/436/46205";

pub(super) const ENTRIES: [Entry; 17] = [
    entry(
        "deny wins over allow, and what nothing allows is denied",
        Documented(GRAMMAR),
        "layers_have_to_agree_and_a_deny_in_any_wins",
    ),
    entry(
        "a temporary key has what identity and session policy both allow",
        Documented(FEDERATION),
        "both_layers_have_to_allow",
    ),
    entry(
        "a `*` may be anywhere in an action, and at the end of a resource",
        Documented(GRAMMAR),
        "a_wildcard_may_be_anywhere_and_case_matters",
    ),
    entry(
        "a `*` elsewhere in a resource is read the same way; it cannot be escaped, and `?` is an ordinary character",
        Inferred("no page contradicts it"),
        "nothing_else_is_a_wildcard_and_no_character_counts_twice",
    ),
    entry(
        "both forms of COS resources mean the same",
        Documented(RESOURCES),
        "both_forms_mean_the_same",
    ),
    entry(
        "a resource of a project, or of an account that is not `uid/<appid>`, is refused",
        Inferred("COS never grants on it"),
        "what_is_not_a_resource_is_refused",
    ),
    entry(
        "keys of one operator and operators of one statement are all needed",
        Documented(CONDITIONS),
        "keys_of_one_operator_and_operators_are_all_needed",
    ),
    entry(
        "an absent key meets only operators with `_if_exist`, negative operators included",
        Documented(CONDITIONS),
        "absent_keys_meet_only_if_exist",
    ),
    entry(
        "quantifiers count the values of the request",
        Documented(CONDITIONS),
        "quantifiers_count_the_values_of_the_request",
    ),
    entry(
        "a negative operator with several values means none of them",
        Inferred("no page describes it"),
        "present_keys",
    ),
    entry(
        "a value of the request that is not of the operator's type meets nothing, not even a negation",
        Inferred("failing closed"),
        "conditions_are_met_as_a_naive_reader_decides",
    ),
    entry(
        "`null_equal` takes the empty text or `true` for absent or empty, `false` for the opposite",
        Inferred("the page shows one of them"),
        "present_keys",
    ),
    entry(
        "sizes, types and addresses of uploads limit as the pages show",
        Documented(COS_CONDITIONS),
        "uploads_of_a_size",
    ),
    entry(
        "values of parameters are compared percent-encoded, those of headers as they are",
        Documented(COS_KEYS),
        "parameters_are_encoded_and_headers_are_not",
    ),
    entry(
        "an empty `versionid` counts as none",
        Documented(COS_CONDITIONS),
        "an_empty_version_counts_as_missing_and_an_empty_prefix_does_not",
    ),
    entry(
        "the list of buckets needs `*`",
        Documented(COS_CONDITIONS),
        "the_list_of_buckets_needs_the_star",
    ),
    entry(
        "an undocumented operator or action denies, and the reason names it",
        Inferred("failing closed; the real service refuses such a policy when it is made"),
        "the_table_has_every_operator_and_no_other",
    ),
];
