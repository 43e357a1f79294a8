//! Which API keys are there? Made once, shown once, then masked.

use clap::{Args, Subcommand};
use ipnet::IpNet;
use lictor_model::{ApiKey, Narrowing, Permission, Principal, Timestamp, WorkspaceName};
use lictor_store::{KeyRow, NewKey};
use serde_json::{Value, json};

use super::error::CliError;
use super::moment::{Expiry, expiry};
use super::printed::{Printed, table};
use super::role::permission;
use super::target::{Console, Target};

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
    let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    let network = text.parse::<IpNet>().ok().or_else(single).map(|network| network.trunc());
    network.ok_or_else(|| "write a network as 10.0.0.0/8, or one address".to_owned())
}

/// `lictor key list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the keys of this user or service account.
    #[arg(long = "for", value_name = "NAME")]
    owner: Option<String>,
}

/// `lictor key revoke`
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The key's id, as `lictor key list` prints it, or its last four characters.
    key: String,
}

/// The columns of [`row`].
pub(crate) const HEADER: &[&str] = &["ID", "KEY", "OF", "LABEL", "STATE", "LIMITS", "EXPIRES", "LAST USED"];

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
        }
    }
}

impl Create {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let owner = console.principal(&self.owner).await?;
        let secret = ApiKey::generate()?;
        let new = NewKey {
            principal: owner.name.clone(),
            label: self.label,
            digest: secret.digest(),
            hint: secret.hint(),
            expires_at: self.expires.after(console.clock.now()),
            narrowing: self.limits.narrowing(),
        };
        let made = console.store.add_key(&console.by, new).await?;
        note(&owner, &made);
        let mut json = as_json(&made, owner.name.as_str(), console.clock.now());
        if let Some(object) = json.as_object_mut() {
            object.insert("key".to_owned(), Value::String(secret.expose().to_owned()));
        }
        Ok(Printed::new(secret.expose(), json))
    }
}

/// What a person should know goes to standard error, so that `$(lictor key create …)` is the key alone.
fn note(owner: &Principal, made: &KeyRow) {
    let ends = made.expires_at.map_or_else(|| "does not expire".to_owned(), |at| format!("expires {at}"));
    eprintln!("lictor: key {} of {} {ends}; it is shown this once", made.id, owner.name);
    eprintln!("lictor: clients set PREFECT_API_AUTH_STRING=\"{}:<key>\"", owner.name);
}

impl List {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let only = match &self.owner {
            Some(name) => Some(console.principal(name).await?.name),
            None => None,
        };
        let keys = console.store.list_keys(only.as_ref()).await?;
        let principals = console.store.list_principals(None).await?;
        let name_of = |key: &KeyRow| {
            let owner = principals.iter().find(|principal| principal.id == key.principal);
            owner.map(|owner| owner.name.to_string()).unwrap_or_default()
        };
        let now = console.clock.now();
        let rows: Vec<Vec<String>> = keys.iter().map(|key| row(key, &name_of(key), now)).collect();
        let json = keys.iter().map(|key| as_json(key, &name_of(key), now)).collect();
        Ok(Printed::new(table(HEADER, &rows), Value::Array(json)))
    }
}

impl Revoke {
    async fn run(self, console: &Console) -> Result<Printed, CliError> {
        let revoked = console.store.revoke_key(&console.by, &self.key).await?;
        let json = json!({ "id": revoked.id, "label": revoked.label, "change": "revoked" });
        Ok(Printed::new(format!("revoked key {}", revoked.id), json))
    }
}

/// A key as a row of a table, masked.
pub(crate) fn row(key: &KeyRow, owner: &str, now: Timestamp) -> Vec<String> {
    let used =
        key.last_used.as_ref().map(|used| format!("{} from {} {}", used.at, used.client_ip, used.client_version));
    vec![
        key.id.to_string(),
        format!("lictor_…{}", key.hint),
        owner.to_owned(),
        key.label.clone(),
        state(key, now).to_owned(),
        key.narrowing.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
        key.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339()),
        used.unwrap_or_else(|| "never".to_owned()),
    ]
}

/// A key as JSON, masked.
pub(crate) fn as_json(key: &KeyRow, owner: &str, now: Timestamp) -> Value {
    json!({
        "id": key.id,
        "for": owner,
        "label": key.label,
        "masked": format!("lictor_…{}", key.hint),
        "state": state(key, now),
        "limits": key.narrowing,
        "created_at": key.created_at.to_rfc3339(),
        "expires_at": key.expires_at.map(Timestamp::to_rfc3339),
        "revoked_at": key.revoked_at.map(Timestamp::to_rfc3339),
        "last_used": key.last_used.as_ref().map(|used| json!({
            "at": used.at.to_rfc3339(),
            "client_ip": used.client_ip,
            "client_version": used.client_version,
        })),
    })
}

fn state(key: &KeyRow, now: Timestamp) -> &'static str {
    if key.revoked_at.is_some() {
        "revoked"
    } else if key.expires_at.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "active"
    }
}
