//! Can the store be used?

use lictor_model::{Clock, PrincipalKind, Secret};
use lictor_store::{Store, StoreError};

use super::Report;

/// Opens the store and looks at what is in it.
pub(crate) async fn check(url: &Secret, report: &mut Report) {
    match facts(url).await {
        Ok(facts) => report.ok("store", facts),
        Err(error) => report.fail("store", error.to_string()),
    }
}

async fn facts(url: &Secret) -> Result<String, StoreError> {
    let store = Store::open(url.expose(), Clock::system()).await?;
    let versions = store.versions().await?;
    let users = store.list_principals(Some(PrincipalKind::User)).await?.len();
    Ok(format!("reachable, schema up to date, {users} users, directory version {}", versions.directory))
}
