//! Which identity providers and issuers of tokens are there now? Read again every other second, and at SIGHUP; a broken file changes nothing.

use std::time::Duration;

use lictor_authn::Authenticator;
use lictor_authn::oidc::SignOn;
use lictor_model::Secret;
use lictor_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::AppError;
use crate::config::ProvidersFile;
use crate::config::sign_in::{Elsewhere, SignIn};

/// Reading a small file costs less than being clever about when it was changed, and secrets in files of their own change too.
const EVERY: Duration = Duration::from_secs(2);

/// Begins single sign-on, and goes on with what the file says from then on.
///
/// # Errors
/// [`AppError`].
pub(super) async fn start(auth: &Authenticator, secret: &Secret, sign_in: &SignIn) -> Result<SignOn, AppError> {
    auth.replace_issuers(sign_in.issuers.clone())?;
    let sign_on = SignOn::start(auth.clone(), secret, sign_in.providers.clone())?;
    if let Some(file) = sign_in.read_from.clone() {
        let hangup = signal(SignalKind::hangup())?;
        let known = Elsewhere { providers: sign_in.providers.clone(), issuers: sign_in.issuers.clone() };
        tokio::spawn(keep_reading((sign_on.clone(), auth.clone()), file, known, hangup));
    }
    Ok(sign_on)
}

/// What seals what is kept of sign-ins.
///
/// # Errors
/// [`AppError`].
pub(super) async fn secret(store: &Store, sign_in: &SignIn) -> Result<Secret, AppError> {
    let fresh = Secret::new(lictor_model::key::random_text(43)?);
    Ok(match &sign_in.seal_key {
        Some(secret) => secret.clone(),
        // The first replica chooses it for all.
        None => Secret::new(store.meta_get_or_set("sign-on-secret", fresh.expose()).await?),
    })
}

async fn keep_reading(
    (sign_on, auth): (SignOn, Authenticator),
    file: ProvidersFile,
    mut known: Elsewhere,
    mut hangup: Signal,
) {
    let (mut ticks, mut said) = (tokio::time::interval(EVERY), String::new());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = hangup.recv() => said.clear(),
        }
        let from = file.clone();
        let read = tokio::task::spawn_blocking(move || from.elsewhere()).await;
        let wrong = match read {
            Ok(Ok(now)) if now == known => String::new(),
            Ok(Ok(now)) => match replace(&sign_on, &auth, &now) {
                Ok(()) => {
                    known = now;
                    String::new()
                }
                Err(error) => error.to_string(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        // Once is enough, until something else is wrong.
        if !wrong.is_empty() && wrong != said {
            tracing::warn!("the identity providers and issuers of tokens stay as they were: {wrong}");
        }
        said = wrong;
    }
}

fn replace(sign_on: &SignOn, auth: &Authenticator, now: &Elsewhere) -> Result<(), AppError> {
    sign_on.replace(now.providers.clone())?;
    auth.replace_issuers(now.issuers.clone())?;
    let providers: Vec<&str> = now.providers.iter().map(|provider| provider.name.as_str()).collect();
    let issuers: Vec<&str> = now.issuers.iter().map(|issuer| issuer.terms.name.as_str()).collect();
    let (providers, issuers) = (providers.join(", "), issuers.join(", "));
    tracing::info!(providers, issuers, "the identity providers and issuers of tokens have changed");
    Ok(())
}
