//! As whom does Prefect's client go to which gateway, and for how long?

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::error::CliError;
use super::printed::{Printed, plain};
use super::signed_in::{SignedInError, Which};
use crate::remote::{CURRENT, RemoteError};

/// `lictor whoami`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lictor whoami\n  lictor whoami --profile work --json")]
pub(crate) struct Whoami {
    #[command(flatten)]
    which: Which,
}

#[derive(Deserialize)]
struct Facts {
    name: String,
    kind: String,
    gateway: String,
    workspaces: Vec<Place>,
    key: Key,
}

#[derive(Deserialize)]
struct Place {
    workspace: String,
    roles: Vec<String>,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    label: String,
    expires_at: Option<String>,
    limits: Option<String>,
}

impl Whoami {
    /// Asks the gateway.
    pub(crate) fn run(self) -> Result<Printed, CliError> {
        let signed_in = self.which.find()?;
        let asked = super::runtime()?.block_on(async {
            let remote = signed_in.remote.clone().settle().await?;
            remote.get(CURRENT, &signed_in.authorization).await
        });
        let mut facts = asked.map_err(SignedInError::from)?;
        let read = serde_json::from_value(facts.clone())
            .map_err(|_| SignedInError::from(RemoteError::NotLictor(signed_in.remote.url(), 200, CURRENT)))?;
        if let Some(facts) = facts.as_object_mut() {
            facts.insert("profile".to_owned(), signed_in.profile.clone().map_or(Value::Null, Value::from));
        }
        Ok(Printed::new(in_words(&read, &signed_in.source()), facts))
    }
}

fn in_words(facts: &Facts, source: &str) -> String {
    let label = if facts.key.label.is_empty() { "without a label" } else { &facts.key.label };
    let ends = facts.key.expires_at.as_deref().unwrap_or("never");
    let limits = facts.key.limits.as_deref().unwrap_or("all that its owner may");
    let mut text = format!(
        "{} ({}) at {}, by {source}\n\nKEY      {}, {}\nENDS     {}\nMAY DO   {}\n",
        plain(&facts.name),
        plain(&facts.kind).replace('-', " "),
        plain(&facts.gateway),
        plain(label),
        plain(&facts.key.id),
        plain(ends),
        plain(limits),
    );
    for place in &facts.workspaces {
        let roles = if place.roles.is_empty() { "no role".to_owned() } else { place.roles.join(", ") };
        text += &format!("ROLES    {} in {}\n", plain(&roles), plain(&place.workspace));
    }
    text
}
