//! Operations of COS: what it stores, lists, rejects and returns.

use super::{
    Entry,
    Source::{Documented, Inferred, NotKnown, Observed, SdkSource},
    entry,
};

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
    entry(
        "hosts: `<bucket>.cos.<region>.myqcloud.com`, `.tencentcos.cn`, `cos-internal`",
        Documented(HOSTS),
        "hosts_that_name_a_bucket",
    ),
    entry(
        "an unknown host is `UserCnameInvalid`",
        Inferred("it would be a custom domain that no bucket has"),
        "a_host_that_nobody_listed_is_refused",
    ),
    entry(
        "path-style is 403 `PathStyleDomainForbidden` on COS's own hosts and on `cos.localhost`",
        Observed("answers about buckets that were created since 2024"),
        "path_style_is_only_for_loopback",
    ),
    entry(
        "path-style works on `127.0.0.1` and `localhost`, unless `--strict-hosts` is set",
        Inferred("clients that cannot use a bucket's host"),
        "path_style_is_only_for_loopback",
    ),
    entry(
        "a bucket name with more than 50 characters is `InvalidBucketName`",
        Documented(BUCKETS),
        "a_bucket_that_is_too_long_is_refused_about_its_name",
    ),
    entry(
        "an empty header counts as none; only an empty `x-cos-copy-source` is rejected",
        Inferred("clients that send empty headers; without its source, a copy would be an upload"),
        "an_empty_header_counts_as_none",
    ),
    entry(
        "an upload without `Content-Type` gets the type of its key's extension",
        SdkSource("suites of cos-nodejs-sdk-v5 and cos-js-sdk-v5"),
        "an_upload_without_a_type_has_that_of_its_extension",
    ),
    entry(
        "APPEND answers with `x-cos-content-sha1`, the MD5 of the piece",
        SdkSource("cos-go-sdk-v5 compares it so"),
        "appending_goes_on_where_it_ended",
    ),
    entry(
        "an appendable object cannot be copied",
        Documented(APPEND),
        "appending_goes_on_where_it_ended",
    ),
    entry(
        "that refusal is `InvalidRequest`",
        Inferred("the page does not name the code"),
        "appending_goes_on_where_it_ended",
    ),
    entry(
        "whether and when `..`, `.` and `//` in a key are merged",
        NotKnown("the policies must allow the key as sent and as merged; it is stored as sent"),
        "a_key_must_be_allowed_as_sent_and_as_merged",
    ),
    entry(
        "a key may begin with `/`, though a page forbids it",
        SdkSource("suites of cos-nodejs-sdk-v5 and cos-js-sdk-v5 upload such keys; page 436/13324"),
        "keys_that_no_object_may_have",
    ),
    entry(
        "callbacks and return bodies of uploads are refused",
        Inferred(
            "an app's server would be called; to ignore the header would hide that it was not",
        ),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    entry(
        "every answer has `x-cos-request-id`, `Date` and `Server: tencent-cos`",
        Documented(HEADERS),
        "an_error_is_xml_with_everything_that_support_asks_for",
    ),
    entry(
        "an error is XML with `Code`, `Message`, `Resource`, `RequestId` and `TraceId`; one to HEAD has no body",
        Documented(ERRORS),
        "an_error_to_head_has_no_body_and_still_has_its_reason",
    ),
    entry(
        "the forms of request ids and of upload ids",
        Observed("the documents' samples"),
        "ids_have_the_forms_of_the_samples",
    ),
    entry(
        "header names are spelled as the service spells them",
        SdkSource("cos-python-sdk-v5 looks for `Content-Length` in a plain dictionary"),
        "header_names_are_spelled_as_cos_does",
    ),
    entry(
        "an object comes back with its bytes, quoted `ETag`, `Last-Modified`, CRC-64 and kept headers",
        Documented(OBJECT),
        "an_object_comes_back_as_it_was_put",
    ),
    entry(
        "custom headers take 2 KB in all",
        Documented(OBJECT),
        "kept_headers_come_back_and_others_do_not",
    ),
    entry(
        "a key has 850 bytes at the most, and does not begin with `\\`",
        Documented(KEYS),
        "keys_that_no_object_may_have",
    ),
    entry(
        "`Content-MD5` is checked, `Content-Length` is due, 5 GB at the most in one piece",
        Documented(OBJECT),
        "bodies_that_are_not_what_their_headers_declare",
    ),
    entry(
        "`x-cos-forbid-overwrite: true` is 409 `FileAlreadyExists`",
        Documented(OBJECT),
        "conditions_on_reading_and_writing",
    ),
    entry(
        "`If-Match` and `If-None-Match` hold for writing too",
        Inferred("the S3 API; to ignore one would lose data"),
        "writing",
    ),
    entry(
        "one range is 206 with `Content-Range`; one behind the end 416",
        Documented(GET),
        "ranges_of_ten_bytes",
    ),
    entry(
        "`bytes=-n` and `bytes=n-` as in RFC 9110; several ranges, or none, are the whole",
        Inferred("RFC 9110"),
        "ranges_of_ten_bytes",
    ),
    entry("conditions on reading are 304 and 412", Documented(GET), "reading"),
    entry(
        "`response-…` parameters replace headers for callers who signed",
        Documented(GET),
        "headers_of_an_answer_can_be_chosen_by_callers_who_signed",
    ),
    entry(
        "HEAD answers as GET does, without the body",
        Documented(HEAD),
        "an_object_comes_back_as_it_was_put",
    ),
    entry(
        "DELETE of what is not there is 204",
        Documented(DELETE),
        "an_object_comes_back_as_it_was_put",
    ),
    entry(
        "APPEND goes on at `position`, and is refused elsewhere",
        Documented(APPEND),
        "appending_goes_on_where_it_ended",
    ),
    entry(
        "a list has prefix, delimiter, marker and max-keys, 1000 at the most",
        Documented(LIST),
        "a_list_contains_what_the_sdks_read",
    ),
    entry(
        "`encoding-type=url` encodes keys, prefixes and markers",
        Documented(LIST),
        "keys_are_encoded_when_asked_for",
    ),
    entry(
        "`/` is not encoded",
        Observed("the documents' samples"),
        "keys_are_encoded_when_asked_for",
    ),
    entry(
        "a number above its limit is cut to the limit",
        Inferred("not documented"),
        "lists_that_are_refused",
    ),
    entry(
        "a write with a parameter that is not known is refused, and so is any request with one that has no value",
        Inferred(
            "failing closed; it could be a subresource, and the plain operation would change another thing",
        ),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    entry(
        "reads ignore an unknown parameter with a value",
        SdkSource("suites of cos-nodejs-sdk-v5 and cos-python-sdk-v5 send some"),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    entry(
        "a `+` in a query is a blank, and `%2B` a plus",
        SdkSource("cos-python-sdk-v5 and cos-go-sdk-v5 write blanks so"),
        "a_plus_in_a_query_is_a_blank",
    ),
    entry(
        "the second form of lists, `list-type=2`, is refused",
        Inferred("no page of this API has it; the service answers it, as the S3 API does"),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    entry(
        "parts are numbered 1 to 10000, with 1 MB or more each but the last, and completed in ascending order",
        Documented(MULTIPART),
        "completions_that_are_refused_change_nothing",
    ),
    entry(
        "numbers of parts may have gaps; the ETag of the whole is 32 digits and the number of parts",
        Inferred("the page documents only the form"),
        "parts_in_any_order_become_one_object",
    ),
    entry(
        "parts and uploads are listed in pages by markers",
        Documented(UPLOADS),
        "uploads_are_listed_with_all_markers",
    ),
    entry(
        "an upload that was aborted or completed is `NoSuchUpload`",
        Documented(ABORT),
        "what_belongs_to_no_upload_is_refused",
    ),
    entry(
        "a copy keeps or replaces metadata; each condition on its source that is not met is 412",
        Documented(COPY),
        "copies_keep_or_replace_metadata",
    ),
    entry(
        "a part may be copied whole or by `x-cos-copy-source-range`",
        Documented(COPY_PART),
        "parts_are_copied_whole_and_by_range",
    ),
    entry(
        "the ETag of a copy is that of its source",
        Inferred("copies in one piece in the documents' samples"),
        "copies_keep_or_replace_metadata",
    ),
    entry(
        "deleting several needs `Content-MD5`, takes 1000 keys, and counts what is not there as deleted",
        Documented(DELETE_MANY),
        "several_objects_go_at_once_each_by_its_own_right",
    ),
    entry(
        "a form answers 204, or 200 or 201 as it asks, or 303 to its redirect",
        Documented(FORM),
        "a_form_stores_its_file",
    ),
    entry(
        "the answer to a form has no body, with 201 too",
        Inferred("no sample has one"),
        "a_form_stores_its_file",
    ),
    entry(
        "`content-length-range` is about the file",
        Documented(FORM),
        "the_policy_s_sizes_bind_the_file_and_not_the_form",
    ),
    entry(
        "the first CORS rule that fits answers a preflight; without one it is 403",
        Documented(PREFLIGHT),
        "a_preflight_names_what_it_needs",
    ),
    entry(
        "answers to pages of allowed origins carry `Access-Control-*` and `Vary`",
        Documented(CORS),
        "cors_rules_are_kept_shown_and_followed",
    ),
    entry(
        "buckets and objects are private, and say so as ACL",
        Documented(ACL),
        "acls_are_private",
    ),
    entry(
        "an account has 200 buckets at the most",
        Documented(BUCKETS),
        "buckets_that_cannot_be_made",
    ),
    entry(
        "what is not offered here is 501 `NotImplemented`: versions, tags, archives, policies, encryption by own keys",
        Inferred("which of the documented codes it gets"),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
    entry(
        "the processing of images and media is refused; the service answers with what it made of them",
        Inferred("nothing here can make it, and the original would be a lie"),
        "what_nothing_here_does_is_refused_and_not_done",
    ),
];
