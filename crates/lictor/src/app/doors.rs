//! At which addresses are the workspaces? As the configuration says, and at ids that every replica makes the same.

use lictor_authz::{Address, Doors};
use lictor_model::id::derived_uuid;
use lictor_model::key;
use lictor_store::Store;

use super::AppError;
use crate::config::{Plan, PublicUrl};

/// What the store calls the text that all ids begin from.
const NAME: &str = "installation";
const LETTERS: usize = 43;

/// The addresses, in the order of the plan's workspaces.
pub(super) async fn of(plan: &Plan, store: &Store) -> Result<Doors, AppError> {
    let fresh = key::random_text(LETTERS)?;
    let installation = store.meta_get_or_set(NAME, &fresh).await?;
    let address = |workspace: &crate::config::Workspace| Address {
        hosts: workspace.hosts.clone(),
        prefix: workspace.prefix.clone(),
        id: derived_uuid([&installation, "workspace", workspace.name.as_str()]),
    };
    Ok(Doors {
        base: plan.public_url.as_ref().map(|url| url.base_path.clone()).unwrap_or_default(),
        public: plan.public_url.as_ref().map(PublicUrl::origin),
        account: derived_uuid([&installation, "account", ""]),
        addresses: plan.workspaces.iter().map(address).collect(),
    })
}
