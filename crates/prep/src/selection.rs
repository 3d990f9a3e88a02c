//! Common parts of steps that select columns: the candidates, a sample of the rows, and the fitted form, which drops columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Column, Columns, Context, Fitted, Kind, Result, Row, Run, Schema, State};
use tidemill_kernel::Random;

use crate::joint::refuse_target;

/// More rows are not used to judge columns.
const SAMPLE: usize = 10_000;

/// The indices of the columns from which `kind` selects: the named ones, or all features that are numbers, flags or categories.
///
/// # Errors
/// A named column does not exist, has another kind, or is the target.
pub(crate) fn candidates(kind: &'static str, columns: &Columns, schema: &Schema) -> Result<Vec<usize>> {
    let handled = |c: &Column| matches!(c.kind, Kind::Number | Kind::Flag | Kind::Category);
    let places = columns.places(schema, "a number, a flag or a category", handled)?;
    refuse_target(kind, schema, &places)?;
    Ok(places)
}

/// At most 10,000 random rows, in their order; `stream` names the random numbers.
pub(crate) fn sample(batch: Batch, stream: &str, context: &Context) -> Result<Batch> {
    if batch.n_rows() <= SAMPLE {
        return Ok(batch);
    }
    let mut rows: Vec<u32> = (0..batch.n_rows() as u32).collect();
    Random::new(context.seed_for(stream), 0).shuffle(&mut rows);
    rows.truncate(SAMPLE);
    rows.sort_unstable();
    batch.take(&rows)
}

/// Drops these columns.
pub(crate) fn dropped(
    (kind, version): (&'static str, u32),
    names: impl IntoIterator<Item = String>,
) -> Arc<dyn Fitted> {
    Arc::new(Dropped { kind, version, names: names.into_iter().collect() })
}

/// Loads what [`dropped`] saved.
pub(crate) fn load_dropped((kind, version): (&'static str, u32), state: &State) -> Result<Arc<dyn Fitted>> {
    let Saved { names } = state.params()?;
    Ok(Arc::new(Dropped { kind, version, names }))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    names: BTreeSet<String>,
}

struct Dropped {
    kind: &'static str,
    version: u32,
    names: BTreeSet<String>,
}

impl Dropped {
    fn kept(&self, input: &Schema) -> Vec<usize> {
        input.places(|c| !self.names.contains(&c.name))
    }
}

impl Fitted for Dropped {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Schema::new(self.kept(input).iter().map(|&i| input.columns()[i].clone()).collect())
    }

    fn state(&self) -> State {
        State::new(self.kind, self.version, Saved { names: self.names.clone() })
    }

    fn by_column(&self) -> bool {
        true
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let kept = self.kept(input);
        let keep = (0..input.len()).map(|i| kept.binary_search(&i).is_ok()).collect();
        Ok(Box::new(Keeping { output: Arc::new(self.output(input)?), kept, keep }))
    }
}

/// The columns to keep, as a list of indices and as a mask.
struct Keeping {
    output: Arc<Schema>,
    kept: Vec<usize>,
    keep: Vec<bool>,
}

impl Run for Keeping {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let columns = self.kept.iter().map(|&i| batch.column(i).clone()).collect();
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        row.retain(&self.keep);
        Ok(())
    }
}
