//! The few things asked of a database, so that every statement is written once.

use crate::Result;

/// A value on its way in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A whole number.
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

/// A value on its way out.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Datum {
    /// The whole number; 0 for anything else.
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

    /// The text, where it is one.
    pub fn text(self) -> Option<String> {
        match self {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes; none for anything else.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Datum::Bytes(bytes) => bytes,
            _ => Vec::new(),
        }
    }

    /// The whole number, where there is one.
    pub fn maybe_int(&self) -> Option<i64> {
        match self {
            Datum::Int(i) => Some(*i),
            _ => None,
        }
    }
}

/// A connection. Placeholders are `?`, in order; statements are prepared once and kept.
pub trait Database: Send {
    /// Runs a statement; how many rows it touched.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64>;

    /// Runs a query, row by row. A failure of `each` ends it.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Vec<Datum>) -> Result<()>,
    ) -> Result<()>;

    /// Inserts many rows: `head` is `INSERT INTO table (columns) VALUES`, `tail` what follows the values, `values` the
    /// rows one after the other, `width` values each.
    fn insert(&mut self, head: &str, tail: &str, width: usize, values: &[Value<'_>]) -> Result<()>;

    /// Runs statements that give nothing back, such as those that make tables.
    fn script(&mut self, sql: &str) -> Result<()>;

    /// Starts a transaction, reconnecting if the connection was lost. Where another process is writing, the `patient` wait,
    /// others get [`crate::Error::Busy`].
    fn begin(&mut self, patient: bool) -> Result<()>;

    /// Keeps what was done since [`Database::begin`].
    fn commit(&mut self) -> Result<()>;

    /// Undoes what was done since [`Database::begin`].
    fn rollback(&mut self);

    /// Makes deleted rows unreadable in the files as well, where this database can.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Moves the write-ahead log into the database's file, as far as that disturbs nobody; how many pages it has.
    fn checkpoint(&mut self) -> Result<u64> {
        Ok(0)
    }

    /// Sees to it that a connection kept from earlier still reaches the database in its place.
    fn refresh(&mut self) -> Result<()> {
        Ok(())
    }

    /// What bytes are called here: `BLOB` or `BYTEA`.
    fn bytes_type(&self) -> &'static str;

    /// What makes a table one tree by its key, where that can be said.
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
