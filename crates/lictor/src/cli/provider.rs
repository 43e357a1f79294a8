//! What is left of an identity provider that is no longer in the configuration?

use clap::{Args, Subcommand};
use lictor_model::Timestamp;
use lictor_store::RuleGifts;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Console;

/// `lictor provider …`
#[derive(Debug, Subcommand)]
pub(crate) enum Provider {
    /// Take what a provider's sign-in rules gave, and end the sessions that began there.
    Forget(Forget),
}

/// `lictor provider forget`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lictor provider forget okta\n\n\
    Take the provider out of the configuration first: the next sign-in there gives everything again.\n\
    Accounts stay, with what they have from elsewhere.")]
pub(crate) struct Forget {
    /// The provider, as the configuration named it.
    name: String,
}

impl Provider {
    /// Runs the command.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::Forget(forget) => forget.run(console).await,
        }
    }
}

impl Forget {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let (store, by, name) = (&console.store, &console.by, self.name.as_str());
        let people = store.unconfirmed_since(name, Timestamp::from_micros(i64::MAX)).await?;
        for principal in &people {
            store.apply_sign_in_rules(by, principal, name, &RuleGifts::default()).await?;
        }
        let sessions = store.end_sessions_through(by, name).await?;
        let text =
            format!("{} people have nothing of {name}'s rules any more; {sessions} sessions ended", people.len());
        Ok(Printed::new(text, json!({ "provider": name, "people": people.len(), "sessions": sessions })))
    }
}
