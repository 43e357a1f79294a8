//! Which sessions began at a provider, when were they last rechecked, and which does the provider end?

use std::collections::BTreeSet;

use lictor_model::{CredentialId, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::{ExternalSessionRow, SessionRow};
use crate::statement::{Row, Statement, sql};
use crate::{By, Store, sessions};

const COLUMNS: &str = "SELECT session, principal, provider, issuer, subject, sid, refresh_token, id_token, checked_at \
                       FROM external_sessions";

impl Store {
    /// Begins a session that a provider vouches for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the principal was removed meanwhile.
    pub async fn start_external_session(
        &self,
        by: &By,
        session: SessionRow,
        external: ExternalSessionRow,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let name = sessions::begin(&mut tx, &session).await?;
        sql("INSERT INTO external_sessions \
             (session, principal, provider, issuer, subject, sid, refresh_token, id_token, checked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(session.id.as_str())
        .bind(session.principal.as_str())
        .bind(external.provider.as_str())
        .bind(external.issuer.as_str())
        .bind(external.subject.as_str())
        .bind(external.sid.as_deref())
        .bind(external.refresh_token.as_deref())
        .bind(external.id_token.as_deref())
        .bind(external.checked_at)
        .execute(&mut tx)
        .await?;
        let object = format!("{} of {name} through {}", session.id, external.provider);
        self.record(&mut tx, by, "session.start", &object).await?;
        tx.commit().await
    }

    /// What a provider knows of a session; `None` when it did not begin at one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn external_session(&self, id: &CredentialId) -> Result<Option<ExternalSessionRow>, StoreError> {
        let mut statement = sql(COLUMNS);
        statement.push(" WHERE session = ");
        statement.push_bind(id.as_str());
        Ok(self.external_sessions(statement).await?.into_iter().next())
    }

    /// Sessions of a provider that have a refresh token and were last rechecked before the given time, oldest first, so
    /// many at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn due_external_sessions(
        &self,
        provider: &str,
        before: Timestamp,
        most: i64,
    ) -> Result<Vec<ExternalSessionRow>, StoreError> {
        let mut statement = sql(COLUMNS);
        statement.push(" WHERE refresh_token IS NOT NULL AND provider = ");
        statement.push_bind(provider);
        statement.push(" AND checked_at < ");
        statement.push_bind(before);
        statement.push(" ORDER BY checked_at, session LIMIT ");
        statement.push_bind(most);
        self.external_sessions(statement).await
    }

    /// Takes the recheck of a session upon oneself; false when another replica has it, for a refresh token may be good
    /// for one use.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn claim_recheck(&self, row: &ExternalSessionRow) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let statement = sql("UPDATE external_sessions SET checked_at = $1 WHERE session = $2 AND checked_at = $3");
        let statement = statement.bind(self.clock.now()).bind(row.session.as_str()).bind(row.checked_at);
        let claimed = statement.execute(&mut tx).await?;
        tx.commit().await?;
        Ok(claimed > 0)
    }

    /// Keeps the tokens that a provider gave in the stead of the old ones; what it did not give stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn keep_tokens(
        &self,
        session: &CredentialId,
        refresh_token: Option<&str>,
        id_token: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sql("UPDATE external_sessions SET refresh_token = COALESCE($1, refresh_token), \
             id_token = COALESCE($2, id_token) WHERE session = $3")
        .bind(refresh_token)
        .bind(id_token)
        .bind(session.as_str())
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// Ends the sessions that a provider means: those of its session, or all of its person's; with both, those of that
    /// session of that person, and those of the person that it gave no name. Whoever it means is signed out as of now, with
    /// or without a session here. Answers how many sessions ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn end_external_sessions(
        &self,
        by: &By,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
    ) -> Result<usize, StoreError> {
        if subject.is_none() && sid.is_none() {
            return Ok(0);
        }
        let mut statement = sql("SELECT session, principal, subject FROM external_sessions WHERE issuer = ");
        statement.push_bind(issuer);
        if let Some(subject) = subject {
            statement.push(" AND subject = ");
            statement.push_bind(subject);
        }
        if let Some(sid) = sid {
            statement.push(" AND (sid = ");
            statement.push_bind(sid);
            // A session of the person whose name at the provider we were never told may be the one.
            statement.push(if subject.is_some() { " OR sid IS NULL)" } else { ")" });
        }
        let mut tx = self.write().await?;
        let rows = self.end_those(&mut tx, by, statement).await?;
        let mut people = rows.iter().map(|row| row.text("subject")).collect::<Result<BTreeSet<_>, _>>()?;
        people.extend(subject.map(str::to_owned));
        let mut known = 0;
        for person in people {
            known += sql("UPDATE external_accounts SET signed_out_at = $1 WHERE issuer = $2 AND subject = $3")
                .bind(self.clock.now())
                .bind(issuer)
                .bind(person.as_str())
                .execute(&mut tx)
                .await?;
        }
        if known > 0 {
            tx.commit().await?;
        }
        Ok(rows.len())
    }

    /// Ends all sessions that began at a provider, as the configuration names it. Answers how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn end_sessions_through(&self, by: &By, provider: &str) -> Result<usize, StoreError> {
        let statement = sql("SELECT session, principal FROM external_sessions WHERE provider = $1").bind(provider);
        let mut tx = self.write().await?;
        let ended = self.end_those(&mut tx, by, statement).await?.len();
        if ended > 0 {
            tx.commit().await?;
        }
        Ok(ended)
    }

    async fn end_those(&self, tx: &mut Tx, by: &By, statement: Statement) -> Result<Vec<Row>, StoreError> {
        tx.change_sessions().await?;
        let rows = statement.fetch(tx, "external_sessions").await?;
        for row in &rows {
            let (session, principal) = (row.text("session")?, row.text("principal")?);
            sql("DELETE FROM sessions WHERE id = $1").bind(session.as_str()).execute(tx).await?;
            let name = crate::principals::name_of(tx, &principal.into()).await?;
            let name = name.map(|name| name.to_string()).unwrap_or_default();
            self.record(tx, by, "session.end", &format!("{session} of {name}")).await?;
        }
        Ok(rows)
    }

    async fn external_sessions(&self, statement: Statement) -> Result<Vec<ExternalSessionRow>, StoreError> {
        let mut tx = self.read().await?;
        let rows = statement.fetch(&mut tx, "external_sessions").await?;
        tx.commit().await?;
        rows.iter().map(external_session).collect()
    }
}

fn external_session(row: &Row) -> Result<ExternalSessionRow, StoreError> {
    Ok(ExternalSessionRow {
        session: row.text("session")?.into(),
        principal: row.text("principal")?.into(),
        provider: row.text("provider")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        sid: row.maybe_text("sid")?,
        refresh_token: row.maybe_text("refresh_token")?,
        id_token: row.maybe_text("id_token")?,
        checked_at: row.moment("checked_at")?,
    })
}
