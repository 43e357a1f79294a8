//! How does a machine give its key back? The gateway revokes it, then the profile forgets it.

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::printed::Printed;
use super::signed_in::{OURS, SignedIn, Which};
use crate::prefect_profiles::ProfilesError;
use crate::remote::RemoteError;

/// What the gateway says of keys that are of no use any more.
const DEAD: [&str; 4] = ["revoked-key", "expired-key", "unknown-key", "principal-disabled"];

/// `lictor logout`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lictor logout\n  lictor logout --profile work")]
pub(crate) struct Logout {
    #[command(flatten)]
    which: Which,
    /// Only forget the key here; where the gateway cannot be reached. It stays good there.
    #[arg(long)]
    only_here: bool,
}

/// Nothing was given back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogoutError {
    /// Not from a profile.
    #[error(
        "the key comes from the environment, not from a profile: unset PREFECT_API_URL and PREFECT_API_KEY, and revoke the key at /lictor/account/keys"
    )]
    Environment,
    /// The gateway was not reached.
    #[error("{0}; nothing was changed: try again, or forget the key here alone with --only-here")]
    Remote(#[source] RemoteError),
    /// The profile.
    #[error("the key is revoked, but {0}")]
    Profiles(#[source] ProfilesError),
}

/// What became of the key.
#[derive(Clone, Copy)]
enum Fate {
    Revoked,
    WasDead,
    StillGood,
}

impl Logout {
    /// Revokes and forgets.
    pub(crate) fn run(self) -> Result<Printed, CliError> {
        let mut signed_in = self.which.find()?;
        let Some(profile) = signed_in.profile.clone() else { return Err(LogoutError::Environment.into()) };
        let fate = if self.only_here { Fate::StillGood } else { super::runtime()?.block_on(revoke(&signed_in))? };
        let is_gone = forget(&mut signed_in, &profile).map_err(LogoutError::Profiles)?;
        let (did, change) = match fate {
            Fate::Revoked => ("the key is revoked", "revoked"),
            Fate::WasDead => ("the key was of no use any more", "was-dead"),
            Fate::StillGood => ("the key is still good at the gateway: revoke it at /lictor/account/keys", "kept"),
        };
        let here = if is_gone {
            format!("the profile {profile:?} is removed")
        } else {
            format!("the profile {profile:?} keeps its other settings")
        };
        let text = format!("{}: {did}, and {here}", signed_in.remote.url());
        let json =
            json!({ "gateway": signed_in.remote.url(), "profile": profile, "key": change, "profile_removed": is_gone });
        Ok(Printed::new(text, json))
    }
}

async fn revoke(signed_in: &SignedIn) -> Result<Fate, LogoutError> {
    let remote = signed_in.remote.clone().settle().await.map_err(LogoutError::Remote)?;
    match remote.post("/lictor/keys/revoke", &signed_in.authorization).await {
        Ok(_) => Ok(Fate::Revoked),
        Err(RemoteError::Refused { code, .. }) if DEAD.contains(&code.as_str()) => Ok(Fate::WasDead),
        Err(error) => Err(LogoutError::Remote(error)),
    }
}

/// Takes the settings out, and the profile with them if it has no others; whether it has gone.
fn forget(signed_in: &mut SignedIn, profile: &str) -> Result<bool, ProfilesError> {
    let profiles = &mut signed_in.profiles;
    profiles.unset(profile, &OURS);
    let is_gone = profiles.is_empty(profile);
    if is_gone {
        profiles.remove(profile);
    }
    profiles.write()?;
    Ok(is_gone)
}
