//! Which tables are part of a backup, and why are the others not? A test holds the list against the database.

/// A table, and what a backup makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Taken out and put back whole.
    Whole,
    /// The record: read by pages, and only added to.
    Record,
    /// Of the moment: not taken out, and emptied when a backup is put back.
    Passing,
    /// The database's own bookkeeping, which goes on as it is.
    Bookkeeping,
}

impl Table {
    /// Whether a backup has its rows.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.kind, Kind::Whole | Kind::Record)
    }
}

const fn whole(name: &'static str) -> Table {
    Table { name, kind: Kind::Whole }
}

const fn passing(name: &'static str) -> Table {
    Table { name, kind: Kind::Passing }
}

/// All of them, each after those that it refers to.
pub(super) const TABLES: &[Table] = &[
    Table { name: "changes", kind: Kind::Bookkeeping },
    // First, and so emptied last: whoever finds no mark there reads everything anew.
    passing("moved"),
    whole("meta"),
    whole("principals"),
    whole("passwords"),
    whole("account_admins"),
    whole("roles"),
    whole("max_key_ages"),
    whole("grants"),
    whole("teams"),
    whole("team_members"),
    whole("team_grants"),
    whole("api_keys"),
    whole("mail_addresses"),
    whole("mailed_notices"),
    whole("factors"),
    whole("recovery_codes"),
    whole("factor_roles"),
    whole("automations"),
    whole("bans"),
    whole("external_accounts"),
    whole("managed"),
    // What counts once must not count again because of a backup.
    whole("spent"),
    // A session that was ended since must not live again; people sign in anew.
    passing("sessions"),
    passing("external_sessions"),
    passing("reset_links"),
    passing("device_requests"),
    passing("challenges"),
    // A certificate is issued anew; its key is in no other file.
    passing("acme"),
    Table { name: "audit", kind: Kind::Record },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lictor_model::Clock;

    use super::*;
    use crate::Store;
    use crate::statement::sql;

    #[tokio::test]
    async fn every_table_of_the_database_is_on_the_list() {
        let store = Store::open("sqlite::memory:", Clock::system()).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let there = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'";
        let there = sql(there).fetch(&mut tx, "sqlite_schema").await.unwrap();
        let there: BTreeSet<String> = there.iter().map(|row| row.text("name").unwrap()).collect();
        let listed: BTreeSet<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
        assert_eq!(listed, there, "say in TABLES what a backup makes of each table");
        for (at, table) in TABLES.iter().enumerate() {
            let refers = sql("SELECT \"table\" AS other FROM pragma_foreign_key_list($1)").bind(table.name);
            for row in refers.fetch(&mut tx, table.name).await.unwrap() {
                let other = row.text("other").unwrap();
                assert!(TABLES.iter().take(at).any(|before| before.name == other), "{other} before {}", table.name);
            }
        }
    }
}
