//! What does a provider's JSON say? One object, in which no member stands twice: two readers must find the same.

use lictor_model::strict_json;
use serde_json::{Map, Value};

/// The members of a JSON object.
pub(crate) type Object = Map<String, Value>;

/// Reads one object; `None` when it is anything else, or a member stands twice anywhere in it.
pub(crate) fn object(bytes: &[u8]) -> Option<Object> {
    match strict_json::read(bytes)? {
        Value::Object(object) => Some(object),
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
