//! How is a key shown? Masked, with its end and why, its last use, and the key that it replaces or that replaces it.

use lictor_model::{ApiKey, CredentialId, PrincipalName, Timestamp};
use lictor_store::{KeyRow, LastUse};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::target::Console;

/// Keys to show, and what is to be known of them besides.
pub(crate) struct Keyring {
    keys: Vec<KeyRow>,
    all: lictor_manage::Keyring,
}

/// The columns of [`Keyring::rows`].
pub(crate) const HEADER: &[&str] = &["ID", "KEY", "OF", "LABEL", "STATE", "LIMITS", "EXPIRES", "LAST USED", "ROTATION"];

impl Keyring {
    /// All keys, or those of somebody.
    pub(crate) async fn of(console: &Console, owner: Option<&PrincipalName>) -> Result<Self, CliError> {
        let all = console.admin.keys(owner).await?;
        Ok(Self { keys: all.keys().to_vec(), all })
    }

    /// Keeps the keys in use that end within so many seconds.
    pub(crate) fn retain_expiring(&mut self, seconds: i64) {
        let now = self.all.now;
        self.keys.retain(|key| key.ends_within(seconds, now));
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of that id, or the only one of that end or label.
    pub(crate) fn find(&self, which: &str) -> Result<&KeyRow, CliError> {
        if let Some(key) = self.keys.iter().find(|key| key.id.as_str() == which) {
            return Ok(key);
        }
        let mut fitting = self.keys.iter().filter(|key| key.hint == which || key.label == which);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(lictor_store::StoreError::AmbiguousKey(which.to_owned()).into()),
            (None, _) => Err(CliError::NoSuch { kind: "key", name: which.to_owned() }),
        }
    }

    /// As rows of a table.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        self.keys.iter().map(|key| self.row(key)).collect()
    }

    /// As JSON.
    pub(crate) fn as_json(&self) -> Value {
        self.keys.iter().map(|key| self.key_as_json(key)).collect()
    }

    /// A key that was just made, as JSON with its secret.
    pub(crate) fn as_json_with(&self, made: &KeyRow, secret: &ApiKey) -> Value {
        let mut json = self.key_as_json(made);
        if let Some(object) = json.as_object_mut() {
            object.insert("key".to_owned(), Value::String(secret.expose().to_owned()));
        }
        json
    }

    /// One key on lines of its own.
    pub(crate) fn text_of(&self, key: &KeyRow) -> String {
        let names = ["id", "key", "of", "label", "state", "limits", "expires", "last used", "rotation"];
        names
            .iter()
            .zip(self.row(key))
            .map(|(name, cell)| format!("{name:<10} {cell}").trim_end().to_owned() + "\n")
            .collect()
    }

    fn row(&self, key: &KeyRow) -> Vec<String> {
        let used = |used: &LastUse| format!("{} from {} {}", used.at, used.client_ip, used.client_version);
        vec![
            key.id.to_string(),
            format!("lictor_…{}", key.hint),
            self.all.owner(key).to_owned(),
            key.label.clone(),
            key.state(self.all.now).as_str().to_owned(),
            key.narrowing.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
            end(key),
            key.last_used.as_ref().map_or_else(|| "never".to_owned(), |last| used(last).trim_end().to_owned()),
            self.rotation(key),
        ]
    }

    /// What stands beside a key that was rotated, and beside its successor.
    fn rotation(&self, key: &KeyRow) -> String {
        let mut words = Vec::new();
        if let Some(old) = &key.replaces {
            words.push(format!("replaces {old}"));
        }
        if let Some(next) = self.all.successor(key) {
            let used = match key.used_since(next.created_at) {
                Some(used) => format!("still used: {} from {}", used.at, used.client_ip),
                None => "not used since".to_owned(),
            };
            words.push(format!("replaced by {}, {used}", next.id));
        }
        words.join("; ")
    }

    /// A key as JSON, masked.
    pub(crate) fn key_as_json(&self, key: &KeyRow) -> Value {
        let used = |used: &LastUse| json!({ "at": used.at.to_rfc3339(), "client_ip": used.client_ip, "client_version": used.client_version });
        let next = self.all.successor(key);
        json!({
            "id": key.id,
            "for": self.all.owner(key),
            "label": key.label,
            "masked": format!("lictor_…{}", key.hint),
            "state": key.state(self.all.now).as_str(),
            "limits": key.narrowing,
            "issuer": key.issuer,
            "created_at": key.created_at.to_rfc3339(),
            "expires_at": key.expires_at.map(Timestamp::to_rfc3339),
            "expires_by_role": key.ended_by,
            "revoked_at": key.revoked_at.map(Timestamp::to_rfc3339),
            "last_used": key.last_used.as_ref().map(used),
            "replaces": key.replaces.as_ref().map(CredentialId::as_str),
            "replaced_by": next.map(|next| next.id.as_str()),
            "used_since_replaced": next.map(|next| key.used_since(next.created_at).map(used)),
        })
    }
}

/// When a key ends, and why then.
pub(crate) fn end(key: &KeyRow) -> String {
    match (key.expires_at, &key.ended_by) {
        (None, _) => "never".to_owned(),
        (Some(at), None) => at.to_rfc3339(),
        (Some(at), Some(role)) => format!("{at} (the role {role} lets no key grow older)"),
    }
}
