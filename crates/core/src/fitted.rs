//! What was learned ([`Fitted`]), how it is applied ([`Run`]), and a row of them as one ([`Chain`]).

use std::any::Any;
use std::sync::Arc;

use crate::{Batch, Compression, Registry, Result, Row, Schema, State, Trees};

/// What an [`crate::Estimator`] learned: immutable, shareable, savable.
pub trait Fitted: Any + Send + Sync {
    /// The columns that come out when these go in. Errors name the column that is missing or of another kind.
    fn output(&self, input: &Schema) -> Result<Schema>;

    /// Everything needed to build an equal one: see [`State`].
    fn state(&self) -> State;

    /// Resolves the schema once and sets buffers aside; never asks for the target.
    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>>;

    /// Bytes of its learned numbers: what [`State::bytes`] says of its state. Whoever holds many numbers counts them, so that
    /// measuring copies nothing.
    fn size(&self) -> u64 {
        self.state().bytes()
    }

    /// About how many operations (a multiplication with an addition, or a comparison) the answer to a row takes: for those
    /// that use each learned number once, what [`State::operations`] says.
    fn operations(&self) -> u64 {
        self.state().operations()
    }

    /// The fitted things it is made of: of a chain in the order in which they are applied, of a blend side by side. Empty
    /// for what is one thing.
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        Vec::new()
    }

    /// An equal one that takes less place and answers nearly the same; `None` where there is no net and no tree to make smaller.
    ///
    /// What is made of parts ([`Fitted::parts`]) leaves this to them.
    fn compressed(&self, _how: &Compression) -> Result<Option<Arc<dyn Fitted>>> {
        Ok(None)
    }

    /// The linear function it answers by, if it does: for exact SHAP.
    fn as_linear(&self) -> Option<&dyn Linear> {
        None
    }

    /// The trees it answers by, if it does: for exact SHAP.
    fn as_trees(&self) -> Option<&Trees> {
        None
    }
}

/// A linear function of columns, as learned: what each column adds can be told apart.
pub trait Linear {
    /// The columns that it reads; a vector column counts as one.
    fn columns(&self) -> Vec<&str>;

    /// Its value where every column adds nothing, by output: one for a number or two classes, else one per class.
    fn intercepts(&self) -> &[f64];

    /// What each column adds for each row: row after row, output after output, a number per column; `NaN` where it is
    /// missing.
    fn parts(&self, batch: &Batch) -> Result<Vec<f64>>;
}

/// A bound [`Fitted`]: applied by one thread at a time, to whole batches or to single rows, with the same answer.
pub trait Run: Send {
    /// A batch of the input schema becomes one of the output schema, row for row.
    fn apply(&mut self, batch: &Batch) -> Result<Batch>;

    /// A row of the input schema becomes, in place, one of the output schema.
    fn row(&mut self, row: &mut Row) -> Result<()>;
}

/// Fitted things applied one after the other: a whole model, or a part of one.
#[derive(Clone, Default)]
pub struct Chain(pub Vec<Arc<dyn Fitted>>);

impl Chain {
    /// The kind under which a chain is saved.
    pub const KIND: &'static str = "chain";

    /// Builds the chain that [`Fitted::state`] saved.
    pub fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let parts = state.children.into_iter().map(|part| registry.load(part)).collect::<Result<_>>()?;
        Ok(Arc::new(Chain(parts)))
    }
}

impl Fitted for Chain {
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        self.0.iter().collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.iter().try_fold(input.clone(), |schema, part| part.output(&schema))
    }

    fn state(&self) -> State {
        let state = State::new(Self::KIND, 1, serde_json::json!({}));
        self.0.iter().fold(state, |state, part| state.child(part.state()))
    }

    fn size(&self) -> u64 {
        self.0.iter().map(|part| part.size()).sum()
    }

    fn operations(&self) -> u64 {
        self.0.iter().map(|part| part.operations()).sum()
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let mut schema = input.clone();
        let mut runs = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            runs.push(part.clone().bind(&schema)?);
            schema = part.output(&schema)?;
        }
        Ok(Box::new(BoundChain(runs)))
    }
}

struct BoundChain(Vec<Box<dyn Run>>);

impl Run for BoundChain {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        self.0.iter_mut().try_fold(batch.clone(), |batch, run| run.apply(&batch))
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        self.0.iter_mut().try_for_each(|run| run.row(row))
    }
}
