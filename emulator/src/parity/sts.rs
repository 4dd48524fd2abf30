//! What the STS accepts, refuses and answers.

use super::{
    Entry,
    Source::{Documented, Inferred, Observed, SdkSource},
    entry,
};

const REQUEST: &str = "https://www.tencentcloud.com/document/product/1150/49445";
const FEDERATION: &str = "https://www.tencentcloud.com/document/product/1150/49452";
const ASSUME_ROLE: &str = "https://www.tencentcloud.com/document/product/1150/49456";
const ERRORS: &str = "https://www.tencentcloud.com/document/product/1150/49458";
const LIMITS: &str = "https://www.tencentcloud.com/document/product/1150/49443";

pub(super) const ENTRIES: [Entry; 23] = [
    entry(
        "API errors are HTTP 200 with `Response.Error`",
        Documented(REQUEST),
        "values_of_a_federation_token",
    ),
    entry(
        "the content type selects the signature: JSON is TC3, a form is v1, GET is either",
        Documented(REQUEST),
        "v1_form_with_a_doubly_encoded_policy",
    ),
    entry(
        "sizes: GET 32 KB, POST with v1 1 MB, POST with TC3 10 MB",
        Documented(REQUEST),
        "what_is_not_a_request_of_this_api",
    ),
    entry(
        "a timestamp more than five minutes away is `AuthFailure.SignatureExpire`",
        Documented(ERRORS),
        "who_and_when_of_tc3",
    ),
    entry(
        "TC3: `content-type` and `host` have to be signed, the date is the UTC date of the timestamp",
        Documented(REQUEST),
        "the_shape_of_the_authorization_header",
    ),
    entry(
        "`X-TC-Content-SHA256: UNSIGNED-PAYLOAD` leaves the body out of the signature",
        SdkSource("tencentcloud-sdk-python, tencentcloud-sdk-go"),
        "an_unsigned_payload_may_be_declared_but_not_pretended",
    ),
    entry(
        "the order of the checks: shape, SecretId, time, signature, token",
        Inferred("which error real answers give first"),
        "who_and_when_of_tc3",
    ),
    entry(
        "text and code of `AuthFailure.SecretIdNotFound` and `.SignatureFailure`, English and Chinese",
        Observed("answers that others published"),
        "messages_follow_the_language",
    ),
    entry(
        "the text of most other errors; their codes are documented",
        Inferred("clients go by the code"),
        "",
    ),
    entry(
        "GetFederationToken: 1800 s unless asked, at most 7200 s for a root key, 129600 s for a sub-account's",
        Documented(FEDERATION),
        "a_root_key_has_a_shorter_limit",
    ),
    entry(
        "GetFederationToken takes permanent keys only",
        Documented(FEDERATION),
        "a_federation_token_takes_a_permanent_key",
    ),
    entry(
        "with a temporary key that is `FailedOperation.TempKeyNotAllowed`",
        Inferred("no page names the code"),
        "a_federation_token_takes_a_permanent_key",
    ),
    entry(
        "AssumeRole: 7200 s unless asked, at most 43200 s and the role's own maximum",
        Documented(ASSUME_ROLE),
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    entry(
        "AssumeRole: an external id that the role wants has to be sent",
        Documented(ASSUME_ROLE),
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    entry(
        "a role that does not exist is `InternalError.GetRoleError` with `role not exist`",
        Observed("answers that others published; the page contradicts them"),
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    entry(
        "a policy over another account's resources is `InvalidParameter.GrantOtherResource`, a resource out of form `.ResouceError`",
        Observed("answers that others published, spelling and trailing space included"),
        "values_of_a_federation_token",
    ),
    entry(
        "`principal` in a session policy is tolerated, although the page forbids it",
        Observed("tencentyun/qcloud-cos-sts-sdk sends it and gets keys"),
        "what_the_service_tolerates",
    ),
    entry(
        "a name with hyphens is accepted, although the page allows only letters",
        SdkSource("the names that tencentyun/qcloud-cos-sts-sdk sends"),
        "what_the_service_tolerates",
    ),
    entry(
        "a session policy has at most 6144 characters",
        Inferred("the documented limit of a custom policy"),
        "values_of_a_federation_token",
    ),
    entry(
        "a temporary key works only with its own token",
        Documented(REQUEST),
        "the_issued_keys_of_a_role_work_with_their_own_token_only",
    ),
    entry(
        "a permanent key that comes with a token is `AuthFailure.TokenFailure`",
        Inferred("no page names the case"),
        "who_and_when_of_tc3",
    ),
    entry(
        "over the limit of calls it is `RequestLimitExceeded`; here only where a fault asks for it",
        Documented(LIMITS),
        "a_throttle_answers_as_the_service_does_until_the_second_is_over",
    ),
    entry("the service has one path, `/`; any other is 404", Inferred("no page names another"), ""),
];
