//! Does this body ask for secrets? Strict JSON in, JSON of our own out.

use std::fmt;

use bytes::Bytes;
use lictor_model::Reason;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Inspected, read_bool};

const FLAG: &str = "include_secrets";
const MAX_DEPTH: usize = 64;
/// With arbitrary precision serde_json hands a number over as a map of this one key.
const NUMBER: &str = "$serde_json::private::Number";

/// Takes the flag out of the top-level object, and puts it back as `true` when it was asked for and `allowed`.
///
/// # Errors
/// [`Reason::MalformedBody`] when the body is not one strict JSON object (or empty), or the flag is no bool.
pub fn secrets_in_body(body: &[u8], allowed: bool) -> Result<Inspected<Bytes>, Reason> {
    if body.trim_ascii().is_empty() {
        return Ok(Inspected { rewritten: Bytes::new(), reveals: false });
    }
    let Value::Object(mut object) = read_strict(body)? else { return Err(Reason::MalformedBody) };
    let asked = read_flag(object.shift_remove(FLAG).as_ref()).ok_or(Reason::MalformedBody)?;
    let reveals = asked && allowed;
    if reveals {
        object.insert(FLAG.to_owned(), Value::Bool(true));
    }
    let rewritten = serde_json::to_vec(&Value::Object(object)).map_err(|_| Reason::MalformedBody)?;
    Ok(Inspected { rewritten: rewritten.into(), reveals })
}

/// Reads a body; nothing when there is none.
///
/// # Errors
/// [`Reason::MalformedBody`] when it is not one strict JSON value.
pub fn read_body(body: &[u8]) -> Result<Option<Value>, Reason> {
    if body.trim_ascii().is_empty() { Ok(None) } else { read_strict(body).map(Some) }
}

/// Writes a body anew; none stays none.
///
/// # Errors
/// [`Reason::MalformedBody`]; a value that was read can be written.
pub fn write_body(body: Option<&Value>) -> Result<Bytes, Reason> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    Ok(serde_json::to_vec(body).map_err(|_| Reason::MalformedBody)?.into())
}

/// pydantic's rule for a lax bool; `None` where Prefect would answer 422.
fn read_flag(flag: Option<&Value>) -> Option<bool> {
    match flag {
        None => Some(false),
        Some(Value::Bool(asked)) => Some(*asked),
        Some(Value::String(text)) => read_bool(text),
        Some(Value::Number(number)) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Some(_) => None,
    }
}

/// Reads one JSON value in which no key stands twice, no integer passes 64 bits, and nothing nests deeper than 64.
///
/// serde_json itself refuses a byte-order mark, UTF-16, NaN, lone surrogates and trailing bytes.
///
/// # Errors
/// [`Reason::MalformedBody`].
pub fn read_strict(body: &[u8]) -> Result<Value, Reason> {
    let Strict(value) = serde_json::from_slice(body).map_err(|_| Reason::MalformedBody)?;
    if depth_within(&value, MAX_DEPTH) { Ok(value) } else { Err(Reason::MalformedBody) }
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
    use super::*;

    fn rewritten(body: &str, allowed: bool) -> String {
        String::from_utf8(secrets_in_body(body.as_bytes(), allowed).unwrap().rewritten.to_vec()).unwrap()
    }

    #[test]
    fn the_flag_is_taken_out_and_put_back_only_when_allowed() {
        assert_eq!(rewritten(r#"{"limit": 5, "include_secrets": true}"#, false), r#"{"limit":5}"#);
        assert_eq!(rewritten(r#"{"include\u005fsecrets": true}"#, false), "{}");
        for asked in ["true", "1", "1.0", "\"t\"", "\"YES\""] {
            let body = format!(r#"{{"include_secrets": {asked}}}"#);
            assert_eq!(rewritten(&body, true), r#"{"include_secrets":true}"#);
            assert_eq!(rewritten(&body, false), "{}");
        }
    }

    #[test]
    fn numbers_survive_exactly() {
        let body = r#"{"a":1.10,"b":0.1000000000000000055511151231257827,"c":18446744073709551615}"#;
        assert_eq!(rewritten(body, false), body);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(70), "]".repeat(70));
        for body in [
            r#"{"include_secrets": false, "include_secrets": true}"#,
            r#"{"include_secrets": 2}"#,
            r#"{"include_secrets": null}"#,
            r#"{"a": NaN}"#,
            r#"{"a": "\ud800"}"#,
            r#"{"a": 18446744073709551616}"#,
            r#"{"a": 1e400}"#,
            r#"{"a": -1.0E309}"#,
            "\u{feff}{}",
            "[]",
            "{} {}",
            &deep,
        ] {
            assert_eq!(secrets_in_body(body.as_bytes(), true), Err(Reason::MalformedBody), "{body}");
        }
        assert_eq!(secrets_in_body(b"{\0}\0", true), Err(Reason::MalformedBody));
    }
}
