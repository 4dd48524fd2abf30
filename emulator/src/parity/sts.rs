//! What the STS accepts, refuses and answers.

use super::{Entry, documented, inferred, observed, sdk_source};

const REQUEST: &str = "https://www.tencentcloud.com/document/product/1150/49445";
const FEDERATION: &str = "https://www.tencentcloud.com/document/product/1150/49452";
const ASSUME_ROLE: &str = "https://www.tencentcloud.com/document/product/1150/49456";
const ERRORS: &str = "https://www.tencentcloud.com/document/product/1150/49458";
const LIMITS: &str = "https://www.tencentcloud.com/document/product/1150/49443";

pub(super) const ENTRIES: [Entry; 23] = [
    documented(
        "API errors are HTTP 200 with `Response.Error`",
        REQUEST,
        "values_of_a_federation_token",
    ),
    documented(
        "the content type selects the signature: JSON is TC3, a form is v1, GET is either",
        REQUEST,
        "v1_form_with_a_doubly_encoded_policy",
    ),
    documented(
        "sizes: GET 32 KB, POST with v1 1 MB, POST with TC3 10 MB",
        REQUEST,
        "what_is_not_a_request_of_this_api",
    ),
    documented(
        "a timestamp more than five minutes away is `AuthFailure.SignatureExpire`",
        ERRORS,
        "who_and_when_of_tc3",
    ),
    documented(
        "TC3: `content-type` and `host` have to be signed, the date is the UTC date of the timestamp",
        REQUEST,
        "the_shape_of_the_authorization_header",
    ),
    sdk_source(
        "`X-TC-Content-SHA256: UNSIGNED-PAYLOAD` leaves the body out of the signature",
        "tencentcloud-sdk-python, tencentcloud-sdk-go",
        "an_unsigned_payload_may_be_declared_but_not_pretended",
    ),
    inferred(
        "the order of the checks: shape, SecretId, time, signature, token",
        "which error real answers give first",
        "who_and_when_of_tc3",
    ),
    observed(
        "text and code of `AuthFailure.SecretIdNotFound` and `.SignatureFailure`, English and Chinese",
        "answers that others published",
        "messages_follow_the_language",
    ),
    inferred(
        "the text of most other errors; their codes are documented",
        "clients go by the code",
        "",
    ),
    documented(
        "GetFederationToken: 1800 s unless asked, at most 7200 s for a root key, 129600 s for a sub-account's",
        FEDERATION,
        "a_root_key_has_a_shorter_limit",
    ),
    documented(
        "GetFederationToken takes permanent keys only",
        FEDERATION,
        "a_federation_token_takes_a_permanent_key",
    ),
    inferred(
        "with a temporary key that is `FailedOperation.TempKeyNotAllowed`",
        "no page names the code",
        "a_federation_token_takes_a_permanent_key",
    ),
    documented(
        "AssumeRole: 7200 s unless asked, at most 43200 s and the role's own maximum",
        ASSUME_ROLE,
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    documented(
        "AssumeRole: an external id that the role wants has to be sent",
        ASSUME_ROLE,
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    observed(
        "a role that does not exist is `InternalError.GetRoleError` with `role not exist`",
        "answers that others published; the page contradicts them",
        "roles_decide_who_may_have_them_and_for_how_long",
    ),
    observed(
        "a policy over another account's resources is `InvalidParameter.GrantOtherResource`, a resource out of form `.ResouceError`",
        "answers that others published, spelling and trailing space included",
        "values_of_a_federation_token",
    ),
    observed(
        "`principal` in a session policy is tolerated, although the page forbids it",
        "tencentyun/qcloud-cos-sts-sdk sends it and gets keys",
        "what_the_service_tolerates",
    ),
    sdk_source(
        "a name with hyphens is accepted, although the page allows only letters",
        "the names that tencentyun/qcloud-cos-sts-sdk sends",
        "what_the_service_tolerates",
    ),
    inferred(
        "a session policy has at most 6144 characters",
        "the documented limit of a custom policy",
        "values_of_a_federation_token",
    ),
    documented(
        "a temporary key works only with its own token",
        REQUEST,
        "the_issued_keys_of_a_role_work_with_their_own_token_only",
    ),
    inferred(
        "a permanent key that comes with a token is `AuthFailure.TokenFailure`",
        "no page names the case",
        "who_and_when_of_tc3",
    ),
    documented(
        "over the limit of calls it is `RequestLimitExceeded`; here only where a fault asks for it",
        LIMITS,
        "a_throttle_answers_as_the_service_does_until_the_second_is_over",
    ),
    inferred("the service has one path, `/`; any other is 404", "no page names another", ""),
];
