//! Whose passwords are not looked at for a while? Bans: begun by a replica or an administrator, lifted, run out.

use lictor_model::{Actor, Ban, BanCause, BanSubject, ClientAddress, PrincipalName, Timestamp};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::statement::{Row, Statement, sql};
use crate::{By, Store};

/// Bans that replicas may hold here at once; beyond that an attack from everywhere is held back in their memory alone.
const MOST: i64 = 10_000;

/// A ban as replicas hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldBan {
    /// The ban.
    pub ban: Ban,
    /// When it was lifted; kept until its end, so that every replica forgets the failures that led to it.
    pub lifted_at: Option<Timestamp>,
}

impl Store {
    /// All bans that have not run out, and the version that they are of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a ban does not read.
    pub async fn load_bans(&self) -> Result<(i64, Vec<HeldBan>), StoreError> {
        let mut tx = self.read().await?;
        let version = crate::directory::versions(&mut tx).await?.bans;
        let bans = all(&mut tx, self.clock.now()).await?;
        tx.commit().await?;
        Ok((version, bans))
    }

    /// The bans in force, those that end last first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn list_bans(&self) -> Result<Vec<Ban>, StoreError> {
        let mut tx = self.read().await?;
        let bans = in_force(&mut tx, self.clock.now()).await?;
        tx.commit().await?;
        Ok(bans)
    }

    /// Notes bans that wrong passwords led to. A longer one that holds already stays, and so does one that was lifted
    /// after this one began.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn begin_bans(&self, bans: &[Ban]) -> Result<(), StoreError> {
        if bans.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        tx.change_bans().await?;
        sql("DELETE FROM bans WHERE ends_at <= $1").bind(self.clock.now()).execute(&mut tx).await?;
        let held = sql("SELECT 'all' AS name, COUNT(*) AS held FROM bans").fetch_first(&mut tx, "bans").await?;
        let room = MOST - held.map_or(Ok(0), |row| row.integer("held"))?;
        let mut begun = false;
        for ban in bans.iter().take(usize::try_from(room).unwrap_or_default()) {
            if begin(&mut tx, ban).await? {
                begun = true;
                self.record(&mut tx, &guesser(&ban.subject), "ban.begin", &object(ban)).await?;
            }
        }
        if begun {
            tx.commit().await?;
        }
        Ok(())
    }

    /// Bans by an administrator's word, in place of any other ban on the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away.
    pub async fn add_ban(&self, by: &By, ban: &Ban) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.change_bans().await?;
        put(ban, "").execute(&mut tx).await?;
        self.record(&mut tx, by, "ban.add", &object(ban)).await?;
        tx.commit().await
    }

    /// Lifts every ban on the account or the address, alone or together with others; answers them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn lift_bans(&self, by: &By, which: &str) -> Result<Vec<Ban>, StoreError> {
        let address: Option<ClientAddress> = which.parse().ok();
        let now = self.clock.now();
        let mut tx = self.write().await?;
        tx.change_bans().await?;
        let mut bans = in_force(&mut tx, now).await?;
        bans.retain(|ban| {
            let by_account = ban.subject.account.as_ref().is_some_and(|account| account.as_str() == which);
            by_account || (address.is_some() && ban.subject.address == address)
        });
        if bans.is_empty() {
            return Err(StoreError::NotFound { what: "ban on", name: which.to_owned() });
        }
        for ban in &bans {
            lift(&mut tx, &ban.subject, now).await?;
            self.record(&mut tx, by, "ban.lift", &ban.subject.to_string()).await?;
        }
        tx.commit().await?;
        Ok(bans)
    }
}

/// Lifts one ban, if there is one.
pub(crate) async fn lift(tx: &mut Tx, subject: &BanSubject, now: Timestamp) -> Result<(), StoreError> {
    let (account, address) = texts(subject);
    let statement = sql("UPDATE bans SET lifted_at = $1 WHERE account = $2 AND address = $3 AND lifted_at IS NULL");
    statement.bind(now).bind(account.as_str()).bind(address.as_str()).execute(tx).await?;
    Ok(())
}

async fn begin(tx: &mut Tx, ban: &Ban) -> Result<bool, StoreError> {
    let unless = " WHERE (bans.lifted_at IS NULL AND bans.cause <> 'administrator' AND bans.ends_at < excluded.ends_at) \
                  OR bans.lifted_at < excluded.began_at";
    Ok(put(ban, unless).execute(tx).await? > 0)
}

fn put(ban: &Ban, unless: &'static str) -> Statement {
    let (account, address) = texts(&ban.subject);
    let mut statement =
        sql("INSERT INTO bans (account, address, cause, began_at, ends_at) VALUES ($1, $2, $3, $4, $5) \
                             ON CONFLICT (account, address) DO UPDATE SET cause = excluded.cause, \
                             began_at = excluded.began_at, ends_at = excluded.ends_at, lifted_at = NULL")
        .bind(account.as_str())
        .bind(address.as_str())
        .bind(ban.cause.as_str())
        .bind(ban.began_at)
        .bind(ban.ends_at);
    statement.push(unless);
    statement
}

/// Whoever guessed proved nothing of who they are.
fn guesser(subject: &BanSubject) -> By {
    let claimed = subject.account.as_ref().map_or("", PrincipalName::as_str);
    let client_ip = subject.address.map(|address| address.to_string()).unwrap_or_default();
    By { actor: Actor::unknown(claimed), credential: None, client_ip, request: None }
}

fn object(ban: &Ban) -> String {
    format!("{} until {}", ban.subject, ban.ends_at)
}

/// The two columns of a subject; empty is any.
fn texts(subject: &BanSubject) -> (String, String) {
    let account = subject.account.as_ref().map(ToString::to_string).unwrap_or_default();
    (account, subject.address.map(|address| address.to_string()).unwrap_or_default())
}

async fn in_force(tx: &mut Tx, now: Timestamp) -> Result<Vec<Ban>, StoreError> {
    let held = all(tx, now).await?;
    Ok(held.into_iter().filter(|held| held.lifted_at.is_none()).map(|held| held.ban).collect())
}

async fn all(tx: &mut Tx, now: Timestamp) -> Result<Vec<HeldBan>, StoreError> {
    let statement = sql("SELECT account, address, cause, began_at, ends_at, lifted_at FROM bans WHERE ends_at > $1 \
                         ORDER BY ends_at DESC, account, address");
    statement.bind(now).fetch(tx, "bans").await?.iter().map(held).collect()
}

fn held(row: &Row) -> Result<HeldBan, StoreError> {
    let account = Some(row.text("account")?).filter(|text| !text.is_empty());
    let address = Some(row.text("address")?).filter(|text| !text.is_empty());
    let account = account.map(|text| PrincipalName::parse(&text).map_err(|_| row.corrupt("account"))).transpose()?;
    let address = address.map(|text| text.parse().map_err(|_| row.corrupt("address"))).transpose()?;
    let ban = Ban {
        subject: BanSubject { account, address },
        cause: row.read("cause", BanCause::parse)?,
        began_at: row.moment("began_at")?,
        ends_at: row.moment("ends_at")?,
    };
    Ok(HeldBan { ban, lifted_at: row.maybe_moment("lifted_at")? })
}
