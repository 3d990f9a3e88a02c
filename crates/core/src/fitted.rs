//! What was learned ([`Fitted`]), how it is applied ([`Run`]), and a sequence of fitted objects as one ([`Chain`]).

use std::any::Any;
use std::sync::Arc;

use crate::{Batch, Compression, Registry, Result, Row, Schema, State, Trees};

/// What an [`crate::Estimator`] learned: immutable, shareable, and can be saved.
pub trait Fitted: Any + Send + Sync {
    /// The output columns for these input columns. Errors name the column that is missing or has another kind.
    fn output(&self, input: &Schema) -> Result<Schema>;

    /// Everything needed to build an equal one: see [`State`].
    fn state(&self) -> State;

    /// Resolves the schema once and allocates buffers; never requires the target.
    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>>;

    /// The size of its learned numbers in bytes, as [`State::bytes`] of its state. Types with many numbers override this, so that measuring
    /// does not copy them.
    fn size(&self) -> u64 {
        self.state().bytes()
    }

    /// The approximate number of operations (a multiplication with an addition, or a comparison) per row. For models that use each learned
    /// number once, this is [`State::operations`].
    fn operations(&self) -> u64 {
        self.state().operations()
    }

    /// The fitted objects it is composed of: for a chain in the order in which they are applied, for a blend side by side. Empty if it has
    /// no parts.
    fn parts(&self) -> Vec<&Arc<dyn Fitted>> {
        Vec::new()
    }

    /// Whether each output column is computed from one input column alone, row by row. Cells of two rows can then be mixed before or after
    /// it with the same result, which makes explanations fast. `false` is always correct.
    fn by_column(&self) -> bool {
        false
    }

    /// An equivalent that is smaller and gives nearly the same predictions; `None` if it contains no net and no trees that could be made
    /// smaller.
    ///
    /// Objects composed of parts ([`Fitted::parts`]) leave this to their parts.
    fn compressed(&self, _how: &Compression) -> Result<Option<Arc<dyn Fitted>>> {
        Ok(None)
    }

    /// The linear function that it computes, if it is linear: for exact SHAP.
    fn as_linear(&self) -> Option<&dyn Linear> {
        None
    }

    /// The trees that it evaluates, if it consists of trees: for exact SHAP.
    fn as_trees(&self) -> Option<&Trees> {
        None
    }
}

impl dyn Fitted {
    /// The first `T` in it: itself, or one of its parts in their order.
    pub fn find<T: Fitted>(&self) -> Option<&T> {
        let own = (self as &dyn Any).downcast_ref::<T>();
        own.or_else(|| self.parts().into_iter().find_map(|part| part.find::<T>()))
    }
}

/// A learned linear function of columns, in which the contribution of each column is known.
pub trait Linear {
    /// The columns that it uses; a vector column counts as one.
    fn columns(&self) -> Vec<&str>;

    /// Its value if all contributions are zero, by output: one for regression or two classes, else one per class.
    fn intercepts(&self) -> &[f64];

    /// The contribution of each column for each row: row after row, output after output, one number per column; `NaN` where it is missing.
    fn parts(&self, batch: &Batch) -> Result<Vec<f64>>;
}

/// A bound [`Fitted`], applied by one thread at a time to whole batches or to single rows, with the same result.
pub trait Run: Send {
    /// Transforms a batch of the input schema into one of the output schema, row for row.
    fn apply(&mut self, batch: &Batch) -> Result<Batch>;

    /// Transforms a row of the input schema into one of the output schema, in place.
    fn row(&mut self, row: &mut Row) -> Result<()>;
}

/// Fitted objects that are applied one after the other: a whole model, or part of one.
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
