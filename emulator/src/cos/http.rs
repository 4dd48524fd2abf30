//! HTTP as COS uses it: where a request points, its headers and body, and what every response
//! has.

pub(in crate::cos) mod address;
pub(in crate::cos) mod aws_chunked;
pub(in crate::cos) mod body;
pub(in crate::cos) mod byte_range;
pub(in crate::cos) mod copy_source;
pub(in crate::cos) mod date;
pub(in crate::cos) mod header_case;
pub(in crate::cos) mod merge_order;
pub(in crate::cos) mod metadata;
pub(in crate::cos) mod payload;
pub(in crate::cos) mod post_form;
pub(in crate::cos) mod precondition;
pub(in crate::cos) mod request;
pub(in crate::cos) mod response;
pub(in crate::cos) mod s3;
pub(in crate::cos) mod traffic_limit;
pub(in crate::cos) mod virtual_host;
pub(in crate::cos) mod xml;
