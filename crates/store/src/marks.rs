//! Marks about the store as a whole, each under a name.

use crate::Result;
use crate::database::{Database, Datum, Value, first};

/// The number of bytes that a probe writes: as many as a few hundred rows need.
const PROBE: usize = 64 << 10;

pub(crate) fn read(database: &mut dyn Database, name: &str) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM marks WHERE name = ?";
    Ok(first(database, sql, &[Value::Text(name)])?.map(Datum::bytes))
}

/// See [`crate::Store::mark_once`].
pub(crate) fn once(database: &mut dyn Database, name: &str, value: &[u8]) -> Result<Vec<u8>> {
    let sql = "INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING";
    database.execute(sql, &[Value::Text(name), Value::Bytes(value)])?;
    Ok(read(database, name)?.unwrap_or_default())
}

/// See [`crate::Store::marks`].
pub(crate) fn all(database: &mut dyn Database, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    database.query("SELECT name, value FROM marks ORDER BY name", &[], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        let (name, value) = (next().text().unwrap_or_default(), next().bytes());
        if name.starts_with(prefix) {
            found.push((name, value));
        }
        Ok(())
    })?;
    Ok(found)
}

/// See [`crate::Store::probe`].
pub(crate) fn probe(database: &mut dyn Database) -> Result<()> {
    let name = Value::Text("probe");
    database.execute("DELETE FROM marks WHERE name = ?", &[name])?;
    // Random enough that no file system can compress it.
    let bytes: Vec<u8> = (0..PROBE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    database.execute("INSERT INTO marks (name, value) VALUES (?, ?)", &[name, Value::Bytes(&bytes)])?;
    database.execute("DELETE FROM marks WHERE name = ?", &[name]).map(drop)
}
