//! Who was given a link to set a password, or to be rid of lost second factors? One a user, known by its digest, used
//! once, soon over.

use lictor_model::{
    Actor, BanSubject, ClientAddress, CredentialId, CredentialKind, CredentialRef, Digest, Principal, PrincipalId,
    PrincipalKind, PrincipalName, RequestId, Timestamp,
};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::sql;
use crate::{By, Store, bans, factors, passwords, principals, sessions};

/// The use of a link.
#[derive(Debug, Clone)]
pub struct ResetLink {
    /// How the link is recognised.
    pub digest: Digest,
    /// From which address it is used.
    pub address: std::net::IpAddr,
    /// In which request.
    pub request: RequestId,
}

/// What a link does.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Password,
    Factors,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Factors => "factors",
        }
    }
}

impl Store {
    /// Makes the link of a user, in place of any other. Its user's password and sessions stay as they are until it is
    /// used.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoPasswords`].
    pub async fn add_reset_link(
        &self,
        by: &By,
        name: &PrincipalName,
        digest: &Digest,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.add_link(by, name, (Purpose::Password, digest), expires_at).await
    }

    /// Makes the link by which a user is rid of all second factors, in place of any other link.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoPasswords`].
    pub async fn add_factor_reset_link(
        &self,
        by: &By,
        name: &PrincipalName,
        digest: &Digest,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.add_link(by, name, (Purpose::Factors, digest), expires_at).await
    }

    async fn add_link(
        &self,
        by: &By,
        name: &PrincipalName,
        (purpose, digest): (Purpose, &Digest),
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let principal = principals::require(&mut tx, name).await?;
        if principal.kind == PrincipalKind::ServiceAccount {
            return Err(StoreError::NoPasswords(name.to_string()));
        }
        sql("INSERT INTO reset_links (principal, id, digest, created_at, expires_at, purpose) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (principal) DO UPDATE SET id = excluded.id, digest = excluded.digest, \
             created_at = excluded.created_at, expires_at = excluded.expires_at, purpose = excluded.purpose")
        .bind(principal.id.as_str())
        .bind(CredentialId::fresh().as_str())
        .bind(digest.to_hex().as_str())
        .bind(self.clock.now())
        .bind(expires_at)
        .bind(purpose.as_str())
        .execute(&mut tx)
        .await?;
        let operation = match purpose {
            Purpose::Password => "user.reset-link",
            Purpose::Factors => "user.reset-factors-link",
        };
        self.record(&mut tx, by, operation, &format!("{name} until {expires_at}")).await?;
        tx.commit().await
    }

    /// Whose password the link sets: of an enabled user, while it lasts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_reset_link(&self, digest: &Digest) -> Result<Option<PrincipalName>, StoreError> {
        let mut tx = self.read().await?;
        let found = find(&mut tx, (Purpose::Password, digest), self.clock.now()).await?;
        tx.commit().await?;
        Ok(found.map(|(_, user)| user.name))
    }

    /// Whose second factors the link takes away, while it lasts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_factor_reset_link(&self, digest: &Digest) -> Result<Option<PrincipalName>, StoreError> {
        let mut tx = self.read().await?;
        let found = find(&mut tx, (Purpose::Factors, digest), self.clock.now()).await?;
        tx.commit().await?;
        Ok(found.map(|(_, user)| user.name))
    }

    /// Uses the link: takes the second factors away and ends the user's sessions. Answers whose it was; nobody's when
    /// it was used before, or is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn use_factor_reset_link(&self, link: &ResetLink) -> Result<Option<PrincipalName>, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let Some((id, user)) = find(&mut tx, (Purpose::Factors, &link.digest), self.clock.now()).await? else {
            return Ok(None);
        };
        factors::clear(&mut tx, &user.id).await?;
        drop_of(&mut tx, &user.id).await?;
        self.record(&mut tx, &link.by(&user, id), "user.reset-factors", user.name.as_str()).await?;
        tx.commit().await?;
        Ok(Some(user.name))
    }

    /// Uses the link: sets the password, ends the user's sessions and the ban on the user from this address. Answers
    /// whose it was; nobody's when it was used before, or is over.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn use_reset_link(&self, link: &ResetLink, hash: &str) -> Result<Option<PrincipalName>, StoreError> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        // The row's lock makes a second use of the link wait, and then find nothing.
        tx.change_directory().await?;
        let Some((id, user)) = find(&mut tx, (Purpose::Password, &link.digest), now).await? else {
            return Ok(None);
        };
        passwords::put(&mut tx, &user.id, hash, false, now).await?;
        sessions::end_all_but(&mut tx, &user.id, None).await?;
        tx.change_bans().await?;
        let subject = BanSubject { account: Some(user.name.clone()), address: Some(ClientAddress::from(link.address)) };
        bans::lift(&mut tx, &subject, now).await?;
        self.record(&mut tx, &link.by(&user, id), "user.reset-password", user.name.as_str()).await?;
        tx.commit().await?;
        Ok(Some(user.name))
    }
}

impl ResetLink {
    /// Its use as the act of the user whose it is.
    fn by(&self, user: &Principal, id: CredentialId) -> By {
        By {
            actor: Actor { id: user.id.to_string(), kind: Some(user.kind), name: user.name.to_string() },
            credential: Some(CredentialRef { kind: CredentialKind::ResetLink, id }),
            client_ip: self.address.to_string(),
            request: Some(self.request.clone()),
        }
    }
}

/// A password was set, or a link was used: the link to another is no longer wanted.
pub(crate) async fn drop_of(tx: &mut Tx, principal: &PrincipalId) -> Result<(), StoreError> {
    sql("DELETE FROM reset_links WHERE principal = $1").bind(principal.as_str()).execute(tx).await?;
    Ok(())
}

async fn find(
    tx: &mut Tx,
    (purpose, digest): (Purpose, &Digest),
    now: Timestamp,
) -> Result<Option<(CredentialId, Principal)>, StoreError> {
    let statement = sql("SELECT id, principal FROM reset_links WHERE digest = $1 AND expires_at > $2 AND purpose = $3");
    let statement = statement.bind(digest.to_hex().as_str()).bind(now).bind(purpose.as_str());
    let row = statement.fetch_first(tx, "reset_links").await?;
    let Some(row) = row else { return Ok(None) };
    let of: PrincipalId = row.text("principal")?.into();
    let user = principals::all(tx).await?.into_iter().find(|user| user.id == of && !user.disabled);
    let id: CredentialId = row.text("id")?.into();
    Ok(user.map(|user| (id, user)))
}
