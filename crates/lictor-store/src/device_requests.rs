//! Which program waits for a key of a person's? Known by two codes: its own, and the one that the person types; used once.

use lictor_model::{
    Actor, CredentialId, CredentialKind, CredentialRef, Digest, Narrowing, Principal, PrincipalId, RequestId, Timestamp,
};

use crate::error::StoreError;
use crate::keys::{capped, narrowing};
use crate::pool::Tx;
use crate::rows::{KeyRow, NewSecret};
use crate::statement::{Row, sql};
use crate::{By, Store, directory, keys, principals};

/// Requests that wait at once: strangers make them, and guessing one of few is harder.
const MOST: i64 = 20_000;
/// How much longer a program must wait between its questions when it asked too soon (RFC 8628 section 3.5).
const SLOWER: i64 = 5;

const PENDING: &str = "pending";
const ALLOWED: &str = "allowed";
const DENIED: &str = "denied";

/// A program's request to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeviceRequest {
    /// How the program will be recognised.
    pub device_code: Digest,
    /// How it is found by the person.
    pub user_code: Digest,
    /// What its key will be for, as the program says.
    pub label: String,
    /// Where it runs, as it says.
    pub machine: String,
    /// From which address it asks.
    pub client_ip: String,
    /// When nobody can allow it any more.
    pub expires_at: Timestamp,
    /// Seconds between its questions.
    pub pause: i64,
}

/// A request that waits for somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// What its key will be for, as the program says.
    pub label: String,
    /// Where it runs, as it says.
    pub machine: String,
    /// From which address it asks.
    pub client_ip: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a person allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAllowance {
    /// What the key is for.
    pub label: String,
    /// When it ends.
    pub ends_at: Timestamp,
    /// What it may do at most.
    pub narrowing: Option<Narrowing>,
}

/// How a program's question was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// No such code: it never was, is over, or was used.
    Unknown,
    /// The time is over.
    Expired,
    /// It asks too often; so many seconds between two questions from now on.
    TooSoon(i64),
    /// Nobody has decided yet.
    Pending,
    /// Somebody said no, or may say nothing any more.
    Denied,
    /// The key is made, and the code used up.
    Allowed {
        /// The key.
        key: Box<KeyRow>,
        /// Whose.
        owner: Principal,
    },
}

impl Store {
    /// Notes a request; false when too many wait already.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] when a code is in use: choose others.
    pub async fn add_device_request(&self, new: &NewDeviceRequest) -> Result<bool, StoreError> {
        let (mut tx, now) = (self.write().await?, self.clock.now());
        sql("DELETE FROM device_requests WHERE expires_at <= $1").bind(now).execute(&mut tx).await?;
        let count = sql("SELECT 'all' AS id, COUNT(*) AS waiting FROM device_requests");
        let waiting = count.fetch_first(&mut tx, "device_requests").await?;
        if waiting.map_or(Ok(0), |row| row.integer("waiting"))? >= MOST {
            return Ok(false);
        }
        let added =
            sql("INSERT INTO device_requests (id, device_code, user_code, label, machine, client_ip, created_at, \
                         expires_at, polled_at, pause, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                         ON CONFLICT DO NOTHING")
            .bind(CredentialId::fresh().as_str())
            .bind(new.device_code.to_hex().as_str())
            .bind(new.user_code.to_hex().as_str())
            .bind(new.label.as_str())
            .bind(new.machine.as_str())
            .bind(new.client_ip.as_str())
            .bind(now)
            .bind(new.expires_at)
            .bind(0_i64)
            .bind(new.pause)
            .bind(PENDING)
            .execute(&mut tx)
            .await?;
        if added == 0 {
            return Err(StoreError::NameTaken { what: "code", name: new.label.clone() });
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The request that this code is for, while it waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn find_device_request(&self, user_code: &Digest) -> Result<Option<DeviceRequest>, StoreError> {
        let mut tx = self.read().await?;
        let row = waiting(&mut tx, user_code, self.clock.now()).await?;
        tx.commit().await?;
        row.map(|row| request(&row)).transpose()
    }

    /// Says yes, with what is allowed, or no; once. Nothing when the request does not wait any more.
    ///
    /// # Errors
    /// [`StoreError::KeyOutlivesRole`] when a role of the person's lets no key grow so old.
    pub async fn decide_device_request(
        &self,
        by: &By,
        user_code: &Digest,
        allowance: Option<&DeviceAllowance>,
    ) -> Result<Option<DeviceRequest>, StoreError> {
        let (mut tx, now) = (self.write().await?, self.clock.now());
        let Some(row) = waiting(&mut tx, user_code, now).await? else { return Ok(None) };
        let found = request(&row)?;
        if let Some(allowance) = allowance {
            let owner = PrincipalId::from(by.actor.id.as_str());
            let ages = directory::key_ages_of(&mut tx, &owner).await?;
            keys::check_age(ages.of(&owner), Some(allowance.ends_at), now)?;
        }
        // Plain data, and so always JSON.
        let narrow = allowance.and_then(|allowed| serde_json::to_string(allowed.narrowing.as_ref()?).ok());
        let decided = sql("UPDATE device_requests SET outcome = $1, principal = $2, session = $3, label = $4, \
                           ends_at = $5, narrowing = $6 WHERE id = $7 AND outcome = 'pending'")
        .bind(if allowance.is_some() { ALLOWED } else { DENIED })
        .bind(by.actor.id.as_str())
        .bind(by.session().map(CredentialId::as_str))
        .bind(allowance.map_or(found.label.as_str(), |allowed| allowed.label.as_str()))
        .bind(allowance.map(|allowed| allowed.ends_at))
        .bind(narrow.as_deref())
        .bind(row.text("id")?.as_str())
        .execute(&mut tx)
        .await?;
        // Two said something at once: the first one counts.
        if decided == 0 {
            return Ok(None);
        }
        let operation = if allowance.is_some() { "device.allow" } else { "device.deny" };
        let object = format!("{} on {} at {}", found.label, found.machine, found.client_ip);
        self.record(&mut tx, by, operation, &object).await?;
        tx.commit().await?;
        Ok(Some(found))
    }

    /// Answers a program's question; where it is allowed, its key is made of this secret, and the code is used up.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn ask_device_request(
        &self,
        device_code: &Digest,
        secret: NewSecret,
        client_ip: &str,
        request: &RequestId,
    ) -> Result<DeviceAnswer, StoreError> {
        let mut tx = self.read().await?;
        let known = by_device(&mut tx, device_code).await?;
        tx.commit().await?;
        // Only what is known takes the write lock: anybody may ask.
        if known.is_none() {
            return Ok(DeviceAnswer::Unknown);
        }
        let (mut tx, now) = (self.write().await?, self.clock.now());
        let Some(row) = by_device(&mut tx, device_code).await? else { return Ok(DeviceAnswer::Unknown) };
        if row.moment("expires_at")? <= now {
            return Ok(DeviceAnswer::Expired);
        }
        let (id, pause) = (row.text("id")?, row.integer("pause")?);
        // A second's grace: a question that was on its way for longer than the last one is not too soon.
        let is_soon = now.seconds_since(row.moment("polled_at")?) < pause - 1;
        let pause = if is_soon { pause + SLOWER } else { pause };
        let noted = sql("UPDATE device_requests SET polled_at = $1, pause = $2 WHERE id = $3");
        noted.bind(now).bind(pause).bind(id.as_str()).execute(&mut tx).await?;
        let answer = match row.text("outcome")?.as_str() {
            _ if is_soon => DeviceAnswer::TooSoon(pause),
            PENDING => DeviceAnswer::Pending,
            ALLOWED => self.hand_out(&mut tx, &row, secret, (client_ip, request)).await?,
            _ => DeviceAnswer::Denied,
        };
        if matches!(answer, DeviceAnswer::Denied) {
            sql("DELETE FROM device_requests WHERE id = $1").bind(id.as_str()).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }

    /// Makes the key that a person allowed.
    async fn hand_out(
        &self,
        tx: &mut Tx,
        row: &Row,
        secret: NewSecret,
        (client_ip, request): (&str, &RequestId),
    ) -> Result<DeviceAnswer, StoreError> {
        tx.change_directory().await?;
        // Of two that ask at once, one gets the key.
        let used = sql("DELETE FROM device_requests WHERE id = $1").bind(row.text("id")?.as_str()).execute(tx).await?;
        let of: PrincipalId = row.text("principal")?.into();
        let owner = principals::of_all(tx, &[of]).await?.into_iter().find(|owner| !owner.disabled);
        let Some(owner) = owner.filter(|_| used > 0) else { return Ok(DeviceAnswer::Denied) };
        let (now, ages) = (self.clock.now(), directory::key_ages_of(tx, &owner.id).await?);
        let key = KeyRow {
            id: CredentialId::fresh(),
            principal: owner.id.clone(),
            label: row.text("label")?,
            digest: secret.digest,
            hint: secret.hint,
            created_at: now,
            expires_at: capped(row.maybe_moment("ends_at")?, ages.of(&owner.id), now),
            ended_by: None,
            revoked_at: None,
            disabled: false,
            replaces: None,
            issuer: None,
            narrowing: row.maybe_text("narrowing")?.map(|text| narrowing(row, &text)).transpose()?,
            last_used: None,
        };
        keys::insert(tx, &key).await?;
        let credential = row
            .maybe_text("session")?
            .map(|session| CredentialRef { kind: CredentialKind::Session, id: session.into() });
        let by = By {
            actor: Actor { id: owner.id.to_string(), kind: Some(owner.kind), name: owner.name.to_string() },
            credential,
            client_ip: client_ip.to_owned(),
            request: Some(request.clone()),
        };
        self.record(tx, &by, "key.create", &format!("{} of {}", key.id, owner.name)).await?;
        Ok(DeviceAnswer::Allowed { key: Box::new(keys::aged(key, &ages)), owner })
    }
}

async fn waiting(tx: &mut Tx, user_code: &Digest, now: Timestamp) -> Result<Option<Row>, StoreError> {
    sql("SELECT id, label, machine, client_ip, created_at FROM device_requests \
         WHERE user_code = $1 AND expires_at > $2 AND outcome = 'pending'")
    .bind(user_code.to_hex().as_str())
    .bind(now)
    .fetch_first(tx, "device_requests")
    .await
}

async fn by_device(tx: &mut Tx, device_code: &Digest) -> Result<Option<Row>, StoreError> {
    sql("SELECT id, label, expires_at, polled_at, pause, outcome, principal, session, ends_at, narrowing \
         FROM device_requests WHERE device_code = $1")
    .bind(device_code.to_hex().as_str())
    .fetch_first(tx, "device_requests")
    .await
}

fn request(row: &Row) -> Result<DeviceRequest, StoreError> {
    Ok(DeviceRequest {
        label: row.text("label")?,
        machine: row.text("machine")?,
        client_ip: row.text("client_ip")?,
        created_at: row.moment("created_at")?,
    })
}
