//! Where rows come from: [`Source`], and its in-memory forms [`Table`] and [`View`].

use std::path::Path;
use std::sync::Arc;

use crate::{Batch, Error, Reading, Result, Schema};

/// The maximum number of rows in a batch of a scan.
pub const BATCH_ROWS: usize = 65_536;

/// The batches of one pass.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<Batch>> + Send + 'a>;

/// Rows that can be read several times, always in the same order.
pub trait Source: Send + Sync {
    /// The columns; the same for every batch.
    fn schema(&self) -> &Arc<Schema>;
    /// The number of rows, if it is known without reading them.
    fn n_rows(&self) -> Option<usize>;
    /// One pass over all rows, in batches of at most [`BATCH_ROWS`].
    fn scan(&self) -> Result<Batches<'_>>;
    /// The given rows, in this order: for folds and shuffled mini-batches.
    fn take(&self, rows: &[u32]) -> Result<Batch>;
    /// The folder against which paths in cells are resolved: that of the file. Sources that are not files have none, and no path is ever
    /// opened for them.
    fn folder(&self) -> Option<&Path> {
        None
    }
    /// How the text behind the rows was read, if there is one.
    fn reading(&self) -> Option<&Reading> {
        None
    }
    /// All rows as one batch. In-memory sources override it to copy less.
    fn collect(&self) -> Result<Batch> {
        let batches = self.scan()?.collect::<Result<Vec<_>>>()?;
        Batch::concat(self.schema(), &batches)
    }
}

/// All rows in memory, with each column in one piece. Cloning does not copy data.
#[derive(Clone, Debug)]
pub struct Table {
    batch: Batch,
}

impl Table {
    /// A table of these rows.
    pub fn new(batch: Batch) -> Self {
        Table { batch }
    }

    /// The rows as one batch.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }
}

impl From<Batch> for Table {
    fn from(batch: Batch) -> Self {
        Table { batch }
    }
}

impl Source for Table {
    fn schema(&self) -> &Arc<Schema> {
        self.batch.schema()
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.batch.n_rows())
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let n = self.batch.n_rows();
        let starts = (0..n.max(1)).step_by(BATCH_ROWS);
        Ok(Box::new(starts.map(move |at| Ok(self.batch.slice(at, BATCH_ROWS.min(n - at))))))
    }

    fn take(&self, rows: &[u32]) -> Result<Batch> {
        check_range(rows, self.batch.n_rows())?;
        self.batch.take(rows)
    }

    fn collect(&self) -> Result<Batch> {
        Ok(self.batch.clone())
    }
}

/// Some rows of a table, in their own order: a fold. Stores row numbers, not rows.
#[derive(Clone, Debug)]
pub struct View {
    table: Arc<Table>,
    rows: Arc<[u32]>,
}

impl View {
    /// The rows `rows` of `table`. Errors if one is out of range.
    pub fn new(table: Arc<Table>, rows: impl Into<Arc<[u32]>>) -> Result<Self> {
        let rows = rows.into();
        check_range(&rows, table.batch.n_rows())?;
        Ok(View { table, rows })
    }

    /// The row numbers within the table.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

impl Source for View {
    fn schema(&self) -> &Arc<Schema> {
        self.table.schema()
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.rows.len())
    }

    fn scan(&self) -> Result<Batches<'_>> {
        if self.rows.is_empty() {
            return Ok(Box::new(std::iter::once(self.table.batch.take(&[]))));
        }
        Ok(Box::new(self.rows.chunks(BATCH_ROWS).map(|rows| self.table.batch.take(rows))))
    }

    fn take(&self, rows: &[u32]) -> Result<Batch> {
        check_range(rows, self.rows.len())?;
        let rows: Vec<u32> = rows.iter().map(|&r| self.rows[r as usize]).collect();
        self.table.batch.take(&rows)
    }

    fn collect(&self) -> Result<Batch> {
        self.table.batch.take(&self.rows)
    }
}

fn check_range(rows: &[u32], n_rows: usize) -> Result<()> {
    match rows.iter().find(|&&r| r as usize >= n_rows) {
        Some(row) => Err(Error::internal(format!("row {row} of a table of {n_rows}"))),
        None => Ok(()),
    }
}
