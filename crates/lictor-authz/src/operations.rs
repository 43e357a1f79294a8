//! What may be asked of Prefect, and what does each need? THE TABLE: every operation of Prefect Server 3.0 to 3.8.
//!
//! One row each: verb, template below the API mount, who may, what it does, what else must be looked at, and where the
//! permission comes from. `Cloud`: Prefect Cloud states this scope for the same operation. `Decided`: it states none, and
//! the text says why this one. What is in no row is refused. `docs/reference/permissions.md` shows the table to people.

pub use crate::operation::{Access, Basis, Effect, Inspect, Operation, Place, Verb};
use lictor_model::Permission;

macro_rules! verb {
    (GET) => {
        Verb::Get
    };
    (POST) => {
        Verb::Post
    };
    (PUT) => {
        Verb::Put
    };
    (PATCH) => {
        Verb::Patch
    };
    (DELETE) => {
        Verb::Delete
    };
    (SOCKET) => {
        Verb::Socket
    };
}

macro_rules! access {
    (Either $($permission:ident)+) => { Access::one_of(&[$(Permission::$permission),+]) };
    (Needs $($permission:ident)+) => { Access::all_of(&[$(Permission::$permission),+]) };
    ($access:ident) => { Access::$access };
}

macro_rules! table {
    ($($verb:ident $template:literal, $($access:ident)+, $effect:ident, $inspect:ident, $basis:ident $reason:literal;)+) => {
        /// The table.
        pub static OPERATIONS: &[Operation] = &[$(Operation {
            verb: verb!($verb),
            template: $template,
            access: access!($($access)+),
            effect: Effect::$effect,
            inspect: Inspect::$inspect,
            basis: Basis::$basis,
            reason: $reason,
            place: Place::Api,
            name: concat!(stringify!($verb), " ", $template),
        }),+];
    };
}

table! {
    // --- the server itself ---
    GET "/health", Public, Read, Nothing, Decided "liveness probes carry no credential; Prefect exempts it too";
    GET "/version", Member, Read, Nothing, Decided "every client compares versions before it works";
    GET "/collections/views/{view}", Member, Read, Nothing, Decided "public catalogue of block and worker types";
    GET "/csrf-token", Member, Plumbing, Nothing, Decided "every client asks before its first change; a refusal fails all of them";
    GET "/admin/settings", Needs SeeWorkspaceSettings, Read, Nothing, Decided "secrets are masked, but paths, hosts and topology are not";
    GET "/admin/version", Member, Read, Nothing, Decided "every client and socket asks before it works";
    GET "/admin/storage", Member, Read, Nothing, Decided "every flow run asks; refused, the client silently keeps results on its own disk";
    PUT "/admin/storage", Needs WriteWorkspaceSettings, Change, Nothing, Decided "sends every result of the server to another place";
    DELETE "/admin/storage", Needs WriteWorkspaceSettings, Change, Nothing, Decided "takes the default place of results from every flow";
    GET "/hello", Member, Read, Nothing, Decided "a smoke test that says nothing";
    GET "/ready", Public, Read, Nothing, Decided "readiness probes carry no credential; Prefect exempts it too";
    GET "/openapi.json", Member, Read, Nothing, Decided "the schema of the API: a member's reading";
    GET "/docs", Member, Read, Nothing, Decided "the schema of the API as a page: a member's reading";
    GET "/docs/oauth2-redirect", Nobody, Read, Nothing, Decided "for document pages that sign in by OAuth; Prefect's do not";
    GET "/redoc", Member, Read, Nothing, Decided "the schema of the API as a page: a member's reading";
    GET "/static/{path}", Member, Read, Nothing, Decided "the pictures of the API's document pages";
    GET "/metrics", Needs SeeWorkspaceSettings, Read, Nothing, Decided "describes the whole server, as its settings do; off by default";
    GET "/pid", Nobody, Read, Nothing, Decided "exists in the server's test mode only";
    POST "/admin/database/clear", Nobody, Change, Nothing, Decided "wipes the database with one body field; servers before 3.6";
    POST "/admin/database/drop", Nobody, Change, Nothing, Decided "drops the database with one body field; servers before 3.6";
    POST "/admin/database/create", Nobody, Change, Nothing, Decided "belongs to whoever runs the server; servers before 3.6";
    // --- flows and their runs ---
    POST "/flows/", Needs RunFlows, Change, Nothing, Cloud "finds or makes a flow by name: every run and every deploy calls it";
    PATCH "/flows/{id}", Needs RunFlows, Change, Nothing, Cloud "";
    GET "/flows/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    DELETE "/flows/{id}", Needs ManageFlows, Change, Nothing, Cloud "";
    POST "/flows/count", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flows/name/{name}", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flows/filter", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flows/bulk_delete", Needs ManageFlows, Change, FlowsToDelete, Cloud "without ids, or without a body, it deletes up to the server's limit, which also needs write_workspace_settings";
    POST "/flows/paginate", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flow_runs/", Needs RunFlows, Change, NewRun, Cloud "a work pool, a queue or job variables in the body also need reconfigure_flow_runs";
    PATCH "/flow_runs/{id}", Needs RunFlows, Change, RunChange, Cloud "job variables in the body also need reconfigure_flow_runs";
    GET "/flow_runs/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    DELETE "/flow_runs/{id}", Needs ManageFlows, Change, Nothing, Cloud "";
    POST "/flow_runs/count", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flow_runs/lateness", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flow_runs/history", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flow_runs/{id}/graph", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flow_runs/{id}/graph-v2", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flow_runs/{id}/resume", Either RunFlows ControlFlowRuns, Change, Parameters, Cloud "control_flow_runs is enough";
    POST "/flow_runs/filter", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/flow_runs/bulk_delete", Needs ManageFlows, Change, FlowRunsToDelete, Cloud "without ids, or without a body, it deletes up to the server's limit, which also needs write_workspace_settings";
    POST "/flow_runs/bulk_set_state", Either RunFlows ControlFlowRuns, Change, StateOfMany, Cloud "without ids it is about every run, which also needs write_workspace_settings";
    POST "/flow_runs/{id}/set_state", Either RunFlows ControlFlowRuns, Change, State, Cloud "runs and people share it: control_flow_runs alone cancels, pauses and reschedules, and forges nothing";
    POST "/flow_runs/{id}/input", Needs RunFlows, Change, Nothing, Cloud "";
    POST "/flow_runs/{id}/input/filter", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flow_runs/{id}/input/{key}", Needs SeeFlows, Read, Nothing, Cloud "";
    DELETE "/flow_runs/{id}/input/{key}", Needs ManageFlows, Change, Nothing, Cloud "takes an input away from a run that waits for it";
    POST "/flow_runs/paginate", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flow_runs/{id}/logs/download", Needs SeeFlows, Read, Nothing, Cloud "";
    PATCH "/flow_runs/{id}/labels", Needs RunFlows, Change, Parameters, Cloud "the worker stamps a run with its labels";
    POST "/task_runs/", Needs RunFlows, Change, Strict, Cloud "background tasks and the placeholders of subflows";
    PATCH "/task_runs/{id}", Needs RunFlows, Change, Strict, Cloud "";
    GET "/task_runs/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    DELETE "/task_runs/{id}", Needs ManageFlows, Change, Nothing, Cloud "";
    POST "/task_runs/count", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/task_runs/history", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/task_runs/filter", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/task_runs/paginate", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/task_runs/{id}/set_state", Needs RunFlows, Change, Strict, Cloud "";
    GET "/flow_run_states/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/flow_run_states/", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/task_run_states/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/task_run_states/", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/logs/", Needs RunFlows, Plumbing, Nothing, Cloud "every run and worker sends its logs, many times a minute";
    POST "/logs/filter", Needs SeeFlows, Read, Nothing, Cloud "the text of logs may hold secrets that flows printed";
    // --- deployments ---
    POST "/deployments/", Needs WriteDeployments, Change, Parameters, Cloud "decides which code runs where: equal to running code on the pool";
    PATCH "/deployments/{id}", Either WriteDeployments WriteSchedules, Change, DeploymentChange, Cloud "write_schedules alone changes paused and schedules, and no code";
    GET "/deployments/{id}", Needs SeeDeployments, Read, Nothing, Cloud "";
    DELETE "/deployments/{id}", Needs ManageDeployments, Change, Nothing, Cloud "";
    GET "/deployments/name/{flow_name}/{deployment_name}", Needs SeeDeployments, Read, Nothing, Cloud "";
    POST "/deployments/filter", Needs SeeDeployments, Read, Nothing, Cloud "";
    POST "/deployments/paginate", Needs SeeDeployments, Read, Nothing, Cloud "";
    POST "/deployments/get_scheduled_flow_runs", Needs SeeDeployments, Plumbing, Nothing, Cloud "the poll of serve; also marks deployments ready";
    POST "/deployments/count", Needs SeeDeployments, Read, Nothing, Cloud "";
    POST "/deployments/bulk_delete", Needs ManageDeployments, Change, DeploymentsToDelete, Cloud "without ids, or without a body, it deletes up to the server's limit, which also needs write_workspace_settings";
    POST "/deployments/{id}/schedule", Either WriteDeployments WriteSchedules, Change, Nothing, Cloud "write_schedules is enough";
    POST "/deployments/{id}/resume_deployment", Either WriteDeployments WriteSchedules, Change, Nothing, Cloud "write_schedules is enough";
    POST "/deployments/{id}/pause_deployment", Either WriteDeployments WriteSchedules, Change, Nothing, Cloud "write_schedules is enough";
    POST "/deployments/{id}/create_flow_run", Needs RunDeployments, Change, RunOfDeployment, Cloud "parameters, tags, name and key are free; job variables, a queue, or a state beyond Scheduled also need reconfigure_flow_runs";
    POST "/deployments/{id}/create_flow_run/bulk", Needs RunDeployments, Change, RunOfDeployment, Cloud "each of them as one alone";
    GET "/deployments/{id}/work_queue_check", Needs SeeDeployments, Read, Nothing, Decided "says which queues a deployment's runs would go to";
    GET "/deployments/{id}/schedules", Needs SeeDeployments, Read, Nothing, Cloud "";
    POST "/deployments/{id}/schedules", Either WriteDeployments WriteSchedules, Change, Parameters, Cloud "write_schedules is enough";
    PATCH "/deployments/{id}/schedules/{schedule_id}", Either WriteDeployments WriteSchedules, Change, Parameters, Cloud "write_schedules is enough";
    DELETE "/deployments/{id}/schedules/{schedule_id}", Either WriteDeployments WriteSchedules, Change, Nothing, Cloud "write_schedules is enough";
    // --- work pools, queues and workers ---
    POST "/work_pools/", Needs WriteWorkPools, Change, Nothing, Cloud "its job template decides command, image and environment of every run";
    GET "/work_pools/{name}", Needs SeeWorkPools, Read, Nothing, Cloud "";
    PATCH "/work_pools/{name}", Needs WriteWorkPools, Change, Nothing, Cloud "its job template decides command, image and environment of every run";
    DELETE "/work_pools/{name}", Needs ManageWorkPools, Change, Nothing, Cloud "";
    POST "/work_pools/filter", Needs SeeWorkPools, Read, Nothing, Cloud "";
    POST "/work_pools/count", Needs SeeWorkPools, Read, Nothing, Cloud "";
    POST "/work_pools/{name}/concurrency_status", Needs SeeWorkQueues SeeWorkPools, Read, Nothing, Cloud "";
    POST "/work_pools/{name}/get_scheduled_flow_runs", Needs SeeWorkQueues, Plumbing, Nothing, Cloud "the poll of workers; also marks queues and deployments ready";
    POST "/work_pools/{work_pool_name}/queues", Needs WriteWorkQueues, Change, Nothing, Cloud "";
    GET "/work_pools/{work_pool_name}/queues/{name}", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    PATCH "/work_pools/{work_pool_name}/queues/{name}", Needs WriteWorkQueues, Change, Nothing, Cloud "";
    DELETE "/work_pools/{work_pool_name}/queues/{name}", Needs ManageWorkQueues, Change, Nothing, Cloud "";
    POST "/work_pools/{work_pool_name}/queues/filter", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    POST "/work_pools/{work_pool_name}/workers/heartbeat", Needs WriteWorkers, Plumbing, Nothing, Cloud "registers a worker and keeps it online; clients before 3.8";
    POST "/work_pools/{work_pool_name}/workers/filter", Needs SeeWorkers, Read, Nothing, Cloud "";
    DELETE "/work_pools/{work_pool_name}/workers/{name}", Needs ManageWorkers, Change, Nothing, Cloud "";
    POST "/task_workers/filter", Needs SeeWorkers, Read, Nothing, Cloud "";
    POST "/work_queues/", Needs SeeWorkQueues, Change, Nothing, Cloud "Cloud asks no more than see_work_queues to make one in the default pool; audited";
    PATCH "/work_queues/{id}", Needs WriteWorkQueues, Change, Nothing, Cloud "";
    GET "/work_queues/{id}", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    DELETE "/work_queues/{id}", Needs ManageWorkQueues, Change, Nothing, Cloud "";
    GET "/work_queues/name/{name}", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    POST "/work_queues/{id}/get_runs", Needs SeeWorkQueues, Plumbing, Nothing, Cloud "the poll of old agents; also marks the queue ready";
    POST "/work_queues/filter", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    POST "/work_queues/{id}/concurrency_status", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    GET "/work_queues/{id}/status", Needs SeeWorkQueues, Read, Nothing, Cloud "";
    // --- blocks ---
    POST "/block_types/", Needs ManageBlocks, Change, BlockType, Cloud "";
    GET "/block_types/{id}", Needs SeeBlocks, Read, Nothing, Cloud "";
    PATCH "/block_types/{id}", Needs ManageBlocks, Change, BlockType, Cloud "";
    DELETE "/block_types/{id}", Needs ManageBlocks, Change, Nothing, Cloud "";
    GET "/block_types/slug/{slug}", Needs SeeBlocks, Read, Nothing, Cloud "";
    POST "/block_types/filter", Needs SeeBlocks, Read, Nothing, Cloud "";
    GET "/block_types/slug/{slug}/block_documents", Needs SeeBlocks, Read, SecretsInQuery, Cloud "include_secrets also needs see_secret_blocks, or Prefect is asked for masked values";
    GET "/block_types/slug/{slug}/block_documents/name/{block_document_name}", Needs SeeBlocks, Read, SecretsInQuery, Cloud "include_secrets also needs see_secret_blocks, or Prefect is asked for masked values";
    POST "/block_types/install_system_block_types", Needs ManageBlocks, Change, Nothing, Cloud "";
    POST "/block_documents/", Needs ManageBlocks, Change, Nothing, Cloud "";
    POST "/block_documents/filter", Needs SeeBlocks, Read, SecretsInBody, Cloud "include_secrets in the body also needs see_secret_blocks, or Prefect is asked for masked values";
    POST "/block_documents/count", Needs SeeBlocks, Read, Nothing, Cloud "";
    GET "/block_documents/{id}", Needs SeeBlocks, Read, SecretsInQuery, Cloud "include_secrets also needs see_secret_blocks, or Prefect is asked for masked values";
    DELETE "/block_documents/{id}", Needs ManageBlocks, Change, Nothing, Cloud "";
    PATCH "/block_documents/{id}", Needs ManageBlocks, Change, Nothing, Cloud "";
    POST "/block_schemas/", Needs ManageBlocks, Change, Strict, Cloud "";
    DELETE "/block_schemas/{id}", Needs ManageBlocks, Change, Nothing, Cloud "";
    GET "/block_schemas/{id}", Needs SeeBlocks, Read, Nothing, Cloud "";
    POST "/block_schemas/filter", Needs SeeBlocks, Read, Nothing, Cloud "";
    GET "/block_schemas/checksum/{checksum}", Needs SeeBlocks, Read, Nothing, Cloud "";
    GET "/block_capabilities/", Needs SeeBlocks, Read, Nothing, Cloud "";
    // --- variables and artifacts ---
    POST "/artifacts/", Needs WriteArtifacts, Change, Nothing, Cloud "";
    GET "/artifacts/{id}", Needs SeeArtifacts, Read, Nothing, Cloud "";
    PATCH "/artifacts/{id}", Needs WriteArtifacts, Change, Nothing, Cloud "";
    DELETE "/artifacts/{id}", Needs ManageArtifacts, Change, Nothing, Cloud "";
    GET "/artifacts/{key}/latest", Needs SeeArtifacts, Read, Nothing, Cloud "";
    POST "/artifacts/filter", Needs SeeArtifacts, Read, Nothing, Cloud "";
    POST "/artifacts/latest/filter", Needs SeeArtifacts, Read, Nothing, Cloud "";
    POST "/artifacts/count", Needs SeeArtifacts, Read, Nothing, Cloud "";
    POST "/artifacts/latest/count", Needs SeeArtifacts, Read, Nothing, Cloud "";
    POST "/variables/", Needs WriteVariables, Change, Nothing, Cloud "";
    GET "/variables/{id}", Needs SeeVariables, Read, Nothing, Cloud "";
    PATCH "/variables/{id}", Needs WriteVariables, Change, Nothing, Cloud "";
    DELETE "/variables/{id}", Needs ManageVariables, Change, Nothing, Cloud "";
    GET "/variables/name/{name}", Needs SeeVariables, Read, Nothing, Cloud "";
    PATCH "/variables/name/{name}", Needs WriteVariables, Change, Nothing, Cloud "";
    DELETE "/variables/name/{name}", Needs ManageVariables, Change, Nothing, Cloud "";
    POST "/variables/filter", Needs SeeVariables, Read, Nothing, Cloud "";
    POST "/variables/count", Needs SeeVariables, Read, Nothing, Cloud "";
    // --- concurrency limits ---
    POST "/concurrency_limits/", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    GET "/concurrency_limits/{id}", Needs SeeConcurrencyLimits, Read, Nothing, Cloud "";
    DELETE "/concurrency_limits/{id}", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    GET "/concurrency_limits/tag/{tag}", Needs SeeConcurrencyLimits, Read, Nothing, Cloud "";
    DELETE "/concurrency_limits/tag/{tag}", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    POST "/concurrency_limits/filter", Needs SeeConcurrencyLimits, Read, Nothing, Cloud "";
    POST "/concurrency_limits/tag/{tag}/reset", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    POST "/concurrency_limits/increment", Needs RunFlows, Plumbing, Nothing, Cloud "a slot for old clients' tagged tasks";
    POST "/concurrency_limits/decrement", Needs RunFlows, Plumbing, Nothing, Cloud "returns a slot of old clients' tagged tasks";
    POST "/v2/concurrency_limits/", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    GET "/v2/concurrency_limits/{id_or_name}", Needs SeeConcurrencyLimits, Read, Nothing, Cloud "";
    PATCH "/v2/concurrency_limits/{id_or_name}", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    DELETE "/v2/concurrency_limits/{id_or_name}", Needs ManageConcurrencyLimits, Change, Nothing, Cloud "";
    POST "/v2/concurrency_limits/filter", Needs SeeConcurrencyLimits, Read, Nothing, Cloud "";
    POST "/v2/concurrency_limits/increment", Either ManageConcurrencyLimits TakeConcurrencySlots, Plumbing, Nothing, Cloud "take_concurrency_slots is enough: flows with concurrency() or tagged tasks call it, and delete no limit";
    POST "/v2/concurrency_limits/increment-with-lease", Either ManageConcurrencyLimits TakeConcurrencySlots, Plumbing, Nothing, Cloud "take_concurrency_slots is enough: flows with concurrency() or tagged tasks call it, and delete no limit";
    POST "/v2/concurrency_limits/decrement", Either ManageConcurrencyLimits TakeConcurrencySlots, Plumbing, Nothing, Cloud "take_concurrency_slots is enough: flows with concurrency() or tagged tasks call it, and delete no limit";
    POST "/v2/concurrency_limits/decrement-with-lease", Either ManageConcurrencyLimits TakeConcurrencySlots, Plumbing, Nothing, Cloud "take_concurrency_slots is enough: flows with concurrency() or tagged tasks call it, and delete no limit";
    POST "/v2/concurrency_limits/leases/{lease_id}/renew", Either ManageConcurrencyLimits TakeConcurrencySlots, Plumbing, Nothing, Cloud "take_concurrency_slots is enough: flows with concurrency() or tagged tasks call it, and delete no limit";
    // --- events and automations ---
    POST "/events", Needs ManageEvents, Plumbing, Events, Decided "may forge any event, those of task runs and those that fire automations included; as Cloud asks of its events socket";
    POST "/events/filter", Needs SeeEvents, Read, EventFilter, Decided "a list, asked for with a body; payloads of objects that the caller may not see are left out";
    GET "/events/filter/next", Needs SeeEvents, Read, Nothing, Decided "the next page; its token is unsigned and holds the whole filter, so it needs what the filter needs";
    POST "/events/count-by/{countable}", Needs SeeEvents, Read, EventFilter, Decided "a count, asked for with a body";
    POST "/automations/", Needs ManageAutomations, Change, Automation, Decided "its actions run with the server's authority, so its author needs what each of them needs";
    PUT "/automations/{id}", Needs ManageAutomations, Change, Automation, Decided "its actions run with the server's authority, so its author needs what each of them needs";
    PATCH "/automations/{id}", Needs ManageAutomations, Change, Enabling, Decided "disables, or enables what runs with the server's authority: then it also needs what each of its actions needs";
    DELETE "/automations/{id}", Needs ManageAutomations, Change, Nothing, Decided "takes away alerts and reactions";
    GET "/automations/{id}", Needs SeeAutomations, Read, Nothing, Decided "reads one automation";
    POST "/automations/filter", Needs SeeAutomations, Read, Nothing, Decided "a list, asked for with a body";
    POST "/automations/count", Needs SeeAutomations, Read, Nothing, Decided "a count, asked for with a body";
    GET "/automations/related-to/{resource_id}", Needs SeeAutomations, Read, Nothing, Decided "a list of automations";
    DELETE "/automations/owned-by/{resource_id}", Needs ManageAutomations, Change, Nothing, Decided "deletes automations; every deploy does so to replace its triggers";
    POST "/templates/validate", Needs SeeAutomations, Read, Nothing, Decided "the automation form's syntax check, older address";
    POST "/automations/templates/validate", Needs SeeAutomations, Read, Nothing, Decided "the automation form's syntax check";
    POST "/flow_run_notification_policies/", Needs ManageAutomations, Change, Nothing, Decided "the forerunner of automations; servers before 3.4";
    PATCH "/flow_run_notification_policies/{id}", Needs ManageAutomations, Change, Nothing, Decided "the forerunner of automations; servers before 3.4";
    GET "/flow_run_notification_policies/{id}", Needs SeeAutomations, Read, Nothing, Decided "the forerunner of automations; servers before 3.4";
    DELETE "/flow_run_notification_policies/{id}", Needs ManageAutomations, Change, Nothing, Decided "the forerunner of automations; servers before 3.4";
    POST "/flow_run_notification_policies/filter", Needs SeeAutomations, Read, Nothing, Decided "the forerunner of automations; servers before 3.4";
    // --- saved searches and the UI's own reads ---
    PUT "/saved_searches/", Needs ManageSavedSearch, Change, Strict, Cloud "makes or replaces; shared by everybody";
    GET "/saved_searches/{id}", Needs SeeFlows, Read, Nothing, Cloud "";
    DELETE "/saved_searches/{id}", Needs ManageSavedSearch, Change, Nothing, Cloud "";
    POST "/saved_searches/filter", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/flows/count-deployments", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/flows/next-runs", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/flow_runs/history", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/flow_runs/count-task-runs", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/schemas/validate", Needs SeeVariables, Read, Schema, Decided "its error text reveals the value of any variable that the values refer to; patterns and remote references are taken out, since one can stop the whole server";
    POST "/ui/task_runs/dashboard/counts", Needs SeeFlows, Read, Nothing, Cloud "";
    POST "/ui/task_runs/count", Needs SeeFlows, Read, Nothing, Cloud "";
    GET "/ui/task_runs/{id}", Needs SeeFlows, Read, Nothing, Decided "reads one task run, as GET /task_runs/{id} does";
    // --- the websockets, in no OpenAPI of any version ---
    SOCKET "/events/in", Needs ManageEvents, Plumbing, Events, Decided "Cloud's client names this scope; carries task runs, heartbeats and forgeable events";
    SOCKET "/events/out", Needs SeeEvents, Plumbing, EventFilter, Decided "the live form of POST /events/filter; Cloud's client names manage_events, which is more than reading needs";
    SOCKET "/logs/out", Needs SeeFlows, Plumbing, Nothing, Decided "the live form of POST /logs/filter";
    SOCKET "/task_runs/subscriptions/scheduled", Needs RunTasks, Plumbing, Nothing, Decided "takes background task runs with their parameters; run_tasks is in no other row";
    SOCKET "/work_pools/{work_pool_name}/workers/connect", Needs WriteWorkers SeeWorkPools SeeWorkQueues, Plumbing, Nothing, Decided "heartbeat, pool and queue reads in one socket; its greeting may also make or fill a pool, which needs write_work_pools";
}
