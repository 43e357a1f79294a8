//! As whom does Prefect's client of this shell go where? The environment comes first, then the profile, as in the client itself.

use std::path::PathBuf;

use base64::Engine as _;
use clap::Args;
use lictor_model::Secret;

use crate::prefect_profiles::{self, Profiles, ProfilesError};
use crate::remote::{self, Remote, RemoteError};

const URL: &str = "PREFECT_API_URL";
const CLOUD: &str = "PREFECT_CLOUD_API_URL";
const KEY: &str = "PREFECT_API_KEY";
const AUTH_STRING: &str = "PREFECT_API_AUTH_STRING";
const CA_FILE: &str = "PREFECT_API_SSL_CERT_FILE";
/// The settings by which a client goes to a gateway.
pub(super) const OURS: [&str; 5] = [URL, CLOUD, KEY, AUTH_STRING, CA_FILE];

/// A variable of this process that is not empty.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Which profile, and how far it is trusted.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The profile [default: what the environment sets, else PREFECT_PROFILE, else the active one].
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The CAs that vouch for the gateway, in PEM [default: as the profile says, else those of the system].
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Send the key over plain HTTP, in a network that is trusted as a whole.
    #[arg(long)]
    allow_plain_http: bool,
}

/// Nobody is signed in here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignedInError {
    /// The profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The gateway.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// No such profile.
    #[error("{} has no profile {name:?}: `prefect profile ls` shows those that there are", path.display())]
    NoSuchProfile {
        /// The file.
        path: PathBuf,
        /// Which.
        name: String,
    },
    /// No profile is active.
    #[error("no profile is active: run `lictor login URL`, or name one with --profile")]
    NoneActive,
    /// It leads nowhere.
    #[error("{0} sets no PREFECT_API_URL: run `lictor login URL`")]
    NoUrl(String),
    /// It has no key.
    #[error("{0} sets neither PREFECT_API_KEY nor PREFECT_API_AUTH_STRING: run `lictor login URL`")]
    NoKey(String),
    /// The address is none.
    #[error("PREFECT_API_URL of {0}: {1}")]
    Address(String, String),
}

/// Where the client goes, and what it presents.
pub(super) struct SignedIn {
    /// The gateway.
    pub(super) remote: Remote,
    /// `Bearer …` or `Basic …`.
    pub(super) authorization: Secret,
    /// The profile that says so; `None` where the environment does.
    pub(super) profile: Option<String>,
    /// All profiles.
    pub(super) profiles: Profiles,
}

impl SignedIn {
    /// In words: which settings these are.
    pub(super) fn source(&self) -> String {
        source(self.profile.as_deref())
    }
}

fn source(profile: Option<&str>) -> String {
    profile.map_or_else(|| "the environment".to_owned(), |name| format!("the profile {name:?}"))
}

impl Which {
    /// Finds it out.
    pub(super) fn find(self) -> Result<SignedIn, SignedInError> {
        let profiles = Profiles::read(prefect_profiles::place(&env)?)?;
        let is_env = self.profile.is_none() && env(URL).is_some();
        let profile = if is_env { None } else { Some(self.profile_in(&profiles)?) };
        let get = |name: &str| match &profile {
            Some(profile) => profiles.setting(profile, name).map(str::to_owned).filter(|text| !text.is_empty()),
            None => env(name),
        };
        let told = source(profile.as_deref());
        let api = get(URL).ok_or_else(|| SignedInError::NoUrl(told.clone()))?;
        // In an address of a workspace's own, the gateway is what the cloud's address says.
        let gateway = get(CLOUD).filter(|cloud| api.starts_with(cloud.as_str())).unwrap_or(api);
        let url = remote::address(&gateway).map_err(|error| SignedInError::Address(told.clone(), error))?;
        let authorization = match (get(AUTH_STRING), get(KEY)) {
            (Some(text), _) => format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text)),
            (None, Some(key)) => format!("Bearer {key}"),
            (None, None) => return Err(SignedInError::NoKey(told)),
        };
        let ca_file = self.ca_file.clone().or_else(|| get(CA_FILE).map(PathBuf::from));
        let remote = Remote::new(url, ca_file, self.allow_plain_http)?;
        Ok(SignedIn { remote, authorization: Secret::new(authorization), profile, profiles })
    }

    fn profile_in(&self, profiles: &Profiles) -> Result<String, SignedInError> {
        let chosen = self.profile.clone().or_else(|| env("PREFECT_PROFILE"));
        let name = chosen.or_else(|| profiles.active().map(str::to_owned)).ok_or(SignedInError::NoneActive)?;
        if profiles.has(&name) {
            Ok(name)
        } else {
            Err(SignedInError::NoSuchProfile { path: profiles.path().to_owned(), name })
        }
    }
}
