//! What moved in the directory since a version? The principals that it is about, so that a change of one key does not cost the
//! reading of all of them.

use std::collections::BTreeSet;

use lictor_model::{KeyAges, PrincipalId};

use crate::error::StoreError;
use crate::pool::Tx;
use crate::rows::{Directory, Part};
use crate::statement::{Row, sql};
use crate::{Store, directory, factors, keys, passwords, principals};

/// About more principals than that everything is read: it costs no more.
const MOST: usize = 500;
/// Values of one statement.
const AT_ONCE: usize = 200;

/// What the database wrote down of the versions after one.
struct Moves {
    principals: Vec<PrincipalId>,
    has_access_of_many: bool,
}

impl Store {
    /// The directory, as far as it moved since that version: [`Directory::part`] says how far that is. All of it, where what
    /// moved is not known for sure.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is away, [`StoreError::Corrupt`] when a row does not read.
    pub async fn load_directory_since(&self, version: i64) -> Result<Directory, StoreError> {
        let mut tx = self.read().await?;
        let loaded = match moves(&mut tx, version).await? {
            Some(moves) => read(&mut tx, moves).await?,
            None => directory::whole(&mut tx).await?,
        };
        tx.commit().await?;
        Ok(loaded)
    }
}

/// What moved; `None` when a version left no mark, or it is too much.
async fn moves(tx: &mut Tx, since: i64) -> Result<Option<Moves>, StoreError> {
    let now = directory::versions(tx).await?.directory;
    // That version's own moves once more: somebody may have changed a row without a version of its own.
    let statement = sql("SELECT DISTINCT version, what, principal FROM moved WHERE version >= $1 LIMIT $2");
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows = statement.bind(since).bind(most).fetch(tx, "moved").await?;
    if now < since || rows.len() >= MOST {
        return Ok(None);
    }
    let (mut marks, mut principals, mut has_access_of_many) = (0_i64, BTreeSet::new(), false);
    for row in &rows {
        let at = row.integer("version")?;
        match row.text("what")?.as_str() {
            "version" => marks += i64::from(at > since),
            "principal" => drop(principals.insert(PrincipalId::from(row.text("principal")?))),
            "access" => has_access_of_many = true,
            // Of a newer program.
            _ => return Ok(None),
        }
    }
    let is_known = now.checked_sub(since) == Some(marks);
    Ok(is_known.then(|| Moves { principals: principals.into_iter().collect(), has_access_of_many }))
}

async fn read(tx: &mut Tx, moves: Moves) -> Result<Directory, StoreError> {
    let of = moves.principals;
    let assignments = if moves.has_access_of_many {
        directory::assignments(tx).await?
    } else {
        directory::assignments_of(tx, &of).await?
    };
    if moves.has_access_of_many && !assignments.key_ages.is_empty() {
        // The keys of many may have another end.
        return directory::whole(tx).await;
    }
    let mut part = Directory {
        version: directory::versions(tx).await?.directory,
        principals: principals::of_all(tx, &of).await?,
        passwords: passwords::of_all(tx, &of).await?,
        factor_owners: factors::owners_among(tx, &of).await?,
        keys: keys::of_all(tx, &of, &KeyAges::work_out(&assignments)).await?,
        assignments,
        part: None,
    };
    part.part = Some(Part { of, has_access_of_all: moves.has_access_of_many });
    Ok(part)
}

/// What a statement finds of some principals, a few at a time: ` IN (…)` stands where its text ends, and then its order.
pub(crate) async fn among<T>(
    tx: &mut Tx,
    (text, order, table): (&'static str, &'static str, &'static str),
    of: &[PrincipalId],
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    for few in of.chunks(AT_ONCE) {
        let mut statement = sql(text);
        let mut before = " IN (";
        for one in few {
            statement.push(before);
            statement.push_bind(one.as_str());
            before = ", ";
        }
        statement.push(") ");
        statement.push(order);
        for row in statement.fetch(tx, table).await? {
            found.push(read(&row)?);
        }
    }
    Ok(found)
}
