//! Which roles come with the program? Viewer, Runner, Developer, Owner, and Worker for machines.

use std::sync::LazyLock;

use lictor_model::{Permission, PermissionSet, Role, RoleName};

/// The built-in roles, from the least to the most, and Worker.
#[must_use]
pub fn built_in() -> &'static [Role] {
    &BUILT_IN
}

/// The built-in role of that name.
#[must_use]
pub fn find_built_in(name: &RoleName) -> Option<&'static Role> {
    built_in().iter().find(|role| role.name == *name)
}

/// The role of that name: built in, or one of these.
#[must_use]
pub fn find<'a>(name: &RoleName, custom: &'a [Role]) -> Option<&'a Role> {
    find_built_in(name).or_else(|| custom.iter().find(|role| role.name == *name))
}

/// What a role allows, with what the built-in role that it is based on allows today.
#[must_use]
pub fn permissions_of(role: &Role) -> PermissionSet {
    let base = role.base.as_ref().and_then(find_built_in);
    base.map_or(role.permissions, |base| base.permissions.union(role.permissions))
}

static BUILT_IN: LazyLock<Vec<Role>> = LazyLock::new(|| {
    let roles = [
        ("viewer", "Sees everything but secret values and the server's settings; changes nothing.", viewer()),
        ("runner", "A viewer who may start runs of existing deployments.", runner()),
        (
            "developer",
            "Runs, writes and manages everything but the server's settings; sees secret values.",
            developer(),
        ),
        ("owner", "May do everything.", PermissionSet::all()),
        ("worker", "What a worker and the flow runs that it starts call, and no more.", WORKER),
    ];
    roles.into_iter().filter_map(|(name, description, permissions)| role(name, description, permissions)).collect()
});

fn role(name: &str, description: &str, permissions: PermissionSet) -> Option<Role> {
    let name = RoleName::parse(name).ok()?;
    Some(Role { name, description: description.to_owned(), base: None, permissions, built_in: true })
}

fn viewer() -> PermissionSet {
    let hidden = PermissionSet::of(&[Permission::SeeSecretBlocks, Permission::SeeWorkspaceSettings]);
    Permission::ALL.iter().copied().filter(|it| it.as_str().starts_with("see_") && !hidden.contains(*it)).collect()
}

fn runner() -> PermissionSet {
    viewer().union(PermissionSet::of(&[Permission::RunDeployments]))
}

/// Everything but the workspace's settings, so that a permission added later is a developer's unless said otherwise
/// here: the snapshot of roles shows it.
fn developer() -> PermissionSet {
    let settings = PermissionSet::of(&[Permission::SeeWorkspaceSettings, Permission::WriteWorkspaceSettings]);
    settings.lacks(PermissionSet::all())
}

/// One line for each thing a worker, or a run it starts, was seen to call. A run inherits its worker's key, so this is
/// also what flow code may do. Left out, because only some flows do it: saving blocks and variables, starting
/// deployments, serving background tasks, making work pools. Add a custom role to the same account for those.
const WORKER: PermissionSet = PermissionSet::of(&[
    // Its pool and queues: find, poll, heartbeat, channel.
    Permission::SeeWorkPools,
    Permission::SeeWorkQueues,
    Permission::WriteWorkers,
    // The run: read, set its state, labels and infrastructure; flows, subflows, placeholder task runs, inputs, logs.
    Permission::SeeDeployments,
    Permission::SeeFlows,
    Permission::RunFlows,
    // Task runs travel as events; cancellation and suspension come back as events.
    Permission::ManageEvents,
    Permission::SeeEvents,
    // Job templates and flows load blocks with their secrets, and variables.
    Permission::SeeBlocks,
    Permission::SeeSecretBlocks,
    Permission::SeeVariables,
    // What flows leave behind.
    Permission::WriteArtifacts,
    // Every task with a tag takes and returns slots.
    Permission::TakeConcurrencySlots,
]);
