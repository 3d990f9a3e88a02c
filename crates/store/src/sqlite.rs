//! SQLite: one file, write-ahead log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};

use crate::database::{Database, Datum, Value};
use crate::{Durability, Error, Result};

/// How long to wait for another program that writes to the file.
const BUSY: Duration = Duration::from_secs(10);

/// The size in bytes to which the write-ahead log is truncated when it restarts.
const LOG_BYTES: i64 = 32 << 20;

pub(crate) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
    durability: Durability,
    /// Whether it waits for other processes.
    patient: bool,
    /// Whether nothing in it may change.
    only_read: bool,
}

/// Identifies a file, to tell whether the one at the path is still the one that was opened.
type Identity = (u64, u64);

impl Sqlite {
    /// Opens the file, or creates it.
    pub(crate) fn create(path: &Path, durability: Durability) -> Result<Self> {
        Sqlite::connect(path, durability, OpenFlags::default())
    }

    /// Opens a file that must be there: where it went away, an empty one in its place would have no rows and no API keys.
    pub(crate) fn open(path: &Path, durability: Durability) -> Result<Self> {
        let flags = OpenFlags::default().difference(OpenFlags::SQLITE_OPEN_CREATE);
        let gone = |e| if path.exists() { e } else { Error::Gone };
        Sqlite::connect(path, durability, flags).map_err(gone)
    }

    /// Opens a file to look into it: nothing in it changes, its tables neither.
    pub(crate) fn look(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY).map(|()| connection)
        };
        let connection = open().map_err(|e| unopened(path, &e))?;
        let mut found = Sqlite { only_read: true, ..Sqlite::of(connection, path, Durability::default()) };
        crate::schema::supplement(&mut found)?;
        Ok(found)
    }

    fn connect(path: &Path, durability: Durability, flags: OpenFlags) -> Result<Self> {
        let connection = connect(path, durability, flags).map_err(|e| unopened(path, &e))?;
        Ok(Sqlite::of(connection, path, durability))
    }

    fn of(connection: Connection, path: &Path, durability: Durability) -> Self {
        let (identity, path) = (identity(path), path.into());
        Sqlite { connection, identity, path, durability, patient: true, only_read: false }
    }

    /// Without this check, rows would be written to a file that was deleted or moved away, and be lost.
    fn check_place(&mut self) -> Result<()> {
        let found = identity(&self.path);
        if found.is_none() && self.identity.is_some() {
            return Err(Error::Gone);
        }
        if found != self.identity && self.only_read {
            *self = Sqlite::look(&self.path)?;
        } else if found != self.identity {
            *self = Sqlite::open(&self.path, self.durability)?;
            crate::schema::prepare(self)?;
        }
        Ok(())
    }
}

fn unopened(path: &Path, e: &rusqlite::Error) -> Error {
    Error::Open { place: path.display().to_string(), problem: e.to_string() }
}

/// Copies the database into a new file with SQLite's online backup: all pages in one step, so that the copy is consistent. In write-ahead
/// mode, this does not block writers.
pub(crate) fn backup(from: &Path, to: &Path) -> Result<u64> {
    let place = to.display().to_string();
    let fails = |problem: String| Error::Open { place: place.clone(), problem };
    if to.exists() {
        return Err(Error::Exists { place });
    }
    let part = to.with_added_extension("part");
    let copied = copy(from, &part).map_err(|e| fails(e.to_string()));
    let moved = copied.and_then(|()| std::fs::rename(&part, to).map_err(|e| fails(e.to_string())));
    if let Err(e) = moved {
        // An incomplete copy is useless.
        let _ = std::fs::remove_file(&part);
        return Err(e);
    }
    std::fs::metadata(to).map(|found| found.len()).map_err(|e| fails(e.to_string()))
}

fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    // A partial file that an interrupted backup left behind.
    let _ = std::fs::remove_file(to);
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(BUSY)?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&source, &mut target)?;
    let mut tries = 0;
    while backup.step(-1)? != StepResult::Done {
        // Another program has locked the file, for example while its write-ahead log is truncated.
        tries += 1;
        if tries > 100 {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(backup);
    // One self-contained file; a store that is opened on it turns write-ahead mode on again.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    let check: String = target.query_row("PRAGMA quick_check", [], |row| row.get(0))?;
    match check.as_str() {
        "ok" => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(check),
        )),
    }
}

fn connect(path: &Path, durability: Durability, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = if durability == Durability::DurablePower { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // The writer's thread does that, on its own connection; this is for programs that write without pause.
    connection.pragma_update(None, "wal_autocheckpoint", 40_000)?;
    // A log that was long returns its disk space.
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Deleted data is overwritten, as `forget` requires.
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(connection)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|_| (0, 0))
}

fn failed(e: rusqlite::Error) -> Error {
    // The message of a failed statement names the table and the constraint, never a value.
    Error::Failed(match e {
        rusqlite::Error::SqliteFailure(code, _) if code.code == ErrorCode::DatabaseBusy => {
            return Error::Busy;
        }
        rusqlite::Error::SqliteFailure(code, message) => message.unwrap_or_else(|| code.to_string()),
        other => other.to_string(),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(i) => ValueRef::Integer(*i),
            Value::Real(x) => ValueRef::Real(*x),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn datum(value: ValueRef<'_>) -> Datum {
    match value {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(i) => Datum::Int(i),
        ValueRef::Real(x) => Datum::Real(x),
        ValueRef::Text(text) => Datum::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Datum::Bytes(bytes.to_vec()),
    }
}

impl Database for Sqlite {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.execute(params_from_iter(values)).map(|n| n as u64).map_err(failed)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Vec<Datum>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let data = (0..width).map(|i| row.get_ref(i).map(datum)).collect::<rusqlite::Result<_>>();
            each(data.map_err(failed)?)?;
        }
        Ok(())
    }

    fn insert(&mut self, head: &str, tail: &str, width: usize, values: &[Value<'_>]) -> Result<()> {
        let marks = vec!["?"; width].join(", ");
        let mut statement =
            self.connection.prepare_cached(&format!("{head} ({marks}) {tail}")).map_err(failed)?;
        for row in values.chunks_exact(width.max(1)) {
            statement.execute(params_from_iter(row)).map_err(failed)?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(failed)
    }

    fn begin(&mut self, patient: bool) -> Result<()> {
        self.check_place()?;
        if patient != self.patient {
            self.connection.busy_timeout(if patient { BUSY } else { Duration::ZERO }).map_err(failed)?;
            self.patient = patient;
        }
        self.execute("BEGIN IMMEDIATE", &[]).map(drop)
    }

    fn commit(&mut self) -> Result<()> {
        self.execute("COMMIT", &[]).map(drop)
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit() {
            // The transaction is void either way; the next begin reports if the database is unusable.
            let _ = self.execute("ROLLBACK", &[]);
        }
    }

    fn settle(&mut self) -> Result<()> {
        // A checkpoint is not possible within a transaction: the writer calls this outside of one.
        self.rollback();
        self.query("PRAGMA wal_checkpoint(TRUNCATE)", &[], &mut |_| Ok(()))?;
        self.execute("BEGIN", &[]).map(drop)
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.check_place()?;
        let mut pages = 0;
        // Busy or not, pages in the log, pages moved.
        self.query("PRAGMA wal_checkpoint(PASSIVE)", &[], &mut |row| {
            pages = row.get(1).map_or(0, Datum::int).max(0) as u64;
            Ok(())
        })?;
        Ok(pages)
    }

    fn refresh(&mut self) -> Result<()> {
        self.check_place()
    }

    fn bytes_type(&self) -> &'static str {
        "BLOB"
    }

    fn clustered(&self) -> &'static str {
        " WITHOUT ROWID"
    }
}
