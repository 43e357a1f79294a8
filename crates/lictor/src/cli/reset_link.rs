//! How does somebody come in again who forgot their password? By a link that is handed to them, and works once.

use std::time::Duration;

use clap::Args;
use lictor_model::PrincipalKind;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::{Console, Place, Target};
use crate::address;
use crate::config::{self, units};

/// The longest that a link lasts.
const LONGEST: i64 = lictor_manage::LONGEST_RESET_LINK;

/// `lictor user reset-link`
#[derive(Debug, Args)]
pub(crate) struct ResetLink {
    /// Whose.
    name: String,
    /// How long it lasts: 1h, 1d, at most 7d.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = length)]
    expires: Duration,
}

pub(super) fn length(text: &str) -> Result<Duration, String> {
    let length = units::duration(text).map_err(|error| error.to_string())?;
    let fits = i64::try_from(length.as_secs()).is_ok_and(|seconds| seconds <= LONGEST);
    if fits { Ok(length) } else { Err("a link lasts at most 7d".to_owned()) }
}

impl ResetLink {
    /// Makes the link. Only the link is printed on standard output.
    pub(crate) async fn run(self, console: &Console, target: &Target) -> Result<Printed, CliError> {
        let user = console.principal(&self.name).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(CliError::NoPasswords(self.name));
        }
        // Before the link is made: one that cannot be handed over is of no use.
        let address = gateway(console, target).await?;
        let seconds = i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX);
        let made = console.admin.make_reset_link(&user.name, seconds).await?;
        let (token, ends) = (made.token, made.expires_at);
        let url = format!("{address}{}?token={}", lictor_web::reset::PATH, token.expose());
        eprintln!("lictor: the link sets a new password of {}, once, until {ends}; give it to nobody else", user.name);
        let json = json!({ "name": user.name, "url": url, "expires_at": ends.to_rfc3339() });
        Ok(Printed::new(url, json))
    }
}

/// How people spell the gateway: by its configuration, or as the last `lictor up` noted it.
pub(super) async fn gateway(console: &Console, target: &Target) -> Result<String, CliError> {
    match target.place()? {
        Place::Config(file) => Ok(config::read_address(&file)?),
        Place::Data(_) => Ok(address::noted(&console.store).await?),
    }
}
