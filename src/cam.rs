//! CAM, Tencent Cloud's policy language, as far as a session policy needs it.
//!
//! Grammar: <https://www.tencentcloud.com/document/product/598/10603>; COS resources and actions:
//! <https://www.tencentcloud.com/document/product/436/30580>.
//!
//! Promises: a [`Policy`] has at least one statement that allows something, since CAM reads an empty session policy as all
//! rights; rendering is byte-stable (one order of members, no white space), so equal policies are equal texts.
//! Leaves out: `principal`, which a session policy must not carry, and the evaluation of a request.

mod action;
mod policy;
mod resource;

pub use action::Action;
pub use policy::{Effect, Policy, PolicyError, Statement};
pub use resource::{
    Bucket, BucketError, ObjectPrefix, ObjectPrefixError, Region, RegionError, Resource,
};

/// The most characters that CAM takes in one policy, white space not counted.
/// <https://www.tencentcloud.com/document/product/598/10665>
pub const POLICY_CHARACTERS_MAX: usize = 6144;
