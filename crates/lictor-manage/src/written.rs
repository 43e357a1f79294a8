//! How is an event of the record written for other programs? One object, or one line of a table.

use lictor_model::{AuditEvent, CredentialKind, Demands, Permission, PermissionSet, PrincipalKind};
use serde_json::{Value, json};

/// The columns of [`as_line`], as its first line.
pub const HEADER: &str = "at,actor,actor_kind,credential_kind,credential_id,client_ip,operation,object,workspace,outcome,reason,status,request,id\r\n";

/// An event as an object.
#[must_use]
pub fn as_json(event: &AuditEvent) -> Value {
    json!({
        "id": event.id,
        "at": event.at.to_rfc3339(),
        "actor": { "id": event.actor.id, "kind": event.actor.kind, "name": event.actor.name },
        "credential": event.credential.as_ref().map(|used| json!({ "kind": CredentialKind::as_str(used.kind), "id": used.id })),
        "client_ip": event.client_ip,
        "operation": event.operation,
        "object": event.object,
        "workspace": event.workspace,
        "outcome": event.outcome.as_str(),
        "reason": event.reason,
        "demands": event.demands.as_ref().map(demands_as_json),
        "status": event.status,
        "request": event.request,
    })
}

/// What was needed as a list; of each entry any one permission is enough.
#[must_use]
pub fn demands_as_json(demands: &Demands) -> Value {
    let any_of = |set: PermissionSet| set.iter().map(Permission::as_str).collect::<Vec<_>>();
    demands.iter().map(any_of).collect::<Vec<_>>().into()
}

/// An event as a line of comma-separated values, RFC 4180.
#[must_use]
pub fn as_line(event: &AuditEvent) -> String {
    let credential = event.credential.as_ref();
    let status = if event.status == 0 { String::new() } else { event.status.to_string() };
    let at = event.at.to_rfc3339();
    let cells = [
        at.as_str(),
        &event.actor.name,
        event.actor.kind.map(PrincipalKind::as_str).unwrap_or_default(),
        credential.map(|used| used.kind.as_str()).unwrap_or_default(),
        credential.map(|used| used.id.as_str()).unwrap_or_default(),
        &event.client_ip,
        &event.operation,
        &event.object,
        event.workspace.as_ref().map(|workspace| workspace.as_str()).unwrap_or_default(),
        event.outcome.as_str(),
        &event.reason,
        &status,
        event.request.as_ref().map(|request| request.as_str()).unwrap_or_default(),
        event.id.as_str(),
    ];
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

/// Callers choose some of these texts, and a spreadsheet takes what begins like a formula for one: such a text gets an
/// apostrophe before it. Control characters are written out, so that a line stays one.
fn cell(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        if letter.is_control() { plain.extend(letter.escape_unicode()) } else { plain.push(letter) }
    }
    let first = plain.trim_start().chars().next();
    if first
        .is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'))
    {
        plain.insert(0, '\'');
    }
    if plain.contains(['"', ',', '\'', ' ']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_no_formula_and_forges_no_line() {
        for (text, written) in [
            ("alice", "alice"),
            ("=1+1", "\"'=1+1\""),
            (" =1+1", "\"' =1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("\t=1", "\\u{9}=1"),
            ("a\r\nb", "a\\u{d}\\u{a}b"),
            ("say \"a\", b", "\"say \"\"a\"\", b\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
