//! A JSON object for a struct, and nothing else.
//!
//! serde's derived structs take a list of their members' values as well, in the order of the source: a spelling that no document
//! knows, and that another reader of the same text understands otherwise or not at all. Leaves out: which members there are.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The value of a JSON object.
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
        for text in [
            "[1,2]",
            "{\"a\":1,\"b\":2,\"c\":3}",
            "null",
            "1",
            "\"a\"",
            "[{\"a\":1,\"b\":2}]",
        ] {
            assert!(
                serde_json::from_str::<JsonObject<Pair>>(text).is_err(),
                "{text}"
            );
        }
    }
}
