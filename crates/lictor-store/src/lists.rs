//! What stands on one page of a long list? A few rows at a time, however many there are.

use lictor_model::{AuditEvent, CredentialId, KeyAges, PrincipalId, PrincipalKind, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::rows::{AuditFilter, KeyRow, SessionRow};
use crate::statement::{Row, Statement, sql};
use crate::{Store, audit, directory, key_ages, keys, principals, sessions};

/// Rows that are read at once where some of them may not be wanted.
const BATCH: u32 = 500;

/// Which users and service accounts, by name.
#[derive(Debug, Clone, Default)]
pub struct PrincipalFilter {
    /// Of this kind.
    pub kind: Option<PrincipalKind>,
    /// With this in the name.
    pub containing: String,
    /// After this name: the last one of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Which keys, the newest first.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Of this principal.
    pub owner: Option<PrincipalId>,
    /// With this in the label or the owner's name, or as their last four characters.
    pub containing: String,
    /// Only those in use that end before this.
    pub ending_before: Option<Timestamp>,
    /// Older than this key: the last one of the page before.
    pub before: Option<CredentialId>,
    /// At most so many.
    pub limit: u32,
}

/// Which sessions, the newest first.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Of this principal.
    pub owner: Option<PrincipalId>,
    /// Older than this session: the last one of the page before.
    pub before: Option<CredentialId>,
    /// At most so many.
    pub limit: u32,
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

/// What was on record in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stretch {
    /// Which one, from the first.
    pub at: i64,
    /// What was done.
    pub allowed: i64,
    /// What was refused.
    pub refused: i64,
}

impl Store {
    /// A page of users and service accounts, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn page_of_principals(
        &self,
        filter: &PrincipalFilter,
    ) -> Result<Vec<lictor_model::Principal>, StoreError> {
        let mut statement = sql("SELECT id, kind, name, disabled, created_at FROM principals WHERE 1 = 1");
        if let Some(kind) = filter.kind {
            statement.push(" AND kind = ");
            statement.push_bind(kind.as_str());
        }
        if !filter.containing.is_empty() {
            statement.push(" AND name LIKE ");
            statement.push_bind(pattern(&filter.containing.to_ascii_lowercase()).as_str());
            statement.push(" ESCAPE '!'");
        }
        if let Some(after) = &filter.after {
            statement.push(" AND name > ");
            statement.push_bind(after.as_str());
        }
        statement.push(" ORDER BY name LIMIT ");
        statement.push_bind(i64::from(filter.limit));
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "principals").await?;
        tx.commit().await?;
        rows.iter().map(principals::principal).collect()
    }

    /// A page of keys, the newest first, as the roles of their owners leave them today.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_keys(&self, filter: &KeyFilter) -> Result<Vec<Owned<KeyRow>>, StoreError> {
        let mut tx = self.read().await?;
        // Where a role bounds the age of keys, the end that is written down is not the whole truth.
        let is_written = key_ages::all(&mut tx).await?.is_empty();
        let ages =
            if is_written { KeyAges::default() } else { KeyAges::work_out(&directory::assignments(&mut tx).await?) };
        let now = self.clock.now();
        let mut page: Vec<Owned<KeyRow>> = Vec::new();
        let mut asked = filter.clone();
        let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        loop {
            asked.limit = if is_written { filter.limit } else { BATCH.max(filter.limit) };
            let rows = select_keys(&asked, is_written, now).fetch(&mut tx, "api_keys").await?;
            let read: Vec<_> = rows.iter().map(owned_key).collect::<Result<_, _>>()?;
            let is_last = read.len() < usize::try_from(asked.limit).unwrap_or(usize::MAX);
            asked.before = read.last().map(|key| key.row.id.clone());
            let aged = read.into_iter().map(|key| Owned { row: keys::aged(key.row, &ages), ..key });
            page.extend(aged.filter(|key| is_wanted(&key.row, filter, now)));
            if is_last || page.len() >= wanted {
                break;
            }
        }
        tx.commit().await?;
        page.truncate(wanted);
        Ok(page)
    }

    /// A page of sessions that have not ended, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn page_of_sessions(&self, filter: &SessionFilter) -> Result<Vec<Owned<SessionRow>>, StoreError> {
        let mut statement = sql(
            "SELECT s.*, p.name AS owner, p.kind AS kind FROM sessions s JOIN principals p ON p.id = s.principal WHERE s.expires_at > ",
        );
        statement.push_bind(self.clock.now());
        if let Some(owner) = &filter.owner {
            statement.push(" AND s.principal = ");
            statement.push_bind(owner.as_str());
        }
        if let Some(before) = &filter.before {
            statement.push(" AND s.id < ");
            statement.push_bind(before.as_str());
        }
        statement.push(" ORDER BY s.id DESC LIMIT ");
        statement.push_bind(i64::from(filter.limit));
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "sessions").await?;
        tx.commit().await?;
        rows.iter().map(|row| owned(row, sessions::session(row)?)).collect()
    }

    /// How much was done and refused between two moments, by stretches of so many microseconds; those in which nothing
    /// was are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn count_audit(
        &self,
        filter: &AuditFilter,
        (since, until): (Timestamp, Timestamp),
        width: i64,
    ) -> Result<Vec<Stretch>, StoreError> {
        let mut statement = sql("SELECT (at - ");
        statement.push_bind(since);
        statement.push(") / ");
        statement.push_bind(width.max(1));
        statement.push(
            " AS stretch, COUNT(*) AS held, SUM(CASE WHEN outcome = 'refused' THEN 1 ELSE 0 END) AS refused \
             FROM audit WHERE 1 = 1",
        );
        let within = AuditFilter { since: Some(since), until: Some(until), before: None, ..filter.clone() };
        audit::narrow(&mut statement, &within);
        statement.push(" GROUP BY 1 ORDER BY 1");
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "audit").await?;
        tx.commit().await?;
        rows.iter()
            .map(|row| {
                let (all, refused) = (row.integer("held")?, row.integer("refused")?);
                Ok(Stretch { at: row.integer("stretch")?, allowed: all - refused, refused })
            })
            .collect()
    }

    /// What somebody did last, with one credential or with any, among their last so many events.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when an event does not read.
    pub async fn last_deeds(
        &self,
        actor: &PrincipalId,
        credential: Option<&CredentialId>,
        among: u32,
    ) -> Result<Vec<AuditEvent>, StoreError> {
        let filter = AuditFilter { actor: Some(actor.to_string()), limit: among, ..AuditFilter::default() };
        let mut events = self.list_audit(filter).await?;
        events.retain(|event| credential.is_none_or(|id| event.credential.as_ref().is_some_and(|used| used.id == *id)));
        Ok(events)
    }
}

/// A part of a text as a pattern: what the pattern's language would take for its own stands for itself.
fn pattern(part: &str) -> String {
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

fn select_keys(filter: &KeyFilter, is_written: bool, now: Timestamp) -> Statement {
    let mut statement = sql(
        "SELECT k.*, p.name AS owner, p.kind AS kind FROM api_keys k JOIN principals p ON p.id = k.principal WHERE 1 = 1",
    );
    if let Some(owner) = &filter.owner {
        statement.push(" AND k.principal = ");
        statement.push_bind(owner.as_str());
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
        statement.push(" AND k.revoked_at IS NULL AND k.disabled = 0");
        if is_written {
            statement.push(" AND k.expires_at <= ");
            statement.push_bind(end);
            statement.push(" AND k.expires_at > ");
            statement.push_bind(now);
        }
    }
    if let Some(before) = &filter.before {
        statement.push(" AND k.id < ");
        statement.push_bind(before.as_str());
    }
    statement.push(" ORDER BY k.id DESC LIMIT ");
    statement.push_bind(i64::from(filter.limit));
    statement
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
