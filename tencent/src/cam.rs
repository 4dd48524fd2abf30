//! CAM, Tencent Cloud's policy language, version 2.0, as far as COS needs it.
//!
//! Grammar: <https://www.tencentcloud.com/document/product/598/10603>; COS resources and actions:
//! <https://www.tencentcloud.com/document/product/436/30580>; conditions:
//! <https://www.tencentcloud.com/document/product/598/10608> and
//! <https://www.tencentcloud.com/document/product/436/46205>.
//!
//! # Guarantees
//! A [`Policy`] has at least one statement that allows something, because CAM reads an empty
//! session policy as all rights. Rendering is byte-stable (one order of members, no white space),
//! so equal policies are equal texts. The parser rejects, or the evaluator denies with a reason,
//! everything whose meaning is not documented.
//!
//! # Not covered
//! `principal`, which a session policy must not contain; member names in another case; policy
//! variables.
//!
//! [`Resource`], [`Operator`], [`Literal`] and [`decide`] each distinguish what is documented from
//! what is inferred.

mod access_request;
mod action;
mod authorizer;
mod condition;
mod decision;
mod inclusion;
mod json;
mod network;
mod number;
mod one_or_many;
mod operation;
mod operator;
mod policy;
mod resource;
mod review;
mod statement;
mod summary;
mod value;
mod wildcard;

pub use access_request::{AccessRequest, Account, Context, Target};
pub use action::Action;
pub use authorizer::{PolicySet, decide};
pub use condition::{ConditionError, Conditions};
pub use decision::{Checked, Decision, MatchedStatement, Position, Reason};
pub use inclusion::{InclusionError, NewAccess, new_access};
pub use operation::{DOWNLOAD_OPERATIONS, UPLOAD_OPERATIONS, is_operation};
pub use operator::{Operator, OperatorError};
pub use policy::{MAX_POLICY_CHARACTERS, Policy, PolicyError};
pub use resource::Resource;
pub use review::Warning;
pub use statement::{Effect, Statement};
pub use summary::Clause;
pub use value::Literal;
