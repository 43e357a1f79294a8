//! Who is a provider's person here? An account bound to (issuer, subject), made at the first sign-in.

use lictor_model::{Principal, PrincipalId, PrincipalKind, PrincipalName, Source, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::NewExternalAccount;
use crate::statement::{Row, sql};
use crate::{By, Store, principals};

impl Store {
    /// Who has signed in at a provider, and so is made again by the next sign-in.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_external_principals(&self) -> Result<Vec<PrincipalId>, StoreError> {
        let mut tx = self.read().await?;
        let statement = sql("SELECT DISTINCT principal FROM external_accounts");
        let rows = statement.fetch(&mut tx, "external_accounts").await?;
        tx.commit().await?;
        rows.iter().map(|row| row.text("principal").map(Into::into)).collect()
    }

    /// The account that the provider's person is bound to, or a new one under the first of the wanted names that nobody
    /// has: a name never leads to an account that was there before. Notes that the provider confirmed the person now.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] when somebody has each of the names.
    pub async fn bind_external_account(&self, by: &By, new: NewExternalAccount) -> Result<Principal, StoreError> {
        let mut tx = self.write().await?;
        let now = self.clock.now();
        if let Some(principal) = find(&mut tx, &new.issuer, &new.subject).await? {
            confirm(&mut tx, &new.issuer, &new.subject, now).await?;
            tx.commit().await?;
            return Ok(principal);
        }
        tx.change_directory().await?;
        // Two of the person's browsers may come at once: the one that waited for the lock finds what the other made.
        if let Some(principal) = find(&mut tx, &new.issuer, &new.subject).await? {
            return Ok(principal);
        }
        let name = free_name(&mut tx, new.names).await?;
        let (id, kind) = (PrincipalId::fresh(), PrincipalKind::User);
        let principal = Principal { id, kind, name, disabled: false, created_at: now };
        principals::insert(&mut tx, &principal).await?;
        sql("INSERT INTO external_accounts (issuer, subject, principal, provider, created_at, confirmed_at) \
             VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(new.issuer.as_str())
        .bind(new.subject.as_str())
        .bind(principal.id.as_str())
        .bind(new.provider.as_str())
        .bind(now)
        .bind(now)
        .execute(&mut tx)
        .await?;
        self.record(&mut tx, by, "user.add", principal.name.as_str()).await?;
        tx.commit().await?;
        Ok(principal)
    }

    /// Notes that the provider confirmed a person now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn confirm_external_account(&self, issuer: &str, subject: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        confirm(&mut tx, issuer, subject, self.clock.now()).await?;
        tx.commit().await
    }

    /// Those who have something of a provider's rules, and whom the provider last confirmed before the given time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn unconfirmed_since(&self, provider: &str, before: Timestamp) -> Result<Vec<PrincipalId>, StoreError> {
        let mut tx = self.read().await?;
        let source = Source::SignIn(provider.into()).to_text();
        let statement = sql("SELECT principal FROM external_accounts WHERE provider = $1 AND confirmed_at < $2 AND ( \
                             EXISTS (SELECT 1 FROM grants \
                             WHERE grants.principal = external_accounts.principal AND grants.source = $3) \
                             OR EXISTS (SELECT 1 FROM team_members \
                             WHERE team_members.principal = external_accounts.principal AND team_members.source = $3)) \
                             ORDER BY principal");
        let statement = statement.bind(provider).bind(before).bind(source.as_str());
        let rows = statement.fetch(&mut tx, "external_accounts").await?;
        tx.commit().await?;
        rows.iter().map(|row| row.text("principal").map(PrincipalId::from)).collect()
    }

    /// The account that a provider's person is bound to.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_external_account(&self, issuer: &str, subject: &str) -> Result<Option<Principal>, StoreError> {
        let mut tx = self.read().await?;
        let found = find(&mut tx, issuer, subject).await?;
        tx.commit().await?;
        Ok(found)
    }
}

async fn confirm(tx: &mut Tx, issuer: &str, subject: &str, now: Timestamp) -> Result<(), StoreError> {
    sql("UPDATE external_accounts SET confirmed_at = $1 WHERE issuer = $2 AND subject = $3")
        .bind(now)
        .bind(issuer)
        .bind(subject)
        .execute(tx)
        .await?;
    Ok(())
}

async fn find(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<Principal>, StoreError> {
    let statement = sql("SELECT principals.id, kind, name, disabled, principals.created_at FROM principals \
                         JOIN external_accounts ON external_accounts.principal = principals.id \
                         WHERE issuer = $1 AND subject = $2");
    let row: Option<Row> = statement.bind(issuer).bind(subject).fetch_first(tx, "principals").await?;
    row.map(|row| principals::principal(&row)).transpose()
}

async fn free_name(tx: &mut Tx, names: Vec<PrincipalName>) -> Result<PrincipalName, StoreError> {
    let last = names.last().map(ToString::to_string).unwrap_or_default();
    for name in names {
        if principals::find(tx, &name).await?.is_none() {
            return Ok(name);
        }
    }
    Err(StoreError::NameTaken { what: "user or service account", name: last })
}
