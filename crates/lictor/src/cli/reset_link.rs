//! How does somebody come in again who forgot their password? By a link that is handed to them, and works once.

use std::time::Duration;

use clap::Args;
use lettre::message::Mailbox;
use lictor_model::{Principal, PrincipalKind, Timestamp};
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::target::{Console, Place, Target};
use crate::address;
use crate::config::{self, units};
use crate::mail::Mailer;

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
    /// Send the link to the user's own address by mail, and do not print it; needs [mail] in --config FILE.
    #[arg(long)]
    mail: bool,
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
        // Before the link is made, which ends the one before.
        let post = if self.mail { Some(Post::find(console, target, &user).await?) } else { None };
        let seconds = i64::try_from(self.expires.as_secs()).unwrap_or(i64::MAX);
        let made = console.admin.make_reset_link(&user.name, seconds).await?;
        let (token, ends) = (made.token, made.expires_at);
        let url = format!("{address}{}?token={}", lictor_web::reset::PATH, token.expose());
        if let Some(post) = post {
            let text = letter(user.name.as_str(), &address, &url, ends);
            post.mailer.send(std::slice::from_ref(&post.to), "A new password for Lictor", text).await?;
            let json = json!({ "name": user.name, "mailed_to": post.to.to_string(), "expires_at": ends.to_rfc3339() });
            return Ok(Printed::new(format!("the link is on its way to {}; it is good until {ends}", post.to), json));
        }
        eprintln!("lictor: the link sets a new password of {}, once, until {ends}; give it to nobody else", user.name);
        let json = json!({ "name": user.name, "url": url, "expires_at": ends.to_rfc3339() });
        Ok(Printed::new(url, json))
    }
}

/// Where a link is sent, and by whom.
struct Post {
    mailer: Mailer,
    to: Mailbox,
}

impl Post {
    async fn find(console: &Console, target: &Target, user: &Principal) -> Result<Self, CliError> {
        let mail = config::read_mail(&target.config_file()?)?.ok_or(CliError::NoMail)?;
        let address = console.store.mail_addresses().await?.remove(&user.id);
        let to = address.and_then(|address| address.parse().ok());
        let to = to.ok_or_else(|| CliError::NoAddress(user.name.to_string()))?;
        Ok(Self { mailer: Mailer::new(&mail)?, to })
    }
}

fn letter(name: &str, gateway: &str, url: &str, ends: Timestamp) -> String {
    format!(
        "Hello {name},\n\nan administrator of Lictor, the gate in front of Prefect at {gateway}, has made a link for you. It \
         sets a new\npassword, once, until {ends}:\n\n{url}\n\nNobody needs it from you: give it to nobody. If you did not \
         ask for a new password, tell your administrator.\n"
    )
}

/// How people spell the gateway: by its configuration, or as the last `lictor up` noted it.
pub(super) async fn gateway(console: &Console, target: &Target) -> Result<String, CliError> {
    match target.place()? {
        Place::Config(file) => Ok(config::read_address(&file)?),
        Place::Data(_) => Ok(address::noted(&console.store).await?),
    }
}
