//! How old may the keys of those who have a role grow?

use std::time::Duration;

use clap::Args;
use lictor_model::RoleName;
use lictor_model::key_age::in_words;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::Console;
use crate::config::units::{self, DurationError};

/// `lictor role set-max-key-age`
#[derive(Debug, Args)]
pub(crate) struct SetMaxKeyAge {
    /// The role: a built-in one or your own.
    name: String,
    /// How old a key may grow, as 90d; or none, for no bound.
    #[arg(value_name = "AGE", value_parser = age)]
    age: Age,
}

/// An age, or none.
#[derive(Debug, Clone, Copy)]
struct Age(Option<Duration>);

fn age(text: &str) -> Result<Age, DurationError> {
    if text == "none" { Ok(Age(None)) } else { units::duration(text).map(|age| Age(Some(age))) }
}

impl SetMaxKeyAge {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let name = RoleName::parse(&self.name)?;
        let seconds = self.age.0.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        console.admin.set_max_key_age(&name, seconds).await?;
        let text = match seconds {
            Some(seconds) => {
                format!("keys of those who have the role {name} end after {} at the latest", in_words(seconds))
            }
            None => format!("the role {name} no longer bounds the age of keys"),
        };
        Ok(Printed::new(text, json!({ "name": name, "max_key_age_seconds": seconds, "change": "set-max-key-age" })))
    }
}
