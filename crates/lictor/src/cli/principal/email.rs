//! Where do notices for somebody go? An address of mail: for notices only, and never a way to sign in.

use clap::Args;
use lictor_model::PrincipalKind;

use super::{Named, changed, find};
use crate::cli::error::CliError;
use crate::cli::printed::Printed;
use crate::cli::target::Console;
use crate::config::mail;

/// `lictor user set-email`
#[derive(Debug, Args)]
pub(crate) struct SetEmail {
    #[command(flatten)]
    named: Named,
    /// The address, or none.
    #[arg(value_parser = wished)]
    address: Wished,
}

/// An address, or none.
#[derive(Debug, Clone)]
struct Wished(Option<String>);

fn wished(text: &str) -> Result<Wished, String> {
    if text == "none" { Ok(Wished(None)) } else { read(text).map(|address| Wished(Some(address))) }
}

/// Reads an address.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn read(text: &str) -> Result<String, String> {
    mail::address(text).map(|address| address.to_string())
}

impl SetEmail {
    /// Sets or removes it.
    pub(crate) async fn run(self, console: &Console, kind: PrincipalKind) -> Result<Printed, CliError> {
        let principal = find(console, kind, &self.named).await?;
        console.store.set_mail_address(&console.by, &principal.name, self.address.0.as_deref()).await?;
        changed(&principal, if self.address.0.is_some() { "set the address of" } else { "removed the address of" })
    }
}
