//! What may a schema ask of Prefect's validator? To check values, and nothing that could keep it busy or send it elsewhere.
//!
//! `POST /ui/schemas/validate` runs the caller's own schema on the server's event loop: `^(a+)+$` against 40 letters stops it for
//! everybody, and a remote `$ref` was fetched before 3.7. Prefect checks the values again when the run is made, against the
//! deployment's stored schema, so nothing is lost when the form's own check is told a little less.

use bytes::Bytes;
use lictor_model::Reason;
use serde_json::{Map, Value};

use super::read_strict;

/// Bytes of a schema with its values: many times what the form of a large deployment sends.
pub const MAX_SCHEMA: u64 = 256 * 1024;

/// Keywords whose members are names of the author's choosing, each with a schema.
const NAMED: [&str; 4] = ["properties", "$defs", "definitions", "dependentSchemas"];
/// Keywords that hold data and no schema.
const DATA: [&str; 4] = ["default", "const", "enum", "examples"];

/// The body with regular expressions and remote references taken out of its schema.
///
/// # Errors
/// [`Reason::MalformedBody`] when it is not one strict JSON object.
pub fn schema(body: &[u8]) -> Result<Bytes, Reason> {
    let mut value = read_strict(body)?;
    let request = value.as_object_mut().ok_or(Reason::MalformedBody)?;
    // Newer servers call it json_schema.
    for key in ["schema", "json_schema"] {
        if let Some(schema) = request.get_mut(key) {
            clean(schema);
        }
    }
    Ok(serde_json::to_vec(&value).map_err(|_| Reason::MalformedBody)?.into())
}

fn clean(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(clean),
        Value::Object(keywords) => clean_keywords(keywords),
        _ => {}
    }
}

fn clean_keywords(keywords: &mut Map<String, Value>) {
    keywords.shift_remove("pattern");
    keywords.shift_remove("patternProperties");
    for reference in ["$ref", "$dynamicRef"] {
        let leads_away = |target: &Value| !target.as_str().is_some_and(|target| target.starts_with('#'));
        if keywords.get(reference).is_some_and(leads_away) {
            keywords.shift_remove(reference);
        }
    }
    for (keyword, value) in keywords.iter_mut().filter(|(keyword, _)| !DATA.contains(&keyword.as_str())) {
        match value {
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => named.values_mut().for_each(clean),
            value => clean(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(body: &str) -> String {
        String::from_utf8(schema(body.as_bytes()).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn expressions_and_remote_references_are_taken_out_wherever_they_stand() {
        for (schema, left) in [
            (r#"{"type":"string","pattern":"^(a+)+$"}"#, r#"{"type":"string"}"#),
            (r#"{"patternProperties":{"^(a+)+$":{}}}"#, "{}"),
            (r#"{"$ref":"http://169.254.169.254/latest"}"#, "{}"),
            (r#"{"$ref":5}"#, "{}"),
            (r#"{"anyOf":[{"items":{"not":{"pattern":"x"}}}]}"#, r#"{"anyOf":[{"items":{"not":{}}}]}"#),
            (r#"{"$defs":{"A":{"pattern":"x"}}}"#, r#"{"$defs":{"A":{}}}"#),
            (r#"{"propertyNames":{"pattern":"x"}}"#, r#"{"propertyNames":{}}"#),
            (r#"{"dependencies":{"a":{"pattern":"x"}}}"#, r#"{"dependencies":{"a":{}}}"#),
        ] {
            let body = format!(r#"{{"schema":{schema},"values":{{"pattern":"kept"}}}}"#);
            assert_eq!(cleaned(&body), format!(r#"{{"schema":{left},"values":{{"pattern":"kept"}}}}"#));
        }
    }

    #[test]
    fn a_parameter_may_be_called_pattern_and_local_references_stay() {
        let body =
            r##"{"schema":{"properties":{"pattern":{"$ref":"#/$defs/A"}},"default":{"pattern":"x"}},"values":{}}"##;
        assert_eq!(cleaned(body), body);
        assert_eq!(schema(b"[]"), Err(Reason::MalformedBody));
    }
}
