//! Could people sign in at the identity providers?

use lictor_authn::oidc::probe;
use lictor_authn::oidc::provider::Provider;
use lictor_model::Clock;

use super::Report;

/// Asks each provider what it says of itself.
pub(crate) async fn check(providers: &[Provider], clock: &Clock, report: &mut Report) {
    for provider in providers {
        let check = format!("provider {}", provider.name);
        match probe(provider.clone(), clock.clone()).await {
            Ok(found) => report.ok(&check, found),
            Err(error) => report.fail(&check, error.to_string()),
        }
    }
}
