//! How policies are read and judged.

use super::{Entry, documented, inferred};

const GRAMMAR: &str = "https://www.tencentcloud.com/document/product/598/10603";
const CONDITIONS: &str = "https://www.tencentcloud.com/document/product/598/10608";
const COS_CONDITIONS: &str = "https://www.tencentcloud.com/document/product/436/46206";

pub(super) const ENTRIES: [Entry; 6] = [
    documented(
        "deny wins over allow, and what nothing allows is denied",
        GRAMMAR,
        "layers_have_to_agree_and_a_deny_in_any_wins",
    ),
    documented(
        "keys of one operator and operators of one statement are all needed",
        CONDITIONS,
        "keys_of_one_operator_and_operators_are_all_needed",
    ),
    documented(
        "an absent key meets only what says `_if_exist`",
        CONDITIONS,
        "absent_keys_meet_only_what_says_if_exist",
    ),
    documented(
        "sizes, types and addresses of uploads limit as the pages show",
        COS_CONDITIONS,
        "uploads_of_a_size",
    ),
    documented(
        "the list of buckets needs `*`",
        COS_CONDITIONS,
        "the_list_of_buckets_needs_the_star",
    ),
    inferred(
        "an operator or an action that nobody documents denies, and says so",
        "failing closed; the real service refuses such a policy when it is made",
        "the_table_has_every_operator_and_no_other",
    ),
];
