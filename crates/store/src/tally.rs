//! The number of logged predictions of a model, without counting all of them each time: the log is counted once up to a timestamp that
//! advances, and from there again.

use uuid::Uuid;

use crate::Result;
use crate::database::{Database, Datum, Value, first};
use crate::ids::first_id;

/// Predictions younger than this, in microseconds, may still be on their way into the log.
const SETTLED: i64 = 60_000_000;
/// The number of counted rows from which a tally is recorded.
const WORTH: i64 = 10_000;

/// A count of the ids below `through`. Deleting increments `generation`, so that a count made in the meantime is not recorded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tally {
    through: Uuid,
    n: i64,
    generation: i64,
}

const OF_MODEL: &str = "version IN (SELECT id FROM versions WHERE model = ?)";

/// The recorded tally of a model, and the one to record instead if it is worth it; then the total count.
pub(crate) fn count(
    database: &mut dyn Database,
    model: &str,
    now: i64,
) -> Result<(u64, Option<(Tally, Tally)>)> {
    let noted = noted(database, model)?;
    let horizon = first_id(now - SETTLED).max(noted.through);
    let settled = format!("SELECT COUNT(*) FROM predictions WHERE id >= ? AND id < ? AND {OF_MODEL}");
    let bounds =
        [Value::Bytes(noted.through.as_bytes()), Value::Bytes(horizon.as_bytes()), Value::Text(model)];
    let more = first(database, &settled, &bounds)?.map_or(0, |n| n.int());
    let young = format!("SELECT COUNT(*) FROM predictions WHERE id >= ? AND {OF_MODEL}");
    let young = first(database, &young, &[Value::Bytes(horizon.as_bytes()), Value::Text(model)])?;
    let n = noted.n + more;
    let next = Tally { through: horizon, n, generation: noted.generation };
    let all = n + young.map_or(0, |n| n.int());
    Ok((all.max(0) as u64, (more >= WORTH).then_some((noted, next))))
}

fn noted(database: &mut dyn Database, model: &str) -> Result<Tally> {
    let mut found = Tally { through: Uuid::nil(), n: 0, generation: 0 };
    let sql = "SELECT through, n, generation FROM tallies WHERE model = ?";
    database.query(sql, &[Value::Text(model)], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        found = Tally {
            through: Uuid::from_slice(&next().bytes()).unwrap_or_default(),
            n: next().int(),
            generation: next().int(),
        };
        Ok(())
    })?;
    Ok(found)
}

/// Records `next` if `noted` is still current.
pub(crate) fn note(database: &mut dyn Database, model: &str, noted: &Tally, next: &Tally) -> Result<()> {
    database.execute(
        "UPDATE tallies SET through = ?, n = ? WHERE model = ? AND through = ? AND generation = ?",
        &[
            Value::Bytes(next.through.as_bytes()),
            Value::Int(next.n),
            Value::Text(model),
            Value::Bytes(noted.through.as_bytes()),
            Value::Int(noted.generation),
        ],
    )?;
    Ok(())
}

/// Creates the tally of a model.
pub(crate) fn begin(database: &mut dyn Database, model: &str) -> Result<()> {
    let sql = "INSERT INTO tallies (model, through, n, generation) VALUES (?, ?, 0, 0) ON CONFLICT (model) DO NOTHING";
    database.execute(sql, &[Value::Text(model), Value::Bytes(Uuid::nil().as_bytes())]).map(drop)
}

/// Subtracts the predictions that are about to be deleted, for which `condition` is true of `value`, from every tally.
pub(crate) fn subtract(database: &mut dyn Database, condition: &str, value: Value<'_>) -> Result<()> {
    let sql = format!(
        "UPDATE tallies SET generation = generation + 1, n = n - (SELECT COUNT(*) FROM predictions p \
         JOIN versions v ON v.id = p.version WHERE v.model = tallies.model AND p.id < tallies.through AND p.{condition})"
    );
    database.execute(&sql, &[value]).map(drop)
}
