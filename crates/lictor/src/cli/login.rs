//! How does a person's machine get a key of its own? A browser says yes, and Prefect's client finds it in a profile.

mod browser;
mod waiting;

use std::path::PathBuf;

use clap::Args;
use lictor_model::Secret;
use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;
use super::printed::{Printed, plain};
use super::signed_in::{OURS, env};
use crate::config::PublicUrl;
use crate::prefect_profiles::{self, Profiles, ProfilesError};
use crate::remote::{self, Remote, RemoteError};

/// `lictor login`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lictor login https://prefect.example.com\n  lictor login https://prefect.example.com --label \"my laptop\" --profile work\n  lictor login https://prefect.internal --ca-file /etc/ssl/company.pem\n  eval \"$(lictor login https://prefect.example.com --env)\"     no profile: variables for this shell\n\nThe key is named, ends, and is listed at /lictor/account/keys; `lictor logout` revokes it."
)]
pub(crate) struct Login {
    /// The gateway, as https://prefect.example.com.
    #[arg(value_name = "URL", value_parser = remote::address)]
    gateway: PublicUrl,
    /// What the key is for [default: user@machine].
    #[arg(long)]
    label: Option<String>,
    /// The profile to write [default: the gateway's name].
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    profile: Option<String>,
    /// The CAs that vouch for the gateway, in PEM; otherwise those of the system. The profile names them too.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print `export` lines on standard output, and write no profile.
    #[arg(long, conflicts_with_all = ["profile", "json"])]
    env: bool,
    /// Only print the address and the code; open no browser.
    #[arg(long)]
    no_browser: bool,
    /// Send the key over plain HTTP, in a network that is trusted as a whole.
    #[arg(long)]
    allow_plain_http: bool,
}

/// Why there is no key, or no profile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The gateway.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The key was made, and cannot be kept.
    #[error("{source}; the key that was made for it {fate}")]
    NotKept {
        /// Why.
        source: ProfilesError,
        /// What became of the key.
        fate: &'static str,
    },
    /// Something else is there.
    #[error("{0} does not answer as Lictor does: check the address, and that it is this version or a later one")]
    NotLictor(String),
    /// A person said no.
    #[error("it was denied in the browser: no key was made")]
    Denied,
    /// Nobody said anything.
    #[error("nobody allowed it in time: no key was made; run `lictor login` again")]
    Late,
    /// The code is no longer known.
    #[error("the code was used or is over: run `lictor login` again")]
    Over,
    /// The CA file.
    #[error("cannot use {}: {source}", path.display())]
    CaFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The system gives no signals.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// A key that was handed out.
#[derive(Debug, Deserialize)]
struct Key {
    access_token: String,
    id: String,
    label: String,
    name: String,
    expires_at: Option<String>,
    api_url: String,
}

impl Login {
    /// Asks, waits, and writes the profile.
    pub(crate) fn run(self) -> Result<Printed, CliError> {
        let printed = super::runtime()?.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).map_err(LoginError::Signals)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(LoginError::Signals)?;
            let interrupted = || {
                // Only a question fetches the key, so there is none.
                eprintln!("\nlictor: interrupted; no key was made, and the code is of no use any more");
                Printed::nothing().with_code(130)
            };
            tokio::select! {
                printed = self.log_in() => printed,
                _ = interrupt.recv() => Ok(interrupted()),
                _ = terminate.recv() => Ok(interrupted()),
            }
        })?;
        Ok(printed)
    }

    async fn log_in(&self) -> Result<Printed, LoginError> {
        let ca_file = self.ca_file.as_deref().map(|path| {
            std::fs::canonicalize(path).map_err(|source| LoginError::CaFile { path: path.to_owned(), source })
        });
        let ca_file = ca_file.transpose()?;
        let remote = Remote::new(self.gateway.clone(), ca_file.clone(), self.allow_plain_http)?;
        let remote = remote.settle().await?;
        // Before anybody is asked: a key that cannot be kept is no use.
        let place = prefect_profiles::place(&env)?;
        if !self.env {
            Profiles::read(place.clone())?.write()?;
        }
        let label = self.label.clone().unwrap_or_else(|| format!("{}@{}", user(), machine()));
        let begun = waiting::begin(&remote, &label, &machine()).await?;
        tell(&begun);
        if !self.no_browser && browser::open(&begun.complete, &env) {
            eprintln!("\nA browser is opened with it.");
        }
        eprintln!("\nWaiting; Ctrl-C gives up.");
        let key = waiting::wait(&remote, &begun).await?;
        let settings = settings(&key, ca_file.as_deref());
        if self.env {
            eprintln!("{}", made(&key));
            return Ok(Printed::new(exports(&settings), serde_json::Value::Null));
        }
        match self.keep(place, &settings) {
            Ok((profile, path)) => Ok(written(&remote, &key, &profile, &path)),
            Err(source) => {
                let authorization = Secret::new(format!("Bearer {}", key.access_token));
                let revoked = remote.post("/lictor/keys/revoke", &authorization).await;
                let fate =
                    if revoked.is_ok() { "is revoked" } else { "is still good: revoke it at /lictor/account/keys" };
                Err(LoginError::NotKept { source, fate })
            }
        }
    }

    fn keep(&self, place: PathBuf, settings: &[(&str, String)]) -> Result<(String, PathBuf), ProfilesError> {
        let profile = self.profile.clone().unwrap_or_else(|| default_profile(&self.gateway));
        // Read again: minutes may have passed.
        let mut profiles = Profiles::read(place)?;
        // What this profile had for another way in would get in the way of this one.
        profiles.unset(&profile, &OURS);
        profiles.set(&profile, settings)?;
        profiles.activate(&profile);
        profiles.write()?;
        Ok((profile, profiles.path().to_owned()))
    }
}

/// What the client must set: one address twice makes it take the key to every websocket too, in all versions.
fn settings(key: &Key, ca_file: Option<&std::path::Path>) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("PREFECT_API_URL", key.api_url.clone()),
        ("PREFECT_CLOUD_API_URL", key.api_url.clone()),
        ("PREFECT_API_KEY", key.access_token.clone()),
    ];
    settings.extend(ca_file.map(|path| ("PREFECT_API_SSL_CERT_FILE", path.display().to_string())));
    settings
}

fn tell(begun: &waiting::Begun) {
    eprintln!("Open this address in a browser, on any machine:\n\n    {}\n", begun.page);
    eprintln!("and type, or check that it shows, this code:\n\n    {}", begun.user_code);
}

fn made(key: &Key) -> String {
    let ends = key.expires_at.as_deref().unwrap_or("never");
    format!("\nThe key {:?} of {} is made; it ends {}.", plain(&key.label), plain(&key.name), plain(ends))
}

fn exports(settings: &[(&str, String)]) -> String {
    settings.iter().map(|(name, text)| format!("export {name}='{}'\n", text.replace('\'', "'\\''"))).collect()
}

fn written(remote: &Remote, key: &Key, profile: &str, path: &std::path::Path) -> Printed {
    let mut text = format!(
        "{}\nIt is in the profile {profile:?} of {}, which is active now.",
        made(key).trim_start(),
        path.display()
    );
    let over = ["PREFECT_PROFILE", "PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"];
    let set: Vec<&str> = over.into_iter().filter(|name| env(name).is_some()).collect();
    if !set.is_empty() {
        text +=
            &format!("\nBut this shell sets {}, which comes before the active profile: unset it.", set.join(" and "));
    }
    let json = json!({
        "name": key.name,
        "gateway": remote.url(),
        "profile": profile,
        "profiles_path": path.display().to_string(),
        "key": { "id": key.id, "label": key.label, "expires_at": key.expires_at },
        "overridden_by": set,
    });
    Printed::new(text, json)
}

/// The gateway's name as that of a profile.
fn default_profile(gateway: &PublicUrl) -> String {
    let spelled = format!("{}{}", gateway.authority, gateway.base_path.as_str());
    let plain: String =
        spelled.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    plain.trim_matches('-').to_owned()
}

fn profile_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name is 1 to 64 of letters, digits and - _ .".to_owned())
    }
}

fn user() -> String {
    env("USER").or_else(|| env("LOGNAME")).unwrap_or_else(|| "somebody".to_owned())
}

fn machine() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let named = files.iter().find_map(|file| std::fs::read_to_string(file).ok()).map(|name| name.trim().to_owned());
    named.or_else(|| env("HOSTNAME")).filter(|name| !name.is_empty()).unwrap_or_else(|| "a machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_named_after_its_gateway() {
        let name = |url: &str| default_profile(&remote::address(url).unwrap());
        assert_eq!(name("https://prefect.example.com"), "prefect-example-com");
        assert_eq!(name("http://[::1]:4300/tools/prefect"), "1--4300-tools-prefect");
    }

    #[test]
    fn what_is_exported_does_not_leave_its_quotes() {
        assert_eq!(exports(&[("A", "it's".to_owned())]), "export A='it'\\''s'\n");
    }
}
