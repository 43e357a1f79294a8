//! Does whoever reads only what moved know all that whoever reads everything knows?

use crate::stage::*;
use lictor_model::*;
use lictor_store::*;

/// What a replica holds, brought forward by parts.
struct Replica(Directory);

impl Replica {
    /// Reads on, and holds what it has against everything; answers of how many principals it read.
    async fn follow(&mut self, store: &Store, after: &str) -> Option<usize> {
        let mut read = store.load_directory_since(self.0.version).await.unwrap();
        let part = read.part.take();
        match &part {
            None => self.0 = read,
            Some(part) => self.merge(read, part),
        }
        let whole = store.load_directory().await.unwrap();
        assert_eq!(sorted(&self.0), sorted(&whole), "after {after}");
        part.map(|part| part.of.len())
    }

    fn merge(&mut self, read: Directory, part: &Part) {
        let old = &mut self.0;
        let stays = |id: &PrincipalId| !part.of.contains(id);
        old.principals.retain(|one| stays(&one.id));
        old.passwords.retain(|one| stays(&one.principal));
        old.factor_owners.retain(stays);
        old.keys.retain(|one| stays(&one.principal));
        let mut now = read.assignments;
        if !part.has_access_of_all {
            let before = std::mem::take(&mut old.assignments);
            now.grants.extend(before.grants.into_iter().filter(|one| stays(&one.principal)));
            now.memberships.extend(before.memberships.into_iter().filter(|one| stays(&one.principal)));
            now.admins.extend(before.admins.into_iter().filter(stays));
        }
        old.assignments = now;
        old.principals.extend(read.principals);
        old.passwords.extend(read.passwords);
        old.factor_owners.extend(read.factor_owners);
        old.keys.extend(read.keys);
        old.version = read.version;
    }
}

/// In one order, with the text of each thing.
fn sorted(directory: &Directory) -> Vec<String> {
    let all = &directory.assignments;
    let mut texts: Vec<String> = vec![format!("version {}", directory.version)];
    texts.extend(directory.principals.iter().map(|one| format!("{one:?}")));
    texts.extend(directory.passwords.iter().map(|one| format!("{} {} {}", one.principal, one.hash, one.must_change)));
    texts.extend(directory.factor_owners.iter().map(|one| format!("factor {one}")));
    texts.extend(directory.keys.iter().map(|one| format!("{:?}", KeyRow { last_used: None, ..one.clone() })));
    texts.extend(all.roles.iter().map(|one| format!("{one:?}")));
    texts.extend(all.grants.iter().map(|one| format!("{one:?}")));
    texts.extend(all.teams.iter().map(|one| format!("{one:?}")));
    texts.extend(all.memberships.iter().map(|one| format!("{one:?}")));
    texts.extend(all.team_grants.iter().map(|one| format!("{one:?}")));
    texts.extend(all.key_ages.iter().map(|one| format!("{one:?}")));
    texts.extend(all.admins.iter().map(|one| format!("admin {one}")));
    texts.extend(all.factor_roles.iter().map(|one| format!("factor role {one}")));
    texts.sort();
    texts
}

async fn replica(stage: &Stage) -> Replica {
    Replica(stage.store.load_directory().await.unwrap())
}

pub(crate) async fn a_change_of_somebody_is_read_without_everybody(stage: Stage) {
    let by = By::console();
    stage.add_user("root", Some("owner")).await.unwrap();
    stage.add_user("bob", Some("viewer")).await.unwrap();
    stage.add_key("bob", "k-bob", "his").await;
    let mut replica = replica(&stage).await;
    macro_rules! after {
        ($what:literal, $of:expr, $change:expr) => {{
            $change.await.unwrap();
            // Those of the version before are read once more.
            let read = replica.follow(&stage.store, $what).await;
            assert!(read.is_some_and(|read| read <= $of), "{}: {read:?}", $what);
        }};
    }
    after!("a user", 2, stage.add_user("alice", Some("viewer")));
    let key = stage.add_key("alice", "k-one", "first").await;
    assert_eq!(replica.follow(&stage.store, "a key").await, Some(1));
    after!("a key out of use", 1, stage.store.set_key_disabled(&by, key.id.as_str(), true));
    after!("a key in use again", 1, stage.store.set_key_disabled(&by, key.id.as_str(), false));
    let secret = NewSecret { digest: Digest::of(b"next"), hint: "next".to_owned() };
    after!("a rotation", 1, stage.store.rotate_key(&by, key.id.as_str(), secret, 60));
    after!("a revoked key", 1, stage.store.revoke_key(&by, key.id.as_str()));
    after!("a leak", 2, stage.store.revoke_leaked_key(&by, &Digest::of(b"k-bob")));
    after!("a password", 2, stage.store.set_password(&by, &named("alice"), "$other", false));
    after!("a grant", 2, stage.store.add_grant(&by, &named("bob"), role("runner"), Scope::Everywhere));
    after!("no grant", 2, stage.store.remove_grant(&by, &named("bob"), &role("runner"), &Scope::Everywhere));
    after!("an admin", 2, stage.store.set_admin(&by, &named("alice"), true));
    after!("no admin", 2, stage.store.set_admin(&by, &named("alice"), false));
    after!("a disabled user", 2, stage.store.set_disabled(&by, &named("bob"), true));
    after!("an enabled user", 2, stage.store.set_disabled(&by, &named("bob"), false));
    after!("a removed user", 2, stage.store.remove_principal(&by, &named("bob")));
    after!("another of the name", 2, stage.add_user("bob", None));
}

pub(crate) async fn what_concerns_many_is_read_too(stage: Stage) {
    let by = By::console();
    stage.add_user("root", Some("owner")).await.unwrap();
    for name in ["alice", "bob"] {
        stage.add_user(name, None).await.unwrap();
        stage.add_key(name, &format!("k-{name}"), "a key").await;
    }
    let mut replica = replica(&stage).await;
    macro_rules! after {
        ($what:literal, $change:expr) => {{
            $change.await.unwrap();
            replica.follow(&stage.store, $what).await
        }};
    }
    let names = [named("alice"), named("bob")];
    after!("a team", stage.store.add_team(&by, team("data"), ""));
    after!("members", stage.store.add_members(&by, &team("data"), &names));
    after!("its role", stage.store.add_team_grant(&by, &team("data"), role("viewer"), Scope::Everywhere));
    after!("a role", stage.store.add_role(&by, empty_role("own")));
    let told = Role { description: "told".to_owned(), ..empty_role("own") };
    after!("a changed role", stage.store.change_role(&by, &told));
    after!("a duty", stage.store.set_factor_role(&by, &role("own"), true));
    let bounded = after!("an age", stage.store.set_max_key_age(&by, &role("viewer"), Some(30)));
    assert_eq!(bounded, None, "it ends the keys of many");
    after!("out of the team", stage.store.remove_members(&by, &team("data"), &names[..1]));
    after!("another role of the team", stage.store.add_team_grant(&by, &team("data"), role("own"), Scope::Everywhere));
    after!("no age", stage.store.set_max_key_age(&by, &role("viewer"), None));
    after!("no team", stage.store.remove_team(&by, &team("data")));
    after!("no role", stage.store.remove_role(&by, &role("own")));
}

pub(crate) async fn whoever_is_too_far_behind_or_misses_a_version_reads_everything(stage: Stage) {
    stage.add_user("root", Some("owner")).await.unwrap();
    let mut behind = replica(&stage).await;
    for _ in 0..3 {
        execute(&stage.url, "UPDATE changes SET version = version + 1 WHERE name = 'directory'").await.unwrap();
    }
    assert!(behind.follow(&stage.store, "versions about nobody").await.is_some_and(|read| read <= 1));
    // A row that somebody changed by hand, and told of in a version of its own.
    let mut other = replica(&stage).await;
    execute(&stage.url, "UPDATE principals SET disabled = 1").await.unwrap();
    execute(&stage.url, "UPDATE changes SET version = version + 1 WHERE name = 'directory'").await.unwrap();
    assert_eq!(other.follow(&stage.store, "a change by hand").await, Some(1));
    let mut missing = replica(&stage).await;
    stage.add_user("alice", None).await.unwrap();
    execute(&stage.url, "DELETE FROM moved WHERE what = 'version'").await.unwrap();
    assert_eq!(missing.follow(&stage.store, "a version without a mark").await, None);
    let mut far = replica(&stage).await;
    for _ in 0..3 {
        execute(&stage.url, "UPDATE changes SET version = version + 400 WHERE name = 'directory'").await.unwrap();
    }
    assert_eq!(far.follow(&stage.store, "many versions").await, None);
}
