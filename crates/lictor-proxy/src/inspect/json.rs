//! Does this body ask for secrets? Strict JSON in, JSON of our own out.

use bytes::Bytes;
use lictor_model::{Reason, strict_json};
use serde_json::Value;

use super::{Inspected, read_bool};

const FLAG: &str = "include_secrets";

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

/// Reads one JSON value that everybody reads alike.
///
/// # Errors
/// [`Reason::MalformedBody`].
pub fn read_strict(body: &[u8]) -> Result<Value, Reason> {
    strict_json::read(body).ok_or(Reason::MalformedBody)
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
