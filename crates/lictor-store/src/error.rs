//! What can go wrong with the store, and what should its operator change?

use sqlx::error::DatabaseError;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full or too busy: the same call may succeed later.
    #[error("the database is not available: {0}; it is tried again with the next request")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused a statement that it should not have.
    #[error("the database refused a statement: {0}")]
    Database(#[source] sqlx::Error),
    /// The tables cannot be brought to this program's version.
    #[error(
        "the database cannot be brought up to date: {0}; use the Lictor that wrote it or a newer one, or restore a backup"
    )]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A newer program has changed the tables in a way that this one does not know.
    #[error(
        "the database is of a newer Lictor (its tables have version {theirs}, those of this one {ours}), and they do not serve this one: \
         use the newer one, or restore a backup from before the upgrade into a new database"
    )]
    Newer {
        /// The version of the tables.
        theirs: i64,
        /// What this program knows.
        ours: i64,
    },
    /// Not a URL of a store.
    #[error(
        "the store {0:?} is not usable: write sqlite:///absolute/path.db or postgres://user:password@host/database"
    )]
    Url(String),
    /// The database file cannot be made.
    #[error("{path} cannot be made: {source}; check that the directory exists and may be written")]
    File {
        /// The file or its directory.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something of this name exists.
    #[error("the {what} {name:?} exists already: choose another name")]
    NameTaken {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Nothing of this name exists.
    #[error("there is no {what} {name:?}: list them and check the spelling")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// Several keys fit.
    #[error("{0:?} fits several keys: name the one you mean by its id")]
    AmbiguousKey(String),
    /// A key is replaced once.
    #[error(
        "key {old} was rotated already: {new} replaces it; rotate that one, or make another with `lictor key create`"
    )]
    KeyRotated {
        /// The key that was named.
        old: String,
        /// Its successor.
        new: String,
    },
    /// Only a good key has a successor.
    #[error(
        "key {id} is {state}: a disabled one comes back with `lictor key enable`, in place of any other make a new one with `lictor key create`"
    )]
    KeyNotInUse {
        /// The key that was named.
        id: String,
        /// What it is instead.
        state: &'static str,
    },
    /// A key given for a token does not outlive it.
    #[error(
        "key {0} was given for a token and ends with it: exchange a newer token, or make a key with `lictor key create`"
    )]
    KeyOfToken(String),
    /// Longer than a role allows.
    #[error("keys of those who have the role {role:?} end after {age} at the latest: choose an earlier expiry")]
    KeyOutlivesRole {
        /// The strictest role of the owner.
        role: String,
        /// How old a key may grow.
        age: String,
    },
    /// Nobody could administer Lictor any more.
    #[error(
        "this is the last enabled user with the role owner everywhere (what sign-in rules gave does not count): give another user that role first"
    )]
    LastOwner,
    /// By hand there is nothing to remove.
    #[error("the {what} {name:?} comes from the sign-in rules of {rule}, which would make it again: change the rule")]
    FromSignIn {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        name: String,
        /// Whose rules.
        rule: String,
    },
    /// A grant names a role that is neither built in nor custom.
    #[error("there is no role {0:?}: use viewer, runner, developer, owner, worker or a role of your own")]
    UnknownRole(String),
    /// The role is part of grants.
    #[error("the role {0:?} is still granted: remove its grants first")]
    RoleInUse(String),
    /// Built-in roles come with the program.
    #[error("the role {0:?} is built in and cannot be removed: remove its grants instead")]
    RoleBuiltIn(String),
    /// A role follows a role of the program, never one that somebody else may change.
    #[error("a role cannot be based on {0:?}: use viewer, runner, developer, owner or worker")]
    BaseNotBuiltIn(String),
    /// Machines have keys, never passwords.
    #[error("{0:?} is a service account, and service accounts have no password: give it a key")]
    NoPasswords(String),
    /// Whoever must have a second factor cannot remove the last one.
    #[error("this is the last second factor, and a role of this account demands one: add another first")]
    LastFactor,
    /// More than anybody needs.
    #[error("there are {0} second factors already: remove one first")]
    TooManyFactors(usize),
    /// A row does not read as what it must be.
    #[error(
        "the database is damaged: column {column} of row {id:?} in table {table} cannot be read; restore a backup or correct the row"
    )]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// Its id.
        id: String,
        /// The column that does not read.
        column: &'static str,
    },
}

impl StoreError {
    /// Whether the database is away (503 with `Retry-After`), as opposed to a refusal that stays.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => true,
            sqlx::Error::Database(said) => is_passing(said.as_ref()),
            _ => false,
        };
        if away { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// Whether the database says that it cannot now, rather than that it will not.
fn is_passing(said: &dyn DatabaseError) -> bool {
    let Some(code) = said.code() else { return false };
    if said.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // Connection, resources, operator intervention, system; conflict of transactions; lock and statement timeouts;
        // a standby that is not primary yet; a password that is being changed.
        const CLASSES: &[&str] = &["08", "53", "57", "58", "40", "55", "28", "25006"];
        return CLASSES.iter().any(|class| code.starts_with(class));
    }
    // The low byte is the primary code: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14))
}

/// Whether the database refused a second row of the same name.
pub(crate) fn is_taken(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Database(said)) => said.is_unique_violation(),
        _ => false,
    }
}
