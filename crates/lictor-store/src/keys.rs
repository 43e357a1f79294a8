//! Which API keys are there? Digests and what lists show of them; a revoked key stays listed.

use lictor_model::{
    CredentialId, Digest, KeyAges, MaxKeyAge, Narrowing, PrincipalId, PrincipalKind, PrincipalName, Timestamp,
};

use crate::error::{StoreError, is_taken};
use crate::moved::among;
use crate::pool::Tx;
use crate::rows::{KeyRow, LastUse, NewKey};
use crate::statement::{Row, sql};
use crate::{By, Store, directory, principals};

/// What [`of_all`] asks for.
const OF: &str = "SELECT id, principal, label, digest, hint, created_at, expires_at, revoked_at, last_used_at, \
                  last_used_ip, last_used_client_version, narrowing, replaces, disabled, issuer FROM api_keys \
                  WHERE principal";
const SELECT: &str = "SELECT id, principal, label, digest, hint, created_at, expires_at, revoked_at, last_used_at, \
                      last_used_ip, last_used_client_version, narrowing, replaces, disabled, issuer FROM api_keys";

impl Store {
    /// Adds a key. Where a role of its owner bounds its age, one without an end gets the latest that there may be.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such principal; [`StoreError::KeyOutlivesRole`].
    pub async fn add_key(&self, by: &By, new: NewKey) -> Result<KeyRow, StoreError> {
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let owner = principals::require(&mut tx, &new.principal).await?;
        // In a session one makes keys for oneself and for machines; a name may have been given to somebody else since.
        let is_another = owner.kind == PrincipalKind::User && by.actor.id != owner.id.as_str();
        if by.session().is_some() && is_another {
            return Err(StoreError::NotFound { what: "user", name: new.principal.to_string() });
        }
        let (now, ages) = (self.clock.now(), directory::key_ages_of(&mut tx, &owner.id).await?);
        let limit = ages.of(&owner.id);
        check_age(limit, new.expires_at, now)?;
        let key = KeyRow {
            id: CredentialId::fresh(),
            principal: owner.id,
            label: new.label,
            digest: new.digest,
            hint: new.hint,
            created_at: now,
            expires_at: capped(new.expires_at, limit, now),
            ended_by: None,
            revoked_at: None,
            disabled: false,
            replaces: None,
            narrowing: new.narrowing,
            issuer: None,
            last_used: None,
        };
        insert(&mut tx, &key).await?;
        self.record(&mut tx, by, "key.create", &format!("{} of {}", key.id, owner.name)).await?;
        tx.commit().await?;
        Ok(aged(key, &ages))
    }

    /// All keys, or those of one principal, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such principal.
    pub async fn list_keys(&self, of: Option<&PrincipalName>) -> Result<Vec<KeyRow>, StoreError> {
        let mut tx = self.read().await?;
        let keys = match of {
            Some(name) => {
                let owner = principals::require(&mut tx, name).await?.id;
                let ages = directory::key_ages_of(&mut tx, &owner).await?;
                of_all(&mut tx, std::slice::from_ref(&owner), &ages).await?
            }
            None => {
                let ages = KeyAges::work_out(&directory::assignments(&mut tx).await?);
                all(&mut tx, &ages).await?
            }
        };
        tx.commit().await?;
        Ok(keys)
    }

    /// Revokes the key of that id; or the only live one of that hint (its last four characters) or label. Revoking it
    /// again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::AmbiguousKey`].
    pub async fn revoke_key(&self, by: &By, which: impl AsRef<str>) -> Result<KeyRow, StoreError> {
        let which = which.as_ref();
        let mut tx = self.write().await?;
        tx.change_directory().await?;
        let mut key = choose(named(&mut tx, which).await?, which)?;
        if key.revoked_at.is_some() {
            return Ok(key);
        }
        let now = self.clock.now();
        let statement = sql("UPDATE api_keys SET revoked_at = $1 WHERE id = $2");
        statement.bind(now).bind(key.id.as_str()).execute(&mut tx).await?;
        let owner = principals::name_of(&mut tx, &key.principal).await?;
        let owner = owner.map(|owner| owner.to_string()).unwrap_or_default();
        self.record(&mut tx, by, "key.revoke", &format!("{} of {owner}", key.id)).await?;
        tx.commit().await?;
        key.revoked_at = Some(now);
        Ok(key)
    }

    /// Notes last uses; an older use than the one noted changes nothing. Replicas do not reload for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn note_key_uses(&self, uses: &[(CredentialId, LastUse)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        // In one order everywhere, so that two replicas cannot lock each other out.
        let mut uses: Vec<_> = uses.iter().collect();
        uses.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut tx = self.write().await?;
        for (id, used) in uses {
            sql("UPDATE api_keys SET last_used_at = $1, last_used_ip = $2, last_used_client_version = $3 \
                 WHERE id = $4 AND (last_used_at IS NULL OR last_used_at <= $1)")
            .bind(used.at)
            .bind(used.client_ip.as_str())
            .bind(used.client_version.as_str())
            .bind(id.as_str())
            .execute(&mut tx)
            .await?;
        }
        tx.commit().await
    }
}

/// Adds a key's row.
pub(crate) async fn insert(tx: &mut Tx, key: &KeyRow) -> Result<(), StoreError> {
    // Plain data, and so always JSON.
    let narrowing = key.narrowing.as_ref().and_then(|narrowing| serde_json::to_string(narrowing).ok());
    let added = sql("INSERT INTO api_keys (id, principal, label, digest, hint, created_at, expires_at, narrowing, \
                     replaces, issuer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
    .bind(key.id.as_str())
    .bind(key.principal.as_str())
    .bind(key.label.as_str())
    .bind(key.digest.to_hex().as_str())
    .bind(key.hint.as_str())
    .bind(key.created_at)
    .bind(key.expires_at)
    .bind(narrowing.as_deref())
    .bind(key.replaces.as_ref().map(CredentialId::as_str))
    .bind(key.issuer.as_deref())
    .execute(tx)
    .await;
    match added {
        Err(error) if is_taken(&error) => Err(StoreError::NameTaken { what: "key", name: key.hint.clone() }),
        other => other.map(drop),
    }
}

/// The key of that id, or the only live one of that hint or label.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::AmbiguousKey`].
pub fn choose(keys: Vec<KeyRow>, which: &str) -> Result<KeyRow, StoreError> {
    if let Some(key) = keys.iter().find(|key| key.id.as_str() == which) {
        return Ok(key.clone());
    }
    let fits =
        |key: &KeyRow| key.revoked_at.is_none() && !which.is_empty() && (key.hint == which || key.label == which);
    let mut fitting = keys.into_iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(StoreError::AmbiguousKey(which.to_owned())),
        (None, _) => Err(StoreError::NotFound { what: "key", name: which.to_owned() }),
    }
}

/// Refuses an end that is later than a role of the owner allows.
pub(crate) fn check_age(
    limit: Option<&MaxKeyAge>,
    wished: Option<Timestamp>,
    created_at: Timestamp,
) -> Result<(), StoreError> {
    match limit.filter(|limit| wished.is_some_and(|wished| wished > limit.end(created_at))) {
        Some(limit) => Err(StoreError::KeyOutlivesRole { role: limit.role.to_string(), age: limit.in_words() }),
        None => Ok(()),
    }
}

/// The end that a key gets: what was wished, within what the owner's roles allow.
pub(crate) fn capped(wished: Option<Timestamp>, limit: Option<&MaxKeyAge>, created_at: Timestamp) -> Option<Timestamp> {
    let latest = limit.map(|limit| limit.end(created_at));
    wished.into_iter().chain(latest).min()
}

/// The key as the roles of its owner leave it today.
pub(crate) fn aged(key: KeyRow, ages: &KeyAges) -> KeyRow {
    match ages.of(&key.principal) {
        Some(limit) if key.expires_at.is_none_or(|end| end >= limit.end(key.created_at)) => {
            KeyRow { expires_at: Some(limit.end(key.created_at)), ended_by: Some(limit.role.clone()), ..key }
        }
        _ => key,
    }
}

/// All keys, oldest first, as the roles of their owners leave them today.
pub(crate) async fn all(tx: &mut Tx, ages: &KeyAges) -> Result<Vec<KeyRow>, StoreError> {
    Ok(written(tx).await?.into_iter().map(|key| aged(key, ages)).collect())
}

/// The keys of some principals, oldest first of each few of them, as their roles leave them today.
pub(crate) async fn of_all(tx: &mut Tx, of: &[PrincipalId], ages: &KeyAges) -> Result<Vec<KeyRow>, StoreError> {
    among(tx, (OF, "ORDER BY created_at, id", "api_keys"), of, |row| Ok(aged(key(row)?, ages))).await
}

/// The key that replaces this one.
pub(crate) async fn successor(tx: &mut Tx, of: &CredentialId) -> Result<Option<CredentialId>, StoreError> {
    let statement = sql("SELECT id FROM api_keys WHERE replaces = $1").bind(of.as_str());
    let row = statement.fetch_first(tx, "api_keys").await?;
    row.map(|row| row.text("id").map(CredentialId::from)).transpose()
}

/// Those that a word may name: the one of that id, or all of that hint or label, as they were made.
pub(crate) async fn named(tx: &mut Tx, which: &str) -> Result<Vec<KeyRow>, StoreError> {
    let mut statement = sql(SELECT);
    statement.push(" WHERE id = ");
    statement.push_bind(which);
    let exact = statement.fetch(tx, "api_keys").await?;
    if !exact.is_empty() {
        return exact.iter().map(key).collect();
    }
    let mut statement = sql(SELECT);
    statement.push(" WHERE revoked_at IS NULL AND (hint = ");
    statement.push_bind(which);
    statement.push(" OR label = ");
    statement.push_bind(which);
    // Two say already that it is not clear.
    statement.push(") ORDER BY created_at, id LIMIT 2");
    statement.fetch(tx, "api_keys").await?.iter().map(key).collect()
}

/// All keys, oldest first, as they were made.
pub(crate) async fn written(tx: &mut Tx) -> Result<Vec<KeyRow>, StoreError> {
    let mut statement = sql(SELECT);
    statement.push(" ORDER BY created_at, id");
    statement.fetch(tx, "api_keys").await?.iter().map(key).collect()
}

/// The key of that digest, as it was made, unless it was revoked.
pub(crate) async fn find_live(tx: &mut Tx, digest: &Digest) -> Result<Option<KeyRow>, StoreError> {
    let mut statement = sql(SELECT);
    statement.push(" WHERE revoked_at IS NULL AND digest = ");
    statement.push_bind(digest.to_hex().as_str());
    statement.fetch_first(tx, "api_keys").await?.map(|row| key(&row)).transpose()
}

/// Reads a key's row, as it was made.
pub(crate) fn key(row: &Row) -> Result<KeyRow, StoreError> {
    let last_used = match row.maybe_moment("last_used_at")? {
        Some(at) => Some(LastUse {
            at,
            client_ip: row.text("last_used_ip")?,
            client_version: row.text("last_used_client_version")?,
        }),
        None => None,
    };
    Ok(KeyRow {
        id: row.text("id")?.into(),
        principal: row.text("principal")?.into(),
        label: row.text("label")?,
        digest: row.read("digest", Digest::from_hex)?,
        hint: row.text("hint")?,
        created_at: row.moment("created_at")?,
        expires_at: row.maybe_moment("expires_at")?,
        ended_by: None,
        revoked_at: row.maybe_moment("revoked_at")?,
        disabled: row.boolean("disabled")?,
        replaces: row.maybe_text("replaces")?.map(Into::into),
        narrowing: row.maybe_text("narrowing")?.map(|text| narrowing(row, &text)).transpose()?,
        issuer: row.maybe_text("issuer")?,
        last_used,
    })
}

/// A limit that cannot be read must not be taken for none.
pub(crate) fn narrowing(row: &Row, text: &str) -> Result<Narrowing, StoreError> {
    serde_json::from_str(text).map_err(|_| row.corrupt("narrowing"))
}
