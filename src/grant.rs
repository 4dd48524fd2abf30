//! Authorization: what each principal may get, and the proof that a request stays inside it.
//!
//! A principal gets the sum of the grants that match it. Each grant that covers the request adds
//! its own statements with its own conditions, so the order of the grants only decides which one
//! names a new object. A credential has one lifetime, which every grant that it comes from must
//! allow.
//!
//! # Guarantees
//! [`Authorizer::authorize`] is the only constructor of [`Authorized`], and `sts` accepts nothing
//! else: a request that was not authorized does not compile. A request outside the grants is
//! refused and never clamped; scopes are granted together or not at all. Code that shares nothing
//! with the builder checks each policy again before it leaves.
//!
//! # Not covered
//! How grants are read from settings (`config`).

mod authorized;
mod authorizer;
mod containment;
mod definition;
mod grant_summary;
mod grants;
mod lifetime;
mod limits;
mod object_key;
mod operation;
mod permissions;
mod policy_builder;
mod policy_cache;
mod policy_inputs;
mod prefix_template;
mod principal_match;
mod resolved;
mod role;
mod session_name;
mod session_policy;
mod signable;
mod statements;

pub use authorized::{Authorized, NewObject};
pub use authorizer::Authorizer;
pub use definition::GrantDefinition;
pub use grant_summary::GrantedPlace;
pub use grants::{Grant, GrantError, Grants};
pub use lifetime::Lifetime;
pub use limits::{
    CannedAcl, CannedAclError, ContentType, ContentTypeError, Limits, TypeLimit, VpcId, VpcIdError,
};
pub use object_key::{Extension, ExtensionError, ObjectKey};
pub use operation::{Operation, OperationError, Preset};
pub use permissions::{PermissionError, Permissions};
pub use prefix_template::{Placeholder, PlaceholderError, PrefixTemplate, TemplateError};
pub use principal_match::{Match, MatchError, PrincipalMatch, Value};
pub use role::{Role, RoleArn, RoleArnError};
pub use session_policy::SessionPolicy;
pub use signable::{SignableRequest, SignableVerb, UploadLimits};

#[cfg(test)]
mod tests;
