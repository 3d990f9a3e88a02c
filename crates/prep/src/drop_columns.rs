//! `drop_columns`: columns that go no further.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Columns, Context, Estimator, Fitted, Registry, Result, Role, Row, Run,
    Schema, Slot, State, Training,
};

use crate::{PrepError, mapping};

/// Takes columns away. Data to predict on may lack them: what is dropped is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DropColumns {
    /// The columns to drop, which must be there in training; without any, none.
    pub columns: Columns,
}

impl Estimator for DropColumns {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn params(&self) -> Value {
        mapping::params(self)
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        for name in &self.columns.0 {
            if training.train.schema().column(name)?.role == Role::Target {
                return Err(PrepError::TargetNamed { step: Self::KIND, column: name.clone() }.into());
            }
        }
        Ok(dropped((Self::KIND, Self::VERSION), self.columns.0.iter().cloned()))
    }
}

impl Builtin for DropColumns {
    const KIND: &'static str = "drop_columns";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        load_dropped((Self::KIND, Self::VERSION), &state)
    }
}

impl BuiltinStep for DropColumns {
    const SLOT: Slot = Slot::Select;
    const DONE: &'static str = "dropped";
}

/// What takes these columns away: the fitted form of every step that selects.
pub(crate) fn dropped(
    (kind, version): (&'static str, u32),
    names: impl IntoIterator<Item = String>,
) -> Arc<dyn Fitted> {
    Arc::new(Dropped { kind, version, names: names.into_iter().collect() })
}

/// Builds what [`Fitted::state`] of it saved.
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

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let kept = self.kept(input);
        let keep = (0..input.len()).map(|i| kept.binary_search(&i).is_ok()).collect();
        Ok(Box::new(Keeping { output: Arc::new(self.output(input)?), kept, keep }))
    }
}

/// The places that stay, as a list and as a mask.
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
