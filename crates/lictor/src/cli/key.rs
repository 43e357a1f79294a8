//! Which API keys are there? Made once, shown once, then masked.

mod rotate;
mod shown;

use clap::{Args, Subcommand};
use ipnet::IpNet;
use lictor_manage::NewKey;
use lictor_model::{Narrowing, Permission, Principal, WorkspaceName};
use lictor_store::KeyRow;
use serde_json::json;

use super::error::CliError;
use super::moment::{Expiry, expiry};
use super::printed::{Printed, table};
use super::role::permission;
use super::target::{Console, Target};
use crate::config::units;
use rotate::{Chosen, Rotate};
pub(crate) use shown::{HEADER, Keyring};

/// `lictor key`
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key. Only the key is printed on standard output; it cannot be shown again.
    #[command(
        after_help = "Examples:\n  lictor key create --for alice --label laptop --expires 90d\n  lictor key create --for etl --work-pool etl --network 10.1.0.0/16\n  lictor key create --for alice --label dashboard --read-only\n  export PREFECT_API_AUTH_STRING=\"alice:$(lictor key create --for alice)\""
    )]
    Create(Create),
    /// List keys, masked, with when and where each was last used.
    List(List),
    /// Revoke a key: it stops working within a second, on open websockets too.
    #[command(
        after_help = "Example:\n  lictor key revoke 0198c0de-…   (the id, or the last four characters if only one key ends so)"
    )]
    Revoke(Revoke),
    /// Show one key: its limits, its end, its last use, and the key that it replaces or that replaces it.
    Show(Chosen),
    /// Replace a key while it is in use: prints the new one alone; the old one goes on until the overlap ends.
    #[command(
        after_help = "Examples:\n  lictor key rotate 4f9a                  both are good for 48 hours\n  lictor key rotate 4f9a --overlap 1h\n  lictor key show 4f9a                    who still uses the old one?"
    )]
    Rotate(Rotate),
    /// Put a key out of use for a while: within a second, on open websockets too.
    Disable(Chosen),
    /// Put a disabled key into use again.
    Enable(Chosen),
}

/// `lictor key create`
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Whose key: a user or a service account.
    #[arg(long = "for", value_name = "NAME")]
    owner: String,
    /// What it is for.
    #[arg(long, default_value = "")]
    label: String,
    /// When it ends: 90d, 12h, an RFC 3339 time, or never.
    #[arg(long, value_name = "WHEN", default_value = "never", value_parser = expiry)]
    expires: Expiry,
    #[command(flatten)]
    limits: Limits,
}

/// What the key may do at most, however much its owner may.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (a key may do less than its owner, never more)")]
pub(crate) struct Limits {
    /// Only this permission; may be repeated. `lictor role show owner` lists them all.
    #[arg(long = "permission", value_name = "PERMISSION", value_parser = permission)]
    permissions: Vec<Permission>,
    /// Nothing that changes anything.
    #[arg(long)]
    read_only: bool,
    /// Only in this workspace.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// Only this work pool, as for a worker; may be repeated.
    #[arg(long = "work-pool", value_name = "POOL")]
    work_pools: Vec<String>,
    /// Only from this network, as 10.0.0.0/8 or 192.0.2.7; may be repeated.
    #[arg(long = "network", value_name = "CIDR", value_parser = network)]
    networks: Vec<IpNet>,
}

impl Limits {
    fn narrowing(self) -> Option<Narrowing> {
        let permissions = (!self.permissions.is_empty()).then(|| self.permissions.into_iter().collect());
        let narrowing = Narrowing {
            permissions,
            read_only: self.read_only,
            workspace: self.workspace.as_deref().map(WorkspaceName::from),
            work_pools: self.work_pools,
            networks: self.networks,
        };
        (!narrowing.is_none()).then_some(narrowing)
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    Narrowing::parse_network(text).map_err(|_| "write a network as 10.0.0.0/8, or one address".to_owned())
}

/// `lictor key list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the keys of this user or service account.
    #[arg(long = "for", value_name = "NAME")]
    owner: Option<String>,
    /// Only keys in use that end within this time, as 14d.
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    expiring: Option<std::time::Duration>,
}

/// `lictor key revoke`
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The key's id, as `lictor key list` prints it, or its last four characters.
    key: String,
}

impl Key {
    /// Refuses to bind a key to a workspace that there is not.
    pub(crate) fn check(&self, target: &Target) -> Result<(), CliError> {
        match self {
            Self::Create(Create { limits: Limits { workspace: Some(name), .. }, .. }) => {
                target.workspace(name).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Runs it.
    pub(crate) async fn run(self, console: &Console) -> Result<Printed, CliError> {
        match self {
            Self::Create(create) => create.run(console).await,
            Self::List(list) => list.run(console).await,
            Self::Revoke(revoke) => revoke.run(console).await,
            Self::Show(chosen) => chosen.show(console).await,
            Self::Rotate(rotate) => rotate.run(console).await,
            Self::Disable(chosen) => chosen.set_disabled(console, true).await,
            Self::Enable(chosen) => chosen.set_disabled(console, false).await,
        }
    }
}

impl Create {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let owner = console.principal(&self.owner).await?;
        let new = NewKey {
            owner: owner.name.clone(),
            label: self.label,
            expires_at: self.expires.after(console.clock.now()),
            narrowing: self.limits.narrowing(),
        };
        let (secret, made) = console.admin.make_key(new).await?;
        note(&owner, &made);
        let keys = Keyring::of(console, Some(&owner.name)).await?;
        Ok(Printed::new(secret.expose(), keys.as_json_with(&made, &secret)))
    }
}

/// What a person should know goes to standard error, so that `$(lictor key create …)` is the key alone.
fn note(owner: &Principal, made: &KeyRow) {
    let ends =
        made.expires_at.map_or_else(|| "does not expire".to_owned(), |_| format!("expires {}", shown::end(made)));
    eprintln!("lictor: key {} of {} {ends}; it is shown this once", made.id, owner.name);
    eprintln!("lictor: clients set PREFECT_API_KEY, and PREFECT_CLOUD_API_URL to the same as PREFECT_API_URL");
}

impl List {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let only = match &self.owner {
            Some(name) => Some(console.principal(name).await?.name),
            None => None,
        };
        let mut keys = Keyring::of(console, only.as_ref()).await?;
        if let Some(within) = self.expiring {
            keys.retain_expiring(i64::try_from(within.as_secs()).unwrap_or(i64::MAX));
        }
        Ok(Printed::new(table(HEADER, &keys.rows()), keys.as_json()))
    }
}

impl Revoke {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let revoked = console.admin.revoke_key(&self.key).await?;
        let json = json!({ "id": revoked.id, "label": revoked.label, "change": "revoked" });
        Ok(Printed::new(format!("revoked key {}", revoked.id), json))
    }
}
