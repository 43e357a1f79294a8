//! How is a store opened? By its URL: the file is made if need be, and the tables brought up to date.

use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use lictor_model::Clock;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgConnection, SqlitePool};

use crate::Store;
use crate::error::StoreError;
use crate::pool::Pool;

static SQLITE: LazyLock<Migrator> = LazyLock::new(|| tolerant(sqlx::migrate!("migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| tolerant(sqlx::migrate!("migrations/postgres")));

/// Where a newer program says for which older ones its tables still serve.
const SERVE_FROM: &str = "SELECT value FROM meta WHERE name = 'tables-serve-from'";
const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// How long a caller waits for a connection before the store counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long apart a file is tried that another process is opening.
const BETWEEN_OPENINGS: Duration = Duration::from_millis(50);

impl Store {
    /// Opens `sqlite:///absolute/path.db`, `sqlite::memory:` or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::File`], [`StoreError::Migration`], or [`StoreError::Unavailable`].
    pub async fn open(url: &str, clock: Clock) -> Result<Self, StoreError> {
        let pool = match url.split_once(':') {
            Some(("sqlite", ":memory:")) => open_memory().await?,
            Some(("sqlite", _)) => open_file(url).await?,
            Some(("postgres" | "postgresql", _)) => open_postgres(url).await?,
            _ => return Err(StoreError::Url(without_secret(url))),
        };
        Ok(Self { pool, clock, guard: None })
    }
}

async fn open_memory() -> Result<Pool, StoreError> {
    // The database is the connection: it must stay the only one, and must never be renewed.
    let options = SqliteConnectOptions::from_str("sqlite::memory:")?.foreign_keys(true);
    let one = SqlitePoolOptions::new().min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = one.acquire_timeout(PATIENCE).connect_with(options).await?;
    migrate_sqlite(&pool).await?;
    Ok(Pool::Sqlite { write: pool.clone(), read: pool })
}

async fn open_file(url: &str) -> Result<Pool, StoreError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|_| StoreError::Url(url.to_owned()))?;
    create(options.get_filename())?;
    let options = options
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode, NORMAL loses commits when the power fails: an answered change must not be one of them.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        .foreign_keys(true);
    let write = open_writer(&options).await?;
    let read = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(PATIENCE).connect_lazy_with(options);
    Ok(Pool::Sqlite { write, read })
}

/// Turning a file to WAL asks for its lock without waiting, so of several processes that open a new file at once some
/// are told that it is busy.
async fn open_writer(options: &SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let opened = async {
            let pool = pool.connect_with(options.clone()).await?;
            migrate_sqlite(&pool).await?;
            Ok(pool)
        };
        match opened.await {
            Err(StoreError::Unavailable(_)) if Instant::now() < deadline => {}
            opened => return opened,
        }
        tokio::time::sleep(BETWEEN_OPENINGS).await;
    }
}

/// All migrations in one transaction that holds the write lock from its first word, for `SQLite` has no advisory locks:
/// a second opener waits, and then finds nothing to do.
async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    // Not `run`: its future is not `Send`, so that a store could not be opened in a spawned task.
    SQLITE.run_direct(None, &mut *tx, false).await.map_err(migration)?;
    let newest: i64 = sqlx::query_scalar(NEWEST).fetch_one(&mut *tx).await?;
    let serve_from: Option<String> = sqlx::query_scalar(SERVE_FROM).fetch_optional(&mut *tx).await?;
    check_age(&SQLITE, newest, serve_from)?;
    Ok(tx.commit().await?)
}

/// Migrations of a newer program are not an error by themselves: an upgrade can be taken back.
fn tolerant(mut migrator: Migrator) -> Migrator {
    migrator.set_ignore_missing(true);
    migrator
}

/// Whether this program may work on the tables, should a newer one have been at them.
fn check_age(migrator: &Migrator, theirs: i64, serve_from: Option<String>) -> Result<(), StoreError> {
    let ours = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    if theirs <= ours {
        return Ok(());
    }
    let serves = serve_from.and_then(|from| from.parse::<i64>().ok()).is_some_and(|from| from <= ours);
    if serves { Ok(()) } else { Err(StoreError::Newer { theirs, ours }) }
}

async fn open_postgres(url: &str) -> Result<Pool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url(without_secret(url)))?;
    let options = options.application_name("lictor");
    migrate_postgres(&options).await?;
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(PATIENCE);
    let pool = pool.after_connect(|connection, _| {
        Box::pin(async move {
            // A stuck lock or server becomes "unavailable" rather than a caller that waits for ever.
            sqlx::raw_sql("SET lock_timeout = '5s'; SET statement_timeout = '10s'").execute(connection).await?;
            Ok(())
        })
    });
    Ok(Pool::Postgres(pool.connect_lazy_with(options)))
}

/// On a connection of its own, without the pool's timeouts, for a large table takes its time. Under the migrator's
/// advisory lock: replicas may start at once.
async fn migrate_postgres(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connected = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await;
    let mut connection = connected.map_err(|_| StoreError::Unavailable(sqlx::Error::PoolTimedOut))??;
    POSTGRES.run_direct(None, &mut connection, false).await.map_err(migration)?;
    let newest: i64 = sqlx::query_scalar(NEWEST).fetch_one(&mut connection).await?;
    let serve_from: Option<String> = sqlx::query_scalar(SERVE_FROM).fetch_optional(&mut connection).await?;
    check_age(&POSTGRES, newest, serve_from)?;
    Ok(connection.close().await?)
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => {
            StoreError::from(error)
        }
        other => StoreError::Migration(other),
    }
}

/// Makes the file for its owner's eyes only, before the database could make it for everybody's. Its companions (`-wal`,
/// `-shm`) get the same rights from `SQLite`.
fn create(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| StoreError::File { path, source }
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed(parent))?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

/// The URL for an error message: what stands before the `@` may be a password.
fn without_secret(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, place)) => format!("…@{place}"),
        None => url.to_owned(),
    }
}
