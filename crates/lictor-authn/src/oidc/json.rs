//! What does a provider's JSON say? One object, in which no member stands twice: two readers must find the same.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The members of a JSON object.
pub(crate) type Object = Map<String, Value>;

/// With arbitrary precision serde_json hands a number over as a map of this one key.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads one object; `None` when it is anything else, or a member stands twice anywhere in it.
pub(crate) fn object(bytes: &[u8]) -> Option<Object> {
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(Value::Object(object))) => Some(object),
        _ => None,
    }
}

/// A member that is a text.
pub(crate) fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str)
}

/// A member that is a moment: seconds since the epoch, perhaps with a fraction (RFC 7519 NumericDate).
pub(crate) fn seconds(object: &Object, name: &str) -> Option<i64> {
    let Some(Value::Number(number)) = object.get(name) else { return None };
    let whole = number.to_string();
    let digits = whole.split('.').next().unwrap_or_default();
    digits.parse().ok()
}

/// A member that is a list of texts; other items are passed over.
pub(crate) fn texts(object: &Object, name: &str) -> Option<Vec<String>> {
    let items = object.get(name)?.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if key == NUMBER {
                let digits: String = members.next_value()?;
                return serde_json::from_str(&digits).map(Value::Number).map_err(A::Error::custom);
            }
            let Strict(value) = members.next_value()?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_refused_wherever_it_is() {
        assert!(object(br#"{"a": 1, "b": {"a": 2.5, "c": [true, null, "x"]}}"#).is_some());
        for wrong in [&br#"{"a": 1, "a": 2}"#[..], br#"{"b": [{"a": 1, "\u0061": 2}]}"#, b"[]", b"", b"{} {}", b"null"]
        {
            assert!(object(wrong).is_none(), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn a_moment_is_a_number_and_nothing_else() {
        let object = object(br#"{"a": 12, "b": 12.9, "c": "12", "d": 1e99, "e": -3, "f": null}"#).unwrap();
        let read = |name: &str| seconds(&object, name);
        assert_eq!(
            (read("a"), read("b"), read("c"), read("d"), read("e"), read("f")),
            (Some(12), Some(12), None, None, Some(-3), None)
        );
    }
}
