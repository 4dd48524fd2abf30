//! Go's `encoding/json` into a struct: names match in any case, null changes nothing, a wrong type
//! is an error.
//!
//! <https://pkg.go.dev/encoding/json#Unmarshal>.
//!
//! # Not covered
//!
//! The order of members of one name.

use serde_json::{Map, Value};

use super::Complaint;

/// The members of an object; absent or null is the zero value.
#[derive(Clone, Copy)]
pub(crate) struct Struct<'v>(&'v Map<String, Value>);

impl<'v> Struct<'v> {
    /// A value that is to be a struct.
    pub(crate) fn of(value: &'v Value) -> Result<Self, Complaint> {
        value.as_object().map(Self).ok_or_else(|| mismatch("struct"))
    }

    /// A member that is a pointer to a struct: nil when absent or null.
    pub(crate) fn pointer(self, name: &str) -> Result<Option<Self>, Complaint> {
        let values = self.values(name).map(Self::of);
        Ok(values.collect::<Result<Vec<_>, _>>()?.pop())
    }

    /// A member of type `string`.
    pub(crate) fn string(self, name: &str) -> Result<String, Complaint> {
        let texts = self.values(name).map(Value::as_str);
        let texts: Option<Vec<_>> = texts.collect();
        let text = texts.ok_or_else(|| mismatch("string"))?.pop();
        Ok(text.unwrap_or_default().to_owned())
    }

    /// A member of type `int64`, or `int` on any machine that runs this.
    pub(crate) fn int(self, name: &str) -> Result<i64, Complaint> {
        let numbers = self.values(name).map(Value::as_i64);
        let numbers: Option<Vec<_>> = numbers.collect();
        let number = numbers.ok_or_else(|| mismatch("int64"))?.pop();
        Ok(number.unwrap_or_default())
    }

    fn values(self, name: &str) -> impl Iterator<Item = &'v Value> {
        let members = self.0.iter();
        let of_name = members.filter(move |(member, _)| member.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value).filter(|value| !value.is_null())
    }
}

/// Any JSON at all.
pub(crate) fn parse(text: &str) -> Result<Value, Complaint> {
    serde_json::from_str(text).map_err(|_| Complaint::new("invalid character"))
}

fn mismatch(kind: &str) -> Complaint {
    Complaint::new(format!("json: cannot unmarshal into Go struct field of type {kind}"))
}
