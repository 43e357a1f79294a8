//! What was asked and not answered yet? On whichever replica the answer comes, it counts once and not for long.

use lictor_model::{CredentialId, Digest, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;

/// Challenges of nobody in particular at a time: anybody may ask for one.
const STRANGERS: i64 = 5_000;

/// A question that a browser was asked.
#[derive(Clone)]
pub struct NewChallenge {
    /// How its secret is recognised.
    pub digest: Digest,
    /// What is asked: an answer to one thing is none to another.
    pub purpose: &'static str,
    /// In which session; `None` when nobody is signed in yet.
    pub session: Option<CredentialId>,
    /// What judges the answer.
    pub state: String,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
}

/// Which question an answer is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeRef {
    /// How its secret is recognised.
    pub digest: Digest,
    /// What was asked.
    pub purpose: &'static str,
    /// In which session.
    pub session: Option<CredentialId>,
}

impl Store {
    /// Keeps a challenge; false when strangers were asked too many already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn add_challenge(&self, new: &NewChallenge) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        sql("DELETE FROM challenges WHERE expires_at <= $1").bind(now).execute(&mut tx).await?;
        if new.session.is_none() {
            let rows = sql("SELECT purpose, COUNT(*) AS open FROM challenges WHERE session IS NULL GROUP BY purpose");
            let rows = rows.fetch(&mut tx, "challenges").await?;
            let open = rows.iter().map(|row| row.integer("open")).sum::<Result<i64, _>>()?;
            if open >= STRANGERS {
                return Ok(false);
            }
        }
        sql("INSERT INTO challenges (id, purpose, session, state, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(new.digest.to_hex().as_str())
            .bind(new.purpose)
            .bind(new.session.as_ref().map(CredentialId::as_str))
            .bind(new.state.as_str())
            .bind(new.expires_at)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What judges the answer; the challenge goes on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_challenge(&self, of: &ChallengeRef) -> Result<Option<String>, StoreError> {
        let mut tx = self.read().await?;
        let statement = sql("SELECT id, state FROM challenges \
                             WHERE id = $1 AND purpose = $2 AND COALESCE(session, '') = $3 AND expires_at > $4");
        let row = self.named(statement, of).fetch_first(&mut tx, "challenges").await?;
        tx.commit().await?;
        row.map(|row| row.text("state")).transpose()
    }

    /// Uses a challenge up; answers what judges the answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn take_challenge(&self, of: &ChallengeRef) -> Result<Option<String>, StoreError> {
        let mut tx = self.write().await?;
        let taken = self.take(&mut tx, of).await?;
        tx.commit().await?;
        Ok(taken)
    }

    pub(crate) async fn take(&self, tx: &mut Tx, of: &ChallengeRef) -> Result<Option<String>, StoreError> {
        let statement = sql("DELETE FROM challenges WHERE id = $1 AND purpose = $2 \
                             AND COALESCE(session, '') = $3 AND expires_at > $4 RETURNING id, state");
        let row = self.named(statement, of).fetch_first(tx, "challenges").await?;
        row.map(|row| row.text("state")).transpose()
    }

    fn named(&self, statement: crate::statement::Statement, of: &ChallengeRef) -> crate::statement::Statement {
        statement
            .bind(of.digest.to_hex().as_str())
            .bind(of.purpose)
            .bind(of.session.as_ref().map_or("", CredentialId::as_str))
            .bind(self.clock.now())
    }
}
