//! Who must have a second factor, and how does somebody come in who lost theirs?

use std::time::Duration;

use clap::{Args, ValueEnum};
use lictor_model::{PrincipalKind, RoleName};
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::reset_link::{gateway, length};
use super::target::{Console, Target};

/// `lictor role set-second-factor`
#[derive(Debug, Args)]
pub(crate) struct SetSecondFactor {
    /// The role: a built-in one or your own.
    name: String,
    /// Whether a second factor is required of those who have it.
    #[arg(value_enum)]
    demand: Demand,
}

/// Whether one is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demand {
    /// It is.
    Required,
    /// It is not.
    None,
}

impl SetSecondFactor {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let (name, required) = (RoleName::parse(&self.name)?, self.demand == Demand::Required);
        console.store.set_factor_role(&console.by, &name, required).await?;
        let text = if required {
            format!("those who have the role {name} must have a second factor")
        } else {
            format!("the role {name} demands no second factor")
        };
        Ok(Printed::new(
            text,
            json!({ "name": name, "second_factor_required": required, "change": "set-second-factor" }),
        ))
    }
}

/// `lictor user reset-factors`
#[derive(Debug, Args)]
pub(crate) struct ResetFactors {
    /// Whose.
    name: String,
    /// How long the link lasts: 1h, 1d, at most 7d.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = length)]
    expires: Duration,
    /// Remove them now, without a link: for a device that is in wrong hands.
    #[arg(long, conflicts_with = "expires")]
    now: bool,
}

impl ResetFactors {
    /// Makes the link, or removes the factors. Only the link is printed on standard output.
    pub(crate) async fn run(self, console: &Console, target: &Target) -> Result<Printed, CliError> {
        let user = console.principal(&self.name).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(CliError::NoPasswords(self.name));
        }
        if self.now {
            let had = console.store.clear_factors(&console.by, &user.name).await?;
            let text = format!("removed {had} second factors of {}, and ended the sessions", user.name);
            return Ok(Printed::new(text, json!({ "name": user.name, "removed": had, "change": "reset-factors" })));
        }
        if user.disabled {
            return Err(CliError::Disabled(self.name));
        }
        let token = lictor_authn::reset::fresh_token()?;
        let digest = lictor_authn::reset::digest(token.expose()).ok_or(CliError::Token)?;
        let ends = console.clock.now().plus_seconds(i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX));
        let address = gateway(console, target).await?;
        console.store.add_factor_reset_link(&console.by, &user.name, &digest, ends).await?;
        let url = format!("{address}{}?token={}", lictor_web::reset_factors::PATH, token.expose());
        eprintln!(
            "lictor: the link removes the second factors of {}, once, until {ends}; give it to nobody else",
            user.name
        );
        Ok(Printed::new(url.clone(), json!({ "name": user.name, "url": url, "expires_at": ends.to_rfc3339() })))
    }
}
