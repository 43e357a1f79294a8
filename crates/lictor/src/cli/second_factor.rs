//! Who must have a second factor, who has one, and how does somebody come in who lost theirs?

use std::time::Duration;

use clap::{Args, ValueEnum};
use lictor_manage::FactorLine;
use lictor_model::{PrincipalKind, PrincipalName, RoleName, Timestamp};
use serde_json::{Value, json};

use super::error::CliError;
use super::printed::{Printed, table};
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
        console.admin.set_second_factor(&name, required).await?;
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

/// `lictor user factors`
#[derive(Debug, Args)]
pub(crate) struct ListFactors {
    /// Whose.
    name: String,
}

impl ListFactors {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let of = console.admin.factors(&PrincipalName::parse(&self.name)?).await?;
        let moment = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let row = |one: &FactorLine| {
            let (kind, id) = (one.kind.as_str().to_owned(), one.id.to_string());
            vec![one.label.clone(), kind, moment(Some(one.since)), moment(one.last_used_at), id]
        };
        let rows: Vec<Vec<String>> = of.factors.iter().map(row).collect();
        let mut text = table(&["LABEL", "KIND", "MADE", "LAST USED", "ID"], &rows);
        text += &format!("recovery codes left: {}\n", of.recovery_codes);
        if of.required {
            text += "a role of theirs demands a second factor\n";
        }
        let shown = |one: &FactorLine| {
            json!({
                "id": one.id,
                "kind": one.kind.as_str(),
                "label": one.label,
                "created_at": one.since.to_rfc3339(),
                "last_used_at": one.last_used_at.map(|at| at.to_rfc3339()),
            })
        };
        let factors: Vec<Value> = of.factors.iter().map(shown).collect();
        let (codes, required) = (of.recovery_codes, of.required);
        let json = json!({ "name": of.user.name, "required": required, "recovery_codes": codes, "factors": factors });
        Ok(Printed::new(text, json))
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
            let had = console.admin.remove_factors(&user.name).await?;
            let text = format!("removed {had} second factors of {}, and ended the sessions", user.name);
            return Ok(Printed::new(text, json!({ "name": user.name, "removed": had, "change": "reset-factors" })));
        }
        // Before the link is made: one that cannot be handed over is of no use.
        let address = gateway(console, target).await?;
        let seconds = i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX);
        let made = console.admin.make_factor_reset_link(&user.name, seconds).await?;
        let (token, ends) = (made.token, made.expires_at);
        let url = format!("{address}{}?token={}", lictor_web::reset_factors::PATH, token.expose());
        eprintln!(
            "lictor: the link removes the second factors of {}, once, until {ends}; give it to nobody else",
            user.name
        );
        Ok(Printed::new(url.clone(), json!({ "name": user.name, "url": url, "expires_at": ends.to_rfc3339() })))
    }
}
