//! On which database is the suite run?

use std::path::PathBuf;

use lictor_model::*;
use lictor_store::*;
use sqlx::Connection as _;

/// A fresh store, and how others reach the same data.
pub(crate) struct Stage {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    _place: Place,
}

/// Where there is no store yet.
pub(crate) struct Place {
    pub(crate) url: String,
    folder: Option<PathBuf>,
}

impl Place {
    pub(crate) async fn memory() -> Self {
        Self { url: "sqlite::memory:".to_owned(), folder: None }
    }

    /// A file in a folder that does not exist yet.
    pub(crate) async fn file() -> Self {
        let folder = std::env::temp_dir().join(format!("lictor-store-{}", uuid::Uuid::new_v4()));
        Self { url: format!("sqlite://{}", folder.join("lictor.db").display()), folder: Some(folder) }
    }

    /// A database of its own on the server of the test run.
    pub(crate) async fn postgres() -> Self {
        let server = std::env::var("LICTOR_TEST_POSTGRES_URL")
            .expect("LICTOR_TEST_POSTGRES_URL is not set: run the tests with `make test`, which starts a PostgreSQL");
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{base}/{name}"), folder: None }
    }
}

impl Place {
    /// Makes the tables as the program of an earlier migration made them.
    pub(crate) async fn migrate_to(&self, version: i64) {
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder).unwrap();
        }
        let migrations = if self.folder.is_some() { "migrations/sqlite" } else { "migrations/postgres" };
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(migrations);
        let mut migrator = sqlx::migrate::Migrator::new(folder).await.unwrap();
        migrator.migrations.to_mut().retain(|migration| migration.version <= version);
        sqlx::any::install_default_drivers();
        let url = if self.folder.is_some() { format!("{}?mode=rwc", self.url) } else { self.url.clone() };
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        migrator.run_direct(None, &mut connection, false).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // It is not there when the test failed before it was made.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Stage {
    pub(crate) async fn at(place: Place) -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000));
        let store = Store::open(&place.url, clock.clone()).await.unwrap();
        Self { store, url: place.url.clone(), clock, _place: place }
    }

    /// Another handle on the same data, as another process has one.
    pub(crate) async fn another(&self) -> Store {
        Store::open(&self.url, self.clock.clone()).await.unwrap()
    }

    pub(crate) async fn add_key(&self, of: &str, secret: &str, label: &str) -> KeyRow {
        let new = NewKey {
            principal: named(of),
            label: label.to_owned(),
            digest: Digest::of(secret.as_bytes()),
            hint: secret.to_owned(),
            expires_at: None,
            narrowing: None,
        };
        self.store.add_key(&By::console(), new).await.unwrap()
    }

    pub(crate) async fn operations(&self) -> Vec<String> {
        let events = self.store.list_audit(AuditFilter::default()).await.unwrap();
        events.into_iter().map(|event| event.operation).collect()
    }

    /// A team with members, and a role everywhere.
    pub(crate) async fn add_team(&self, name: &str, members: &[&str], with: Option<&str>) -> Team {
        let by = By::console();
        let made = self.store.add_team(&by, team(name), "").await.unwrap();
        let members: Vec<_> = members.iter().map(|name| named(name)).collect();
        self.store.add_members(&by, &team(name), &members).await.unwrap();
        if let Some(with) = with {
            self.store.add_team_grant(&by, &team(name), role(with), Scope::Everywhere).await.unwrap();
        }
        made
    }

    pub(crate) async fn add_user(&self, name: &str, role: Option<&str>) -> Result<Principal, StoreError> {
        self.store.add_principal(&By::console(), new_user(name, role)).await
    }
}

pub(crate) fn named(name: &str) -> PrincipalName {
    PrincipalName::parse(name).unwrap()
}

pub(crate) fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

pub(crate) fn team(name: &str) -> TeamName {
    TeamName::parse(name).unwrap()
}

pub(crate) fn empty_role(name: &str) -> Role {
    Role {
        name: role(name),
        description: String::new(),
        base: None,
        permissions: PermissionSet::EMPTY,
        built_in: false,
    }
}

pub(crate) fn new_user(name: &str, with: Option<&str>) -> NewPrincipal {
    NewPrincipal {
        kind: PrincipalKind::User,
        name: named(name),
        password: Some(("$hash".to_owned(), true)),
        role: with.map(|with| (role(with), Scope::Everywhere)),
    }
}

/// Runs a statement without the store in between.
pub(crate) async fn execute(url: &str, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await?;
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    connection.close().await
}
