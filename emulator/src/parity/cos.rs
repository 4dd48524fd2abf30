//! Operations of COS: what it stores, lists, rejects and returns.

use super::{Entry, documented, inferred, not_known, observed, sdk_source};

const FORM: &str = "https://www.tencentcloud.com/document/product/436/14690";
const ERRORS: &str = "https://www.tencentcloud.com/document/product/436/7730";
const HOSTS: &str = "https://www.tencentcloud.com/document/product/436/6224";
const HEADERS: &str = "https://www.tencentcloud.com/document/product/436/7729";
const OBJECT: &str = "https://www.tencentcloud.com/document/product/436/7749";
const GET: &str = "https://www.tencentcloud.com/document/product/436/7753";
const HEAD: &str = "https://www.tencentcloud.com/document/product/436/7745";
const LIST: &str = "https://www.tencentcloud.com/document/product/436/7734";
const UPLOADS: &str = "https://www.tencentcloud.com/document/product/436/7736";
const MULTIPART: &str = "https://www.tencentcloud.com/document/product/436/14112";
const ABORT: &str = "https://www.tencentcloud.com/document/product/436/7740";
const COPY: &str = "https://www.tencentcloud.com/document/product/436/10881";
const COPY_PART: &str = "https://www.tencentcloud.com/document/product/436/8287";
const DELETE_MANY: &str = "https://www.tencentcloud.com/document/product/436/8289";
const DELETE: &str = "https://www.tencentcloud.com/document/product/436/7743";
const CORS: &str = "https://www.tencentcloud.com/document/product/436/11488";
const PREFLIGHT: &str = "https://www.tencentcloud.com/document/product/436/8288";
const APPEND: &str = "https://www.tencentcloud.com/document/product/436/7741";
const ACL: &str = "https://www.tencentcloud.com/document/product/436/7733";
const KEYS: &str = "https://www.tencentcloud.com/document/product/436/13324";
const BUCKETS: &str = "https://www.tencentcloud.com/document/product/436/7738";

pub(super) const ENTRIES: [Entry; 55] = [
    documented(
        "hosts: `<bucket>.cos.<region>.myqcloud.com`, `.tencentcos.cn`, `cos-internal`",
        HOSTS,
        "hosts_that_name_a_bucket",
    ),
    inferred(
        "an unknown host is `UserCnameInvalid`",
        "it would be a custom domain that no bucket has",
        "a_host_that_nobody_listed_is_refused",
    ),
    observed(
        "path-style is 403 `PathStyleDomainForbidden` on COS's own hosts and on `cos.localhost`",
        "answers about buckets that were created since 2024",
        "path_style_is_only_for_loopback",
    ),
    inferred(
        "path-style works on `127.0.0.1` and `localhost`, unless `--strict-hosts` is set",
        "clients that cannot use a bucket's host",
        "path_style_is_only_for_loopback",
    ),
    documented(
        "a bucket name with more than 50 characters is `InvalidBucketName`",
        BUCKETS,
        "a_bucket_that_is_too_long_is_refused_about_its_name",
    ),
    inferred(
        "an empty header counts as none; only an empty `x-cos-copy-source` is rejected",
        "clients that send empty headers; without its source, a copy would be an upload",
        "an_empty_header_counts_as_none",
    ),
    sdk_source(
        "an upload without `Content-Type` gets the type of its key's extension",
        "suites of cos-nodejs-sdk-v5 and cos-js-sdk-v5",
        "an_upload_without_a_type_has_that_of_its_extension",
    ),
    sdk_source(
        "APPEND answers with `x-cos-content-sha1`, the MD5 of the piece",
        "cos-go-sdk-v5 compares it so",
        "appending_goes_on_where_it_ended",
    ),
    documented("an appendable object cannot be copied", APPEND, "appending_goes_on_where_it_ended"),
    inferred(
        "that refusal is `InvalidRequest`",
        "the page does not name the code",
        "appending_goes_on_where_it_ended",
    ),
    not_known(
        "whether and when `..`, `.` and `//` in a key are merged",
        "the policies must allow the key as sent and as merged; it is stored as sent",
        "a_key_must_be_allowed_as_sent_and_as_merged",
    ),
    sdk_source(
        "a key may begin with `/`, though a page forbids it",
        "suites of cos-nodejs-sdk-v5 and cos-js-sdk-v5 upload such keys; page 436/13324",
        "keys_that_no_object_may_have",
    ),
    inferred(
        "callbacks and return bodies of uploads are refused",
        "an app's server would be called; to ignore the header would hide that it was not",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    documented(
        "every answer has `x-cos-request-id`, `Date` and `Server: tencent-cos`",
        HEADERS,
        "an_error_is_xml_with_everything_that_support_asks_for",
    ),
    documented(
        "an error is XML with `Code`, `Message`, `Resource`, `RequestId` and `TraceId`; one to HEAD has no body",
        ERRORS,
        "an_error_to_head_has_no_body_and_still_has_its_reason",
    ),
    observed(
        "the forms of request ids and of upload ids",
        "the documents' samples",
        "ids_have_the_forms_of_the_samples",
    ),
    sdk_source(
        "header names are spelled as the service spells them",
        "cos-python-sdk-v5 looks for `Content-Length` in a plain dictionary",
        "header_names_are_spelled_as_cos_does",
    ),
    documented(
        "an object comes back with its bytes, quoted `ETag`, `Last-Modified`, CRC-64 and kept headers",
        OBJECT,
        "an_object_comes_back_as_it_was_put",
    ),
    documented(
        "custom headers take 2 KB in all",
        OBJECT,
        "kept_headers_come_back_and_others_do_not",
    ),
    documented(
        "a key has 850 bytes at the most, and does not begin with `\\`",
        KEYS,
        "keys_that_no_object_may_have",
    ),
    documented(
        "`Content-MD5` is checked, `Content-Length` is due, 5 GB at the most in one piece",
        OBJECT,
        "bodies_that_are_not_what_their_headers_declare",
    ),
    documented(
        "`x-cos-forbid-overwrite: true` is 409 `FileAlreadyExists`",
        OBJECT,
        "conditions_on_reading_and_writing",
    ),
    inferred(
        "`If-Match` and `If-None-Match` hold for writing too",
        "the S3 API; to ignore one would lose data",
        "writing",
    ),
    documented(
        "one range is 206 with `Content-Range`; one behind the end 416",
        GET,
        "ranges_of_ten_bytes",
    ),
    inferred(
        "`bytes=-n` and `bytes=n-` as in RFC 9110; several ranges, or none, are the whole",
        "RFC 9110",
        "ranges_of_ten_bytes",
    ),
    documented("conditions on reading are 304 and 412", GET, "reading"),
    documented(
        "`response-…` parameters replace headers for callers who signed",
        GET,
        "headers_of_an_answer_can_be_chosen_by_callers_who_signed",
    ),
    documented(
        "HEAD answers as GET does, without the body",
        HEAD,
        "an_object_comes_back_as_it_was_put",
    ),
    documented("DELETE of what is not there is 204", DELETE, "an_object_comes_back_as_it_was_put"),
    documented(
        "APPEND goes on at `position`, and is refused elsewhere",
        APPEND,
        "appending_goes_on_where_it_ended",
    ),
    documented(
        "a list has prefix, delimiter, marker and max-keys, 1000 at the most",
        LIST,
        "a_list_contains_what_the_sdks_read",
    ),
    documented(
        "`encoding-type=url` encodes keys, prefixes and markers",
        LIST,
        "keys_are_encoded_when_asked_for",
    ),
    observed("`/` is not encoded", "the documents' samples", "keys_are_encoded_when_asked_for"),
    inferred(
        "a number above its limit is cut to the limit",
        "not documented",
        "lists_that_are_refused",
    ),
    inferred(
        "a write with a parameter that is not known is refused, and so is any request with one that has no value",
        "failing closed; it could be a subresource, and the plain operation would change another thing",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    sdk_source(
        "reads ignore an unknown parameter with a value",
        "suites of cos-nodejs-sdk-v5 and cos-python-sdk-v5 send some",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    sdk_source(
        "a `+` in a query is a blank, and `%2B` a plus",
        "cos-python-sdk-v5 and cos-go-sdk-v5 write blanks so",
        "a_plus_in_a_query_is_a_blank",
    ),
    inferred(
        "the second form of lists, `list-type=2`, is refused",
        "no page of this API has it; the service answers it, as the S3 API does",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    documented(
        "parts are numbered 1 to 10000, with 1 MB or more each but the last, and completed in ascending order",
        MULTIPART,
        "completions_that_are_refused_change_nothing",
    ),
    inferred(
        "numbers of parts may have gaps; the ETag of the whole is 32 digits and the number of parts",
        "the page documents only the form",
        "parts_in_any_order_become_one_object",
    ),
    documented(
        "parts and uploads are listed in pages by markers",
        UPLOADS,
        "uploads_are_listed_with_all_markers",
    ),
    documented(
        "an upload that was aborted or completed is `NoSuchUpload`",
        ABORT,
        "what_belongs_to_no_upload_is_refused",
    ),
    documented(
        "a copy keeps or replaces metadata; each condition on its source that is not met is 412",
        COPY,
        "copies_keep_or_replace_metadata",
    ),
    documented(
        "a part may be copied whole or by `x-cos-copy-source-range`",
        COPY_PART,
        "parts_are_copied_whole_and_by_range",
    ),
    inferred(
        "the ETag of a copy is that of its source",
        "copies in one piece in the documents' samples",
        "copies_keep_or_replace_metadata",
    ),
    documented(
        "deleting several needs `Content-MD5`, takes 1000 keys, and counts what is not there as deleted",
        DELETE_MANY,
        "several_objects_go_at_once_each_by_its_own_right",
    ),
    documented(
        "a form answers 204, or 200 or 201 as it asks, or 303 to its redirect",
        FORM,
        "a_form_stores_its_file",
    ),
    inferred(
        "the answer to a form has no body, with 201 too",
        "no sample has one",
        "a_form_stores_its_file",
    ),
    documented(
        "`content-length-range` is about the file",
        FORM,
        "the_policy_s_sizes_bind_the_file_and_not_the_form",
    ),
    documented(
        "the first CORS rule that fits answers a preflight; without one it is 403",
        PREFLIGHT,
        "a_preflight_names_what_it_needs",
    ),
    documented(
        "answers to pages of allowed origins carry `Access-Control-*` and `Vary`",
        CORS,
        "cors_rules_are_kept_shown_and_followed",
    ),
    documented("buckets and objects are private, and say so as ACL", ACL, "acls_are_private"),
    documented("an account has 200 buckets at the most", BUCKETS, "buckets_that_cannot_be_made"),
    inferred(
        "what is not offered here is 501 `NotImplemented`: versions, tags, archives, policies, encryption by own keys",
        "which of the documented codes it gets",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    inferred(
        "the processing of images and media is refused; the service answers with what it made of them",
        "nothing here can make it, and the original would be a lie",
        "what_nothing_here_does_is_refused_and_not_done",
    ),
];
