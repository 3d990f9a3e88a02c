//! The few operations needed of a database, so that every statement is written only once.

use crate::Result;

/// A value passed to a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null.
    Null,
    /// An integer.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Value::Null, Value::Text)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Value::Null, Value::Int)
    }
}

/// A value returned by a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Null.
    Null,
    /// An integer.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Datum {
    /// The integer; 0 for anything else.
    pub fn int(&self) -> i64 {
        match self {
            Datum::Int(i) => *i,
            Datum::Real(x) => *x as i64,
            _ => 0,
        }
    }

    /// The number; `NaN` for anything else.
    pub fn real(&self) -> f64 {
        match self {
            Datum::Int(i) => *i as f64,
            Datum::Real(x) => *x,
            _ => f64::NAN,
        }
    }

    /// The text, if it is one.
    pub fn text(self) -> Option<String> {
        match self {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes; empty for anything else.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Datum::Bytes(bytes) => bytes,
            _ => Vec::new(),
        }
    }

    /// The integer, if it is one.
    pub fn maybe_int(&self) -> Option<i64> {
        match self {
            Datum::Int(i) => Some(*i),
            _ => None,
        }
    }
}

/// A connection. Placeholders are `?`, in order; statements are prepared once and cached.
pub trait Database: Send {
    /// Runs a statement; returns the number of affected rows.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64>;

    /// Runs a query, row by row. An error from `each` ends it.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Vec<Datum>) -> Result<()>,
    ) -> Result<()>;

    /// Inserts many rows: `head` is `INSERT INTO table (columns) VALUES`, `tail` is what follows the values, and `values` are the rows one
    /// after the other, with `width` values each.
    fn insert(&mut self, head: &str, tail: &str, width: usize, values: &[Value<'_>]) -> Result<()>;

    /// Runs statements that return nothing, such as those that create tables.
    fn script(&mut self, sql: &str) -> Result<()>;

    /// Starts a transaction, reconnecting if the connection was lost. If another process is writing, this waits if `patient`, and otherwise
    /// returns [`crate::Error::Busy`].
    fn begin(&mut self, patient: bool) -> Result<()>;

    /// Commits what was done since [`Database::begin`].
    fn commit(&mut self) -> Result<()>;

    /// Rolls back what was done since [`Database::begin`].
    fn rollback(&mut self);

    /// Makes deleted rows unreadable in the files as well, if this database supports it.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Moves the write-ahead log into the database file, as far as this disturbs nobody; returns the number of pages in the log.
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(0)
    }

    /// Ensures that a cached connection still refers to the database at its path.
    fn refresh(&mut self) -> Result<()> {
        Ok(())
    }

    /// The name of the binary type: `BLOB` or `BYTEA`.
    fn bytes_type(&self) -> &'static str;

    /// The clause that stores a table as one tree by its key, if there is one.
    fn clustered(&self) -> &'static str {
        ""
    }
}

/// The first value of the first row.
pub(crate) fn first(database: &mut dyn Database, sql: &str, values: &[Value<'_>]) -> Result<Option<Datum>> {
    let mut found = None;
    database.query(sql, values, &mut |row| {
        if found.is_none() {
            found = row.into_iter().next();
        }
        Ok(())
    })?;
    Ok(found)
}
