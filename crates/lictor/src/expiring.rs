//! Which keys end soon, and what is to be done about each?

use std::collections::HashMap;

use lictor_model::{CredentialId, Principal, PrincipalId, Timestamp};
use lictor_store::KeyRow;

const DAY: i64 = 86_400;
/// When a key that ends is told of first.
pub(crate) const EARLY: i64 = 14 * DAY;
/// When it becomes urgent.
const LATE: i64 = 3 * DAY;

/// A key in use that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Which key.
    pub(crate) key: CredentialId,
    /// Whose.
    pub(crate) owner: PrincipalId,
    /// Since when there is the key.
    pub(crate) made_at: Timestamp,
    /// When it ends.
    pub(crate) ends_at: Timestamp,
    /// Whether there are only days left.
    pub(crate) is_urgent: bool,
    /// Whose it is, when it ends, and what to do.
    pub(crate) text: String,
}

/// What there is to tell. A key that was rotated and is no longer used needs nobody's attention.
pub(crate) fn notices(keys: &[KeyRow], owners: &[Principal], now: Timestamp) -> Vec<Notice> {
    let names: HashMap<&PrincipalId, &Principal> = owners.iter().map(|owner| (&owner.id, owner)).collect();
    let successors: HashMap<&CredentialId, &KeyRow> =
        keys.iter().filter_map(|key| Some((key.replaces.as_ref()?, key))).collect();
    let notice = |key: &KeyRow| {
        let owner = names.get(&key.principal).filter(|owner| !owner.disabled)?;
        let end = key.expires_at.filter(|_| key.ends_within(EARLY, now))?;
        let label = if key.label.is_empty() { String::new() } else { format!(" ({})", key.label) };
        let who = format!("key {}{label} of {}", key.id, owner.name);
        let text = match successors.get(&key.id) {
            None => format!("{who} expires {end}: replace it with `lictor key rotate {}`", key.id),
            Some(next) => {
                let used = key.used_since(next.created_at)?;
                format!("{who} was rotated and ends {end}, and is still used from {}", used.client_ip)
            }
        };
        Some(Notice {
            key: key.id.clone(),
            owner: owner.id.clone(),
            made_at: key.created_at,
            ends_at: end,
            is_urgent: key.ends_within(LATE, now),
            text,
        })
    };
    keys.iter().filter_map(notice).collect()
}

#[cfg(test)]
mod tests {
    use lictor_model::{Digest, PrincipalKind, PrincipalName};
    use lictor_store::LastUse;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn key(id: &str, days: i64) -> KeyRow {
        KeyRow {
            id: id.into(),
            principal: "p".into(),
            label: "etl".to_owned(),
            digest: Digest::of(id.as_bytes()),
            hint: String::new(),
            created_at: NOW.plus_seconds(-DAY),
            expires_at: Some(NOW.plus_seconds(days * DAY)),
            ended_by: None,
            revoked_at: None,
            disabled: false,
            replaces: None,
            narrowing: None,
            issuer: None,
            last_used: None,
        }
    }

    fn told(keys: &[KeyRow], disabled: bool) -> Vec<(String, bool)> {
        let name = PrincipalName::parse("ci").unwrap();
        let owner = Principal { id: "p".into(), kind: PrincipalKind::User, name, disabled, created_at: NOW };
        notices(keys, &[owner], NOW).into_iter().map(|notice| (notice.key.to_string(), notice.is_urgent)).collect()
    }

    #[test]
    fn keys_in_use_are_told_of_two_weeks_before_their_end_and_urgently_at_last() {
        let over = KeyRow { revoked_at: Some(NOW), ..key("revoked", 1) };
        let resting = KeyRow { disabled: true, ..key("resting", 1) };
        let given = KeyRow { issuer: Some("github".to_owned()), ..key("given for a token", 1) };
        let keys = [key("late", 3), key("early", 14), key("far", 15), key("past", -1), over, resting, given];
        assert_eq!(told(&keys, false), [("late".to_owned(), true), ("early".to_owned(), false)]);
        assert_eq!(told(&keys, true), []);
    }

    #[test]
    fn a_rotated_key_is_told_of_only_while_somebody_still_uses_it() {
        let next = KeyRow { replaces: Some("old".into()), created_at: NOW, expires_at: None, ..key("new", 0) };
        let used = |at| Some(LastUse { at, client_ip: "192.0.2.1".to_owned(), client_version: String::new() });
        let quiet = KeyRow { last_used: used(NOW.plus_seconds(-1)), ..key("old", 2) };
        assert_eq!(told(&[quiet, next.clone()], false), []);
        let busy = KeyRow { last_used: used(NOW), ..key("old", 2) };
        assert_eq!(told(&[busy, next], false), [("old".to_owned(), true)]);
    }
}
