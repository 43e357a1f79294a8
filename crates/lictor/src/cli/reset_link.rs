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
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

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
    if length > LONGEST { Err("a link lasts at most 7d".to_owned()) } else { Ok(length) }
}

impl ResetLink {
    /// Makes the link. Only the link is printed on standard output.
    pub(crate) async fn run(self, console: &Console, target: &Target) -> Result<Printed, CliError> {
        let user = console.principal(&self.name).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(CliError::NoPasswords(self.name));
        }
        if user.disabled {
            return Err(CliError::Disabled(self.name));
        }
        let token = lictor_authn::reset::fresh_token()?;
        let digest = lictor_authn::reset::digest(token.expose()).ok_or(CliError::Token)?;
        let seconds = i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX);
        let ends = console.clock.now().plus_seconds(seconds);
        let address = gateway(console, target).await?;
        console.store.add_reset_link(&console.by, &user.name, &digest, ends).await?;
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
