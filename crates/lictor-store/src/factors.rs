//! Which second factors has somebody? Made, listed, removed; with the recovery codes that stand in for them.

use lictor_model::{
    CredentialId, Digest, FactorDuty, FactorKind, PrincipalId, PrincipalKind, PrincipalName, Timestamp,
};

use crate::challenges::ChallengeRef;
use crate::error::{StoreError, is_taken};
use crate::moved::among;
use crate::pool::Tx;
use crate::proofs::{self, NewCookie};
use crate::statement::{Row, sql};
use crate::{By, Store, directory, principals, sessions};

/// Factors of one person at most.
const MOST: usize = 10;

/// A second factor. What it is verified by does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct FactorRow {
    /// Which one.
    pub id: CredentialId,
    /// A code's or a passkey's.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: String,
    /// What it is verified by: sealed, or public.
    pub material: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl std::fmt::Debug for FactorRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FactorRow").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Factors {
    /// The factors, oldest first.
    pub all: Vec<FactorRow>,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
}

/// A factor to be added.
#[derive(Clone)]
pub struct NewFactor {
    /// Which one it will be.
    pub id: CredentialId,
    /// A code's or a passkey's.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: String,
    /// What it is verified by.
    pub material: String,
    /// What its device calls a passkey.
    pub handle: Option<String>,
    /// The step of the code that showed that it works.
    pub last_step: i64,
    /// Recovery codes, for somebody who has none.
    pub recovery_codes: Vec<Digest>,
}

impl Store {
    /// What somebody has.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a factor does not read.
    pub async fn factors_of(&self, principal: &PrincipalId) -> Result<Factors, StoreError> {
        let mut tx = self.read().await?;
        let factors = of(&mut tx, principal).await?;
        tx.commit().await?;
        Ok(factors)
    }

    /// Adds a factor that was just shown to work in this session, as the answer to a challenge that it uses up. The
    /// session counts as proved by it, under another cookie. The first one also brings recovery codes, and ends the
    /// person's other sessions, which were begun without one. Answers whether the recovery codes were taken; `None`
    /// when the challenge is over.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] when somebody has this passkey, [`StoreError::TooManyFactors`],
    /// [`StoreError::NotFound`] when the session has ended.
    pub async fn add_factor(
        &self,
        by: &By,
        principal: &PrincipalId,
        new: &NewFactor,
        (challenge, cookie): (Option<&ChallengeRef>, &NewCookie),
    ) -> Result<Option<bool>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        if let Some(challenge) = challenge
            && self.take(&mut tx, challenge).await?.is_none()
        {
            return Ok(None);
        }
        let before = of(&mut tx, principal).await?;
        if before.all.len() >= MOST {
            return Err(StoreError::TooManyFactors(MOST));
        }
        // A session that lacks the factor that its person has adds no other: it would be the way around the first.
        if !before.all.is_empty() && !proofs::has_factor(&mut tx, &cookie.session).await? {
            return Err(StoreError::NotFound { what: "session", name: cookie.session.to_string() });
        }
        match insert(&mut tx, principal, new, now).await {
            Err(error) if is_taken(&error) => {
                return Err(StoreError::NameTaken { what: "passkey", name: new.label.clone() });
            }
            inserted => inserted?,
        }
        let codes_taken = before.recovery_codes == 0;
        if codes_taken {
            put_codes(&mut tx, principal, &new.recovery_codes).await?;
        }
        if before.all.is_empty() {
            sessions::end_all_but(&mut tx, principal, Some(&cookie.session)).await?;
        }
        proofs::renew(&mut tx, cookie, Some(new.kind), now).await?;
        self.record(&mut tx, by, "factor.add", &described(&new.id, new.kind, &new.label)).await?;
        tx.commit().await?;
        Ok(Some(codes_taken))
    }

    /// Removes a factor of this person; false when they have no such. With the last one the recovery codes go too.
    ///
    /// # Errors
    /// [`StoreError::LastFactor`] when a role of theirs demands one.
    pub async fn remove_factor(&self, by: &By, principal: &PrincipalId, id: &CredentialId) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let before = of(&mut tx, principal).await?;
        let Some(factor) = before.all.iter().find(|factor| factor.id == *id) else { return Ok(false) };
        let is_last = before.all.len() == 1;
        if is_last && FactorDuty::work_out(&directory::assignments(&mut tx).await?).binds(principal) {
            return Err(StoreError::LastFactor);
        }
        sql("DELETE FROM factors WHERE id = $1").bind(id.as_str()).execute(&mut tx).await?;
        if is_last {
            put_codes(&mut tx, principal, &[]).await?;
        }
        self.record(&mut tx, by, "factor.remove", &described(id, factor.kind, &factor.label)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives somebody who has a factor other recovery codes in place of all before; false when they have none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn replace_recovery_codes(
        &self,
        by: &By,
        principal: &PrincipalId,
        codes: &[Digest],
    ) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        if of(&mut tx, principal).await?.all.is_empty() {
            return Ok(false);
        }
        put_codes(&mut tx, principal, codes).await?;
        self.record(&mut tx, by, "factor.recovery-codes", &codes.len().to_string()).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes all factors and recovery codes from a user, and ends their sessions; answers how many factors they had.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoPasswords`].
    pub async fn clear_factors(&self, by: &By, name: &PrincipalName) -> Result<usize, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let user = principals::require(&mut tx, name).await?;
        if user.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(name.to_string()));
        }
        let had = clear(&mut tx, &user.id).await?;
        self.record(&mut tx, by, "user.reset-factors", name.as_str()).await?;
        tx.commit().await?;
        Ok(had)
    }
}

/// Takes everything from somebody, their sessions included.
pub(crate) async fn clear(tx: &mut Tx, principal: &PrincipalId) -> Result<usize, StoreError> {
    let had = of(tx, principal).await?.all.len();
    sql("DELETE FROM factors WHERE principal = $1").bind(principal.as_str()).execute(tx).await?;
    put_codes(tx, principal, &[]).await?;
    sessions::end_all_but(tx, principal, None).await?;
    Ok(had)
}

/// Those of some principals who have a factor.
pub(crate) async fn owners_among(tx: &mut Tx, of: &[PrincipalId]) -> Result<Vec<PrincipalId>, StoreError> {
    let text = "SELECT DISTINCT principal FROM factors WHERE principal";
    among(tx, (text, "", "factors"), of, |row| Ok(row.text("principal")?.into())).await
}

/// Everybody who has a factor.
pub(crate) async fn owners(tx: &mut Tx) -> Result<Vec<PrincipalId>, StoreError> {
    let rows = sql("SELECT DISTINCT principal FROM factors ORDER BY principal").fetch(tx, "factors").await?;
    rows.iter().map(|row| Ok(row.text("principal")?.into())).collect()
}

async fn of(tx: &mut Tx, principal: &PrincipalId) -> Result<Factors, StoreError> {
    let statement = sql("SELECT id, kind, label, material, created_at, last_used_at FROM factors \
                         WHERE principal = $1 ORDER BY created_at, id");
    let rows = statement.bind(principal.as_str()).fetch(tx, "factors").await?;
    let codes = sql("SELECT digest FROM recovery_codes WHERE principal = $1").bind(principal.as_str());
    let recovery_codes = codes.fetch(tx, "recovery_codes").await?.len();
    Ok(Factors { all: rows.iter().map(factor).collect::<Result<_, _>>()?, recovery_codes })
}

async fn insert(tx: &mut Tx, principal: &PrincipalId, new: &NewFactor, now: Timestamp) -> Result<(), StoreError> {
    sql("INSERT INTO factors (id, principal, kind, label, material, handle, last_step, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(new.id.as_str())
    .bind(principal.as_str())
    .bind(new.kind.as_str())
    .bind(new.label.as_str())
    .bind(new.material.as_str())
    .bind(new.handle.as_deref())
    .bind(new.last_step)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

async fn put_codes(tx: &mut Tx, principal: &PrincipalId, codes: &[Digest]) -> Result<(), StoreError> {
    sql("DELETE FROM recovery_codes WHERE principal = $1").bind(principal.as_str()).execute(tx).await?;
    for code in codes {
        sql("INSERT INTO recovery_codes (principal, digest) VALUES ($1, $2)")
            .bind(principal.as_str())
            .bind(code.to_hex().as_str())
            .execute(tx)
            .await?;
    }
    Ok(())
}

fn described(id: &CredentialId, kind: FactorKind, label: &str) -> String {
    format!("{} {id} ({label})", kind.as_str())
}

fn factor(row: &Row) -> Result<FactorRow, StoreError> {
    Ok(FactorRow {
        id: row.text("id")?.into(),
        kind: row.read("kind", FactorKind::parse)?,
        label: row.text("label")?,
        material: row.text("material")?,
        created_at: row.moment("created_at")?,
        last_used_at: row.maybe_moment("last_used_at")?,
    })
}
