//! Reads a struct only from a JSON object.
//!
//! serde's derived structs also accept a list of the members' values in source order. No document
//! knows that spelling, and another reader of the same text understands it differently or not at
//! all.
//!
//! # Not covered
//! Which members the object has.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A value that was read from a JSON object.
#[derive(Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = JsonObject<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::JsonObject;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u8,
        b: u8,
    }

    #[test]
    fn a_struct_is_an_object_and_never_a_list() {
        let JsonObject(Pair { a, b }) = serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap();
        assert_eq!((a, b), (1, 2));
        let words = "[1,2] {\"a\":1,\"b\":2,\"c\":3} null 1 \"a\" [{\"a\":1,\"b\":2}]";
        for text in words.split(' ') {
            assert!(serde_json::from_str::<JsonObject<Pair>>(text).is_err(), "{text}");
        }
    }
}
