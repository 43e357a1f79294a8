//! Whose passwords are not looked at for a while? Listed, lifted and added on a running gateway, by the store.

use std::time::Duration;

use clap::{Args, Subcommand};
use lictor_model::{Ban, BanSubject, ClientAddress, PrincipalKind, PrincipalName, Timestamp};
use serde_json::{Value, json};

use super::error::CliError;
use super::printed::{Printed, table};
use super::target::Console;
use crate::config::units::duration;

/// `lictor ban`
#[derive(Debug, Subcommand)]
pub(crate) enum BanCommand {
    /// List the bans in force: those that wrong passwords led to, and yours.
    List,
    /// Lift every ban on an account or an address; within a second its passwords are looked at again.
    #[command(after_help = "Examples:\n  lictor ban lift alice\n  lictor ban lift 192.0.2.7")]
    Lift(Lift),
    /// Look at no password of an account, or from an address, for a while. Sessions and API keys go on.
    #[command(after_help = "Examples:\n  lictor ban add 192.0.2.7 --for 1h\n  lictor ban add alice --for 30m")]
    Add(Add),
}

/// `lictor ban lift`
#[derive(Debug, Args)]
pub(crate) struct Lift {
    /// The account or the address, as `lictor ban list` prints it.
    #[arg(value_name = "ACCOUNT|ADDRESS")]
    which: String,
}

/// `lictor ban add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// An address (an IPv6 address stands for its /64), or the name of a user.
    #[arg(value_name = "ACCOUNT|ADDRESS")]
    which: String,
    /// For how long: 30m, 1h, 7d.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Duration,
}

impl BanCommand {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::List => list(console).await,
            Self::Lift(lift) => {
                let lifted = console.admin.lift_bans(&lift.which).await?;
                let text = lifted.iter().map(|ban| format!("lifted the ban on {}\n", ban.subject)).collect::<String>();
                Ok(Printed::new(text, lifted.iter().map(as_json).collect()))
            }
            Self::Add(add) => add.run(console).await,
        }
    }
}

async fn list(console: &Console) -> Result<Printed, CliError> {
    let (bans, now) = (console.admin.list_bans().await?, console.clock.now());
    let rows: Vec<Vec<String>> = bans.iter().map(|ban| row(ban, now)).collect();
    let header = ["ACCOUNT", "ADDRESS", "CAUSE", "SINCE", "UNTIL", "LEFT"];
    Ok(Printed::new(table(&header, &rows), bans.iter().map(as_json).collect()))
}

impl Add {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let subject = match self.which.parse::<ClientAddress>() {
            Ok(address) => BanSubject { account: None, address: Some(address) },
            Err(_) => BanSubject { account: Some(user(console, &self.which).await?), address: None },
        };
        let seconds = i64::try_from(self.length.as_secs()).unwrap_or(i64::MAX);
        let ban = console.admin.add_ban(subject, seconds).await?;
        Ok(Printed::new(format!("banned {} until {}", ban.subject, ban.ends_at), as_json(&ban)))
    }
}

/// The user of that name: machines have no password to guess at.
async fn user(console: &Console, which: &str) -> Result<PrincipalName, CliError> {
    if PrincipalName::parse(which).is_err() {
        return Err(CliError::BanSubject(which.to_owned()));
    }
    let found = console.principal(which).await?;
    match found.kind {
        PrincipalKind::User => Ok(found.name),
        PrincipalKind::ServiceAccount => Err(CliError::NoPasswords(found.name.to_string())),
    }
}

fn row(ban: &Ban, now: Timestamp) -> Vec<String> {
    let any = || "any".to_owned();
    vec![
        ban.subject.account.as_ref().map_or_else(any, ToString::to_string),
        ban.subject.address.map_or_else(any, |address| address.to_string()),
        ban.cause.as_str().to_owned(),
        ban.began_at.to_rfc3339(),
        ban.ends_at.to_rfc3339(),
        format!("{} s", now.seconds_until(ban.ends_at)),
    ]
}

fn as_json(ban: &Ban) -> Value {
    json!({
        "account": ban.subject.account,
        "address": ban.subject.address.map(|address| address.to_string()),
        "cause": ban.cause.as_str(),
        "began_at": ban.began_at.to_rfc3339(),
        "ends_at": ban.ends_at.to_rfc3339(),
    })
}
