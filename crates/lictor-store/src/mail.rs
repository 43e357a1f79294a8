//! Whom is a notice sent to, and was it sent? Addresses, and what each key's owner was told by mail: once, by one replica.

use std::collections::HashMap;

use lictor_model::{CredentialId, PrincipalId, PrincipalName, Source, Timestamp};

use crate::error::StoreError;
use crate::statement::sql;
use crate::{By, Store, principals};

impl Store {
    /// Gives somebody an address for notices, or takes it away, by hand.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_mail_address(
        &self,
        by: &By,
        name: &PrincipalName,
        address: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let principal = principals::require(&mut tx, name).await?;
        sql("DELETE FROM mail_addresses WHERE principal = $1").bind(principal.id.as_str()).execute(&mut tx).await?;
        if let Some(address) = address {
            sql("INSERT INTO mail_addresses (principal, address, source, changed_at) VALUES ($1, $2, $3, $4)")
                .bind(principal.id.as_str())
                .bind(address)
                .bind(Source::ByHand.to_text().as_str())
                .bind(self.clock.now())
                .execute(&mut tx)
                .await?;
        }
        let operation = format!("{}.set-email", principal.kind.as_str());
        self.record(&mut tx, by, operation, &format!("{name} {}", address.unwrap_or("none"))).await?;
        tx.commit().await
    }

    /// Notes the address that a provider vouches for; one that was set by hand stays.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn note_mail_address(
        &self,
        by: &By,
        of: &PrincipalId,
        address: &str,
        source: &Source,
    ) -> Result<(), StoreError> {
        let source = source.to_text();
        let mut tx = self.read().await?;
        let known = sql("SELECT principal, address, source FROM mail_addresses WHERE principal = $1");
        let known = known.bind(of.as_str()).fetch_first(&mut tx, "mail_addresses").await?;
        tx.commit().await?;
        if let Some(row) = known {
            let by_hand = row.source("source")? == Source::ByHand;
            if by_hand || (row.text("address")? == address && row.text("source")? == source) {
                return Ok(());
            }
        }
        let mut tx = self.write().await?;
        let Some(name) = principals::name_of(&mut tx, of).await? else { return Ok(()) };
        let noted = sql("INSERT INTO mail_addresses (principal, address, source, changed_at) VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (principal) DO UPDATE SET address = excluded.address, source = excluded.source, \
                         changed_at = excluded.changed_at WHERE mail_addresses.source <> $5")
        .bind(of.as_str())
        .bind(address)
        .bind(source.as_str())
        .bind(self.clock.now())
        .bind(Source::ByHand.to_text().as_str())
        .execute(&mut tx)
        .await?;
        if noted > 0 {
            self.record(&mut tx, by, "user.set-email", &format!("{name} {address}")).await?;
        }
        tx.commit().await
    }

    /// All addresses, by principal.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn mail_addresses(&self) -> Result<HashMap<PrincipalId, String>, StoreError> {
        let mut tx = self.read().await?;
        let rows = sql("SELECT principal, address FROM mail_addresses").fetch(&mut tx, "mail_addresses").await?;
        tx.commit().await?;
        rows.iter().map(|row| Ok((row.text("principal")?.into(), row.text("address")?))).collect()
    }

    /// Takes a notice to send it before that time; false when it was sent, or somebody else has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn take_notice(&self, key: &CredentialId, stage: &str, until: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let taken = sql("INSERT INTO mailed_notices (key, stage, taken_until) \
                         SELECT id, $2, $3 FROM api_keys WHERE id = $1 \
                         ON CONFLICT (key, stage) DO UPDATE SET taken_until = excluded.taken_until \
                         WHERE mailed_notices.sent_at IS NULL AND mailed_notices.taken_until <= $4")
        .bind(key.as_str())
        .bind(stage)
        .bind(until)
        .bind(self.clock.now())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(taken > 0)
    }

    /// Notes that a notice was sent.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn notice_sent(&self, key: &CredentialId, stage: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let sent = sql("UPDATE mailed_notices SET sent_at = $1 WHERE key = $2 AND stage = $3");
        sent.bind(self.clock.now()).bind(key.as_str()).bind(stage).execute(&mut tx).await?;
        tx.commit().await
    }

    /// Gives a notice back that could not be sent: whoever comes first may take it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away; then it comes back when its time is over.
    pub async fn give_back_notice(&self, key: &CredentialId, stage: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let back = sql("UPDATE mailed_notices SET taken_until = $1 WHERE key = $2 AND stage = $3 AND sent_at IS NULL");
        back.bind(self.clock.now()).bind(key.as_str()).bind(stage).execute(&mut tx).await?;
        tx.commit().await
    }
}
