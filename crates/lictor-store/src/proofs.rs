//! How does a session come to be proved? A factor is used up, the cookie changes, and both are on record: all or nothing.

use lictor_model::{CredentialId, CredentialKind, CredentialRef, Digest, FactorKind, PrincipalId, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::SessionRow;
use crate::statement::sql;
use crate::{By, Store, sessions};

/// What somebody proved themselves with.
#[derive(Clone)]
pub enum Used {
    /// The password, verified elsewhere: by those who have no second factor.
    Password,
    /// A code of that time step; none of it or of an earlier one counts again.
    Totp {
        /// Which factor.
        factor: CredentialId,
        /// Of which step.
        step: i64,
    },
    /// A passkey, verified elsewhere.
    Passkey {
        /// Which factor.
        factor: CredentialId,
        /// What is kept of it from now on: some count their uses.
        material: String,
    },
    /// A recovery code, which is gone then.
    RecoveryCode(Digest),
}

impl Used {
    /// Which second factor it was, if it was one.
    #[must_use]
    pub const fn kind(&self) -> Option<FactorKind> {
        match self {
            Self::Password => None,
            Self::Totp { .. } => Some(FactorKind::Totp),
            Self::Passkey { .. } => Some(FactorKind::Passkey),
            Self::RecoveryCode(_) => Some(FactorKind::RecoveryCode),
        }
    }
}

/// The cookie of a session from now on.
#[derive(Debug, Clone)]
pub struct NewCookie {
    /// Whose it is.
    pub session: CredentialId,
    /// How it is recognised.
    pub digest: Digest,
}

impl Store {
    /// Proves a session: its cookie is replaced. False, and nothing changed, when what was used does not count (any
    /// more): of two uses of one code at once, one does.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the session has ended.
    pub async fn prove_session(
        &self,
        by: &By,
        principal: &PrincipalId,
        cookie: &NewCookie,
        used: &Used,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        if !self.use_up(&mut tx, principal, used).await? {
            return Ok(false);
        }
        renew(&mut tx, cookie, used.kind(), self.clock.now()).await?;
        let what = used.kind().map_or("password", FactorKind::as_str);
        self.record(&mut tx, by, "session.prove", &format!("{} by {what}", cookie.session)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Begins a session by a passkey alone; false when that is gone meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the principal was removed meanwhile.
    pub async fn start_session_by_passkey(
        &self,
        by: &By,
        new: SessionRow,
        factor: &CredentialId,
        material: String,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let used = Used::Passkey { factor: factor.clone(), material };
        if !self.use_up(&mut tx, &new.principal, &used).await? {
            return Ok(false);
        }
        let name = sessions::begin(&mut tx, &new).await?;
        let by =
            By { credential: Some(CredentialRef { kind: CredentialKind::Session, id: new.id.clone() }), ..by.clone() };
        self.record(&mut tx, &by, "session.start", &format!("{} of {name} by passkey", new.id)).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn use_up(&self, tx: &mut Tx, principal: &PrincipalId, used: &Used) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let statement = match used {
            Used::Password => return Ok(true),
            Used::Totp { factor, step } => sql("UPDATE factors SET last_step = $1, last_used_at = $2 \
                                                WHERE id = $3 AND principal = $4 AND last_step < $1")
            .bind(*step)
            .bind(now)
            .bind(factor.as_str())
            .bind(principal.as_str()),
            Used::Passkey { factor, material } => {
                sql("UPDATE factors SET material = $1, last_used_at = $2 WHERE id = $3 AND principal = $4")
                    .bind(material.as_str())
                    .bind(now)
                    .bind(factor.as_str())
                    .bind(principal.as_str())
            }
            Used::RecoveryCode(digest) => sql("DELETE FROM recovery_codes WHERE principal = $1 AND digest = $2")
                .bind(principal.as_str())
                .bind(digest.to_hex().as_str()),
        };
        Ok(statement.execute(tx).await? > 0)
    }
}

/// Gives a session another cookie, and says that its person has proved themselves now.
pub(crate) async fn renew(
    tx: &mut Tx,
    cookie: &NewCookie,
    factor: Option<FactorKind>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.change_sessions().await?;
    let statement = sql("UPDATE sessions SET digest = $1, proved_at = $2, factor = COALESCE($3, factor) WHERE id = $4")
        .bind(cookie.digest.to_hex().as_str())
        .bind(now)
        .bind(factor.map(FactorKind::as_str))
        .bind(cookie.session.as_str());
    match statement.execute(tx).await? {
        0 => Err(StoreError::NotFound { what: "session", name: cookie.session.to_string() }),
        _ => Ok(()),
    }
}
