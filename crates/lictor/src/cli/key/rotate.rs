//! How is a key replaced, or put out of use for a while?

use std::time::Duration;

use clap::Args;
use lictor_model::PrincipalName;
use lictor_store::KeyRow;
use serde_json::{Value, json};

use super::shown::{self, Keyring};
use crate::cli::error::CliError;
use crate::cli::printed::Printed;
use crate::cli::target::Console;
use crate::config::units;

/// One key.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The key's id, as `lictor key list` prints it, or its last four characters, or its label if only one has it.
    key: String,
}

/// `lictor key rotate`
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    chosen: Chosen,
    /// How long both are good.
    #[arg(long, value_name = "TIME", default_value = "48h", value_parser = units::duration)]
    overlap: Duration,
}

impl Rotate {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let overlap = i64::try_from(self.overlap.as_secs()).unwrap_or(i64::MAX);
        let (secret, rotated) = console.admin.rotate_key(&self.chosen.key, overlap).await?;
        let (old, new) = (&rotated.old, &rotated.new);
        eprintln!("lictor: key {} expires {}; it is shown this once", new.id, shown::end(new));
        eprintln!(
            "lictor: key {} goes on until {}; `lictor key show {}` tells who still uses it",
            old.id,
            shown::end(old),
            old.id
        );
        let keys = Keyring::of(console, owner_of(console, new).await?.as_ref()).await?;
        let mut json = keys.as_json_with(new, &secret);
        if let Some(object) = json.as_object_mut() {
            object.insert("old".to_owned(), keys.key_as_json(old));
        }
        Ok(Printed::new(secret.expose(), json))
    }
}

impl Chosen {
    /// `lictor key show`
    pub(crate) async fn show(self, console: &Console) -> Result<Printed, CliError> {
        let keys = Keyring::of(console, None).await?;
        let key = keys.find(&self.key)?;
        Ok(Printed::new(keys.text_of(key), keys.key_as_json(key)))
    }

    /// `lictor key disable` and `enable`
    pub(crate) async fn set_disabled(self, console: &Console, disabled: bool) -> Result<Printed, CliError> {
        let key = console.admin.set_key_disabled(&self.key, disabled).await?;
        let change = if disabled { "disabled" } else { "enabled" };
        let json: Value = json!({ "id": key.id, "label": key.label, "change": change });
        Ok(Printed::new(format!("{change} key {}", key.id), json))
    }
}

async fn owner_of(console: &Console, key: &KeyRow) -> Result<Option<PrincipalName>, CliError> {
    let owners = console.store.list_principals(None).await?;
    Ok(owners.into_iter().find(|owner| owner.id == key.principal).map(|owner| owner.name))
}
