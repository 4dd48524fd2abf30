//! Headers and parameters whose values may be shown: none of them is a credential. All others
//! are hidden.

const HEADERS: &str = "\
    accept accept-charset accept-encoding accept-language access-control-request-headers \
    access-control-request-method cache-control connection content-disposition \
    content-encoding content-length content-md5 content-type date expect expires host if-match \
    if-modified-since if-none-match if-unmodified-since origin pragma range te \
    transfer-encoding user-agent vary x-cos-acl x-cos-copy-source x-cos-copy-source-range \
    x-cos-forbid-overwrite x-cos-metadata-directive x-cos-storage-class x-tc-action \
    x-tc-content-sha256 x-tc-language x-tc-region x-tc-requestclient x-tc-timestamp \
    x-tc-version x-requested-with";

const PARAMETERS: &str = "\
    Action DurationSeconds Language Name Region RoleArn RoleSessionName SecretId \
    SignatureMethod Timestamp Version delimiter durationSeconds encoding-type ext filename \
    format key-marker marker max-keys max-parts max-uploads part-number-marker partNumber \
    position prefix q-ak q-header-list q-key-time q-sign-algorithm q-sign-time \
    q-url-param-list response-cache-control response-content-disposition \
    response-content-encoding response-content-language response-content-type response-expires";

pub(super) fn is_header(name: &str) -> bool {
    HEADERS.split_whitespace().any(|known| known == name)
}

pub(super) fn is_parameter(name: &str) -> bool {
    PARAMETERS.split_whitespace().any(|known| known == name)
}
