//! What does this JSON say, to whoever reads it? One value that Python, Rust and every other parser read alike, or nothing.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 64;
/// With arbitrary precision serde_json hands a number over as a map of this one key.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads one JSON value in which no key stands twice, no integer passes 64 bits, no fraction is infinite, and nothing nests deeper
/// than 64; `None` when it is anything else.
///
/// serde_json itself refuses a byte-order mark, UTF-16, NaN, lone surrogates and trailing bytes. Numbers keep every digit.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Value> {
    let Strict(value) = serde_json::from_slice(bytes).ok()?;
    depth_within(&value, MAX_DEPTH).then_some(value)
}

fn depth_within(value: &Value, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| depth_within(item, left)),
        Value::Object(members) => members.values().all(|member| depth_within(member, left)),
        _ => true,
    }
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
                return read_number(&digits).map(Value::Number).ok_or_else(|| A::Error::custom("number out of range"));
            }
            let Strict(value) = members.next_value()?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Keeps every digit; an integer must fit 64 bits, and a fraction must be finite (Python reads `1e400` as infinity), since what is
/// beyond poisons Prefect's run list for everybody.
fn read_number(digits: &str) -> Option<Number> {
    let integer = digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let fits = if integer {
        digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok()
    } else {
        digits.parse::<f64>().is_ok_and(f64::is_finite)
    };
    if fits { serde_json::from_str(digits).ok() } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let text = r#"{"a":1.10,"b":0.1000000000000000055511151231257827,"c":18446744073709551615,"d":[1e-400]}"#;
        assert_eq!(serde_json::to_string(&read(text.as_bytes()).unwrap()).unwrap(), text);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_nothing() {
        let nested = |levels: usize| format!(r#"{{"a": {}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(read(nested(63).as_bytes()).is_some() && read(nested(64).as_bytes()).is_none());
        for wrong in [
            r#"{"a": 1, "a": 2}"#,
            r#"{"b": [{"a": 1, "\u0061": 2}]}"#,
            r#"{"a": NaN}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": 18446744073709551616}"#,
            r#"{"a": 1e400}"#,
            r#"{"a": -1.0E309}"#,
            "\u{feff}{}",
            "{} {}",
            "",
        ] {
            assert!(read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
