//! PostgreSQL, with the blocking client: the writer has its own thread anyway.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement};

use crate::database::{Database, Datum, Value};
use crate::{Durability, Error, Result};

/// Rows per statement of [`Database::insert`]; a statement has at most 65,535 values.
const ROWS: usize = 64;

/// How long to wait for a server that does not respond, unless the URL sets it.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Postgres {
    client: Held,
    url: String,
    durability: Durability,
    statements: BTreeMap<String, Statement>,
}

/// A client, which contains its own runtime and therefore cannot be dropped on a thread of another runtime.
struct Held(Option<Client>);

impl Drop for Held {
    fn drop(&mut self) {
        let client = self.0.take();
        if tokio::runtime::Handle::try_current().is_ok() {
            // A thread that panicked has nothing more to report.
            let _ = std::thread::spawn(move || drop(client)).join();
        }
    }
}

impl Postgres {
    fn client(&mut self) -> Result<&mut Client> {
        self.client.0.as_mut().ok_or(Error::Stopped)
    }

    fn is_closed(&self) -> bool {
        self.client.0.as_ref().is_none_or(Client::is_closed)
    }

    /// Reconnects; the tables may be new as well.
    fn reconnect(&mut self) -> Result<()> {
        *self = Postgres::open(&self.url, self.durability)?;
        crate::schema::prepare(self)
    }

    pub(crate) fn open(url: &str, durability: Durability) -> Result<Self> {
        let failed = |e: postgres::Error| Error::Open { place: without_password(url), problem: message(&e) };
        let mut config: Config = url.parse().map_err(failed)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        let mut client = config.connect(NoTls).map_err(failed)?;
        // Without waiting, a commit stays in the memory of the database's processes for a while, and is lost if they are killed.
        let wait = if durability == Durability::Relaxed { "off" } else { "on" };
        client.batch_execute(&format!("SET synchronous_commit = {wait}")).map_err(failed)?;
        Ok(Postgres { client: Held(Some(client)), url: url.into(), durability, statements: BTreeMap::new() })
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(&numbered(sql)).map_err(|e| failed(&e))?;
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

/// `postgres://user:secret@host/name` without the secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "postgres".into() };
    match rest.split_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => url.into(),
    }
}

/// `?` becomes `$1`, `$2`, …: our statements contain no literal question mark.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut n = 0;
    for c in sql.chars() {
        if c == '?' {
            n += 1;
            let _ = write!(out, "${n}");
        } else {
            out.push(c);
        }
    }
    out
}

fn message(e: &postgres::Error) -> String {
    e.as_db_error().map_or_else(|| e.to_string(), |e| e.message().to_string())
}

fn failed(e: &postgres::Error) -> Error {
    Error::Failed(message(e))
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(i) => i.to_sql(kind, out),
            Value::Real(x) => x.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}

fn datum(row: &postgres::Row, i: usize) -> Result<Datum> {
    let wrong = |e: postgres::Error| failed(&e);
    Ok(match *row.columns()[i].type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(i).map_err(wrong)?.map_or(Datum::Null, Datum::Int),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(i).map_err(wrong)?.map_or(Datum::Null, Datum::Real),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(i).map_err(wrong)?.map_or(Datum::Null, Datum::Bytes),
        _ => row.try_get::<_, Option<String>>(i).map_err(wrong)?.map_or(Datum::Null, Datum::Text),
    })
}

impl Database for Postgres {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepared(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        self.client()?.execute(&statement, &values).map_err(|e| failed(&e))
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(Vec<Datum>) -> Result<()>,
    ) -> Result<()> {
        use postgres::fallible_iterator::FallibleIterator;
        let statement = self.prepared(sql)?;
        let values = values.iter().map(|v| v as &(dyn ToSql + Sync));
        let values: Vec<&(dyn ToSql + Sync)> = values.collect();
        let mut rows = self.client()?.query_raw(&statement, values).map_err(|e| failed(&e))?;
        while let Some(row) = rows.next().map_err(|e| failed(&e))? {
            each((0..row.len()).map(|i| datum(&row, i)).collect::<Result<_>>()?)?;
        }
        Ok(())
    }

    fn insert(&mut self, head: &str, tail: &str, width: usize, values: &[Value<'_>]) -> Result<()> {
        // A round trip per row would cost more than the row.
        let marks = format!("({})", vec!["?"; width].join(", "));
        for rows in values.chunks(ROWS * width.max(1)) {
            let all = vec![marks.as_str(); rows.len() / width.max(1)].join(", ");
            self.execute(&format!("{head} {all} {tail}"), rows)?;
        }
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Result<()> {
        self.client()?.batch_execute(sql).map_err(|e| failed(&e))
    }

    fn begin(&mut self, _patient: bool) -> Result<()> {
        if self.is_closed() {
            self.reconnect()?;
        }
        self.script("BEGIN")
    }

    fn commit(&mut self) -> Result<()> {
        self.script("COMMIT")
    }

    fn rollback(&mut self) {
        if !self.is_closed() {
            // The transaction is void either way; the next begin reconnects if necessary.
            let _ = self.script("ROLLBACK");
        }
    }

    fn refresh(&mut self) -> Result<()> {
        // A broken connection is often only noticed when it is used.
        if self.is_closed() || self.client()?.is_valid(PATIENCE).is_err() {
            self.reconnect()?;
        }
        Ok(())
    }

    fn bytes_type(&self) -> &'static str {
        "BYTEA"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(without_password("postgres://me:secret@localhost/db"), "postgres://me@localhost/db");
        assert_eq!(without_password("postgres://localhost/db"), "postgres://localhost/db");
    }

    #[test]
    fn placeholders_are_numbered() {
        assert_eq!(numbered("SELECT ? + ?"), "SELECT $1 + $2");
    }
}
