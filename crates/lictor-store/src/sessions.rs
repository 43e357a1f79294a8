//! Who is signed in? Sessions of browsers: begun, touched, ended.

use lictor_model::{CredentialId, Digest, FactorKind, PrincipalId, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::SessionRow;
use crate::statement::{Row, sql};
use crate::{By, Store, principals};

/// Who is signed in, and who was signed out, as of one version.
#[derive(Debug)]
pub struct SignedIn {
    /// What replicas compare.
    pub version: i64,
    /// Every session, oldest first.
    pub sessions: Vec<SessionRow>,
    /// When a provider last said of each person that they are signed out there.
    pub signed_out: Vec<(PrincipalId, Timestamp)>,
}

impl Store {
    /// All sessions, when providers last said who is signed out, and the version that both are of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a session does not read.
    pub async fn load_sessions(&self) -> Result<SignedIn, StoreError> {
        let mut tx = self.read().await?;
        let version = crate::directory::versions(&mut tx).await?.sessions;
        let statement =
            sql("SELECT id, principal, digest, created_at, last_seen_at, expires_at, client_ip, user_agent, \
                             proved_at, factor, viewing FROM sessions ORDER BY created_at, id");
        let rows = statement.fetch(&mut tx, "sessions").await?;
        let statement = sql("SELECT principal, MAX(signed_out_at) AS signed_out_at FROM external_accounts \
                             WHERE signed_out_at IS NOT NULL GROUP BY principal");
        let signed_out = statement.fetch(&mut tx, "external_accounts").await?;
        tx.commit().await?;
        let moment = |row: &Row| Ok((row.text("principal")?.into(), row.moment("signed_out_at")?));
        Ok(SignedIn {
            version,
            sessions: rows.iter().map(session).collect::<Result<_, _>>()?,
            signed_out: signed_out.iter().map(moment).collect::<Result<_, StoreError>>()?,
        })
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the principal was removed meanwhile.
    pub async fn start_session(&self, by: &By, new: SessionRow) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let name = begin(&mut tx, &new).await?;
        self.record(&mut tx, by, "session.start", &format!("{} of {name}", new.id)).await?;
        tx.commit().await
    }

    /// Ends a session; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn end_session(&self, by: &By, id: &CredentialId) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        tx.change_sessions().await?;
        let statement = sql("DELETE FROM sessions WHERE id = $1 RETURNING id, principal").bind(id.as_str());
        let Some(row) = statement.fetch_first(&mut tx, "sessions").await? else { return Ok(false) };
        let name = name_of(&mut tx, &row.text("principal")?.into()).await?.unwrap_or_default();
        self.record(&mut tx, by, "session.end", &format!("{id} of {name}")).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends all sessions of a principal but one; answers how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn end_sessions_of(
        &self,
        by: &By,
        principal: &PrincipalId,
        except: Option<&CredentialId>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let ended = end_all_but(&mut tx, principal, except).await?;
        if ended > 0 {
            let name = name_of(&mut tx, principal).await?.unwrap_or_default();
            self.record(&mut tx, by, "session.end", &format!("{ended} of {name}")).await?;
            tx.commit().await?;
        }
        Ok(ended)
    }

    /// Lets a session look through somebody else's rights, or through its own again; answers whether that is a change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the session has ended, or whoever is viewed was removed, meanwhile.
    pub async fn set_viewing(
        &self,
        by: &By,
        session: &CredentialId,
        viewed: Option<&PrincipalId>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        tx.change_sessions().await?;
        let statement = sql("SELECT id, viewing FROM sessions WHERE id = $1").bind(session.as_str());
        let row = statement.fetch_first(&mut tx, "sessions").await?;
        let missing = || StoreError::NotFound { what: "session", name: session.to_string() };
        let before = row.ok_or_else(missing)?.maybe_text("viewing")?.map(PrincipalId::from);
        let Some(named) = viewed.or(before.as_ref()).filter(|_| viewed != before.as_ref()) else { return Ok(false) };
        let name = name_of(&mut tx, named).await?;
        if viewed.is_some() && name.is_none() {
            return Err(StoreError::NotFound { what: "user or service account", name: named.to_string() });
        }
        sql("UPDATE sessions SET viewing = $1 WHERE id = $2")
            .bind(viewed.map(PrincipalId::as_str))
            .bind(session.as_str())
            .execute(&mut tx)
            .await?;
        let operation = if viewed.is_some() { "view-as.begin" } else { "view-as.end" };
        self.record(&mut tx, by, operation, &name.unwrap_or_default()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes when sessions were last used. Replicas do not reload for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn touch_sessions(&self, seen: &[(CredentialId, Timestamp)]) -> Result<(), StoreError> {
        if seen.is_empty() {
            return Ok(());
        }
        // In one order everywhere, so that two replicas cannot lock each other out.
        let mut seen: Vec<_> = seen.iter().collect();
        seen.sort();
        let mut tx = self.write().await?;
        for (id, at) in seen {
            sql("UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1")
                .bind(*at)
                .bind(id.as_str())
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await
    }

    /// Deletes the sessions that have expired, and those last used before `idle_before`; answers how many. They had
    /// ended of themselves, so nothing is recorded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn delete_expired_sessions(&self, idle_before: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        tx.change_sessions().await?;
        let statement = sql("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at < $2");
        let deleted = statement.bind(self.clock.now()).bind(idle_before).execute(&mut tx).await?;
        if deleted > 0 {
            tx.commit().await?;
        }
        Ok(deleted)
    }
}

/// Adds a session's row; answers its principal's name.
pub(crate) async fn begin(tx: &mut Tx, new: &SessionRow) -> Result<PrincipalName, StoreError> {
    tx.change_sessions().await?;
    let name = principals::name_of(tx, &new.principal).await?;
    let missing = || StoreError::NotFound { what: "user", name: new.principal.to_string() };
    let name = name.ok_or_else(missing)?;
    sql("INSERT INTO sessions (id, principal, digest, created_at, last_seen_at, expires_at, client_ip, user_agent, \
         proved_at, factor, viewing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
    .bind(new.id.as_str())
    .bind(new.principal.as_str())
    .bind(new.digest.to_hex().as_str())
    .bind(new.created_at)
    .bind(new.last_seen_at)
    .bind(new.expires_at)
    .bind(new.client_ip.as_str())
    .bind(new.user_agent.as_str())
    .bind(new.proved_at)
    .bind(new.factor.map_or("", FactorKind::as_str))
    .bind(new.viewing.as_ref().map(PrincipalId::as_str))
    .execute(tx)
    .await?;
    Ok(name)
}

/// Ends all sessions of a principal but one; answers how many there were.
pub(crate) async fn end_all_but(
    tx: &mut Tx,
    principal: &PrincipalId,
    except: Option<&CredentialId>,
) -> Result<u64, StoreError> {
    tx.change_sessions().await?;
    // No id is empty.
    let except = except.map_or("", CredentialId::as_str);
    let statement = sql("DELETE FROM sessions WHERE principal = $1 AND id <> $2");
    statement.bind(principal.as_str()).bind(except).execute(tx).await
}

async fn name_of(tx: &mut Tx, principal: &PrincipalId) -> Result<Option<String>, StoreError> {
    let statement = sql("SELECT id, name FROM principals WHERE id = $1").bind(principal.as_str());
    statement.fetch_first(tx, "principals").await?.map(|row| row.text("name")).transpose()
}

/// Reads a session's row.
pub(crate) fn session(row: &Row) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: row.text("id")?.into(),
        principal: row.text("principal")?.into(),
        digest: row.read("digest", Digest::from_hex)?,
        created_at: row.moment("created_at")?,
        last_seen_at: row.moment("last_seen_at")?,
        expires_at: row.moment("expires_at")?,
        client_ip: row.text("client_ip")?,
        user_agent: row.text("user_agent")?,
        proved_at: row.moment("proved_at")?,
        factor: row.read("factor", factor)?,
        viewing: row.maybe_text("viewing")?.map(PrincipalId::from),
    })
}

/// Empty for none; a word that this program does not know must not be taken for a proof.
fn factor(text: &str) -> Option<Option<FactorKind>> {
    if text.is_empty() { Some(None) } else { FactorKind::parse(text).map(Some) }
}
