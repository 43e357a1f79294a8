//! What in a body needs a permission of its own? Facts that a row's permission alone does not cover.
//!
//! A run's `job_variables` are a shell on its worker, an automation acts with the server's own rights, and an empty filter
//! is everything. Each condition names a fact, and what it needs besides the row. Prefect would read the same fact: the
//! body has been parsed strictly, and what is forwarded is written anew from what was looked at here.

use lictor_model::{Demands, Permission, PermissionSet};
use serde_json::{Map, Value};

use crate::event_payloads::EVERY_PAYLOAD;
use crate::operation::{Access, Inspect};

/// One fact that a body may hold.
#[derive(Debug, Clone, Copy)]
pub struct Condition {
    /// What is looked for, in words.
    pub fact: &'static str,
    /// What it needs, besides what the row needs.
    pub needs: Access,
    found: fn(&Value) -> bool,
}

impl Condition {
    /// Whether the fact is there.
    #[must_use]
    pub fn is_met_by(&self, body: &Value) -> bool {
        (self.found)(body)
    }
}

/// What the body lacks the right to: the first fact found whose need is not held.
#[must_use]
pub(crate) fn lacking(inspect: Inspect, body: &Value, held: PermissionSet) -> Option<PermissionSet> {
    let unmet = |condition: &&Condition| !condition.needs.admits(held) && condition.is_met_by(body);
    inspect.conditions().iter().find(unmet).map(|condition| condition.needs.lacking(held))
}

/// What all the facts found need.
#[must_use]
pub(crate) fn demands(inspect: Inspect, body: &Value) -> Demands {
    let mut demands = Demands::default();
    for condition in inspect.conditions().iter().filter(|condition| condition.is_met_by(body)) {
        match condition.needs {
            Access::Either(any_of) => demands.add(any_of),
            Access::Needs(all) => all.iter().for_each(|one| demands.add(PermissionSet::of(&[one]))),
            Access::Public | Access::Member | Access::Nobody => {}
        }
    }
    demands
}

impl Inspect {
    /// The facts that are looked for in the body; empty where the body is not looked at, or only rewritten.
    #[must_use]
    pub const fn conditions(self) -> &'static [Condition] {
        match self {
            Self::Nothing | Self::SecretsInQuery | Self::SecretsInBody | Self::Schema | Self::Strict => &[],
            Self::RunOfDeployment => RUN_OF_DEPLOYMENT,
            Self::NewRun => NEW_RUN,
            Self::RunChange => RUN_CHANGE,
            Self::State => STATE,
            Self::StateOfMany => STATE_OF_MANY,
            Self::FlowRunsToDelete => FLOW_RUNS_TO_DELETE,
            Self::FlowsToDelete => FLOWS_TO_DELETE,
            Self::DeploymentsToDelete => DEPLOYMENTS_TO_DELETE,
            Self::DeploymentChange => DEPLOYMENT_CHANGE,
            Self::Parameters => PARAMETERS,
            Self::Automation | Self::Enabling => AUTOMATION,
            Self::Events => EVENTS,
            Self::EventFilter => EVENT_FILTER,
            Self::BlockType => BLOCK_TYPE,
        }
    }
}

const RECONFIGURE: Access = Access::all_of(&[Permission::ReconfigureFlowRuns]);
const SEE_VARIABLES: Access = Access::all_of(&[Permission::SeeVariables]);
/// Whoever may change the workspace itself may also empty it.
const WHOLE_WORKSPACE: Access = Access::all_of(&[Permission::WriteWorkspaceSettings]);
const RUN_FLOWS: Access = Access::all_of(&[Permission::RunFlows]);

const SETTINGS: Condition = Condition {
    fact: "`job_variables`, `work_pool_name`, `work_queue_name` or `infrastructure_document_id`",
    needs: RECONFIGURE,
    found: |body| runs(body).any(reconfigures),
};
const KINDS: Condition = Condition {
    fact: "`__prefect_kind`, by which Prefect puts a variable's value in its place",
    needs: SEE_VARIABLES,
    found: holds_kind,
};

static RUN_OF_DEPLOYMENT: &[Condition] = &[
    SETTINGS,
    Condition {
        fact: "`enforce_parameter_schema` other than true",
        needs: RECONFIGURE,
        found: |body| {
            runs(body).any(|run| !matches!(run.get("enforce_parameter_schema"), None | Some(Value::Bool(true))))
        },
    },
    Condition {
        fact: "a `state` other than Scheduled or Pending, or one with `data`",
        needs: RECONFIGURE,
        found: |body| runs(body).any(|run| is_beyond(run.get("state"), &["SCHEDULED", "PENDING"])),
    },
    // `UpdateSubflowParentTask` (`server/orchestration/core_policy.py`) puts that task run into the new run's states.
    Condition {
        fact: "`parent_task_run_id`, by which the run's states become those of another run's task",
        needs: RUN_FLOWS,
        found: |body| runs(body).any(|run| !matches!(run.get("parent_task_run_id"), None | Some(Value::Null))),
    },
    KINDS,
];

static NEW_RUN: &[Condition] = &[SETTINGS, KINDS];
static RUN_CHANGE: &[Condition] = &[SETTINGS, KINDS];
static PARAMETERS: &[Condition] = &[KINDS];

const FORGED: Condition = Condition {
    fact: "`force`, a `state` other than Cancelling, Paused or Scheduled, or one with `data`",
    needs: RUN_FLOWS,
    found: |body| is_on(body.get("force")) || is_beyond(body.get("state"), &["CANCELLING", "PAUSED", "SCHEDULED"]),
};
static STATE: &[Condition] = &[FORGED];
static STATE_OF_MANY: &[Condition] = &[FORGED, EVERY_FLOW_RUN];

const EVERY_FLOW_RUN: Condition = Condition {
    fact: "no ids in the filter `flow_runs`",
    needs: WHOLE_WORKSPACE,
    found: |body| !names_ids(body.get("flow_runs")),
};
static FLOW_RUNS_TO_DELETE: &[Condition] = &[EVERY_FLOW_RUN];
static FLOWS_TO_DELETE: &[Condition] = &[Condition {
    fact: "no ids in the filter `flows`",
    needs: WHOLE_WORKSPACE,
    found: |body| !names_ids(body.get("flows")),
}];
static DEPLOYMENTS_TO_DELETE: &[Condition] = &[Condition {
    fact: "no ids in the filter `deployments`",
    needs: WHOLE_WORKSPACE,
    found: |body| !names_ids(body.get("deployments")),
}];

static DEPLOYMENT_CHANGE: &[Condition] = &[
    Condition {
        fact: "anything but `paused` and `schedules`",
        needs: Access::all_of(&[Permission::WriteDeployments]),
        found: |body| {
            body.as_object()
                .is_none_or(|change| change.keys().any(|key| !matches!(key.as_str(), "paused" | "schedules")))
        },
    },
    KINDS,
];

/// What the conditions below need together.
const ALL_THAT_AUTOMATIONS_DO: Access = Access::all_of(&[
    Permission::RunDeployments,
    Permission::ReconfigureFlowRuns,
    Permission::WriteDeployments,
    Permission::WriteWorkPools,
    Permission::WriteWorkQueues,
    Permission::RunFlows,
    Permission::ManageFlows,
    Permission::SeeSecretBlocks,
    Permission::SeeVariables,
]);

/// Prefect's actions (`server/events/actions.py`), each with what a person would need to do the same.
static AUTOMATION: &[Condition] = &[
    Condition {
        fact: "the action `run-deployment`",
        needs: Access::all_of(&[Permission::RunDeployments]),
        found: |body| acts(body, &["run-deployment"]),
    },
    Condition {
        fact: "`job_variables` in an action",
        needs: RECONFIGURE,
        found: |body| actions(body).any(reconfigures),
    },
    Condition {
        fact: "the actions `pause-deployment` and `resume-deployment`",
        needs: Access::one_of(&[Permission::WriteDeployments, Permission::WriteSchedules]),
        found: |body| acts(body, &["pause-deployment", "resume-deployment"]),
    },
    Condition {
        fact: "the actions `pause-work-pool` and `resume-work-pool`",
        needs: Access::all_of(&[Permission::WriteWorkPools]),
        found: |body| acts(body, &["pause-work-pool", "resume-work-pool"]),
    },
    Condition {
        fact: "the actions `pause-work-queue` and `resume-work-queue`",
        needs: Access::all_of(&[Permission::WriteWorkQueues]),
        found: |body| acts(body, &["pause-work-queue", "resume-work-queue"]),
    },
    Condition {
        fact: "the actions `cancel-flow-run`, `suspend-flow-run` and `resume-flow-run`",
        needs: Access::one_of(&[Permission::RunFlows, Permission::ControlFlowRuns]),
        found: |body| acts(body, &["cancel-flow-run", "suspend-flow-run", "resume-flow-run"]),
    },
    Condition {
        fact: "the action `change-flow-run-state`",
        needs: RUN_FLOWS,
        found: |body| acts(body, &["change-flow-run-state"]),
    },
    Condition {
        fact: "the action `delete-flow-run`",
        needs: Access::all_of(&[Permission::ManageFlows]),
        found: |body| acts(body, &["delete-flow-run"]),
    },
    Condition {
        fact: "the actions `call-webhook` and `send-notification`, which use a block's secret and send elsewhere what the server sees",
        needs: Access::all_of(&[Permission::SeeSecretBlocks]),
        found: |body| acts(body, &["call-webhook", "send-notification"]),
    },
    Condition {
        fact: "the action `resume-automation`, which lets another automation do whatever that one does",
        needs: ALL_THAT_AUTOMATIONS_DO,
        found: |body| acts(body, &["resume-automation"]),
    },
    Condition {
        fact: "a template (`{{` or `{%`), which Prefect renders with every variable at hand, or `__prefect_kind`",
        needs: SEE_VARIABLES,
        found: |body| holds_kind(body) || holds_template(body),
    },
    Condition {
        fact: "an action that Lictor does not know",
        needs: WHOLE_WORKSPACE,
        found: |body| actions(body).any(|action| !action.get("type").and_then(Value::as_str).is_some_and(is_known)),
    },
];

static EVENTS: &[Condition] = &[Condition {
    fact: "an event named `prefect.…`, which only runs and workers have to tell",
    needs: Access::one_of(&[Permission::RunFlows, Permission::WriteWorkers]),
    found: |body| match body.as_array() {
        Some(events) => events.iter().any(is_prefects),
        None => is_prefects(body),
    },
}];

/// `EventTextFilter` searches payloads, so it also finds values that are not shown.
static EVENT_FILTER: &[Condition] = &[Condition {
    fact: "`text` in the filter, which searches payloads",
    needs: Access::Needs(EVERY_PAYLOAD),
    found: |body| {
        let text = body.get("filter").map(|filter| filter.get("text"));
        !matches!(text, None | Some(None | Some(Value::Null)))
    },
}];

static BLOCK_TYPE: &[Condition] = &[Condition {
    fact: "a `documentation_url` or `logo_url` that is no web address (nor, for the logo, a `data:image/`)",
    needs: WHOLE_WORKSPACE,
    found: |body| {
        leads_astray(body.get("documentation_url"), &["https://", "http://"])
            || leads_astray(body.get("logo_url"), &["https://", "http://", "data:image/"])
    },
}];

/// Whether a person's click would lead to something else than these: a `javascript:` runs in Prefect's own page.
fn leads_astray(link: Option<&Value>, good: &[&str]) -> bool {
    match link {
        None | Some(Value::Null) => false,
        Some(Value::String(link)) => {
            let link = link.to_ascii_lowercase();
            !link.is_empty() && !good.iter().any(|beginning| link.starts_with(beginning))
        }
        Some(_) => true,
    }
}

/// Prefect's own events make task runs and fire automations.
fn is_prefects(event: &Value) -> bool {
    event.get("event").and_then(Value::as_str).is_none_or(|name| name.starts_with("prefect."))
}

fn is_known(action: &str) -> bool {
    const KNOWN: [&str; 17] = [
        "do-nothing",
        "run-deployment",
        "pause-deployment",
        "resume-deployment",
        "pause-work-pool",
        "resume-work-pool",
        "pause-work-queue",
        "resume-work-queue",
        "pause-automation",
        "resume-automation",
        "cancel-flow-run",
        "suspend-flow-run",
        "resume-flow-run",
        "change-flow-run-state",
        "delete-flow-run",
        "call-webhook",
        "send-notification",
    ];
    KNOWN.contains(&action)
}

/// The runs that a body asks for: one, or a list of them.
fn runs(body: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let listed = body.as_array().or_else(|| body.get("flow_runs")?.as_array());
    body.as_object().into_iter().chain(listed.into_iter().flatten().filter_map(Value::as_object))
}

/// The actions of an automation, those on trigger and on resolve included.
fn actions(body: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    let lists = ["actions", "actions_on_trigger", "actions_on_resolve"].into_iter().filter_map(|key| body.get(key));
    lists.filter_map(Value::as_array).flatten().filter_map(Value::as_object)
}

fn acts(body: &Value, kinds: &[&str]) -> bool {
    actions(body).any(|action| action.get("type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind)))
}

fn reconfigures(run: &Map<String, Value>) -> bool {
    let settings = ["job_variables", "work_pool_name", "work_queue_name", "infrastructure_document_id"];
    settings.into_iter().filter_map(|key| run.get(key)).any(|value| match value {
        Value::Null => false,
        Value::Object(variables) => !variables.is_empty(),
        _ => true,
    })
}

/// Whether a state is of another type than these, or carries data; what is no state at all is beyond as well.
fn is_beyond(state: Option<&Value>, types: &[&str]) -> bool {
    match state {
        None | Some(Value::Null) => false,
        Some(Value::Object(state)) => {
            let kind = state.get("type").and_then(Value::as_str);
            !kind.is_some_and(|kind| types.contains(&kind)) || !matches!(state.get("data"), None | Some(Value::Null))
        }
        Some(_) => true,
    }
}

/// Whether a flag is there and not plainly false: pydantic takes `1`, `"yes"` and more for true.
fn is_on(flag: Option<&Value>) -> bool {
    !matches!(flag, None | Some(Value::Null | Value::Bool(false)))
}

/// Whether a filter is about the objects that it names, and nothing else.
fn names_ids(filter: Option<&Value>) -> bool {
    let Some(filter) = filter else { return false };
    let ids = filter.get("id").and_then(|id| id.get("any_")).and_then(Value::as_array);
    // Joined by "or", other conditions would widen what the ids narrow.
    let narrows = matches!(filter.get("operator").and_then(Value::as_str), None | Some("and_"));
    ids.is_some_and(|ids| !ids.is_empty()) && narrows && filter.get("operator").is_none_or(Value::is_string)
}

/// `prefect.server.utilities.schemas.hydration` resolves such objects wherever they stand in parameters.
fn holds_kind(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(holds_kind),
        Value::Object(members) => members.contains_key("__prefect_kind") || members.values().any(holds_kind),
        _ => false,
    }
}

fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") || text.contains("{%"),
        Value::Array(items) => items.iter().any(holds_template),
        Value::Object(members) => members.values().any(holds_template),
        _ => false,
    }
}
