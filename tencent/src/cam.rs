//! CAM, Tencent Cloud's policy language, version 2.0, as far as COS needs it: types, parser, renderer, evaluator.
//!
//! Grammar: <https://www.tencentcloud.com/document/product/598/10603>; COS resources and actions:
//! <https://www.tencentcloud.com/document/product/436/30580>; conditions:
//! <https://www.tencentcloud.com/document/product/598/10608> and <https://www.tencentcloud.com/document/product/436/46205>.
//!
//! Promises: a [`Policy`] has at least one statement that allows something, since CAM reads an empty session policy as all
//! rights; rendering is byte-stable (one order of members, no white space), so equal policies are equal texts; whatever the
//! evaluator is not sure to understand is refused by the parser or denied, with the reason.
//! Leaves out: `principal`, which a session policy must not carry; other cases of the members' names; policy variables.
//!
//! What is documented, and what was inferred, is said where it is done: [`Resource`], [`Operator`], [`Literal`], [`decide`].

mod access_request;
mod action;
mod authorizer;
mod condition;
mod decision;
mod json;
mod network;
mod number;
mod one_or_many;
mod operation;
mod operator;
mod policy;
mod resource;
mod statement;
mod value;
mod wildcard;

pub use access_request::{AccessRequest, Account, Context, Target};
pub use action::Action;
pub use authorizer::{PolicySet, decide};
pub use condition::{ConditionError, Conditions};
pub use decision::{Checked, Decision, MatchedStatement, Position, Reason};
pub use operation::is_operation;
pub use operator::{Operator, OperatorError};
pub use policy::{Policy, PolicyError};
pub use resource::Resource;
pub use statement::{Effect, Statement};
pub use value::Literal;

/// The most characters that CAM takes in one policy, white space not counted.
/// <https://www.tencentcloud.com/document/product/598/10665>
pub const POLICY_CHARACTERS_MAX: usize = 6144;
