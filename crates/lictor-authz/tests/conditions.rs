//! Is every fact found, however it is spelled, and does an ordinary body pass?

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on must stop")]

use std::sync::Arc;

use lictor_authz::matcher::find;
use lictor_authz::{AccessView, CanonicalPath, Permit, Verb, decide};
use lictor_model::{
    Assignments, CredentialId, CredentialKind, CredentialRef, Grant, GrantId, Identity, Permission, PermissionSet,
    Principal, PrincipalId, PrincipalKind, PrincipalName, Role, RoleName, Scope, Source, Timestamp, WorkspaceName,
};
use serde_json::{Value, json};

/// A permit of somebody who holds exactly these permissions.
fn permit(held: &[Permission], verb: Verb, path: &str) -> Permit {
    let role = Role {
        name: RoleName::parse("tested").unwrap(),
        description: String::new(),
        base: None,
        permissions: PermissionSet::of(held),
        built_in: false,
    };
    let principal = Principal {
        id: PrincipalId::from("p"),
        kind: PrincipalKind::ServiceAccount,
        name: PrincipalName::parse("p").unwrap(),
        disabled: false,
        created_at: Timestamp::default(),
    };
    let grant = Grant {
        id: GrantId::from("g"),
        principal: principal.id.clone(),
        role: role.name.clone(),
        scope: Scope::Everywhere,
        source: Source::ByHand,
        created_at: Timestamp::default(),
    };
    let credential = CredentialRef { kind: CredentialKind::Key, id: CredentialId::from("k") };
    let identity = Identity { principal: Arc::new(principal), credential, narrowing: None, viewing: None };
    let path = CanonicalPath::parse(path).unwrap();
    let matched = find(verb, path.below("/api").unwrap()).unwrap();
    let access = AccessView::build(&Assignments { roles: vec![role], grants: vec![grant], ..Assignments::default() });
    decide(&matched, Some(&identity), &access, &WorkspaceName::from("w")).unwrap()
}

/// What the body lacks; nothing when it passes.
fn lacks(held: &[Permission], verb: Verb, path: &str, body: &Value) -> Vec<Permission> {
    let checked = permit(held, verb, path).check_body(body);
    checked.err().map(|denial| denial.lacking.iter().collect()).unwrap_or_default()
}

const RUN: &str = "/api/deployments/d/create_flow_run";

#[test]
fn a_runner_sets_parameters_and_never_the_infrastructure() {
    let runner = [Permission::RunDeployments, Permission::SeeVariables];
    let scheduled =
        json!({"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-01-01T00:00:00Z"}, "data": null});
    for body in [
        json!(null),
        json!({}),
        json!({"parameters": {"job_variables": {"command": "x"}, "work_queue_name": "q"}, "tags": ["a"], "name": "n"}),
        json!({"job_variables": {}, "work_queue_name": null, "infrastructure_document_id": null}),
        json!({"state": scheduled, "enforce_parameter_schema": true, "idempotency_key": "k", "parent_task_run_id": null}),
    ] {
        assert_eq!(lacks(&runner, Verb::Post, RUN, &body), [], "{body}");
    }
    for body in [
        json!({"job_variables": {"command": "id"}}),
        json!({"job_variables": "{}"}),
        json!({"job_variables": [["command", "id"]]}),
        json!({"work_queue_name": "other"}),
        json!({"work_queue_name": ""}),
        json!({"infrastructure_document_id": "b"}),
        json!({"enforce_parameter_schema": false}),
        json!({"enforce_parameter_schema": "no"}),
        json!({"enforce_parameter_schema": null}),
        json!({"state": {"type": "COMPLETED"}}),
        json!({"state": {"type": "scheduled"}}),
        json!({"state": {}}),
        json!({"state": "SCHEDULED"}),
        json!({"state": {"type": "PENDING", "data": {"type": "reference"}}}),
        json!([{}, {"job_variables": {"command": "id"}}]),
        json!({"flow_runs": [{"work_queue_name": "other"}]}),
    ] {
        for path in [RUN, "/api/deployments/d/create_flow_run/bulk"] {
            assert_eq!(lacks(&runner, Verb::Post, path, &body), [Permission::ReconfigureFlowRuns], "{body}");
        }
    }
}

#[test]
fn a_run_under_anothers_task_would_set_that_tasks_states() {
    let body = json!({"parent_task_run_id": "t"});
    for path in [RUN, "/api/deployments/d/create_flow_run/bulk"] {
        assert_eq!(lacks(&[Permission::RunDeployments], Verb::Post, path, &body), [Permission::RunFlows]);
        assert_eq!(lacks(&[Permission::RunDeployments, Permission::RunFlows], Verb::Post, path, &body), []);
    }
}

#[test]
fn a_search_through_payloads_needs_what_shows_them() {
    let search = json!({"filter": {"text": {"query": "secret"}}, "limit": 50});
    let viewer = lictor_authz::roles::built_in().iter().find(|role| role.name.as_str() == "viewer").unwrap();
    let sees: Vec<Permission> = viewer.permissions.iter().collect();
    for path in ["/api/events/filter", "/api/events/count-by/day"] {
        let lacking = lacks(&[Permission::SeeEvents], Verb::Post, path, &search);
        assert!(lacking.contains(&Permission::SeeVariables), "{lacking:?}");
        assert_eq!(lacks(&sees, Verb::Post, path, &search), []);
        for body in [json!(null), json!({}), json!({"filter": null}), json!({"filter": {"text": null, "id": {}}})] {
            assert_eq!(lacks(&[Permission::SeeEvents], Verb::Post, path, &body), [], "{body}");
        }
    }
}

#[test]
fn a_block_types_links_run_no_script() {
    let registers = [Permission::ManageBlocks];
    for body in [
        json!({"name": "x", "slug": "x", "documentation_url": "https://docs.example/x", "logo_url": "data:image/png;base64,AA"}),
        json!({"documentation_url": null, "logo_url": ""}),
    ] {
        assert_eq!(lacks(&registers, Verb::Post, "/api/block_types/", &body), [], "{body}");
    }
    for body in [
        json!({"documentation_url": "javascript:alert(1)"}),
        json!({"documentation_url": " \tJavaScript:alert(1)"}),
        json!({"documentation_url": "data:text/html,x"}),
        json!({"logo_url": "javascript:alert(1)"}),
        json!({"logo_url": ["https://x"]}),
    ] {
        for (verb, path) in [(Verb::Post, "/api/block_types/"), (Verb::Patch, "/api/block_types/b")] {
            assert_eq!(lacks(&registers, verb, path, &body), [Permission::WriteWorkspaceSettings], "{body}");
        }
    }
}

#[test]
fn a_variable_in_other_clothes_needs_the_right_to_see_variables() {
    let kind = json!({"parameters": {"a": [{"b": {"__prefect_kind": "workspace_variable", "variable_name": "x"}}]}});
    assert_eq!(lacks(&[Permission::RunDeployments], Verb::Post, RUN, &kind), [Permission::SeeVariables]);
    assert_eq!(lacks(&[Permission::RunDeployments, Permission::SeeVariables], Verb::Post, RUN, &kind), []);
    let schedules = "/api/deployments/d/schedules";
    let body = json!([{"schedule": {"interval": 60}, "parameters": {"x": {"__prefect_kind": "jinja"}}}]);
    assert_eq!(lacks(&[Permission::WriteSchedules], Verb::Post, schedules, &body), [Permission::SeeVariables]);
}

#[test]
fn whoever_runs_flows_starts_no_run_elsewhere() {
    let engine = [Permission::RunFlows, Permission::SeeVariables];
    let subflow = json!({"flow_id": "f", "parameters": {}, "state": {"type": "PENDING"}, "parent_task_run_id": "t"});
    assert_eq!(lacks(&engine, Verb::Post, "/api/flow_runs/", &subflow), []);
    for body in
        [json!({"flow_id": "f", "work_pool_name": "p"}), json!({"flow_id": "f", "job_variables": {"command": "id"}})]
    {
        assert_eq!(lacks(&engine, Verb::Post, "/api/flow_runs/", &body), [Permission::ReconfigureFlowRuns]);
        assert_eq!(lacks(&engine, Verb::Patch, "/api/flow_runs/r", &body), [Permission::ReconfigureFlowRuns]);
    }
    assert_eq!(lacks(&engine, Verb::Patch, "/api/flow_runs/r", &json!({"infrastructure_pid": "1", "name": "n"})), []);
}

#[test]
fn who_controls_runs_forges_no_state() {
    let path = "/api/flow_runs/r/set_state";
    for kind in ["CANCELLING", "PAUSED", "SCHEDULED"] {
        let body = json!({"state": {"type": kind, "name": "x", "message": "m"}, "force": false});
        assert_eq!(lacks(&[Permission::ControlFlowRuns], Verb::Post, path, &body), [], "{kind}");
    }
    for body in [
        json!({"state": {"type": "COMPLETED"}}),
        json!({"state": {"type": "cancelling"}}),
        json!({"state": {"type": "CANCELLING"}, "force": true}),
        json!({"state": {"type": "CANCELLING"}, "force": 1}),
        json!({"state": {"type": "CANCELLING"}, "force": "yes"}),
        json!({"state": {"type": "SCHEDULED", "data": {"storage_key": "x"}}}),
    ] {
        assert_eq!(lacks(&[Permission::ControlFlowRuns], Verb::Post, path, &body), [Permission::RunFlows], "{body}");
        assert_eq!(lacks(&[Permission::RunFlows], Verb::Post, path, &body), [], "{body}");
    }
}

#[test]
fn a_filter_without_ids_is_the_whole_workspace() {
    for (kind, path) in [
        ("flow_runs", "/api/flow_runs/bulk_delete"),
        ("flows", "/api/flows/bulk_delete"),
        ("deployments", "/api/deployments/bulk_delete"),
    ] {
        let all = [Permission::ManageFlows, Permission::ManageDeployments];
        let named = json!({kind: {"id": {"any_": ["a"]}, "operator": "and_"}, "limit": 5});
        assert_eq!(lacks(&all, Verb::Post, path, &named), [], "{path}");
        for body in [
            json!(null),
            json!({}),
            json!({kind: null}),
            json!({kind: {}}),
            json!({kind: {"id": {"any_": []}}}),
            json!({kind: {"id": {"not_any_": ["a"]}}}),
            json!({kind: {"id": {"any_": ["a"]}, "operator": "or_", "name": {"like_": ""}}}),
            json!({kind: {"id": {"any_": ["a"]}, "operator": 1}}),
            json!({"other": {"id": {"any_": ["a"]}}}),
        ] {
            assert_eq!(lacks(&all, Verb::Post, path, &body), [Permission::WriteWorkspaceSettings], "{path} {body}");
        }
    }
}

#[test]
fn who_writes_schedules_touches_no_code() {
    let path = "/api/deployments/d";
    let held = [Permission::WriteSchedules, Permission::SeeVariables];
    assert_eq!(lacks(&held, Verb::Patch, path, &json!({"paused": true, "schedules": []})), []);
    for body in [json!({"entrypoint": "x"}), json!({"paused": true, "job_variables": {}}), json!(null), json!([])] {
        assert_eq!(lacks(&held, Verb::Patch, path, &body), [Permission::WriteDeployments], "{body}");
    }
    assert_eq!(lacks(&[Permission::WriteDeployments], Verb::Patch, path, &json!({"entrypoint": "x"})), []);
}

#[test]
fn an_automation_does_nothing_that_its_author_may_not() {
    let author = [Permission::ManageAutomations];
    let with = |key: &str, action: Value| json!({"name": "a", "trigger": {}, key: [{"type": "do-nothing"}, action]});
    for (action, needed) in [
        (json!({"type": "run-deployment"}), Permission::RunDeployments),
        (json!({"type": "pause-deployment"}), Permission::WriteSchedules),
        (json!({"type": "pause-work-pool"}), Permission::WriteWorkPools),
        (json!({"type": "resume-work-queue"}), Permission::WriteWorkQueues),
        (json!({"type": "cancel-flow-run"}), Permission::ControlFlowRuns),
        (json!({"type": "change-flow-run-state", "state": "COMPLETED"}), Permission::RunFlows),
        (json!({"type": "delete-flow-run"}), Permission::ManageFlows),
        (json!({"type": "call-webhook", "block_document_id": "b"}), Permission::SeeSecretBlocks),
        (json!({"type": "do-nothing", "name": "{{ variables }}"}), Permission::SeeVariables),
        (json!({"type": "new-in-prefect-4"}), Permission::WriteWorkspaceSettings),
        (json!({"type": 5}), Permission::WriteWorkspaceSettings),
        (json!({}), Permission::WriteWorkspaceSettings),
    ] {
        for key in ["actions", "actions_on_trigger", "actions_on_resolve"] {
            let body = with(key, action.clone());
            assert_eq!(lacks(&author, Verb::Post, "/api/automations/", &body), [needed], "{body}");
            assert_eq!(lacks(&author, Verb::Put, "/api/automations/x", &body), [needed], "{body}");
        }
    }
    let runs = [Permission::ManageAutomations, Permission::RunDeployments];
    let reconfigures = with("actions", json!({"type": "run-deployment", "job_variables": {"command": "id"}}));
    assert_eq!(lacks(&runs, Verb::Post, "/api/automations/", &reconfigures), [Permission::ReconfigureFlowRuns]);
    assert_eq!(
        lacks(&author, Verb::Post, "/api/automations/", &with("actions", json!({"type": "pause-automation"}))),
        []
    );
}

#[test]
fn who_enables_an_automation_needs_what_it_does() {
    let stored = json!({"id": "x", "name": "a", "enabled": false, "actions": [{"type": "run-deployment"}]});
    let path = "/api/automations/x";
    assert_eq!(lacks(&[Permission::ManageAutomations], Verb::Patch, path, &stored), [Permission::RunDeployments]);
    let author = [Permission::ManageAutomations, Permission::RunDeployments];
    assert_eq!(lacks(&author, Verb::Patch, path, &stored), []);
    // Nor by way of an automation of one's own.
    let resumes = json!({"name": "b", "trigger": {}, "actions": [{"type": "resume-automation"}]});
    assert!(!lacks(&author, Verb::Post, "/api/automations/", &resumes).is_empty());
}

#[test]
fn what_a_body_needs_is_told_whether_it_is_held_or_not() {
    let demands = |verb, path, held: Permission, body: Value| permit(&[held], verb, path).demands(&body).to_text();
    let run = json!({"job_variables": {"a": 1}, "work_queue_name": "q", "enforce_parameter_schema": false});
    for held in [Permission::RunDeployments, Permission::ReconfigureFlowRuns] {
        let by = permit(&[Permission::RunDeployments, held], Verb::Post, RUN);
        assert_eq!(by.demands(&run).to_text(), "reconfigure_flow_runs");
    }
    assert_eq!(demands(Verb::Post, RUN, Permission::RunDeployments, json!({"name": "n"})), "nothing");
    let pauses = json!({"actions": [{"type": "pause-deployment"}, {"type": "send-notification", "body": "{{ x }}"}]});
    assert_eq!(
        demands(Verb::Post, "/api/automations/", Permission::ManageAutomations, pauses),
        "write_deployments|write_schedules see_secret_blocks see_variables"
    );
}
