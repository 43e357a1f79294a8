//! What does a narrow key keep out of, besides permissions? Changes, other workspaces, other work pools.

use lictor_model::{Narrowing, WorkspaceName};
use serde_json::Value;

use crate::matcher::Matched;
use crate::operation::{Effect, Verb};

/// Polls of work that is in no named pool: a key that is bound to pools has no business there.
const POOLLESS_POLLS: [&str; 3] =
    ["/work_queues/{id}/get_runs", "/deployments/get_scheduled_flow_runs", "/task_runs/subscriptions/scheduled"];

/// Whether the operation is within the limits of the key.
pub(crate) fn admits(narrowing: &Narrowing, matched: &Matched, workspace: &WorkspaceName) -> bool {
    narrowing.admits_workspace(workspace)
        && (!narrowing.read_only || reads(matched))
        && (narrowing.work_pools.is_empty() || stays_in(&narrowing.work_pools, matched))
}

/// Whether it changes nothing. Plumbing changes things as well (a poll marks a pool ready), but for what is fetched and what is listened to.
pub(crate) fn reads(matched: &Matched) -> bool {
    let operation = matched.operation();
    let listens = matches!(operation.template, "/events/out" | "/logs/out");
    match operation.effect {
        Effect::Read => true,
        Effect::Change => false,
        Effect::Plumbing => operation.verb == Verb::Get || listens,
    }
}

/// Whether the work pools that a body names are within the limits of the key: those of deployments and of runs without one.
pub(crate) fn admits_body(narrowing: &Narrowing, body: &Value) -> bool {
    let admits = |pool: &Value| match pool {
        Value::Null => true,
        Value::String(name) => narrowing.work_pools.contains(name),
        _ => false,
    };
    narrowing.work_pools.is_empty() || body.get("work_pool_name").is_none_or(admits)
}

fn stays_in(pools: &[String], matched: &Matched) -> bool {
    let operation = matched.operation();
    let template = operation.template;
    // A new pool is another one; and a queue's id or name alone does not say which pool it is in.
    let is_elsewhere = template == "/work_pools/" || template.starts_with("/work_queues/");
    if POOLLESS_POLLS.contains(&template) || (is_elsewhere && operation.effect == Effect::Change) {
        return false;
    }
    let named = match template.strip_prefix("/work_pools/") {
        Some(rest) if rest.starts_with("{work_pool_name}") => matched.param("work_pool_name"),
        Some(rest) if rest.starts_with("{name}") => matched.param("name"),
        _ => return true,
    };
    named.is_some_and(|name| pools.iter().any(|pool| *pool == *name))
}
