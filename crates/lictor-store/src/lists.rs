//! What stands on one page of a long list? A few rows at a time, however many there are.

use std::collections::BTreeSet;

use lictor_model::{CredentialId, KeyAges, Principal, PrincipalId, PrincipalKind, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::{KeyRow, SessionRow};
use crate::statement::{Row, Statement, sql};
use crate::{Bounds, Paged, Store, directory, key_ages, keys, principals, sessions};

/// Rows that are read at once where some of them may not be wanted.
const BATCH: u32 = 500;
/// Values of one statement.
const AT_ONCE: usize = 200;
/// A total that was not worked out.
pub const UNCOUNTED: i64 = -1;

/// Which users and service accounts, by name.
#[derive(Debug, Clone, Default)]
pub struct PrincipalFilter {
    /// Of this kind.
    pub kind: Option<PrincipalKind>,
    /// With this in the name.
    pub containing: String,
    /// From which name to which.
    pub bounds: Bounds,
}

/// Which keys, in the order of their ids: of their age.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Of this principal.
    pub owner: Option<PrincipalId>,
    /// The one of this id.
    pub id: Option<CredentialId>,
    /// With this in the label or the owner's name, or as their last four characters.
    pub containing: String,
    /// Only those in use that end before this.
    pub ending_before: Option<Timestamp>,
    /// From which id to which.
    pub bounds: Bounds,
}

/// Which sessions, in the order of their ids: of their age.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Of this principal.
    pub owner: Option<PrincipalId>,
    /// The one of this id.
    pub id: Option<CredentialId>,
    /// From which id to which.
    pub bounds: Bounds,
}

/// A credential and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<T> {
    /// The credential.
    pub row: T,
    /// Whose.
    pub owner: PrincipalName,
    /// A user or a machine.
    pub kind: PrincipalKind,
}

impl Store {
    /// A page of users and service accounts, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn page_of_principals(&self, filter: &PrincipalFilter) -> Result<Paged<Principal>, StoreError> {
        let mut statement = sql("SELECT id, kind, name, disabled, created_at FROM principals WHERE 1 = 1");
        narrow_principals(&mut statement, filter);
        filter.bounds.narrow(&mut statement, "name");
        statement.push(" ORDER BY name ");
        filter.bounds.finish(&mut statement);
        let mut counting = sql("SELECT COUNT(*) AS held FROM principals WHERE 1 = 1");
        narrow_principals(&mut counting, filter);
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "principals").await?;
        let total = count(counting, &mut tx, "principals").await?;
        tx.commit().await?;
        Ok(filter.bounds.page(rows.iter().map(principals::principal).collect::<Result<_, _>>()?, total))
    }

    /// A page of keys, as the roles of their owners leave them today. Where a role bounds the age of keys, the end that is
    /// written down is not the whole truth, so those that end soon are looked for among all that are in use, and not counted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_keys(&self, filter: &KeyFilter) -> Result<Paged<Owned<KeyRow>>, StoreError> {
        let mut tx = self.read().await?;
        let now = self.clock.now();
        let is_written = key_ages::all(&mut tx).await?.is_empty();
        let page = if is_written || filter.ending_before.is_none() {
            let rows = select_keys(filter, &filter.bounds, true, now).fetch(&mut tx, "api_keys").await?;
            let total = count(count_keys(filter, now), &mut tx, "api_keys").await?;
            filter.bounds.page(rows.iter().map(owned_key).collect::<Result<_, _>>()?, total)
        } else {
            ending(&mut tx, filter, now).await?
        };
        let owners: BTreeSet<&PrincipalId> = page.rows.iter().map(|key| &key.row.principal).collect();
        let owners: Vec<PrincipalId> = owners.into_iter().cloned().collect();
        let ages =
            KeyAges::work_out(&directory::assignments_of(&mut tx, if is_written { &[] } else { &owners }).await?);
        tx.commit().await?;
        let Paged { rows, total, has_next, has_previous } = page;
        let rows = rows.into_iter().map(|key| Owned { row: keys::aged(key.row, &ages), ..key }).collect();
        Ok(Paged { rows, total, has_next, has_previous })
    }

    /// The key of exactly that id, as the roles of its owner leave it today.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn find_key(&self, id: &CredentialId) -> Result<Owned<KeyRow>, StoreError> {
        let filter = KeyFilter { id: Some(id.clone()), bounds: Bounds::first(1), ..KeyFilter::default() };
        let found = self.page_of_keys(&filter).await?.rows.pop();
        found.ok_or_else(|| StoreError::NotFound { what: "key", name: id.to_string() })
    }

    /// The key of that id, or the only live one of that hint or label, and whose it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::AmbiguousKey`].
    pub async fn choose_key(&self, which: &str) -> Result<(KeyRow, Principal), StoreError> {
        let mut tx = self.read().await?;
        let key = keys::choose(keys::named(&mut tx, which).await?, which)?;
        let owner = principals::of_all(&mut tx, std::slice::from_ref(&key.principal)).await?.pop();
        let ages = directory::key_ages_of(&mut tx, &key.principal).await?;
        tx.commit().await?;
        let owner = owner.ok_or_else(|| StoreError::NotFound { what: "key", name: which.to_owned() })?;
        Ok((keys::aged(key, &ages), owner))
    }

    /// Which keys replace these: the old one and the new.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn successors(&self, of: &[CredentialId]) -> Result<Vec<(CredentialId, CredentialId)>, StoreError> {
        let mut tx = self.read().await?;
        let mut found = Vec::new();
        for chunk in of.chunks(AT_ONCE) {
            let mut statement = sql("SELECT id, replaces FROM api_keys WHERE replaces IN (''");
            for id in chunk {
                statement.push(", ");
                statement.push_bind(id.as_str());
            }
            statement.push(")");
            for row in statement.fetch(&mut tx, "api_keys").await? {
                found.push((row.text("replaces")?.into(), row.text("id")?.into()));
            }
        }
        tx.commit().await?;
        Ok(found)
    }

    /// A page of sessions that have not ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_sessions(&self, filter: &SessionFilter) -> Result<Paged<Owned<SessionRow>>, StoreError> {
        let now = self.clock.now();
        let narrow = |statement: &mut Statement| {
            statement.push_bind(now);
            if let Some(owner) = &filter.owner {
                statement.push(" AND s.principal = ");
                statement.push_bind(owner.as_str());
            }
            if let Some(id) = &filter.id {
                statement.push(" AND s.id = ");
                statement.push_bind(id.as_str());
            }
        };
        let mut statement = sql(
            "SELECT s.*, p.name AS owner, p.kind AS kind FROM sessions s JOIN principals p ON p.id = s.principal WHERE s.expires_at > ",
        );
        narrow(&mut statement);
        filter.bounds.narrow(&mut statement, "s.id");
        statement.push(" ORDER BY s.id ");
        filter.bounds.finish(&mut statement);
        let mut counting = sql("SELECT COUNT(*) AS held FROM sessions s WHERE s.expires_at > ");
        narrow(&mut counting);
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "sessions").await?;
        let total = count(counting, &mut tx, "sessions").await?;
        tx.commit().await?;
        let rows = rows.iter().map(|row| owned(row, sessions::session(row)?)).collect::<Result<_, _>>()?;
        Ok(filter.bounds.page(rows, total))
    }
}

/// How many rows there are, as `held`.
pub(crate) async fn count(statement: Statement, tx: &mut Tx, table: &'static str) -> Result<i64, StoreError> {
    statement.fetch_first(tx, table).await?.map_or(Ok(0), |row| row.integer("held"))
}

/// A part of a text as a pattern: what the pattern's language would take for its own stands for itself.
pub(crate) fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn narrow_principals(statement: &mut Statement, filter: &PrincipalFilter) {
    if let Some(kind) = filter.kind {
        statement.push(" AND kind = ");
        statement.push_bind(kind.as_str());
    }
    if !filter.containing.is_empty() {
        statement.push(" AND name LIKE ");
        statement.push_bind(pattern(&filter.containing.to_ascii_lowercase()).as_str());
        statement.push(" ESCAPE '!'");
    }
}

/// Those in use that end before a moment, where their written end is not the whole truth: some at a time, until the page is full.
async fn ending(tx: &mut Tx, filter: &KeyFilter, now: Timestamp) -> Result<Paged<Owned<KeyRow>>, StoreError> {
    let ages = KeyAges::work_out(&directory::assignments(tx).await?);
    let (mut bounds, mut fitting) = (Bounds { limit: BATCH, ..filter.bounds.clone() }, Vec::new());
    let wanted = usize::try_from(filter.bounds.limit).unwrap_or(usize::MAX);
    loop {
        let rows = select_keys(filter, &bounds, false, now).fetch(tx, "api_keys").await?;
        let read: Vec<Owned<KeyRow>> = rows.iter().map(owned_key).collect::<Result<_, _>>()?;
        let is_last = rows.len() <= usize::try_from(BATCH).unwrap_or(usize::MAX);
        let last = read.last().map(|key| key.row.id.to_string());
        if bounds.before.is_some() {
            bounds.before = last
        } else {
            bounds.after = last
        }
        fitting.extend(read.into_iter().filter(|key| is_wanted(&keys::aged(key.row.clone(), &ages), filter, now)));
        if is_last || fitting.len() > wanted {
            break;
        }
    }
    fitting.truncate(wanted.saturating_add(1));
    Ok(filter.bounds.page(fitting, UNCOUNTED))
}

fn select_keys(filter: &KeyFilter, bounds: &Bounds, is_written: bool, now: Timestamp) -> Statement {
    let mut statement = sql(
        "SELECT k.*, p.name AS owner, p.kind AS kind FROM api_keys k JOIN principals p ON p.id = k.principal WHERE 1 = 1",
    );
    narrow_keys(&mut statement, filter, is_written, now);
    bounds.narrow(&mut statement, "k.id");
    statement.push(" ORDER BY k.id ");
    bounds.finish(&mut statement);
    statement
}

fn count_keys(filter: &KeyFilter, now: Timestamp) -> Statement {
    let mut statement = sql("SELECT COUNT(*) AS held FROM api_keys k");
    if !filter.containing.is_empty() {
        statement.push(" JOIN principals p ON p.id = k.principal");
    }
    statement.push(" WHERE 1 = 1");
    narrow_keys(&mut statement, filter, true, now);
    statement
}

fn narrow_keys(statement: &mut Statement, filter: &KeyFilter, is_written: bool, now: Timestamp) {
    if let Some(owner) = &filter.owner {
        statement.push(" AND k.principal = ");
        statement.push_bind(owner.as_str());
    }
    if let Some(id) = &filter.id {
        statement.push(" AND k.id = ");
        statement.push_bind(id.as_str());
    }
    if !filter.containing.is_empty() {
        let pattern = pattern(&filter.containing);
        statement.push(" AND (p.name LIKE ");
        statement.push_bind(pattern.to_ascii_lowercase().as_str());
        statement.push(" ESCAPE '!' OR LOWER(k.label) LIKE ");
        statement.push_bind(pattern.to_ascii_lowercase().as_str());
        statement.push(" ESCAPE '!' OR k.hint = ");
        statement.push_bind(filter.containing.as_str());
        statement.push(")");
    }
    if let Some(end) = filter.ending_before {
        statement.push(" AND k.revoked_at IS NULL AND k.disabled = 0 AND k.issuer IS NULL");
        if is_written {
            statement.push(" AND k.expires_at <= ");
            statement.push_bind(end);
            statement.push(" AND k.expires_at > ");
            statement.push_bind(now);
        }
    }
}

fn is_wanted(key: &KeyRow, filter: &KeyFilter, now: Timestamp) -> bool {
    filter.ending_before.is_none_or(|end| key.ends_within(now.seconds_until(end), now))
}

fn owned_key(row: &Row) -> Result<Owned<KeyRow>, StoreError> {
    owned(row, keys::key(row)?)
}

fn owned<T>(row: &Row, of: T) -> Result<Owned<T>, StoreError> {
    Ok(Owned {
        row: of,
        owner: row.read("owner", |name| PrincipalName::parse(name).ok())?,
        kind: row.read("kind", PrincipalKind::parse)?,
    })
}
