//! The one request that may be signed with a credential, in place of its secret key.
//!
//! # Guarantees
//! Everything in it comes from grants: a caller chooses an extension, or a key below the grant.

use super::definition::GrantDefinition;
use super::limits::{Limits, TypeLimit};

/// A request for one object. The credential that signs it is good for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignableRequest {
    /// The bucket with its appid.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The key of the object.
    pub key: String,
    /// What is done with it.
    pub verb: SignableVerb,
}

/// What a signed request does with its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignableVerb {
    /// It reads the object.
    Get {
        /// The type to show it as; without one it is saved as a file.
        content_type: Option<&'static str>,
    },
    /// It uploads the object as a form.
    Post(UploadLimits),
    /// It uploads the object as a body.
    Put(UploadLimits),
}

/// The limits of an upload that its signature can contain. Its policy contains them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// The largest upload in bytes.
    pub max_size_bytes: Option<u64>,
    /// The type of the object.
    pub content_type: TypeLimit,
}

impl SignableRequest {
    pub(super) fn new(grant: &GrantDefinition, key: &str, verb: SignableVerb) -> Self {
        Self {
            bucket: grant.bucket.as_str().to_owned(),
            region: grant.region.as_str().to_owned(),
            key: key.to_owned(),
            verb,
        }
    }
}

impl UploadLimits {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { max_size_bytes: limits.max_size_bytes, content_type: limits.shared_type() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{SignableRequest, SignableVerb, UploadLimits};
    use crate::auth::{Claims, Principal};
    use crate::error::{Error, ErrorCode};
    use crate::grant::{
        Authorized, Authorizer, ContentType, Extension, Grant, GrantDefinition, Grants, Limits,
        Operation, Preset, TypeLimit,
    };
    use crate::request::{CredentialRequest, Format, RequestedScope, SignedRequest};
    use tencent::time::Timestamp;

    fn limits() -> Limits {
        Limits {
            extensions: vec![Extension::parse("jpg").unwrap()],
            max_size_bytes: Some(10),
            content_types: vec![ContentType::parse("image/jpeg").unwrap()],
            ..Limits::default()
        }
    }

    /// What the caller `u-1` gets of one grant.
    fn authorize(
        presets: &[Preset],
        operations: &[&str],
        request: SignedRequest,
    ) -> Result<Authorized, Error> {
        of_grants(vec![grant("users/{sub}/", presets, operations)], request)
    }

    fn grant(prefix: &str, presets: &[Preset], operations: &[&str]) -> GrantDefinition {
        let operations: Vec<_> =
            operations.iter().map(|name| Operation::parse(name).unwrap()).collect();
        let is_upload = |name: &str| name == "PutObject" || name == "PostObject";
        let uploads = operations.iter().any(|operation| is_upload(operation.name()));
        let has_uploads = uploads || presets.contains(&Preset::Upload);
        let limits = if has_uploads { limits() } else { Limits::default() };
        GrantDefinition::for_tests(prefix, presets, &operations, limits)
    }

    fn of_grants(
        grants: Vec<GrantDefinition>,
        request: SignedRequest,
    ) -> Result<Authorized, Error> {
        let grants = grants.into_iter().map(|grant| Grant::new(grant).unwrap());
        let grants = Grants::Each(grants.collect());
        let request = CredentialRequest {
            format: Format::Sdk,
            duration_seconds: None,
            bucket: None,
            region: None,
            scope: RequestedScope::Signed(request),
        };
        let principal = Principal::with_claims(Claims::of_subject("u-1"));
        let now = Timestamp::from_unix_seconds(1_769_903_999).unwrap();
        Authorizer::new(grants).authorize(&principal, &request, now, &[0xab; 16])
    }

    fn upload(extension: &str, is_form: bool) -> SignedRequest {
        SignedRequest::Upload { extension: extension.to_owned(), is_form }
    }

    fn download(key: &str) -> SignedRequest {
        SignedRequest::Download { key: key.to_owned(), content_type: None }
    }

    #[test]
    fn a_signed_request_is_one_operation_on_one_object() {
        let all = [Preset::Upload, Preset::Download, Preset::Delete];
        let new = format!("users/u-1/2026/01/31/{}.jpg", "ab".repeat(16));
        let limited = || UploadLimits {
            max_size_bytes: Some(10),
            content_type: TypeLimit::Exactly("image/jpeg".to_owned()),
        };
        for (request, action, key, verb) in [
            (upload("JPG", false), "PutObject", &*new, SignableVerb::Put(limited())),
            (upload("jpg", true), "PostObject", &new, SignableVerb::Post(limited())),
            (
                download("users/u-1/a"),
                "GetObject",
                "users/u-1/a",
                SignableVerb::Get { content_type: None },
            ),
        ] {
            let is_shareable = matches!(verb, SignableVerb::Get { .. });
            let authorized = authorize(&all, &[], request).unwrap();
            let expected = SignableRequest {
                bucket: "examplebucket-1250000000".to_owned(),
                region: "ap-guangzhou".to_owned(),
                key: key.to_owned(),
                verb,
            };
            assert_eq!(authorized.signable(), Some(&expected));
            assert_eq!((authorized.new_object(), authorized.is_shareable()), (None, is_shareable));
            assert_eq!(authorized.place().unwrap().actions, action);
            let policy: Value = serde_json::from_str(authorized.policy().as_json()).unwrap();
            let statement = &policy["statement"][0];
            assert_eq!(policy["statement"].as_array().unwrap().len(), 1);
            assert_eq!(statement["action"], json!([format!("name/cos:{action}")]));
            assert_eq!(statement["condition"].is_null(), action == "GetObject");
        }
    }

    #[test]
    fn the_first_grant_that_contains_the_operation_is_used() {
        let grants = vec![
            grant("public/", &[], &["PutObject"]),
            grant("forms/", &[Preset::Upload, Preset::Download], &[]),
            grant("users/{sub}/", &[Preset::Upload, Preset::Download], &[]),
        ];
        for (request, prefix) in [
            (upload("jpg", false), "public/"),
            (upload("jpg", true), "forms/"),
            (download("users/u-1/a"), "users/u-1/"),
        ] {
            let authorized = of_grants(grants.clone(), request).unwrap();
            assert!(authorized.signable().unwrap().key.starts_with(prefix), "{prefix}");
            assert_eq!(authorized.place().unwrap().prefixes, prefix);
        }
    }

    #[test]
    fn what_no_grant_contains_is_not_signed() {
        let (uploads, downloads) = ([Preset::Upload], [Preset::Download]);
        for (presets, operations, request, code) in [
            (&uploads[..], &[][..], download("users/u-1/a"), ErrorCode::ScopeNotGranted),
            (&downloads, &[], download("users/u-2/a"), ErrorCode::ScopeNotGranted),
            (&downloads, &[], download("users/u-1"), ErrorCode::ScopeNotGranted),
            (&downloads, &[], upload("jpg", false), ErrorCode::ScopeNotGranted),
            (&uploads, &[], upload("png", false), ErrorCode::Extension),
            (&uploads, &[], upload("", true), ErrorCode::Extension),
            (&[], &["PutObject"], upload("jpg", true), ErrorCode::ScopeNotGranted),
            (&[], &["PostObject"], upload("jpg", false), ErrorCode::ScopeNotGranted),
            // What no parser lets through: the last look sees that it is more than one object.
            (&downloads, &[], download("users/u-1/*"), ErrorCode::Internal),
        ] {
            let error = authorize(presets, operations, request).unwrap_err();
            assert_eq!(error.code(), code, "{presets:?} {operations:?}: {error}");
        }
    }
}
