//! Is what a backup took out put back, in either database, whole and nothing else?

use lictor_model::*;
use lictor_store::*;

use crate::stage::{Place, Stage, named};

async fn taken(stage: &Stage) -> (Vec<u8>, BackedUp) {
    let mut file = Vec::new();
    let summary = stage.store.back_up(&By::console(), &mut file).await.unwrap();
    (file, summary)
}

fn people(directory: &Directory) -> Vec<&str> {
    let mut names: Vec<&str> = directory.principals.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    names
}

pub(crate) async fn what_was_taken_out_is_put_back_into_another_database(stage: Stage) {
    stage.add_user("alice", Some("owner")).await.unwrap();
    stage.add_user("bob", Some("viewer")).await.unwrap();
    stage.store.set_admin(&By::console(), &named("bob"), true).await.unwrap();
    let kept = stage.add_key("alice", "one!", "caf\u{e9} \"x\"\n").await.id;
    let (file, summary) = taken(&stage).await;
    assert_eq!((summary.rows["principals"], summary.rows["api_keys"], summary.rows["grants"]), (2, 1, 2));
    let before = stage.store.load_directory().await.unwrap();
    for place in [Place::memory().await, Place::file().await, Place::postgres().await] {
        let other = Stage::at(place).await;
        let restored = other.store.restore(&By::console(), file.as_slice(), false).await.unwrap();
        assert_eq!((restored.still_revoked, &restored.rows), (0, &summary.rows));
        let after = other.store.load_directory().await.unwrap();
        assert_eq!((people(&after), after.keys.len()), (people(&before), 1));
        assert_eq!((&after.keys[0].id, &after.keys[0].label), (&kept, &before.keys[0].label));
        assert_eq!(after.assignments, before.assignments);
        let operations = other.operations().await;
        assert!(
            operations.iter().any(|one| one == "store.restore") && operations.iter().any(|one| one == "store.backup")
        );
        assert!(operations.iter().any(|one| one == "user.add"), "the record came along: {operations:?}");
        let (again, _) = taken(&other).await;
        assert!(again.len() > file.len(), "and it can be taken out again");
    }
}

pub(crate) async fn what_is_there_is_replaced_only_when_told_so_and_what_was_revoked_stays_so(stage: Stage) {
    let by = By::console();
    stage.add_user("alice", Some("owner")).await.unwrap();
    let (good, leaked) = (stage.add_key("alice", "good", "").await.id, stage.add_key("alice", "leak", "").await.id);
    let (file, _) = taken(&stage).await;
    stage.clock.advance(60);
    stage.add_user("late", Some("viewer")).await.unwrap();
    stage.store.revoke_key(&by, leaked.as_str()).await.unwrap();
    stage.store.set_disabled(&by, &named("late"), true).await.unwrap();
    let events = stage.operations().await;
    let versions = stage.store.versions().await.unwrap();
    let refused = stage.store.restore(&by, file.as_slice(), false).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(2))), "{refused:?}");
    assert_eq!((stage.store.versions().await.unwrap(), stage.operations().await), (versions, events.clone()));
    stage.store.meta_set("tables-serve-from", "14").await.unwrap();
    let restored = stage.store.restore(&by, file.as_slice(), true).await.unwrap();
    assert_eq!(stage.store.meta_get("tables-serve-from").await.unwrap().as_deref(), Some("14"), "the tables' own word");
    assert_eq!(restored.still_revoked, 1);
    assert_eq!(restored.rows.get("audit").copied().unwrap_or_default(), 0, "all of its events are there");
    let now = stage.store.load_directory().await.unwrap();
    assert_eq!(people(&now), ["alice"]);
    let revoked = |id: &CredentialId| now.keys.iter().find(|key| key.id == *id).unwrap().revoked_at.is_some();
    assert!(revoked(&leaked) && !revoked(&good));
    let after = stage.store.versions().await.unwrap();
    assert!(after.directory > versions.directory && after.sessions > versions.sessions && after.bans > versions.bans);
    assert_eq!(stage.operations().await.len(), events.len() + 1, "the record is only added to");
}

pub(crate) async fn a_damaged_or_newer_backup_changes_nothing(stage: Stage) {
    let by = By::console();
    stage.add_user("alice", Some("owner")).await.unwrap();
    let (file, _) = taken(&stage).await;
    let text = String::from_utf8(file).unwrap();
    let before = (stage.store.versions().await.unwrap(), stage.operations().await);
    let cut: String = text.lines().take(text.lines().count() - 1).map(|line| format!("{line}\n")).collect();
    for (bad, newer) in [
        (text.replace("\"alice\"", "\"mallory\""), false),
        (cut, false),
        (text.replacen("\"tables_version\":", "\"tables_version\":9", 1), true),
        (text.replace("\"kind\"", "\"kind_of\""), false),
        (text.replace("\"principals\"", "\"_sqlx_migrations\""), false),
        (String::new(), false),
    ] {
        let refused = stage.store.restore(&by, bad.as_bytes(), true).await;
        match refused {
            Err(BackupError::Newer { .. }) if newer => {}
            Err(BackupError::Damaged { .. }) if !newer => {}
            other => panic!("{other:?}"),
        }
        assert_eq!((stage.store.versions().await.unwrap(), stage.operations().await), before);
    }
    assert_eq!(people(&stage.store.load_directory().await.unwrap()), ["alice"]);
}
