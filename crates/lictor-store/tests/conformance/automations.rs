//! Is it known who answers for each automation?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

fn row(id: &str, owner: &str) -> AutomationRow {
    AutomationRow {
        id: id.to_owned(),
        workspace: "main".into(),
        name: format!("name of {id}"),
        owner_resource: String::new(),
        principal: PrincipalId::from(owner),
        principal_name: owner.to_owned(),
        demands: Demands::parse("run_deployments write_deployments|write_schedules").unwrap(),
        saved_at: Timestamp::from_micros(7),
    }
}

async fn change(stage: &Stage, change: AutomationChange) {
    // Twice, as after a commit whose answer was lost.
    for _ in 0..2 {
        stage.store.append_changes(&[], std::slice::from_ref(&change)).await.unwrap();
    }
}

pub(crate) async fn an_automation_belongs_to_whoever_saved_it_last_until_it_is_deleted(stage: Stage) {
    change(&stage, AutomationChange::Saved(row("a", "alice"))).await;
    change(&stage, AutomationChange::Saved(row("b", "alice"))).await;
    change(&stage, AutomationChange::Saved(AutomationRow { workspace: "other".into(), ..row("a", "carol") })).await;
    let bobs = AutomationRow { demands: Demands::default(), ..row("a", "bob") };
    change(&stage, AutomationChange::Saved(bobs.clone())).await;
    let main = WorkspaceName::from("main");
    assert_eq!(stage.store.list_automations(Some(&main)).await.unwrap(), [bobs, row("b", "alice")]);
    change(&stage, AutomationChange::Removed { workspace: main.clone(), id: "a".to_owned() }).await;
    let left = stage.store.list_automations(None).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| (row.workspace.as_str(), row.id.as_str())).collect();
    assert_eq!(left, [("main", "b"), ("other", "a")]);
}

pub(crate) async fn the_automations_of_a_deployment_go_together(stage: Stage) {
    let deployment = "prefect.deployment.1".to_owned();
    let of = |row: AutomationRow, resource: &str| AutomationRow { owner_resource: resource.to_owned(), ..row };
    for saved in [of(row("a", "ci"), &deployment), of(row("b", "ci"), "prefect.deployment.2"), row("c", "ci")] {
        change(&stage, AutomationChange::Saved(saved)).await;
    }
    // A later change names no resource, and does not free it from the one that it has.
    change(&stage, AutomationChange::Saved(row("a", "alice"))).await;
    let main = WorkspaceName::from("main");
    for owner_resource in [String::new(), deployment] {
        change(&stage, AutomationChange::RemovedOf { workspace: main.clone(), owner_resource }).await;
    }
    let left = stage.store.list_automations(None).await.unwrap();
    assert_eq!(left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

pub(crate) async fn an_owner_stays_on_record_when_removed(stage: Stage) {
    let alice = stage.add_user("alice", Some("viewer")).await.unwrap();
    let saved = AutomationRow { principal: alice.id, ..row("a", "alice") };
    change(&stage, AutomationChange::Saved(saved.clone())).await;
    stage.store.remove_principal(&By::console(), &named("alice")).await.unwrap();
    assert_eq!(stage.store.list_automations(None).await.unwrap(), [saved]);
}
