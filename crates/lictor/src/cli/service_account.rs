//! Which machines may call?

use clap::{Args, Subcommand};
use lictor_model::{PrincipalKind, PrincipalName};
use lictor_store::NewPrincipal;

use super::error::CliError;
use super::principal::email::SetEmail;
use super::principal::{self, FirstRole, Named, SetAccountRole};
use super::printed::Printed;
use super::target::Console;

/// `lictor service-account`
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAccount {
    /// Add a machine; give it a key with `lictor key create --for NAME`.
    #[command(
        after_help = "Example:\n  lictor service-account add ci --role worker && lictor key create --for ci --label pool-a"
    )]
    Add(Add),
    /// List all machines.
    List,
    /// Show one machine, with keys.
    Show(Named),
    /// Stop a machine from doing anything; grants and keys are kept.
    Disable(Named),
    /// Undo `disable`.
    Enable(Named),
    /// Make a machine an admin of the account, which manages all but owners through the API; or a member again.
    SetAccountRole(SetAccountRole),
    /// Set where notices of its keys go, or none; otherwise they go to the administrators (mail.to).
    SetEmail(SetEmail),
    /// Remove a machine, with keys and grants. The record keeps the name.
    Remove(Named),
}

/// `lictor service-account add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// 1 to 64 of a-z, 0-9 and . _ @ + -, in lower case.
    name: String,
    #[command(flatten)]
    role: FirstRole,
}

impl ServiceAccount {
    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let kind = PrincipalKind::ServiceAccount;
        match self {
            Self::Add(add) => {
                let (name, role) = (PrincipalName::parse(&add.name)?, add.role.read()?);
                principal::add(console, NewPrincipal { kind, name, password: None, role }).await
            }
            Self::List => principal::list(console, kind).await,
            Self::Show(named) => principal::show(console, kind, &named).await,
            Self::Disable(named) => principal::set_disabled(console, kind, &named, true).await,
            Self::Enable(named) => principal::set_disabled(console, kind, &named, false).await,
            Self::SetAccountRole(set) => set.run(console, kind).await,
            Self::SetEmail(set) => set.run(console, kind).await,
            Self::Remove(named) => principal::remove(console, kind, &named).await,
        }
    }
}
